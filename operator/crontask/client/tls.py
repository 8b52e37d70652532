"""How a connection is secured: whom we trust, and our own certificate. Keys do not touch the disk where that can be.

`ssl` is imported only where a context is made.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crontask.client.errors import AccessError
from crontask.client.grants import KeyPair

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom to trust. `authority`: gives certificates in PEM; without it those of the system are trusted."""

    authority: Callable[[], bytes] | None = None
    server_name: str = ""
    insecure: bool = False
    where: str = ""

    def context(self, pair: KeyPair | None = None) -> "ssl.SSLContext":
        """A context of OpenSSL, with a client certificate."""
        import ssl

        context = _trusting() if self.insecure else self._verifying()
        # As client-go does: many a cluster's authority lacks what strictness asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if pair is not None:
            _load(context, pair, self.where)
        return context

    def _verifying(self) -> "ssl.SSLContext":
        import ssl

        if self.authority is None:
            return ssl.create_default_context()
        try:
            return ssl.create_default_context(cadata=self.authority().decode())
        except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
            problem = "certificate-authority holds no certificate in PEM"
            raise AccessError(problem, "write the certificate of the cluster's authority", self.where) from error


def _trusting() -> "ssl.SSLContext":
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _load(context: "ssl.SSLContext", pair: KeyPair, where: str) -> None:
    import ssl

    def refuse_passphrase() -> str:
        raise AccessError("client-key asks for a passphrase", "write a key without one", where)

    try:
        with _as_file(pair.certificate.rstrip() + b"\n" + pair.key) as path:
            context.load_cert_chain(path, password=refuse_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise AccessError("client-key is not the key of client-certificate", "write its own key", where) from error
        problem = f"client-certificate and client-key are not a certificate and a key in PEM ({error.reason or error})"
        raise AccessError(problem, "write both in PEM", where) from error


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path under which OpenSSL reads this: in memory where the system has that, else for an instant in a file."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        number = os.memfd_create("crontask")
        try:
            _write(number, content)
            yield f"/proc/self/fd/{number}"
        finally:
            os.close(number)
        return
    import tempfile

    # mkstemp: nobody else may read it.
    number, path = tempfile.mkstemp(prefix="crontask-")
    try:
        _write(number, content)
        yield path
    finally:
        os.close(number)
        os.unlink(path)


def _write(number: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(number, rest) :]
