"""When a certificate ends, read from its file: what alerts go by."""

import logging
import ssl
from datetime import UTC, datetime
from pathlib import Path

# The tags of ASN.1's DER that a certificate has up to its validity, and of the two forms of a time.
_SEQUENCE, _VERSION, _UTC_TIME = 0x30, 0xA0, 0x17
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
                self._end = end_of(self._path.read_text(encoding="ascii")).timestamp()
                self._known = found.st_mtime, found.st_size
        except (OSError, ValueError) as error:
            _log.debug("the end of the certificate in %s is not known: %s", self._path, error)
            self._end, self._known = None, None
        return self._end


def end_of(pem: str) -> datetime:
    """The end of the first certificate of a PEM text. Raises ValueError where there is none."""
    begin, end = pem.find(ssl.PEM_HEADER), pem.find(ssl.PEM_FOOTER)
    if begin < 0 or end < begin:
        raise ValueError("there is no certificate")
    der = ssl.PEM_cert_to_DER_cert(pem[begin : end + len(ssl.PEM_FOOTER)])
    try:
        return _end_of(der)
    except IndexError as error:
        raise ValueError("the certificate is cut off") from error


def _end_of(der: bytes) -> datetime:
    """Certificate, its signed part, and in that: version, serial number, algorithm, issuer, validity."""
    _, outer, _ = _element(der)
    tag, signed, _ = _element(outer)
    if tag != _SEQUENCE:
        raise ValueError("not a certificate")
    tag, _, rest = _element(signed)
    for _ in range(3 if tag == _VERSION else 2):
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, rest = _element(validity)
    tag, text, _ = _element(rest)
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC)


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """The tag and the content of the first element, and what follows it."""
    size, begin = der[1], 2
    if size & 0x80:
        begin += size & 0x7F
        size = int.from_bytes(der[2:begin])
    if begin + size > len(der):
        raise IndexError
    return der[0], der[begin : begin + size], der[begin + size :]
