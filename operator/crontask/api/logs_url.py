"""Where a run's log can be read when its pod is gone, as a template (RFC 6570): what may stand in it, what is wrong.

Served are {a}, {?a} and {&a}, which encode whatever is in a value, in what comes after the host; so who names a run, or
writes its args, says nothing about where the link leads.
"""

import re
from collections.abc import Iterator

from crontask.api.base import cut
from crontask.api.expressions import EXPRESSION, stray_brace
from crontask.api.problem import Problem
from crontask.api.written import one_of, shown

VARIABLES = ("namespace", "run", "pod", "start", "end", "startMillis", "endMillis")
LONGEST_TEMPLATE = 2048
LONGEST_URL = 4096
"""Of what becomes of a template, whatever the names are."""
WRITTEN = "^https?://[!-~]+$"
"""The form of what becomes of it: printable ASCII, so that nothing in it speaks to a terminal or ends an attribute."""

_NAMES = f"({'|'.join(VARIABLES)})(,({'|'.join(VARIABLES)}))*"
_ENCODED = "%[0-9A-Fa-f]{2}"
# What RFC 3986 lets stand there.
_IN_PATH = r"A-Za-z0-9._~:/@!$&'()*+,;=\-"
# A browser takes no longer label of a host, and no higher port.
_LABEL = "[A-Za-z0-9-]{1,63}"
_PORT = "[0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_HOST = rf"https?://({_LABEL}([.]{_LABEL})*|\[[0-9A-Fa-f:.]+\])(:({_PORT}))?"
FORM = (
    f"{_HOST}(/([{_IN_PATH}]|{_ENCODED}|[{{]{_NAMES}[}}])*)?"
    f"(([?]|[{{][?]{_NAMES}[}}])([{_IN_PATH}?]|{_ENCODED}|[{{]&?{_NAMES}[}}])*)?"
    f"(#([{_IN_PATH}?]|{_ENCODED}|[{{]{_NAMES}[}}])*)?"
)
"""All of it but what stands between the brackets of an IPv6 address. The chart has it again, to say so at once."""

_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_LONGEST_VALUE = 63
_LONGEST_SHOWN = 60
_EXAMPLE = "https://logs.example.com/search?pod={pod}&from={start}&to={end}"
# How other tools, and other objects, call them.
_ALSO = {
    "ns": "namespace",
    "name": "run",
    "runname": "run",
    "job": "run",
    "podname": "pod",
    "from": "start",
    "begin": "start",
    "starttime": "start",
    "to": "end",
    "stop": "end",
    "until": "end",
    "endtime": "end",
    "completiontime": "end",
    "startms": "startMillis",
    "endms": "endMillis",
}
_OPERATORS = "+#/.;|!@=,*$"

_Wrong = tuple[str, str]


def logs_url_problem(template: str, path: str) -> Problem | None:
    """What is wrong with it: one thing at a time, since what follows is read by what comes before."""
    for check in (_size_wrong, _host_wrong, _expressions_wrong, stray_brace, _text_wrong, _position_wrong):
        wrong = check(template)
        if wrong is not None:
            return Problem(path, *wrong)
    return None


def names_in(template: str) -> Iterator[str]:
    """The variables that a good template names, in their order, each as often as it stands there."""
    for match in EXPRESSION.finditer(template):
        yield from match[1].lstrip("?&").split(",")


def _size_wrong(template: str) -> _Wrong | None:
    if len(template) > LONGEST_TEMPLATE:
        return f"has {len(template):,} characters, and {LONGEST_TEMPLATE:,} is the most", "write a shorter query"
    # Each with its own name before it, as {?a} has it.
    longest = len(template) + sum(len(name) + _LONGEST_VALUE + 2 for name in names_in(template))
    if longest > LONGEST_URL:
        message = f"could become a URL of {longest:,} characters, and {LONGEST_URL:,} is the most"
        return message, "name its variables less often"
    return None


def _host_wrong(template: str) -> _Wrong | None:
    scheme, colon, rest = template.partition("://")
    if not colon or scheme not in ("http", "https"):
        return f"{shown(template)} does not begin with https:// or http://", f"write it like {_EXAMPLE}"
    host = re.match("[^/?#]*", rest)
    place = host[0] if host is not None else ""
    if "@" in place:
        return "has a name or a password before its host, which everybody would see who reads a run", "remove it"
    found = re.match(rf"{_HOST}(?=[/?#]|[{{][?]|$)", template)
    if found is not None and (found[1][0] != "[" or _is_ipv6(found[1][1:-1])):
        return None
    if "{" in place:
        return "has an expression in its host", f"write the host as it is, and / after it, like {_EXAMPLE}"
    message = f"has {shown(place)} for a host" if place else "has no host"
    return message, "write it of a-z, 0-9, - and ., and a port after it if there is one, like logs.example.com:8443"


def _is_ipv6(text: str) -> bool:
    from ipaddress import AddressValueError, IPv6Address

    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _expressions_wrong(template: str) -> _Wrong | None:
    for match in EXPRESSION.finditer(template):
        wrong = _inside_wrong(match[1])
        if wrong is not None:
            return f"has {cut(match[0], _LONGEST_SHOWN)}{wrong[0]}", wrong[1]
    return None


def _inside_wrong(inside: str) -> _Wrong | None:
    operator = inside[:1] if inside[:1] in ("?", "&") else ""
    if inside[:1] and inside[0] in _OPERATORS:
        names = inside[1:] if set(inside[1:].split(",")) <= set(VARIABLES) else ""
        return ", whose operator is not served: only ? and & are", f"write {f'{{{names}}}' if names else _listed()}"
    for name in inside.removeprefix(operator).split(","):
        if name in VARIABLES:
            continue
        bare = re.sub(r"([*]|:[0-9]+)$", "", name)
        if bare in VARIABLES:
            return ": each variable is one text, which is written as a whole", f"write {{{operator}{bare}}}"
        if not re.fullmatch(r"\s*[\w.-]+\s*", name):
            return ", which names no variable", f"write {_listed()}; for the braces themselves %7B and %7D"
        near = _nearest(name.strip())
        fix = f"write {{{operator}{near}}}, or another of {_listed()}" if near else f"write {_listed()}"
        return ": there is no such variable", fix
    return None


def _nearest(name: str) -> str | None:
    from difflib import get_close_matches

    plain = re.sub("[^a-z]", "", name.lower())
    lower = {known.lower(): known for known in VARIABLES}
    if plain in lower or plain in _ALSO:
        return lower.get(plain) or _ALSO[plain]
    near = get_close_matches(plain, [*lower, *_ALSO], n=1, cutoff=0.6)
    return (lower.get(near[0]) or _ALSO[near[0]]) if near else None


def _listed() -> str:
    return one_of([f"{{{name}}}" for name in VARIABLES])


def _text_wrong(template: str) -> _Wrong | None:
    text = EXPRESSION.sub("", re.sub(f"^{_HOST}", "", template))
    wrong = re.search(f"[^{_IN_PATH}?#%]", text)
    if wrong is not None:
        encoded = "".join(f"%{byte:02X}" for byte in wrong[0].encode(errors="replace"))
        return f"has {wrong[0]!r} in it, which no URL may have", f"write it as {encoded}"
    if _PERCENT.search(template):
        return "has a % that encodes nothing", "write it as %25"
    if text.count("#") > 1:
        return "has a second #", "write it as %23"
    return None


def _position_wrong(template: str) -> _Wrong | None:
    for match in EXPRESSION.finditer(template):
        before, inside = template[: match.start()], match[1]
        names = inside.lstrip("?&")
        asked = "?" in EXPRESSION.sub("", before) or "{?" in before
        plain = "&".join(f"{name}={{{name}}}" for name in names.split(","))
        if "#" in before and inside[0] in "?&":
            return f"has {match[0]} after a #", f"write {plain}"
        if inside.startswith("?") and asked:
            return f"has {match[0]} after a ?", f"write {{&{names}}}"
        if inside.startswith("&") and not asked:
            return f"has {match[0]} without a ? before it", f"write {{?{names}}}"
    return None
