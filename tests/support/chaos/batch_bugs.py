"""Faults that could be in the policy of batches, planted one at a time, to see that the simulator finds them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from crontask.api.composite_status import BatchStatus
from crontask.api.names import part_of_batch
from crontask.api.phases import SUCCESSES
from crontask.api.pod import Pod
from crontask.api.scheduledrun import BatchPart, Parent
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.attempt.reused import resumed, with_batches
from crontask.decide.composite import batch_run
from crontask.decide.composite.batches import decide_batches
from crontask.decide.composite.composite import Failure
from crontask.decide.composite.model import CompositeDecision, CompositeView
from crontask.decide.model import ScheduledRun
from crontask.decide.views import TaskView

Plant = Callable[[pytest.MonkeyPatch], None]


def next_before_the_end_is_recorded(patch: pytest.MonkeyPatch) -> None:
    """The next batch is made while the one before runs, as if that came to where it should come."""

    def planted(view: CompositeView, now: datetime) -> CompositeDecision:
        decision, found = decide_batches(view, now), batch_run.BatchRun(view, now)
        number, cursor = found.progress.batches + 2, found.progress.cursor
        if len(found.open) != 1 or decision.halt is not None:
            return decision
        asked = BatchPart(number=number, size=found.batch.size, cursor=(cursor or 0) + 1)
        wanted = replace(found.wanted(), part=part_of_batch(number), asked={"batch": asked}, key=str(number))
        return replace(decision, wanted=(wanted,))

    patch.setattr("crontask.decide.composite.decide.decide_batches", planted)


def batch_counted_twice(patch: pytest.MonkeyPatch) -> None:
    """What was counted is counted again as long as its run is there."""
    known = vars(batch_run.BatchRun)["recorded"].func

    def planted(self: batch_run.BatchRun) -> BatchStatus:
        said: BatchStatus = known(self)
        return said.model_copy(update={"batches": max(0, said.batches - 1)})

    patch.setattr(batch_run.BatchRun, "recorded", property(planted))


def cursor_of_the_last_count(patch: pytest.MonkeyPatch) -> None:
    """A run goes on where the status of its task says, which may be behind the last end."""

    def planted(view: TaskView) -> object:
        return view.task.status.batch

    patch.setattr("crontask.engine.launch.batches_so_far", planted)


def gone_batch_made_again(patch: pytest.MonkeyPatch) -> None:
    """A batch whose run is gone starts anew."""
    known = vars(batch_run.BatchRun)["failure"].func

    def planted(self: batch_run.BatchRun) -> Failure | None:
        found: Failure | None = known(self)
        return None if found is not None and found.reason == "PartGone" else found

    patch.setattr(batch_run.BatchRun, "failure", property(planted))


def failed_batch_passed_over(patch: pytest.MonkeyPatch) -> None:
    """A batch that failed is counted as one that did its work."""
    patch.setattr(ScheduledRun, "succeeded", property(lambda run: run.ended))


def done_before_a_kill_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What a pod that did several batches had done counts only if it ended well."""

    def planted(run: ScheduledRun, pod: Pod, outcome: Outcome) -> Outcome:
        found = with_batches(run, pod, outcome)
        return found if found.phase in SUCCESSES else replace(found, batch=None)

    patch.setattr("crontask.decide.attempt.fit.with_batches", planted)


def done_again_from_the_start(patch: pytest.MonkeyPatch) -> None:
    """The next pod of a part begins where the first one did, and what both have done is counted."""
    patch.setattr("crontask.engine.pod_body.resumed", lambda run: run.spec.parent)


def cursor_skips(patch: pytest.MonkeyPatch) -> None:
    """The next pod of a part begins one batch after the one that was under way."""

    def planted(run: ScheduledRun) -> Parent | None:
        found = resumed(run)
        if found is None or found.batch is None or found.batch.reuse is None or not run.status.attempts:
            return found
        batch = found.batch.model_copy(
            update={"number": found.batch.number + 1, "cursor": (found.batch.cursor or 0) + 1}
        )
        return found.model_copy(update={"batch": batch})

    patch.setattr("crontask.engine.pod_body.resumed", planted)


def failed_part_counted_for_more(patch: pytest.MonkeyPatch) -> None:
    """The batch that failed counts with those that its pod had done before."""
    known = batch_run.Progress.plus

    def planted(self: batch_run.Progress, part: ScheduledRun, given: BatchStatus) -> batch_run.Progress:
        found = known(self, part, given)
        return found if part.succeeded else replace(found, batches=found.batches + 1)

    patch.setattr(batch_run.Progress, "plus", planted)


BATCH_BUGS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        next_before_the_end_is_recorded,
        batch_counted_twice,
        cursor_of_the_last_count,
        gone_batch_made_again,
        failed_batch_passed_over,
        done_before_a_kill_is_forgotten,
        done_again_from_the_start,
        cursor_skips,
        failed_part_counted_for_more,
    )
}
