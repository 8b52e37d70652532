"""Until when a certificate is good: as much of X.509 as that takes, for which the standard library has nothing."""

import base64
import binascii
import re
from datetime import UTC, datetime

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x17, 0x18, 0xA0
# Before the validity in the signed part: serial number, algorithm, issuer.
_BEFORE_VALIDITY = 3


def ends_of(bundle: bytes) -> tuple[datetime, ...]:
    """When each of the certificates in PEM ends. Raises ValueError where there is none, or one that cannot be read."""
    try:
        ends = tuple(_end(base64.b64decode(text)) for text in _PEM.findall(bundle))
    except (IndexError, binascii.Error) as error:
        raise ValueError("a certificate in it is cut or damaged") from error
    if not ends:
        raise ValueError("there is no certificate in it")
    return ends


def _end(certificate: bytes) -> datetime:
    _, whole, _ = _read(certificate, 0)
    _, signed, _ = _read(whole, 0)
    at = 0
    if signed[0] == _VERSION:
        _, _, at = _read(signed, 0)
    for _ in range(_BEFORE_VALIDITY):
        _, _, at = _read(signed, at)
    _, validity, _ = _read(signed, at)
    _, _, at = _read(validity, 0)
    tag, end, _ = _read(validity, at)
    return _time(tag, end.decode("ascii"))


def _read(data: bytes, at: int) -> tuple[int, bytes, int]:
    """The tag and the value that begin there, in DER, and where the next begins."""
    tag, length, at = data[at], data[at + 1], at + 2
    if length >= 0x80:
        size = length - 0x80
        length, at = int.from_bytes(data[at : at + size]), at + size
    if at + length > len(data):
        raise IndexError("a value is longer than what holds it")
    return tag, data[at : at + length], at + length


def _time(tag: int, text: str) -> datetime:
    if tag == _UTC_TIME:
        # Two digits of a year are those from 1950 to 2049.
        text = f"{'19' if int(text[:2]) >= 50 else '20'}{text}"
    elif tag != _GENERALIZED_TIME:
        raise ValueError("a certificate in it has no end")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
