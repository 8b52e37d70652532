"""What GitHub draws by Mermaid, as tables of the page: nothing is loaded from elsewhere, and a screen reader reads it.

A chart becomes a bar for each value; a diagram of states, a row for each way from one to another.
"""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

_TITLE = re.compile(r'^\s*title "(.*)"$', re.MULTILINE)
_NAMES = re.compile(r"^\s*x-axis (?:\"[^\"]*\" )?(\[.*\])$", re.MULTILINE)
_AXIS = re.compile(r'^\s*x-axis "([^"]*)"', re.MULTILINE)
_VALUES = re.compile(r"^\s*(?:bar|line) (\[.*\])$", re.MULTILINE)
_WAY = re.compile(r"^\s*(\S+) --> (\S+?)(?:: (.*))?$", re.MULTILINE)
_STATE_OF_START = "[*]"


class UnreadableError(ValueError):
    """A drawing of another kind than those above."""


def as_html(drawing: str) -> str:
    """A drawing as HTML. Raises UnreadableError."""
    kind = drawing.split(maxsplit=1)[0]
    if kind == "xychart-beta":
        return _chart(drawing)
    if kind == "stateDiagram-v2":
        return _states(drawing)
    raise UnreadableError(f"no table is made of Mermaid's {kind}")


def _chart(drawing: str) -> str:
    title, names, values = _TITLE.search(drawing), _NAMES.search(drawing), _VALUES.findall(drawing)
    if title is None or names is None or len(values) != 1:
        raise UnreadableError("a chart has a title, an x-axis with names, and one bar or line")
    axis = _AXIS.search(drawing)
    rows = list(zip(json.loads(names[1]), json.loads(values[0]), strict=True))
    most = max(value for _, value in rows) or 1
    unit = f" {axis[1]}" if axis else ""
    bars = "".join(
        f'<tr><th scope="row">{html.escape(name + unit)}</th>'
        f'<td><span class="bar" style="width: {100 * value / most:.1f}%"></span></td><td>{value:g}</td></tr>'
        for name, value in rows
    )
    return f'<table class="chart"><caption>{html.escape(title[1])}</caption><tbody>{bars}</tbody></table>'


def _states(drawing: str) -> str:
    rows = "".join(f"<tr><td>{here}</td><td>{there}</td><td>{why}</td></tr>" for here, there, why in _ways(drawing))
    head = "<tr><th>from</th><th>to</th><th>when</th></tr>"
    return f'<table class="docutils states"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def _ways(drawing: str) -> Iterator[tuple[str, str, str]]:
    for here, there, why in _WAY.findall(drawing):
        shown = "the start" if here == _STATE_OF_START else f"<code>{html.escape(here)}</code>"
        yield shown, f"<code>{html.escape(there)}</code>", html.escape(why)


class _Drawings(SphinxTransform):
    """Puts the tables where the drawings are, before they are taken for code."""

    default_priority = 100

    def apply(self, **kwargs: Any) -> None:
        """See SphinxTransform."""
        for block in list(self.document.findall(nodes.literal_block)):
            if block.get("language") == "mermaid":
                table = f'<div class="table-wrapper">{as_html(block.astext())}</div>'
                block.replace_self(nodes.raw("", table, format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """As an extension of Sphinx."""
    app.add_transform(_Drawings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
