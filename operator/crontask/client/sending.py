"""One request until it is answered: what is sent again, after which pause, and until when. Pure but for the jitter.

Both transports ask this, so that both do the same. What is sent again:
- 429, whatever was asked: the API server has not begun with it;
- what never left, for there was no connection;
- 500, 502, 503, 504 and cut connections, of what is done once even if it is done twice (`Request.repeatable`);
- 401, once, where there may be a new token or client certificate.
The request timeout bounds all of it together. Backoff and Retry-After are urllib3's.
"""

from typing import TYPE_CHECKING

from crontask.client import errors
from crontask.client.answers import Answer, refusal
from crontask.client.deadline import shorter
from crontask.client.grants import Grant, Login
from crontask.client.requests import Request

if TYPE_CHECKING:
    from urllib3.util.retry import Retry

TRIES = 5
"""How often one request is sent, at the most."""
_FACTOR, _JITTER = 0.1, 0.1


class Backoff:
    """Pauses that become longer with each failure in a row: the first is none."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._failures: Retry | None = None

    def pause(self) -> float:
        """How long to wait after one more failure."""
        from urllib3.util.retry import Retry

        if self._failures is None:
            self._failures = Retry(
                total=None, backoff_factor=_FACTOR, backoff_jitter=_JITTER, backoff_max=self._longest
            )
        self._failures = self._failures.increment()
        return float(self._failures.get_backoff_time())

    def reset(self) -> None:
        """It went well."""
        self._failures = None


class Sending:
    """One request on its way. Times are monotonic seconds."""

    def __init__(self, request: Request, login: Login, timeout: float | None, now: float) -> None:
        self._request = request
        self._login = login
        self._timeout = timeout = shorter(timeout, request.within)
        self._deadline = None if timeout is None else now + timeout
        self._backoff = Backoff(longest=5.0)
        self._tries = 0
        self._lost = False
        self._refused: Grant | None = None
        self._renewed = False
        self._last: errors.RequestError | None = None

    def grant(self) -> Grant | None:
        """The grant to send it with, None where one has to be obtained first."""
        return self._login.known() if self._refused is None else None

    def obtain(self) -> Grant:
        """A grant; this may read files and run programs."""
        grant = self._login.obtain(self._refused)
        self._refused = None
        return grant

    def left(self, now: float) -> float | None:
        """Seconds that are left for it; None: no limit. Raises what went wrong last once there are none."""
        if self._deadline is None:
            return None
        if self._deadline <= now:
            raise self._last or self.timeout(sent=False)
        return self._deadline - now

    def timeout(self, *, sent: bool) -> errors.Timeout:
        """The error of a time that is over."""
        asked = self._request.asked
        within = f" within {self._timeout:g} s" if self._timeout is not None else ": the connection is dead"
        return errors.Timeout(asked, f"{asked}: no whole answer{within}", sent=sent)

    def taken(self, answer: Answer) -> Answer:
        """The answer, if it is none that refuses."""
        if 200 <= answer.status < 300:
            return answer
        raise refusal(self._request.asked, answer)

    def pause(self, error: errors.RequestError, grant: Grant | None, now: float) -> float:
        """How long to wait before it is sent again. Raises the error where it is not."""
        self._tries += 1
        self._last = error
        error.repeated = self._lost
        self._lost = self._lost or _may_be_done(error)
        pause = self._pause(error, grant)
        if pause is None or (self._deadline is not None and now + pause >= self._deadline):
            raise error
        return pause

    def _pause(self, error: errors.RequestError, grant: Grant | None) -> float | None:
        if isinstance(error, errors.Unauthorized):
            if not self._login.renewable or self._renewed or grant is None:
                return None
            self._refused, self._renewed = grant, True
            return 0.0
        if self._tries >= TRIES or not error.passing or not self._may_repeat(error):
            return None
        backoff = self._backoff.pause()
        after = getattr(error, "retry_after", None)
        return backoff if after is None else max(backoff, after)

    def _may_repeat(self, error: errors.RequestError) -> bool:
        if isinstance(error, errors.TooManyRequests) or (isinstance(error, errors.NotAnswered) and not error.sent):
            return True
        return self._request.repeatable


def _may_be_done(error: errors.RequestError) -> bool:
    """Whether what was asked for may have been done although it failed."""
    return isinstance(error, errors.ServerError) or (isinstance(error, errors.NotAnswered) and error.sent)
