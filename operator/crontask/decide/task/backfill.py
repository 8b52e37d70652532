"""What a backfill would do: which times it is for, which not and why, how long it takes, and what is in its way. Pure.

Whoever asks for one sees this plan first: on the command line, and on the page.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count as numbers
from statistics import median

from crontask.api.composite import MOST_ITEMS
from crontask.api.names import BACKFILL_ALL, BACKFILL_FAILED, BACKFILL_MISSING, name_of_backfill
from crontask.api.phases import SUCCESSES
from crontask.api.policies import ConcurrencyPolicy
from crontask.api.times import format_duration, format_time, parse_duration
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.task.local_times import LocalTimes
from crontask.decide.task.made_up import backfilled_times
from crontask.decide.task.past import LEFT_OUT, WENT_WRONG, Outcome, PastTime, due_in
from crontask.decide.task.range import Range

MOST_RUNS = MOST_ITEMS
"""Of one backfill: it is one run, with a part for each time."""
_NOT_YET = frozenset({Outcome.RUNNING, Outcome.WAITING, Outcome.OVERDUE})
TAKEN = {
    BACKFILL_MISSING: LEFT_OUT,
    BACKFILL_FAILED: WENT_WRONG,
    BACKFILL_ALL: frozenset(Outcome) - _NOT_YET,
}
"""By choice, the times that it is for: those with such an outcome."""
MEANS = {
    Outcome.NOT_DUE: "suspended then, or another schedule",
    Outcome.UNKNOWN: "older than the record: they may have run",
    Outcome.RUNNING: "under way: left alone",
    Outcome.WAITING: "the schedule is yet to start them: left alone",
    Outcome.OVERDUE: "no operator has decided about them yet: left alone",
    Outcome.REMOVED: "somebody removed their runs before they had ended",
    Outcome.UNEXPLAINED: "nothing says why they did not run",
}
"""What an outcome says of the times that have it, where its name does not say it all."""
_MOST_SHOWN = 20
_SECOND = timedelta(seconds=1)
_NONE = {BACKFILL_MISSING: "none of them is missing", BACKFILL_FAILED: "none of them has failed"}


@dataclass(frozen=True)
class BackfillPlan:
    """A backfill that is asked for. `times`: what became of each nominal time in the range, one at least.

    `runs`: of the task, and those without a task, among which its backfills are.
    """

    task: CronTask
    asked: Range
    times: tuple[PastTime, ...]
    only: str
    parallel: int
    runs: tuple[ScheduledRun, ...]

    @cached_property
    def chosen(self) -> list[PastTime]:
        """The times that it is for."""
        return [each for each in self.times if each.outcome in TAKEN[self.only]]

    @property
    def nominals(self) -> list[datetime]:
        """Those times alone."""
        return [each.nominal for each in self.chosen]

    @cached_property
    def name(self) -> str:
        """Of the run: by the times of the timetable, which are the same whenever it is asked for.

        One that is there, and does not do what is chosen now, is followed by the next one.
        """
        due = due_in(self.task, self.asked.start, self.asked.end)
        first, last = (due.first, due.latest) if due is not None else (self.times[0].nominal, self.times[-1].nominal)
        asked = (self.task.meta.name, format_time(first), format_time(last), self.only)
        there = {run.meta.name: run for run in self.runs}
        names = (name_of_backfill(*asked, number) for number in numbers(1))
        return next(name for name in names if name not in there or self._is_the_same(there[name]))

    def _is_the_same(self, run: ScheduledRun) -> bool:
        """Whether a backfill of that range does, or has done, all that is chosen now."""
        if run.ended and self.only != BACKFILL_ALL and self.chosen:
            # It has left these as they were, as after an edit of the schedule, or they went wrong again.
            return False
        return {*self.nominals} <= {*backfilled_times(self.task.meta.name, run)}

    @property
    def in_the_way(self) -> list[str]:
        """The open backfills that are for some of the same times."""
        return sorted({name for each in self.chosen for name in each.planned})

    @property
    def outcomes(self) -> list[tuple[Outcome, int, bool]]:
        """How many of the times have which outcome, the most first, and whether it is for them."""
        found = Counter(each.outcome for each in self.times).most_common()
        return [(outcome, count, outcome in TAKEN[self.only]) for outcome, count in found]

    @property
    def at_a_time(self) -> int:
        """How many of its runs the task lets run side by side."""
        limit = self.task.spec.concurrency.limit
        return self.parallel if limit is None else min(self.parallel, limit)

    @cached_property
    def takes(self) -> timedelta | None:
        """How long it takes, if each run takes as long as the last ones did; None where none has ended well."""
        ended = [run.status.duration for run in self.runs if run.task_name == self.task.meta.name and run.succeeded]
        ended += [gone.duration for gone in self.task.status.recent_runs if gone.phase in SUCCESSES]
        seconds = [seconds for text in ended if (seconds := _seconds(text)) is not None]
        if not seconds or not self.chosen:
            return None
        return timedelta(seconds=round(median(seconds) * -(-len(self.chosen) // self.at_a_time)))

    @property
    def live_times(self) -> int | None:
        """How many times of the schedule come due meanwhile."""
        takes = self.takes
        if takes is None:
            return None
        due = self.task.timetable.due(self.asked.now, self.asked.now + takes)
        return due.count if due is not None else 0

    # --- for people ---------------------------------------------------------------------------------------------------

    @property
    def summary(self) -> str:
        """What it makes; where that is nothing, that."""
        chosen = len(self.chosen)
        if not chosen:
            return self._nothing()
        runs = f"{chosen:,} {'run' if chosen == 1 else 'runs'}"
        return f"{runs} of {self.task.meta.name}, {self._side_by_side()}, as run {self.name}"

    def shown(self, local: LocalTimes) -> Iterator[PastTime | int]:
        """The first of its times and the last, each that a clock change is about; where some are left out, how many.

        `local`: those of the task.
        """
        chosen = self.chosen
        changed = {nominal for nominal, _ in local.changes(self.nominals)}
        left = 0
        for index, each in enumerate(chosen):
            if _MOST_SHOWN - 1 <= index < len(chosen) - 1 and each.nominal not in changed:
                left += 1
                continue
            if left:
                yield left
                left = 0
            yield each

    def meanwhile(self) -> Iterator[str]:
        """How long it takes, what starts meanwhile, and what is in its way."""
        takes, live = self.takes, self.live_times
        if takes is None or live is None:
            yield "how long it takes is not known: no run of the task that succeeded is kept"
        else:
            yield f"it takes about {format_duration(max(takes, _SECOND))}, if its runs take as long as the last ones"
        if live:
            times = f"{live:,} {'time' if live == 1 else 'times'}"
            beside = "" if self._is_unbounded() else ", beside one of its runs if need be"
            yield f"{times} of the schedule come due meanwhile: they start as they would{beside}, and it waits for them"
        if self.task.spec.suspend:
            yield "the task is suspended: that holds back its schedule, and not these runs"
        for name in self.in_the_way:
            yield f"run {name} is open, and is for some of these times"

    def _nothing(self) -> str:
        """Why there is nothing to do, and what to write where something else can have been meant."""
        why = _NONE.get(self.only, "each of them is still to come, or under way")
        outcomes = {each.outcome for each in self.times}
        if Outcome.UNKNOWN in outcomes and self.only != BACKFILL_ALL:
            why += "; of what is Unknown it is not known whether it ran: to run it, write --only all"
        elif self.only != BACKFILL_FAILED and outcomes & WENT_WRONG:
            why += f"; to run those again that failed, write --only {BACKFILL_FAILED}"
        return f"nothing to do: {why}"

    def _side_by_side(self) -> str:
        policy = self.task.spec.concurrency.policy
        if self.at_a_time < self.parallel:
            return f"{self.at_a_time} at a time: concurrency {policy.value} allows no more"
        return f"{self.parallel} at a time"

    def _is_unbounded(self) -> bool:
        concurrency = self.task.spec.concurrency
        return concurrency.policy is ConcurrencyPolicy.ALLOW and concurrency.limit is None


def note_on(time: PastTime, local: LocalTimes) -> str:
    """Why a time of a plan is as it is, and what its clock did; nothing of what its outcome says of itself."""
    why = time.why if time.outcome not in MEANS else ""
    return "; ".join(filter(None, (why, local.notes(time.nominal))))


def why_never(task: CronTask) -> str:
    """Why a task has no times that could be made up for; empty where it has."""
    spec = task.spec
    if spec.schedule or spec.schedules or spec.interval:
        return ""
    if spec.after is not None:
        return f"it runs after {spec.after.task}"
    return "its times follow from the ends of its runs" if spec.delay is not None else "it has no schedule"


def ranges_of(times: Sequence[PastTime], end: datetime, most: int) -> list[tuple[datetime, datetime]]:
    """Ranges of which each has so many of the times, the last fewer."""
    begins = [each.nominal for each in times[::most]]
    return list(zip(begins, [*begins[1:], end], strict=True))


def _seconds(duration: str | None) -> float | None:
    """None of what is not a duration, as somebody may have mangled it."""
    try:
        return parse_duration(duration).total_seconds()
    except ValueError:
        return None
