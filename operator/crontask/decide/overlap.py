"""What happens when runs overlap: who holds a place, who waits, who starts, and what Forbid, Allow and Replace do.

Callers: task.
"""

from dataclasses import dataclass
from datetime import datetime

from crontask.api.crontask import Concurrency, ConcurrencyPolicy
from crontask.api.names import run_name
from crontask.api.scheduledrun import RunPhase
from crontask.decide.decisions import CancelRun, Launch, StartAttempt
from crontask.decide.outcome import pod_has_ended
from crontask.decide.views import RunView, TaskView


@dataclass(frozen=True, slots=True)
class Places:
    """The answer: what to start and cancel now, who queues, and the run in the way of a time that is skipped."""

    actions: tuple[Launch | StartAttempt | CancelRun, ...]
    queued: frozenset[str]
    skipped_for: str | None = None


def holds_place(view: RunView) -> bool:
    """Whether the run is under way: it was started, and at this instant neither it nor its pod has ended."""
    if view.run.ended:
        return False
    if view.pod is not None:
        # A pod that is being stopped is in the way until it is gone: Replace never has two.
        return view.pod.deleting or not pod_has_ended(view.pod)
    return view.run.status.phase in (RunPhase.RUNNING, RunPhase.CANCELING)


def waits(view: RunView, now: datetime) -> bool:
    """Whether the run is due, and nothing but its turn keeps it from starting."""
    run = view.run
    if run.ended or run.spec is None or run.spec.cancel or view.pod is not None or run.due_at > now:
        return False
    if view.finding is not None and (view.finding.final or view.finding.retry_at > now):
        return False
    return run.status.phase in (None, RunPhase.PENDING, RunPhase.QUEUED) and run.status.pod_name is None


def assign_places(
    view: TaskView, waiting: tuple[RunView, ...], latest: datetime | None, concurrency: Concurrency
) -> Places:
    """Places go to the runs that wait, in order of creation, then to the time that has just come due."""
    under_way = [run for run in view.runs if holds_place(run)]
    free = None if concurrency.limit is None else max(0, concurrency.limit - len(under_way))
    ordered = sorted(waiting, key=lambda run: (run.run.meta.creation_timestamp, run.run.meta.name))
    starting = ordered if free is None else ordered[:free]
    queue = [] if free is None else ordered[free:]
    starts = tuple(StartAttempt(run.run, 1) for run in starting)
    if latest is None:
        return Places(starts, _names(queue))
    name = run_name(view.task.meta.name, latest)
    if free is None or len(starting) < free:
        return Places((*starts, Launch(latest, name)), _names(queue))
    if concurrency.policy is ConcurrencyPolicy.REPLACE:
        return _replace(under_way, starting, queue, starts, Launch(latest, name, wait=True), concurrency)
    in_the_way = under_way[0].run.meta.name if under_way else ordered[0].run.meta.name
    return Places(starts, _names(queue), skipped_for=in_the_way)


def _replace(
    under_way: list[RunView],
    starting: list[RunView],
    queue: list[RunView],
    starts: tuple[StartAttempt, ...],
    launch: Launch,
    concurrency: Concurrency,
) -> Places:
    """The oldest runs end, as many as the new one needs; it starts when the pod of the oldest is gone."""
    limit = concurrency.limit or 1
    contenders = sorted(
        (run for run in (*under_way, *starting, *queue) if not _ending(run)),
        key=lambda run: (run.run.meta.creation_timestamp, run.run.meta.name),
    )
    replaced = contenders[: max(0, len(contenders) + 1 - limit)]
    reason = f"replaced by {launch.name}"
    cancels = tuple(CancelRun(run.run, reason) for run in replaced)
    gone = {run.run.meta.uid for run in replaced}
    kept = tuple(start for start in starts if start.run.meta.uid not in gone)
    return Places((*cancels, *kept, launch), _names([run for run in queue if run.run.meta.uid not in gone]))


def _ending(view: RunView) -> bool:
    return view.run.status.phase is RunPhase.CANCELING or bool(view.run.spec and view.run.spec.cancel)


def _names(runs: list[RunView]) -> frozenset[str]:
    return frozenset(run.run.meta.name for run in runs)
