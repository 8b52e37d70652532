"""The parts of an operator put together: for the process, the simulation, and tests alike."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crontask.api.names import LABEL_RUN
from crontask.decide.model import Config
from crontask.engine.events import EventRecorder
from crontask.engine.execute import Executor
from crontask.engine.informer import Informer
from crontask.engine.launch import Launcher
from crontask.engine.loop import Engine
from crontask.engine.measured_api import MeasuredApi
from crontask.engine.parts import PartMaker
from crontask.engine.queue import WriteQueue
from crontask.engine.store import Store
from crontask.engine.warmth import Warmth
from crontask.engine.work import Worker
from crontask.engine.write import Writer
from crontask.ports import Api, Clock, Informed, Kind

# Of each, all or those with a label, the store is kept up to date.
_WATCHED = ((Kind.CRON_TASK, ""), (Kind.SCHEDULED_RUN, ""), (Kind.POD, LABEL_RUN))

if TYPE_CHECKING:
    # What Prometheus needs is the operator's alone: `simulate` goes without.
    from crontask.engine.metrics import Metrics


def make_informers(api: Api, clock: Clock, store: Informed, namespaces: Sequence[str] = ()) -> tuple[Informer, ...]:
    """What keeps the store up to date with CronTasks, ScheduledRuns, and the pods of runs.

    `namespaces`: only what is in these, with a list and a watch for each; none: all, with one for all.
    """
    return tuple(
        Informer(api, clock, kind, store, selector, namespace)
        for namespace in namespaces or ("",)
        for kind, selector in _WATCHED
    )


def make_engine(
    api: Api,
    clock: Clock,
    store: Store,
    queue: WriteQueue,
    config: Config,
    *,
    recorder: EventRecorder | None = None,
    runner_image: str = "",
    metrics: "Metrics | None" = None,
) -> Engine:
    """An engine for one term of leadership, which decides about what the store knows and writes by the queue."""
    if metrics is not None:
        api = MeasuredApi(api, clock, metrics.wrote)
        recorder = recorder or EventRecorder(api, queue, clock, metrics.observe)
    recorder = recorder or EventRecorder(api, queue, clock)
    writer = Writer(api, queue, store, clock)
    launcher = Launcher(api, queue, store, recorder, clock, writer, runner_image)
    executor = Executor(api, queue, store, recorder, writer, launcher)
    parts = PartMaker(store, recorder, clock, launcher)
    worker = Worker(store, executor, launcher, parts, writer, recorder, clock, config)
    if metrics is not None:
        worker.decided = metrics.decided
    return Engine(store, worker, queue, Warmth(api, clock, queue.most), recorder, clock)
