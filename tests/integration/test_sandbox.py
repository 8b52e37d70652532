"""The client of a sandbox behaves as one of a cluster: the same story has the same answers from both."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from cluster.control_plane import ControlPlane
from crontask import Client, errors
from crontask.client import Flags, load
from crontask.client.requests import Document
from crontask.testing import Sandbox

NEVER = "0 0 1 1 *"
HANDLER = {"container": {"image": "busybox:1.36"}}
Answers = list[Any]


def said(call: Callable[[], Any]) -> Any:
    """What it gives, or the kind of what it raises."""
    try:
        found = call()
    except errors.ClientError as error:
        return type(error).__name__
    return found.spec if hasattr(found, "spec") else found


def registering(client: Client, other: Client) -> Answers:
    answers = [
        said(lambda: client.register("t", schedule=NEVER, handler=HANDLER, timeout="1h", args={"a": 1, "b": {"c": 2}})),
        # What is not said any more goes, also within.
        said(lambda: client.register("t", schedule=NEVER, handler=HANDLER, args={"b": {"d": [1, 2]}})),
        # Another program: what it says alike, beside, and otherwise.
        said(lambda: other.register("t", schedule=NEVER, handler=HANDLER, retry={"limit": 3})),
        said(lambda: other.register("t", schedule="0 0 2 1 *", handler=HANDLER)),
        said(lambda: client.register("t", schedule=NEVER, handler=HANDLER)),
    ]
    try:
        other.register("t", schedule="0 0 2 1 *", handler=HANDLER)
    except errors.FieldConflict as conflict:
        answers.append((str(conflict), conflict.owners))
    taken = other.register("t", schedule="0 0 2 1 *", handler=HANDLER, take_over=True)
    answers += [taken.spec, dict(taken.taken_over)]
    return [*answers, said(lambda: client.register("t", schedule=NEVER, handler=HANDLER))]


def updating(client: Client, other: Client) -> Answers:
    client.register("t", interval="1h", handler=HANDLER, args={"a": None, "b": 1}, labels={"team": "one"})
    return [
        said(lambda: client.update("t", lambda spec: {**spec, "interval": timedelta(minutes=30)})),
        said(lambda: client.update("t", lambda spec: {**spec, "args": {"a": None, "b": None}})),
        said(lambda: client.update("t", lambda spec: {**spec, "interval": "soon"})),
        said(lambda: client.update("t", lambda spec: {**spec, "intervall": "1h"})),
        # What was changed by update is nothing that a redeploy takes back in silence.
        said(lambda: client.register("t", interval="1h", handler=HANDLER)),
        said(lambda: client.update("u", lambda spec: spec)),
        client.task("t").document["metadata"]["labels"],
    ]


def pausing(client: Client, other: Client) -> Answers:
    def register() -> Any:
        return said(lambda: client.register("t", interval="1h", handler=HANDLER))

    return [
        said(lambda: client.register("t", interval="1h", handler=HANDLER, paused=True)),
        register(),
        said(lambda: client.resume("t")),
        said(lambda: other.pause("t", reason="deploy")),
        register(),
        client.task("t").document["metadata"]["annotations"],
        said(lambda: client.resume("t")),
        said(lambda: client.pause("u")),
        said(lambda: client.delete("t")),
        said(lambda: client.delete("t")),
        said(client.tasks),
    ]


def running(client: Client, other: Client) -> Answers:
    client.register("t", handler=HANDLER, on_demand=True)
    keyed = client.trigger("t", key="order-1", args={"x": 1})
    later = client.trigger("t", delay="1h")
    return [
        keyed.name,
        said(lambda: client.trigger("t", key="order-1", args={"x": 1}).name),
        said(lambda: client.trigger("t", key="order-1", args={"x": 2})),
        said(lambda: client.trigger("t", at="2020-01-01T00:00:00Z")),
        said(lambda: client.trigger("nothing-yet")),
        said(lambda: client.run(handler={"container": {"image": "i"}, "http": {"url": "https://example.com"}})),
        said(lambda: client.run(handler={"contaner": {"image": "i"}})),
        said(lambda: client.get(later.name)),
        said(lambda: client.get("nothing")),
        said(lambda: later.cancel("enough")),
        sorted(run.spec.get("idempotencyKey", "") for run in client.runs(task="t")),
        [run.name for run in client.runs(task="t", phase="Succeeded")],
        said(lambda: client.runs(task="T")),
    ]


def watching(client: Client, other: Client) -> Answers:
    client.register("t", handler=HANDLER, on_demand=True)
    client.trigger("t", key="one", delay="2d")
    found = client.watch_runs(task="t", existing=True, timeout=5)
    first = next(found)
    client.trigger("u", key="other", delay="2d", missing_ok=True)
    client.trigger("t", key="two", delay="2d")
    second = next(event for event in found if event.type == "ADDED")
    return [(event.type, event.run.name) for event in (first, second)]


STORIES = (registering, updating, pausing, running, watching)


@pytest.mark.parametrize("story", STORIES, ids=[story.__name__ for story in STORIES])
def test_the_same_story(
    story: Callable[[Client, Client], Answers], control_plane: ControlPlane, namespace: str
) -> None:
    def client(app: str) -> Client:
        return Client(app, access=load(Flags(str(control_plane.kubeconfig), namespace=namespace)))

    with client("shop") as shop, client("other") as other:
        of_cluster = story(shop, other)
    with Sandbox(app="shop", namespace=namespace) as box:
        of_sandbox = story(box.client, box.client_of("other"))
    assert [_comparable(answer) for answer in of_sandbox] == [_comparable(answer) for answer in of_cluster]
    assert len(of_cluster) > 1


def _comparable(answer: Any) -> Any:
    """Without the time at which somebody paused or resumed."""
    if isinstance(answer, dict) and "crontask.dev/resume" in answer:
        changed: Document = {**answer, "crontask.dev/resume": "then"}
        return changed
    return answer
