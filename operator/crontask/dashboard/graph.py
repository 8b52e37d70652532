"""The steps of a workflow as a graph, from left to right: SVG with a box a step, a line to what depends on it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from crontask.dashboard.symbols import Look

_WIDE, _HIGH, _GAP, _BETWEEN, _MARGIN = 196, 50, 44, 14, 6
# Letters that a box has room for; the whole name is in its title, and in the list of the steps.
_LETTERS = 19


@dataclass(frozen=True, slots=True)
class Node:
    """A step. `below`: the second line; `href`: of its run, empty where it has none; `last`: an `always` step."""

    name: str
    look: Look
    below: str = ""
    href: str = ""
    last: bool = False


def graph(nodes: Sequence[Node], before: Mapping[str, Sequence[str]]) -> Markup:
    """`before`: what each step depends on; `always` steps stand behind all others."""
    columns = _columns(nodes, before)
    where = {
        node.name: (_MARGIN + x * (_WIDE + _GAP), _MARGIN + y * (_HIGH + _BETWEEN))
        for x, column in enumerate(columns)
        for y, node in enumerate(column)
    }
    width = _MARGIN * 2 + len(columns) * (_WIDE + _GAP) - _GAP
    height = _MARGIN * 2 + max(map(len, columns), default=0) * (_HIGH + _BETWEEN) - _BETWEEN
    edges = Markup("").join(
        _edge(where[name], where[node.name]) for node in nodes for name in before.get(node.name, ()) if name in where
    )
    boxes = Markup("").join(_box(node, *where[node.name]) for node in nodes)
    head = Markup('<svg class="graph" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="group" aria-label="Steps">')
    return head.format(width, height) + edges + boxes + Markup("</svg>")


def _columns(nodes: Sequence[Node], before: Mapping[str, Sequence[str]]) -> list[list[Node]]:
    """By how many steps come before, at least; in the order of the list."""
    level: dict[str, int] = {}
    ordinary = [node for node in nodes if not node.last]
    # So often a step can move on: as often as there are others. A circle, which nothing accepts, ends there too.
    for _ in ordinary:
        moved = False
        for node in ordinary:
            at = max((level.get(name, 0) + 1 for name in before.get(node.name, ())), default=0)
            if level.get(node.name) != at:
                level[node.name], moved = at, True
        if not moved:
            break
    deepest = max(level.values(), default=-1)
    found: dict[int, list[Node]] = {}
    for node in nodes:
        found.setdefault(deepest + 1 if node.last else level[node.name], []).append(node)
    return [found[at] for at in sorted(found)]


def _edge(start: tuple[int, int], end: tuple[int, int]) -> Markup:
    x, y, to_x, to_y = start[0] + _WIDE, start[1] + _HIGH // 2, end[0], end[1] + _HIGH // 2
    bend = max(_GAP // 2, (to_x - x) // 2)
    return Markup('<path class="edge" d="M{} {}C{} {} {} {} {} {}"/>').format(
        x, y, x + bend, y, to_x - bend, to_y, to_x, to_y
    )


def _box(node: Node, x: int, y: int) -> Markup:
    drawn = Markup(
        '<g class="{kind}"><title>{name}: {word}{more}</title>'
        '<rect class="s-{css}" x="{x}" y="{y}" width="{wide}" height="{high}" rx="8"/>'
        '<use class="f-{css}" href="#i-{shape}" x="{icon}" y="{icon_y}" width="16" height="16"/>'
        '<text class="name" x="{text}" y="{first}">{short}</text>'
        '<text class="below" x="{text}" y="{second}">{word}{more}</text></g>'
    ).format(
        kind="step last" if node.last else "step",
        css=node.look.css,
        shape=node.look.shape,
        name=node.name,
        short=node.name if len(node.name) <= _LETTERS else f"{node.name[: _LETTERS - 1]}…",
        word=node.look.word,
        more=f" · {node.below}" if node.below else "",
        x=x,
        y=y,
        wide=_WIDE,
        high=_HIGH,
        icon=x + 9,
        icon_y=y + 9,
        text=x + 31,
        first=y + 21,
        second=y + 39,
    )
    return Markup('<a href="{}">{}</a>').format(node.href, drawn) if node.href else drawn
