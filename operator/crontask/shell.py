"""kopf, for what it is good at: the life of a process, login, admission and probes. It watches nothing.

It runs in a thread of its own: at its end it cancels every task of its event loop, and writes in flight have to finish
first.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import kopf

from crontask.admission import CRON_TASKS, SCHEDULED_RUNS, review
from crontask.api.base import GROUP, VERSION
from crontask.certificate import RenewedCertificate
from crontask.client.access import Access
from crontask.kube.connection import Connection

_PROBE_SECONDS = 5.0
# Seconds; a century.
_NEVER = 3.2e9


@dataclass(frozen=True)
class ShellSettings:
    """Ports are 0 where nothing is to be served. `webhook_certificates`: a folder with tls.crt and tls.key."""

    identity: str = ""
    probe_port: int = 8080
    webhook_port: int = 0
    webhook_certificates: str = ""


class Shell:
    """kopf in its thread."""

    def __init__(self, thread: threading.Thread, stopped: threading.Event) -> None:
        self._thread = thread
        self._stopped = stopped

    def stop(self) -> None:
        """End it, and wait for its end."""
        self._stopped.set()
        self._thread.join(timeout=_PROBE_SECONDS)


def start_shell(settings: ShellSettings, access: Access, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> Shell:
    registry = kopf.OperatorRegistry()
    kopf.on.startup(registry=registry)(partial(_configure, own=settings))
    kopf.on.login(registry=registry)(partial(_login, Connection(access)))
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
    return Shell(thread, stopped)


async def _login(connection: Connection, **_: Any) -> kopf.AiohttpSession:
    """What kopf asks the API server with, at its start: a session of ours, so that no key is written to a file.

    Called again when that has expired, or was refused.
    """
    connection.refused()
    headers, options = connection.headers(), connection.options()
    name = options.get("server_hostname")

    async def with_server_name(
        request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.server_hostname = name
        return await send(request)

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=options["ssl"]),
        headers=headers,
        proxy=options.get("proxy"),
        middlewares=(with_server_name,) if name else (),
    )
    return kopf.AiohttpSession(
        server=connection.url,
        aiohttp_session=session,
        default_namespace=connection.access.namespace,
        expiration=connection.until,
    )


async def _configure(settings: kopf.OperatorSettings, own: ShellSettings, **_: Any) -> None:
    """kopf watches nothing here: objects come by our informers."""
    settings.scanning.disabled = True
    settings.posting.enabled = False
    # kopf calls a refusal a failure of ours. Who asked knows.
    logging.getLogger("kopf.objects").addFilter(lambda record: "failed permanently" not in record.getMessage())
    if own.webhook_port:
        settings.admission.server = _Webhook(own.webhook_port, RenewedCertificate(Path(own.webhook_certificates)))


class _Webhook:
    """kopf's server, with our certificate: kopf's own way to renew one closes the port for a moment."""

    def __init__(self, port: int, certificate: RenewedCertificate) -> None:
        self._certificate = certificate
        self._server = kopf.WebhookServer(
            addr="0.0.0.0",
            port=port,
            context=certificate.context,
            certfile=certificate.certificate,
            pkeyfile=certificate.key,
            file_check_interval=_NEVER,
        )

    async def __call__(self, review: kopf.WebhookFn) -> AsyncIterator[kopf.WebhookClientConfig]:
        """Serve, and keep the certificate, until the generator is closed."""
        keeping = asyncio.create_task(self._certificate.keep())
        try:
            async for config in self._server(review):
                yield config
        finally:
            keeping.cancel()


async def _admit(
    plural: str,
    body: Mapping[str, Any],
    old: Mapping[str, Any] | None,
    operation: str | None,
    warnings: list[str],
    **_: Any,
) -> None:
    """Refuse what validate finds wrong, and warn of what has no effect."""
    answer = review(plural, body, old if operation == "UPDATE" else None, datetime.now(UTC))
    warnings.extend(answer.warnings)
    if answer.refusal is not None:
        raise kopf.AdmissionError(answer.refusal, code=422)


async def _probe(loop: asyncio.AbstractEventLoop, **_: Any) -> str:
    """The loop that does the work answers, or the probe hangs and fails."""
    answer = asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "ok"), loop)
    return await asyncio.wait_for(asyncio.wrap_future(answer), _PROBE_SECONDS)
