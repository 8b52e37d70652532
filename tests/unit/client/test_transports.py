"""Both transports against a server that misbehaves: they do the same."""

import json
import os
import re
import ssl
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from bad_server import Act, BadServer, bad_server, cut, cut_in_body, drip, lines, proxy, refuse, reply, silence
from both_clients import BOTH, cluster_by
from certificates import self_signed
from kubeconfigs import config, encoded, write

from crontask.api.resources import CRON_TASK, POD, SCHEDULED_RUN
from crontask.client import Access, Cluster, Flags, errors
from crontask.client.access import Surroundings, load
from crontask.version import __version__

TASK = {"apiVersion": "crontask.dev/v1alpha1", "kind": "CronTask", "metadata": {"name": "nightly", "new": {"x": 1}}}
Make = Callable[..., Any]


def access_to(folder: Path, url: str, user: dict[str, Any] | None = None, **fields: Any) -> Access:
    flags = {key: fields.pop(key) for key in ("request_timeout", "as_user", "as_groups") if key in fields}
    path = write(folder, config({"server": url, **fields}, user))
    return load(Flags(kubeconfig=str(path), **flags), Surroundings({}, folder, folder / "none"))


@pytest.fixture
def server() -> Iterator[BadServer]:
    with bad_server() as made:
        yield made


@pytest.fixture(params=BOTH)
def make(request: pytest.FixtureRequest, server: BadServer, tmp_path: Path) -> Iterator[Make]:
    """Makes a client of the server, over each of the transports."""
    with ExitStack() as stack:

        def made(url: str = "", user: dict[str, Any] | None = None, **fields: Any) -> Any:
            access = access_to(tmp_path, url or server.url, user, **{"request_timeout": 5.0, **fields})
            return stack.enter_context(cluster_by(request.param, access))

        yield made


# --- answers ---------------------------------------------------------------------------------------------------------


def test_an_object_is_read_whole(make: Make, server: BadServer) -> None:
    server.acts = [reply(200, TASK)]
    assert make().get(CRON_TASK, "nightly", namespace="shop") == TASK
    seen = server.seen[0]
    assert server.paths == ["GET /apis/crontask.dev/v1alpha1/namespaces/shop/crontasks/nightly"]
    assert (seen.headers["accept"], seen.headers["user-agent"]) == ("application/json, */*", f"crontask/{__version__}")


def test_an_answer_in_gzip_is_read(make: Make, server: BadServer) -> None:
    import gzip

    server.acts = [reply(200, gzip.compress(json.dumps(TASK).encode() * 1), Content_Encoding="gzip")]
    assert make().get(CRON_TASK, "nightly") == TASK
    assert server.seen[0].headers["accept-encoding"] == "gzip"


CAUSES = {"causes": [{"field": "spec.schedule", "message": "bad", "reason": "FieldValueInvalid"}]}
# (what is answered, the error, what is in it)
REFUSALS: list[tuple[Act, type[errors.RequestFailed], dict[str, Any]]] = [
    (refuse(401, "Unauthorized"), errors.Unauthorized, {"status": 401, "reason": "Unauthorized"}),
    (
        refuse(403, "Forbidden", "you may not"),
        errors.Forbidden,
        {
            "message": "you may not",
            "verb": "patch",
            "resource": "crontasks.crontask.dev/status",
            "name": "nightly",
            "namespace": "default",
        },
    ),
    (refuse(404, "NotFound"), errors.NotFound, {"unknown_resource": False}),
    (reply(404, b"404 page not found"), errors.NotFound, {"unknown_resource": True, "message": "404 page not found"}),
    (refuse(409, "AlreadyExists"), errors.AlreadyExists, {"repeated": False}),
    (
        refuse(409, "Conflict", details=CAUSES),
        errors.Conflict,
        {"causes": (errors.Cause("spec.schedule", "bad", "FieldValueInvalid"),)},
    ),
    (
        refuse(422, "Invalid", details=CAUSES),
        errors.Invalid,
        {"causes": (errors.Cause("spec.schedule", "bad", "FieldValueInvalid"),)},
    ),
    (refuse(400, "BadRequest"), errors.Invalid, {"causes": ()}),
    (refuse(410, "Expired"), errors.Expired, {}),
    (refuse(405, "MethodNotAllowed"), errors.RequestFailed, {"status": 405}),
    (refuse(429, "TooManyRequests", Retry_After="60"), errors.TooManyRequests, {"retry_after": 60.0}),
    (refuse(429, details={"retryAfterSeconds": 50}), errors.TooManyRequests, {"retry_after": 50.0}),
    (refuse(501), errors.ServerError, {"passing": False}),
    (reply(302, Location="/login"), errors.ServerError, {"status": 302}),
    (reply(200, b"<html>"), errors.ServerError, {"status": 200}),
    (reply(200, []), errors.ServerError, {"status": 200}),
]


@pytest.mark.parametrize(("act", "kind", "has"), REFUSALS)
def test_a_refusal_has_its_type(
    act: Act, kind: type[errors.RequestFailed], has: dict[str, Any], make: Make, server: BadServer
) -> None:
    server.acts = [act]
    with pytest.raises(errors.RequestFailed) as caught:
        make().patch(CRON_TASK, "nightly", {"status": {}}, subresource="status")
    assert type(caught.value) is kind
    assert {name: getattr(caught.value, name) for name in has} == has
    assert len(server.seen) == 1


def test_names_are_checked_before_anything_is_sent(make: Make, server: BadServer) -> None:
    cluster = make()
    for name in ("../pods/x", "a/b", "A", "a.b", "", "-a", "a" * 64, "a?b", "ä"):
        with pytest.raises(errors.InvalidName):
            cluster.get(CRON_TASK, name)
        with pytest.raises(errors.InvalidName):
            cluster.list(CRON_TASK, namespace=name or "..")
    assert server.seen == []


def test_an_object_of_a_namespace_is_not_asked_for_without_one(make: Make, server: BadServer) -> None:
    with pytest.raises(errors.InvalidName, match="CronTask 'nightly': in which namespace it is has to be said"):
        make().get(CRON_TASK, "nightly", namespace="")
    assert server.seen == []


def nested(levels: int) -> str:
    return '{"a": ' * levels + "1" + "}" * levels


def test_an_object_that_is_nested_deeply_does_not_spoil_a_list(make: Make, server: BadServer) -> None:
    items = f'[{{"spec": {nested(9_000)}}}, {{"spec": "b"}}]'
    server.acts = [reply(200, f'{{"metadata": {{"resourceVersion": "1"}}, "items": {items}}}'.encode())]
    before = sys.getrecursionlimit()
    found = make().list(CRON_TASK)["items"]
    assert (len(found), found[1]["spec"]) == (2, "b")
    assert sys.getrecursionlimit() == before


def test_what_is_no_json_is_not_sent(make: Make, server: BadServer) -> None:
    cluster = make()
    for value in (object(), json.loads(nested(400))):
        with pytest.raises(errors.Unsendable, match=r"patch crontasks.* nightly .*cannot be written as JSON"):
            cluster.patch(CRON_TASK, "nightly", {"spec": value})
    assert server.seen == []


# --- what is sent again ----------------------------------------------------------------------------------------------

_OK = reply(200, TASK)


def ask(verb: str, cluster: Any) -> Any:
    """One request of each kind."""
    return {
        "get": lambda: cluster.get(CRON_TASK, "nightly"),
        "create": lambda: cluster.create(CRON_TASK, TASK),
        "create drawn": lambda: cluster.create(CRON_TASK, TASK, drawn=True),
        "create dry": lambda: cluster.create(CRON_TASK, TASK, dry_run=True),
        "apply": lambda: cluster.apply(CRON_TASK, TASK, manager="test"),
        "merge": lambda: cluster.patch(CRON_TASK, "nightly", {"spec": {}}),
        "merge version": lambda: cluster.patch(CRON_TASK, "nightly", {"metadata": {"resourceVersion": "1"}}),
        "json": lambda: cluster.patch(CRON_TASK, "nightly", [{"op": "test", "path": "/a", "value": 1}]),
        "delete": lambda: cluster.delete(CRON_TASK, "nightly"),
        "delete uid": lambda: cluster.delete(CRON_TASK, "nightly", uid="u"),
    }[verb]()


ALL = ("get", "create", "create drawn", "create dry", "apply", "merge", "merge version", "json", "delete", "delete uid")
ONCE = ("create", "merge version", "json", "delete")
BUSY = refuse(429, Retry_After="0")


@pytest.mark.parametrize("verb", ALL)
@pytest.mark.parametrize(
    ("first", "always"),
    [(BUSY, True), (cut, False), (cut_in_body, False), (refuse(500), False), (refuse(503), False)],
    ids=["429", "cut", "cut in its body", "500", "503"],
)
def test_what_is_safe_is_sent_again(verb: str, first: Act, always: bool, make: Make, server: BadServer) -> None:
    server.acts = [first, _OK]
    if always or verb not in ONCE:
        assert ask(verb, make()) == TASK
        assert len(server.seen) == 2
        assert server.seen[0].body == server.seen[1].body
    else:
        with pytest.raises((errors.Unreachable, errors.ServerError)):
            ask(verb, make())
        assert len(server.seen) == 1


def test_it_is_sent_five_times_and_no_more(make: Make, server: BadServer) -> None:
    server.acts = [refuse(503, message="later")]
    with pytest.raises(errors.ServerError, match="later"):
        make().get(CRON_TASK, "nightly")
    assert len(server.seen) == 5


def test_it_waits_for_as_long_as_the_server_says(make: Make, server: BadServer) -> None:
    server.acts = [refuse(429, Retry_After="1"), _OK]
    began = time.monotonic()
    make().get(CRON_TASK, "nightly")
    assert 1.0 <= time.monotonic() - began < 3


def test_a_creation_whose_answer_was_lost_is_ours_if_its_name_was_drawn(make: Make, server: BadServer) -> None:
    server.acts = [cut, refuse(409, "AlreadyExists"), _OK]
    assert make().create(CRON_TASK, TASK, drawn=True) == TASK
    assert [path.split()[0] for path in server.paths] == ["POST", "POST", "GET"]
    server.acts = [refuse(409, "AlreadyExists")]
    with pytest.raises(errors.AlreadyExists):
        make().create(CRON_TASK, TASK, drawn=True)


def test_a_deletion_whose_answer_was_lost_has_succeeded(make: Make, server: BadServer) -> None:
    server.acts = [cut, refuse(404, "NotFound")]
    assert make().delete(CRON_TASK, "nightly", uid="u") == {}
    server.acts = [refuse(404, "NotFound")]
    with pytest.raises(errors.NotFound):
        make().delete(CRON_TASK, "nightly", uid="u")


def test_a_connection_that_is_refused_is_tried_again_whatever_is_asked(make: Make, server: BadServer) -> None:
    with bad_server() as gone:
        url = gone.url
    began = time.monotonic()
    with pytest.raises(errors.Unreachable, match=f"^{re.escape(url)}: connection refused") as caught:
        make(url).create(CRON_TASK, TASK)
    assert not caught.value.sent
    assert time.monotonic() - began >= 1.0


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [silence(3), drip(3)], ids=["silence", "a body byte by byte"])
def test_the_request_timeout_bounds_all_of_it(act: Act, make: Make, server: BadServer) -> None:
    server.acts = [act]
    began = time.monotonic()
    with pytest.raises(errors.Timeout, match=r"get crontasks\.crontask\.dev nightly .*no whole answer within 0.5 s"):
        make(request_timeout=0.5).get(CRON_TASK, "nightly")
    assert time.monotonic() - began < 1.5


def test_repetitions_end_with_the_request_timeout(make: Make, server: BadServer) -> None:
    server.acts = [refuse(429, Retry_After="7")]
    began = time.monotonic()
    with pytest.raises(errors.TooManyRequests) as caught:
        make().get(CRON_TASK, "nightly")
    assert (caught.value.retry_after, len(server.seen)) == (7.0, 1)
    assert time.monotonic() - began < 2


# --- login -----------------------------------------------------------------------------------------------------------


def test_after_401_the_plugin_is_asked_again(make: Make, server: BadServer, tmp_path: Path) -> None:
    counted = "echo x >> {0}; n=$(wc -l < {0}); printf '{1}' $n".format(
        tmp_path / "runs",
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t%s"}}',
    )
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", counted],
        "interactiveMode": "Never",
    }
    server.acts = [refuse(401), _OK]
    cluster = make(user={"exec": plugin})
    # Nothing was done before 401, so it is sent again whatever it is.
    assert cluster.create(CRON_TASK, TASK) == TASK
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer t1", "Bearer t2"]
    server.acts = [refuse(401)]
    with pytest.raises(errors.Unauthorized):
        cluster.get(CRON_TASK, "nightly")
    assert len(server.seen) == 4


def test_after_401_a_token_file_is_read_anew(make: Make, server: BadServer, tmp_path: Path) -> None:
    cluster = make(user={"tokenFile": "token"})
    server.acts = [_OK, refuse(401), _OK]
    cluster.get(CRON_TASK, "nightly")
    (tmp_path / "token").write_text("rotated")
    cluster.get(CRON_TASK, "nightly")
    sent = [seen.headers["authorization"] for seen in server.seen]
    assert sent == ["Bearer from-file", "Bearer from-file", "Bearer rotated"]


def test_whom_we_act_as_may_have_any_letters(make: Make, server: BadServer) -> None:
    server.acts = [_OK]
    make(as_user="Жанна").get(CRON_TASK, "nightly")
    assert server.seen[0].headers["impersonate-user"] == "Жанна"


def test_whom_we_act_as_is_said(make: Make, server: BadServer) -> None:
    server.acts = [_OK]
    make(user={"username": "a", "password": "b"}, as_user="ann", as_groups=("dev", "ops")).get(CRON_TASK, "nightly")
    headers = server.seen[0].headers
    assert (headers["impersonate-user"], headers["impersonate-group"]) == ("ann", "dev,ops")
    assert headers["authorization"] == "Basic YTpi"


# --- lists and watches -----------------------------------------------------------------------------------------------


def item(name: str, version: int, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": f"u-{name}", "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def page(*items: Any, version: int = 10, token: str = "") -> Act:
    metadata = {"resourceVersion": str(version), **({"continue": token} if token else {})}
    return reply(200, {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": list(items)})


def event(kind: str, name: str, version: int) -> dict[str, Any]:
    return {"type": kind, "object": item(name, version)}


def gone() -> dict[str, Any]:
    return {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}


def test_a_list_comes_in_pages(make: Make, server: BadServer) -> None:
    server.acts = [page(item("a", 1), token="t/1"), page(item("b", 2))]
    found = make().list(POD, selector="app in (x, y)", limit=1)
    assert [each["metadata"]["name"] for each in found["items"]] == ["a", "b"]
    assert found["metadata"] == {"resourceVersion": "10"}
    start = "GET /api/v1/namespaces/default/pods?labelSelector=app+in+%28x%2C+y%29&limit=1"
    assert server.paths == [start, start + "&continue=t%2F1"]


def test_a_list_whose_version_expires_in_the_middle_begins_again(make: Make, server: BadServer) -> None:
    server.acts = [page(item("a", 1), token="t"), refuse(410, "Expired"), page(item("b", 2), token="t"), page()]
    assert [each["metadata"]["name"] for each in make().list(POD)["items"]] == ["b"]


def test_a_list_that_expires_over_and_over_is_read_in_one_piece(make: Make, server: BadServer) -> None:
    start, expired = page(item("a", 1), token="t"), refuse(410, "Expired")
    server.acts = [start, expired, start, expired, start, expired, page(item("a", 1), item("b", 1))]
    assert len(make().list(POD)["items"]) == 2
    assert "limit=0" in server.paths[-1]


def test_of_a_list_that_is_kept_as_it_comes(make: Make, server: BadServer) -> None:
    """Each page is let go before the next one is asked for."""
    server.acts = [page(item("a", 1), token="t"), page(item("b", 2))]
    asked: list[tuple[str, int]] = []

    def keep(each: dict[str, Any]) -> dict[str, Any]:
        asked.append((each["kind"], len(server.paths)))
        return {"metadata": {"name": each["metadata"]["name"].upper()}}

    found = make().list(POD, limit=1, keep=keep)
    assert found["items"] == [{"metadata": {"name": "A"}}, {"metadata": {"name": "B"}}]
    assert asked == [("Pod", 1), ("Pod", 2)]


def taken(events: Iterator[Any], count: int) -> list[tuple[str, str]]:
    found = [(each.type, each.object["metadata"]["name"]) for _, each in zip(range(count), events, strict=False)]
    events.close()  # type: ignore[attr-defined]
    return found


def versions(server: BadServer) -> list[str | None]:
    """From which version each watch went on; None of a list."""
    found = [re.search("resourceVersion=([0-9]*)", path) for path in server.paths]
    return [match[1] if match else None for match in found]


def test_a_watch_begins_with_what_there_is(make: Make, server: BadServer) -> None:
    server.acts = [page(item("a", 1)), lines(event("MODIFIED", "a", 11), event("ADDED", "b", 12), stay=2)]
    assert taken(make().watch(POD), 3) == [("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "b")]
    assert versions(server) == [None, "10"]


@pytest.mark.parametrize("end", [b"", b'{"type": "ADDED", "obj'], ids=["between lines", "in a line"])
@pytest.mark.parametrize("whole", [True, False], ids=["ended", "cut"])
def test_a_watch_goes_on_where_it_was(end: bytes, whole: bool, make: Make, server: BadServer) -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "20"}}}
    server.acts = [
        lines(event("ADDED", "a", 11), bookmark, end=end, whole=whole),
        cut,
        refuse(503),
        lines(event("ADDED", "b", 21), stay=2),
    ]
    after = {"metadata": {"resourceVersion": "10"}, "items": []}
    assert taken(make().watch(POD, after=after), 2) == [("ADDED", "a"), ("ADDED", "b")]
    assert versions(server) == ["10", "20", "20", "20"]


@pytest.mark.parametrize("expired", [refuse(410, "Expired"), lines(gone())], ids=["at once", "in the stream"])
def test_after_410_a_watch_lists_again_and_says_what_changed(expired: Act, make: Make, server: BadServer) -> None:
    server.acts = [
        lines(event("ADDED", "new", 11), whole=True),
        expired,
        page(item("same", 1), item("changed", 30), item("newer", 31), version=40),
        lines(event("DELETED", "same", 41), stay=2),
    ]
    after = {"metadata": {"resourceVersion": "10"}, "items": [item("same", 1), item("changed", 2), item("old", 3)]}
    assert taken(make().watch(POD, after=after), 6) == [
        ("ADDED", "new"),
        ("DELETED", "old"),
        ("DELETED", "new"),
        ("MODIFIED", "changed"),
        ("ADDED", "newer"),
        ("DELETED", "same"),
    ]
    assert versions(server) == ["10", "11", None, "40"]


def test_a_watch_of_one_object_that_is_known(make: Make, server: BadServer) -> None:
    server.acts = [lines(gone()), page(version=50), lines(stay=3)]
    events = make().watch(SCHEDULED_RUN, name="r", after=item("r", 7), timeout=1)
    assert [(each.type, each.object["metadata"]) for each in events] == [("DELETED", item("r", 7)["metadata"])]
    assert "fieldSelector=metadata.name%3Dr" in server.paths[0]


def test_a_watch_ends_when_its_time_is_over(make: Make, server: BadServer) -> None:
    server.acts = [page(), lines(stay=5)]
    began = time.monotonic()
    assert list(make().watch(POD, timeout=0.5)) == []
    assert 0.4 <= time.monotonic() - began < 2


def test_the_list_of_a_watch_ends_with_its_time_too(make: Make, server: BadServer) -> None:
    server.acts = [page(), lines(gone()), silence(8)]
    # The server's whole silence would outlast the time of the test.
    assert list(make(request_timeout=None).watch(POD, timeout=0.5)) == []


@pytest.mark.parametrize(("act", "kind"), [(refuse(403, "Forbidden"), errors.Forbidden), (cut, errors.Unreachable)])
def test_a_watch_that_never_worked_says_why(act: Act, kind: type[Exception], make: Make, server: BadServer) -> None:
    server.acts = [act]
    with pytest.raises(kind):
        list(make().watch(POD))


def test_a_watch_goes_on_once_the_server_has_read_the_crds(make: Make, server: BadServer) -> None:
    unknown = reply(404, b"404 page not found")
    server.acts = [page(), lines(event("ADDED", "a", 11)), unknown, unknown, lines(event("ADDED", "b", 12), stay=2)]
    assert taken(make().watch(POD), 2) == [("ADDED", "a"), ("ADDED", "b")]


def test_a_watch_that_is_forbidden_later_says_so(make: Make, server: BadServer) -> None:
    server.acts = [page(), lines(event("ADDED", "a", 11)), refuse(403, "Forbidden")]
    with pytest.raises(errors.Forbidden):
        list(make().watch(POD))


def test_a_watch_waits_for_as_long_as_the_server_says(make: Make, server: BadServer) -> None:
    """A server that has too much to do, and says so after all the tries of one request."""
    busy = [refuse(429, Retry_After="0")] * 4
    server.acts = [page(), lines(), *busy, refuse(429, Retry_After="1"), lines(event("ADDED", "a", 11), stay=2)]
    began = time.monotonic()
    assert taken(make().watch(POD), 1) == [("ADDED", "a")]
    assert time.monotonic() - began >= 1


def test_a_watch_that_is_silent_is_dead(make: Make, server: BadServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crontask.client.requests.SILENCE_SECONDS", 0.3)
    server.acts = [page(), lines(event("ADDED", "a", 11), stay=5), lines(event("ADDED", "b", 12), stay=5)]
    assert taken(make().watch(POD), 2) == [("ADDED", "a"), ("ADDED", "b")]


def test_a_log_comes_line_by_line_to_its_last_byte(make: Make, server: BadServer) -> None:
    server.acts = [reply(200, b"one\n\ntwo\xff\nthree", Content_Type="text/plain")]
    found = list(make().logs("p", container="main", tail_lines=0, follow=True))
    assert found == [b"one", b"", b"two\xff", b"three"]
    assert server.paths == ["GET /api/v1/namespaces/default/pods/p/log?container=main&follow=true&tailLines=0"]


def test_a_log_that_is_cut_says_so(make: Make, server: BadServer) -> None:
    server.acts = [lines({"a": 1})]
    found = make().logs("p")
    assert next(found) == b'{"a": 1}'
    with pytest.raises(errors.Unreachable):
        next(found)


# --- connections -----------------------------------------------------------------------------------------------------


def test_connections_are_kept(make: Make, server: BadServer) -> None:
    server.acts = [_OK, refuse(404, "NotFound"), _OK]
    cluster = make()
    cluster.get(CRON_TASK, "nightly")
    with pytest.raises(errors.NotFound):
        cluster.get(CRON_TASK, "nightly")
    cluster.get(CRON_TASK, "nightly")
    assert server.connections == 1


def test_a_child_does_not_use_its_parents_connections(server: BadServer, tmp_path: Path) -> None:
    server.acts = [_OK]
    cluster = Cluster(access_to(tmp_path, server.url))
    cluster.get(CRON_TASK, "nightly")
    child = os.fork()
    if child == 0:
        found = cluster.get(CRON_TASK, "nightly")
        cluster.close()
        os._exit(0 if found == TASK else 1)
    assert os.waitpid(child, 0)[1] == 0
    cluster.get(CRON_TASK, "nightly")
    assert [seen.connection for seen in server.seen] == [0, 1, 0]


def test_threads_share_one_client(server: BadServer, tmp_path: Path) -> None:
    server.acts = [_OK]
    found: list[Any] = []

    def work(cluster: Cluster) -> None:
        found.extend(cluster.get(CRON_TASK, "nightly") for _ in range(20))

    with Cluster(access_to(tmp_path, server.url)) as cluster:
        threads = [threading.Thread(target=work, args=(cluster,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [TASK] * 160
    assert server.connections <= 8


# --- TLS and proxies -------------------------------------------------------------------------------------------------


def tls_server(folder: Path, *hosts: str) -> tuple[ssl.SSLContext, str]:
    certificate, key = self_signed(hosts)
    (folder / "server.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, encoded(certificate)


def test_a_server_is_trusted_by_its_authority(make: Make, tmp_path: Path) -> None:
    context, authority = tls_server(tmp_path, "127.0.0.1")
    with bad_server(context) as server:
        server.acts = [_OK]
        assert make(server.url, **{"certificate-authority-data": authority}).get(CRON_TASK, "nightly") == TASK
        with pytest.raises(errors.Unreachable, match="its certificate is not trusted: self-signed certificate"):
            make(server.url).get(CRON_TASK, "nightly")
        assert len(server.seen) == 1


def test_a_server_may_have_another_name(make: Make, tmp_path: Path) -> None:
    context, authority = tls_server(tmp_path, "kubernetes.test")
    fields = {"certificate-authority-data": authority}
    with bad_server(context) as server:
        server.acts = [_OK]
        named = make(server.url, **fields, **{"tls-server-name": "kubernetes.test"})
        assert named.get(CRON_TASK, "nightly") == TASK
        with pytest.raises(errors.Unreachable, match=r"not trusted: IP address mismatch.*check certificate-authority"):
            make(server.url, **fields).get(CRON_TASK, "nightly")


def test_nobody_is_verified_where_that_is_written_and_no_warning_is_given(make: Make, tmp_path: Path) -> None:
    context, _ = tls_server(tmp_path, "other")
    with bad_server(context) as server, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        server.acts = [_OK]
        assert make(server.url, **{"insecure-skip-tls-verify": True}).get(CRON_TASK, "nightly") == TASK
    assert said == []


def test_a_client_certificate_is_shown(make: Make, tmp_path: Path) -> None:
    context, authority = tls_server(tmp_path, "127.0.0.1")
    certificate, key = self_signed(["ann"])
    context.load_verify_locations(cadata=certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    with bad_server(context) as server:
        server.acts = [_OK]
        fields = {"certificate-authority-data": authority}
        assert make(server.url, user, **fields).get(CRON_TASK, "nightly") == TASK
        with pytest.raises(errors.Unreachable):
            make(server.url, **fields).get(CRON_TASK, "nightly")


def test_a_server_that_does_not_speak_tls(make: Make, server: BadServer) -> None:
    server.acts = [_OK]
    with pytest.raises(errors.Unreachable, match="does not speak TLS; write server: http://"):
        make(server.url.replace("http:", "https:")).get(CRON_TASK, "nightly")


def test_a_proxy_is_used_for_a_server_with_tls(make: Make, tmp_path: Path) -> None:
    context, authority = tls_server(tmp_path, "127.0.0.1")
    with bad_server(context) as server, proxy() as between:
        server.acts = [_OK]
        url = between.url.replace("//", "//ann:s3cret@")
        cluster = make(server.url, **{"certificate-authority-data": authority, "proxy-url": url})
        assert cluster.get(CRON_TASK, "nightly") == TASK
        assert between.paths == [f"CONNECT {server.url.removeprefix('https://')}"]
        assert between.seen[0].headers["proxy-authorization"] == "Basic YW5uOnMzY3JldA=="


def test_a_proxy_is_used_for_a_server_without_tls(make: Make, server: BadServer) -> None:
    with proxy() as between:
        server.acts = [_OK]
        assert make(server.url, **{"proxy-url": between.url}).get(CRON_TASK, "nightly") == TASK
        assert len(between.seen) == 1


def test_a_proxy_that_is_away_is_named_without_its_password(make: Make, server: BadServer) -> None:
    with proxy() as gone:
        url = gone.url
    with pytest.raises(errors.Unreachable, match=re.escape(f"(by the proxy {url}): connection refused")):
        make(server.url, **{"proxy-url": url.replace("//", "//ann:s3cret@")}).get(CRON_TASK, "nightly")
