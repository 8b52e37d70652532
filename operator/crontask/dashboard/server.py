"""The HTTP server: which address is which handler, and what every request goes through.

`application(Desk(...))` is served by `crontask dashboard`, and by tests.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from crontask.api.resources import CRON_TASK, SCHEDULED_RUN
from crontask.client import errors
from crontask.dashboard import acts, guard
from crontask.dashboard.backfills import Backfills
from crontask.dashboard.desk import ZONE, Desk, NotLoggedInError, explained
from crontask.dashboard.details import as_yaml, events_of
from crontask.dashboard.fields import fields_of
from crontask.dashboard.logs import Logs
from crontask.dashboard.moments import TASK, is_zone
from crontask.dashboard.now import NOW
from crontask.dashboard.pages import Page
from crontask.dashboard.run import RUN_VIEW
from crontask.dashboard.task import TASK_VIEW
from crontask.dashboard.tasks import TASKS
from crontask.dashboard.views import NoSuchObjectError

STATIC = Path(__file__).parent / "static"
VIEWS = (TASKS, TASK_VIEW, RUN_VIEW, NOW)
ACTS = {TASK_VIEW: acts.OF_TASK, RUN_VIEW: acts.OF_RUN}
_LARGEST_FORM = 256 * 1024
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)


def application(desk: Desk) -> web.Application:
    """The application of a page."""
    app = web.Application(middlewares=[_guarding(desk)], client_max_size=_LARGEST_FORM)
    app.on_response_prepare.append(guard.add_headers)
    prefix, doors = desk.site.prefix, _Doors(desk)
    app.router.add_get("/healthz", _healthy(desk))
    app.router.add_get(f"{prefix}/", doors.home)
    app.router.add_post(f"{prefix}/login", doors.log_in)
    app.router.add_post(f"{prefix}/logout", doors.log_out)
    app.router.add_post(f"{prefix}/zone", doors.choose_zone)
    app.router.add_get(f"{prefix}/namespaces", doors.namespaces)
    app.router.add_get(f"{prefix}/static/{{file}}", _static())
    backfills = Backfills(desk)
    app.router.add_get(f"{prefix}/{TASK_VIEW.path}/backfill", backfills.show)
    app.router.add_post(f"{prefix}/{TASK_VIEW.path}/backfill", backfills.make)
    logs = Logs(desk)
    app.router.add_get(f"{prefix}/ns/{{ns}}/runs/{{name}}/log", logs.show)
    app.router.add_get(f"{prefix}/live/ns/{{ns}}/runs/{{name}}/log", logs.live, allow_head=False)
    for kind, plural, short in ((CRON_TASK, "tasks", "ct"), (SCHEDULED_RUN, "runs", "sr")):
        app.router.add_get(f"{prefix}/ns/{{ns}}/{plural}/{{name}}/yaml", as_yaml(desk, kind, short))
        app.router.add_get(f"{prefix}/ns/{{ns}}/{plural}/{{name}}/events", events_of(desk, kind))
    for view, its_acts in ACTS.items():
        for name, act in its_acts.items():
            app.router.add_post(f"{prefix}/{view.path}/{name}", acts.handler(desk, Page(desk, view), act))
    for name, line in acts.LINES_OF_TASK.items():
        app.router.add_post(f"{prefix}/{TASK_VIEW.path}/{name}/line", acts.line_handler(desk, line))
    for view in VIEWS:
        page = Page(desk, view)
        app.router.add_get(f"{prefix}/{view.path}", page.show)
        app.router.add_get(f"{prefix}/live/{view.path}", page.live, allow_head=False)
    return app


def _guarding(desk: Desk) -> Middleware:
    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/healthz":
            return await handler(request)
        try:
            guard.refuse_elsewhere(request, desk.site)
        except web.HTTPException as error:
            return _bare(request, error)
        try:
            await desk.identify(request)
            by_file = desk.entry.by_file and request.path == f"{desk.site.prefix}/login"
            if not by_file:
                guard.refuse_foreign(request, desk.site)
            response = await _handled(desk, request, handler)
            desk.renew(request, response)
            return response
        except NotLoggedInError:
            return desk.html(desk.entry.template, desk.frame(request), status=401)
        except errors.Unauthorized:
            desk.sessions.end(desk.identifier(request))
            frame = replace(desk.frame(request), problem="The API server does not know you any more.")
            return desk.html(desk.entry.template, frame, status=401)
        except (errors.ClientError, NoSuchObjectError) as error:
            status, title, message = explained(error)
            return _failed(desk, request, status, title, message)
        except web.HTTPRedirection:
            raise
        except web.HTTPException as error:
            # That of a 404 or 405 is aiohttp's own, and says no more than its title.
            message = error.text or "" if not (error.text or "").startswith(str(error.status)) else ""
            return _failed(desk, request, error.status, error.reason, message)
        except Exception:  # noqa: BLE001 - whoever asked is answered, and the log has it
            _log.exception("%s %s", request.method, request.path)
            return _failed(desk, request, 500, "Something is wrong with this page", "Its log says what.")

    return guarded


async def _handled(desk: Desk, request: web.Request, handler: Handler) -> web.StreamResponse:
    """The answer of a handler. Until it is there the connections of whoever asks stay open, though they log out."""
    session = desk.sessions.find(desk.identifier(request))
    with session.visitor.at_work() if session is not None else nullcontext():
        return await handler(request)


def _bare(request: web.Request, error: web.HTTPException) -> web.Response:
    """To those of whom nothing is known: without any address of ours, as the prefix of a page may be a secret."""
    text = "" if request.method == "HEAD" else f"{error.reason}\n"
    return web.Response(text=text, status=error.status)


def _failed(desk: Desk, request: web.Request, status: int, title: str, message: str) -> web.Response:
    session = desk.sessions.find(desk.identifier(request))
    response = desk.html("problem.html", desk.frame(request, session), {"title": title, "message": message}, status)
    if request.method == "HEAD":
        response.text = ""
    return response


def _healthy(desk: Desk) -> Handler:
    async def healthy(request: web.Request) -> web.Response:
        return web.Response(text="ok\n") if desk.ready() else web.Response(text="reading\n", status=503)

    return healthy


def _static() -> Handler:
    """Our own files, of which there are few: read once, found by their names alone."""
    files = {path.name: (path.read_bytes(), _TYPES[path.suffix]) for path in STATIC.iterdir() if path.suffix in _TYPES}

    async def static(request: web.Request) -> web.Response:
        found = files.get(request.match_info["file"])
        if found is None:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "private, max-age=300"}
        return web.Response(body=found[0], content_type=found[1], charset="utf-8", headers=headers)

    return static


class _Doors:
    """Coming in, going out, and what one chooses for all pages."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def home(self, request: web.Request) -> web.StreamResponse:
        """Where one was last."""
        self.desk.session(request)
        raise web.HTTPFound(self.desk.links(request).view("tasks"))

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Exchange what the form has for a session."""
        admitted = await self.desk.entry.admit(await fields_of(request))
        if admitted is None:
            frame = replace(self.desk.frame(request), problem=self.desk.entry.refusal)
            return self.desk.html(self.desk.entry.template, frame, status=401)
        # Not a redirect: this was sent by another site (a file), to which the cookie would not be sent on the way.
        # Of the same browser: nobody would end it, as its cookie goes.
        self.desk.sessions.end(self.desk.identifier(request))
        response = self.desk.html("welcome.html", self.desk.frame(request))
        self.desk.welcome(response, self.desk.sessions.begin(*admitted))
        return response

    async def log_out(self, request: web.Request) -> web.StreamResponse:
        """End the session."""
        await self.desk.form(request, self.desk.session(request))
        self.desk.sessions.end(self.desk.identifier(request))
        raise web.HTTPSeeOther(self.desk.links(request).home)

    async def choose_zone(self, request: web.Request) -> web.StreamResponse:
        """In which zone times are shown."""
        form = await self.desk.form(request, self.desk.session(request))
        zone = form.get("zone", "")
        if zone != TASK and not is_zone(zone):
            raise errors.BadInput("zone", f"{zone!r} is not a time zone", "write a name like Europe/Berlin")
        response = web.HTTPSeeOther(self.desk.own_address(form.get("back", "")))
        self.desk.remember(response, ZONE, zone)
        return response

    async def namespaces(self, request: web.Request) -> web.StreamResponse:
        """Where one may look."""
        session = self.desk.session(request)
        known = (self.desk.namespace, self.desk.remembered_namespace(request))
        names = await session.visitor.rights.namespaces(known)
        everywhere = await session.visitor.rights.everywhere()
        return self.desk.html(
            "namespaces.html", self.desk.frame(request, session), {"names": names, "everywhere": everywhere}
        )
