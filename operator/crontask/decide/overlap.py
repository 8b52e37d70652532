"""What happens when runs overlap: who holds a place, who waits, who starts, and what each policy does at the limit.

Places go to the runs that wait, in the order of their times, then to the times that have just come due. In a group,
the runs of all its tasks count and wait together. Callers: task.
"""

from dataclasses import dataclass
from datetime import datetime

from crontask.api.names import run_name
from crontask.api.policies import Concurrency, ConcurrencyPolicy
from crontask.api.scheduledrun import RunPhase
from crontask.decide.cancel import cancel_requested
from crontask.decide.decisions import CancelRun, Launch, StartAttempt
from crontask.decide.due import Candidate
from crontask.decide.readiness import hindrance
from crontask.decide.retry import may_follow
from crontask.decide.stop import end_of_attempt
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
class Places:
    """The answer: what to start and cancel now, who queues, and the times that are skipped."""

    actions: tuple[Launch | StartAttempt | CancelRun, ...] = ()
    queued: frozenset[str] = frozenset()
    skipped: tuple[Skip, ...] = ()


def holds_place(view: RunView) -> bool:
    """Whether the run is under way: it was started, and at this instant neither it nor its pod has ended.

    A pod that we stop is in the way until none of its containers runs: Replace never has two.
    """
    if view.run.ended:
        return False
    if view.pod is not None:
        end = end_of_attempt(view)
        # The run keeps its place for another attempt, though the pod of this one has ended.
        return end is None or (not cancel_requested(view.run) and may_follow(view, end))
    return (
        view.pod_gone
        or view.starting
        or view.unsure
        # Its pod is refused, and will be tried again: it is its turn.
        or (view.finding is not None and not view.finding.final)
        or view.run.status.phase in (RunPhase.RUNNING, RunPhase.RETRYING, RunPhase.CANCELING)
    )


def is_unstarted(view: RunView) -> bool:
    """Whether the run has neither ended nor had an attempt, as far as is known."""
    return not view.run.ended and view.pod is None and not view.run.status.attempts


def waits(view: RunView, now: datetime) -> bool:
    """Whether nothing but its turn keeps the run from starting."""
    run = view.run
    if run.ended or run.spec is None or run.spec.cancel or run.status.attempts:
        return False
    if view.pod is not None or view.pod_gone or view.unsure or (view.finding is not None and view.finding.final):
        return False
    return run.status.phase in (None, RunPhase.PENDING, RunPhase.QUEUED) and hindrance(view, now) is None


def has_its_turn(view: RunView) -> bool:
    """Runs that people and other runs made, and scheduled ones whose place is recorded."""
    return view.run.nominal is None or view.run.status.phase is not None


def assign_places(
    view: TaskView,
    waiting: tuple[RunView, ...],
    candidates: tuple[Candidate, ...],
    concurrency: Concurrency,
    now: datetime,
) -> Places:
    """Who starts, who waits and who is skipped, at an instant."""
    under_way = [run for run in (*view.runs, *view.others) if holds_place(run) and not waits(run, now)]
    free = None if concurrency.limit is None else max(0, concurrency.limit - len(under_way) - len(view.strays))
    elsewhere = [run for run in view.others if waits(run, now) and has_its_turn(run)]
    # A run whose pod was refused has its slot, and keeps it as that is tried again.
    line = sorted((*waiting, *elsewhere), key=lambda run: (run.finding is None, *_order(run)))
    starting = line if free is None else line[:free]
    queue = [] if free is None else line[free:]
    desk = _Desk(view, concurrency, under_way, starting, queue)
    for candidate in candidates:
        desk.serve(candidate, None if free is None else free - len(starting))
    return desk.places()


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
        self._strays = view.strays
        self._own = {run.run.meta.uid for run in view.runs}
        self._concurrency = concurrency
        self._under_way = under_way
        self._starting = starting
        self._queue = queue
        self._launches: list[Launch] = []
        self._cancels: list[CancelRun] = []
        self._skipped: list[Skip] = []

    def serve(self, candidate: Candidate, free: int | None) -> None:
        """Give the time a place, a turn in the queue, or neither. `free`: places that nobody who waits has taken."""
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

    def places(self) -> Places:
        """What comes of it."""
        mine = [run for run in self._starting if run.run.meta.uid in self._own]
        queued = frozenset(run.run.meta.name for run in self._queue if run.run.meta.uid in self._own)
        starts = tuple(StartAttempt(run.run, 1) for run in mine)
        return Places((*self._cancels, *starts, *self._launches), queued, tuple(self._skipped))

    def _room_in_queue(self) -> bool:
        scheduled = [run for run in self._queue if run.run.nominal is not None and run.run.meta.uid in self._own]
        return len(scheduled) + len(self._launches) < self._concurrency.queue_limit

    def _in_the_way(self) -> str:
        found = (*self._under_way, *self._starting, *self._queue)
        return min(found, key=_order).run.meta.name if found else self._strays[0]

    def _replace(self, launch: Launch) -> None:
        """The oldest runs end, as many as the new one needs; it starts when the pod of the oldest has stopped."""
        contenders = sorted(
            (run for run in (*self._under_way, *self._starting, *self._queue) if not cancel_requested(run.run)),
            key=_order,
        )
        replaced = contenders[: max(0, len(contenders) + 1 - (self._concurrency.limit or 1))]
        self._cancels += [CancelRun(run.run, f"replaced by {launch.name}", launch) for run in replaced]
        gone = {run.run.meta.uid for run in replaced}
        self._starting = [run for run in self._starting if run.run.meta.uid not in gone]
        self._queue = [run for run in self._queue if run.run.meta.uid not in gone]
        self._launches.append(launch)
