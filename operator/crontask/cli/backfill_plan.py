"""What a backfill would do: which times it is for, which not and why, how long it takes, and what is in its way."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from statistics import median
from typing import Any

from crontask.api.names import BACKFILL_ALL, BACKFILL_FAILED, BACKFILL_MISSING
from crontask.api.phases import SUCCESSES
from crontask.api.policies import ConcurrencyPolicy
from crontask.api.times import format_duration, format_time, parse_duration
from crontask.cli.columns import aligned
from crontask.cli.past import Range
from crontask.client.actions import name_of_backfill
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.task.local_times import LocalTimes
from crontask.decide.task.past import LEFT_OUT, WENT_WRONG, Outcome, PastTime, due_in

_MOST_SHOWN = 20
_SECOND = timedelta(seconds=1)
_NONE = {BACKFILL_MISSING: "none of them is missing", BACKFILL_FAILED: "none of them has failed"}
_NOT_YET = frozenset({Outcome.RUNNING, Outcome.WAITING, Outcome.OVERDUE})
_CHOICES = {
    BACKFILL_MISSING: LEFT_OUT,
    BACKFILL_FAILED: WENT_WRONG,
    BACKFILL_ALL: frozenset(Outcome) - _NOT_YET,
}
_MEANS = {
    Outcome.NOT_DUE: "suspended then, or another schedule",
    Outcome.UNKNOWN: "older than the record: they may have run; --only all runs them, and what is done",
    Outcome.RUNNING: "under way: left alone",
    Outcome.WAITING: "the schedule is yet to start them: left alone",
    Outcome.OVERDUE: "no operator has decided about them yet: left alone",
    Outcome.REMOVED: "somebody removed their runs before they had ended",
    Outcome.UNEXPLAINED: "nothing says why they did not run",
}


@dataclass(frozen=True)
class Plan:
    """A backfill that is asked for. `times`: what became of each nominal time in the range, one at least."""

    task: CronTask
    asked: Range
    times: tuple[PastTime, ...]
    only: str
    parallel: int
    runs: tuple[ScheduledRun, ...]

    @cached_property
    def chosen(self) -> list[PastTime]:
        """The times that it is for."""
        return [each for each in self.times if each.outcome in _CHOICES[self.only]]

    @property
    def name(self) -> str:
        """Of the run: by the times of the timetable, which are the same whenever it is asked for."""
        due = due_in(self.task, self.asked.start, self.asked.end)
        first, last = (due.first, due.latest) if due is not None else (self.times[0].nominal, self.times[-1].nominal)
        return name_of_backfill(self.task.meta.name, first, last, self.only)

    @property
    def in_the_way(self) -> list[str]:
        """The open backfills that are for some of the same times."""
        return sorted({name for each in self.chosen for name in each.planned})

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

    def report(self, *, created: bool) -> dict[str, Any]:
        """As docs/backfill-and-audit.md has it."""
        local, takes = LocalTimes(self.task), self.takes
        return {
            "namespace": self.task.meta.namespace,
            "task": self.task.meta.name,
            "from": format_time(self.asked.start),
            "to": format_time(self.asked.end),
            "only": self.only,
            "parallel": self.parallel,
            "run": self.name,
            "created": created,
            "openBackfills": self.in_the_way,
            "totals": {"times": len(self.times), "chosen": len(self.chosen), "results": self._results()},
            "takesSeconds": int(takes.total_seconds()) if takes is not None else None,
            "liveTimes": self.live_times,
            "times": [
                {
                    "nominal": format_time(each.nominal),
                    "local": local.local(each.nominal).isoformat(),
                    "note": local.notes(each.nominal),
                    "result": each.outcome.value,
                    "reason": each.why,
                }
                for each in self.chosen
            ],
        }

    def _results(self) -> dict[str, int]:
        return dict(Counter(each.outcome.value for each in self.times))

    # --- for people ---------------------------------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """The plan."""
        first, last = self.times[0].nominal, self.times[-1].nominal
        yield f"{self.task.meta.namespace}/{self.task.meta.name} from {format_time(first)} to {format_time(last)}"
        taken = _CHOICES[self.only]
        rows = [("TIMES", "RESULT", "RUN", "NOTE")]
        for outcome, count in Counter(each.outcome for each in self.times).most_common():
            rows.append((f"{count:,}", outcome.value, "yes" if outcome in taken else "no", _MEANS.get(outcome, "")))
        yield from (line.rstrip() for line in aligned(rows))
        yield ""
        chosen = self.chosen
        if not chosen:
            yield self._nothing()
            return
        runs = f"{len(chosen):,} {'run' if len(chosen) == 1 else 'runs'}"
        yield f"{runs} of {self.task.meta.name}, {self._side_by_side()}, as run {self.name}"
        yield from self._listed(chosen)
        yield from self._meanwhile()

    def _nothing(self) -> str:
        """Why there is nothing to do, and what to write where something else can have been meant."""
        why = _NONE.get(self.only, "each of them is still to come, or under way")
        outcomes = {each.outcome for each in self.times}
        besides = [f"--only {only}" for only, of in _CHOICES.items() if only != self.only and outcomes & of]
        unknown = Outcome.UNKNOWN in outcomes and self.only != BACKFILL_ALL
        fix = "; of what is Unknown it is not known whether it ran: to run it, write --only all" if unknown else ""
        if not fix and f"--only {BACKFILL_FAILED}" in besides:
            fix = f"; to run those again that failed, write --only {BACKFILL_FAILED}"
        return f"nothing to do: {why}{fix}"

    def _side_by_side(self) -> str:
        policy = self.task.spec.concurrency.policy
        if self.at_a_time < self.parallel:
            return f"{self.at_a_time} at a time: concurrency {policy.value} allows no more"
        return f"{self.parallel} at a time"

    def _listed(self, chosen: Sequence[PastTime]) -> Iterator[str]:
        """The first of them and the last, and each that a clock change is about."""
        local = LocalTimes(self.task)
        rows = [("NOMINAL (UTC)", "LOCAL", "RESULT", "NOTE")]
        changed = {nominal for nominal, _ in local.changes([each.nominal for each in chosen])}
        left = 0
        for index, each in enumerate(chosen):
            if _MOST_SHOWN - 1 <= index < len(chosen) - 1 and each.nominal not in changed:
                left += 1
                continue
            if left:
                rows.append((f"… {left:,} more", "", "", ""))
                left = 0
            why = each.why if each.outcome not in _MEANS else ""
            notes = "; ".join(filter(None, (why, local.notes(each.nominal))))
            rows.append((format_time(each.nominal), local.written(each.nominal), each.outcome.value, notes))
        yield from (line.rstrip() for line in aligned(rows, "  "))

    def _meanwhile(self) -> Iterator[str]:
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

    def _is_unbounded(self) -> bool:
        concurrency = self.task.spec.concurrency
        return concurrency.policy is ConcurrencyPolicy.ALLOW and concurrency.limit is None


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


def nominals(times: Iterable[PastTime]) -> list[datetime]:
    """The times alone."""
    return [each.nominal for each in times]
