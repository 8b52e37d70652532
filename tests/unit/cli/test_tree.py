"""A run as a tree, its logs' sources, ages: as rows of what is known and what is shown."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crontask.api.phases import TERMINAL, Origin, RunPhase
from crontask.cli.columns import aligned
from crontask.cli.exits import ENDS
from crontask.cli.runs import runs_command
from crontask.client.log_sources import sources_of
from crontask.client.timing import distance, instant, took
from crontask.client.tree import GONE_PARTS, Parts, gone_parts, label_of, note_of, phase_of, tree_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BEGAN, ENDED = "2026-03-01T11:00:00Z", "2026-03-01T11:00:09Z"


def run(name: str, parent: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    spec = {"parent": {"uid": "top", **parent}} if parent else {}
    return {"metadata": {"name": name, "uid": name}, "spec": spec, "status": status}


def attempt(number: int, **more: Any) -> dict[str, Any]:
    return {"number": number, "pod": f"pod-{number}", "startTime": BEGAN, **more}


def test_the_phases_and_origins_are_those_of_the_api() -> None:
    choices = {param.name: getattr(param.type, "choices", ()) for param in runs_command.params}
    assert set(choices["phases"]) == {str(phase) for phase in RunPhase}
    assert set(ENDS) == {str(phase) for phase in TERMINAL}
    assert set(choices["origins"]) == {str(origin) for origin in Origin}


def test_attempts_are_shown_with_how_they_ended() -> None:
    ended = {"completionTime": ENDED}
    status: dict[str, Any] = {
        "phase": "Retrying",
        "startTime": BEGAN,
        "message": "attempt 2 failed",
        "nextRetryTime": "2026-03-01T12:01:00.123456Z",
        "attempts": [attempt(1, exitCode=3, reason="Error", message="no\nroute", **ended), attempt(2)],
    }
    assert list(tree_of(run("a", **status), Parts(()), NOW).rows()) == [
        ("a", "Retrying", BEGAN, "1h", "attempt 2 failed; tries again at 2026-03-01T12:01:00Z"),
        ("├─ attempt 1", "Error", BEGAN, "9s", "pod pod-1; no route"),
        ("└─ attempt 2", "Running", BEGAN, "1h", "pod pod-2"),
    ]


def test_steps_are_shown_in_the_order_of_the_list_with_their_undo() -> None:
    steps = [
        {"name": "pay", "phase": "Succeeded", "run": "top-pay", "compensated": True},
        {"name": "ship", "phase": "Failed", "run": "top-ship", "message": "exit code 1"},
        {"name": "mail", "phase": "Pending", "message": "waits for ship"},
    ]
    parts = [
        run("top-ship", {"step": "ship"}, phase="Failed", podName="ship-1", attempts=[attempt(1)]),
        run("top-pay", {"step": "pay"}, phase="Succeeded"),
        run("top-undo", {"undo": "pay"}, phase="Running", attempts=[attempt(1)]),
    ]
    tree = tree_of(run("top", phase="Compensating", plan={}, steps=steps, progress="2/3 steps"), Parts(parts), NOW)
    assert [(name, phase, note) for name, phase, _, _, note in tree.rows()] == [
        ("top", "Compensating", "2/3 steps done"),
        ("├─ pay", "Succeeded", "undone"),
        ("├─ ship", "Failed", "exit code 1"),
        ("│  └─ attempt 1", "Running", "pod pod-1"),
        ("├─ mail", "Pending", "waits for ship"),
        ("└─ undo of pay", "Running", ""),
        ("   └─ attempt 1", "Running", "pod pod-1"),
    ]
    assert list(tree.failed_pods()) == [("ship", "ship-1")]


def test_of_many_items_those_are_shown_that_did_not_succeed() -> None:
    parts = [
        run(
            f"item-{index}",
            {"item": {"index": index, "value": f"v{index}"}},
            phase="Failed" if index == 7 else "Succeeded",
        )
        for index in range(30)
    ]
    items = {"total": 31, "succeeded": 29, "failed": 2, "failedItems": [{"index": 30, "item": '"v30"', "message": "m"}]}
    tree = tree_of(run("top", phase="Failed", plan={}, items=items), Parts(parts), NOW)
    assert [(child.name, child.phase, child.note) for child in tree.children] == [
        ('item 7: "v7"', "Failed", ""),
        ('item 30: "v30"', "Failed", "m"),
        ("… and 29 more", "", "most of them Succeeded: 29 succeeded, 2 failed"),
    ]


@pytest.mark.parametrize(
    ("phase", "items", "gone"),
    [
        ("Succeeded", {"total": 4, "succeeded": 4, "ends": "S4"}, 3),
        ("Failed", {"total": 4, "succeeded": 3, "failed": 1, "ends": "S3F", "failedItems": [{"index": 3}]}, 2),
        ("Succeeded", {"total": 4, "succeeded": 4, "ends": "U2S2"}, 1),
        ("Canceled", {"total": 4, "succeeded": 1, "notReached": 3, "ends": "SN3"}, 0),
        ("Running", {"total": 4, "succeeded": 1, "running": 1, "pending": 2, "ends": "SR-2"}, 0),
        ("Succeeded", {}, 0),
    ],
)
def test_items_whose_runs_are_gone_are_counted(phase: str, items: dict[str, Any], gone: int) -> None:
    top = run("top", phase=phase, plan={}, items=items)
    parts = Parts([run("item-0", {"item": {"index": 0, "value": 1}}, phase="Succeeded")])
    assert gone_parts(top["status"], parts.of(top)) == gone
    said = [child.note for child in tree_of(top, parts, NOW).children if child.note.startswith(GONE_PARTS)]
    assert len(said) == (gone > 0)


@pytest.mark.parametrize(
    ("known", "phase", "note"),
    [
        ({}, "Pending", "the operator has not seen it yet"),
        ({"phase": "Queued", "message": "waits for its turn"}, "Queued", "waits for its turn"),
        ({"phase": "Running", "plan": {}, "paused": {"since": BEGAN}}, "Paused", ""),
    ],
)
def test_where_a_run_is_and_why(known: dict[str, Any], phase: str, note: str) -> None:
    assert (phase_of(run("a", **known)), note_of(run("a", **known))) == (phase, note)


def test_parts_are_called_by_what_they_do() -> None:
    parents: list[dict[str, Any]] = [
        {"item": {"index": 0}},
        {"batch": {"number": 2}},
        {"collect": True},
        {"undo": "a"},
        {"step": "a"},
    ]
    assert [label_of(run("r", parent)) for parent in parents] == ["item 0", "batch 2", "collect", "undo of a", "a"]


def test_logs_are_those_of_parts_of_parts_too() -> None:
    inner = run("inner", {"uid": "outer", "step": "b"}, attempts=[attempt(1), attempt(2)])
    outer = run("outer", {"step": "a"}, plan={})
    sources = list(sources_of(run("top", plan={}), Parts([inner, outer])))
    assert [(source.prefix, source.pod) for source in sources] == [("[a/b #1] ", "pod-1"), ("[a/b #2] ", "pod-2")]
    # A pod that is made, and of which the attempts do not say anything yet.
    assert [source.prefix for source in sources_of(run("a", podName="pod-1"), Parts(()))] == ["[#1] "]


def test_of_a_pod_that_is_gone_it_is_said_what_was_kept() -> None:
    known = attempt(1, completionTime=ENDED, reason="OOMKilled", exitCode=137)
    (source,) = sources_of(run("a", attempts=[known], message="at row 7"), Parts(()))
    assert source.obituary == (
        f"pod pod-1 is gone, and its log with it: it ended at {ENDED} (OOMKilled, exit code 137); "
        "its message was: at row 7"
    )


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://logs.example.com/?pod=pod-1", "https://logs.example.com/?pod=pod-1"),
        ("http://logs.example.com/", "http://logs.example.com/"),
        (None, ""),
        (7, ""),
        ("javascript:alert(1)", ""),
        ("JavaScript:alert(1)//https://a", ""),
        ("https://a/\x1b[2J", ""),
        ("https://a/\n", ""),
        ("https://a/ b", ""),
        ("https://a/\u202e", ""),
        ("https://", ""),
    ],
)
def test_where_its_log_is_is_a_url_of_http_or_nothing(written: object, url: str) -> None:
    known = run("a", attempts=[attempt(1)], logsURL=written)
    assert [source.url for source in sources_of(known, Parts(()))] == [url]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("2026-03-01T12:00:00Z", NOW), ("2026-03-01T12:00:00", NOW), ("soon", None), (7, None), (None, None)],
)
def test_times_of_an_object(text: object, wanted: datetime | None) -> None:
    assert instant(text) == wanted


def test_distances_have_two_units() -> None:
    assert distance(NOW - timedelta(days=1, hours=2, seconds=3), NOW) == "1d2h ago"
    assert distance(NOW + timedelta(minutes=3), NOW) == "in 3m"
    assert (took(BEGAN, None, NOW), took(None, None, NOW)) == ("1h", "")


def test_columns_are_three_spaces_apart_and_nothing_follows_the_last() -> None:
    assert aligned([("A", "B"), ("long one", "x")]) == ["A          B", "long one   x"]
