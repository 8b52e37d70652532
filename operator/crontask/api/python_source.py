"""The source of a python handler, looked at without running it: its syntax, and whether its function is there.

It is parsed by the Python of the operator, which is that of the runner's image.
"""

import ast
import re
import warnings
from collections.abc import Iterator

_REFERENCE = re.compile(r"\$\{+\s*[A-Za-z]")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class SourceError(ValueError):
    """What is wrong with a source, with its line where there is one, and what to do about it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def check_source(source: str, entrypoint: str) -> None:
    """Raises SourceError for one that cannot be run, or has no function of that name."""
    try:
        with warnings.catch_warnings(action="ignore"):
            module = ast.parse(source, "handler.py")
            # What only the compiler sees, like a return outside of a function.
            compile(source, "handler.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = f"line {error.lineno}" if error.lineno else "somewhere"
        text = f": {error.text.strip()[:200]}" if error.text and error.text.strip() else ""
        # No code is looked into for references.
        given = f"what args have is handed to {entrypoint} as arguments: write it there"
        fix = given if _REFERENCE.search(error.text or "") else "correct it"
        raise SourceError(f"{line}: {error.msg}{text}", fix) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"cannot be read as Python: {error}", "write it otherwise, or in an image") from error
    for statement in module.body:
        if isinstance(statement, _FUNCTIONS) and statement.name == entrypoint and _takes_nothing(statement.args):
            raise SourceError(f"{entrypoint} takes no argument", f"write def {entrypoint}(ctx): …")
    names = set(_names(module.body))
    if entrypoint not in names and "*" not in names:
        raise SourceError(f"has no function {entrypoint}", f"write def {entrypoint}(ctx): …")


def _takes_nothing(arguments: ast.arguments) -> bool:
    return not arguments.posonlyargs and not arguments.args and arguments.vararg is None


def _names(body: list[ast.stmt]) -> Iterator[str]:
    """What the statements of a module bind, also within its if, try and with; `*` if that cannot be known."""
    for statement in body:
        if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
        else:
            for field in ("body", "orelse", "finalbody", "handlers"):
                for inner in getattr(statement, field, ()):
                    yield from _names(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])
