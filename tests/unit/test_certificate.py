"""The webhook's certificate: another one in its files is served to who connects next, and the port stays open."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from certificates import self_signed
from cryptography.hazmat.primitives import serialization

from cluster.control_plane import free_ports
from crontask import shell
from crontask.certificate import RenewedCertificate


def lay(folder: Path, ends: timedelta) -> str:
    """A certificate in the folder, as a Secret is mounted."""
    # OpenSSL looks for an issuer by its name: two of one name cannot be believed at a time.
    certificate, key = self_signed(["localhost"], ends, subject=str(ends))
    (folder / "tls.crt").write_text(certificate)
    (folder / "tls.key").write_text(key)
    return certificate


async def ask(port: int, *certificates: str) -> str:
    """Admission, asked by who believes these certificates, on a new connection."""
    context = ssl.create_default_context(cadata="".join(certificates))
    review = {"request": {"uid": "u"}}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        session.post(f"https://localhost:{port}/crontasks", data=json.dumps(review)) as response,
    ):
        return str((await response.json())["response"]["uid"])


async def test_one_that_ends_in_two_minutes_is_renewed_without_a_missed_admission(tmp_path: Path) -> None:
    old = lay(tmp_path, timedelta(minutes=2))
    (port,) = free_ports(1)
    certificate = RenewedCertificate(tmp_path)
    webhook = shell._Webhook(port, certificate)

    arrived, may_answer = asyncio.Semaphore(0), asyncio.Event()

    async def review(request: object, **_: object) -> object:
        arrived.release()
        await may_answer.wait()
        return {"response": {"uid": request["request"]["uid"]}}  # type: ignore[index]

    serving = cast("AsyncGenerator[Any, None]", webhook(review))  # type: ignore[arg-type]
    await anext(serving)
    try:
        new = lay(tmp_path, timedelta(days=90))
        # Some have come when it is exchanged, and wait for their answer; others come after it.
        asking = [asyncio.create_task(ask(port, old)) for _ in range(5)]
        for _ in asking:
            await asyncio.wait_for(arrived.acquire(), 30)
        assert certificate.look()
        asking += [asyncio.create_task(ask(port, old, new)) for _ in range(5)]
        may_answer.set()
        assert await asyncio.gather(*asking) == ["u"] * 10
        # Who believes the new one alone is served, and who believes the old one alone is not.
        assert await ask(port, new) == "u"
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await ask(port, old)
    finally:
        await serving.aclose()


async def test_what_is_no_certificate_is_left_alone_and_looked_at_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lay(tmp_path, timedelta(days=1))
    certificate = RenewedCertificate(tmp_path)
    assert not certificate.look()
    (tmp_path / "tls.crt").write_text(self_signed(["localhost"])[0])
    # The key of another one.
    assert not certificate.look()
    assert not certificate.look()
    assert caplog.text.count("the one before is served") == 1
    (tmp_path / "tls.crt").unlink()
    assert not certificate.look()
    lay(tmp_path, timedelta(days=1))
    assert certificate.look()
    assert not certificate.look()


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lay(tmp_path, timedelta(days=1))
    certificate = RenewedCertificate(tmp_path)
    key = serialization.load_pem_private_key((tmp_path / "tls.key").read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"word")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (tmp_path / "tls.key").write_bytes(key.private_bytes(*form, locked))
    assert not certificate.look()
    assert "its key has a passphrase; write tls.key without one" in caplog.text


async def test_it_is_looked_for_all_the_time(tmp_path: Path) -> None:
    lay(tmp_path, timedelta(days=1))
    certificate = RenewedCertificate(tmp_path)
    loaded = asyncio.Event()
    look = certificate.look

    def noted() -> bool:
        if look():
            loaded.set()
        return True

    certificate.look = noted  # type: ignore[method-assign]
    keeping = asyncio.create_task(certificate.keep(every=0.01))
    lay(tmp_path, timedelta(days=2))
    await asyncio.wait_for(loaded.wait(), 30)
    keeping.cancel()
