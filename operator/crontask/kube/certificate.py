"""When the certificate of a server ends: what alerts go by."""

import logging
import ssl
from pathlib import Path

from crontask.client.certificate import ends_of

_log = logging.getLogger(__name__)


class CertificateEnd:
    """The end of the first certificate in tls.crt of a folder, read anew when that is another one.

    Only if tls.key fits it: one that does not is not served, and the one before, which is, may be about to end.
    """

    def __init__(self, folder: Path) -> None:
        self._certificate, self._key = folder / "tls.crt", folder / "tls.key"
        self._known: tuple[tuple[float, int], ...] | None = None
        self._end: float | None = None

    def read(self) -> float | None:
        """The end as a Unix time; None if there never was a certificate that can be served."""
        try:
            found = tuple((stat.st_mtime, stat.st_size) for stat in (self._certificate.stat(), self._key.stat()))
            if self._known != found:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                    self._certificate, self._key, password=""
                )
                self._end = ends_of(self._certificate.read_bytes())[0].timestamp()
                self._known = found
        except (OSError, ValueError) as error:
            _log.debug("the end of the certificate in %s is not known: %s", self._certificate, error)
        return self._end
