"""When a certificate ends, read from its file: what alerts go by."""

import logging
from pathlib import Path

from crontask.client.certificate import ends_of

_log = logging.getLogger(__name__)


class CertificateEnd:
    """The end of the first certificate of a PEM file, read anew when the file is another one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[float, int] | None = None
        self._end: float | None = None

    def read(self) -> float | None:
        """The end as a Unix time; None if there is no file, or no certificate in it."""
        try:
            found = self._path.stat()
            if self._known != (found.st_mtime, found.st_size):
                self._end = ends_of(self._path.read_bytes())[0].timestamp()
                self._known = found.st_mtime, found.st_size
        except (OSError, ValueError) as error:
            _log.debug("the end of the certificate in %s is not known: %s", self._path, error)
            self._end, self._known = None, None
        return self._end
