"""Warnings: what has no effect beside the rest of a spec, or another than it seems, and what has."""

from datetime import UTC, datetime
from typing import Any

import pytest

from crontask.api.problem import Problem
from crontask.api.validate import validate_run, validate_task
from crontask.api.warn import run_warnings, task_warnings
from crontask.api.warn_past import passed_times

CONTAINER = {"container": {"image": "busybox:1.36"}}
UNTIL = "2030-01-01T00:00:00Z"
ON_DEMAND = "has no effect on a task that runs on demand only; add schedule, interval, delay or after, or remove it"
BESIDE_AFTER = "has no effect beside after; remove it"


def warnings_of(**spec: Any) -> list[str]:
    parsed, problems = validate_task({"handler": CONTAINER, **spec}, "n/t")
    assert parsed is not None, problems
    return [str(warning).removeprefix("spec.") for warning in task_warnings(parsed)]


# (spec, the warnings)
TASKS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"schedule": "@daily", "timeZone": "Europe/Berlin", "dst": {"missing": "Skip"}, "jitter": "5m"}, []),
    ({"schedule": "@daily", "suspend": True}, []),
    ({"schedule": "@daily", "suspendUntil": UNTIL, "suspendReason": "move"}, []),
    ({"interval": "5m", "timeZone": "UTC", "dst": {"missing": "Shift", "repeated": "First"}, "jitter": "1m"}, []),
    (
        {"interval": "5m", "timeZone": "Europe/Berlin"},
        ["timeZone: has no effect beside interval: it is the zone of schedule, schedules and skip; remove it"],
    ),
    ({"interval": "5m", "timeZone": "Europe/Berlin", "skip": [{"from": "2026-12-24"}]}, []),
    (
        {"delay": "5m", "timeZone": "Europe/Berlin"},
        ["timeZone: has no effect beside delay: it is the zone of schedule, schedules and skip; remove it"],
    ),
    ({"interval": "5m", "dst": {"repeated": "Both"}}, ["dst: has no effect beside interval; remove it"]),
    ({"delay": "5m", "dst": {"repeated": "Both"}}, ["dst: has no effect beside delay; remove it"]),
    ({"delay": "5m", "jitter": "1m", "startTime": UNTIL, "maxRuns": 3}, []),
    (
        {"schedule": "@daily", "dst": {"missing": "Skip"}},
        [
            "dst: has no effect in UTC, whose clock never changes; write timeZone, like timeZone: Europe/Berlin, or "
            "remove it"
        ],
    ),
    (
        {"schedule": "*/50 * * * *"},
        ["schedule: */50 begins anew each hour; for every 50 minutes write interval: 50m instead of schedule"],
    ),
    (
        {"schedules": ["*/15 * * * *", "0 8-18/3 * * *", "H/7 */5 * * *"]},
        ["schedules[2]: */5 begins anew each day"],
    ),
    ({"schedule": "H(0-29)/10 * * * *"}, []),
    ({"jitter": "5m"}, [f"jitter: {ON_DEMAND}"]),
    (
        {"startTime": UNTIL, "maxRuns": 3, "suspend": True, "startingDeadline": "5m"},
        [f"{field}: {ON_DEMAND}" for field in ("startingDeadline", "startTime", "maxRuns", "suspend")],
    ),
    ({"after": {"task": "x"}, "startTime": UNTIL, "maxRuns": 3, "suspend": True}, []),
    (
        {"after": {"task": "x"}, "jitter": "5m", "catchUp": {"policy": "All"}, "skip": [{"from": "2026-12-24"}]},
        [f"{field}: {BESIDE_AFTER}" for field in ("jitter", "skip", "catchUp")],
    ),
    (
        {"schedule": "@daily", "suspend": True, "suspendUntil": UNTIL},
        [
            "suspendUntil: has no effect while suspend is true: the task does not resume by itself; remove suspend, or "
            "remove suspendUntil"
        ],
    ),
    (
        {"interval": "5s", "concurrency": {"queueLimit": 5}},
        ["concurrency.queueLimit: has no effect without policy: Queue; write policy: Queue, or remove it"],
    ),
    ({"interval": "5s", "concurrency": {"policy": "Queue", "queueLimit": 5}}, []),
    (
        {"interval": "5s", "concurrency": {"policy": "Allow", "group": "db"}},
        [
            "concurrency.group: has no effect without max: with policy Allow nothing limits the runs of the group; "
            "write max, like max: 1, or another policy"
        ],
    ),
    (
        {"interval": "5s", "catchUp": {"limit": 5}},
        ["catchUp.limit: has no effect without policy: All; write policy: All, or remove it"],
    ),
    (
        {"interval": "5s", "history": {"succeeded": 0, "failed": 0}},
        [
            "history.failed: is 0: a failed run is removed ten minutes after its end, with its message and its pod's "
            "log; write failed: 1 or more to be able to look at it"
        ],
    ),
    (
        {"schedule": "30 2 * * mon-fri", "expect": {"successWithin": "25h"}},
        [
            "expect.successWithin: is not longer than the time between two scheduled times, which is up to 3d; write "
            "more than 3d and the time that a run takes, or the task is overdue in between"
        ],
    ),
    (
        {"interval": "1h", "expect": {"successWithin": "1h"}},
        [
            "expect.successWithin: is not longer than the time between two scheduled times, which is up to 1h; write "
            "more than 1h and the time that a run takes, or the task is overdue in between"
        ],
    ),
    ({"interval": "1h", "expect": {"successWithin": "1h1s"}}, []),
    ({"schedules": ["0 0 * * *", "0 12 * * *"], "expect": {"successWithin": "13h"}}, []),
    ({"after": {"task": "x"}, "expect": {"successWithin": "1s", "finishWithin": "1s"}}, []),
    (
        {"interval": "5s", "totalTimeout": "1h", "expect": {"finishWithin": "1h"}},
        [
            "expect.finishWithin: has no effect as no run takes longer than totalTimeout, 1h; write a shorter one, or "
            "a longer totalTimeout"
        ],
    ),
    (
        {"interval": "5s", "timeout": "2h", "startTimeout": "3h", "totalTimeout": "1h"},
        # Not of startTimeout: it counts while the pod is refused, and totalTimeout does not.
        ["timeout: has no effect as it is longer than totalTimeout, 1h; write a shorter one, or a longer totalTimeout"],
    ),
    (
        {"interval": "5s", "retry": {"factor": 3}},
        [
            "retry.factor: has no effect on failures while retry.limit is 0: only lost attempts are tried again; write "
            "limit, like limit: 3"
        ],
    ),
    ({"interval": "5s", "retry": {"limit": 1, "factor": 3}}, []),
    ({"interval": "5s", "retry": {"onLost": "Fail"}}, []),
    (
        {"interval": "5s", "retry": {"onLost": "Fail", "maxLost": 5}},
        ["retry.maxLost: has no effect with onLost: Fail, which tries no lost attempt again; remove it"],
    ),
    (
        {"interval": "5s", "retry": {"limit": 3, "initial": "10m"}},
        ["retry.initial: has no effect beyond retry.max, 5m: no pause is longer; write a shorter one, or a longer max"],
    ),
]


@pytest.mark.parametrize(("spec", "wanted"), TASKS)
def test_warnings_of_a_task(spec: dict[str, Any], wanted: list[str]) -> None:
    assert warnings_of(**spec) == wanted


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"at": UNTIL, "allowPast": True, "cancel": True, "cancelReason": "enough"}, []),
        ({"allowPast": True}, ["spec.allowPast: has no effect without at; remove it"]),
        (
            {"cancelReason": "enough"},
            ["spec.cancelReason: has no effect without cancel: true; add cancel: true, or remove it"],
        ),
        (
            {"timeout": "2h", "totalTimeout": "1h"},
            ["spec.timeout: has no effect as it is longer than totalTimeout, 1h; write a shorter one"],
        ),
    ],
)
def test_warnings_of_a_run(spec: dict[str, Any], wanted: list[str]) -> None:
    parsed, problems = validate_run({"taskRef": {"name": "t"}, **spec})
    assert parsed is not None, problems
    assert [str(w)[: len(words)] for w, words in zip(run_warnings(parsed), wanted, strict=True)] == wanted


# --- URLs -------------------------------------------------------------------------------------------------------------

BASE = "https://example.com"
URL = "handler.http.urlTemplate"


def template(text: str) -> dict[str, Any]:
    return {"http": {"urlTemplate": BASE + text}}


def flow(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"steps": [{"name": f"s{number}", **step} for number, step in enumerate(steps)]}


# (handler, args, the warnings where no run may bring more)
URLS: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    (template("/{id}{?filter*}"), {"id": 1, "filter": {"a": 1}}, []),
    (template("/{id}{?filter*}"), {"id": False, "filter": []}, []),
    (
        template("/{id}/{id}{?filter*}"),
        {},
        [
            f"{URL}: names id, for which spec.args has no value: the call would fail; add it to spec.args",
            f"{URL}: names filter, for which spec.args has no value: the call would fail; add it to spec.args",
        ],
    ),
    (
        template("/{id}"),
        {"ID": 1, "id": None},
        [
            f"{URL}: names id, for which spec.args has no value: the call would fail; add it to spec.args, or name one "
            "of ID"
        ],
    ),
    (
        template("/{id}"),
        {f"x{number}": 1 for number in range(11)},
        [
            f"{URL}: names id, for which spec.args has no value: the call would fail; add it to spec.args, or name one "
            "of x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, …"
        ],
    ),
    (
        template("/a{?id}"),
        {"id": [1]},
        [f"{URL}: has {{?id}}, and spec.args.id is a list: the call would fail; write {{?id*}} or {{&id*}}"],
    ),
    (
        template("/{id}"),
        {"id": {"a": 1}},
        [f"{URL}: has {{id}}, and spec.args.id is an object: the call would fail; write {{?id*}} or {{&id*}}"],
    ),
    # Steps are given the args of the run, or their own.
    (
        flow(template("/{id}")),
        {"day": 1},
        [
            "handler.steps[0].http.urlTemplate: names id, for which spec.args has no value: the call would fail; add "
            "it to spec.args, or name one of day"
        ],
    ),
    (flow(template("/{id}")), {"id": 1}, []),
    (flow({**template("/{id}"), "args": {"id": "${args.x}"}}), {"x": 1}, []),
    (flow({**template("/{id}"), "args": {"id": {"$ref": "${args.x}", "default": 1}}}), {}, []),
    (
        flow({"python": {"source": "def handler(ctx): ..."}, "compensate": template("/{id}")}),
        {},
        [
            "handler.steps[0].compensate.http.urlTemplate: names id, for which spec.args has no value: the call would "
            "fail; add it to spec.args"
        ],
    ),
]
# (handler, the warnings whatever the run brings)
CERTAIN: list[tuple[dict[str, Any], list[str]]] = [
    (
        flow({**template("/{id}"), "args": {"day": 1}}),
        [
            "handler.steps[0].http.urlTemplate: names id, for which spec.handler.steps[0].args has no value: the call "
            "would fail; add it to spec.handler.steps[0].args, or name one of day"
        ],
    ),
    (
        flow({"container": {"image": "i"}, "compensate": {**template("/{id}"), "args": {"id": []}}}),
        [
            "handler.steps[0].compensate.http.urlTemplate: has {id}, and spec.handler.steps[0].compensate.args.id is a "
            "list: the call would fail; write {?id*} or {&id*}"
        ],
    ),
    (
        {"http": {"url": f"{BASE}/{{id}}"}},
        [
            "handler.http.url: has {id} in it, which is called as it is; write urlTemplate instead of url to put args "
            "there"
        ],
    ),
    ({"http": {"url": f"{BASE}/?q={{}}&a={{a:b}}"}}, []),
    (
        flow({**template("/${id}{?x}"), "args": {"id": 1, "x": 1}}),
        [
            "handler.steps[0].http.urlTemplate: has ${id} in it, of which the $ is called as it is; write {id}, or %24 "
            "for a $ that is meant"
        ],
    ),
]


@pytest.mark.parametrize(("handler", "args", "wanted"), URLS)
def test_a_url_that_args_cannot_fill(handler: dict[str, Any], args: dict[str, Any], wanted: list[str]) -> None:
    assert warnings_of(handler=handler, args=args, schedule="@daily") == wanted
    assert warnings_of(handler=handler, args=args, after={"task": "x"}) == wanted
    # People may start it with whatever is missing.
    assert warnings_of(handler=handler, args=args) == []
    assert warnings_of_run(handler=handler, args=args) == wanted


@pytest.mark.parametrize(("handler", "wanted"), CERTAIN)
def test_a_url_that_no_args_of_a_run_can_help(handler: dict[str, Any], wanted: list[str]) -> None:
    assert warnings_of(handler=handler) == wanted
    assert warnings_of(handler=handler, interval="5m") == wanted
    assert warnings_of_run(handler=handler) == wanted


def warnings_of_run(**spec: Any) -> list[str]:
    parsed, problems = validate_run(spec)
    assert parsed is not None, problems
    return [str(warning).removeprefix("spec.") for warning in run_warnings(parsed)]


# --- times that have passed -------------------------------------------------------------------------------------------

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEFORE, THEN, AFTER = "2026-05-31T23:58:59Z", "2026-06-01T00:00:00Z", "2026-06-01T00:00:01Z"


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"endTime": AFTER}, []),
        ({"endTime": THEN}, ["endTime: is in the past: nothing is due any more; write a later time, or remove it"]),
        ({"suspendUntil": AFTER}, []),
        ({"suspendUntil": THEN}, ["suspendUntil: is in the past: the task is not suspended; write a later time"]),
        # That it has no effect is warned of already.
        ({"suspendUntil": THEN, "suspend": True}, []),
        ({"startTime": BEFORE}, []),
    ],
)
def test_a_task_whose_times_have_passed(spec: dict[str, Any], wanted: list[str]) -> None:
    parsed, problems = validate_task({"schedule": "* * * * *", "handler": {"container": {"image": "i"}}, **spec})
    assert parsed is not None, problems
    _same_words(passed_times(parsed, NOW), wanted)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"at": AFTER}, []),
        ({"at": "2026-05-31T23:59:00Z"}, []),
        ({"at": BEFORE}, ["at: is in the past, by more than 60s: the run would fail at once; write a later time, or"]),
        ({"at": BEFORE, "allowPast": True}, []),
        ({"scheduledTime": BEFORE}, []),
    ],
)
def test_a_run_whose_time_has_passed(spec: dict[str, Any], wanted: list[str]) -> None:
    parsed, problems = validate_run({"taskRef": {"name": "t"}, **spec})
    assert parsed is not None, problems
    _same_words(passed_times(parsed, NOW), wanted)


def _same_words(found: tuple[Problem, ...], wanted: list[str]) -> None:
    assert [str(w).removeprefix("spec.")[: len(words)] for w, words in zip(found, wanted, strict=True)] == wanted
