"""The URL of a call that has a template (RFC 6570): what its expressions name is taken from the run's args.

Whoever starts a run brings args, and only the task's author says where the call goes: no value reaches the host, adds a
part to the path, or leads out of one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from crontask.runner.given import BrokenInputError
from crontask.runner.message import cut

if TYPE_CHECKING:
    from uritemplate.variable import VariableValue

# As validation takes it, held to that by the tests: nothing of it can be imported here.
_NAME = "[A-Za-z0-9_]+"
_VALUES = f"[{{]{_NAME}(,{_NAME})*[}}]"
_PARAMETERS = f"{_NAME}[*]?(,{_NAME}[*]?)*[}}]"
_ENCODED = "%[0-9A-Fa-f]{2}"
FORM = (
    r"[Hh][Tt][Tt][Pp][Ss]?://[^/?#{}@%\\ ]+"
    f"(/([^?#{{}}% ]|{_ENCODED}|{_VALUES})*)?"
    f"([?]([^#{{}}% ]|{_ENCODED}|{_VALUES}|[{{]&{_PARAMETERS})*|[{{][?]{_PARAMETERS}([{{]&{_PARAMETERS})*)?"
    "(#[^{} ]*)?"
)
_FORM = re.compile(FORM)
_EXPRESSION = re.compile(r"\{([^{}]*)\}")
_CHAIN = re.compile(r"\{[?][^{}]*\}(\{&[^{}]*\})+")
_END_OF_PATH = re.compile(r"[?#]|\{[?]")
_LONGEST_LIST = 300
_LONGEST_PART = 100


class _Named(NamedTuple):
    """A name in a template, the expression in which it stands, and whether * follows it."""

    expression: str
    name: str
    explode: bool


def expand_url(template: str, args: Mapping[str, Any]) -> str:
    """The URL that a template is with these args. Raises BrokenInputError."""
    if not _FORM.fullmatch(template):
        raise BrokenInputError("the urlTemplate in CRONTASK_HANDLER is not one that is served")
    named = tuple(_names_in(template))
    _check_all_there(named, args)
    values = {one.name: _value(one, args[one.name]) for one in named}
    # Few calls have a template.
    from uritemplate import URITemplate

    # {?a*}{&b} as {?a*,b}, which begins with ? even if there is nothing in a.
    chained = _CHAIN.sub(lambda chain: chain[0].replace("}{&", ","), template)
    url = URITemplate(chained).expand(values)
    _check_path(template, url)
    return url


def _names_in(template: str) -> Iterator[_Named]:
    for match in _EXPRESSION.finditer(template):
        for name in match[1].lstrip("?&").split(","):
            yield _Named(match[0], name.removesuffix("*"), name.endswith("*"))


def _check_all_there(named: tuple[_Named, ...], args: Mapping[str, Any]) -> None:
    missing = dict.fromkeys(one.name for one in named if args.get(one.name) is None)
    if missing:
        there = cut(", ".join(name for name, value in args.items() if value is not None), _LONGEST_LIST)
        has = f"it has: {there}" if there else "it is empty" if not args else "all that it has is null"
        raise BrokenInputError(f"urlTemplate names {', '.join(missing)}, for which args has no value; {has}")


def _value(named: _Named, value: Any) -> VariableValue:
    """A value as the library takes it: texts, and of lists and objects those that are not null."""
    if isinstance(value, list | dict) and not named.explode:
        kind = "a list" if isinstance(value, list) else "an object"
        raise BrokenInputError(
            f"{named.expression} of urlTemplate does not take {kind}, which args has for {named.name}: "
            f"write {{?{named.name}*}} or {{&{named.name}*}}"
        )
    if isinstance(value, list):
        return [_text(named, item) for item in value if item is not None]
    if isinstance(value, dict):
        return {_text(named, key): _text(named, item) for key, item in value.items() if item is not None}
    return _text(named, value)


def _text(named: _Named, value: Any) -> str:
    if isinstance(value, list | dict):
        raise BrokenInputError(
            f"{named.expression} of urlTemplate does not take a list or an object within another, which args has for "
            f"{named.name}: hand over texts, numbers, true or false"
        )
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BrokenInputError(f"what args has for {named.name}, which urlTemplate names, is not text") from error
    return text


def _check_path(template: str, url: str) -> None:
    """Whether each part of the path is one still, and none is left out."""
    written, sent = (_END_OF_PATH.split(each, maxsplit=1)[0].split("/") for each in (template, url))
    for before, after in zip(written, sent, strict=True):
        # However a server reads an encoded / or \, and what follows a ;.
        parts = (part.partition(";")[0] for part in re.split(r"[/\\]", unquote(after)))
        if any(part in (".", "..") for part in parts):
            would = f"would become {cut(unquote(after), _LONGEST_PART)!r}, which leads to another path"
        elif before and not after:
            would = "would be empty, which leads to another path"
        else:
            continue
        raise BrokenInputError(f"{cut(before, _LONGEST_PART)} in the path of urlTemplate {would}")
