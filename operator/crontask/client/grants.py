"""What a request goes out with, and who obtains it.

A `Grant` proves who we are; a `Login` has one from its source, and has another one when that has passed, or when the
API server says 401.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, repr=False)
class KeyPair:
    """A client certificate and its key, PEM. Never shown."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """What proves who we are, and until when it is good; None: as long as the API server takes it. Never shown."""

    authorization: str = ""
    key_pair: KeyPair | None = None
    until: datetime | None = None


class Login:
    """Obtains grants from a source. Safe in threads, and after a fork."""

    def __init__(self, source: Callable[[], Grant], *, renewable: bool = False) -> None:
        self._source = source
        self.renewable = renewable
        self._grant: Grant | None = None
        self._lock = (os.getpid(), threading.Lock())

    def known(self, now: datetime | None = None) -> Grant | None:
        """The grant that we have, if it is still good: no file is read and no program runs."""
        grant = self._grant
        if grant is None or (grant.until is not None and grant.until <= (now or datetime.now(UTC))):
            return None
        return grant

    def obtain(self, refused: Grant | None = None) -> Grant:
        """A grant that is good. `refused`: one that the API server did not take, so that another is wanted."""
        with self._own_lock():
            grant = self.known()
            if grant is None or (grant is refused and self.renewable):
                grant = self._grant = self._source()
            return grant

    def _own_lock(self) -> threading.Lock:
        """Another thread of the process that we were forked from may hold the old one for ever."""
        pid, lock = self._lock
        if pid != os.getpid():
            lock = threading.Lock()
            self._lock = (os.getpid(), lock)
        return lock
