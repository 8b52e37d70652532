"""What an http handler asks for: the request to send, and what is to be answered."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crontask.runner.given import BrokenInputError, Given
from crontask.runner.url_template import expand_url

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUS = re.compile(r"[1-5](xx|[0-9][0-9])")
_WITH_ARGS = ("POST", "PUT", "PATCH")


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `private`: the names, in lower case, of the headers that no other host may see."""

    url: str
    method: str
    headers: tuple[tuple[str, str], ...]
    private: frozenset[str]
    secrets: tuple[str, ...]
    body: bytes | None
    statuses: tuple[str, ...]
    json_path: str | None
    ca_bundle: str | None

    def wants(self, status: int) -> bool:
        """Whether a status is one of those that are a success."""
        return any(wanted in (str(status), f"{status // 100}xx") for wanted in self.statuses)


def read_request(given: Given, environ: Mapping[str, str]) -> Request:
    """Raises BrokenInputError."""
    handler = given.handler
    expect = handler.get("expect") or {}
    if not isinstance(expect, dict):
        raise BrokenInputError("expect in CRONTASK_HANDLER has to be an object")
    method = _text(handler, "method")
    if method is None or not _TOKEN.fullmatch(method):
        raise BrokenInputError("CRONTASK_HANDLER has no method that is one")
    url = _url(given)
    theirs, secret_names, secrets = _headers(handler, environ)
    body, ours = _body(given, method, _text(handler, "body"))
    present = {name.lower() for name, _ in theirs}
    added = {**_own_headers(given), **ours}
    return Request(
        url=url,
        method=method.upper(),
        headers=(*theirs, *((name, value) for name, value in added.items() if name.lower() not in present)),
        private=frozenset({"authorization", "cookie", "proxy-authorization", "host", *secret_names}),
        secrets=tuple(secrets),
        body=body,
        statuses=_statuses(expect),
        json_path=_text(expect, "jsonPath"),
        ca_bundle=_text(handler, "caBundle"),
    )


def _url(given: Given) -> str:
    template = _text(given.handler, "urlTemplate")
    url = _text(given.handler, "url")
    if template is not None:
        if url is not None:
            raise BrokenInputError("CRONTASK_HANDLER has url and urlTemplate, and must have one of them")
        return expand_url(template, given.args)
    if url is None or not url.lower().startswith(("http://", "https://")):
        raise BrokenInputError("the url in CRONTASK_HANDLER has to begin with http:// or https://")
    return url


def _text(document: Mapping[str, Any], key: str) -> str | None:
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise BrokenInputError(f"{key} in CRONTASK_HANDLER has to be text")
    return value


def _headers(
    handler: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[list[tuple[str, str]], set[str], list[str]]:
    """The user's headers, which of them are secret, and the secrets."""
    headers, names, secrets = [], set(), []
    given = handler.get("headers") or []
    if not isinstance(given, list) or not all(isinstance(header, dict) for header in given):
        raise BrokenInputError("headers in CRONTASK_HANDLER has to be a list of objects")
    for header in given:
        name, variable = _text(header, "name"), _text(header, "env")
        if name is None or not _TOKEN.fullmatch(name):
            raise BrokenInputError(f"{str(name)[:80]!r} can be no header's name")
        value = _text(header, "value") if variable is None else environ.get(variable)
        if value is None:
            where = f"the variable {variable}, which is to hold it, is missing" if variable else "it has no value"
            raise BrokenInputError(f"the header {name} cannot be sent: {where}")
        if variable is not None:
            names.add(name.lower())
            secrets.append(value)
        headers.append((name, _sendable(name, value)))
    return headers, names, secrets


def _sendable(name: str, value: str) -> str:
    """The value without space around it, which is none of it; secrets often end with a line break."""
    value = value.strip()
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        # Without the value: it may be a secret.
        raise BrokenInputError(f"the header {name} cannot be sent: its value has a line break or a control character")
    try:
        # http.client writes Latin-1; so this is UTF-8 on the wire.
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError as error:
        raise BrokenInputError(f"the header {name} cannot be sent: its value is not text") from error


def _own_headers(given: Given) -> dict[str, str]:
    headers = {
        "User-Agent": "crontask-runner",
        "Idempotency-Key": given.idempotency_key,
        "Crontask-Task": given.task,
        "Crontask-Run": given.run,
        "Crontask-Attempt": str(given.attempt),
        "Crontask-Scheduled-Time": given.scheduled_text,
    }
    return {name: _sendable(name, value) for name, value in headers.items() if value}


def _body(given: Given, method: str, text: str | None) -> tuple[bytes | None, dict[str, str]]:
    """The body, and the header that it needs."""
    if text is not None:
        return text.encode("utf-8", "replace"), {}
    if method.upper() not in _WITH_ARGS:
        return None, {}
    return json.dumps(given.args).encode(), {"Content-Type": "application/json"}


def _statuses(expect: Mapping[str, Any]) -> tuple[str, ...]:
    statuses = expect.get("status") or ["2xx"]
    if not isinstance(statuses, list) or not all(isinstance(one, str) and _STATUS.fullmatch(one) for one in statuses):
        raise BrokenInputError("expect.status in CRONTASK_HANDLER has to be a list such as 2xx or 404")
    return tuple(statuses)
