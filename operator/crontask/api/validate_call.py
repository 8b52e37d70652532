"""The validation of the handlers that need no image: http and python.

What few handlers need is loaded with the first that does: the command line validates one, and ends.
"""

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from crontask.api.problem import Problem
from crontask.api.python_source import SourceError, check_source
from crontask.api.simple_handler import Header, Http, Python
from crontask.api.written import shown

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CREDENTIALS_IN_URL = (
    "has a name or a password in it, which everybody would see who may read the task",
    "write an Authorization header with valueFrom.secretKeyRef",
)
ONE_URL = "exactly one of url and urlTemplate must be set"
# As RFC 3986 has it: in letters of any case.
SCHEME = "[Hh][Tt][Tt][Pp][Ss]?://"
METHOD = "[A-Z]+"
FUNCTION = r"[A-Za-z_][A-Za-z0-9_]*"
MODULE_FUNCTION = rf"{FUNCTION}(\.{FUNCTION})*:{FUNCTION}"


def http_problems(http: Http, path: str) -> Iterator[Problem]:
    """Everything that is wrong with a call."""
    if (http.url is None) == (http.url_template is None):
        yield Problem(path, ONE_URL, "set one of them")
    if http.url is not None:
        yield from _url_problems(http.url, f"{path}.url")
    if http.url_template is not None:
        from crontask.api.url_template import url_template_problems

        yield from url_template_problems(http.url_template, f"{path}.urlTemplate")
    if not re.fullmatch(METHOD, http.method):
        yield Problem(f"{path}.method", f"{shown(http.method)} is not an HTTP method", "write it like GET or POST")
    for index, header in enumerate(http.headers):
        yield from _header_problems(header, f"{path}.headers[{index}]")
    if http.expect is not None and http.expect.json_path is not None:
        yield from _json_path_problems(http.expect.json_path, f"{path}.expect.jsonPath")
    if http.ca_bundle is not None:
        yield from _certificate_problems(http.ca_bundle, f"{path}.caBundle")


def _json_path_problems(text: str, path: str) -> Iterator[Problem]:
    from jsonpath import JSONPathEnvironment, JSONPathError

    fix = "write it like $.id"
    if not text.startswith("$"):
        yield Problem(path, "is not a JSONPath: it does not begin with $", fix)
        return
    try:
        JSONPathEnvironment(strict=True).compile(text)
    except JSONPathError as error:
        yield Problem(path, f"is not a JSONPath: {str(error).splitlines()[0]}", fix)


def _url_problems(url: str, path: str) -> Iterator[Problem]:
    parts = url_parts(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable():
        yield Problem(path, f"{shown(url)} is not a valid URL", "write it like https://example.com/path")
    elif " " in url:
        yield Problem(path, "has a space in it", "write it as %20")
    elif parts.username is not None or parts.password is not None:
        yield Problem(path, *CREDENTIALS_IN_URL)


def url_parts(url: str) -> SplitResult | None:
    """The parts of a URL, None if there are none to be had."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _header_problems(header: Header, path: str) -> Iterator[Problem]:
    if not _TOKEN.fullmatch(header.name):
        yield Problem(f"{path}.name", f"{shown(header.name)} is not a valid header name", "write it like X-Token")
    if (header.value is None) == (header.value_from is None):
        yield Problem(path, "exactly one of value and valueFrom must be set", "set one of them")
    if header.value is not None and not _is_header_value(header.value):
        yield Problem(f"{path}.value", "has a line break or another control character", "write it on one line")


def _is_header_value(value: str) -> bool:
    return all(character == "\t" or (character >= " " and character != "\x7f") for character in value)


def _certificate_problems(bundle: str, path: str) -> Iterator[Problem]:
    import ssl

    try:
        ssl.create_default_context(cadata=bundle)
    except (ssl.SSLError, ValueError, TypeError):
        # TypeError: of letters that PEM does not have.
        yield Problem(path, "has no certificate that can be read", "write PEM, from -----BEGIN CERTIFICATE-----")


def python_problems(python: Python, path: str) -> Iterator[Problem]:
    """Everything that is wrong with a few lines of Python."""
    given = [code for code in (python.source, python.config_map_key_ref) if code is not None]
    if len(given) > 1:
        yield Problem(path, "source and configMapKeyRef are both set", "keep one of them")
    elif not given and python.image is None:
        yield Problem(path, "there is no code", "write source or configMapKeyRef, or name an image that has it")
    elif not given:
        if not re.fullmatch(MODULE_FUNCTION, python.entrypoint):
            message = f"{shown(python.entrypoint)} does not name a function of the image"
            yield Problem(f"{path}.entrypoint", message, "write it like package.module:function")
    elif not re.fullmatch(FUNCTION, python.entrypoint):
        yield Problem(
            f"{path}.entrypoint", f"{shown(python.entrypoint)} is not a function name", "write it like handler"
        )
    elif python.source is not None and python.image is None:
        # Another image may have another Python, with keywords that ours does not know.
        try:
            check_source(python.source, python.entrypoint)
        except SourceError as error:
            yield Problem(f"{path}.source", str(error), error.fix)
    if python.image == "":
        yield Problem(f"{path}.image", "is empty", "leave it out, or name an image")
