"""Who is logged in: one-time codes, sessions in memory alone, and the token of their forms."""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from crontask.dashboard.visitor import Visitor

LONGEST = 8 * 3600.0
"""Seconds after which somebody logs in again."""
CODE_SECONDS = 60.0
_MOST = 1000


@dataclass(slots=True)
class Session:
    """Somebody who is logged in. `said`: what is shown once, on the next page; `streams`: how many pages are open."""

    visitor: Visitor
    until: float
    said: list[str] = field(default_factory=list)
    streams: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @property
    def form_token(self) -> str:
        """What each form of this session carries."""
        return hmac.digest(self._secret, b"form", "sha256").hex()

    def is_ours(self, token: str) -> bool:
        """Whether a form was made by a page of this session."""
        return _is(token, self.form_token)


class Sessions:
    """All of them, by an identifier that nobody guesses."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, Session] = {}

    def begin(self, visitor: Visitor, seconds: float = LONGEST) -> str:
        """A new session; its identifier, for the cookie."""
        now = self._clock()
        for key in [key for key, each in self._known.items() if each.until <= now]:
            self.end(key)
        while len(self._known) >= _MOST:
            self.end(next(iter(self._known)))
        identifier = secrets.token_urlsafe(32)
        self._known[identifier] = Session(visitor, now + min(seconds, LONGEST))
        return identifier

    def find(self, identifier: str) -> Session | None:
        """The session, if it has not ended."""
        found = self._known.get(identifier)
        if found is not None and found.until <= self._clock():
            self.end(identifier)
            return None
        return found

    def end(self, identifier: str) -> None:
        """Log out."""
        ended = self._known.pop(identifier, None)
        if ended is not None:
            ended.ended.set()
            ended.visitor.leave()


class OneTimeCode:
    """A code that is good once, and for a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._code, self._until = "", 0.0

    def draw(self) -> str:
        """A new one; the one before is good no more."""
        self._code, self._until = secrets.token_urlsafe(24), self._clock() + CODE_SECONDS
        return self._code

    def take(self, code: str) -> bool:
        """Whether it is that one, which is good no more then. A wrong one leaves it: it is too long to guess."""
        if not self._code or self._clock() > self._until:
            return False
        if not _is(code, self._code):
            return False
        self._code = ""
        return True


def _is(given: str, wanted: str) -> bool:
    """Compared in the same time, however far they are alike; whatever characters were given."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), wanted.encode())
