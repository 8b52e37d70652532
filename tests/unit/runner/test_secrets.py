"""Servers that echo secrets, in every way: nothing of them is told. And redirects, which must not carry them off."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from runner_process import Asked, Reply, called, run, serve

from crontask.runner.call import LONGEST_ANSWER, MOST_REDIRECTS
from crontask.runner.given import BrokenInputError

TOKEN = 'sEcr3t/"<t0ken>+ä\\x='
VALUE = f"Bearer {TOKEN}"
_HEADERS = [{"name": "Authorization", "env": "CRONTASK_HEADER_1"}, {"name": "X-Plain", "value": "seen"}]
_FORMS = [
    TOKEN,
    json.dumps(TOKEN)[1:-1],
    json.dumps(TOKEN, ensure_ascii=False)[1:-1],
    quote(TOKEN, safe=""),
    quote(TOKEN),
    base64.b64encode(TOKEN.encode()).decode(),
    base64.b64encode(VALUE.encode()).decode(),
    base64.b64encode(TOKEN.encode()).decode().rstrip("="),
    # However little of it is left.
    "sEcr3t",
    "sEc",
    "t0ken",
    base64.b64encode(TOKEN.encode()).decode()[:12],
]


def _body(text: str, content_type: str = "text/plain") -> Callable[[Asked], Reply]:
    return lambda asked: Reply(200, text.encode(), {"Content-Type": content_type})


_ECHOES: dict[str, Callable[[Asked], Reply]] = {
    "raw": _body(f"you sent {VALUE}."),
    "escaped": _body("you sent " + json.dumps(VALUE)),
    "url": _body("next=" + quote(VALUE, safe="")),
    "base64": _body("it was " + base64.b64encode(VALUE.encode()).decode()),
    "token in base64": _body("it was " + base64.b64encode(TOKEN.encode()).decode()),
    "in json": _body(json.dumps({"headers": {"Authorization": [VALUE, TOKEN], TOKEN: 1}}), "application/json"),
    "in json in json": _body(json.dumps({"log": json.dumps({"token": TOKEN})}), "application/json"),
    "broken json": _body('{"token": ' + json.dumps(TOKEN), "application/json"),
    "where the message is cut": _body("x" * 490 + VALUE + "y" * 100),
    "where the answer is cut": _body("x" * (LONGEST_ANSWER - 12) + VALUE),
    "only the secret, and cut": _body((VALUE + " ") * (LONGEST_ANSWER // len(VALUE.encode()) + 2)),
    "failure": lambda asked: Reply(401, f"bad token {TOKEN}".encode()),
    "reason": lambda asked: Reply(401, b"", reason="no sEcr3t".replace("sEcr3t", TOKEN.encode().decode("latin-1"))),
    "no http": lambda asked: Reply(raw=f"{VALUE}\r\n\r\n".encode()),
    "redirect": lambda asked: Reply(302, headers={"Location": f"http://{quote(TOKEN)}.invalid:1/"}),
    "redirect to no port": lambda asked: Reply(302, headers={"Location": f"http://x:{quote(TOKEN)}/"}),
    "broken redirect": lambda asked: Reply(302, headers={"Location": f"ftp://{quote(TOKEN)}/"}),
    "what was sent": lambda asked: Reply(200, json.dumps(asked.headers).encode()),
}


@pytest.mark.parametrize("echo", _ECHOES)
def test_no_echo_is_told(tmp_path: Path, echo: str) -> None:
    with serve(_ECHOES[echo]) as server:
        handler = {"url": server.url, "method": "GET", "headers": _HEADERS}
        ended = run(tmp_path, "http", handler, CRONTASK_HEADER_1=VALUE)
    assert server.asked[0].headers["authorization"].encode("latin-1").decode() == VALUE
    assert [form for form in _FORMS if form in ended.everything] == []
    assert "Traceback" not in ended.everything
    assert ended.message["status"] in ("success", "failed")


def test_no_part_of_a_long_secret_is_left_where_the_answer_is_cut() -> None:
    """So long that what is read of the answer is hardly more than stars: then its cut end is within the message."""
    secret = "sEcr3t" + "0123456789" * 2000
    with serve(_body(secret * (LONGEST_ANSWER // len(secret) + 1))) as server:
        handler = {"url": server.url, "method": "GET", "headers": _HEADERS}
        report = called(handler, CRONTASK_HEADER_1=secret)
    assert set(str(report.message)) == {"*"}


def test_the_rest_of_an_echo_is_kept() -> None:
    with serve(_ECHOES["what was sent"]) as server:
        handler = {"url": server.url, "method": "GET", "headers": _HEADERS}
        report = called(handler, CRONTASK_HEADER_1=VALUE)
    assert report.result["authorization"] == "***"
    assert report.result["x-plain"] == "seen"


def test_a_line_break_at_the_end_of_a_secret_is_none_of_it() -> None:
    with serve(_body("ok")) as server:
        called({"url": server.url, "method": "GET", "headers": _HEADERS}, CRONTASK_HEADER_1="Bearer abc\n")
    assert server.asked[0].headers["authorization"] == "Bearer abc"


def test_a_secret_that_cannot_be_sent_is_not_told_either() -> None:
    with pytest.raises(BrokenInputError) as caught:
        called({"url": "http://x/", "method": "GET", "headers": _HEADERS}, CRONTASK_HEADER_1="Bearer\nsEcr3t")
    assert "sEcr3t" not in str(caught.value)
    assert "Authorization" in str(caught.value)


_SECRETS: list[dict[str, Any]] = [
    {"name": "X-Api-Key", "env": "CRONTASK_HEADER_1"},
    {"name": "Authorization", "value": "plain but private"},
    {"name": "Cookie", "value": "a=b"},
    {"name": "Proxy-Authorization", "value": "p"},
    {"name": "X-Plain", "value": "seen"},
    {"name": "Host", "value": "shop.example"},
]
_PRIVATE = {"x-api-key", "authorization", "cookie", "proxy-authorization"}


def _redirected(location: str, status: int = 307) -> Callable[[Asked], Reply]:
    return lambda asked: Reply(status, b"moved", {"Location": location})


def test_another_host_sees_no_secret() -> None:
    with serve(_body("there")) as other, serve(_redirected(f"{other.url}/there")) as server:
        handler = {"url": server.url, "method": "POST", "headers": _SECRETS}
        report = called(handler, {"a": 1}, CRONTASK_HEADER_1="k")
    assert report.message == "there"
    assert server.asked[0].headers.keys() >= _PRIVATE
    assert server.asked[0].headers["host"] == "shop.example"
    [asked] = other.asked
    assert not _PRIVATE & asked.headers.keys()
    assert (asked.method, asked.path, asked.body) == ("POST", "/there", b'{"a": 1}')
    assert asked.headers["x-plain"] == "seen"
    assert asked.headers["host"] == f"127.0.0.1:{other.port}"


def test_no_way_back_brings_a_secret_back() -> None:
    back: list[str] = []
    with (
        serve(lambda asked: _redirected(back[0])(asked)) as other,
        serve(lambda asked: Reply(200) if asked.path == "/end" else _redirected(other.url)(asked)) as server,
    ):
        back.append(f"{server.url}/end")
        called({"url": server.url, "method": "GET", "headers": _SECRETS}, CRONTASK_HEADER_1="k")
    assert [bool(_PRIVATE & asked.headers.keys()) for asked in server.asked] == [True, False]


@pytest.mark.parametrize("location", ["/end", "end", "?x=1", "//127.0.0.1:{port}/end"])
def test_the_same_host_sees_all(location: str) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.path != "/start":
            return Reply(200, b"end")
        return _redirected(location.format(port=server.port))(asked)

    with serve(answer) as server:
        report = called({"url": f"{server.url}/start", "method": "GET", "headers": _SECRETS}, CRONTASK_HEADER_1="k")
    assert report.message == "end"
    assert server.asked[1].headers.keys() >= _PRIVATE


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [(303, "POST", "GET", b""), (302, "POST", "POST", b"{}"), (308, "PUT", "PUT", b"{}"), (303, "HEAD", "HEAD", b"")],
)
def test_what_a_redirect_makes_of_the_request(status: int, method: str, then: str, body: bytes) -> None:
    with serve(lambda asked: Reply() if asked.path == "/end" else _redirected("/end", status)(asked)) as server:
        called({"url": server.url, "method": method})
    assert (server.asked[1].method, server.asked[1].body) == (then, body)
    assert ("content-type" in server.asked[1].headers) == bool(body)


def test_redirects_end() -> None:
    with serve(_redirected("/again")) as server:
        report = called({"url": server.url, "method": "GET"})
    assert len(server.asked) == MOST_REDIRECTS + 1
    assert report.exit_code == 6
    assert report.message == f"too many redirects: more than 5, the last one to 127.0.0.1:{server.port}"


def test_a_redirect_that_is_wanted_is_the_answer() -> None:
    with serve(_redirected("/there", 302)) as server:
        report = called({"url": server.url, "method": "GET", "expect": {"status": ["302"]}})
    assert (report.exit_code, report.message) == (0, "moved")


@pytest.mark.parametrize("location", ["ftp://x/", "http://x:99999/", "http://[::1/"])
def test_a_redirect_to_nowhere(location: str) -> None:
    with serve(_redirected(location)) as server:
        report = called({"url": server.url, "method": "GET"})
    assert (report.status, report.exit_code) == ("failed", 6)
    assert f"127.0.0.1:{server.port} redirects to" in str(report.message)
