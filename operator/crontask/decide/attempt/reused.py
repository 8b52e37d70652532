"""A part whose pod does one batch after the other: what its pods have done, however they ended, and what comes next.

After each batch such a pod writes how far it is into its termination message: also of one that was killed that holds.
"""

from dataclasses import replace
from typing import Any, Literal

import orjson

from crontask.api.composite import LONGEST_CURSOR
from crontask.api.composite_status import BatchStatus
from crontask.api.phases import SUCCESSES, RunPhase
from crontask.api.pod import Pod
from crontask.api.scheduledrun import BatchPart, Parent, ReusedPod
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.attempt.report import Report, read_message
from crontask.decide.model import ScheduledRun

NOT_BEGUN = "Stopped"
_STUCK = ("NoIsDone", "NoCursor", "SameCursor")


def reuse_of(run: ScheduledRun) -> ReusedPod | None:
    """How its pod goes from batch to batch; None of any other run."""
    asked = run.spec.parent
    return asked.batch.reuse if asked is not None and asked.batch is not None else None


def with_batches(run: ScheduledRun, pod: Pod, outcome: Outcome) -> Outcome:
    """The end of an attempt of such a part, with the batches that its pod did before."""
    report = _report(pod)
    did = batches_of(pod) or _one(run, outcome)
    if did is None:
        return outcome
    outcome = replace(outcome, batch=did)
    known = so_far(run, did)
    if _is_over(run, known, did):
        # What ended it after that has harmed nothing.
        phase = RunPhase.PARTIAL if known.partial else RunPhase.SUCCEEDED
        return replace(outcome, phase=phase, reason="Completed", message=None, lost=False)
    if outcome.phase in SUCCESSES:
        return replace(outcome, phase=RunPhase.PARTIAL if known.partial else RunPhase.SUCCEEDED)
    timed_out = report is not None and report.fields.get("timedOut") is True and outcome.phase is RunPhase.FAILED
    if timed_out and not outcome.lost:
        outcome = replace(outcome, phase=RunPhase.TIMED_OUT, reason="TimedOut")
    # The result in its message is that of a batch before.
    return replace(outcome, result=None, result_truncated=None)


def without_any(outcome: Outcome) -> bool:
    """Whether a pod ended well before it had begun a batch: somebody has stopped it."""
    return outcome.phase in SUCCESSES and outcome.batch is not None and outcome.batch.batches == 0


def _is_over(run: ScheduledRun, known: BatchStatus, did: BatchStatus) -> bool:
    """Whether there is nothing left for such a part to do."""
    reuse = reuse_of(run)
    assert reuse is not None, "asked of such parts alone"
    return bool(did.batches) and (bool(did.done) or did.stuck is not None or known.batches >= reuse.most)


def _report(pod: Pod) -> Report | None:
    main = pod.main_status
    end = main.state.terminated if main is not None else None
    return read_message(pod, pod.main, end).report if end is not None else None


def batches_of(pod: Pod) -> BatchStatus | None:
    """How many batches a pod that has ended says it did, and how far it came; None where it does not say that."""
    report = _report(pod)
    if report is None:
        return None
    count, cursor, stuck = report.count("batches"), report.fields.get("cursor"), report.fields.get("stuck")
    if count is None or (cursor is not None and len(orjson.dumps(cursor)) > LONGEST_CURSOR):
        return None
    done, stuck = report.fields.get("isDone") is True, stuck if stuck in _STUCK else None
    if count and cursor is None and not done and stuck is None:
        # Nobody knows where the next would begin.
        return None
    return BatchStatus(
        batches=count,
        partial=min(count, report.count("partialBatches") or 0),
        done=done,
        cursor=cursor,
        processed_count=report.count("processedCount"),
        error_count=report.count("errorCount"),
        total=report.count("total"),
        stuck=stuck,
    )


def _one(run: ScheduledRun, outcome: Outcome) -> BatchStatus | None:
    """Of a runner that does not go on by itself: of an image of an older version."""
    if outcome.phase not in SUCCESSES:
        return None
    stuck: Literal["NoIsDone", "NoCursor", "SameCursor"] | None = None
    if outcome.is_done is None:
        stuck = "NoIsDone"
    elif not outcome.is_done and outcome.cursor is None:
        stuck = "NoCursor"
    elif not outcome.is_done and text_of(outcome.cursor) == text_of(so_far(run, None).cursor):
        stuck = "SameCursor"
    return BatchStatus(
        batches=1,
        partial=int(outcome.phase is RunPhase.PARTIAL),
        done=bool(outcome.is_done),
        cursor=outcome.cursor,
        processed_count=outcome.processed_count,
        error_count=outcome.error_count,
        total=outcome.total,
        stuck=stuck,
    )


def so_far(run: ScheduledRun, did: BatchStatus | None) -> BatchStatus:
    """What all attempts of such a part have done, of which the expected one did that."""
    asked, before = run.spec.parent, run.status.batch
    assert asked is not None, "asked of parts alone"
    assert asked.batch is not None, "asked of batches alone"
    if before is None:
        before = BatchStatus(done=False, cursor=asked.batch.cursor)
    if did is None or not did.batches:
        return before
    return BatchStatus(
        batches=before.batches + did.batches,
        partial=before.partial + did.partial,
        done=did.done,
        cursor=did.cursor if did.cursor is not None or did.done else before.cursor,
        processed_count=_sum(before.processed_count, did.processed_count),
        error_count=_sum(before.error_count, did.error_count),
        total=did.total if did.total is not None else before.total,
        stuck=did.stuck,
        # Those that come now are of another batch.
        attempts_before=run.status.expected_attempt - 1,
        lost_before=run.status.lost_attempts,
    )


def resumed(run: ScheduledRun) -> Parent | None:
    """Which part a run is, and with which batch its next pod begins."""
    asked, known = run.spec.parent, run.status.batch
    if asked is None or asked.batch is None or known is None or not known.batches:
        return asked
    reuse = asked.batch.reuse
    if reuse is None:
        return asked
    number = asked.batch.number + known.batches
    begins = BatchPart.model_construct(
        number=number,
        size=asked.batch.size,
        cursor=known.cursor,
        part=asked.batch.part,
        reuse=reuse.model_copy(update={"most": max(1, reuse.most - known.batches)}),
    )
    key = f"{asked.key.removesuffix(f'/{asked.batch.number}')}/{number}"
    return asked.model_copy(update={"batch": begins, "key": key})


def tries(run: ScheduledRun, did: BatchStatus | None) -> tuple[int, int]:
    """Which attempt at its batch the expected one is, and how many of those before were lost.

    `did`: what it has done. Of a run that is no such part, all attempts are at the same.
    """
    number, lost = run.status.expected_attempt, run.status.lost_attempts
    if reuse_of(run) is None:
        return number, lost
    known = so_far(run, did)
    return max(1, number - (known.attempts_before or 0)), max(0, lost - (known.lost_before or 0))


def text_of(cursor: Any) -> str:
    """The same text for equal cursors, and another one for any other."""
    return orjson.dumps(cursor, option=orjson.OPT_SORT_KEYS).decode()


def _sum(before: int | None, more: int | None) -> int | None:
    return before if more is None else (before or 0) + more
