"""Bodies and patches of what people do with tasks and runs, as tables."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from crontask.api.names import drawn_name, follow_up_name, nominal_of
from crontask.api.policies import Retry
from crontask.api.validate import validate_run
from crontask.client import actions, values
from crontask.client.errors import BadInput
from crontask.runner.result import same_json

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 6, 1, 14, 0, 0, 1, tzinfo=timezone(timedelta(hours=1)))
RUN = {"metadata": {"name": "sync-1"}, "spec": {"taskRef": {"name": "sync"}}}
ONE_OFF = {"metadata": {"name": "once"}, "spec": {"handler": {"container": {"image": "a"}}}}
IMAGE = {"container": {"image": "busybox:1.36", "command": ["true"]}}


def spec(body: dict[str, Any]) -> dict[str, Any]:
    return dict(body["spec"])


SPECS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("now", actions.trigger("sync", name="a"), {"taskRef": {"name": "sync"}}),
    (
        "with args, in which None and fractions are values",
        actions.trigger("sync", name="a", args={"x": None, "y": 0.5, "when": NOW}),
        {"taskRef": {"name": "sync"}, "args": {"x": None, "y": 0.5, "when": "2026-06-01T12:00:00Z"}},
    ),
    (
        "None counts as not given",
        actions.trigger("sync", name="a", args=None, at=None, delay=None, retry=None, key=None),
        {"taskRef": {"name": "sync"}},
    ),
    (
        "at a time between two seconds, of another zone: the later one, in UTC",
        actions.trigger("sync", name="a", at=LATER),
        {"taskRef": {"name": "sync"}, "at": "2026-06-01T13:00:01Z"},
    ),
    (
        "after a delay, by a key",
        actions.trigger("sync", name="a", key="k", delay=timedelta(minutes=90)),
        {"taskRef": {"name": "sync"}, "idempotencyKey": "k", "delay": "1h30m"},
    ),
    (
        "a model is written with what was set in it",
        actions.trigger("sync", name="a", retry=Retry(limit=3, initial=timedelta(seconds=5)), timeout="10m"),
        {"taskRef": {"name": "sync"}, "retry": {"limit": 3, "initial": "5s"}, "timeout": "10m"},
    ),
    (
        "a one-off of an image",
        actions.one_off(actions.handler(image="busybox:1.36", command=("true",)), name="a", ttl_after_finished="1h"),
        {"handler": IMAGE, "ttlAfterFinished": "1h"},
    ),
    (
        "a one-off of source, in an image, on some nodes",
        actions.one_off(actions.handler(source="def handler(ctx): ...", image="i", pod={"spec": {"x": 1}}), name="a"),
        {"handler": {"python": {"source": "def handler(ctx): ...", "image": "i"}, "pod": {"spec": {"x": 1}}}},
    ),
    (
        "a one-off that calls a URL",
        actions.one_off(actions.handler(url="https://example.com/", method="GET"), name="a", args={}),
        {"handler": {"http": {"url": "https://example.com/", "method": "GET"}}, "args": {}},
    ),
    (
        "a one-off of lines without a function, to which one to call is added",
        actions.one_off(actions.handler(source="print(1)\n"), name="a"),
        {"handler": {"python": {"source": "print(1)\n\n\ndef handler(ctx, **args):\n    pass\n"}}},
    ),
    ("any handler", actions.one_off(actions.handler(handler=IMAGE), name="a"), {"handler": IMAGE}),
    (
        "a run again",
        actions.rerun(RUN, name="a"),
        {"taskRef": {"name": "sync"}, "rerunOf": {"name": "sync-1"}},
    ),
    (
        "a one-off again, from its start, by its task as it is now",
        actions.rerun(ONE_OFF, name="a", from_="Start", latest=True),
        {"rerunOf": {"name": "once", "from": "Start", "definition": "Latest"}},
    ),
]


@pytest.mark.parametrize(("name", "body", "wanted"), SPECS, ids=[row[0] for row in SPECS])
def test_the_spec_of_a_run(name: str, body: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert spec(body) == wanted
    assert (body["apiVersion"], body["kind"], body["metadata"]) == (
        "crontask.dev/v1alpha1",
        "ScheduledRun",
        {"name": "a"},
    )


@pytest.mark.parametrize("row", SPECS, ids=[row[0] for row in SPECS])
def test_a_run_that_is_made_is_valid(row: tuple[str, dict[str, Any], dict[str, Any]]) -> None:
    assert validate_run(row[1]["spec"])[1] == ()


def test_labels_and_annotations() -> None:
    body = actions.trigger("sync", name="a", labels={"team": "data"}, annotations={"why": "x"})
    assert body["metadata"] == {"name": "a", "labels": {"team": "data"}, "annotations": {"why": "x"}}


REFUSED: list[tuple[str, Callable[[], Any], str]] = [
    (
        "a naive time",
        lambda: actions.trigger("t", name="a", at=datetime(2026, 6, 1)),
        "at: 2026-06-01 00:00:00 has no time zone, so that it could be any of 26 hours; write datetime(2026, 3",
    ),
    (
        "a text without a zone",
        lambda: actions.trigger("t", name="a", at="2026-06-01T00:00:00"),
        "at: 2026-06-01T00:00:00 has no time zone",
    ),
    ("no time at all", lambda: actions.trigger("t", name="a", at="noon"), "at: 'noon' is not a time; write"),
    (
        "a day that is not in the calendar",
        lambda: actions.trigger("t", name="a", at="2026-02-30T00:00:00Z"),
        "at: '2026-02-30T00:00:00Z' is not a time: 2026-02 has 28 days; write datetime(",
    ),
    (
        "a time before computers",
        lambda: actions.trigger("t", name="a", at=datetime(1900, 1, 1, tzinfo=UTC)),
        "at: is before 1970 or after 9999; write a time in between",
    ),
    (
        "a time past the end of time",
        lambda: actions.trigger("t", name="a", at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))),
        "at: is before 1970 or after 9999; write",
    ),
    (
        "seconds since 1970",
        lambda: actions.trigger("t", name="a", at=1.5),  # type: ignore[arg-type]
        "at: 1.5 (float) is not a time; write",
    ),
    (
        "a float as a duration",
        lambda: actions.trigger("t", name="a", delay=1.5),  # type: ignore[arg-type]
        "delay: 1.5 (float) is not a duration; write timedelta(seconds=90), or 90s",
    ),
    (
        "a number as a duration",
        lambda: actions.trigger("t", name="a", timeout=30),  # type: ignore[arg-type]
        "timeout: 30 (int) is not a duration",
    ),
    (
        "half a second",
        lambda: actions.trigger("t", name="a", delay=timedelta(seconds=0.5)),
        "delay: 0:00:00.500000 is not a duration of whole seconds",
    ),
    (
        "a negative duration",
        lambda: actions.trigger("t", name="a", delay=timedelta(seconds=-1)),
        "delay: -1 day, 23:59:59 is not a duration of whole seconds",
    ),
    (
        "a text that is no duration",
        lambda: actions.trigger("t", name="a", delay="soon"),
        "delay: 'soon' is not a duration; write it like 90s, 5m, 1h30m or 2d",
    ),
    (
        "a float in a field",
        lambda: actions.trigger("t", name="a", retry={"limit": 1.5}),
        "spec.retry.limit: 1.5 is a float, which no field takes",
    ),
    (
        "a naive time within args",
        lambda: actions.trigger("t", name="a", args={"from": [datetime(2026, 6, 1)]}),
        "spec.args.from[0]: 2026-06-01 00:00:00 has no time zone",
    ),
    (
        "not a number within args",
        lambda: actions.trigger("t", name="a", args={"x": float("nan")}),
        "spec.args.x: nan is not a value that JSON has",
    ),
    (
        "half of a character within args",
        lambda: actions.trigger("t", name="a", args={"x": ["a\ud800"]}),
        "spec.args.x[0]: has half of a surrogate pair, which is no text; write whole characters",
    ),
    (
        "half of a character as a name within args",
        lambda: actions.trigger("t", name="a", args={"x": {"\udfff": 1}}),
        r"spec.args.x.\udfff: has half of a surrogate pair, which is no text; write whole characters",
    ),
    (
        "a number that an API server would round",
        lambda: actions.trigger("t", name="a", args={"x": 2**63}),
        "spec.args.x: is a number that does not fit in 64 bits with a sign, at most 9223372036854775807; write it in",
    ),
    ("a set", lambda: actions.trigger("t", name="a", args={"x": {1}}), "spec.args.x: {1} (set) is not a value that"),
    ("a key that is no text", lambda: actions.trigger("t", name="a", args={"x": {1: 2}}), "spec.args.x: the key 1"),
    (
        "args that are a list",
        lambda: actions.trigger("t", name="a", args=[1]),  # type: ignore[arg-type]
        "args: is not a mapping of names to values",
    ),
    (
        "a time and a delay",
        lambda: actions.trigger("t", name="a", at=NOW, delay="5s"),
        "at: and delay are both given; keep one of them",
    ),
    ("an empty key", lambda: actions.name_by_key("t", ""), "key: has 0 characters; write 1 to 256"),
    (
        "half of a character as a key",
        lambda: actions.name_by_key("t", "\ud800"),
        r"key: '\ud800' has half of a surrogate pair",
    ),
    ("a long key", lambda: actions.name_by_key("t", "k" * 257), "key: has 257 characters"),
    ("nothing to run", lambda: actions.handler(), "handler: what runs is not said once: it has nothing; write one of"),
    (
        "two things to run",
        lambda: actions.handler(source="x", url="y"),
        "handler: what runs is not said once: it has source, url",
    ),
    ("a URL in an image", lambda: actions.handler(url="y", image="x"), "handler: what runs is not said once"),
    (
        "a command of source",
        lambda: actions.handler(source="x", command=["y"]),
        "command: does not go with source=; remove it, or write image=",
    ),
    ("a command as a text", lambda: actions.handler(image="x", command="a b"), "command: is one text; write its parts"),
    (
        "a pod beside a whole handler",
        lambda: actions.handler(handler=IMAGE, pod={}),
        "pod: does not go with handler=; remove it, or write image or source or url=",
    ),
]


@pytest.mark.parametrize(("name", "make", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_meant_is_refused(name: str, make: Callable[[], Any], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        make()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("at", "allowed", "refused"),
    [
        (NOW - timedelta(seconds=60), None, False),
        (NOW - timedelta(seconds=61), None, True),
        (NOW - timedelta(days=1), True, False),
        (NOW + timedelta(days=1), None, False),
        (None, None, False),
    ],
)
def test_an_at_in_the_past(at: datetime | None, allowed: bool | None, refused: bool) -> None:
    body = actions.trigger("t", name="a", at=at, allow_past=allowed)
    if not refused:
        actions.refuse_past(body, NOW)
        return
    with pytest.raises(BadInput, match="at: 2026-06-01T11:58:59Z has passed: it is 2026-06-01T12:00:00Z"):
        actions.refuse_past(body, NOW)


def test_names() -> None:
    keyed = actions.name_by_key("sync", "deploy-42")
    assert keyed == actions.name_by_key("sync", "deploy-42") != follow_up_name("sync", "deploy-42")
    assert keyed != actions.name_by_key("sync", "deploy-43")
    assert keyed.startswith("sync-")
    assert len(keyed) == len("sync-") + 10
    assert nominal_of("sync", keyed) is None
    assert len(actions.name_by_key("t" * 52, "k")) <= 60
    assert drawn_name("sync", "0123456789") == "sync-0123456789"
    assert re.fullmatch("sync-[0-9a-f]{11}", actions.drawn("sync"))
    assert actions.drawn("sync") != actions.drawn("sync")


def test_pause_and_resume() -> None:
    by_ann = {"annotations": {"crontask.dev/suspended-by": "ann"}}
    assert actions.pause(by="ann", reason="deploy") == {
        "metadata": by_ann,
        "spec": {"suspend": True, "suspendUntil": None, "suspendReason": "deploy"},
    }
    # A pause without an end by somebody else goes on after it.
    assert actions.pause(by="ann", until=LATER) == {
        "metadata": by_ann,
        "spec": {"suspendUntil": "2026-06-01T13:00:01Z", "suspendReason": None},
    }
    cleared = {"suspend": None, "suspendUntil": None, "suspendReason": None}
    unsaid = {"crontask.dev/suspended-by": None}
    assert actions.resume({"spec": {}}, NOW) == {"metadata": {"annotations": unsaid}, "spec": cleared}
    anew = {**unsaid, "crontask.dev/resume": "2026-06-01T12:00:00.000000Z"}
    assert actions.resume({"spec": {"suspendAfterFailures": 5}}, NOW) == {
        "metadata": {"annotations": anew},
        "spec": cleared,
    }


def test_cancel() -> None:
    assert actions.cancel() == {"spec": {"cancel": True}}
    assert actions.cancel(reason="enough", immediate=True) == {
        "spec": {"cancel": True, "cancelReason": "enough", "cancelMode": "Immediate"}
    }


ASKED = actions.trigger("t", name="a", key="k", args={"x": 1}, delay="60s")


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (actions.trigger("t", name="a", key="k", args={"x": 1}, delay="1m"), []),
        (actions.trigger("t", name="a", key="k", args={"x": 2}, delay="1m"), ["args"]),
        (actions.trigger("t", name="a", key="k", args={"x": 1}, at=NOW), ["at", "delay"]),
        (actions.trigger("t", name="a", args={"x": 1}, delay="1m"), ["idempotencyKey"]),
        (actions.trigger("u", name="a", key="k", args={"x": 1}, delay="1m"), ["taskRef"]),
        (actions.trigger("t", name="a", key="k", delay="1m", timeout="5s"), ["args", "timeout"]),
        (actions.trigger("t", name="a", key="k", args={"x": True}, delay="1m"), ["args"]),
        (actions.trigger("t", name="a", key="k", args={"x": 1.0}, delay="1m"), []),
        (actions.trigger("t", name="a", key="k", args={"x": 1}, delay="1m", scheduled_time=NOW), ["scheduledTime"]),
        (actions.trigger("t", name="a", key="k", args={"x": 1}, delay="1m", retry={"limit": 1}), ["retry"]),
        (actions.trigger("t", name="a", key="k", args={"x": 1}, delay="1m", suspend=True), ["suspend"]),
        (actions.trigger("t", name="a", key="k", args={"x": 1}, delay="1m", suspend=False), []),
        (actions.trigger("t", name="a", key="k", args={"x": 1}, delay="1m", on_complete={"task": "u"}), ["onComplete"]),
        (actions.trigger("t", name="a", key="k", args={"x": 1}, delay="1m", allow_past=True), []),
    ],
)
def test_in_what_a_run_differs(there: dict[str, Any], wanted: list[str]) -> None:
    assert actions.differences(ASKED, there) == wanted


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        *(({"c": 1}, {"c": True}, False), ([{"c": [0]}], [{"c": [False]}], False), ({"c": 1}, {"c": 1.0}, True)),
        *(({"c": 1}, {"d": 1}, False), ([1], [1, 2], False), ("1", 1, False), (None, 0, False), ([], {}, False)),
    ],
)
def test_what_json_has_one_value_for(one: Any, other: Any, same: bool) -> None:
    assert same_json(one, other) is same_json(other, one) is same


def test_a_run_that_somebody_let_go_is_the_one_that_was_asked_for() -> None:
    asked = actions.trigger("t", name="a", key="k", suspend=True, timeout="60s")
    assert actions.differences(asked, actions.trigger("t", name="a", key="k", timeout="1m")) == []
    assert actions.differences(asked, asked) == []


def test_what_the_api_server_fills_in_is_no_difference() -> None:
    crd = yaml.safe_load((ROOT / "crds" / "crontask.dev_scheduledruns.yaml").read_text())
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    fields = spec["retry"]["properties"]
    assert {key: each["default"] for key, each in fields.items() if "default" in each} == actions.RETRY_DEFAULTS
    asked = actions.trigger("t", name="a", key="k", retry={"limit": 2, "max": "300s"})
    found = actions.trigger("t", name="a", key="k", retry={**actions.RETRY_DEFAULTS, "limit": 2})
    assert actions.differences(asked, found) == []
    found["spec"]["retry"]["initial"] = "9s"
    assert actions.differences(asked, found) == ["retry"]


@pytest.mark.parametrize("source", ["def handel(ctx): ...", "async def handler(ctx): ...", "def"])
def test_source_that_has_a_function_or_cannot_be_read_stays_as_it_is(source: str) -> None:
    assert actions.handler(source=source) == {"python": {"source": source}}


def test_a_date_is_written_as_one() -> None:
    assert values.plain({"skip": [{"from": date(2026, 12, 24)}]}, "spec") == {"skip": [{"from": "2026-12-24"}]}


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("keys", r"did you mean key=\?"),
        ("countdown", r"did you mean delay=\?"),
        ("index", r'if it is one of the args of the task, write args={"index": …}'),
    ],
)
def test_a_setting_that_there_is_not(name: str, fix: str) -> None:
    settings: Any = {name: "x"}
    with pytest.raises(BadInput, match=f"{name}=: there is no such argument; {fix}"):
        actions.trigger("t", name="t-1", **settings)
