"""What a rerun keeps of the run that it runs again: tables of steps, items and batches."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from composite_views import C, fan_out, flow, own, part, step
from run_life import at, own_run, recorded

from crontask.api.composite_status import BatchStatus, StepPhase, StepStatus
from crontask.api.phases import RunPhase
from crontask.decide.composite.model import CompositeView
from crontask.decide.composite.reuse import Kept, kept_of, missing_results
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import Plan, parse_plan, plan_of

LETTERS = dict(zip("SAFTC-.U", (P.value for P in (*StepPhase,)[3:]), strict=True))
UID = "flow-uid"


def recorded_steps(names: str, letters: str, undone: str = "") -> tuple[StepStatus, ...]:
    """By a letter a step, as in the tables of workflows; those of `undone` were taken back."""
    return tuple(
        StepStatus(
            name=name,
            phase=StepPhase(LETTERS[letter]),
            run=own(name) if letter not in "-.U" else f"before-{name}" if letter == "U" else None,
            completion_time=at(1),
            compensated=True if name in undone else None,
        )
        for name, letter in zip(names, letters, strict=True)
    )


def source_of(view: CompositeView, phase: RunPhase = RunPhase.FAILED) -> tuple[ScheduledRun, Plan]:
    """The run of a view, as one that has ended."""
    run = replace(view.run, status=view.run.status.model_copy(update={"phase": phase}))
    plan = plan_of(run)
    assert plan is not None
    return run, plan


def kept(view: CompositeView, from_: str = "Failed", phase: RunPhase = RunPhase.FAILED, **spec: Any) -> Kept:
    """What a run of the same handler keeps."""
    source, plan = source_of(view, phase)
    again = own_run("again", handler=None, rerunOf={"name": "flow", "from": from_}, **spec)
    written = {"handler": plan.handler.model_dump(by_alias=True, exclude_unset=True), "args": again.spec.args}
    new = parse_plan(again, written)
    assert new is not None
    return kept_of(source, plan, view.parts.values(), new, again)


# --- steps -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """How the steps a, b, … ended, each after what `edges` say; which are kept (U, or - as before), and whose key is.

    `before`: the steps whose key begins with that of the other run.
    """

    name: str
    ends: str
    wanted: str
    before: str
    edges: tuple[str, ...] = ()
    undone: str = ""
    from_: str = "Failed"


CHAIN, FORK, DIAMOND = (), ("", "a", "a"), ("", "a", "a", "bc")
ROWS = (
    Row("the last failed", "SSF", "UUP", "abc"),
    Row("the first failed", "F..", "PPP", "abc"),
    Row("partial is done", "AF", "UP", "ab"),
    Row("what was not reached", "SF.", "UPP", "abc"),
    Row("timed out, canceled", "STC", "UPP", "abc"),
    Row("kept before, kept again", "UF", "UP", "ab"),
    Row("downstream of a tolerated failure", "FS", "PP", "a"),
    Row("beside it", "SFS", "UPU", "abc", FORK),
    Row("below both", "SFSS", "UPUP", "abc", DIAMOND),
    Row("skipped stays skipped", "S-SF", "U-UP", "abcd"),
    Row("skipped after what runs again is asked anew", "F-S", "PPP", "ab"),
    Row("what was undone runs again, with a new key", "SSF", "UPP", "ac", undone="b"),
    Row("and all after it", "SSF", "PPP", "c", undone="a"),
    Row("what was to be undone and was not, stands", "SSF", "UUP", "abc"),
    Row("from a step that succeeded", "SSS", "UPP", "a", from_="b"),
    Row("from one of several", "SSSS", "UPUP", "ac", DIAMOND, from_="b"),
    Row("and what failed besides", "SFSF", "UPPP", "abd", DIAMOND, from_="c"),
    Row("from the start", "SSF", "PPP", "", from_="Start"),
)
SHOWN = {"Reused": "U", "Pending": "P", "Skipped": "-"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_which_steps_are_kept(row: Row) -> None:
    names = "abcd"[: len(row.ends)]
    steps = [
        step(name, **({"dependsOn": list(row.edges[index])} if row.edges else {})) for index, name in enumerate(names)
    ]
    found = kept(flow(*steps, said=recorded_steps(names, row.ends, row.undone)), row.from_)
    shown: tuple[StepStatus, ...] = found.status["steps"]
    assert "".join(SHOWN[known.phase.value] for known in shown) == row.wanted
    assert found.plan["rerun"]["keys"] == dict.fromkeys(row.before, UID)
    runs = {known.name: known.run for known in shown if known.phase is StepPhase.REUSED}
    ends = dict(zip(names, row.ends, strict=True))
    assert runs == {name: f"before-{name}" if ends[name] == "U" else own(name) for name in runs}


def test_always_runs_again_and_is_no_reason_for_others_to() -> None:
    steps = (step("a"), step("b"), step("z", always=True))
    found = kept(flow(*steps, said=recorded_steps("abz", "SFS")))
    assert [known.phase.value for known in found.status["steps"]] == ["Reused", "Pending", "Pending"]
    assert found.plan["rerun"]["keys"] == {"a": UID, "b": UID}


@pytest.mark.parametrize("phase", [RunPhase.FAILED, RunPhase.CANCELED, RunPhase.SUCCEEDED, RunPhase.PARTIAL])
def test_what_ended_well_stands(phase: RunPhase) -> None:
    view = flow(step("a"), step("b"), said=recorded_steps("ab", "SS"))
    assert kept(view, "b", phase).plan["rerun"]["stands"] is (phase in (RunPhase.SUCCEEDED, RunPhase.PARTIAL))


USES: dict[str, Any] = {"args": {"x": "${steps.a.result.x}"}}


@pytest.mark.parametrize(
    ("steps", "phase", "wanted"),
    [
        ((step("a"), step("b", **USES)), RunPhase.FAILED, "a"),
        ((step("a"), step("b")), RunPhase.FAILED, None),
        ((step("a"), step("b", args={"x": "${steps.a.phase}"})), RunPhase.FAILED, None),
        ((step("a"), step("b"), step("z", always=True, **USES)), RunPhase.FAILED, None),
        ((step("a", compensate={**C, **USES}), step("b")), RunPhase.FAILED, "a"),
        ((step("a", compensate={**C, **USES}), step("b")), RunPhase.PARTIAL, None),
    ],
)
def test_a_result_that_nobody_has_any_more(steps: tuple[Any, ...], phase: RunPhase, wanted: str | None) -> None:
    names = "".join(each["name"] for each in steps)
    source, plan = source_of(flow(*steps, said=recorded_steps(names, "SFS"[: len(names)])), phase)
    assert missing_results(source, plan, (), plan.handler, "Failed") == wanted


# --- items and batches -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "wanted", "succeeded"),
    [("SFS", "U-U", 2), ("F3", "-3", 0), ("SPN", "U2-", 2), ("UTC", "U-2", 1), ("S3", "U3", 3)],
)
def test_which_items_are_kept(ends: str, wanted: str, succeeded: int) -> None:
    found = kept(fan_out(3, ends))
    items = found.status["items"]
    assert (items.ends, items.succeeded, items.pending) == (wanted, succeeded, 3 - succeeded)
    assert found.plan["rerun"]["key"] == UID
    assert ("partial" in found.plan["rerun"]) is ("P" in ends)
    assert kept(fan_out(3, ends), "Start") == Kept()


@pytest.mark.parametrize(
    ("ends", "items", "note"),
    [
        ("SF", ["a", "b"], None),
        ("SF", ["a", "c"], "none of the 1 items that succeeded in run flow is kept: the list has changed"),
        ("SF", ["b", "a"], "none of the 1 items that succeeded in run flow is kept: the list has changed"),
        ("FF", ["a", "c"], None),
    ],
)
def test_items_of_another_list_are_not_kept(ends: str, items: list[str], note: str | None) -> None:
    found = kept(fan_out("${args.items}", ends, plan={"args": {"items": ["a", "b"]}}), args={"items": items})
    assert ("items" in found.status) is (items == ["a", "b"])
    assert found.plan.get("rerun", {}).get("note") == note


def test_items_whose_runs_nobody_has_any_more_get_new_keys() -> None:
    """What the run of a task has done and undone only that run says."""
    of_task = {"each": {"handler": {"task": "x"}}}
    assert kept(fan_out(3, "SF2", **of_task)).plan["rerun"]["keys"] == {"1": "again", "2": "again"}
    known = kept(fan_out(3, "SF2", parts=(part("1", RunPhase.FAILED),), **of_task)).plan["rerun"]
    assert (known["keys"], known["parts"]) == ({"2": "again"}, {})
    assert kept(fan_out(3, "SF2")).plan["rerun"]["keys"] == {}


@pytest.mark.parametrize(
    ("said", "collects", "results", "omitted"),
    [
        ({"results": {"0": 1, "1": 2}}, True, {"0": 1}, None),
        ({"results_omitted": True}, True, None, True),
        ({}, False, None, None),
    ],
)
def test_what_the_items_gave_back(said: dict[str, Any], collects: bool, results: Any, omitted: bool | None) -> None:
    each = {"collect": C} if collects else {}
    items = kept(fan_out(2, "SF", said=said, each=each)).status["items"]
    assert (items.results, items.results_omitted) == (results, omitted)


@pytest.mark.parametrize(
    ("spec", "from_", "number", "cursor", "key"),
    [
        ({}, "Failed", 4, {"page": 4}, UID),
        # Where somebody says that it goes on, nothing is as it was.
        ({"cursor": 9}, "Failed", 4, 9, None),
        ({}, "Start", 0, 1, None),
    ],
)
def test_batches_go_on(spec: dict[str, Any], from_: str, number: int, cursor: Any, key: str | None) -> None:
    handler = {"batch": {"size": 5, "handler": C}}
    batch = BatchStatus(batches=4, done=False, cursor={"page": 4}, processed_count=20)
    plan = {"args": {}, "cursor": 1}
    run = own_run("flow", handler=handler)
    run = replace(run, meta=run.meta.model_copy(update={"uid": UID}))
    source = replace(run, status=recorded(RunPhase.FAILED, plan=plan, batch=batch))
    known = plan_of(source)
    assert known is not None
    again = own_run("again", handler=None, rerunOf={"name": "flow", "from": from_}, **spec)
    new = parse_plan(again, {"handler": handler})
    assert new is not None
    found = kept_of(source, known, (), new, again)
    assert (found.status["batch"].batches, found.status["batch"].cursor) == (number, cursor)
    assert found.plan.get("rerun", {}).get("key") == key
    assert found.status["batch"].first_kept == (5 if number else None)
    assert found.beside == {"continues": "flow", "cursor": cursor}


BATCHES = {"batch": {"size": 5, "handler": C}}


def kept_batches(plan: dict[str, Any], batch: BatchStatus, from_: str, **spec: Any) -> Kept:
    """What a run keeps of one in batches that was canceled."""
    source = replace(
        own_run("flow", handler=BATCHES), status=recorded(RunPhase.CANCELED, plan={"args": {}, **plan}, batch=batch)
    )
    again = own_run("again", handler=None, rerunOf={"name": "flow", "from": from_}, **spec)
    known, new = plan_of(source), parse_plan(again, {"handler": BATCHES})
    assert known is not None
    assert new is not None
    return kept_of(source, known, (), new, again)


# Of a run that went on itself where another ended: what the plan says of that one.
WENT_ON: dict[str, Any] = {"cursor": 4, "rerun": {"first": 3}}


@pytest.mark.parametrize(
    ("plan", "spec", "from_", "cursor", "begun"),
    [
        ({}, {}, "Failed", 7, None),
        ({"cursor": 1}, {}, "Failed", 7, 1),
        (WENT_ON, {}, "Failed", 7, None),
        ({"cursor": 4, "rerun": {"first": 3, "cursor": 1}}, {}, "Failed", 7, 1),
        ({"cursor": 1, "rerun": {"first": 0}}, {}, "Failed", 7, 1),
        (WENT_ON, {"cursor": 9}, "Failed", 9, 9),
        (WENT_ON, {}, "Start", None, None),
        ({"cursor": 4, "rerun": {"first": 3, "cursor": 1}}, {}, "Start", 1, None),
        ({"cursor": 1, "rerun": {"first": 0}}, {}, "Start", 1, None),
        (WENT_ON, {"cursor": 9}, "Start", 9, None),
    ],
)
def test_all_of_a_chain_begins_where_its_first_run_did(
    plan: dict[str, Any], spec: dict[str, Any], from_: str, cursor: Any, begun: Any
) -> None:
    found = kept_batches(plan, BatchStatus(batches=5, done=False, cursor=7), from_, **spec)
    assert (found.status["batch"].cursor, found.plan.get("rerun", {}).get("cursor")) == (cursor, begun)


@pytest.mark.parametrize(
    ("from_", "spec", "done"), [("Failed", {}, True), ("Failed", {"cursor": 2}, False), ("Start", {}, False)]
)
def test_batches_that_were_done_when_the_run_was_canceled_are_done(
    from_: str, spec: dict[str, Any], done: bool
) -> None:
    found = kept_batches({}, BatchStatus(batches=3, done=True, cursor=None), from_, **spec)
    assert found.status["batch"].done is done
