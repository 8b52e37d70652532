"""What follows the end of an attempt: another one after a pause, or the end of the run."""

from datetime import datetime, timedelta

from crontask.api.base import cut
from crontask.api.phases import RunPhase
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.attempt.report import LONGEST_MESSAGE
from crontask.decide.decisions import RunDecisions, Transition
from crontask.decide.limits import total_deadline
from crontask.decide.retry import may_follow, next_attempt_at
from crontask.decide.run.status import batch_after, ended, identity, latest_pod, with_attempt
from crontask.decide.views import RunView

# The kubelet reports ends to the second, rounded down.
_SECOND = timedelta(seconds=1)


def attempt_ended(view: RunView, now: datetime, end: Outcome) -> RunDecisions:
    """The decisions at the end of the expected attempt."""
    if end.lost and _policy_is_unknown(view):
        name = view.run.task_name
        message = f"{end.message or end.reason}; waits for CronTask {name}, which says whether it is tried again"
        return RunDecisions(view.run.status.model_copy(update={"message": cut(message, LONGEST_MESSAGE)}))
    completion = end.ended or now
    following = next_attempt_at(view, end, min(now, completion + _SECOND))
    deadline = total_deadline(view)
    in_time = deadline is None or following < deadline
    if view.run.cancel_requested or not may_follow(view, end) or not in_time:
        return ended(view, now, end.phase, end.reason, end.message, end)
    return _retrying(view, end, completion, following)


def _policy_is_unknown(view: RunView) -> bool:
    """Whether its task, which cannot be read, says if a lost attempt may be repeated."""
    return view.task_is_missing and view.run.spec.retry is None and not view.run.cancel_requested


def _retrying(view: RunView, end: Outcome, completion: datetime, following: datetime) -> RunDecisions:
    run, number = view.run, view.run.status.expected_attempt
    how = f"{'was lost' if end.lost else 'failed'}: {end.message or end.reason}"
    message = f"attempt {number} {how}"
    status = run.status.model_copy(
        update={
            **identity(view),
            "phase": RunPhase.RETRYING,
            "attempts": with_attempt(view, end.reason, end.message, completion, end.exit_code),
            "lost_attempts": run.status.lost_attempts + end.lost,
            "pod_name": latest_pod(view),
            "next_retry_time": following,
            "message": message,
            "batch": batch_after(view, end),
        }
    )
    transition = Transition(
        "AttemptLost" if end.lost else "AttemptFailed",
        # Which one, and when the next starts, the status says: texts that are equal are one event.
        f"an attempt {how}; another one follows",
        warning=True,
        task=run.task_name,
        run=run.meta.name,
        nominal=run.nominal,
    )
    return RunDecisions(status, transitions=(transition,), wake_at=following)
