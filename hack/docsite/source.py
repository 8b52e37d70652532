"""What the site is built from: the pages of docs/ as they are, and pages that the site alone has.

Those are the examples with their text, the commands with all options, the Python API, and CONTRIBUTING.md. Links that
lead out of docs/ on GitHub lead to these pages here.
"""

import os
import re
import shutil
from pathlib import Path

from docsite import navigation

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
_PAGES = Path(__file__).parent / "pages"
_OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./([^)#\s]*)(#[^)\s]*)?\)")
_INTO_DOCS = re.compile(r"\]\((?:docs/)?([\w-]+\.md)")
_EXAMPLE = re.compile(r"`([a-z-]+)\.yaml`")


def collect(folder: Path) -> None:
    """Have all of it in this folder, which is not there yet."""
    folder.mkdir(parents=True)
    texts = {path.name: _inside(path.read_text(encoding="utf-8")) for path in DOCS.glob("*.md")}
    texts |= {path.name: path.read_text(encoding="utf-8") for path in _PAGES.glob("*.md")}
    texts["index.md"] = navigation.complete(texts["index.md"])
    texts["contributing.md"] = _contributing()
    texts["examples.md"] = _examples()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copytree(DOCS / "images", folder / "images")


def _inside(text: str) -> str:
    """A page whose links out of docs/ lead to a page of the site, or are words where it has none."""

    def link(found: re.Match[str]) -> str:
        page = _page_of(found[2])
        return f"[{found[1]}]({page}{found[3] or ''})" if page else found[1]

    return _OUTSIDE.sub(link, text)


def _page_of(path: str) -> str | None:
    """The page that has this file of the repository, if one has."""
    if path.startswith("examples"):
        name = path.rpartition("/")[2]
        return f"examples.md#{_anchor(name)}" if name else "examples.md"
    return {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}.get(path)


def _anchor(heading: str) -> str:
    """Of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _contributing() -> str:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return _INTO_DOCS.sub(r"](\1", text)


def _examples() -> str:
    """The README's table of what can be done, and the text of each example that it names, and of the others."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    table = "\n".join(re.findall(r"^\|.*\|$", readme.partition("## What you can do")[2], re.MULTILINE))
    table = _EXAMPLE.sub(lambda name: f"[`{name[0][1:-1]}`](#{_anchor(name[1] + '.yaml')})", table)
    parts = ["# Examples\n", _ABOUT_EXAMPLES, _INTO_DOCS.sub(r"](\1", table) + "\n"]
    folder = REPOSITORY / "examples"
    for path in sorted(folder.rglob("*")):
        language = {".yaml": "yaml", ".py": "python"}.get(path.suffix)
        if language is not None:
            name = os.path.relpath(path, folder)
            heading = name if path.suffix == ".yaml" and "/" in name else path.name
            where = f"`examples/{name}`\n\n" if "/" in name else ""
            text = path.read_text(encoding="utf-8").rstrip()
            parts.append(f"## {heading}\n\n{where}```{language}\n{text}\n```\n")
    return "\n".join(parts)


_ABOUT_EXAMPLES = """All files of `examples/` in the repository. The tests apply each manifest to a real cluster.
In the table: what you want, what to write for it, and the file that shows it.
"""
