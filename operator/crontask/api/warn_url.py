"""Warnings about the URLs of calls: a template that args cannot fill, and braces that are no template."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from crontask.api.handler import Handler
from crontask.api.problem import Problem
from crontask.api.simple_handler import Http, SimpleHandler
from crontask.api.simple_parts import simple_parts

_EXPRESSION = re.compile(r"\{[?&]?[A-Za-z0-9_,*]+\}")
_LIKE_A_REFERENCE = re.compile(r"[$]\{[?&]?([A-Za-z0-9_]+)[^{}]*\}")
_MOST_NAMES = 10
# Like a reference with a default.
_ANY: dict[str, Any] = {"$ref": ""}


def url_warnings(handler: Handler, args: Mapping[str, Any] | None, path: str = "spec.handler") -> Iterator[Problem]:
    """What each call of a handler would do that its writer did not mean. `args`: None where a run brings more."""
    for part in simple_parts(handler, path):
        if part.args is None:
            yield from _of_one(part.handler, args, part.path, "spec.args")
        else:
            # What else it is given has a value, whichever that is.
            given = {**dict.fromkeys(part.beside, _ANY), **part.args}
            yield from _of_one(part.handler, given, part.path, part.args_path)


def _of_one(handler: SimpleHandler, args: Mapping[str, Any] | None, path: str, source: str) -> Iterator[Problem]:
    if handler.http is not None:
        yield from _braces(handler.http, f"{path}.http")
        if handler.http.url_template is not None and args is not None:
            yield from _unfilled(handler.http.url_template, args, f"{path}.http.urlTemplate", source)


def _braces(http: Http, path: str) -> Iterator[Problem]:
    found = _EXPRESSION.search(http.url or "")
    if found is not None:
        fix = "write urlTemplate instead of url to put args there"
        yield Problem(f"{path}.url", f"has {found[0]} in it, which is called as it is", fix)
    reference = _LIKE_A_REFERENCE.search(http.url_template or "")
    if reference is not None:
        message = f"has {reference[0]} in it, of which the $ is called as it is"
        yield Problem(f"{path}.urlTemplate", message, f"write {reference[0][1:]}, or %24 for a $ that is meant")


def _unfilled(template: str, args: Mapping[str, Any], path: str, source: str) -> Iterator[Problem]:
    # As where it is validated: few calls have a template.
    from crontask.api.url_template import names_in

    named = tuple(dict.fromkeys(names_in(template)))
    there = [name for name, value in args.items() if value is not None]
    for name in dict.fromkeys(one.name for one in named if one.name not in there):
        fix = f"add it to {source}" + (f", or name one of {_some(there)}" if there else "")
        yield Problem(path, f"names {name}, for which {source} has no value: the call would fail", fix)
    for one in named:
        kind = _kind(args.get(one.name))
        if kind is not None and not one.explode:
            message = f"has {one.expression}, and {source}.{one.name} is {kind}: the call would fail"
            yield Problem(path, message, f"write {{?{one.name}*}} or {{&{one.name}*}}")


def _kind(value: Any) -> str | None:
    """What a value is that takes *; None for any other, and for a reference with a default, which may be whatever."""
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) and "$ref" not in value else None


def _some(names: list[str]) -> str:
    return ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
