"""Our own HTML as data, of which an open page builds nodes: no script ever parses markup in a browser. Pure."""

from html.parser import HTMLParser
from typing import Any, TypeAlias

Node: TypeAlias = Any
"""A text, or `[tag, attributes, children]`."""
_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr"})


def nodes_of(html: str) -> list[Node]:
    """The nodes of a fragment. Raises ValueError for one that is not well-formed: it is ours."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    if len(parser.stack) != 1:
        raise ValueError(f"the fragment does not end its {parser.stack[-1][0]}")
    children: list[Node] = parser.stack[0][2]
    return children


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[Any] = [["", {}, []]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = [tag, {_cased(name): value or "" for name, value in attrs}, []]
        self.stack[-1][2].append(node)
        if tag not in _VOID:
            self.stack.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.stack[-1][2].append([tag, {_cased(name): value or "" for name, value in attrs}, []])

    def handle_endtag(self, tag: str) -> None:
        if len(self.stack) == 1 or self.stack[-1][0] != tag:
            raise ValueError(f"the fragment ends a {tag} that is not open")
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        children = self.stack[-1][2]
        # White space that stands for the indentation of a template is no text.
        if data.strip() or (children and "\n" not in data):
            children.append(data)


def _cased(name: str) -> str:
    """The parser writes names small; SVG's are not all."""
    return "viewBox" if name == "viewbox" else name
