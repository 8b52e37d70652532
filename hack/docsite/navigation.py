"""The navigation of the site, made of the front page: its sections, and in each the pages that it lists.

So docs/index.md is a page of lists for whoever reads it on GitHub, and nothing is said twice.
"""

import re

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_LISTED = re.compile(r"^- \[([^\]]+)\]\(([\w-]+)\.md\)", re.MULTILINE)
SITE_ALONE = {
    "Reference": (
        "- [Examples](examples.md): what you can do, what to write for it, and all files of `examples/`.\n"
        "- [Commands and options](commands.md): each verb of `crontask`, with all its options.\n"
        "- [Python API](python-api.md): `Client`, `Crons`, `Context`, errors, and the kit for tests.\n"
    ),
}
"""Pages that are made for the site, by the section that they belong to."""


def complete(front: str) -> str:
    """The front page with the pages that the site alone has, and with what Sphinx makes the navigation of."""
    head, *parts = re.split(r"(?=^## )", front, flags=re.MULTILINE)
    sections = [part.rstrip() + "\n" + SITE_ALONE.get(_title(part), "") for part in parts]
    trees = [_tree(_title(part), _LISTED.findall(part)) for part in sections]
    return "\n".join((head.rstrip(), "", *(f"{part}" for part in sections), *filter(None, trees)))


def _title(part: str) -> str:
    found = _SECTION.match(part)
    return found[1] if found else ""


def _tree(title: str, pages: list[tuple[str, str]]) -> str:
    if not pages:
        return ""
    entries = "\n".join(f"{words} <{name}>" for words, name in pages)
    return f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{entries}\n```\n"
