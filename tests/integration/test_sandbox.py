"""The client of a sandbox behaves as one of a cluster: the same story has the same answers from both."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import chart
import pytest

from cluster.control_plane import ControlPlane
from crontask import Client, errors
from crontask.api.base import API_VERSION, format_time
from crontask.api.resources import SCHEDULED_RUN
from crontask.client import Flags, load, operations, requests
from crontask.client.requests import Document
from crontask.sdk.aio import port_of
from crontask.sdk.asking import Asking
from crontask.sdk.port import blocking
from crontask.sdk.sync import driven_by
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


def words(call: Callable[[], Any]) -> Any:
    """What is said of what it refuses, but for which namespace it is, and names that are drawn."""
    try:
        found = call()
    except errors.ClientError as error:
        return type(error).__name__, str(error).partition(": what is to be sent ")[2] or str(error)
    return found.spec


def meant(call: Callable[[], Any]) -> Any:
    """What is said that is meant by a field that there is not."""
    with pytest.raises(errors.Invalid, match="unknown field") as refused:
        call()
    return str(refused.value).partition("; ")[2]


def client_now(client: Client) -> datetime:
    """What time it is where the client asks."""
    asking: Asking = vars(driven_by(client))["_asking"]
    return asking.now()


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
        meant(lambda: client.run(handler={"contaner": {"image": "i"}})),
        meant(lambda: client.trigger("t", retry={"limt": 1})),
        words(lambda: client.register("u", handler=HANDLER, on_demand=True, retry={"limt": 1})),
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
    found = client.watch_runs(task="t", existing=True, timeout=60)
    first = next(found)
    client.trigger("u", key="other", delay="2d", missing_ok=True)
    client.trigger("t", key="two", delay="2d")
    second = next(event for event in found if event.type == "ADDED")
    return [(event.type, event.run.name) for event in (first, second)]


NUMBERS = [-0.0, 0.0, 1.0, -1.0, 1.5, 1e15, 1e20, 1e21, 1e22, 1e-7, 123456789012.0, 2**63 - 1, -(2**63), True, None]


def numbers(client: Client, other: Client) -> Answers:
    """Of an API server 1.0 and -0.0 come back as 1 and 0: repr() tells them apart."""

    def given(args: dict[str, Any]) -> Any:
        return said(lambda: client.trigger("t", key="one", args=args, delay="1h").spec["args"])

    client.register("t", handler=HANDLER, on_demand=True, args={"a": NUMBERS, "b": {"c": -0.0}})
    return [
        repr(client.task("t").spec["args"]),
        repr(client.update("t", lambda spec: {**spec, "args": {"a": [-0.0, 2.0]}}).spec["args"]),
        repr(given({"x": -0.0})),
        # The same is asked for again, however it is written; and something else is not.
        repr(given({"x": -0.0})),
        repr(given({"x": 0})),
        repr(given({"x": 0.5})),
        *(said(lambda n=n: client.trigger("t", args={"n": n})) for n in (2**63, 2**64, -(2**63) - 1)),  # type: ignore[misc]
        said(lambda: client.register("t", handler=HANDLER, on_demand=True, args={"n": 2**63})),
        words(lambda: client.trigger("t", args={"a": [{"n": 2**63}]})),
    ]


def halves_of_characters(client: Client, other: Client) -> Answers:
    """Half of a surrogate pair is no text, wherever it stands: it is said where, and nothing is made."""
    client.register("t", handler=HANDLER, on_demand=True)
    half = "a\ud800"
    return [
        words(lambda: client.trigger("t", args={"x": [half]})),
        words(lambda: client.trigger("t", args={half: 1})),
        words(lambda: client.trigger("t", args={"x": "\ud83d\ude00"})),
        words(lambda: client.trigger("t", key=half)),
        words(lambda: client.register("t", handler={"container": {"image": half}}, on_demand=True)),
        words(lambda: client.register("t", handler=HANDLER, on_demand=True, args={"x": half})),
        words(lambda: client.register("t", handler=HANDLER, on_demand=True, labels={"x": half})),
        words(lambda: client.pause("t", reason=half)),
        words(lambda: client.update("t", lambda spec: {**spec, "args": {"x": half}})),
        words(lambda: client.get(half)),
        client.task("t").spec,
        client.runs(),
        said(lambda: client.trigger("t", key="whole", args={"x": "\U0001f600"}).spec),
    ]


def starting_in_the_past(client: Client, other: Client) -> Answers:
    def ago(seconds: float) -> datetime:
        return client_now(client) - timedelta(seconds=seconds)

    def made(name: str, at: datetime, **more: Any) -> Any:
        """As a manifest, without the client's own look at it."""
        spec = {"at": format_time(at), "taskRef": {"name": "t"}, **more}
        body = {"apiVersion": API_VERSION, "kind": "ScheduledRun", "metadata": {"name": name}, "spec": spec}
        port = port_of(driven_by(client))
        request = requests.apply(SCHEDULED_RUN, body, port.namespace, manager="m", force=True)
        return said(lambda: bool(blocking(port.run(operations.once(request)))["spec"]))

    client.register("t", handler=HANDLER, on_demand=True)
    return [
        *(said(lambda s=s: bool(client.trigger("t", at=ago(s)).spec)) for s in (-3600, 0, 30, 90, 10**8)),  # type: ignore[misc]
        said(lambda: bool(client.trigger("t", at=ago(90), allow_past=True).spec)),
        said(lambda: bool(client.run(handler=HANDLER, at=ago(90)).spec)),
        made("a", ago(-3600)),
        made("b", ago(30)),
        made("c", ago(90)),
        made("d", ago(90), allowPast=True),
        # The same again is none, also when its time has passed; another one is.
        made("a", ago(90)),
        made("d", ago(100), allowPast=True),
        made("b", ago(90)),
        said(lambda: client.get("c")),
    ]


STORIES = (
    *(registering, updating, pausing, running, watching),
    *(numbers, halves_of_characters, starting_in_the_past),
)


@pytest.fixture(scope="module")
def policy(control_plane: ControlPlane) -> Iterator[None]:
    """What only admission can see is refused."""
    with chart.policy_in_force(control_plane):
        yield


@pytest.mark.parametrize("story", STORIES, ids=[story.__name__ for story in STORIES])
def test_the_same_story(
    story: Callable[[Client, Client], Answers], control_plane: ControlPlane, policy: None, namespace: str
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
