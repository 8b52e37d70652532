"""The URL of a call as a template over args (RFC 6570): which templates are served, and what is wrong with others.

Served are {a}, whose value is encoded whatever is in it, and {?a} and {&a}, which write its name too, and with * take
lists and objects; all of them after the host alone. Who may only start runs does so with args of their own, and must
not choose where a Secret is sent.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from crontask.api.base import cut
from crontask.api.expressions import EXPRESSION, stray_brace
from crontask.api.problem import Problem
from crontask.api.validate_call import CREDENTIALS_IN_URL, SCHEME, url_parts
from crontask.api.written import shown

EXAMPLE = "https://example.com/orders/{id}"

# The forms, for CEL and Python both; the runner, which imports nothing of the operator, has FORM again.
_NAME = "[A-Za-z0-9_]+"
_VALUES = f"[{{]{_NAME}(,{_NAME})*[}}]"
_PARAMETERS = f"{_NAME}[*]?(,{_NAME}[*]?)*[}}]"
_ENCODED = "%[0-9A-Fa-f]{2}"
CREDENTIALS = f"^{SCHEME}[^/?#{{}}]*@"
HOST = rf"{SCHEME}[^/?#{{}}@%\\ ]+"
AFTER_HOST = "([/?#]|[{][?]|$)"
FORM = (
    f"{HOST}(/([^?#{{}}% ]|{_ENCODED}|{_VALUES})*)?"
    f"([?]([^#{{}}% ]|{_ENCODED}|{_VALUES}|[{{]&{_PARAMETERS})*|[{{][?]{_PARAMETERS}([{{]&{_PARAMETERS})*)?"
    "(#[^{} ]*)?"
)
# What no encoding hides: whoever reads the URL takes it for the way up.
_SEPARATOR = r"/|\\|%2[Ff]|%5[Cc]"
DOTS = f"^[^?#]*({_SEPARATOR})([.]|%2[Ee]){{1,2}}({_SEPARATOR}|;|%3[Bb]|[?#]|[{{][?]|$)"

_HOST = re.compile(HOST + AFTER_HOST)
_UP_TO_HOST = re.compile(r"(([^/?#]*//)?[^/?#]*).*", re.DOTALL)
_REST = re.compile(r"\{[?][^{}]*\}(.*)", re.DOTALL)
_ENDING = re.compile(r"(\{&[^{}]*\})*(#.*)?", re.DOTALL)
_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
# What to write instead of an operator that is not served.
_INSTEAD = {"+": "{{{0}}}", "#": "{{{0}}}", "/": "/{{{0}}}", ".": ".{{{0}}}", ";": ";{0}={{{0}}}"}
_OPERATORS = "".join(_INSTEAD)
_LONGEST_SHOWN = 60
_ANY = "write it like {id}, {?id} or {&id}"

Wrong = tuple[str, str]


class Named(NamedTuple):
    """A name in a template, the expression in which it stands, and whether * follows it."""

    expression: str
    name: str
    explode: bool


def names_in(template: str) -> Iterator[Named]:
    """What the expressions of a good template name."""
    for match in EXPRESSION.finditer(template):
        for name in match[1].lstrip("?&").split(","):
            yield Named(match[0], name.removesuffix("*"), name.endswith("*"))


def url_template_problems(template: str, path: str) -> Iterator[Problem]:
    """What is wrong with it: one thing at a time, since what follows is read by what comes before."""
    for check in (_host_wrong, _braces_wrong, _expressions_wrong, _text_wrong):
        wrong = check(template)
        if wrong is not None:
            yield Problem(path, *wrong)
            return


def _host_wrong(template: str) -> Wrong | None:
    if re.match(CREDENTIALS, template):
        return CREDENTIALS_IN_URL
    match = _HOST.match(template)
    if match is None and "{" in _UP_TO_HOST.sub(r"\1", template):
        message = "has an expression in or before the host: who may only start runs would choose where the call goes"
        return message, f"write scheme, host and port as they are, like {EXAMPLE}"
    parts = url_parts(match[0].rstrip("/?#{")) if match is not None else None
    if parts is None or not parts.hostname or not template.isprintable():
        return f"{shown(template)} is not the template of a URL", f"write it like {EXAMPLE}"
    return None


def _braces_wrong(template: str) -> Wrong | None:
    if "{{" in template:
        return "has two braces where one is meant", "write it like {id}"
    return stray_brace(template)


def _expressions_wrong(template: str) -> Wrong | None:
    for match in EXPRESSION.finditer(template):
        before = template[: match.start()]
        wrong = _inside_wrong(match[1]) or _position_wrong(match[1], before)
        if wrong is not None:
            return f"has {cut(match[0], _LONGEST_SHOWN)}{wrong[0]}", wrong[1]
    rest = _REST.search(template)
    if rest is not None and not _ENDING.fullmatch(rest[1]):
        return "goes on after its {?…}", "write what is fixed before it, like ?page=1{&id}"
    return None


def _inside_wrong(inside: str) -> Wrong | None:
    operator = inside[:1] if inside[:1] in ("?", "&") else ""
    names = inside.removeprefix(operator).split(",")
    if inside[:1] and inside[0] in _OPERATORS:
        return _operator_wrong(inside[0], inside[1:])
    for name in names:
        bare = name.removesuffix("*")
        if re.fullmatch(rf"{_NAME}:[0-9]+", bare):
            return ": a part of a value is not served", f"write {{{operator}{bare.partition(':')[0]}}}"
        if not re.fullmatch(_NAME, bare):
            meant = bare.strip().removeprefix("args.")
            fix = f"write {{{operator}{meant}}}" if re.fullmatch(_NAME, meant) else _ANY
            if re.fullmatch(r"\w+([.-]\w+)+", meant, re.ASCII):
                fix = f"rename the arg, and write {{{operator}{re.sub('[.-]', '_', meant)}}}"
            return ": the names in a template are of letters, digits and _", fix
        if bare != name and not operator:
            return ": * goes with {?…} and {&…} only", f"write {{{bare}}}, {{?{bare}*}} or {{&{bare}*}}"
    return None


def _operator_wrong(operator: str, name: str) -> Wrong:
    fix = f"write {_INSTEAD[operator].format(name)}" if re.fullmatch(_NAME, name) else _ANY
    return ", whose operator is not served: only ? and & are", fix


def _position_wrong(inside: str, before: str) -> Wrong | None:
    fixed = EXPRESSION.sub("", before)
    asked = "?" in fixed or "{?" in before
    if "#" in fixed:
        return " after a #, which is never sent", "remove it"
    if inside.startswith("?") and asked:
        return " after a ?", f"write {{&{inside[1:]}}}"
    if inside.startswith("&") and not asked:
        return " without a ? before it", f"write {{?{inside[1:]}}}"
    return None


def _text_wrong(template: str) -> Wrong | None:
    if " " in template:
        return "has a space in it", "write it as %20"
    if _PERCENT.search(template.partition("#")[0]):
        return "has a % that encodes nothing", "write it as %25"
    if re.search(DOTS, template):
        return "has . or .. as a part of its path", "write the path that is meant"
    return None
