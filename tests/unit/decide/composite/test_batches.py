"""The policy of a run in batches, as tables: what is recorded, what has ended since, what is decided."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from composite_views import NAME, UID, C, Refused, part, refusals, rejected, seconds
from run_life import at, recorded

from crontask.api.composite_status import BatchStatus, Halt
from crontask.api.metadata import Metadata
from crontask.api.names import part_name, part_of_batch
from crontask.api.phases import RunPhase
from crontask.api.scheduledrun import BatchPart, ReusedPod
from crontask.api.validate import validate_run
from crontask.decide.composite.batch_run import parts_to_look_at
from crontask.decide.composite.batches import decide_batches
from crontask.decide.composite.model import CompositeDecision, CompositeView
from crontask.decide.model import ScheduledRun
from crontask.decide.plan import plan_of

MANY = 40


def done(
    number: int, cursor: Any = None, *, last: bool | None = False, ended: float = 5, **fields: Any
) -> ScheduledRun:
    """The part of a batch that ended well; by default the next begins at its own number."""
    given = BatchStatus(batches=1, done=last, cursor=number if cursor is None else cursor, **fields)
    phase = RunPhase.PARTIAL if given.error_count else RunPhase.SUCCEEDED
    return _numbered(number, part(part_of_batch(number), phase, ended, batch=given)[1])


def other(number: int, phase: RunPhase | None = RunPhase.RUNNING, **fields: Any) -> ScheduledRun:
    """The part of a batch that runs, or ended otherwise."""
    return _numbered(number, part(part_of_batch(number), phase, **fields)[1])


def _numbered(number: int, run: ScheduledRun) -> ScheduledRun:
    assert run.spec.parent is not None
    asked = run.spec.parent.model_copy(update={"step": None, "batch": BatchPart(number=number, size=1)})
    return ScheduledRun(run.meta, run.spec.model_copy(update={"parent": asked}), (), run.status)


def batches(
    *parts: ScheduledRun,
    said: BatchStatus | None = None,
    halt: Halt | None = None,
    refused: Refused | None = None,
    orphaned: tuple[str, ...] = (),
    unmade: tuple[str, ...] = (),
    spec: dict[str, Any] | None = None,
    cursor: Any = None,
    limits: dict[str, Any] | None = None,
    **fields: Any,
) -> CompositeView:
    """A run in batches that started at second 0. `said`: what is recorded of them; `fields`: of the handler."""
    handler = {"batch": {"size": 1, "handler": C, **fields}}
    parsed, problems = validate_run({"handler": handler, **(spec or {})})
    assert parsed is not None, problems
    plan = {"args": parsed.args, **({"cursor": cursor} if cursor is not None else {}), **(limits or {})}
    status = recorded(RunPhase.RUNNING, start_time=at(0), plan=plan, halt=halt, batch=said)
    run = ScheduledRun(Metadata(name=NAME, uid=UID, namespace="n", creation_timestamp=at(0)), parsed, (), status)
    found = plan_of(run)
    assert found is not None
    named = {each.spec.parent.part: each for each in parts if each.spec.parent is not None}
    gone = frozenset(orphaned), frozenset(unmade)
    return CompositeView(run, found, named, refusals(refused), *gone, suspended=bool(parsed.suspend))


def decided(view: CompositeView, now: float = 9) -> CompositeDecision:
    return decide_batches(view, at(now))


PYTHON = {"python": {"source": "def handler(ctx): ..."}}
REUSED: dict[str, Any] = {"handler": PYTHON, "reusePodFor": "5m"}


def several(
    own: int, first: int, count: int, phase: RunPhase = RunPhase.SUCCEEDED, cursor: Any = None, **given: Any
) -> ScheduledRun:
    """The part of that number, whose pod did so many batches from the first one on; their cursor is their number."""
    last = first + count - 1 if cursor is None else cursor
    did = BatchStatus(**{"batches": count, "done": False, "cursor": last if count else None, **given})
    run = part(part_of_batch(own), phase, 5, batch=did)[1]
    reuse = ReusedPod.model_validate({"for": "5m", "most": 9})
    batch = BatchPart(number=first, size=1, part=own, reuse=reuse)
    assert run.spec.parent is not None
    asked = run.spec.parent.model_copy(update={"step": None, "batch": batch})
    return ScheduledRun(run.meta, run.spec.model_copy(update={"parent": asked}), (), run.status)


def name_of(number: int) -> str:
    return part_name(NAME, UID, part_of_batch(number))


def wanted(decision: CompositeDecision) -> list[tuple[int, Any]]:
    """Number and cursor of the parts to be made."""
    return [(each.asked["batch"].number, each.asked["batch"].cursor) for each in decision.wanted]


def ended(decision: CompositeDecision) -> tuple[str, str] | None:
    return (decision.end.phase.value, decision.end.reason) if decision.end is not None else None


SAID = BatchStatus(batches=2, done=False, cursor=2, processed_count=20)

# (what is known, the batches to make, how many are counted, how the run ends)
TABLE: list[tuple[str, CompositeView, list[tuple[int, Any]], int, tuple[str, str] | None]] = [
    ("nothing yet", batches(), [(1, None)], 0, None),
    ("begins at a cursor", batches(cursor={"p": 1}, said=BatchStatus(cursor={"p": 1})), [(1, {"p": 1})], 0, None),
    ("the first runs", batches(other(1)), [], 0, None),
    ("the first waits", batches(other(1, None)), [], 0, None),
    ("the first has ended", batches(done(1)), [(2, 1)], 1, None),
    ("the first is done", batches(done(1, last=True)), [], 1, ("Succeeded", "Completed")),
    ("several have ended since", batches(done(1), done(2), done(3)), [(4, 3)], 3, None),
    ("counted ones are not looked at", batches(said=SAID), [(3, 2)], 2, None),
    ("counted, and one since", batches(done(2), done(3), said=SAID), [(4, 3)], 3, None),
    ("counted, and the next runs", batches(done(2), other(3), said=SAID), [], 2, None),
    ("one that failed", batches(done(1), other(2, RunPhase.FAILED)), [], 1, ("Failed", "BatchFailed")),
    ("one that took too long", batches(other(1, RunPhase.TIMED_OUT)), [], 0, ("Failed", "BatchFailed")),
    ("one that somebody canceled", batches(other(1, RunPhase.CANCELED)), [], 0, ("Failed", "BatchFailed")),
    ("a partial one", batches(done(1, error_count=1), done(2, last=True)), [], 2, ("Partial", "Completed")),
    ("no isDone", batches(done(1, last=None)), [], 1, ("Failed", "BatchResultIncomplete")),
    ("the same cursor", batches(done(1, cursor=[7]), cursor=[7]), [], 1, ("Failed", "CursorStuck")),
    (
        "the same cursor at the end",
        batches(done(1, cursor=[7], last=True), cursor=[7]),
        [],
        1,
        ("Succeeded", "Completed"),
    ),
    ("an equal cursor of another type", batches(done(1, cursor=True), cursor=1), [(2, True)], 1, None),
    ("enough of them", batches(done(1), done(2), maxBatches=2), [], 2, ("Partial", "MaxBatches")),
    ("enough, and done", batches(done(1, last=True), maxBatches=1), [], 1, ("Succeeded", "Completed")),
    ("its run is gone", batches(said=SAID.model_copy(update={"run": name_of(3)})), [], 2, ("Failed", "PartGone")),
    ("another was named", batches(said=SAID.model_copy(update={"run": name_of(2)})), [(3, 2)], 2, None),
    (
        "its run is gone, and its pod is not",
        batches(said=SAID.model_copy(update={"run": name_of(3)}), orphaned=(name_of(3),)),
        *([], 2, None),
    ),
    (
        "nobody knows whether it was made",
        batches(said=SAID.model_copy(update={"run": name_of(3)}), unmade=(name_of(3),)),
        *([(3, 2)], 2, None),
    ),
    ("its name is taken", batches(refused={part_of_batch(1): "taken"}), [], 0, ("Failed", "NameTaken")),
    ("refused for good", batches(refused={part_of_batch(1): rejected()}), [], 0, ("Failed", "RunRejected")),
    ("tried again", batches(refused={part_of_batch(1): rejected(retry_at=11)}), [(1, None)], 0, None),
    ("paused", batches(done(1), spec={"suspend": True}), [], 1, None),
    ("paused at the end", batches(done(1, last=True), spec={"suspend": True}), [], 1, ("Succeeded", "Completed")),
    ("canceled", batches(done(1), spec={"cancel": True}), [], 1, ("Canceled", "Canceled")),
    ("canceled while one runs", batches(other(1), spec={"cancel": True}), [], 0, None),
    ("out of time", batches(done(1), limits={"timeout": "8s"}), [], 1, ("TimedOut", "TimedOut")),
    (
        "done when time is over",
        batches(done(1, last=True), limits={"timeout": "8s"}),
        [],
        1,
        ("Succeeded", "Completed"),
    ),
    (
        "nothing new starts",
        batches(done(1), halt=Halt(phase="TimedOut", reason="TimedOut")),
        *([], 1, ("TimedOut", "TimedOut")),
    ),
    ("a missing value", batches(args={"x": "${args.y}"}), [], 0, ("Failed", "ReferenceMissing")),
    ("one is gone, and another runs", batches(other(4), said=SAID.model_copy(update={"run": name_of(3)})), [], 2, None),
]


@pytest.mark.parametrize(("view", "parts", "count", "end"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_table(view: CompositeView, parts: list[tuple[int, Any]], count: int, end: tuple[str, str] | None) -> None:
    decision = decided(view)
    assert decision.batch is not None
    assert (wanted(decision), decision.batch.batches, ended(decision)) == (parts, count, end)


THREE = BatchStatus(batches=7, parts=3, done=False, cursor=7)
# Where pods do several: (what is known, number and part of what is made and its cursor, how many are counted and by
# how many parts, how the run ends)
SEVERAL: list[tuple[str, CompositeView, tuple[int, int, Any] | None, tuple[int, int, Any], tuple[str, str] | None]] = [
    ("nothing yet", batches(**REUSED), (1, 1, None), (0, 0, None), None),
    ("the first ended", batches(several(1, 1, 4), **REUSED), (5, 2, 4), (4, 1, 4), None),
    ("two ended since", batches(several(1, 1, 4), several(2, 5, 2), **REUSED), (7, 3, 6), (6, 2, 6), None),
    ("counted", batches(several(3, 5, 3), said=THREE, **REUSED), (8, 4, 7), (7, 3, 7), None),
    ("counted, and one since", batches(several(4, 8, 2), said=THREE, **REUSED), (10, 5, 9), (9, 4, 9), None),
    ("one did none", batches(several(4, 8, 0), said=THREE, **REUSED), (8, 5, 7), (7, 4, 7), None),
    ("done", batches(several(1, 1, 4, done=True), **REUSED), None, (4, 1, 4), ("Succeeded", "Completed")),
    (
        "partial ones",
        batches(several(1, 1, 4, partial=2, done=True), **REUSED),
        None,
        (4, 1, 4),
        ("Partial", "Completed"),
    ),
    ("enough", batches(several(1, 1, 4), maxBatches=4, **REUSED), None, (4, 1, 4), ("Partial", "MaxBatches")),
    ("not enough yet", batches(several(1, 1, 4), maxBatches=5, **REUSED), (5, 2, 4), (4, 1, 4), None),
    (
        "one failed after some",
        batches(several(1, 1, 4), several(2, 5, 2, RunPhase.FAILED), **REUSED),
        *(None, (6, 2, 6), ("Failed", "BatchFailed")),
    ),
    (
        "one failed at once",
        batches(several(1, 1, 4), several(2, 5, 0, RunPhase.FAILED), **REUSED),
        *(None, (4, 1, 4), ("Failed", "BatchFailed")),
    ),
    (
        "one was canceled after some",
        batches(several(1, 1, 4, RunPhase.CANCELED), spec={"cancel": True}, **REUSED),
        *(None, (4, 1, 4), ("Canceled", "Canceled")),
    ),
    (
        "what was canceled is counted once",
        batches(
            several(1, 1, 4, RunPhase.CANCELED),
            said=BatchStatus(batches=4, parts=1, cursor=4),
            halt=Halt(phase="Canceled", reason="Canceled"),
            **REUSED,
        ),
        *(None, (4, 1, 4), ("Canceled", "Canceled")),
    ),
    (
        "the cursor of where it began",
        batches(several(1, 1, 3, cursor=7), cursor=7, **REUSED),
        *((4, 2, 7), (3, 1, 7), None),
    ),
    (
        "one that did not move it",
        batches(several(1, 1, 1, cursor=7), cursor=7, **REUSED),
        *(None, (1, 1, 7), ("Failed", "CursorStuck")),
    ),
    *(
        (
            f"stuck: {stuck}",
            batches(several(1, 1, 3, cursor=2, stuck=stuck), **REUSED),
            *(None, (3, 1, 2), ("Failed", reason)),
        )
        for stuck, reason in (
            ("SameCursor", "CursorStuck"),
            ("NoCursor", "BatchResultIncomplete"),
            ("NoIsDone", "BatchResultIncomplete"),
        )
    ),
    (
        "its run is gone",
        batches(said=THREE.model_copy(update={"run": name_of(4)}), **REUSED),
        *(None, (7, 3, 7), ("Failed", "PartGone")),
    ),
    ("paused", batches(several(1, 1, 4), spec={"suspend": True}, **REUSED), None, (4, 1, 4), None),
]


@pytest.mark.parametrize(
    ("view", "made", "counted", "end"), [row[1:] for row in SEVERAL], ids=[row[0] for row in SEVERAL]
)
def test_pods_that_do_several(
    view: CompositeView, made: tuple[int, int, Any] | None, counted: tuple[int, int, Any], end: tuple[str, str] | None
) -> None:
    decision = decided(view)
    found = [each.asked["batch"] for each in decision.wanted]
    assert [(each.number, each.part, each.cursor) for each in found] == ([made] if made is not None else [])
    assert [each.part for each in decision.wanted] == ([part_of_batch(made[1])] if made is not None else [])
    assert decision.batch is not None
    assert (decision.batch.batches, decision.batch.parts, decision.batch.cursor) == counted
    assert ended(decision) == end


@pytest.mark.parametrize(
    ("most", "first", "counted", "wanted"),
    [(None, 0, 0, 10**9), (None, 0, 4, 10**9 - 4), (9, 0, 0, 9), (9, 0, 4, 5), (9, 4, 4, 9), (9, 4, 7, 6)],
)
def test_how_many_a_pod_may_do(most: int | None, first: int, counted: int, wanted: int) -> None:
    limit: dict[str, Any] = {"maxBatches": most} if most is not None else {}
    said = BatchStatus(batches=counted, parts=counted, cursor=counted)
    view = batches(said=said, limits={"rerun": {"first": first}} if first else None, **limit, **REUSED)
    (part_made,) = decided(view).wanted
    assert part_made.asked["batch"].reuse.most == wanted


# (args, what each batch has for itself)
LATE: list[tuple[Any, Any]] = [
    (None, None),
    ({"a": 1, "b": "${args.x}", "c": "${size}", "d": "$${cursor}"}, None),
    ({"a": "${cursor}"}, [{"at": ["a"], "value": ["cursor"]}]),
    ({"a": {"b": [0, "${cursor.x[1]}"]}}, [{"at": ["a", "b", 1], "value": ["cursor", "x", 1]}]),
    ({"a": {"$ref": "${batch}", "default": None}}, [{"at": ["a"], "value": ["batch"], "default": None}]),
    ({"a": {"$ref": "${args.x}", "default": "${cursor}"}}, None),
]


@pytest.mark.parametrize(("args", "late"), LATE)
def test_what_of_its_args_each_batch_has_for_itself(args: Any, late: Any) -> None:
    spec = {"args": {"x": "${cursor}"}}
    view = batches(spec=spec, cursor={"x": [1, 2]}, **({"args": args} if args is not None else {}), **REUSED)
    (part_made,) = decided(view).wanted
    assert part_made.asked["batch"].reuse.args == late


def test_how_a_pod_goes_on() -> None:
    (part_made,) = decided(batches(delay="2s", timeout="1m", **REUSED)).wanted
    reuse = part_made.asked["batch"].reuse
    assert (reuse.for_, reuse.delay, reuse.timeout) == (
        timedelta(minutes=5),
        timedelta(seconds=2),
        timedelta(minutes=1),
    )
    # Should its runner not end one that takes too long.
    assert part_made.timeout == timedelta(minutes=6)
    (part_made,) = decided(batches(handler=PYTHON, reusePodFor="0s", timeout="1m")).wanted
    assert (part_made.asked["batch"].reuse, part_made.timeout) == (None, timedelta(minutes=1))


def test_what_is_counted_once_is_not_counted_again() -> None:
    parts = (done(1, processed_count=10, error_count=1), done(2, processed_count=5, total=40))
    first = decided(batches(*parts)).batch
    assert first is not None
    assert (first.processed_count, first.error_count, first.partial, first.total, first.percent) == (15, 1, 1, 40, 37)
    assert decided(batches(*parts, said=first)).batch == first
    assert decided(batches(parts[1], said=first)).batch == first


def test_a_delay_counts_from_the_end_of_the_one_before() -> None:
    view = batches(done(1, ended=5), delay="10s")
    assert (wanted(decided(view, 14.9)), seconds(decided(view, 14.9).wake_at)) == ([], 15)
    assert wanted(decided(view, 15)) == [(2, 1)]


def test_a_cancel_ends_what_runs() -> None:
    decision = decided(batches(other(1), spec={"cancel": True}))
    assert [each.meta.name for each in decision.cancels] == [name_of(1)]
    assert decision.record_first
    asked = decided(batches(other(1, cancel=True), spec={"cancel": True}))
    assert asked.cancels == ()


def test_a_failure_lets_another_that_runs_end_by_itself() -> None:
    decision = decided(batches(other(4), said=SAID.model_copy(update={"run": name_of(3)})))
    assert decision.halt is not None
    assert (decision.halt.reason, decision.cancels) == ("PartGone", ())


def test_a_cursor_is_kept_but_for_the_end() -> None:
    for last, cursor in ((True, None), (False, 1)):
        part = done(2, last=last)
        assert part.status.batch is not None
        given = part.status.model_copy(update={"batch": part.status.batch.model_copy(update={"cursor": None})})
        batch = decided(batches(done(1), replace(part, status=given))).batch
        assert batch is not None
        assert (batch.batches, batch.cursor) == (2, cursor)


def test_one_that_happens_at_most_once_is_named_before_it_is_made() -> None:
    decision = decided(batches(retry={"onLost": "Fail"}))
    assert decision.record_first
    assert decision.batch is not None
    assert (wanted(decision), decision.batch.run) == ([(1, None)], name_of(1))
    gone = decided(batches(retry={"onLost": "Fail"}, said=decision.batch))
    assert ended(gone) == ("Failed", "PartGone")


def test_the_runs_of_the_last_ten_stay_and_no_other_goes_within_ten_minutes() -> None:
    kept = [done(number, ended=number) for number in range(1, MANY + 1)]
    said = BatchStatus(batches=MANY, done=False, cursor=MANY)
    view = batches(*parts_to_look_at(said, lambda number: kept[number - 1] if number <= MANY else None), said=said)
    ten_minutes = timedelta(minutes=10) / timedelta(seconds=1)
    soon = decided(view, MANY + 1)
    assert (soon.prune, seconds(soon.wake_at)) == ((), 1 + ten_minutes)
    later = decided(view, ten_minutes + 5)
    assert [each.spec.parent.batch.number for each in later.prune if each.spec.parent and each.spec.parent.batch] == [
        *range(1, 6)
    ]
    assert len(decided(view, ten_minutes * 2).prune) == 10


def test_only_what_the_record_counts_goes() -> None:
    kept = [done(number, ended=1) for number in range(1, MANY + 1)]
    said = BatchStatus(batches=12, done=False, cursor=12)
    view = batches(*parts_to_look_at(said, lambda number: kept[number - 1] if number <= MANY else None), said=said)
    decision = decided(view, 2000)
    assert decision.batch is not None
    assert (len(decision.prune), decision.batch.batches) == (2, MANY)


def test_what_is_gone_is_not_looked_for_again() -> None:
    looked: list[int] = []

    def find(number: int) -> ScheduledRun | None:
        looked.append(number)
        return done(number, ended=1) if 25 <= number <= MANY else None

    said = BatchStatus(batches=MANY, done=False, cursor=MANY, first_kept=21)
    view = batches(*parts_to_look_at(said, find), said=said)
    assert looked == [*range(21, 31), MANY, MANY + 1]
    decision = decided(view, 2000)
    assert decision.batch is not None
    assert (decision.batch.first_kept, len(decision.prune)) == (25, 6)


@pytest.mark.parametrize(
    ("done_so_far", "words"),
    [
        (BatchStatus(), "0 batches"),
        (BatchStatus(batches=1), "1 batch"),
        (BatchStatus(batches=12), "12 batches"),
        (BatchStatus(batches=1, total=7, processed_count=4), "57 %"),
        (BatchStatus(batches=1, total=7, processed_count=9), "100 %"),
        (BatchStatus(batches=1, total=7), "0 %"),
        (BatchStatus(batches=1, total=0), "1 batch"),
    ],
)
def test_progress(done_so_far: BatchStatus, words: str) -> None:
    assert decided(batches(said=done_so_far)).progress == words
