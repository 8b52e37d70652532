"""Whether an attempt follows one that has failed or was lost, and when.

When the next attempt starts is recorded in the status, so that a restart changes nothing; the jitter of a pause is a
hash.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from crontask.api.phases import FAILURES, RunPhase
from crontask.api.policies import Retry
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.attempt.reused import tries
from crontask.decide.settings import settings
from crontask.decide.views import RunView

# An attempt ends within the second that is recorded.
_SECOND = timedelta(seconds=1)


def may_follow(view: RunView, end: Outcome) -> bool:
    """Whether the policy has an attempt left after this end of the expected one."""
    retry = settings(view).retry
    number, lost = tries(view.run, end.batch)
    if end.lost:
        return retry.on_lost == "Retry" and lost < retry.max_lost
    if end.phase not in FAILURES or end.final:
        return False
    # What took too long was stopped, and its exit code is how.
    if end.phase is RunPhase.FAILED and end.exit_code in retry.non_retryable_exit_codes:
        return False
    return number - lost <= retry.limit


def next_attempt_at(view: RunView, end: Outcome, ended: datetime) -> datetime:
    """When the attempt after the expected one starts, which ended so, and then."""
    return ended + pause_after(settings(view).retry, tries(view.run, end.batch)[0], view.run.meta.uid)


def pause_after(retry: Retry, number: int, run_uid: str) -> timedelta:
    """The pause after attempt `number`: `initial`, times `factor` for each one before, at most `max`; with jitter."""
    # A large exponent would overflow; any pause is past its bound long before.
    grown = retry.initial.total_seconds() * min(retry.factor ** min(number - 1, 60), 10**9)
    share = int.from_bytes(sha256(f"{run_uid}/{number}".encode()).digest()[:4], "big") / 2**32
    spread = 1 + (2 * share - 1) * retry.jitter_percent / 100
    return timedelta(seconds=min(retry.max.total_seconds(), grown) * spread)


def retries_at(view: RunView) -> datetime | None:
    """When the run that waits for its next attempt starts it; None for one that does not wait for one.

    Whatever phase somebody has written: after an attempt that has ended, the run goes on.
    """
    status = view.run.status
    if not status.attempts or view.run.open_attempt is not None:
        return None
    ended, recorded = status.attempts[-1].completion_time, status.next_retry_time
    if ended is None or recorded is None:
        return recorded or ended
    # Whoever wrote it: no pause is longer than the policy allows.
    return min(recorded, ended + _longest_pause(settings(view).retry) + _SECOND)


def _longest_pause(retry: Retry) -> timedelta:
    return retry.max * (1 + retry.jitter_percent / 100)
