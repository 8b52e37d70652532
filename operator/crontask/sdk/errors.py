"""All that the SDK raises: what the client raises, how runs end, and what is asked for twice in two ways."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crontask.client.errors import AccessError as AccessError
from crontask.client.errors import AlreadyExists as AlreadyExists
from crontask.client.errors import BadInput as BadInput
from crontask.client.errors import Cause as Cause
from crontask.client.errors import ClientError as ClientError
from crontask.client.errors import Conflict as Conflict
from crontask.client.errors import Expired as Expired
from crontask.client.errors import Forbidden as Forbidden
from crontask.client.errors import Invalid as Invalid
from crontask.client.errors import InvalidName as InvalidName
from crontask.client.errors import NotAnswered as NotAnswered
from crontask.client.errors import NotFound as NotFound
from crontask.client.errors import RequestError as RequestError
from crontask.client.errors import RequestFailed as RequestFailed
from crontask.client.errors import ServerError as ServerError
from crontask.client.errors import Timeout as Timeout
from crontask.client.errors import TooManyRequests as TooManyRequests
from crontask.client.errors import Unauthorized as Unauthorized
from crontask.client.errors import Unreachable as Unreachable
from crontask.client.errors import Unsendable as Unsendable

if TYPE_CHECKING:
    from crontask.api.problem import Problem
    from crontask.sdk.objects import Attempt


class InvalidTask(BadInput):
    """A task that could not be used: `problems` has all that is wrong with it. Nothing was sent."""

    def __init__(self, name: str, problems: "tuple[Problem, ...]") -> None:
        first, *others = problems
        more = "".join(f"\nCronTask {name}: {problem}" for problem in others)
        super().__init__(f"CronTask {name}: {first.path}", first.message, f"{first.fix}{more}")
        self.name = name
        self.problems = problems


class UnknownTask(NotFound):
    """There is no task of the name by which a run is asked for: with the nearest that there is. Nothing was sent."""

    def __init__(self, found: NotFound, message: str) -> None:
        super().__init__(found.asked, found.status, found.reason, message)


class FieldConflict(ClientError):
    """An object has fields that others own: `owners` says which, and who. `take_over=True` takes them, once."""

    def __init__(self, name: str, owners: Mapping[str, str], kind: str = "CronTask") -> None:
        whose = "; ".join(f"{field} is owned by {owner}" for field, owner in owners.items())
        super().__init__(f"{kind} {name}: {whose}; leave it out here, or register with take_over=True")
        self.name = name
        self.owners = dict(owners)


class KeyConflict(ClientError):
    """A run was asked for by this key before, but otherwise: `fields` says in what. `run`: the name of that one."""

    def __init__(self, key: str, run: str, fields: list[str]) -> None:
        message = f"key {key!r} has been used for run {run}, with different {' and '.join(fields)}"
        super().__init__(f"{message}; write another key for another run")
        self.key = key
        self.run = run
        self.fields = fields


class RunError(ClientError):
    """A run that has no result for you. `run`: its name; `phase`, `message` and `attempts` as its status had them."""

    def __init__(self, run: str, said: str, phase: str, message: str, attempts: "tuple[Attempt, ...]" = ()) -> None:
        of_attempts = f" (attempt {attempts[-1].number})" if len(attempts) > 1 else ""
        super().__init__(f"run {run} {said}{of_attempts}{': ' if message else ''}{message}")
        self.run = run
        self.phase = phase
        self.message = message
        self.attempts = attempts


class RunFailed(RunError):
    """It failed, with all of its attempts."""


class RunTimedOut(RunError):
    """It was stopped, since it took longer than it may."""


class RunCanceled(RunError):
    """Somebody canceled it."""


class RunSkipped(RunError):
    """It did not start: `counted` is the run with its idempotency key that counted, if that was why. Also of Missed."""

    def __init__(
        self,
        run: str,
        said: str,
        phase: str,
        message: str,
        attempts: "tuple[Attempt, ...]" = (),
        counted: str | None = None,
    ) -> None:
        super().__init__(run, said, phase, message, attempts)
        self.counted = counted


class RunGone(RunError):
    """It was deleted, so that nobody knows how it ended."""


class WaitTimeout(RunError, TimeoutError):
    """It has not ended within the time to wait. It goes on."""


class ResultMismatch(RunError):
    """It succeeded, but its result is not of the type that was asked for, or did not fit."""
