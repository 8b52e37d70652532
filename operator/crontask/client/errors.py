"""What can go wrong between us and an API server, as types.

`ClientError` is all of them. Before a request: `AccessError` (configuration and login), `InvalidName`. An answer that
refuses: `RequestFailed` and what is below it, with the verb, resource and name that were asked for. No answer:
`Unreachable`, `Timeout`.
"""

import re
from dataclasses import dataclass

from crontask.api.resources import Resource

# What does not come of a missing right, as policies, webhooks and quotas say it.
_BY_ADMISSION = re.compile(r"\bdenied (?:the )?request\b|\bexceeded quota\b")


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that the API server objects to in an object."""

    field: str
    message: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is about, for messages and for whoever wants to know which right was missing."""

    verb: str
    resource: Resource | None = None
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        if self.resource is None:
            return f"{self.verb} {self.name}".rstrip()
        full = f"{self.resource.full_name}{'/' + self.subresource if self.subresource else ''}"
        named = f"{self.verb} {full}" + (f" {self.name}" if self.name else "")
        return f"{named} in namespace {self.namespace}" if self.namespace else named


class ClientError(Exception):
    """Anything that this library raises."""


class AccessError(ClientError):
    """Where the API server is, or who we are, cannot be read: what is wrong, in which file, and what to write."""

    def __init__(self, problem: str, fix: str = "", where: str = "") -> None:
        super().__init__(f"{where + ': ' if where else ''}{problem}{'; ' + fix if fix else ''}")
        self.problem = problem
        self.fix = fix
        self.where = where


class InvalidName(ClientError, ValueError):
    """A name that no object can have, so that it is not sent."""


class BadInput(ClientError, ValueError):
    """What was asked for cannot be: where (`spec.at`), what is wrong, and what to write instead. Nothing was sent."""

    def __init__(self, where: str, problem: str, fix: str = "") -> None:
        super().__init__(f"{where + ': ' if where else ''}{problem}{'; ' + fix if fix else ''}")
        self.where = where
        self.problem = problem
        self.fix = fix


class Unsendable(ClientError, ValueError):
    """What is to be sent is no JSON, or nested deeper than anything reads it."""


class RequestError(ClientError):
    """A request that did not succeed. `asked`: what it was about.

    `repeated`: an earlier try of the same request was lost, so what is refused now may be because that one was done.
    """

    def __init__(self, asked: Asked, message: str) -> None:
        super().__init__(message)
        self.asked = asked
        self.message = message
        self.repeated = False

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a little later."""
        return False


class NotAnswered(RequestError):
    """No whole answer came. `sent`: the request may have been read, and so what it asks for may have been done."""

    def __init__(self, asked: Asked, message: str, *, sent: bool, passing: bool = True) -> None:
        super().__init__(asked, message)
        self.sent = sent
        self._passing = passing

    @property
    def passing(self) -> bool:
        """See RequestError. A certificate that is not trusted is no such thing."""
        return self._passing


class Unreachable(NotAnswered):
    """There was no connection to the API server, or it was cut."""


class Timeout(NotAnswered):
    """The request timeout passed before the whole answer had come."""


class RequestFailed(RequestError):
    """The API server refused: its HTTP status, the reason of its Status object, its message."""

    def __init__(self, asked: Asked, status: int, reason: str, message: str) -> None:
        super().__init__(asked, message)
        self.status = status
        self.reason = reason


class Unauthorized(RequestFailed):
    """401: the API server does not know who we are."""


class Forbidden(RequestFailed):
    """403: `verb`, `resource` (`scheduledruns.crontask.dev`), `name` and `namespace` are what was asked for."""

    @property
    def by_admission(self) -> bool:
        """Whether a policy, a webhook or a quota refused what we have the right to do."""
        return _BY_ADMISSION.search(self.message) is not None

    @property
    def verb(self) -> str:
        """As in a Role: get, list, watch, create, patch, delete."""
        return self.asked.verb

    @property
    def resource(self) -> str:
        """As in a message of the API server; with its subresource."""
        full = self.asked.resource.full_name if self.asked.resource else ""
        return f"{full}/{self.asked.subresource}" if self.asked.subresource else full

    @property
    def name(self) -> str:
        """Of the object; empty where a request is about many."""
        return self.asked.name

    @property
    def namespace(self) -> str:
        """Empty where it is all of them, or none."""
        return self.asked.namespace


class NotFound(RequestFailed):
    """404: no such object, namespace or resource."""

    @property
    def unknown_resource(self) -> bool:
        """Whether the API server does not know the resource at all: the CRDs are not installed."""
        return self.reason != "NotFound" or "could not find the requested resource" in self.message


class AlreadyExists(RequestFailed):
    """409 of a creation: the name is taken."""


class Conflict(RequestFailed):
    """409: it is another version by now, or (server-side apply) others own fields: `causes` name them."""

    causes: tuple[Cause, ...] = ()


class Invalid(RequestFailed):
    """422, or 400: what was sent cannot be taken. `causes`: field by field, where the API server says so."""

    causes: tuple[Cause, ...] = ()


class Expired(RequestFailed):
    """410: the version to go on from is too old. List again."""


class TooManyRequests(RequestFailed):
    """429. `retry_after`: in how many seconds to ask again, if the API server says so."""

    retry_after: float | None = None

    @property
    def passing(self) -> bool:
        """See RequestError."""
        return True


class ServerError(RequestFailed):
    """5xx, or an answer that is none of the API server's."""

    retry_after: float | None = None

    @property
    def passing(self) -> bool:
        """See RequestError."""
        return self.status in (500, 502, 503, 504)
