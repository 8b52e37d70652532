"""What a connection that failed means, in a message: both transports make it of what lies at the bottom of an error."""

import os

from crontask.client import errors
from crontask.client.access import Access
from crontask.client.errors import Asked

# Idle connections are probed, so that one whose other end is gone is not listened to for ever.
_IDLE, _EVERY, _PROBES = 30, 10, 3


def unreachable(asked: Asked, access: Access, error: BaseException, *, sent: bool) -> errors.Unreachable:
    """The error of a connection that was not made, or was cut."""
    import socket
    import ssl

    deepest = _deepest(error)
    by_proxy = f" (by the proxy {_without_password(access.proxy)})" if access.proxy else ""
    at = f"{access.server}{by_proxy}"
    if isinstance(deepest, ssl.SSLCertVerificationError):
        instead = "check certificate-authority, and tls-server-name, of the cluster" if access.context else ""
        text = f"{at}: its certificate is not trusted: {deepest.verify_message}"
        text = f"{text}; {instead} in {access.where}" if instead else text
        return errors.Unreachable(asked, text, sent=False, passing=False)
    if isinstance(deepest, ssl.SSLError) and deepest.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        text = f"{at}: it does not speak TLS; write server: http://… in {access.where} if that is meant"
        return errors.Unreachable(asked, text, sent=False, passing=False)
    if isinstance(deepest, socket.gaierror):
        return errors.Unreachable(asked, f"{at}: no such host ({deepest.strerror})", sent=sent)
    if isinstance(deepest, OSError) and not isinstance(deepest, ssl.SSLError) and deepest.errno:
        # asyncio has put its own text in place of the system's.
        return errors.Unreachable(asked, f"{at}: {os.strerror(deepest.errno).lower()}", sent=sent)
    return errors.Unreachable(asked, f"{at}: {str(deepest) or type(deepest).__name__}", sent=sent)


def silent(asked: Asked, access: Access, seconds: float | None) -> errors.Unreachable:
    """The error of a stream of which nothing is heard any more. `seconds`: None if the system has found it dead."""
    heard = "" if seconds is None else f": nothing was heard for {seconds:g} s"
    text = f"{access.server}: the connection is dead{heard}"
    return errors.Unreachable(asked, text, sent=True)


def keep_alive() -> list[tuple[int, int, int]]:
    """Options of a socket that is probed while it is idle."""
    import socket

    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    named = (("TCP_KEEPIDLE", _IDLE), ("TCP_KEEPINTVL", _EVERY), ("TCP_KEEPCNT", _PROBES))
    for name, value in named:
        # Not every system has all of them.
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


def _deepest(error: BaseException) -> BaseException:
    """What the libraries have wrapped."""
    while True:
        within = error.__cause__ or error.__context__
        if within is None or (isinstance(error, OSError) and error.strerror and not isinstance(within, OSError)):
            return error
        error = within


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
