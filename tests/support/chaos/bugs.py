"""Faults that could be in the operator, planted one at a time, to see that the simulator finds them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chaos.network import Network
from crontask.api.outcomes import Record
from crontask.api.phases import RunPhase
from crontask.api.pod import Pod
from crontask.api.task_status import Decision, Timing
from crontask.decide.attempt import stop
from crontask.decide.attempt.fit import fitting_outcome
from crontask.decide.attempt.outcome import Outcome
from crontask.decide.decisions import DeletePod, Launch, RunAction, RunDecisions, StopPod, TaskAction
from crontask.decide.model import Config, CronTask, ScheduledRun
from crontask.decide.pod_state import NOT_MADE
from crontask.decide.run import cancel, rules
from crontask.decide.run.attempt_end import attempt_ended
from crontask.decide.run.decide import decide_run
from crontask.decide.stage import OCCUPIES_SLOT, Stage, stage_of
from crontask.decide.task import decide as task
from crontask.decide.task import decided, dropped, overlap
from crontask.decide.task.due import Undecided
from crontask.decide.task.overdue import Expected
from crontask.decide.task.pause import Pause
from crontask.decide.task.record import TIMING_CHANGED
from crontask.decide.views import RunView, TaskView
from crontask.engine import launch
from crontask.engine.execute import Executor
from crontask.engine.gate import Gate
from crontask.engine.keys import key_of
from crontask.engine.memory import Memory
from crontask.engine.store import Store
from crontask.engine.viewing import ForeignNames
from crontask.engine.work import Next, Worker
from crontask.ports import Kind, ObjectKey

Plant = Callable[[pytest.MonkeyPatch], None]


def watermark_before_run(patch: pytest.MonkeyPatch) -> None:
    """The watermark is written before the run that it covers."""
    act_all = Executor.act_all

    async def planted(self: Executor, actions: Iterable[TaskAction], task: CronTask) -> None:
        todo = list(actions)
        launches = [action for action in todo if isinstance(action, Launch)]
        if launches:
            watermark = max(launch.nominal for launch in launches)
            status = task.status.model_copy(update={"last_scheduled_time": watermark})
            await self._writer.write_task_status(task, status)
        await act_all(self, todo, self._store.task(key_of(task)) or task)

    patch.setattr(Executor, "act_all", planted)


def taken_for_ours(patch: pytest.MonkeyPatch) -> None:
    """A name that is taken counts as success, whoever owns it."""
    patch.setattr(launch, "is_of_time", lambda run, task: True)
    patch.setattr(ForeignNames, "__contains__", lambda self, name: False)


def any_object_deleted(patch: pytest.MonkeyPatch) -> None:
    """A delete has no precondition: it takes whatever has the name by then."""

    async def planted(
        self: Network, key: ObjectKey, *, uid: str, version: str = "", grace_seconds: int | None = None
    ) -> None:
        async def call() -> None:
            await self._api.delete(key, uid=self._api.document(key)["metadata"]["uid"], grace_seconds=grace_seconds)

        await self._request("delete", key, call)

    patch.setattr(Network, "delete", planted)


def no_sweep(patch: pytest.MonkeyPatch) -> None:
    """After a list, what vanished unseen stays known."""

    def planted(self: Store, kind: Kind, alive: set[str], version: str, namespace: str) -> None:
        """Sweep nothing."""

    patch.setattr(Store, "on_listed", planted)


def number_used_again(patch: pytest.MonkeyPatch) -> None:
    """A lost attempt is forgotten, and the next has its number."""

    def planted(view: RunView, now: datetime, end: Outcome) -> RunDecisions:
        decided = attempt_ended(view, now, end)
        if not end.lost or decided.status.phase is not RunPhase.RETRYING:
            return decided
        attempts = view.run.status.attempts[:-1]
        forgotten = {"phase": RunPhase.PENDING, "attempts": attempts, "pod_name": None, "next_retry_time": None}
        return RunDecisions(decided.status.model_copy(update=forgotten))

    def forget(self: Memory, run: ScheduledRun, pod: str) -> None:
        """Remember no pod that went."""

    patch.setattr(rules, "attempt_ended", planted)
    patch.setattr(Memory, "note_vanished", forget)


def end_before_follow_up(patch: pytest.MonkeyPatch) -> None:
    """The end of a run is recorded before what it causes exists."""
    work_on = Worker.work_on

    async def planted(self: Worker, key: ObjectKey) -> Next:
        view = self._store.run_view(key) if key.kind is Kind.SCHEDULED_RUN else None
        if view is not None:
            now = decide_run(view, self._clock.now())
            if now.follow_ups:
                await self._writer.write_run_status(view.run, now.status)
                for follow_up in now.follow_ups:
                    await self._launcher.create_run(follow_up)
        return await work_on(self, key)

    patch.setattr(Worker, "work_on", planted)


def stopped_by_deleting(patch: pytest.MonkeyPatch) -> None:
    """A pod is deleted to stop it, and its log goes with it."""

    act_for_run = Executor.act_for_run

    async def planted(self: Executor, action: RunAction) -> None:
        await act_for_run(self, DeletePod(action.pod) if isinstance(action, StopPod) else action)

    patch.setattr(Executor, "act_for_run", planted)


def stopped_before_recorded(patch: pytest.MonkeyPatch) -> None:
    """The kubelet is asked before anybody has recorded why, and nobody looks at what the pod says of it."""
    canceling = cancel.canceling

    def recorded(view: RunView) -> str | None:
        pod = view.pod
        return (
            stop_reason(replace(view, pod_state=NOT_MADE))
            if pod is not None and not pod.deleting
            else stop_reason(view)
        )

    stop_reason = stop.stop_reason
    for module in (stop, rules):
        patch.setattr(module, "stop_reason", recorded)

    def planted(view: RunView, pod: Pod, now: datetime) -> RunDecisions:
        if view.run.status.phase is RunPhase.CANCELING or not pod.has_started or pod.deleting:
            return canceling(view, pod, now)
        if pod.stop_request is None:
            return RunDecisions(view.run.status, (StopPod(pod, "Canceled", now),))
        return canceling(view, pod, now)

    patch.setattr(rules, "canceling", planted)


def stopped_when_asked(patch: pytest.MonkeyPatch) -> None:
    """A pod counts as stopped as soon as its kubelet is asked to stop it."""

    def planted(view: RunView) -> Stage:
        asked = stop.stop_reason(view) is not None and view.pod is not None and view.pod.stop_request is not None
        return Stage.ENDING if asked else stage_of(view)

    patch.setattr(overlap, "stage_of", planted)


def stopped_is_failed(patch: pytest.MonkeyPatch) -> None:
    """What a pod that was stopped ended with is taken for an end of its own."""

    def planted(view: RunView) -> Outcome | None:
        return fitting_outcome(view, view.pod) if view.pod is not None else None

    patch.setattr(rules, "end_of_attempt", planted)


def kubelet_trusted(patch: pytest.MonkeyPatch) -> None:
    """A kubelet has for ever to stop a pod."""
    patch.setattr(stop, "PATIENCE", timedelta(days=1))


def refused_moves_the_watermark(patch: pytest.MonkeyPatch) -> None:
    """A time whose run the API server refuses counts as decided."""

    def planted(view: TaskView, undecided: Undecided, first: datetime, now: datetime) -> Undecided:
        return undecided

    patch.setattr(task, "decided_before", planted)


def refused_gives_up_its_slot(patch: pytest.MonkeyPatch) -> None:
    """A run whose pod is refused has no slot any more: another one starts."""
    patch.setattr(overlap, "OCCUPIES_SLOT", OCCUPIES_SLOT - {Stage.REFUSED})


def _forget(patch: pytest.MonkeyPatch, reason: str) -> None:
    """No record of the times that are dropped for that reason."""
    dropped_times = dropped.dropped_times

    def planted(
        view: TaskView, timing: Timing, pause: Pause | None, config: Config, now: datetime
    ) -> tuple[Decision, ...]:
        return tuple(each for each in dropped_times(view, timing, pause, config, now) if each.reason != reason)

    patch.setattr(task, "dropped_times", planted)


def pause_forgets(patch: pytest.MonkeyPatch) -> None:
    """A pause takes the time that waits for its start, and nobody records it."""
    _forget(patch, "Suspended")


def edit_forgets(patch: pytest.MonkeyPatch) -> None:
    """An edit takes the time that waits for its start, and nobody records it."""
    _forget(patch, TIMING_CHANGED)


def end_left_out_of_record(patch: pytest.MonkeyPatch) -> None:
    """What became of a time whose run has ended stays as it was when that started."""

    def planted(record: Record, run: ScheduledRun, task: CronTask) -> None:
        """Correct nothing."""

    patch.setattr(decided, "_correct", planted)


def late_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    """Nobody wakes when a run, or a success, should have come."""
    patch.setattr(Expected, "next_at", lambda self, now: None)


def unknown_taken_for_known(patch: pytest.MonkeyPatch) -> None:
    """After what nobody knows the record goes on as if it had all of that."""
    patch.setattr(Record, "begin_anew", lambda self, since: None)


def no_gate(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks whether the lease has time left."""

    def planted(self: Gate) -> None:
        """Let everything pass."""

    patch.setattr(Gate, "check", planted)


BUGS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        watermark_before_run,
        taken_for_ours,
        any_object_deleted,
        no_sweep,
        number_used_again,
        end_before_follow_up,
        no_gate,
        stopped_by_deleting,
        stopped_before_recorded,
        stopped_when_asked,
        stopped_is_failed,
        kubelet_trusted,
        refused_moves_the_watermark,
        refused_gives_up_its_slot,
        pause_forgets,
        edit_forgets,
        end_left_out_of_record,
        unknown_taken_for_known,
        late_is_not_looked_at,
    )
}
