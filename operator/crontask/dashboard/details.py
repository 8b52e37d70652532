"""Beside a task and a run: the object as YAML, and its events."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import yaml
from aiohttp import web

from crontask.api.resources import CRON_TASK, EVENT, Resource
from crontask.client.requests import Document
from crontask.dashboard.desk import Desk
from crontask.dashboard.moments import Moment
from crontask.dashboard.plain import one_line, plain

_MOST_EVENTS = 200


@dataclass(frozen=True, slots=True)
class YamlModel:
    """What the template shows."""

    kind: str
    name: str
    href: str
    text: str
    line: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event."""

    at: Moment | None
    is_warning: bool
    reason: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class EventsModel:
    """What the template shows."""

    kind: str
    name: str
    href: str
    rows: tuple[EventRow, ...]


def as_yaml(desk: Desk, kind: Resource, short: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler of an object as YAML."""

    async def show(request: web.Request) -> web.StreamResponse:
        session, ask = desk.session(request), desk.ask(request)
        found = await session.visitor.cluster.get(kind, ask.name, namespace=ask.namespace)
        found["metadata"].pop("managedFields", None)
        try:
            text = plain(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=100))
        except RecursionError:
            text = "It is nested too deeply to be shown here."
        line = f"kubectl get {short} {ask.name} -n {ask.namespace} -o yaml"
        model = YamlModel(kind.kind, ask.name, _href(desk, request, kind), text, line)
        return desk.html("yaml.html", desk.frame(request, session), model)

    return show


def events_of(desk: Desk, kind: Resource) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler of the events of an object, the newest first."""

    async def show(request: web.Request) -> web.StreamResponse:
        session, ask = desk.session(request), desk.ask(request)
        fields = f"involvedObject.name={ask.name},involvedObject.kind={kind.kind}"
        found = await session.visitor.cluster.list(EVENT, namespace=ask.namespace, fields=fields)
        clock = desk.clock(request)
        ordered = sorted(found["items"], key=_last, reverse=True)[:_MOST_EVENTS]
        rows = tuple(
            EventRow(
                clock.moment(_last(event)),
                event.get("type") == "Warning",
                one_line(event.get("reason") or ""),
                plain(event.get("message") or ""),
                int((event.get("series") or {}).get("count") or event.get("count") or 1),
            )
            for event in ordered
        )
        model = EventsModel(kind.kind, ask.name, _href(desk, request, kind), rows)
        return desk.html("events.html", desk.frame(request, session), model)

    return show


def _last(event: Document) -> str:
    series: Any = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next((time for time in times if time), event["metadata"].get("creationTimestamp") or ""))


def _href(desk: Desk, request: web.Request, kind: Resource) -> str:
    links, ask = desk.links(request), desk.ask(request)
    return (links.task if kind is CRON_TASK else links.run)(ask.namespace, ask.name)
