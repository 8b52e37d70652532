"""`ctx.trigger` in a pod: what is sent, how often, and what is said where it cannot be."""

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from certificates import self_signed
from hypothesis import example, given
from hypothesis import strategies as st
from runner_process import Asked, Reply, Server, run_source, serve

from crontask.api import base
from crontask.client.actions import name_by_key
from crontask.runner.api_server import ApiServer
from crontask.runner.context import Context
from crontask.runner.trigger import API_VERSION, TriggerError, Triggers, run_body, run_name


def echoed(one: Asked) -> Reply:
    """The run as it was sent."""
    return Reply(201, one.body)


def with_task(answer: Callable[[Asked], Reply], **spec: Any) -> Callable[[Asked], Reply]:
    """The same, of an API server that has the task ship."""
    task = {"metadata": {"name": "ship"}, "spec": spec}

    def answered(one: Asked) -> Reply:
        if "/crontasks/ship" in one.path:
            return Reply(200, json.dumps(task).encode())
        return answer(one)

    return answered


def of_runs(server: Server) -> list[Asked]:
    """What was asked about runs."""
    return [one for one in server.asked if "/scheduledruns" in one.path]


def refused(status: int, reason: str, message: str) -> Reply:
    return Reply(status, json.dumps({"kind": "Status", "reason": reason, "message": message}).encode())


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    certificate, key = self_signed(["127.0.0.1"])
    (tmp_path / "ca.crt").write_text(certificate)
    (tmp_path / "key").write_text(key)
    (tmp_path / "token").write_text("a-token\n")
    return tmp_path


@pytest.fixture
def tls(secrets: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(secrets / "ca.crt", secrets / "key")
    return context


def triggers(server: Server, secrets: Path) -> Triggers:
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
    return Triggers(ApiServer(environ, str(secrets), first_pause=0.001), "shop", "uid-1")


def ask(triggers: Triggers, task: str = "ship", **how: Any) -> str:
    call: dict[str, Any] = {"args": None, "at": None, "delay": None, "key": None, **how}
    return triggers.ask(task, **call)


@given(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", fullmatch=True), st.text(min_size=1, max_size=256))
@example("t" * 49, "k")
@example("t" * 50, "k")
@example("t" * 48 + "-tt", "k")
def test_a_run_has_the_name_that_the_clients_would_give_it(task: str, key: str) -> None:
    assert run_name(task, key) == name_by_key(task, key)
    assert base.API_VERSION == API_VERSION


SENT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"args": {"rows": (1, 2), "all": None}}, {"args": {"rows": [1, 2], "all": None}}),
    ({"args": {}}, {}),
    ({"delay": timedelta(minutes=5)}, {"delay": "300s"}),
    ({"delay": "5m"}, {"delay": "5m"}),
    ({"at": datetime(2027, 1, 1, 0, 0, 0, 1, tzinfo=UTC)}, {"at": "2027-01-01T00:00:01Z"}),
    ({"at": "2027-01-01T00:00:00Z"}, {"at": "2027-01-01T00:00:00Z"}),
]


@pytest.mark.parametrize(("how", "spec"), SENT)
def test_what_is_sent(secrets: Path, tls: ssl.SSLContext, how: dict[str, Any], spec: dict[str, Any]) -> None:
    with serve(with_task(echoed), tls) as server:
        name = ask(triggers(server, secrets), **how)
    (one,) = of_runs(server)
    assert one.method == "POST"
    assert one.path.partition("?")[0] == "/apis/crontask.dev/v1alpha1/namespaces/shop/scheduledruns"
    assert one.headers["authorization"] == "Bearer a-token"
    body = json.loads(one.body)
    assert body["metadata"]["name"] == name
    assert body["spec"] == {"taskRef": {"name": "ship"}, "idempotencyKey": "uid-1/call-1", **spec}


def test_a_call_is_named_by_its_run_and_one_with_a_key_by_that_alone(secrets: Path, tls: ssl.SSLContext) -> None:
    with serve(with_task(echoed), tls) as server:
        own = triggers(server, secrets)
        names = [ask(own), ask(own, key="order-42"), ask(own), ask(own, key="uid-1/call-1")]
    keys = [json.loads(one.body)["spec"]["idempotencyKey"] for one in of_runs(server)]
    assert keys == ["uid-1/call-1", "order-42", "uid-1/call-2", "uid-1/call-1"]
    assert names == [name_by_key("ship", key) for key in keys]


def test_the_key_of_a_run_may_be_as_long_as_it_likes(secrets: Path, tls: ssl.SSLContext) -> None:
    with serve(with_task(echoed), tls) as server:
        own = triggers(server, secrets)
        own._key = "k" * 256
        ask(own)
    assert len(json.loads(of_runs(server)[0].body)["spec"]["idempotencyKey"]) == 64


@pytest.mark.parametrize("key", ["", "k" * 257, 42])
def test_what_can_be_no_key(secrets: Path, key: Any) -> None:
    with serve(echoed) as server, pytest.raises(TriggerError, match="write a text of 1 to 256 characters"):
        ask(triggers(server, secrets), key=key)
    assert server.asked == []


SAME: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, {"args": {}}, True),
    ({"args": {"a": 1}}, {"args": {"a": 2}}, False),
    ({"delay": timedelta(hours=1)}, {"delay": "1h"}, True),
    ({"delay": timedelta(hours=1)}, {"delay": "61m"}, False),
    ({"delay": "1h"}, {}, False),
    ({"at": datetime(2027, 1, 1, tzinfo=UTC)}, {"at": "2027-01-01T01:00:00+01:00"}, True),
    ({"at": "2027-01-01T00:00:00Z"}, {"at": "2027-01-01T00:00:01Z"}, False),
    ({}, {"idempotencyKey": "another"}, False),
]


@pytest.mark.parametrize(("how", "there", "same"), SAME)
def test_a_key_that_a_client_has_used(
    secrets: Path, tls: ssl.SSLContext, how: dict[str, Any], there: dict[str, Any], same: bool
) -> None:
    name = name_by_key("ship", "k")
    spec = {"taskRef": {"name": "ship"}, "idempotencyKey": "k", **there}
    known = Reply(200, json.dumps({"metadata": {"name": name}, "spec": spec}).encode())
    with serve(with_task(answers(refused(409, "AlreadyExists", "it is there"), known)), tls) as server:
        if same:
            assert ask(triggers(server, secrets), key="k", **how) == name
        else:
            with pytest.raises(TriggerError, match=f"key 'k' has been used for run {name}, with different "):
                ask(triggers(server, secrets), key="k", **how)


def answers(*replies: Reply) -> Callable[[Asked], Reply]:
    left = iter(replies)
    return lambda one: next(left)


def test_what_may_pass_is_sent_again(secrets: Path, tls: ssl.SSLContext) -> None:
    busy = refused(429, "TooManyRequests", "later")
    body = json.dumps(run_body("ship", "uid-1/call-1", None, None, None)).encode()
    lost = Reply(raw=b"")
    exists = refused(409, "AlreadyExists", "it is there")
    with serve(with_task(answers(busy, lost, exists, Reply(200, body))), tls) as server:
        name = ask(triggers(server, secrets))
    assert [one.method for one in of_runs(server)] == ["POST", "POST", "POST", "GET"]
    assert server.asked[-1].path.endswith(f"/{name}")


class Echo:
    """Has each run as it was asked for first."""

    def __init__(self) -> None:
        self.there: dict[str, Any] = {}

    def have(self, namespace: str, body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.there.setdefault(body["metadata"]["name"], body)
        return found

    def task(self, namespace: str, name: str) -> dict[str, Any] | None:
        return {}

    def tasks(self, namespace: str) -> list[str]:
        return []


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"key": ""}, "key is ''; write"),
        ({"key": 5}, "key is 5; write"),
        ({"key": "\ud800"}, "key is '.ud800', which has half of a surrogate pair"),
        ({"args": {"u": ["\ud800"]}}, "args have half of a surrogate pair"),
        ({"args": {"\ud800": 1}}, "args have half of a surrogate pair"),
    ],
)
def test_what_cannot_be_sent_makes_no_run(how: dict[str, Any], words: str) -> None:
    runs = Echo()
    with pytest.raises(TriggerError, match=words):
        ask(Triggers(runs, "shop", "uid-1"), **how)
    assert runs.there == {}


def test_true_is_no_one() -> None:
    runs = Triggers(Echo(), "shop", "uid-1")
    name = ask(runs, key="k", args={"c": 1})
    assert ask(runs, key="k", args={"c": 1.0}) == name
    with pytest.raises(TriggerError, match="with different args"):
        ask(runs, key="k", args={"c": True})


REFUSED = [
    (refused(403, "Forbidden", "cannot create"), "not allowed without the role crontask-trigger: cannot create; bind"),
    (refused(401, "Unauthorized", "Unauthorized"), "the API server does not take the pod's token: Unauthorized"),
    (refused(422, "Invalid", "spec.delay: bad"), "the API server refused the run: spec.delay: bad"),
    (Reply(502, b"<html>"), "the API server refused the run: status 502"),
    (Reply(raw=b""), "the API server was not reached: Remote end closed connection without response"),
]


@pytest.mark.parametrize(("reply", "words"), REFUSED)
def test_what_is_refused(secrets: Path, tls: ssl.SSLContext, reply: Reply, words: str) -> None:
    with serve(with_task(lambda one: reply), tls) as server, pytest.raises(TriggerError, match=words):
        ask(triggers(server, secrets))
    assert len(of_runs(server)) == (5 if reply.status == 502 or reply.raw is not None else 1)


SCHEMA = {"properties": {"order": {}}, "required": ["order"], "additionalProperties": False}
UNFIT: list[tuple[str, dict[str, Any], str]] = [
    (
        "shp",
        {},
        r"ctx.trigger: there is no task shp in namespace shop; did you mean ship\? Register it first, or write",
    ),
    ("zz", {}, "ctx.trigger: there is no task zz in namespace shop; register it first, or write missing_ok=True"),
    ("ship", {}, r'ctx.trigger: args\.order: is missing; write args={"order": …}: ship takes order'),
    ("ship", {"ordr": 1}, r"ctx.trigger: args\.ordr: is not one of the args of ship; did you mean order\?"),
]


def nothing_else(one: Asked) -> Reply:
    """There is the task ship, and no other."""
    if one.path.endswith("/crontasks?limit=500"):
        return Reply(200, json.dumps({"items": [{"metadata": {"name": "ship"}}]}).encode())
    return echoed(one) if one.method == "POST" else refused(404, "NotFound", "no such task")


@pytest.mark.parametrize(("task", "args", "words"), UNFIT)
def test_what_does_not_fit_is_not_sent(
    secrets: Path, tls: ssl.SSLContext, task: str, args: dict[str, Any], words: str
) -> None:
    with serve(with_task(nothing_else, argsSchema=SCHEMA), tls) as server:
        with pytest.raises(TriggerError, match=words):
            ask(triggers(server, secrets), task, args=args)
        assert of_runs(server) == []
        own = triggers(server, secrets)
        assert ask(own, "later", missing_ok=True) == run_name("later", "uid-1/call-1")
        before = len(server.asked)
        ask(own, args={"order": 1})
        ask(own, args={"order": 2})
        # The task is read once.
        assert len(server.asked) - before == 3


def test_who_may_not_read_tasks_is_told_by_the_operator(secrets: Path, tls: ssl.SSLContext) -> None:
    def answer(one: Asked) -> Reply:
        return echoed(one) if one.method == "POST" else refused(403, "Forbidden", "cannot get")

    with serve(answer, tls) as server:
        assert ask(triggers(server, secrets), "any") == run_name("any", "uid-1/call-1")


@pytest.fixture
def other_certificate(tmp_path: Path) -> ssl.SSLContext:
    certificate, key = self_signed(["127.0.0.1"])
    (tmp_path / "other.crt").write_text(certificate)
    (tmp_path / "other.key").write_text(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "other.crt", tmp_path / "other.key")
    return context


def test_a_server_that_is_another_is_sent_nothing(secrets: Path, other_certificate: ssl.SSLContext) -> None:
    with serve(echoed, other_certificate) as server, pytest.raises(TriggerError, match="certificate verify failed"):
        ask(triggers(server, secrets))
    assert server.asked == []


def test_a_pod_without_a_token_says_how_to_get_one(tmp_path: Path) -> None:
    source = "def handler(ctx):\n    ctx.trigger('ship')\n"
    cluster = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    ended = run_source(tmp_path, source, **cluster)
    assert ended.code == 1
    assert ended.message["message"].startswith(
        "TriggerError: ctx.trigger: the pod has no service account token; register the task with may_trigger=True"
    )


def test_a_context_for_a_function_that_a_test_calls() -> None:
    context = Context.for_test(attempt=2, args={"a": 1})
    assert (context.attempt, context.args, context.scheduled_time.tzinfo, context.item) == (2, {"a": 1}, UTC, None)
    context.progress(processed=3)
    with pytest.raises(TriggerError, match=r"Context\.for_test has no cluster; trigger within a crontask\.testing\.Sa"):
        context.trigger("ship")
    with pytest.raises(TypeError, match="a context has no atempt; write one of task, namespace, run"):
        Context.for_test(atempt=2)
