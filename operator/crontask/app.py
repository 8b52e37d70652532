"""The operator as a process: its settings, its connection, and its terms of leadership."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

import uvloop

from crontask.decide.model import Config
from crontask.engine.assemble import make_engine
from crontask.engine.exposition import Exposition, OfTasks
from crontask.engine.gate import Gate
from crontask.engine.lead import first_of, lead
from crontask.engine.measured_api import MeasuredApi
from crontask.engine.metrics import Metrics, Sources
from crontask.engine.queue import IN_FLIGHT, WriteQueue
from crontask.engine.store import Store
from crontask.http_page import HttpPage
from crontask.kube.certificate import CertificateEnd
from crontask.kube.client import HttpApi
from crontask.kube.clock import SystemClock
from crontask.kube.connection import connect
from crontask.kube.lease import Lease
from crontask.kube.skew import SkewMeter
from crontask.logs import set_up_logging
from crontask.metrics_server import MetricsServer
from crontask.readiness import ReadinessServer
from crontask.shell import ShellSettings, start_shell
from crontask.watching import WatchedNamespaces, Watching, WholeCluster

# New objects until the youngest are looked through, and how often that is done until the next older ones are.
_COLLECTED = (10_000, 20, 100)
# An API server reads JSON of up to 10,000 levels.
_DEEPEST = 12_000
_log = logging.getLogger("crontask")


@dataclass(frozen=True)
class Settings:
    """The operator's configuration, read once: from the command line (and so the environment)."""

    scheduling: bool = True
    watch_namespaces: tuple[str, ...] = ()
    """The only ones that it looks at and acts in, each of which has to exist; none: all of the cluster."""
    start_rate: int = 0
    keep_finished: timedelta = timedelta(minutes=10)
    logs_url: str = ""
    """The template of where a run's log can be read when its pod is gone; empty: nowhere."""
    in_flight: int = IN_FLIGHT
    runner_image: str = ""
    lease_namespace: str = "default"
    lease_name: str = "crontask"
    shell: ShellSettings = field(default_factory=ShellSettings)
    metrics_port: int = 0
    task_metrics: OfTasks = "auto"
    readiness_port: int = 0
    log_format: str = "text"


def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    set_up_logging(settings.log_format)
    # An object may be nested as deeply as an API server reads it: nobody's args may end the watch of all.
    sys.setrecursionlimit(_DEEPEST)
    return uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    connection = connect()
    shell = start_shell(settings.shell, connection.access, asyncio.get_running_loop(), stop)
    try:
        clock = SystemClock()
        meter = SkewMeter(clock)
        async with HttpApi(connection, settings.in_flight, meter.observe) as api:
            return await _stand_by(api, clock, meter, settings, stop)
    finally:
        shell.stop()


async def _stand_by(api: HttpApi, clock: SystemClock, meter: SkewMeter, settings: Settings, stop: asyncio.Event) -> int:
    """Watch from the start, so that a standby is warm; decide only while leading."""
    store, metrics, leading = Store(), Metrics(), asyncio.Event()
    watching = _make_watching(api, clock, store, settings)
    readiness = ReadinessServer(watching.unready)
    identity = settings.shell.identity or f"{socket.gethostname()}-{os.getpid()}"
    measured = MeasuredApi(api, clock, metrics.wrote)
    lease = Lease(measured, clock, settings.lease_namespace, settings.lease_name, identity)
    queue = WriteQueue(Gate(lease.time_left), clock, settings.in_flight, settings.start_rate)
    certificate = CertificateEnd(Path(settings.shell.webhook_certificates))
    sources = Sources(
        leading.is_set,
        queue,
        store,
        watching.informers,
        skew=lambda: meter.apart.total_seconds(),
        certificate_end=certificate.read if settings.shell.webhook_port else lambda: None,
    )
    server = MetricsServer(Exposition(metrics, sources, clock, settings.task_metrics).page)
    if not (
        await _serves(server, settings.metrics_port) and await _serves(readiness, settings.readiness_port, "readiness")
    ):
        await server.stop()
        await readiness.stop()
        return 1
    running = asyncio.create_task(watching.run())
    running.add_done_callback(partial(_ended_by_fault, stop))
    stopping = asyncio.create_task(stop.wait())
    try:
        await first_of(stopping, watching.settled())
        _spare_garbage_collector()
        while not stop.is_set():
            await first_of(stopping, lease.acquire())
            if not stop.is_set():
                config = _config(settings)
                engine = make_engine(
                    api, clock, store, queue, config, runner_image=settings.runner_image, metrics=metrics
                )
                engine.set_clock_skewed(meter.skewed)
                meter.changed = engine.set_clock_skewed
                leading.set()
                await lead(engine, store, watching.informers, lease, stopping)
                leading.clear()
        return 1 if running.done() else 0
    finally:
        stopping.cancel()
        running.cancel()
        await server.stop()
        await readiness.stop()


def _config(settings: Settings) -> Config:
    return Config(
        scheduling_enabled=settings.scheduling, keep_finished=settings.keep_finished, logs_url=settings.logs_url
    )


def _make_watching(api: HttpApi, clock: SystemClock, store: Store, settings: Settings) -> Watching:
    """Of the whole cluster, or of some namespaces for this installation, which its Lease stands for."""
    holder = f"{settings.lease_namespace}/{settings.lease_name}"
    if not settings.watch_namespaces:
        return WholeCluster(api, clock, store, holder)
    _log.info("watching these namespaces alone, as %s: %s", holder, ", ".join(settings.watch_namespaces))
    return WatchedNamespaces(api, clock, store, settings.watch_namespaces, holder)


async def _serves(server: HttpPage, port: int, what: str = "metrics") -> bool:
    """Whether it is served, where it is to be."""
    try:
        if port:
            await server.start(port)
    except OSError as error:
        _log.error("%s cannot be served on port %d: %s; write another --%s-port, or 0", what, port, error, what)
        return False
    return True


def _spare_garbage_collector() -> None:
    """Objects that are known stay known: to walk them again and again took a fifth of the time of a launch."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED)


def _ended_by_fault(stop: asyncio.Event, task: "asyncio.Task[None]") -> None:
    """An informer runs for ever: without it the operator would be blind, and has to be started anew."""
    if not task.cancelled():
        _log.error("watching ended by a fault of crontask", exc_info=task.exception())
        stop.set()
