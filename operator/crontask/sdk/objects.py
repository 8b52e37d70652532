"""What is read of tasks and runs: views of raw objects, which keep the fields that nobody here knows. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from crontask.api.phases import SUCCESSES, TERMINAL, RunPhase
from crontask.api.times import time_of
from crontask.client.log_sources import logs_url
from crontask.client.requests import Document


@dataclass(frozen=True, slots=True)
class Attempt:
    """One pod of a run; `raw` has all that its status says."""

    number: int
    pod: str
    start_time: datetime | None
    completion_time: datetime | None
    exit_code: int | None
    reason: str | None
    message: str | None
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a workflow; `raw` has all that its status says."""

    name: str
    phase: str
    run: str | None
    message: str | None
    result: Any
    start_time: datetime | None
    completion_time: datetime | None
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A scheduled time to come: what the schedule says, and when its run starts (with jitter, later)."""

    task: str
    namespace: str
    scheduled_time: datetime
    start_time: datetime


class _Read:
    """What a task and a run have alike, as it was read."""

    __slots__ = ()

    @property
    def document(self) -> Document:
        """The whole object."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.document["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.document["metadata"]["namespace"])

    @property
    def spec(self) -> Document:
        """Its spec, raw."""
        return _part(self.document, "spec")

    @property
    def status(self) -> Document:
        """Its status, raw; empty while the operator has not seen it."""
        return _part(self.document, "status")


@dataclass(frozen=True, slots=True)
class Task(_Read):
    """A task as it was when it was read. `document`: the whole object; `taken_over`: fields, and from whom."""

    document: Document = field(repr=False)
    taken_over: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        timing = f" {self.schedule}" if self.schedule else ""
        return f"<Task {self.namespace}/{self.name} {self.state or 'new'}{timing}>"

    @property
    def state(self) -> str | None:
        """Active, Suspended, Completed, Invalid or Rejected; None while the operator has not seen it."""
        return _text(self.status.get("phase"))

    @property
    def schedule(self) -> str | None:
        """When it runs, as a list shows it."""
        return _text(self.status.get("scheduleText"))

    @property
    def next_run(self) -> datetime | None:
        """The next scheduled time."""
        return _time(self.status.get("nextRunTime"))

    @property
    def last_run(self) -> Document | None:
        """The run that ended last, raw."""
        return self.status.get("lastRun")

    @property
    def paused(self) -> bool:
        """Whether its spec, or failures in a row, keep it from starting on schedule, as the operator saw it last."""
        return self.state == "Suspended"

    def condition(self, type_: str) -> Document | None:
        """The condition of that type, raw: Ready, Suspended, LastRunSucceeded and others."""
        return _condition(self.status, type_)


class Cell:
    """What was read of a run last."""

    def __init__(self, document: Document) -> None:
        self.document = document


class RunView(_Read):
    """A run as it was when it was read last."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.namespace}/{self.name} {self.phase}>"

    @property
    def document(self) -> Document:
        """The whole object."""
        return self.cell.document

    @property
    def uid(self) -> str:
        """Another run of its name has another."""
        return str(self.document["metadata"]["uid"])

    @property
    def task(self) -> str | None:
        """The task that it is a run of; None of a one-off run."""
        return _text((self.spec.get("taskRef") or {}).get("name"))

    @property
    def phase(self) -> str:
        """Where it is in its life; Pending as well while the operator has not seen it."""
        return _text(self.status.get("phase")) or RunPhase.PENDING.value

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.phase in TERMINAL

    @property
    def succeeded(self) -> bool:
        """Whether it ended well, in part at least."""
        return self.phase in SUCCESSES

    @property
    def message(self) -> str:
        """What the handler said, or why it waits or ended so."""
        return _text(self.status.get("message")) or ""

    @property
    def created(self) -> datetime:
        """When it was asked for."""
        found = _time(self.document["metadata"]["creationTimestamp"])
        assert found is not None, "the API server writes it"
        return found

    @property
    def scheduled_time(self) -> datetime | None:
        """The time that it stands for."""
        return _time(self.status.get("scheduledTime"))

    @property
    def start_time(self) -> datetime | None:
        """When its first attempt began."""
        return _time(self.status.get("startTime"))

    @property
    def completion_time(self) -> datetime | None:
        """When it ended."""
        return _time(self.status.get("completionTime"))

    @property
    def logs_url(self) -> str | None:
        """Where its log can be read when its pod is gone, of http or https; None unless the installation says that."""
        return logs_url(self.status) or None

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Its last ten attempts, oldest first."""
        return tuple(
            Attempt(
                int(raw.get("number", 0)),
                str(raw.get("pod", "")),
                _time(raw.get("startTime")),
                _time(raw.get("completionTime")),
                raw.get("exitCode"),
                raw.get("reason"),
                raw.get("message"),
                raw,
            )
            for raw in self.status.get("attempts") or ()
        )

    @property
    def steps(self) -> tuple[Step, ...]:
        """Of a workflow: its steps, in the order of its list."""
        return tuple(
            Step(
                str(raw.get("name", "")),
                str(raw.get("phase", "")),
                raw.get("run"),
                raw.get("message"),
                raw.get("result"),
                _time(raw.get("startTime")),
                _time(raw.get("completionTime")),
                raw,
            )
            for raw in self.status.get("steps") or ()
        )


EventType = Literal["ADDED", "MODIFIED", "DELETED"]


def _part(document: Document, name: str) -> Document:
    found: Document = document.get(name) or {}
    return found


def _condition(status: Document, type_: str) -> Document | None:
    found = (condition for condition in status.get("conditions") or () if condition.get("type") == type_)
    return next(found, None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _time(value: object) -> datetime | None:
    """The time; None where there is none, or something that is none."""
    try:
        found = time_of(value)
    except ValueError:
        return None
    return found if isinstance(found, datetime) else None
