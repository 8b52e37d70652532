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

import uvloop
from prometheus_client import start_http_server

from crontask.decide.model import Config
from crontask.engine.assemble import make_engine, make_informers
from crontask.engine.events import EventRecorder
from crontask.engine.gate import Gate
from crontask.engine.lead import first_of, lead
from crontask.engine.metrics import observe
from crontask.engine.queue import IN_FLIGHT, WriteQueue
from crontask.engine.store import Store
from crontask.kube.client import HttpApi
from crontask.kube.clock import SystemClock
from crontask.kube.connection import connect
from crontask.kube.lease import Lease
from crontask.kube.skew import SkewMeter
from crontask.logs import set_up_logging
from crontask.shell import ShellSettings, start_shell

# New objects until the youngest are looked through, and how often that is done until the next older ones are.
_COLLECTED = (10_000, 20, 100)
# An API server reads JSON of up to 10,000 levels.
_DEEPEST = 12_000
_log = logging.getLogger("crontask")


@dataclass(frozen=True)
class Settings:
    """The operator's configuration, read once: from the command line (and so the environment)."""

    scheduling: bool = True
    start_rate: int = 0
    keep_finished: timedelta = timedelta(minutes=10)
    in_flight: int = IN_FLIGHT
    runner_image: str = ""
    lease_namespace: str = "default"
    lease_name: str = "crontask"
    shell: ShellSettings = field(default_factory=ShellSettings)
    metrics_port: int = 0
    log_format: str = "text"


def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    set_up_logging(settings.log_format)
    # An object may be nested as deeply as an API server reads it: nobody's args may end the watch of all.
    sys.setrecursionlimit(_DEEPEST)
    if settings.metrics_port:
        start_http_server(settings.metrics_port)
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
    store = Store()
    informers = make_informers(api, clock, store)
    identity = settings.shell.identity or f"{socket.gethostname()}-{os.getpid()}"
    lease = Lease(api, clock, settings.lease_namespace, settings.lease_name, identity)
    queue = WriteQueue(Gate(lease.time_left), clock, settings.in_flight, settings.start_rate)
    watching = [asyncio.create_task(informer.run()) for informer in informers]
    for task in watching:
        task.add_done_callback(partial(_ended_by_fault, stop))
    stopping = asyncio.create_task(stop.wait())
    try:
        for informer in informers:
            await first_of(stopping, informer.synced.wait())
        _spare_garbage_collector()
        while not stop.is_set():
            await first_of(stopping, lease.acquire())
            if not stop.is_set():
                config = Config(scheduling_enabled=settings.scheduling, keep_finished=settings.keep_finished)
                recorder = EventRecorder(api, queue, clock, observe)
                engine = make_engine(
                    api, clock, store, queue, config, recorder=recorder, runner_image=settings.runner_image
                )
                engine.set_clock_skewed(meter.skewed)
                meter.changed = engine.set_clock_skewed
                await lead(engine, store, informers, lease, stopping)
        return 1 if any(task.done() for task in watching) else 0
    finally:
        stopping.cancel()
        for task in watching:
            task.cancel()


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
