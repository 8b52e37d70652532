"""An HTTP server that misbehaves as it is asked to, and a proxy, both on this machine and in threads."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

_LONGEST = 30.0


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    # Of which connection, counted from 0.
    connection: int


# What is done for one request; true if the connection stays.
Act = Callable[[socket.socket], bool]


def reply(status: int = 200, body: Any = None, **headers: str) -> Act:
    """A whole answer, JSON if it is no text."""
    raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()

    def act(sock: socket.socket) -> bool:
        sock.sendall(_head(status, {"Content-Length": str(len(raw)), **_named(headers)}) + raw)
        return True

    return act


def refuse(code: int, reason: str = "", message: str = "no", details: Any = None, **headers: str) -> Act:
    """A Status of the API server."""
    status = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details or {}}
    return reply(code, status, **headers)


def cut(sock: socket.socket) -> bool:
    """No answer, and the connection is closed."""
    return False


def cut_in_body(sock: socket.socket) -> bool:
    """Less than was promised."""
    sock.sendall(_head(200, {"Content-Length": "100"}) + b'{"half": ')
    return False


def drip(seconds: float) -> Act:
    """A body that comes byte by byte, for so long."""

    def act(sock: socket.socket) -> bool:
        sock.sendall(_head(200, {"Content-Length": "100000"}) + b"{")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sock.sendall(b" ")
            time.sleep(0.05)
        return False

    return act


def silence(seconds: float) -> Act:
    """No answer for so long."""

    def act(sock: socket.socket) -> bool:
        time.sleep(seconds)
        return False

    return act


def lines(*items: Any, end: bytes = b"", stay: float = 0.0, whole: bool = False) -> Act:
    """A stream of JSON lines; then what is cut in the middle. `whole`: the stream is ended as it should be."""

    def act(sock: socket.socket) -> bool:
        sock.sendall(_head(200, {"Transfer-Encoding": "chunked"}))
        for item in items:
            _chunk(sock, json.dumps(item).encode() + b"\n")
        if end:
            _chunk(sock, end)
        time.sleep(stay)
        if whole:
            sock.sendall(b"0\r\n\r\n")
        return whole

    return act


def _chunk(sock: socket.socket, raw: bytes) -> None:
    sock.sendall(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")


def _head(status: int, headers: dict[str, str]) -> bytes:
    named = {"Content-Type": "application/json", **headers}
    return "\r\n".join([f"HTTP/1.1 {status} X", *(f"{key}: {value}" for key, value in named.items()), "", ""]).encode()


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {key.replace("_", "-"): value for key, value in headers.items()}


_NO_HTTP = reply(400, b"this is no HTTP")


@dataclass
class BadServer:
    """Does the next of `acts` for each request; the last one over and over."""

    url: str = ""
    acts: list[Act] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    def take(self, seen: Seen) -> Act:
        """What to do for a request."""
        self.seen.append(seen)
        return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]

    @property
    def paths(self) -> list[str]:
        """What was asked for."""
        return [f"{each.method} {each.target}" for each in self.seen]


@contextmanager
def bad_server(tls: ssl.SSLContext | None = None) -> Iterator[BadServer]:
    """A server, on a port of its own."""
    server = BadServer()

    def serve(sock: socket.socket) -> None:
        number, server.connections = server.connections, server.connections + 1
        with suppress(OSError, ValueError):
            if tls is not None:
                sock = tls.wrap_socket(sock, server_side=True)
            file = sock.makefile("rb")
            while (seen := _read(file, number)) is not None:
                if not (server.take(seen) if seen.method else _NO_HTTP)(sock):
                    break
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    with _listening(serve) as port:
        server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        yield server


def _read(file: Any, connection: int) -> Seen | None:
    first = file.readline().decode(errors="replace").split()
    if not first:
        return None
    if not first[-1].startswith("HTTP/"):
        return Seen("", "", {}, b"", connection)
    headers: dict[str, str] = {}
    while (line := file.readline().decode().strip()) != "":
        key, _, value = line.partition(": ")
        known = headers.get(key.lower())
        headers[key.lower()] = value if known is None else f"{known},{value}"
    return Seen(first[0], first[1], headers, file.read(int(headers.get("content-length", "0"))), connection)


@contextmanager
def proxy() -> Iterator[BadServer]:
    """A proxy that makes tunnels (CONNECT) and passes on requests with whole URLs."""
    known = BadServer()

    def serve(sock: socket.socket) -> None:
        with suppress(OSError, ValueError):
            first = _read(sock.makefile("rb", buffering=0), 0)
            if first is not None:
                known.seen.append(first)
                _pass_on(first, sock)
        sock.close()

    with _listening(serve) as port:
        known.url = f"http://127.0.0.1:{port}"
        yield known


def _pass_on(first: Seen, sock: socket.socket) -> None:
    whole = first.target.removeprefix("http://")
    host, _, port = whole.partition("/")[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=_LONGEST) as other:
        if first.method == "CONNECT":
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            head = [f"{first.method} /{whole.partition('/')[2]} HTTP/1.1"]
            head += [f"{key}: {value}" for key, value in first.headers.items()]
            other.sendall("\r\n".join([*head, "", ""]).encode() + first.body)
        back = threading.Thread(target=_copy, args=(other, sock), daemon=True)
        back.start()
        _copy(sock, other)
        back.join(_LONGEST)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while raw := source.recv(65_536):
            target.sendall(raw)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def _listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(_LONGEST)
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(_LONGEST)
