"""Sends the request of an http handler, follows redirects, and reads what is answered."""

import logging
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

import urllib3
from urllib3.util import Url, parse_url

from crontask.runner.answer import Answer, compile_path, judge
from crontask.runner.given import BrokenInputError, Given
from crontask.runner.log import JsonFormatter
from crontask.runner.message import ANSWER_OTHER, NO_ANSWER, Report
from crontask.runner.redact import Redactor
from crontask.runner.request import Request, read_request
from crontask.runner.trouble import CONNECT_SECONDS, message_for

MOST_REDIRECTS = 5
LONGEST_ANSWER = 1024 * 1024
_CHUNK = 65_536
# Only the run's timeout limits how long an answer takes; these find out within two minutes that the other side is dead.
_SOCKET_OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
]
_log = logging.getLogger("crontask.runner")


class NoAnswerError(Exception):
    """The request was not answered; the text says why."""


class BadAnswerError(Exception):
    """What was answered cannot be worked with, as a redirect that is not followed; the text says why."""


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request on the way: the next one differs by what a redirect changes."""

    url: Url
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None

    @property
    def place(self) -> str:
        return f"{self.url.host}:{self.port}"

    @property
    def port(self) -> int:
        return self.url.port or (443 if self.url.scheme == "https" else 80)

    @property
    def origin(self) -> tuple[str | None, str | None, int]:
        return self.url.scheme, self.url.host, self.port


def call(given: Given, environ: Mapping[str, str], formatter: JsonFormatter) -> Report:
    """The report of the request. Raises BrokenInputError if none can be sent."""
    request = read_request(given, environ)
    redactor = Redactor(request.secrets)
    formatter.clean = redactor.clean
    path = compile_path(request.json_path)
    first = _Hop(_parsed(request.url), request.method, request.headers, request.body)
    try:
        answer = _follow(first, request, redactor, make_manager(request.ca_bundle))
    except NoAnswerError as error:
        return Report("failed", NO_ANSWER, redactor.clean(str(error)))
    except BadAnswerError as error:
        return Report("failed", ANSWER_OTHER, redactor.clean(str(error)))
    return judge(answer, request, path, redactor)


def make_manager(ca_bundle: str | None) -> urllib3.PoolManager:
    """Connections as we want them; TLS is verified by the CAs given, or by those of the system."""
    # Between certificates a bundle may have comments, in any language; ssl takes ASCII alone.
    bundle = ca_bundle.encode("ascii", "replace").decode() if ca_bundle else None
    try:
        context = ssl.create_default_context(cadata=bundle) if bundle else None
    except (ssl.SSLError, ValueError) as error:
        raise BrokenInputError(f"the caBundle in CRONTASK_HANDLER is not a PEM certificate: {error}") from error
    return urllib3.PoolManager(
        retries=False,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=None),
        socket_options=_SOCKET_OPTIONS,
        ssl_context=context,
    )


def _parsed(url: str) -> Url:
    try:
        parsed = parse_url(url)
    except urllib3.exceptions.LocationParseError as error:
        raise BrokenInputError("the url in CRONTASK_HANDLER cannot be read") from error
    if not parsed.host:
        raise BrokenInputError("the url in CRONTASK_HANDLER has no host")
    return parsed


def _follow(hop: _Hop, request: Request, redactor: Redactor, manager: urllib3.PoolManager) -> Answer:
    for _ in range(MOST_REDIRECTS + 1):
        response = _send(hop, manager)
        location = response.get_redirect_location()
        # A redirect that is wanted as the answer is the answer.
        if not location or request.wants(response.status):
            return _read(response, hop, redactor)
        response.close()
        hop = _next_hop(hop, location, response.status, request.private)
        _log.info("redirected", extra={"status": response.status, "to": hop.place})
    raise BadAnswerError(f"too many redirects: more than {MOST_REDIRECTS}, the last one to {hop.place}")


def _send(hop: _Hop, manager: urllib3.PoolManager) -> urllib3.BaseHTTPResponse:
    headers = urllib3.HTTPHeaderDict()
    for name, value in hop.headers:
        headers.add(name, value)
    try:
        return manager.urlopen(
            hop.method, hop.url.url, headers=headers, body=hop.body, redirect=False, preload_content=False
        )
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise NoAnswerError(message_for(error, hop.place)) from error


def _next_hop(hop: _Hop, location: str, status: int, private: frozenset[str]) -> _Hop:
    try:
        url = parse_url(urljoin(hop.url.url, location))
    except (urllib3.exceptions.LocationParseError, ValueError) as error:
        raise BadAnswerError(f"{hop.place} redirects to something that is not a valid URL") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadAnswerError(f"{hop.place} redirects to a URL that is not http or https")
    new = _Hop(url, hop.method, hop.headers, hop.body)
    if hop.url.scheme == "https" and url.scheme == "http":
        raise BadAnswerError(f"{hop.place} redirects from https to http, to {new.place}: that is not followed")
    if new.origin != hop.origin:
        new = _Hop(url, hop.method, _without(hop.headers, private), hop.body)
    if status == 303 and hop.method != "HEAD":
        content = frozenset(name.lower() for name, _ in hop.headers if name.lower().startswith("content-"))
        new = _Hop(url, "GET", _without(new.headers, content | {"transfer-encoding"}), None)
    return new


def _without(headers: tuple[tuple[str, str], ...], names: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers if name.lower() not in names)


def _read(response: urllib3.BaseHTTPResponse, hop: _Hop, redactor: Redactor) -> Answer:
    """As much of the answer as is kept."""
    body = bytearray()
    try:
        for chunk in response.stream(_CHUNK):
            body += chunk
            if len(body) > LONGEST_ANSWER:
                break
    except urllib3.exceptions.DecodeError as error:
        raise BadAnswerError(f"the answer of {hop.place} cannot be unpacked: {error.args[0]}") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise NoAnswerError(message_for(error, hop.place)) from error
    finally:
        response.close()
    return Answer(
        status=response.status,
        reason=redactor.clean(response.reason or ""),
        content_type=response.headers.get("Content-Type", ""),
        body=bytes(body[:LONGEST_ANSWER]),
        cut_short=len(body) > LONGEST_ANSWER,
    )
