"""What a view is: which objects it needs, and the model that it makes of them for its templates.

The same view serves a request, and the stream of an open page: of the regions of the page that then may change.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from crontask.api.names import DRAWN
from crontask.dashboard.address import Ask, Links
from crontask.dashboard.moments import Clock
from crontask.dashboard.plain import one_line, plain
from crontask.dashboard.reader import Query, Snapshot
from crontask.dashboard.symbols import look_of

TEMPLATES = Path(__file__).parent / "templates"


class NoSuchObjectError(Exception):
    """What an address names is not there, or is not for them to see."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a view knows beside objects and address. `may`: the buttons that they may press."""

    links: Links
    clock: Clock
    may: frozenset[str]


@dataclass(frozen=True, slots=True)
class View:
    """One of the views. `path`: of its addresses; `regions`: templates of what changes on the page while it is open.

    `task_of`: of a view with buttons, the name of the task that they are about, empty where there is none.
    """

    path: str
    template: str
    regions: tuple[str, ...]
    queries: Callable[[Ask], tuple[Query, ...]]
    build: Callable[[Ask, Snapshot, Scene], Any]
    task_of: Callable[[Ask, Snapshot], str] | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """What each page shows around its view. `token`: of its forms, empty where nobody is logged in.

    `given`: what was written in a form that could not be carried out; `draw`: letters of the name of a run to be made.
    """

    links: Links
    clock: Clock
    user: str = ""
    token: str = ""
    said: tuple[str, ...] = ()
    problem: str = ""
    may: frozenset[str] = frozenset()
    address: str = ""
    live: str = ""
    cluster: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    draw: str = field(default_factory=lambda: os.urandom(DRAWN).hex()[:DRAWN])

    @property
    def zone_name(self) -> str:
        """The zone in which times are shown; empty where it is each task's own."""
        return self.clock.zone("UTC")[0] if self.clock.choice != "task" else ""


def region_id(template: str) -> str:
    """The id of the element that a region stands in."""
    return f"region-{template.rpartition('/')[2].removesuffix('.html').strip('_')}"


class Renderer:
    """The templates. Everything in them is escaped."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(plain=plain, one_line=one_line, look=look_of)
        self._environment.globals.update(region_id=region_id)

    def page(self, template: str, frame: Frame, view: object = None) -> str:
        """A whole page, or a region of one."""
        return self._environment.get_template(template).render(page=frame, view=view)
