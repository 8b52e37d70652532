"""What all handlers share: who is asking, in which frame an answer is shown, and what an error is to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from crontask.api.resources import CRON_TASK
from crontask.client import errors
from crontask.client.requests import checked_name, checked_namespace
from crontask.dashboard.address import EVERYWHERE, Ask, Links, as_namespace
from crontask.dashboard.entry import Entry
from crontask.dashboard.fields import fields_of
from crontask.dashboard.guard import READS, Site
from crontask.dashboard.moments import TASK, Clock, is_zone
from crontask.dashboard.plain import plain
from crontask.dashboard.reader import Snapshot
from crontask.dashboard.session import Session, Sessions
from crontask.dashboard.views import Frame, NoSuchObjectError, Renderer, Scene, View

_IDENTIFIER = web.RequestKey("identifier", str)
SESSION, NAMESPACE, ZONE = "crontask-session", "crontask-namespace", "crontask-zone"
_YEAR = 365 * 24 * 3600


class NotLoggedInError(Exception):
    """Nobody is logged in, or not any more."""


@dataclass(slots=True)
class Desk:
    """The page of one process. `cluster`: what it is about, for people; `namespace`: where one begins."""

    site: Site
    entry: Entry
    cluster: str
    namespace: str
    sessions: Sessions = field(default_factory=Sessions)
    renderer: Renderer = field(default_factory=Renderer)
    ready: Callable[[], bool] = lambda: True

    # --- who asks for what -------------------------------------------------------------------------------------------

    async def identify(self, request: web.Request) -> None:
        """Look who is asking: for `session`."""
        begins = self._is_view(request)
        found = await self.entry.session(request, self.identifier(request), self.sessions, begins=begins)
        if found is not None:
            request[_IDENTIFIER] = found[0]

    def _is_view(self, request: web.Request) -> bool:
        """Whether it is what one looks at: no form, no stream, no file of ours, and nothing that is not there."""
        resource, apart = (
            request.match_info.route.resource,
            (f"{self.site.prefix}/live/", f"{self.site.prefix}/static/"),
        )
        return request.method in READS and resource is not None and not resource.canonical.startswith(apart)

    def identifier(self, request: web.Request) -> str:
        """Of the session of a request, as far as it is known."""
        return str(request.get(_IDENTIFIER) or request.cookies.get(self.cookie_name(SESSION), ""))

    def session(self, request: web.Request) -> Session:
        """Who is asking. Raises NotLoggedInError."""
        found = self.sessions.find(request.get(_IDENTIFIER, ""))
        if found is None:
            raise NotLoggedInError
        return found

    def renew(self, request: web.Request, response: web.StreamResponse) -> None:
        """Give the cookie of a session that has begun with this request."""
        identifier = request.get(_IDENTIFIER)
        if identifier and identifier != request.cookies.get(self.cookie_name(SESSION)) and not response.prepared:
            self.welcome(response, identifier)

    def ask(self, request: web.Request) -> Ask:
        """What the address asks for. Raises errors.InvalidName for names that nothing can have."""
        part, name = request.match_info.get("ns", EVERYWHERE), request.match_info.get("name", "")
        namespace = as_namespace(part)
        if namespace:
            checked_namespace(namespace)
        if name:
            # Runs have the same form of names.
            checked_name(name, CRON_TASK)
            if not namespace:
                raise NoSuchObjectError("an object is in one namespace: its address names it")
        query = {key: request.query[key] for key in request.query}
        return Ask(namespace, name, query)

    def links(self, request: web.Request) -> Links:
        """Addresses of the namespace that is asked about."""
        part = request.match_info.get("ns") or self.remembered_namespace(request)
        return Links(self.site.prefix, part)

    def remembered_namespace(self, request: web.Request) -> str:
        """As in an address: the one looked at last, else where one begins."""
        part = request.cookies.get(self.cookie_name(NAMESPACE), "")
        try:
            return part if part == EVERYWHERE else checked_namespace(part)
        except errors.InvalidName:
            return self.namespace

    def clock(self, request: web.Request) -> Clock:
        """Now, in the zone that they have chosen."""
        chosen = request.cookies.get(self.cookie_name(ZONE), TASK)
        return Clock(datetime.now(UTC), chosen if chosen == TASK or is_zone(chosen) else TASK)

    async def scene(self, request: web.Request, view: View, session: Session, ask: Ask, snapshot: Snapshot) -> Scene:
        """What the view knows beside objects and address."""
        may: frozenset[str] = frozenset()
        if view.task_of is not None:
            may = await session.visitor.rights.buttons(ask.namespace, view.task_of(ask, snapshot))
        return Scene(self.links(request), self.clock(request), may)

    # --- answers -----------------------------------------------------------------------------------------------------

    def frame(self, request: web.Request, session: Session | None = None, scene: Scene | None = None) -> Frame:
        """What is shown around a view."""
        links = scene.links if scene is not None else self.links(request)
        clock = scene.clock if scene is not None else self.clock(request)
        said: tuple[str, ...] = ()
        if session is not None:
            said, session.said[:] = tuple(session.said), []
        return Frame(
            links,
            clock,
            session.visitor.name if session is not None else "",
            session.form_token if session is not None else "",
            said,
            may=scene.may if scene is not None else frozenset(),
            address=request.raw_path,
            cluster=self.cluster,
        )

    def html(self, template: str, frame: Frame, view: object = None, status: int = 200) -> web.Response:
        """An answer."""
        return web.Response(
            text=self.renderer.page(template, frame, view), status=status, content_type="text/html", charset="utf-8"
        )

    def remember(self, response: web.StreamResponse, name: str, value: str) -> None:
        """A choice, for a year."""
        self._cookie(response, name, value, _YEAR)

    def welcome(self, response: web.StreamResponse, identifier: str) -> None:
        """Logged in, as long as the browser is open."""
        self._cookie(response, SESSION, identifier, None)

    def _cookie(self, response: web.StreamResponse, name: str, value: str, seconds: int | None) -> None:
        response.set_cookie(
            self.cookie_name(name),
            value,
            max_age=seconds,
            path=f"{self.site.prefix}/",
            httponly=True,
            secure=self.site.secure,
            samesite="Strict",
        )

    def cookie_name(self, name: str) -> str:
        """With the prefix by which browsers let no other host, and no page without TLS, set it."""
        return f"__Host-{name}" if self.site.secure and not self.site.prefix else name

    def own_address(self, address: str) -> str:
        """The address, if it is one of the page; else where one begins."""
        is_ours = address.startswith(f"{self.site.prefix}/") and not address.startswith(("//", "/\\"))
        return address if is_ours and address.isascii() and address.isprintable() else f"{self.site.prefix}/"

    async def form(self, request: web.Request, session: Session) -> Mapping[str, str]:
        """A form of ours, sent by them. Raises HTTPForbidden for any other."""
        found = await fields_of(request)
        if not session.is_ours(found.get("token", "")):
            raise web.HTTPForbidden(text="the form was not made by a page of yours; load the page again, and send it")
        return found


def explained(error: Exception) -> tuple[int, str, str]:
    """The status, the title and the message of something that went wrong."""
    if isinstance(error, errors.Forbidden):
        return 403, "You may not", plain(error.message)
    if isinstance(error, errors.NotFound) and error.unknown_resource:
        return 502, "crontask is not installed", "the API server does not know its resources; install the CRDs"
    if isinstance(error, NoSuchObjectError | errors.NotFound | errors.InvalidName):
        return 404, "Not found", plain(error)
    if isinstance(error, errors.Invalid | errors.Conflict | errors.BadInput | errors.Unsendable):
        return 422, "That cannot be done", plain(error)
    if isinstance(error, errors.RequestFailed):
        return 502, "The API server refuses", plain(error.message)
    return 502, "The API server does not answer", plain(error)
