"""Pods that do one batch after the other, as tables: how one ended, what stands of it, and what comes next."""

from dataclasses import dataclass
from typing import Any

import pytest
from run_life import asked_to_stop, at, attempt, exited, pod, runs
from several_batches import parent_of, part, said, several_batches

from crontask.api.composite_status import BatchStatus
from crontask.api.phases import RunPhase
from crontask.api.pod import DEADLINE_EXCEEDED, ContainerStatus, Pod
from crontask.api.scheduledrun import Attempt
from crontask.decide.attempt.reused import resumed, so_far, tries
from crontask.decide.attempt.stop import end_of_attempt, end_of_stopped
from crontask.decide.pod_state import VANISHED, Present
from crontask.decide.retry import may_follow
from crontask.decide.run.decide import decide_run
from crontask.decide.views import RunView

Q = RunPhase
EARLIER = BatchStatus(batches=2, partial=1, done=False, cursor=5, processed_count=20, attempts_before=0, lost_before=0)


def ended(code: int, said_last: str = "", phase: str = "", **status: Any) -> Pod:
    """A pod that has ended by itself."""
    return pod(1, 0, exited(8, code, said_last), phase=phase or ("Failed" if code else "Succeeded"), **status)


def after(why: str, code: int, message: str = "") -> Pod:
    """A pod that has ended since it was asked to."""
    statuses = (ContainerStatus("main", exited(20, code, message)),)
    status: dict[str, Any] = {"phase": "Failed", "reason": DEADLINE_EXCEEDED, "container_statuses": statuses}
    return pod(1, 0, **asked_to_stop(12, why), **status)


EVICTED: dict[str, Any] = {"reason": "Evicted", "message": "low on memory"}


@dataclass(frozen=True)
class Row:
    """How a pod ended. `phase`, `reason`, `lost`: the end of its attempt; `did`: its batches, `cursor` where they came.

    `why`: for which we have stopped it; `before`: what its part had done.
    """

    name: str
    pod: Pod
    phase: RunPhase
    reason: str
    did: int | None
    cursor: Any = None
    lost: bool = False
    why: str | None = None
    before: BatchStatus | None = None
    most: int = 100


ROWS = (
    # --- by itself
    Row("its time is over", ended(0, said(3)), Q.SUCCEEDED, "Completed", 3, 6),
    Row("all is done", ended(0, said(3, isDone=True)), Q.SUCCEEDED, "Completed", 3, 6),
    Row("a partial one among them", ended(0, said(3, partialBatches=1)), Q.PARTIAL, "Completed", 3, 6),
    Row("a partial one before", ended(0, said(3)), Q.PARTIAL, "Completed", 3, 6, before=EARLIER),
    Row("one failed", ended(1, said(2, status="failed", message="no")), Q.FAILED, "Error", 2, 5),
    Row("the first failed", ended(1, said(0, status="failed", message="no")), Q.FAILED, "Error", 0, 3),
    Row(
        "one took too long",
        ended(124, said(2, status="failed", timedOut=True)),
        *(Q.TIMED_OUT, "TimedOut", 2, 5),
    ),
    Row("a runner that does one", ended(0, '{"isDone": false, "cursor": 9}'), Q.SUCCEEDED, "Completed", 1, 9),
    Row("a runner that says nothing", ended(0), Q.SUCCEEDED, "Completed", 1, None),
    # --- killed
    Row("for want of memory", ended(137, said(2)), Q.FAILED, "Error", 2, 5),
    Row("before it has said anything", ended(137), Q.FAILED, "Error", None),
    Row("once all was done", ended(137, said(2, isDone=True)), Q.SUCCEEDED, "Completed", 2, 5),
    Row("once the cursor was stuck", ended(137, said(2, stuck="SameCursor")), Q.SUCCEEDED, "Completed", 2, 5),
    Row("once it had done all it may", ended(137, said(2)), Q.SUCCEEDED, "Completed", 2, 5, most=2),
    Row("the same, with those before", ended(137, said(2)), Q.PARTIAL, "Completed", 2, 5, before=EARLIER, most=4),
    Row("not all it may", ended(137, said(2)), Q.FAILED, "Error", 2, 5, before=EARLIER, most=5),
    # --- evicted
    Row("with a message", ended(137, said(2), **EVICTED), Q.FAILED, "Evicted", 2, 5, lost=True),
    Row("after its batch", ended(0, said(2), "Failed", **EVICTED), Q.SUCCEEDED, "Completed", 2, 5),
    Row("before its first", ended(0, said(0), "Failed", **EVICTED), Q.FAILED, "Stopped", 0, 3, lost=True),
    Row("without a container", pod(1, 0, phase="Failed", **EVICTED), Q.FAILED, "Evicted", None, lost=True),
    # --- paused
    Row("it ended after its batch", after("Paused", 0, said(3)), Q.SUCCEEDED, "Paused", 3, 6, why="Paused"),
    Row("it had begun none", after("Paused", 0, said(0)), Q.SUCCEEDED, "Paused", 0, 3, why="Paused"),
    Row("it was the last", after("Paused", 0, said(3, isDone=True)), Q.SUCCEEDED, "Completed", 3, 6, why="Paused"),
    Row("it was killed", after("Paused", 137, said(3)), Q.FAILED, "Paused", 3, 6, lost=True, why="Paused"),
    Row("it ended in silence", after("Paused", 0), Q.FAILED, "Paused", None, lost=True, why="Paused"),
    Row("it could not note it", after("Paused", 143), Q.FAILED, "Paused", None, lost=True, why="Paused"),
    Row("the batch failed", after("Paused", 1, said(2, status="failed")), Q.FAILED, "Error", 2, 5, why="Paused"),
    Row("it had ended before", ended(0, said(3)), Q.SUCCEEDED, "Completed", 3, 6, why="Paused"),
    # --- out of time as a whole
    Row("stopped after its batch", after("TimedOut", 0, said(3)), Q.SUCCEEDED, "TimedOut", 3, 6, why="TimedOut"),
    Row("stopped, and it ended in silence", after("TimedOut", 0), Q.TIMED_OUT, "TimedOut", None, why="TimedOut"),
    Row("stopped before its first", after("TimedOut", 0, said(0)), Q.TIMED_OUT, "TimedOut", 0, 3, why="TimedOut"),
    Row("stopped within", after("TimedOut", 137, said(3)), Q.TIMED_OUT, "TimedOut", 3, 6, why="TimedOut"),
    Row(
        "stopped when done",
        after("TimedOut", 137, said(3, isDone=True)),
        Q.SUCCEEDED,
        "Completed",
        3,
        6,
        why="TimedOut",
    ),
    # --- canceled
    Row("canceled after its batch", after("Canceled", 0, said(3)), Q.CANCELED, "Canceled", 3, 6, why="Canceled"),
    Row("canceled within", after("Canceled", 137, said(3)), Q.CANCELED, "Canceled", 3, 6, why="Canceled"),
    Row("canceled when done", after("Canceled", 0, said(3, isDone=True)), Q.CANCELED, "Canceled", 3, 6, why="Canceled"),
    Row("canceled before", after("Canceled", 143), Q.CANCELED, "Canceled", None, why="Canceled"),
)


def known(row: Row) -> RunView:
    reason = row.why if row.why != "Canceled" else None
    phase = Q.CANCELING if row.why == "Canceled" else Q.RUNNING
    run = part(attempt(1, 0, reason=reason), done=row.before, phase=phase, most=row.most)
    return RunView(run, None, Present(row.pod), parent=parent_of())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.why or ''} {row.name}".strip())
def test_how_it_ended_and_what_it_did(row: Row) -> None:
    end = end_of_attempt(known(row))
    assert end is not None
    assert (end.phase, end.reason, end.lost) == (row.phase, row.reason, row.lost)
    assert (end.batch.batches if end.batch is not None else None) == row.did
    assert (end.batch.cursor if end.batch is not None else None) == row.cursor


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.why or ''} {row.name}".strip())
def test_what_is_recorded_is_what_was_before_and_what_it_did(row: Row) -> None:
    recorded = decide_run(known(row), at(30)).status.batch
    before, did = row.before or BatchStatus(), row.did or 0
    assert (recorded.batches if recorded is not None else 0) == before.batches + did
    if did:
        assert recorded is not None
        # That of the last batch before, where one gave back none.
        assert (recorded.cursor, recorded.attempts_before) == (row.cursor if row.cursor is not None else 3, 0)


# (what a runner says that does one batch, what was done before; how far it is then, and why it is stuck)
ONE: list[tuple[str, BatchStatus | None, tuple[int, Any, str | None]]] = [
    ('{"isDone": false, "cursor": 9}', None, (1, 9, None)),
    ('{"isDone": false, "cursor": 9}', EARLIER, (3, 9, None)),
    ('{"isDone": true}', EARLIER, (3, None, None)),
    ('{"isDone": false, "cursor": 5}', EARLIER, (3, 5, "SameCursor")),
    ('{"isDone": false, "cursor": 3}', None, (1, 3, "SameCursor")),
    ('{"isDone": false}', EARLIER, (3, 5, "NoCursor")),
    ('{"cursor": 9}', EARLIER, (3, 9, "NoIsDone")),
    ("", EARLIER, (3, 5, "NoIsDone")),
]


@pytest.mark.parametrize(("message", "before", "wanted"), ONE)
def test_a_runner_that_does_one_batch(message: str, before: Any, wanted: tuple[int, Any, str | None]) -> None:
    view = RunView(part(attempt(1, 0), done=before), None, Present(ended(0, message)), parent=parent_of())
    found = decide_run(view, at(30)).status
    assert (found.phase, found.batch is not None) == (Q.PARTIAL if found.batch and before else Q.SUCCEEDED, True)
    assert found.batch is not None
    assert (found.batch.batches, found.batch.cursor, found.batch.stuck) == wanted


@pytest.mark.parametrize(
    "message",
    [
        *('{"batches": -1}', '{"batches": "2"}', '{"batches": true}', '{"batches": 2.5}', '{"batches": 3000000000}'),
        '{"batches": 2, "cursor": "' + "c" * 1023 + '"}',
        '{"batches": 2, "cursor": ',
        '{"batches": 2, "isDone": false}',
    ],
)
def test_of_a_pod_that_was_killed_a_message_that_nobody_can_read_is_none(message: str) -> None:
    end = end_of_attempt(several_batches(ended(137, message), attempt(1, 0)))
    assert end is not None
    assert (end.phase, end.batch) == (Q.FAILED, None)


def test_one_that_is_gone_while_it_was_to_pause_is_lost() -> None:
    view = RunView(part(attempt(1, 0, reason="Paused")), None, VANISHED, parent=parent_of(paused=True))
    end = end_of_stopped(view, "Paused")
    assert (end.phase, end.lost, end.batch) == (Q.FAILED, True, None)


# --- what its attempts have done together ----------------------------------------------------------------------------

DID = BatchStatus(batches=3, partial=1, done=False, cursor=9, processed_count=5, error_count=1, total=70)
# (attempts, lost ones, what is recorded, what the expected one did; batches, cursor, processed, attempts before)
SUMS: list[tuple[str, int, int, BatchStatus | None, BatchStatus | None, tuple[Any, ...]]] = [
    ("nothing", 1, 0, None, None, (0, 3, None, None)),
    ("it did none", 2, 0, None, BatchStatus(), (0, 3, None, None)),
    ("the first did some", 1, 0, None, DID, (3, 9, 5, 0)),
    ("the second did some", 2, 0, EARLIER, DID, (5, 9, 25, 1)),
    ("the second did none", 2, 0, EARLIER, BatchStatus(), (2, 5, 20, 0)),
    ("the third, after a lost one", 3, 1, EARLIER, DID, (5, 9, 25, 2)),
]


def at_attempt(number: int, lost: int, before: BatchStatus | None) -> Any:
    earlier: list[Attempt] = [attempt(each, 0, 5) for each in range(1, number)]
    return part(*earlier, attempt(number, 6), done=before, lost=lost)


@pytest.mark.parametrize(
    ("number", "lost", "before", "did", "wanted"), [row[1:] for row in SUMS], ids=[r[0] for r in SUMS]
)
def test_sums(number: int, lost: int, before: Any, did: Any, wanted: tuple[Any, ...]) -> None:
    found = so_far(at_attempt(number, lost, before), did)
    assert (found.batches, found.cursor, found.processed_count, found.attempts_before) == wanted


# (attempts, lost ones, what is recorded, what the expected one did; which attempt at its batch it is, lost before)
TRIES: list[tuple[int, int, BatchStatus | None, BatchStatus | None, tuple[int, int]]] = [
    (1, 0, None, None, (1, 0)),
    (3, 1, None, None, (3, 1)),
    (3, 1, None, DID, (1, 0)),
    (4, 2, BatchStatus(batches=2, attempts_before=2, lost_before=1), None, (2, 1)),
    (4, 2, BatchStatus(batches=2, attempts_before=2, lost_before=1), DID, (1, 0)),
    # Somebody has mangled the record.
    (1, 0, BatchStatus(batches=2, attempts_before=9, lost_before=9), None, (1, 0)),
]


@pytest.mark.parametrize(("number", "lost", "before", "did", "wanted"), TRIES)
def test_tries_are_those_of_a_batch(number: int, lost: int, before: Any, did: Any, wanted: tuple[int, int]) -> None:
    assert tries(at_attempt(number, lost, before), did) == wanted


def test_any_other_run_counts_all_its_attempts() -> None:
    run = part(*(attempt(n, 0, 5) for n in (1, 2)), attempt(3, 6), reuse=False, lost=1)
    assert tries(run, DID) == (3, 1)


@pytest.mark.parametrize(
    ("limit", "number", "before", "message", "follows"),
    [
        (0, 1, None, said(0, status="failed"), False),
        (0, 1, None, said(3, status="failed"), False),
        (1, 1, None, said(0, status="failed"), True),
        (1, 2, None, said(0, status="failed"), False),
        (1, 2, None, said(1, status="failed"), True),
        (1, 3, BatchStatus(batches=1, attempts_before=1), said(0, status="failed"), False),
        (1, 3, BatchStatus(batches=1, attempts_before=2), said(0, status="failed"), True),
    ],
)
def test_the_limit_is_that_of_a_batch(limit: int, number: int, before: Any, message: str, follows: bool) -> None:
    earlier = [attempt(each, 0, 5) for each in range(1, number)]
    run = part(*earlier, attempt(number, 6), done=before, retry={"limit": limit})
    view = RunView(run, None, Present(ended(1, message)), parent=parent_of())
    end = end_of_attempt(view)
    assert end is not None
    assert may_follow(view, end) is follows


# --- with which batch the next pod begins ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "number", "cursor", "key", "most"),
    [
        (None, 4, 3, "u/4", 100),
        (BatchStatus(batches=0, cursor=3), 4, 3, "u/4", 100),
        (BatchStatus(batches=2, cursor=5), 6, 5, "u/6", 98),
        (BatchStatus(batches=200, cursor=5), 204, 5, "u/204", 1),
    ],
)
def test_the_next_pod_begins_where_the_last_batch_ended(
    done: Any, number: int, cursor: Any, key: str, most: int
) -> None:
    asked = resumed(part(done=done))
    assert asked is not None
    assert asked.batch is not None
    assert asked.batch.reuse is not None
    assert (asked.batch.number, asked.batch.cursor, asked.key, asked.batch.reuse.most) == (number, cursor, key, most)
    assert asked.batch.part == 2


def test_any_other_part_begins_as_it_was_asked_to() -> None:
    run = part(done=BatchStatus(batches=1, cursor=9), reuse=False)
    assert resumed(run) is run.spec.parent


def test_one_that_runs_has_no_end() -> None:
    assert end_of_attempt(several_batches(pod(1, 0, runs(1)), attempt(1, 0))) is None
    asked = pod(1, 0, runs(1), **asked_to_stop(12, "Paused"))
    assert end_of_attempt(several_batches(asked, attempt(1, 0, reason="Paused"))) is None
