"""The certificate of the webhook: read from its files, and anew when they change, without a pause of the server."""

import asyncio
import logging
import ssl
from pathlib import Path

_LOOK_EVERY = 10.0
_log = logging.getLogger("crontask")


def _nobody_to_ask() -> str:
    """In place of a question on the terminal, which would hold everything up until somebody answers."""
    raise OSError("its key has a passphrase; write tls.key without one")


class RenewedCertificate:
    """tls.crt and tls.key of a folder. A Secret's files are exchanged all at once, by whoever mounts it."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = self._files = folder / "tls.crt", folder / "tls.key"
        # Connections that begin after a certificate was loaded are served with it, those that are open go on.
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._loaded = self._read()
        self._refused = ""
        self.context.load_cert_chain(*self._files, password=_nobody_to_ask)

    async def keep(self, every: float = _LOOK_EVERY) -> None:
        """Look for another one, for ever."""
        while True:
            await asyncio.sleep(every)
            self.look()

    def look(self) -> bool:
        """Load what lies there now if it is another one; whether it was. One that cannot be served is left alone."""
        try:
            found = self._read()
            if found == self._loaded:
                self._refused = ""
                return False
            # What does not belong together would leave the server with half of it.
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(*self._files, password=_nobody_to_ask)
            self.context.load_cert_chain(*self._files, password=_nobody_to_ask)
        except OSError as error:
            # Once: it is looked for every few seconds, maybe for months.
            if str(error) != self._refused:
                _log.warning("the new certificate of the webhook cannot be read, the one before is served: %s", error)
            self._refused = str(error)
            return False
        self._loaded, self._refused = found, ""
        _log.info("the webhook has a new certificate")
        return True

    def _read(self) -> tuple[bytes, ...]:
        return tuple(file.read_bytes() for file in self._files)
