"""By which timing a task's times were due, from when to when: read from the specs and statuses that were written.

An edit and a pause count from when an operator has seen them, which its status says. What it says of that has to be
true: nobody sees an edit before it is made, and who has seen all of it knows what it left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crontask.ports import Document
from crontask.timetable import IntervalTimetable, Jitter

_SCHEDULING = ("Active", "Rejected")
_UNSEEN = ("TimingChangedUnseen", "PausedUnseen")
# Longer than any operator works by what it knew before, frozen or cut off.
_SETTLED_IN = timedelta(seconds=60)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Grid:
    """The nominal times of a spec: `first` and all that follow it at the same distance, and when their runs start."""

    first: datetime
    gap: timedelta
    jitter: Jitter

    def times(self, after: datetime, until: datetime) -> list[datetime]:
        """Those in (after, until]."""
        found = []
        time = self.first + self.gap * max(0, (after - self.first) // self.gap)
        while time <= until:
            found += [time] if time > after else []
            time += self.gap
        return found

    def start_of(self, nominal: datetime) -> datetime:
        """When the run of a nominal time may start."""
        return self.jitter.start_of(nominal, IntervalTimetable(self.first, self.gap, first_k=0))


def grid_of(task: Document) -> Grid | None:
    """The times of a task in a story; None for one without a schedule."""
    spec, meta = task["spec"], task["metadata"]
    created = datetime.fromisoformat(meta["creationTimestamp"])
    jitter = Jitter(seconds(spec.get("jitter", "0s")), f"{meta['namespace']}/{meta['name']}")
    if "interval" in spec:
        gap = seconds(spec["interval"])
        return Grid(created + gap, gap, jitter)
    if "schedule" in spec:
        assert spec["schedule"] == "* * * * *", "the schedule that stories have"
        return Grid(created.replace(second=0, microsecond=0) + timedelta(minutes=1), timedelta(minutes=1), jitter)
    return None


def seconds(text: str) -> timedelta:
    """A duration that is written in seconds."""
    return timedelta(seconds=int(text.removesuffix("s")))


@dataclass
class Period:
    """The times in (since, until] are due by one timing; while it goes on, `until` is None."""

    grid: Grid | None
    since: datetime
    until: datetime | None = None


@dataclass
class Timings:
    """Of one task. `unseen`: stretches of which an entry says that what they left out is not known."""

    violate: Callable[[str], None]
    periods: list[Period] = field(default_factory=list)
    unseen: list[tuple[datetime, datetime]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # By their generation: each version of the task, and when it was written.
        self._versions: dict[int, Document] = {}
        self._written: dict[int, datetime] = {}
        self._hashes: dict[tuple[str | None, ...], str] = {}
        self._writer = ""

    def see(self, writer: str, before: Document | None, after: Document, now: datetime) -> None:
        """A change of the task, its spec or its status."""
        generation = after["metadata"]["generation"]
        if generation not in self._versions:
            self._versions[generation], self._written[generation] = after, now
        old, new = (before or {}).get("status") or {}, after.get("status") or {}
        if new == old or "timing" not in new:
            return
        self._check(new)
        was_due, is_due = old.get("phase") in _SCHEDULING, new["phase"] in _SCHEDULING
        edited = old.get("timing", new["timing"])["hash"] != new["timing"]["hash"]
        if was_due and (edited or not is_due):
            self._end_period(writer, old, new, edited, now)
        if is_due and (edited or not was_due):
            self._begin_period(after, old, new, now)
        self._writer = writer

    def earliest_start(self, nominal: datetime) -> datetime:
        """Before when the run of a nominal time may not start, by any timing that the task had."""
        grids = [grid_of(task) for task in self._versions.values()]
        starts = [g.start_of(nominal) for g in grids if g is not None and g.times(nominal - _SECOND, nominal)]
        return min(starts, default=nominal)

    def may_be_paused(self, now: datetime) -> bool:
        """Whether somebody may take the task for paused: it is, or was not long ago."""
        last = max(self._versions)
        recently = [g for g, at in self._written.items() if g in (last, last - 1) or at > now - _SETTLED_IN]
        settled = self._written[last] <= now - _SETTLED_IN
        return any(_is_paused(self._versions[g]) for g in (recently if not settled else [last]))

    def _check(self, status: Document) -> None:
        """The status says of the task what its spec says."""
        task = self._versions[status["observedGeneration"]]
        name, timing = task["metadata"]["name"], status["timing"]["hash"]
        if (status["phase"] == "Suspended") is not _is_paused(task):
            self.violate(f"{name} is {status['phase']}, and spec.suspend says otherwise")
        fields = tuple(task["spec"].get(name) for name in ("interval", "schedule", "jitter"))
        if self._hashes.setdefault(fields, timing) != timing:
            self.violate(f"{name} is due by another timing than that of {fields}")

    def _begin_period(self, task: Document, old: Document, new: Document, now: datetime) -> None:
        since = datetime.fromisoformat(new["timing"]["since"])
        if "timing" not in old:
            if since != datetime.fromisoformat(task["metadata"]["creationTimestamp"]):
                self.violate(f"{task['metadata']['name']} is new, and due since {since:%H:%M:%S}")
        else:
            self._check_seen(since, old, now)
        self.periods.append(Period(grid_of(self._versions[new["observedGeneration"]]), since))

    def _end_period(self, writer: str, old: Document, new: Document, edited: bool, now: datetime) -> None:
        end = datetime.fromisoformat(new["timing"]["since"] if edited else _paused_since(new))
        self._check_seen(end, old, now)
        entries = new.get("recentDecisions") or [{}]
        if entries[0].get("reason") not in _UNSEEN or entries[:1] == (old.get("recentDecisions") or [])[:1]:
            self.periods[-1].until = end
            return
        recorded = max(datetime.fromisoformat(old["timing"]["since"]), watermark_of(old))
        self.periods[-1].until = recorded
        self.unseen.append((recorded, end))
        if writer == self._writer:
            self.violate(f"{writer} has watched all of it, and says {entries[0]}")

    def _check_seen(self, seen: datetime, old: Document, now: datetime) -> None:
        """Between the change that the status before knew nothing of, and now."""
        unseen = [at for generation, at in self._written.items() if generation > old["observedGeneration"]]
        if not unseen:
            self.violate(f"something is said to be seen at {seen:%H:%M:%S}, and nothing was changed")
            return
        changed = min(unseen)
        if not changed - _SECOND < seen <= now:
            self.violate(f"what was changed at {changed:%H:%M:%S} is said to be seen at {seen:%H:%M:%S}")


def watermark_of(status: Document) -> datetime:
    """Up to when each nominal time is decided."""
    return datetime.fromisoformat(status.get("lastScheduledTime") or "1970-01-01T00:00:00Z")


def _is_paused(task: Document) -> bool:
    return bool(task["spec"].get("suspend"))


def _paused_since(status: Document) -> str:
    return next(str(c["lastTransitionTime"]) for c in status["conditions"] if c["type"] == "Suspended")
