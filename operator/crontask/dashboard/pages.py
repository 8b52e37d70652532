"""A view, as a page and as the stream of what changes on it while it is open."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

from aiohttp import web

from crontask.dashboard.desk import NAMESPACE, Desk
from crontask.dashboard.nodes import Node, nodes_of
from crontask.dashboard.reader import Snapshot
from crontask.dashboard.rights import KEPT
from crontask.dashboard.session import Session
from crontask.dashboard.streams import send_events
from crontask.dashboard.views import Frame, Scene, View, region_id


class Page:
    """The handlers of one view."""

    def __init__(self, desk: Desk, view: View) -> None:
        self.desk = desk
        self.view = view

    async def show(self, request: web.Request) -> web.Response:
        """The page."""
        return await self.shown(request, self.desk.session(request))

    async def shown(
        self,
        request: web.Request,
        session: Session,
        problem: str = "",
        given: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> web.Response:
        """The page; with a problem, after a form that could not be carried out, and with what was `given` in it."""
        desk, ask = self.desk, self.desk.ask(request)
        snapshot = await session.visitor.reader.once(self.view.queries(ask))
        scene = await desk.scene(request, self.view, session, ask, snapshot)
        model = self.view.build(ask, snapshot, scene)
        frame = replace(
            desk.frame(request, session, scene), live=self._live(request), problem=problem, given=given or {}
        )
        response = desk.html(self.view.template, frame, model, status)
        desk.remember(response, NAMESPACE, request.match_info["ns"])
        return response

    def _live(self, request: web.Request) -> str:
        """The address of the stream. After a form it is still that of the page."""
        return f"{self.desk.site.prefix}/live/{self._address(request)}"

    def _address(self, request: web.Request) -> str:
        """Of the view, below the prefix, with what was asked of it as it was written: decoded it says another thing."""
        path, query = self.view.path.format(**request.match_info), request.rel_url.raw_query_string
        return f"{path}?{query}" if query else path

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The stream: the regions of the page that are other than before. It ends with their rights."""
        session = self.desk.session(request)
        return await send_events(request, session, self._changes(request, session))

    async def _changes(self, request: web.Request, session: Session) -> AsyncGenerator[tuple[str, str], None]:
        desk, view, ask = self.desk, self.view, self.desk.ask(request)
        sent: dict[str, list[Node]] = {}
        async with aclosing(session.visitor.reader.changing(view.queries(ask), KEPT)) as snapshots:
            async for snapshot in snapshots:
                # An end of the session, or of a right, is seen by this beat.
                session = desk.session(request)
                await session.visitor.rights.check(view.queries(ask))
                scene = await desk.scene(request, view, session, ask, snapshot)
                changed = self._regions(request, session, scene, snapshot)
                fresh = {name: nodes for name, nodes in changed.items() if _lasting(sent.get(name)) != _lasting(nodes)}
                sent.update(fresh)
                if fresh:
                    yield "regions", json.dumps(list(fresh.items()), separators=(",", ":"), ensure_ascii=False)
                else:
                    yield "beat", "beat"

    def _regions(
        self, request: web.Request, session: Session, scene: Scene, snapshot: Snapshot
    ) -> dict[str, list[Node]]:
        desk, view = self.desk, self.view
        model = view.build(desk.ask(request), snapshot, scene)
        frame = Frame(
            scene.links,
            scene.clock,
            session.visitor.name,
            session.form_token,
            may=scene.may,
            address=f"{desk.site.prefix}/{self._address(request)}",
            cluster=desk.cluster,
        )
        return {region_id(name): nodes_of(desk.renderer.page(name, frame, model)) for name in view.regions}


def _lasting(nodes: list[Node] | None) -> object:
    """The nodes without what changes with the clock alone, which the open page counts itself."""
    if nodes is None:
        return None
    return [node if isinstance(node, str) else _lasting_node(node) for node in nodes]


def _lasting_node(node: tuple[str, dict[str, str], list[Node]]) -> object:
    tag, attributes, children = node
    return [tag, attributes, None if tag == "time" else _lasting(children)]
