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
MOST, MOST_OF_ONE = 1000, 20
"""Sessions of all, and of one user: who begins more ends their own oldest."""


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

    def __len__(self) -> int:
        return len(self._known)

    def begin(self, visitor: Visitor, seconds: float = LONGEST) -> str:
        """A new session; its identifier, for the cookie."""
        now = self._clock()
        for key in [key for key, each in self._known.items() if each.until <= now]:
            self.end(key)
        self._make_room(visitor.name)
        identifier = secrets.token_urlsafe(32)
        self._known[identifier] = Session(visitor, now + min(seconds, LONGEST))
        return identifier

    def _make_room(self, name: str) -> None:
        """For one more of this user; nobody is logged out by others who have more sessions than they."""
        of_users: dict[str, list[str]] = {}
        for key, each in self._known.items():
            of_users.setdefault(each.visitor.name, []).append(key)
        own = of_users.get(name, [])
        if len(own) >= MOST_OF_ONE:
            self.end(own[0])
        elif len(self._known) >= MOST:
            self.end(max(of_users.values(), key=len)[0])

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
