"""How somebody comes in: by a code on one's own machine, by a token that is pasted, or by a proxy that forwards one.

No way trusts a name that a request says: who somebody is, the API server says of their own credentials.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from aiohttp import web

from crontask.client import Access, AsyncCluster, errors
from crontask.client.grants import Grant, Login
from crontask.dashboard.session import LONGEST, OneTimeCode, Session, Sessions
from crontask.dashboard.visitor import Visitor

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}")
# For so long the answer to "who is that?" is kept; what they may do is asked anew more often.
_KNOWN_SECONDS = 60.0
_MOST_KNOWN = 1000
_FORGOTTEN_SECONDS = 3600.0


class Entry(Protocol):
    """One way to come in.

    `template`: of the page that asks for it; `refusal`: what is said of what is not good; `by_file`: whether the form
    may come from a file on this machine, which is no page of ours.
    """

    template: str
    refusal: str
    by_file: bool

    async def admit(self, form: Mapping[str, str]) -> tuple[Visitor, float] | None:
        """Who it is by what the form says, and for how many seconds; None of somebody that nobody knows."""

    async def session(
        self, request: web.Request, identifier: str, sessions: Sessions, *, begins: bool
    ) -> tuple[str, Session] | None:
        """The session of a request, and its identifier: another than before where it is a new one.

        `begins`: whether one may begin with this request."""


class LocalEntry:
    """On one's own machine: whoever has the code is the user of the kubeconfig."""

    template = "login_code.html"
    refusal = "That code is not good, or not any more: it is good once, and for a minute."
    by_file = True

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.code = OneTimeCode()

    async def admit(self, form: Mapping[str, str]) -> tuple[Visitor, float] | None:
        """See Entry."""
        return (self.visitor, LONGEST) if self.code.take(form.get("code", "").strip()) else None

    async def session(
        self, request: web.Request, identifier: str, sessions: Sessions, *, begins: bool
    ) -> tuple[str, Session] | None:
        """See Entry."""
        return _known(identifier, sessions)


class TokenEntry:
    """In the cluster: whoever pastes a token is its user, until it ends."""

    template = "login_token.html"
    refusal = "The API server does not know that token. Make a new one, and paste all of it."
    by_file = False

    def __init__(self, make: "VisitorOf") -> None:
        self._make = make

    async def admit(self, form: Mapping[str, str]) -> tuple[Visitor, float] | None:
        """See Entry."""
        token = "".join(form.get("token", "").split())
        visitor = await self._make.visitor(token)
        if visitor is None:
            return None
        visitor.of_one_session = True
        return visitor, seconds_left(token, time.time())

    async def session(
        self, request: web.Request, identifier: str, sessions: Sessions, *, begins: bool
    ) -> tuple[str, Session] | None:
        """See Entry."""
        return _known(identifier, sessions)


class ProxyEntry:
    """In the cluster, behind a proxy that logs people in and forwards their token with each request."""

    template = "login_proxy.html"
    refusal = "The proxy in front of this page logs people in."
    by_file = False

    def __init__(self, make: "VisitorOf", clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._visitors: dict[bytes, tuple[float, Visitor]] = {}

    async def admit(self, form: Mapping[str, str]) -> tuple[Visitor, float] | None:
        """See Entry."""
        return None

    async def session(
        self, request: web.Request, identifier: str, sessions: Sessions, *, begins: bool
    ) -> tuple[str, Session] | None:
        """See Entry. The session is that of the user and of our cookie, whichever token of theirs comes along.

        One begins with a view that is looked at: a form without one is nobody's, and a stream gives no cookie."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        visitor = await self.visitor(token.strip()) if scheme.lower() == "bearer" else None
        if visitor is None:
            return None
        found = sessions.find(identifier)
        if found is None or not hmac.compare_digest(found.visitor.name.encode(), visitor.name.encode()):
            if not begins:
                return None
            identifier = sessions.begin(visitor)
            found = sessions.find(identifier)
            assert found is not None, "it has just begun"
        found.visitor = visitor
        return identifier, found

    async def visitor(self, token: str) -> Visitor | None:
        """Who a token is: asked of the API server once a minute."""
        digest, now = hashlib.sha256(token.encode()).digest(), self._clock()
        known = self._visitors.get(digest)
        if known is not None and known[0] > now:
            return known[1]
        visitor = await self._make.visitor(token)
        # Another request may have brought it meanwhile.
        known = self._visitors.pop(digest, None)
        if visitor is None:
            if known is not None:
                known[1].retire()
            return None
        if known is not None:
            # With its connections; it has just been seen that the token is still good.
            visitor.retire()
            visitor = known[1]
        self._forget(now)
        self._visitors[digest] = (now + _KNOWN_SECONDS, visitor)
        return visitor

    def _forget(self, now: float) -> None:
        """Those whose token has not come for long, and the oldest of too many. What they still read, they read on."""
        for digest in [digest for digest, (until, _) in self._visitors.items() if until + _FORGOTTEN_SECONDS < now]:
            self._visitors.pop(digest)[1].retire()
        while len(self._visitors) >= _MOST_KNOWN:
            self._visitors.pop(next(iter(self._visitors)))[1].retire()


class VisitorOf:
    """Makes visitors of tokens, upon the API server of the page itself and none of its credentials."""

    def __init__(self, access: Access, furnish: Callable[[Visitor], None]) -> None:
        self._access = access
        self._furnish = furnish

    async def visitor(self, token: str) -> Visitor | None:
        """Who a token is; None where the API server does not know it."""
        if not _TOKEN.fullmatch(token):
            return None
        login = Login(lambda: Grant(f"Bearer {token}"))
        visitor = Visitor(AsyncCluster(replace(self._access, login=login, user="", headers=())))
        try:
            await visitor.introduce()
        except errors.Unauthorized:
            await visitor.cluster.close()
            return None
        if not visitor.name or visitor.name == "system:anonymous":
            await visitor.cluster.close()
            return None
        self._furnish(visitor)
        return visitor


def seconds_left(token: str, now: float) -> float:
    """How long a token is good, as it says itself; the longest of a session where it does not say."""
    try:
        payload = token.split(".")[1]
        ends = float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        return LONGEST
    return max(0.0, ends - now)


def _known(identifier: str, sessions: Sessions) -> tuple[str, Session] | None:
    found = sessions.find(identifier)
    return (identifier, found) if found is not None else None
