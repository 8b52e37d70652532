"""The examples in the help of the verbs, as code: a page would make words of them."""

import click
from sphinx.application import Sphinx

_EXAMPLE = "Example: "


def as_code(lines: list[str]) -> None:
    """The lines of a help, changed where they stand: what follows `Example: ` is one command, up to an empty line."""
    for number, line in enumerate(lines):
        if line.startswith(_EXAMPLE):
            end = next((at for at in range(number, len(lines)) if not lines[at].strip()), len(lines))
            command = " ".join(each.strip() for each in lines[number:end]).removeprefix(_EXAMPLE)
            lines[number:end] = [".. code-block:: console", "", f"   $ {command}"]
            return


def _process(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    as_code(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """As an extension of Sphinx, after sphinx_click."""
    app.connect("sphinx-click-process-description", _process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
