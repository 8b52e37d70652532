"""What happens when runs overlap: who occupies a slot, who waits, who starts, and what each policy does at the limit.

Slots go to the runs that wait, in the order of their times, then to the times that have just come due. In a group,
the runs of all its tasks count and wait together.
"""

from dataclasses import dataclass
from datetime import datetime

from crontask.api.names import run_name
from crontask.api.phases import Origin
from crontask.api.policies import Concurrency, ConcurrencyPolicy
from crontask.decide.decisions import CancelRun, Launch, StartAttempt
from crontask.decide.readiness import awaits_turn
from crontask.decide.stage import OCCUPIES_SLOT, Stage, stage_of
from crontask.decide.task.counting import sort_finished
from crontask.decide.task.due import Candidate
from crontask.decide.views import RunView, TaskView

RUN_ALREADY_ACTIVE = "RunAlreadyActive"
QUEUE_FULL = "QueueFull"


@dataclass(frozen=True, slots=True)
class Skip:
    """A time that is left out, and the run in its way."""

    nominal: datetime
    run: str
    reason: str = RUN_ALREADY_ACTIVE


@dataclass(frozen=True, slots=True)
class Slots:
    """The answer: what to start and cancel now, who queues, and the times that are skipped."""

    actions: tuple[Launch | StartAttempt | CancelRun, ...] = ()
    queued: frozenset[str] = frozenset()
    skipped: tuple[Skip, ...] = ()


def assign_slots(
    view: TaskView,
    waiting: tuple[RunView, ...],
    candidates: tuple[Candidate, ...],
    concurrency: Concurrency,
    now: datetime,
) -> Slots:
    """Who starts, who waits and who is skipped, at an instant."""
    in_the_way = [run for run in (*view.runs, *view.others) if _is_in_the_way(run, now)]
    # What makes up for the past takes no slot from the others, which go before it.
    under_way = [run for run in in_the_way if not _makes_up(run)]
    free = None if concurrency.limit is None else max(0, concurrency.limit - len(under_way) - len(view.orphaned_pods))
    elsewhere = [run for run in view.others if awaits_turn(run, now) and is_in_line(run)]
    # A run whose pod was refused has its slot, and keeps it as that is tried again.
    line = sorted((*waiting, *elsewhere), key=lambda run: (run.refusal is None, *_order(run)))
    later = [run for run in line if _makes_up(run)]
    line = [run for run in line if not _makes_up(run)]
    starting = line if free is None else line[:free]
    queue = [] if free is None else line[free:]
    desk = _Desk(view, concurrency, under_way, starting, queue)
    for candidate in candidates:
        desk.serve(candidate, None if free is None else free - len(starting))
    if later:
        left = None if free is None else free - len(in_the_way) + len(under_way)
        desk.fill(later, _just_done(view), left)
    return desk.slots()


def _just_done(view: TaskView) -> frozenset[datetime]:
    """The times that have been done, and are not recorded as done yet: whoever makes up for one sees it then."""
    fresh = (run for run in sort_finished(view).fresh if run.succeeded)
    return frozenset(run.spec.scheduled_time for run in fresh if run.spec.scheduled_time is not None)


def _is_in_the_way(view: RunView, now: datetime) -> bool:
    """Whether the run occupies a slot; one that is refused has its own in the line, once it may be tried again."""
    stage = stage_of(view)
    return stage in OCCUPIES_SLOT and not (stage is Stage.REFUSED and awaits_turn(view, now))


def _makes_up(view: RunView) -> bool:
    return view.run.origin is Origin.BACKFILL


def is_in_line(view: RunView) -> bool:
    """Manual runs and follow-ups, and scheduled ones that are recorded as queued."""
    return view.run.nominal is None or view.is_recorded


def _order(view: RunView) -> tuple[datetime, str]:
    return (view.run.nominal or view.run.meta.creation_timestamp, view.run.meta.name)


class _Desk:
    """Serves the times that have come due, one after the other."""

    def __init__(
        self,
        view: TaskView,
        concurrency: Concurrency,
        under_way: list[RunView],
        starting: list[RunView],
        queue: list[RunView],
    ) -> None:
        self._task = view.task
        self._orphaned_pods = view.orphaned_pods
        self._own = {run.run.meta.uid for run in view.runs}
        self._concurrency = concurrency
        self._under_way = under_way
        self._starting = starting
        self._queue = queue
        self._launches: list[Launch] = []
        self._cancels: list[CancelRun] = []
        self._skipped: list[Skip] = []

    def serve(self, candidate: Candidate, free: int | None) -> None:
        """Give the time a slot, a turn in the queue, or neither. `free`: slots that nobody who waits has taken."""
        launched = sum(not launch.wait for launch in self._launches)
        name = run_name(self._task.meta.name, candidate.nominal)
        if free is None or launched < free:
            self._launches.append(Launch(candidate.nominal, name, catching_up=candidate.catching_up))
        elif candidate.catching_up:
            self._launches.append(Launch(candidate.nominal, name, wait=True, catching_up=True))
        elif self._concurrency.policy is ConcurrencyPolicy.REPLACE:
            self._replace(Launch(candidate.nominal, name, wait=True))
        elif self._concurrency.policy is ConcurrencyPolicy.QUEUE and self._room_in_queue():
            self._launches.append(Launch(candidate.nominal, name, wait=True))
        else:
            queues = self._concurrency.policy is ConcurrencyPolicy.QUEUE
            self._skipped.append(
                Skip(candidate.nominal, self._in_the_way(), QUEUE_FULL if queues else RUN_ALREADY_ACTIVE)
            )

    def fill(self, later: list[RunView], just_done: frozenset[datetime], free: int | None) -> None:
        """Give what is left to those that make up for the past, but for times that are `just_done`.

        `free`: slots, those who start now included.
        """
        held = [run for run in later if run.run.spec.scheduled_time in just_done]
        later = [run for run in later if run not in held] if held else later
        launched = sum(not launch.wait for launch in self._launches)
        waits = bool(self._queue) or any(launch.wait for launch in self._launches)
        left = None if free is None else 0 if waits else max(0, free - len(self._starting) - launched)
        self._starting = [*self._starting, *(later if left is None else later[:left])]
        self._queue = [*self._queue, *([] if left is None else later[left:]), *held]

    def slots(self) -> Slots:
        """What comes of it."""
        mine = [run for run in self._starting if run.run.meta.uid in self._own]
        queued = frozenset(run.run.meta.name for run in self._queue if run.run.meta.uid in self._own)
        starts = tuple(StartAttempt(run.run, 1) for run in mine)
        return Slots((*self._cancels, *starts, *self._launches), queued, tuple(self._skipped))

    def _room_in_queue(self) -> bool:
        scheduled = [run for run in self._queue if run.run.nominal is not None and run.run.meta.uid in self._own]
        return len(scheduled) + len(self._launches) < self._concurrency.queue_limit

    def _in_the_way(self) -> str:
        found = (*self._under_way, *self._starting, *self._queue)
        return min(found, key=_order).run.meta.name if found else self._orphaned_pods[0]

    def _replace(self, launch: Launch) -> None:
        """The oldest runs end, as many as the new one needs; it starts when the pod of the oldest has stopped."""
        contenders = sorted(
            (run for run in (*self._under_way, *self._starting, *self._queue) if not run.run.cancel_requested),
            key=_order,
        )
        replaced = contenders[: max(0, len(contenders) + 1 - (self._concurrency.limit or 1))]
        self._cancels += [CancelRun(run.run, f"replaced by {launch.name}", launch) for run in replaced]
        gone = {run.run.meta.uid for run in replaced}
        self._starting = [run for run in self._starting if run.run.meta.uid not in gone]
        self._queue = [run for run in self._queue if run.run.meta.uid not in gone]
        self._launches.append(launch)
