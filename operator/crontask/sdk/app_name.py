"""The name of the program that uses the SDK: what it registers is owned by that name."""

import os
import sys

from crontask.sdk.errors import BadInput

_LONGEST_APP = 100


def checked_app(app: str | None) -> str:
    """The name, or that of the program, if it can be a part of a field manager's."""
    app = app or _program()
    if not app or len(app) > _LONGEST_APP or not app.isprintable() or not app.isascii():
        raise BadInput("app", f"is {app!r}", f"write up to {_LONGEST_APP} letters and digits, like shop")
    return app


def _program() -> str:
    """The name of the program: of its script, or of its package."""
    path = sys.argv[0] if sys.argv else ""
    name, _ = os.path.splitext(os.path.basename(path))
    if name == "__main__":
        name = os.path.basename(os.path.dirname(path))
    return name[:_LONGEST_APP] if name and name not in ("-c", "-m", "-") else "python"
