"""Why there is no answer, for people."""

import http.client
import socket
import ssl

from urllib3 import exceptions

CONNECT_SECONDS = 30.0


def message_for(error: Exception, place: str) -> str:
    """What happened between us and the server at host:port."""
    causes = _causes(error)
    for cause in causes:
        words = _known(cause, place)
        if words is not None:
            return words
    if any(isinstance(cause, exceptions.NewConnectionError) for cause in causes):
        return f"no connection to {place}: {_system_words(causes)}"
    return f"the connection to {place} broke: {_system_words(causes)}"


def _causes(error: BaseException) -> list[BaseException]:
    """The errors within an error, the innermost first: that says most."""
    causes: list[BaseException] = []
    left: list[object] = [error]
    while left:
        one = left.pop()
        if isinstance(one, BaseException) and one not in causes:
            causes.append(one)
            # urllib3 hands some on as arguments, and others as causes.
            left += (*one.args, one.__cause__, one.__context__)
    return causes[::-1]


def _known(error: BaseException, place: str) -> str | None:
    match error:
        case exceptions.LocationParseError():
            return f"no such host: {place.rpartition(':')[0]} can be no host's name"
        case socket.gaierror():
            return _no_address(error, place)
        case ssl.SSLCertVerificationError():
            return f"the certificate of {place} is not valid: {error.verify_message or error.reason}"
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return f"no TLS connection with {place}: it closed the connection"
        case ssl.SSLError():
            reason = (error.reason or "it does not speak TLS").replace("_", " ").lower()
            return f"no TLS connection with {place}: {reason}"
        case ConnectionRefusedError():
            return f"connection refused by {place}"
        case http.client.RemoteDisconnected():
            return f"{place} closed the connection without an answer"
        case ConnectionResetError() | BrokenPipeError():
            return f"{place} broke the connection"
        case http.client.IncompleteRead():
            return f"{place} broke the connection within its answer"
        case http.client.BadStatusLine() | http.client.LineTooLong() | exceptions.InvalidChunkLength():
            return f"what {place} answers is not HTTP"
        case exceptions.ConnectTimeoutError() if not isinstance(error, exceptions.NewConnectionError):
            return f"timed out: no connection to {place} within {CONNECT_SECONDS:.0f} s"
        case exceptions.ReadTimeoutError():
            return f"timed out: {place} does not answer any more"
    return None


def _no_address(error: socket.gaierror, place: str) -> str:
    host = place.rpartition(":")[0]
    if error.errno == socket.EAI_AGAIN:
        return f"the name {host} cannot be looked up: {error.strerror} (for {place})"
    return f"no such host: {host} (for {place})"


def _system_words(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return type(causes[0]).__name__
