"""What furo leaves out for people without a mouse or without sight: in the HTML of each page, once it is made.

Code and tables that scroll can be reached by the keyboard; a column without a name has no heading that is read out, and
a table without names no row of them.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

_EMPTY = r'<th class="head">(?:<p></p>)?</th>'
_EMPTY_ROW = re.compile(rf"<thead>\s*<tr[^>]*>(?:\s*{_EMPTY})+\s*</tr>\s*</thead>")


def reachable(body: str) -> str:
    """The HTML of a page, with all that."""
    body = _EMPTY_ROW.sub("", body)
    body = re.sub(_EMPTY, '<td class="head"></td>', body)
    body = body.replace("<pre>", '<pre tabindex="0">')
    return re.sub(r'<div class="table-wrapper([^"]*)">', r'<div class="table-wrapper\1" tabindex="0">', body)


def _finish(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if "body" in context:
        context["body"] = reachable(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """As an extension of Sphinx."""
    # After furo, which puts tables into what scrolls.
    app.connect("html-page-context", _finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
