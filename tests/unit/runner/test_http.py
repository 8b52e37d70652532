"""What is sent, and what is made of the answer."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from runner_process import Asked, Reply, called, run, serve
from urllib3.connection import HTTPConnection

from crontask.runner.call import LONGEST_ANSWER, make_manager
from crontask.runner.given import BrokenInputError

_JSON = {"Content-Type": "application/json; charset=utf-8"}


def _always(reply: Reply) -> Callable[[Asked], Reply]:
    return lambda asked: reply


def _reported(reply: Reply, **handler: Any) -> tuple[str, int, str | None, Any]:
    with serve(_always(reply)) as server:
        report = called({"url": server.url, "method": "GET", **handler})
    return report.status, report.exit_code, report.message, report.result


def test_the_whole_way(tmp_path: Path) -> None:
    with serve(_always(Reply(201, b'{"id": 7}', _JSON))) as server:
        ended = run(tmp_path, "http", {"url": f"{server.url}/orders?x=1", "method": "POST"}, {"day": "today"})
    assert (ended.code, ended.err) == (0, "")
    assert ended.message == {"status": "success", "result": {"id": 7}}
    [asked] = server.asked
    assert (asked.method, asked.path, json.loads(asked.body)) == ("POST", "/orders?x=1", {"day": "today"})
    ours = {
        "content-type": "application/json",
        "user-agent": "crontask-runner",
        "idempotency-key": "key-1",
        "crontask-task": "nightly",
        "crontask-run": "nightly-1",
        "crontask-attempt": "2",
        "crontask-scheduled-time": "2026-03-01T12:00:00Z",
    }
    assert ours.items() <= asked.headers.items()
    assert [line["message"] for line in ended.lines] == ["started", "finished"]
    for line in ended.lines:
        assert {
            "task": "nightly",
            "run": "nightly-1",
            "attempt": 2,
            "logger": "crontask.runner",
        }.items() <= line.items()
    assert ended.lines[1]["duration"] >= 0


def test_the_users_headers_win() -> None:
    headers = [
        {"name": "user-agent", "value": "mine"},
        {"name": "CONTENT-TYPE", "value": "application/x-mine"},
        {"name": "crontask-run", "value": "x"},
        {"name": "X-Umlaut", "value": "ü€"},
    ]
    with serve(_always(Reply())) as server:
        called({"url": server.url, "method": "put", "headers": headers}, {"a": 1}, CRONTASK_NAME="")
    [asked] = server.asked
    assert asked.method == "PUT"
    assert asked.headers["user-agent"] == "mine"
    assert asked.headers["content-type"] == "application/x-mine"
    assert asked.headers["crontask-run"] == "x"
    assert asked.headers["x-umlaut"].encode("latin-1").decode() == "ü€"
    assert "crontask-task" not in asked.headers
    assert json.loads(asked.body) == {"a": 1}


@pytest.mark.parametrize(
    ("method", "body", "sent", "content_type"),
    [
        ("GET", None, b"", None),
        ("DELETE", None, b"", None),
        ("PATCH", None, b"{}", "application/json"),
        ("POST", "a=ü", "a=ü".encode(), None),
        ("POST", "", b"", None),
        ("GET", "q", b"q", None),
    ],
)
def test_the_body(method: str, body: str | None, sent: bytes, content_type: str | None) -> None:
    with serve(_always(Reply())) as server:
        called({"url": server.url, "method": method, "body": body})
    [asked] = server.asked
    assert asked.body == sent
    assert asked.headers.get("content-type") == content_type


@pytest.mark.parametrize(
    ("status", "wanted", "code"),
    [
        (200, None, 0),
        (299, [], 0),
        (404, ["2xx", "404"], 0),
        (304, ["3xx"], 0),
        (503, ["503"], 0),
        (200, ["201"], 6),
        (304, None, 6),
        (400, None, 4),
        (403, ["2xx", "404"], 4),
        (500, None, 5),
        (599, ["2xx", "503"], 5),
    ],
)
def test_statuses(status: int, wanted: list[str] | None, code: int) -> None:
    expect = {} if wanted is None else {"status": wanted}
    assert _reported(Reply(status), expect=expect)[:2] == ("success" if code == 0 else "failed", code)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(401, b"no token given\n"), "401 Unauthorized, wanted 2xx or 404: no token given"),
        (Reply(500, b""), "500 Internal Server Error, wanted 2xx or 404"),
        (Reply(502, b"x", reason="Very Bad"), "502 Very Bad, wanted 2xx or 404: x"),
        (Reply(400, b"y" * 9000), "400 Bad Request, wanted 2xx or 404: " + "y" * 499 + "…"),
        (Reply(400, b"\xff\xfe"), "400 Bad Request, wanted 2xx or 404: \ufffd\ufffd"),
    ],
)
def test_what_is_said_of_a_failure(reply: Reply, message: str) -> None:
    assert _reported(reply, expect={"status": ["2xx", "404"]})[2] == message


@pytest.mark.parametrize(
    ("body", "content_type", "message", "result"),
    [
        (b'{"a": 1}', "application/json", None, {"a": 1}),
        (b" [1]\n", "text/plain", None, [1]),
        (b'"text"', "application/problem+json", None, "text"),
        (b'"text"', "text/plain", '"text"', None),
        (b"17", "text/plain", "17", None),
        (b"{not", "application/json", "{not", None),
        (b'{"a": NaN}', "application/json", '{"a": NaN}', None),
        (b"null", "application/json", None, None),
        ("grüße".encode("latin-1"), "text/plain; charset=iso-8859-1", "grüße", None),
        ("grüße".encode(), "text/plain; charset=no-such", "grüße", None),
        (b"", "application/json", None, None),
        (b"z" * 501, "", "z" * 499 + "…", None),
        (b"\xef\xbb\xbf[]", "text/plain", None, []),
    ],
)
def test_what_is_kept_of_a_success(body: bytes, content_type: str, message: str | None, result: Any) -> None:
    assert _reported(Reply(200, body, {"Content-Type": content_type})) == ("success", 0, message, result)


@pytest.mark.parametrize(
    ("path", "body", "code", "words"),
    [
        ("$.items[?@.ok == true]", b'{"items": [{"ok": false}, {"ok": true}]}', 0, None),
        ("$.a", b'{"a": null}', 0, None),
        ("$.items[?@.ok == true]", b'{"items": [{"ok": false}]}', 6, "nothing in the answer matches it"),
        ("$.a", b"<html>", 6, "the answer is not valid JSON"),
        ("$.a", b"", 6, "the answer is not valid JSON"),
        ("$..a", b"[" * 5000 + b"]" * 5000, 6, "the answer is "),
        ("$", b"[" * 300 + b"]" * 300, 6, "nested deeper"),
    ],
)
def test_json_path(path: str, body: bytes, code: int, words: str | None) -> None:
    _, exit_code, message, _ = _reported(Reply(200, body), expect={"jsonPath": path})
    assert exit_code == code
    if words is None:
        assert message is None
    else:
        assert message is not None
        assert message.startswith(f"200 OK, but jsonPath {path}: ")
        assert words in message


def test_an_unwanted_status_is_said_before_the_json_path() -> None:
    assert _reported(Reply(404, b"{}"), expect={"jsonPath": "$.a"})[1] == 4


def test_of_a_long_answer_only_the_beginning_is_read(tmp_path: Path) -> None:
    body = b'{"a": "' + b"x" * (3 * LONGEST_ANSWER) + b'"}'
    with serve(_always(Reply(200, body, _JSON))) as server:
        handler = {"url": server.url, "method": "GET"}
        ended = run(tmp_path, "http", handler)
        report = called({**handler, "expect": {"jsonPath": "$.a"}})
    assert ended.code == 0
    assert ended.message["resultTruncated"] is True
    assert ended.message["message"] == '{"a": "' + "x" * 492 + "…"
    assert report.exit_code == 6
    assert report.message == "200 OK, but jsonPath $.a: the answer is longer than 1024 KiB"


def test_the_rest_of_a_long_answer_is_not_waited_for() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * (LONGEST_ANSWER + 200_000)
    assert _reported(Reply(raw=raw))[:2] == ("success", 0)


def test_an_answer_of_the_longest_length_is_read_whole() -> None:
    assert _reported(Reply(200, b'["' + b"x" * (LONGEST_ANSWER - 4) + b'"]'))[3] == ["x" * (LONGEST_ANSWER - 4)]


def test_a_result_that_is_too_long_for_the_message_goes(tmp_path: Path) -> None:
    with serve(_always(Reply(200, json.dumps(["x" * 5000]).encode()))) as server:
        ended = run(tmp_path, "http", {"url": server.url, "method": "GET"}, CRONTASK_MESSAGE_BYTES="1000")
    assert ended.message == {"status": "success", "resultTruncated": True}


def test_a_chunked_answer() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
    assert _reported(Reply(raw=raw)) == ("success", 0, None, [1, 2])


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (b"", 3, "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9\r\n", 3, "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", 3, "broke the connection within its answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 3, "127.0.0.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain", 6, "cannot be unpacked"),
    ],
)
def test_answers_that_are_none(raw: bytes, code: int, words: str) -> None:
    with serve(_always(Reply(raw=raw))) as server:
        report = called({"url": server.url, "method": "GET"})
    assert (report.status, report.exit_code) == ("failed", code)
    assert report.message is not None
    assert words in report.message
    assert f"127.0.0.1:{server.port}" in report.message


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        ended = run(tmp_path, "http", {"url": f"http://127.0.0.1:{port}/", "method": "GET"})
    assert ended.code == 3
    assert ended.message == {"status": "failed", "message": f"connection refused by 127.0.0.1:{port}"}
    assert [line["message"] for line in ended.lines] == ["started", "failed"]


@pytest.mark.parametrize("host", ["no-such-host.invalid", "empty..label"])
def test_no_such_host(host: str) -> None:
    report = called({"url": f"http://{host}/", "method": "GET"})
    assert report.exit_code == 3
    assert report.message is not None
    # Where no name server can be asked, the system says so instead.
    assert report.message.startswith((f"no such host: {host}", f"the name {host} cannot be looked up"))


def test_a_connection_is_kept_alive_so_that_a_dead_peer_is_noticed() -> None:
    with serve(_always(Reply())) as server:
        connection = make_manager(None).connection_from_url(server.url)._get_conn()
        connection.connect()
        assert isinstance(connection, HTTPConnection)
        sock = connection.sock
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [60, 15, 4]
        connection.close()


def test_only_the_connection_has_a_time_limit() -> None:
    timeout = make_manager(None).connection_pool_kw["timeout"]
    assert (timeout.connect_timeout, timeout.read_timeout) == (30, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": None}, "the url"),
        ({"url": "ftp://x/"}, "http:// or https://"),
        ({"url": "http://"}, "the url"),
        ({"url": "http://x:99999/"}, "the url"),
        ({"method": None}, "method"),
        ({"method": "GET /"}, "method"),
        ({"body": {}}, "body"),
        ({"headers": [{"name": "a b", "value": "x"}]}, "'a b' can be no header's name"),
        ({"headers": [{"name": "X", "value": "a\r\nInjected: 1"}]}, "line break"),
        ({"headers": [{"name": "X", "value": "\ud800"}]}, "is not text"),
        ({"headers": [{"name": "X"}]}, "it has no value"),
        ({"headers": [{"name": "X", "env": "NO_SUCH"}]}, "the variable NO_SUCH, which is to hold it, is missing"),
        ({"headers": ["X"]}, "a list of objects"),
        ({"expect": {"status": ["2x"]}}, "expect.status"),
        ({"expect": {"status": "200"}}, "expect.status"),
        ({"expect": {"jsonPath": "$.["}}, "is not a valid JSONPath"),
        ({"caBundle": "no PEM"}, "caBundle"),
        ({"caBundle": "ü"}, "caBundle"),
    ],
)
def test_what_cannot_be_sent_is_said_before_anything_is(change: dict[str, Any], words: str) -> None:
    with serve(_always(Reply())) as server:
        with pytest.raises(BrokenInputError) as caught:
            called({"url": server.url, "method": "GET", **change})
        assert words in str(caught.value)
        assert server.asked == []
