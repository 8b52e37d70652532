"""The operator as a process: kopf for its life, login and probes; our own loop for the work.

kopf runs in a thread of its own: at its end it cancels every task of its event loop, and writes in flight have to
finish first. Callers: cli.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import kopf
import uvloop
from prometheus_client import start_http_server

from crontask.admission import CRON_TASKS, SCHEDULED_RUNS, review
from crontask.api.base import GROUP, VERSION
from crontask.api.names import LABEL_RUN
from crontask.decide.model import Config
from crontask.engine.execute import Executor
from crontask.engine.gate import Gate
from crontask.engine.informer import Informer
from crontask.engine.lead import first_of, lead
from crontask.engine.loop import Engine
from crontask.engine.ports import Kind
from crontask.engine.queue import IN_FLIGHT, WriteQueue
from crontask.engine.store import Store
from crontask.engine.tell import Teller
from crontask.kube.client import HttpApi
from crontask.kube.clock import SystemClock
from crontask.kube.connection import connect
from crontask.kube.lease import Lease
from crontask.kube.skew import SkewMeter
from crontask.logs import set_up_logging

_PROBE_SECONDS = 5.0
# New objects until the youngest are looked through, and how often that is done until the next older ones are.
_COLLECTED = (10_000, 20, 100)
# An API server reads JSON of up to 10,000 levels.
_DEEPEST = 12_000
_log = logging.getLogger("crontask")


@dataclass(frozen=True)
class Settings:
    """The operator's configuration, read in one place: the command line (and so the environment)."""

    scheduling: bool = True
    start_rate: int = 0
    keep_finished: timedelta = timedelta(minutes=10)
    in_flight: int = IN_FLIGHT
    runner_image: str = ""
    lease_namespace: str = "default"
    lease_name: str = "crontask"
    identity: str = ""
    probe_port: int = 8080
    webhook_port: int = 0
    webhook_certificates: str = ""
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
    # Before kopf reads the same kubeconfig in its thread: what the official client makes of certificates in it is kept
    # in files that a second reader may find empty.
    connection = connect()
    shell = _start_kopf(settings, asyncio.get_running_loop(), stop)
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
    informers = [
        Informer(api, clock, Kind.CRON_TASK, store),
        Informer(api, clock, Kind.SCHEDULED_RUN, store),
        Informer(api, clock, Kind.POD, store, selector=LABEL_RUN),
    ]
    identity = settings.identity or f"{socket.gethostname()}-{os.getpid()}"
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
                teller = Teller(api, queue, clock)
                executor = Executor(api, queue, store, teller, clock, settings.runner_image)
                config = Config(scheduling_enabled=settings.scheduling, keep_finished=settings.keep_finished)
                engine = Engine(store, executor, teller, clock, config)
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


# --- kopf ------------------------------------------------------------------------------------------------------------


class _Shell:
    """kopf in its thread."""

    def __init__(self, thread: threading.Thread, stopped: threading.Event) -> None:
        self._thread = thread
        self._stopped = stopped

    def stop(self) -> None:
        """End it, and wait for its end."""
        self._stopped.set()
        self._thread.join(timeout=_PROBE_SECONDS)


def _start_kopf(settings: Settings, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> _Shell:
    registry = kopf.OperatorRegistry()
    kopf.on.startup(registry=registry)(partial(_configure, own=settings))
    kopf.on.login(registry=registry)(kopf.login_via_client)
    kopf.on.probe(registry=registry, id="loop")(partial(_probe, loop))
    if settings.webhook_port:
        for plural in (CRON_TASKS, SCHEDULED_RUNS):
            kopf.on.validate(GROUP, VERSION, plural, id=plural, registry=registry)(partial(_admit, plural))
    stopped = threading.Event()
    port = settings.probe_port
    shell = kopf.operator(
        registry=registry,
        # Given, because kopf would ask for the user's name, and a container's user has none.
        identity=settings.identity or "crontask",  # type: ignore[arg-type]
        standalone=True,
        clusterwide=True,
        liveness_endpoint=f"http://0.0.0.0:{port}/healthz" if port else None,
        stop_flag=stopped,
    )

    def run() -> None:
        try:
            asyncio.run(shell)
        finally:
            # Without its shell the operator has no probes: end, and be started anew.
            loop.call_soon_threadsafe(stop.set)

    thread = threading.Thread(target=run, name="kopf", daemon=True)
    thread.start()
    return _Shell(thread, stopped)


async def _configure(settings: kopf.OperatorSettings, own: Settings, **_: Any) -> None:
    """kopf watches nothing here: objects come by our informers."""
    settings.scanning.disabled = True
    settings.posting.enabled = False
    # kopf calls a refusal a failure of ours. Who asked has been told.
    logging.getLogger("kopf.objects").addFilter(lambda record: "failed permanently" not in record.getMessage())
    if own.webhook_port:
        folder = Path(own.webhook_certificates)
        settings.admission.server = kopf.WebhookServer(
            addr="0.0.0.0", port=own.webhook_port, certfile=folder / "tls.crt", pkeyfile=folder / "tls.key"
        )


async def _admit(
    plural: str,
    body: Mapping[str, Any],
    old: Mapping[str, Any] | None,
    operation: str | None,
    warnings: list[str],
    **_: Any,
) -> None:
    """Refuse what validate finds wrong, and warn of what has no effect."""
    answer = review(plural, body, old if operation == "UPDATE" else None)
    warnings.extend(answer.warnings)
    if answer.refusal is not None:
        raise kopf.AdmissionError(answer.refusal, code=422)


async def _probe(loop: asyncio.AbstractEventLoop, **_: Any) -> str:
    """The loop that does the work answers, or the probe hangs and fails."""
    answer = asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "ok"), loop)
    return await asyncio.wait_for(asyncio.wrap_future(answer), _PROBE_SECONDS)
