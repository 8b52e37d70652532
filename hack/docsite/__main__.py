"""`python -m docsite`: build the site into build/docs/html. Every warning is an error.

Callers: `make docs`, tests/integration/test_docsite.py.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import SphinxWarning
from sphinx.util.console import nocolor
from sphinx.util.docutils import docutils_namespace, patch_docutils

from docsite import source

BUILD = source.REPOSITORY / "build" / "docs"
# In a folder whose content may be made anew.
_OURS = ".site"


class ForeignFolderError(Exception):
    """There is something in the folder that nobody has made here."""


def build(folder: Path) -> Path:
    """The folder of the pages: `html` in `folder`. Raises SphinxError; ForeignFolderError where that is not ours."""
    pages, html, known = folder / "source", folder / "html", folder / "doctrees"
    foreign = [each for each in (pages, html, known) if each.exists() and not (folder / _OURS).exists()]
    if foreign:
        raise ForeignFolderError(f"{foreign[0]} was not made by this command, and would be lost; name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _OURS).touch()
    # Anew: the navigation of each page is that of the front page, of which Sphinx keeps no track.
    for old in (pages, html, known):
        shutil.rmtree(old, ignore_errors=True)
    source.collect(pages)
    nocolor()
    with patch_docutils(str(Path(__file__).parent)), docutils_namespace():
        # The second stream gets what is wrong; the first, what goes well, which is much.
        app = Sphinx(
            srcdir=pages,
            confdir=Path(__file__).parent,
            outdir=html,
            doctreedir=known,
            buildername="html",
            status=None,
            warning=sys.stderr,
            warningiserror=True,
        )
        app.build()
    if app.statuscode:
        raise SphinxWarning("the site has warnings, which are above")
    return html


def main(arguments: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m docsite", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=Path, default=BUILD, metavar="FOLDER", help="by default build/docs")
    asked = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        html = build(asked.to)
    except (SphinxWarning, ForeignFolderError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in html.rglob("*") if path.is_file())
    print(f"{html / 'index.html'}: {size / 1e6:.1f} MB in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
