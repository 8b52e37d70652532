"""The models of the views: what is shown of which objects."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from dashboard_objects import EVERYTHING, LINKS, NOON, RENDERER, run, scene, task
from hypothesis import given, settings
from hypothesis import strategies as st

from crontask.api.phases import RunPhase
from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.dashboard.address import Ask
from crontask.dashboard.moments import Clock
from crontask.dashboard.nodes import nodes_of
from crontask.dashboard.now import NOW
from crontask.dashboard.reader import Held, Snapshot
from crontask.dashboard.run import RUN_VIEW
from crontask.dashboard.task import TASK_VIEW
from crontask.dashboard.tasks import TASKS
from crontask.dashboard.views import Frame, NoSuchObjectError, Scene, View


def condition(type_: str, status: str, message: str = "", reason: str = "Why") -> dict[str, Any]:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def lasted(start: str, end: str) -> dict[str, str]:
    return {"startTime": start, "completionTime": end}


def snapshot(view: View, ask: Ask, tasks: list[dict[str, Any]], runs: list[dict[str, Any]]) -> Snapshot:
    """What the API server would find: by kind, name and parent."""
    found = {}
    for query in view.queries(ask):
        objects = tasks if query.kind is CRON_TASK else runs
        kept = [each for each in objects if query.name in ("", each["metadata"]["name"])]
        if query.kind is SCHEDULED_RUN and "spec.parent.name=" in query.fields:
            parent = query.fields.partition("spec.parent.name=")[2].partition(",")[0]
            kept = [each for each in kept if (each["spec"].get("parent") or {}).get("name", "") == parent]
        found[query] = tuple(map(Held, kept))
    return found


def model(
    view: View,
    tasks: list[dict[str, Any]] = [],  # noqa: B006
    runs: list[dict[str, Any]] = [],  # noqa: B006
    name: str = "",
    query: dict[str, str] | None = None,
    namespace: str = "shop",
    **of_scene: Any,
) -> Any:
    ask = Ask(namespace, name, query or {})
    return view.build(ask, snapshot(view, ask, tasks, runs), scene(**of_scene))


ACTIVE = {"phase": "Active", "conditions": [condition("Ready", "True")]}
FAILING = {
    "phase": "Active",
    "consecutiveFailures": 3,
    "conditions": [condition("Ready", "True"), condition("LastRunSucceeded", "False")],
    "lastRun": {"name": "r", "phase": "Failed", "message": "no\nroute", "completionTime": "2026-03-02T11:00:00Z"},
}


# --- tasks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "state", "note"),
    [
        (task("a"), "New", ""),
        (task("a", ACTIVE), "Active", ""),
        (task("a", FAILING), "Failing", "3 in a row: no route"),
        (task("a", {**FAILING, "consecutiveFailures": 1}), "Failing", "no route"),
        (
            task("a", {"phase": "Invalid", "conditions": [condition("Ready", "False", "spec.schedule: is wrong")]}),
            "Invalid",
            "spec.schedule: is wrong",
        ),
        (
            task("a", {**ACTIVE, "conditions": [condition("Overdue", "True", "no success since yesterday")]}),
            "Overdue",
            "no success since yesterday",
        ),
        (task("a", {"phase": "Suspended"}, suspend=True, suspendReason="deploy"), "Suspended", "“deploy”"),
        (
            task("a", {"phase": "Suspended"}, suspendUntil="2026-03-02T13:00:00Z"),
            "Suspended",
            "until Mon 02 Mar 2026 13:00:00 UTC",
        ),
        (
            task("a", {"phase": "Suspended", "conditions": [condition("Suspended", "True", "5 failures in a row")]}),
            "Suspended",
            "5 failures in a row",
        ),
        (task("a", {"phase": "Completed"}), "Completed", ""),
        (task("a", {"phase": "Novel"}), "Novel", ""),
    ],
)
def test_the_state_of_a_task_and_why(found: dict[str, Any], state: str, note: str) -> None:
    (row,) = model(TASKS, [found]).rows
    assert (row.look.word, row.note) == (state, note)


def test_who_paused_it() -> None:
    paused = task("a", {"phase": "Suspended"}, suspend=True, suspendReason="deploy")
    paused["metadata"]["annotations"] = {"crontask.dev/suspended-by": "ann"}
    assert model(TASKS, [paused]).rows[0].note == "by ann “deploy”"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"schedule": "30 2 * * *"}, "At 02:30"),
        ({"schedules": ["0 9 * * 1-5", "0 12 * * 6"]}, "At 09:00, Monday through Friday; and at 12:00, on Saturday"),
        ({"schedule": "61 * * * *"}, "61 * * * *"),
        ({"interval": "90s"}, "Every 1m30s"),
        ({"interval": "often"}, "Every often"),
        ({"delay": "5m"}, "5m after the end of each run"),
        ({"after": {"task": "extract", "on": "Failed"}}, "When extract fails"),
        ({"after": {"task": "extract"}}, "When extract succeeds"),
        # As it is stored: YAML reads `on` as true.
        ({"after": {"task": "extract", "on": "Succeeded", "true": "Failed"}}, "When extract fails"),
        ({}, "On demand"),
    ],
)
def test_the_schedule_described(spec: dict[str, Any], words: str) -> None:
    assert model(TASKS, [task("a", **spec)]).rows[0].schedule == words


MANY = [
    task("alpha", {**ACTIVE, "nextRunTime": "2026-03-02T13:00:00Z", "activeCount": 1}),
    task("beta", FAILING, schedule="0 3 * * *"),
    task("gamma", {"phase": "Suspended"}, suspend=True),
    task("delta", {**ACTIVE, "nextRunTime": "2026-03-02T12:30:00Z"}),
]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["alpha", "beta", "delta", "gamma"]),
        ({"sort": "-name"}, ["gamma", "delta", "beta", "alpha"]),
        ({"sort": "next"}, ["delta", "alpha", "beta", "gamma"]),
        ({"sort": "last"}, ["beta", "alpha", "delta", "gamma"]),
        ({"sort": "state"}, ["beta", "alpha", "delta", "gamma"]),
        ({"sort": "nonsense"}, ["alpha", "beta", "delta", "gamma"]),
        ({"q": "ALPHA"}, ["alpha"]),
        ({"q": "route no"}, ["beta"]),
        ({"q": "at 03:00"}, ["beta"]),
        ({"q": "nothing"}, []),
        ({"state": "attention"}, ["beta"]),
        ({"state": "suspended"}, ["gamma"]),
        ({"state": "running"}, ["alpha"]),
        ({"per": "2"}, ["alpha", "beta"]),
        ({"per": "2", "page": "2"}, ["delta", "gamma"]),
        ({"per": "2", "page": "99"}, ["delta", "gamma"]),
    ],
)
def test_search_filters_sort_and_pages(query: dict[str, str], names: list[str]) -> None:
    assert [row.name for row in model(TASKS, MANY, query=query).rows] == names


def test_the_address_keeps_what_is_asked_for() -> None:
    found = model(TASKS, MANY, query={"q": "a", "sort": "next", "per": "2"})
    assert found.pages.after == "?q=a&sort=next&per=2&page=2"
    assert [(group.word, group.count) for group in found.groups] == [
        ("All", 4),
        ("Need attention", 1),
        ("Running", 1),
        ("Suspended", 1),
    ]
    assert found.groups[1].href == "?q=a&sort=next&per=2&state=attention"


# --- one task --------------------------------------------------------------------------------------------------------


def test_ten_times_to_come_with_clock_changes() -> None:
    nightly = task("nightly", ACTIVE, schedule="30 2 * * *", timeZone="Europe/Berlin")
    ask, when = Ask("shop", "nightly", {}), Clock(datetime(2026, 3, 27, 12, tzinfo=UTC))
    found = TASK_VIEW.build(ask, snapshot(TASK_VIEW, ask, [nightly], []), Scene(LINKS, when, EVERYTHING))
    assert len(found.coming) == 10
    assert found.coming[1].nominal.short == "Sun 03:00:00 CEST"
    assert found.coming[1].note == "shifted: 02:30 does not exist; clock forward 1h"
    assert found.shown_zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({}, "it has no schedule, and runs on demand only"),
        ({"schedule": "61 * * * *"}, "its spec cannot be used"),
        ({"schedule": "0 3 * * *", "suspend": True}, "it is suspended"),
        ({"after": {"task": "extract"}}, "it runs after extract"),
    ],
)
def test_why_no_time_comes(spec: dict[str, Any], why: str) -> None:
    found = model(TASK_VIEW, [task("a", ACTIVE, **spec)], name="a")
    assert (found.coming, found.why_none) == ((), why)


def test_no_time_comes_while_failures_keep_a_task_from_starting() -> None:
    paused = {"type": "Suspended", "status": "True", "reason": "TooManyFailures", "message": "2 failures in a row"}
    paused["lastTransitionTime"] = "2026-03-02T10:00:00Z"
    stopped = task("a", {"phase": "Suspended", "conditions": [paused]}, schedule="0 3 * * *")
    stopped["status"]["observedGeneration"] = stopped["metadata"]["generation"] = 2
    found = model(TASK_VIEW, [stopped], name="a")
    assert (found.coming, found.why_none) == ((), "it is suspended")


def test_runs_newest_first_with_those_that_are_gone() -> None:
    summaries = [{"name": "r2", "phase": "Failed"}, {"name": "r0", "phase": "Succeeded", "duration": "3s"}]
    runs = [
        run(
            "r1", {"phase": "Succeeded", "startTime": "2026-03-02T10:00:00Z", "completionTime": "2026-03-02T10:00:30Z"}
        ),
        run("r2", {"phase": "Failed", "startTime": "2026-03-02T11:00:00Z", "completionTime": "2026-03-02T11:01:00Z"}),
        run("r3"),
    ]
    runs[2]["metadata"]["annotations"] = {"crontask.dev/reserved": "true"}
    found = model(TASK_VIEW, [task("sync", {**ACTIVE, "recentRuns": summaries})], runs, name="sync")
    assert [(row.name, row.href) for row in found.runs] == [
        ("r2", "/p/ns/shop/runs/r2"),
        ("r1", "/p/ns/shop/runs/r1"),
        ("r0", ""),
    ]
    # As long as it took, beside the longest.
    assert 'width="100"' in found.runs[0].bar
    assert 'width="50"' in found.runs[1].bar


def test_what_it_does() -> None:
    spec = {
        "schedule": "0 3 * * *",
        "concurrency": {"policy": "Queue", "group": "db"},
        "retry": {"limit": 3},
        "timeout": "5m",
        "startingDeadline": "1h",
        "skip": [{"from": "2026-12-24", "to": "2026-12-26"}],
        "jitter": "5m",
        "maxRuns": 7,
        "expect": {"successWithin": "1d"},
        "suspendAfterFailures": 5,
    }
    facts = dict(model(TASK_VIEW, [task("a", ACTIVE, **spec)], name="a").facts)
    assert facts == {
        "Runs": "image busybox:1.36",
        "Overlap": "a time that comes while a run is under way waits for its turn, counted over the group db",
        "Missed times": "the latest time that nobody could start is made up for",
        "Retries": "3 times, after 1s and then longer, 5m at most",
        "Time limits": "an attempt 5m, late by 1h is missed",
        "Window": "7 times",
        "Left out": "2026-12-24 to 2026-12-26",
        "Starts moved by": "up to 5m",
        "Expected": "a success at least every 1d",
        "Suspended after": "5 failures in a row",
        "Kept": "3 runs that succeeded and 3 that did not, for 168h at most",
    }


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        ({"container": {"image": "a:1"}}, "image a:1"),
        ({"podTemplate": {"spec": {"containers": [{"image": "a"}, {"image": "b"}]}}}, "a pod of a, b"),
        ({"http": {"url": "https://x.example", "method": "POST"}}, "POST https://x.example"),
        ({"python": {"source": "a\nb\n"}}, "2 lines of Python"),
        ({"python": {"entrypoint": "m:f"}}, "Python: m:f"),
        ({"steps": [{"name": "a"}, {"name": "b"}]}, "a workflow of 2 steps: a, b"),
        ({"forEach": {"items": [1, 2], "handler": {"task": "one"}}}, "2 items, 10 at a time: the task one"),
        ({"forEach": {"items": "${args.ids}", "handler": {}}}, "items of ${args.ids}, 10 at a time: "),
        ({"batch": {"size": 100, "handler": {"container": {"image": "a"}}}}, "batches of 100: image a"),
    ],
)
def test_what_runs(handler: dict[str, Any], words: str) -> None:
    found = task("a", ACTIVE)
    found["spec"]["handler"] = handler
    assert dict(model(TASK_VIEW, [found], name="a").facts).get("Runs") == words


def test_decisions_counts_and_conditions() -> None:
    status = {
        **ACTIVE,
        "counts": {"succeeded": 4, "failed": 0, "missed": 1},
        "recentDecisions": [
            {"type": "Skipped", "nominalTime": "2026-03-02T11:00:00Z", "reason": "RunActive", "run": "r1", "count": 2}
        ],
        "decided": "S60x2 s60",
        "decidedSince": "2026-03-02T11:00:00Z",
        "conditions": [condition("Ready", "True"), condition("ClockSkew", "True", "by 3m", "Skewed")],
    }
    found = model(TASK_VIEW, [task("a", status)], name="a")
    assert found.counts == ((4, "succeeded", "good"), (1, "missed", "late"))
    (decision,) = found.decisions
    assert (decision.kind, decision.reason, decision.run_href, decision.count) == (
        "Skipped",
        "RunActive",
        "/p/ns/shop/runs/r1",
        2,
    )
    assert [cell.look.word for cell in found.decided] == ["Succeeded", "Succeeded", "Skipped"]
    assert [(each.title, each.message) for each in found.conditions] == [("ClockSkew: Skewed", "by 3m")]


def test_one_that_is_not_there() -> None:
    for view in (TASK_VIEW, RUN_VIEW):
        with pytest.raises(NoSuchObjectError, match="there is no"):
            model(view, name="none")


# --- one run ---------------------------------------------------------------------------------------------------------


def test_a_run_with_its_attempts() -> None:
    status = {
        "phase": "Failed",
        "origin": "Manual",
        "message": "exit code 3",
        "startTime": "2026-03-02T11:00:00Z",
        "completionTime": "2026-03-02T11:00:10Z",
        "duration": "10s",
        "podName": "r-2",
        "conditions": [condition("Failed", "True", "", "Error")],
        "attempts": [
            {
                "number": 1,
                "pod": "r-1",
                "startTime": "2026-03-02T11:00:00Z",
                "completionTime": "2026-03-02T11:00:04Z",
                "exitCode": 143,
                "reason": "TimedOut",
            },
            {"number": 2, "pod": "r-2", "startTime": "2026-03-02T11:00:05Z"},
        ],
        "result": {"rows": 3},
    }
    found = model(RUN_VIEW, [], [run("r", status, args={"a": 1})], name="r")
    assert (found.look.word, found.reason, found.note, found.took, found.origin) == (
        "Failed",
        "Error",
        "exit code 3",
        "10s",
        "by hand",
    )
    assert [(row.look.word, row.took, row.code) for row in found.attempts] == [
        ("Timed out", "4s", "143"),
        ("Running", "59m55s", ""),
    ]
    assert found.args == '{\n  "a": 1\n}'
    assert '"rows": 3' in found.result
    assert found.lines["rerun"] == "kubectl crontask rerun r -n shop"
    assert not found.open


@pytest.mark.parametrize(
    ("status", "spec", "can_hold", "is_open"),
    [
        (None, {}, True, True),
        ({"phase": "Running", "attempts": [{"number": 1}]}, {}, False, True),
        ({"phase": "Running", "plan": {}}, {}, True, True),
        ({"phase": "Succeeded", "plan": {}}, {}, False, False),
    ],
)
def test_what_can_be_held(status: Any, spec: dict[str, Any], can_hold: bool, is_open: bool) -> None:
    found = model(RUN_VIEW, [], [run("r", status, **spec)], name="r")
    assert (found.can_hold, found.open) == (can_hold, is_open)


def test_the_steps_of_a_workflow() -> None:
    handler = {"steps": [{"name": "a"}, {"name": "b", "dependsOn": ["a"]}, {"name": "end", "always": True}]}
    status = {
        "phase": "Running",
        "plan": {"handler": handler},
        "steps": [
            {"name": "a", "phase": "Succeeded", "run": "r-a", "compensated": True, "result": {"x": 1}},
            {
                "name": "b",
                "phase": "Waiting",
                "startTime": "2026-03-02T11:00:00Z",
                "message": "waits: sure?; kubectl annotate --overwrite -n shop sr r crontask.dev/approve=b",
            },
            {"name": "end", "phase": "Pending"},
        ],
        "notCompensated": [{"step": "b", "reason": "NoCompensation", "message": "nothing undoes it"}],
    }
    part = run("r-a", {"phase": "Succeeded"}, parent={"name": "r", "uid": "uid-r", "step": "a"})
    foreign = run("r-b", {}, parent={"name": "r", "uid": "another", "step": "b"})
    found = model(RUN_VIEW, [], [run("r", status), part, foreign], name="r")
    assert [(step.name, step.href, step.asks) for step in found.steps] == [
        ("a", "/p/ns/shop/runs/r-a", False),
        ("b", "", True),
        ("end", "", False),
    ]
    assert (found.steps[0].undo, found.steps[0].result) == ("undone", '{"x": 1}')
    assert found.steps[1].message == "waits: sure?"
    assert found.steps[1].line == "kubectl annotate --overwrite -n shop sr r crontask.dev/approve=b"
    assert found.undone == (("b", "NoCompensation", "nothing undoes it"),)
    assert found.graph.count('class="edge"') == 1


def test_items_and_batches() -> None:
    items = {
        "total": 5,
        "succeeded": 2,
        "failed": 1,
        "ends": "S2FR",
        "failedItems": [{"index": 2, "item": '"c"', "message": "no"}],
    }
    found = model(RUN_VIEW, [], [run("r", {"phase": "Running", "plan": {}, "items": items})], name="r").items
    assert (found.total, found.done) == (5, 3)
    assert [(look.word, count) for look, count in found.legend] == [
        ("To come", 1),
        ("Running", 1),
        ("Succeeded", 2),
        ("Failed", 1),
    ]
    assert found.failed == ((2, '"c"', "no", ""),)
    batch = {"batches": 3, "processedCount": 300, "total": 1000, "percent": 30, "cursor": {"page": 4}}
    batches = model(RUN_VIEW, [], [run("r", {"phase": "Running", "plan": {}, "batch": batch})], name="r").batches
    assert (batches.done, batches.percent, batches.cursor) == (3, 30, '{"page": 4}')


# --- now -------------------------------------------------------------------------------------------------------------


def test_what_runs_waits_has_failed_and_comes() -> None:
    def failed(name: str, ended: str) -> dict[str, Any]:
        return run(name, {"phase": "Failed", "startTime": ended, "completionTime": ended})

    tasks = [
        task("soon", {**ACTIVE, "nextRunTime": "2026-03-02T12:30:00Z"}),
        task("later", {**ACTIVE, "nextRunTime": "2026-03-02T13:30:00Z"}),
        task("never", {"phase": "Suspended", "nextRunTime": "2026-03-02T12:10:00Z"}),
    ]
    runs = [
        run("runs", {"phase": "Running", "startTime": "2026-03-02T11:59:00Z"}),
        run("waits", {"phase": "Queued", "message": "waits for runs"}),
        run("retries", {"phase": "Retrying"}),
        failed("f1", "2026-03-02T10:00:00Z"),
        failed("f2", "2026-03-02T11:00:00Z"),
        failed("old", "2026-03-01T11:59:00Z"),
    ]
    found = model(NOW, tasks, runs)
    assert [row.name for row in found.running.rows] == ["runs"]
    assert [(row.name, row.note) for row in found.waiting.rows] == [("retries", ""), ("waits", "waits for runs")]
    assert [(row.name, row.times) for row in found.failed.rows] == [("f2", 2)]
    assert [(row.task, row.at.short) for row in found.coming] == [("soon", "12:30:00 UTC")]


# --- any object ------------------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.sampled_from(["", "x", "2026-03-02T11:00:00Z"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("a"), inner),
    max_leaves=4,
)
_STATUS = st.fixed_dictionaries(
    {},
    optional={
        "phase": st.sampled_from([*RunPhase, "Active", "Suspended", "Novel"]),
        "message": st.text(max_size=20),
        "startTime": st.sampled_from(["2026-03-02T11:00:00Z", "mangled"]),
        "completionTime": st.sampled_from(["2026-03-02T11:00:00Z", "mangled"]),
        "result": _JSON,
        "decided": st.sampled_from(["S60x3", "mangled"]),
        "decidedSince": st.just("2026-03-02T11:00:00Z"),
        "nextRunTime": st.sampled_from(["2026-03-02T12:10:00Z", "after extract"]),
    },
)


@settings(max_examples=60)
@given(_STATUS, st.frozensets(st.sampled_from(sorted(EVERYTHING))))
def test_each_region_of_each_view_is_well_formed_and_the_same_as_nodes(
    status: dict[str, Any], may: frozenset[str]
) -> None:
    tasks, runs = [task("sync", copy.deepcopy(status), schedule="0 3 * * *")], [run("r", copy.deepcopy(status))]
    for view, name in ((TASKS, ""), (NOW, ""), (TASK_VIEW, "sync"), (RUN_VIEW, "r")):
        found = model(view, tasks, runs, name=name, may=may)
        frame = Frame(LINKS, Clock(NOON), "ann", "token", may=may, address="/p/ns/shop/tasks")
        for region in view.regions:
            assert isinstance(nodes_of(RENDERER.page(region, frame, found)), list)
        whole = RENDERER.page(view.template, frame, found)
        if not may & {"run", "steer", "pause"}:
            assert 'method="post"' not in whole.partition("<main")[2]


@pytest.mark.parametrize(
    ("url", "link"),
    [
        (
            "https://logs.example.com/?a=b&pod='x'",
            '<a href="https://logs.example.com/?a=b&amp;pod=&#39;x&#39;" target="_blank" rel="noopener noreferrer">',
        ),
        ("javascript:alert(1)", ""),
        ('https://a/" onclick="alert(1)', ""),
        (None, ""),
    ],
)
def test_a_run_links_to_where_its_log_is_if_that_is_a_url_of_http(url: str | None, link: str) -> None:
    found = model(RUN_VIEW, runs=[run("r", {"phase": "Succeeded", "logsURL": url})], name="r")
    frame = Frame(LINKS, Clock(NOON), "ann", "token", may=EVERYTHING, address="/p/ns/shop/runs/r")
    for template in ("run.html", "run/_head.html"):
        shown = RENDERER.page(template, frame, found)
        assert link in shown
        assert ("noopener" in shown) == bool(link)
        assert "alert(1)" not in shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("waits for approval: sure?", "waits for approval: sure?"),
        # What the operator itself adds is the line that is shown beside it.
        ("waits for approval; kubectl annotate --overwrite -n shop sr r crontask.dev/approve=ok", "waits for approval"),
        ("Fine to go on?; kubectl delete namespace prod", "Fine to go on?; kubectl delete namespace prod"),
        ("a; kubectl b; kubectl annotate --overwrite -n shop sr r crontask.dev/approve=ok", "a; kubectl b"),
        ("x; kubectl annotate --overwrite -n shop sr r crontask.dev/approve=other", None),
    ],
)
def test_the_line_of_an_approval_is_ours_whatever_the_message_says(message: str, shown: str | None) -> None:
    step = {"name": "ok", "phase": "Waiting", "startTime": "2026-03-02T11:00:00Z", "message": message}
    (row,) = model(RUN_VIEW, runs=[run("r", {"phase": "Running", "steps": [step]})], name="r").steps
    assert row.line == "kubectl annotate --overwrite -n shop sr r crontask.dev/approve=ok"
    assert row.message == (message if shown is None else shown)


@pytest.mark.parametrize("more", [{"phase": "Succeeded"}, {"run": "r-1"}, {"startTime": None}, {"answer": {"by": "x"}}])
def test_a_step_that_asks_nobody_has_no_line(more: dict[str, Any]) -> None:
    step = {"name": "ok", "phase": "Waiting", "startTime": "2026-03-02T11:00:00Z", "message": "a; kubectl b", **more}
    (row,) = model(RUN_VIEW, runs=[run("r", {"phase": "Running", "steps": [step]})], name="r").steps
    assert (row.line, row.message, row.asks) == ("", "a; kubectl b", False)


@pytest.mark.parametrize("depth", [260, 900, 5000])
def test_what_is_nested_deeply_does_not_cost_the_page(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    if depth < 1000:
        # Deeper ones are read by a process that has raised its limit, as the page's has.
        deep = task("a", ACTIVE, args={"x": value}, schedule="0 3 * * *")
        assert model(TASK_VIEW, [deep], name="a").why_none == "its spec cannot be used"
    shown = model(RUN_VIEW, runs=[run("r", {"phase": "Running", "result": value}, args={"x": value})], name="r")
    assert shown.args
    assert shown.result
