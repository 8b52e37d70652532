"""Which nominal times of a task are undecided, and which of them may still start (catch-up, deadline)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crontask.api.crontask import CronTaskSpec
from crontask.api.names import run_name
from crontask.api.policies import CatchUpPolicy
from crontask.api.task_status import Timing
from crontask.decide.model import CronTask, ScheduledRun
from crontask.decide.task.delay import delayed_start
from crontask.decide.task.missed import Missed, deadline_of, missed_times
from crontask.decide.views import RunView, TaskView

# With catchUp None: what is late by less than a failover takes is not missed.
FAILOVER = timedelta(seconds=10)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A nominal time that may start now. `catching_up`: in its turn, whatever the policy of concurrency."""

    nominal: datetime
    catching_up: bool = False


@dataclass(frozen=True, slots=True)
class Undecided:
    """The nominal times that came due after `after`: the watermark moves to `watermark` when all of them are decided.

    `candidates`: those that may start now, oldest first. `resumed`: runs of undecided times that exist without status
    and pod: their launch was cut short and goes on. `started`: runs of undecided times that have a pod or a status.
    `foreign`: times whose name belongs to somebody else's run.
    """

    after: datetime
    watermark: datetime
    candidates: tuple[Candidate, ...] = ()
    resumed: tuple[RunView, ...] = ()
    started: tuple[ScheduledRun, ...] = ()
    missed: Missed | None = None
    foreign: tuple[datetime, ...] = ()


def undecided_times(view: TaskView, timing: Timing, now: datetime) -> Undecided | None:
    """The times after max(since, watermark) whose start has come, None if there are none."""
    task = view.task
    after = task.decided_until(timing.since)
    if task.runs_left == 0:
        return None
    if task.spec.delay is not None:
        return _delayed(view, timing, after, now)
    known = _known_runs(view, after, now)
    found = Undecided(after, watermark=max(known.times, default=after), resumed=known.resumed, started=known.started)
    latest = task.jitter.latest_started(task.timetable, now)
    if latest is None or latest <= after:
        return found if known.times else None
    considered = _that_may_start(task, task.spec, after, latest, now)
    # They are launched oldest first: what is older than one that was launched was left out.
    unknown = [time for time in considered if time > max((after, *known.times))]
    foreign = [time for time in unknown if run_name(task.meta.name, time) in view.foreign]
    candidates = _candidates(view, task.spec, [time for time in unknown if time not in foreign], len(known.times), now)
    return _summed_up(view, replace(found, candidates=candidates, foreign=tuple(foreign)), latest, now)


def decided_before(view: TaskView, undecided: Undecided, first: datetime, now: datetime) -> Undecided | None:
    """Of the undecided times those before `first`, which is still to be launched; None if there are none."""
    foreign = tuple(time for time in undecided.foreign if time < first)
    return _summed_up(view, replace(undecided, candidates=(), foreign=foreign), first - _SECOND, now)


def _summed_up(view: TaskView, found: Undecided, latest: datetime, now: datetime) -> Undecided | None:
    """The same, with the times up to `latest` that are missed; None if there are none at all."""
    times = [run.nominal for run in (*(run.run for run in found.resumed), *found.started) if run.nominal is not None]
    due = view.task.timetable.due(found.after, latest) if latest > found.after else None
    if due is None:
        return replace(found, watermark=max(times)) if times else None
    taken = {*times, *found.foreign, *(candidate.nominal for candidate in found.candidates)}
    return replace(found, watermark=max((due.latest, *times)), missed=missed_times(view, due, taken, now))


def given_up_at(view: TaskView, undecided: Undecided) -> Iterator[datetime]:
    """When times that may start now will be missed, should the API server refuse their runs until then."""
    task = view.task
    for candidate in undecided.candidates:
        deadline = deadline_of(task, candidate.nominal)
        if deadline is not None:
            yield deadline
        if task.spec.catch_up.policy is CatchUpPolicy.NONE:
            yield task.start_of(candidate.nominal) + FAILOVER


@dataclass(frozen=True, slots=True)
class _Known:
    """The runs of undecided times, and these times."""

    resumed: tuple[RunView, ...]
    started: tuple[ScheduledRun, ...]

    @property
    def times(self) -> tuple[datetime, ...]:
        runs = (*(run.run for run in self.resumed), *self.started)
        return tuple(run.nominal for run in runs if run.nominal is not None)


def _known_runs(view: TaskView, after: datetime, now: datetime) -> _Known:
    """The runs of undecided times. What started just before an edit or a pause, and is not recorded yet, is of them."""
    recorded = min(after, view.task.recorded_until)

    def is_of_them(run: ScheduledRun, after: datetime) -> bool:
        return run.nominal is not None and after < run.nominal <= now and run.meta.owner_uid == view.task.meta.uid

    open_ = [run.run for run in view.runs if run.is_recorded and is_of_them(run.run, recorded)]
    started = (*open_, *(run for run in view.finished if is_of_them(run, recorded)))
    return _Known(tuple(run for run in view.runs if not run.is_recorded and is_of_them(run.run, after)), started)


def _that_may_start(
    task: CronTask, spec: CronTaskSpec, after: datetime, latest: datetime, now: datetime
) -> list[datetime]:
    """The undecided times that the policy of catching up lets start, oldest first, before their deadline."""
    if spec.catch_up.policy is CatchUpPolicy.NONE and now - task.start_of(latest) >= FAILOVER:
        return []
    wanted = spec.catch_up.limit if spec.catch_up.policy is CatchUpPolicy.ALL else 1
    found: list[datetime] = []
    while len(found) < wanted:
        time = task.timetable.previous_at_or_before(found[-1] - _SECOND) if found else latest
        if time is None or time <= after:
            break
        deadline = deadline_of(task, time)
        if deadline is not None and deadline <= now:
            break
        found.append(time)
    return found[::-1]


def _candidates(
    view: TaskView, spec: CronTaskSpec, times: list[datetime], known: int, now: datetime
) -> tuple[Candidate, ...]:
    """The latest of the times for which there is room: in what the task has left, and in what waits already."""
    left = view.task.runs_left
    if left is not None:
        times = times[max(0, len(times) - max(0, left - known)) :]
    if spec.catch_up.policy is not CatchUpPolicy.ALL or not times:
        return tuple(Candidate(time) for time in times)
    waiting = sum(run.run.catching_up and run.pod is None for run in view.runs)
    on_time = now - view.task.start_of(times[-1]) < FAILOVER
    if len(times) == 1 and on_time and not waiting:
        return (Candidate(times[0]),)
    late = times[:-1] if on_time else times
    room = max(0, spec.catch_up.limit - waiting - on_time)
    kept = late[len(late) - room :] if room < len(late) else late
    return tuple(Candidate(time, catching_up=True) for time in (*kept, *(times[-1:] if on_time else ())))


def _delayed(view: TaskView, timing: Timing, after: datetime, now: datetime) -> Undecided | None:
    """A task with a delay has one time at most, which is never missed."""
    known = _known_runs(view, after, now)
    if known.times:
        return Undecided(after, watermark=max(known.times), resumed=known.resumed, started=known.started)
    nominal = delayed_start(view, timing, now)
    if nominal is None or view.task.start_of(nominal) > now:
        return None
    if run_name(view.task.meta.name, nominal) in view.foreign:
        return Undecided(after, watermark=nominal, foreign=(nominal,))
    # In its turn, should its group be full: what is skipped would be due again a second later.
    return Undecided(after, watermark=nominal, candidates=(Candidate(nominal, catching_up=True),))
