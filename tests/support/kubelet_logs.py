"""A kubelet's log endpoint, so that an API server has logs to hand out: a node, and what its containers wrote."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from certificates import self_signed

from cluster.control_plane import ControlPlane

NODE = "log-node"


class LogNode:
    """What containers wrote, by pod and container; `default`: of other pods, by what is part of their names."""

    def __init__(self) -> None:
        self.written: dict[tuple[str, str], list[str]] = {}
        self.default: dict[str, list[str]] = {}
        self.closed = threading.Event()


@contextmanager
def log_node(control_plane: ControlPlane, folder: Path) -> Iterator[LogNode]:
    """A node on which pods with `nodeName: log-node` have logs: of each, what was written, or a line of its own."""
    node = LogNode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            _, endpoint, _, pod, container = parts.path.split("/")
            assert endpoint == "containerLogs"
            query = parse_qs(parts.query)
            usual = [lines for part, lines in node.default.items() if part in pod]
            own = [f"this is {container} of {pod}"]
            lines = node.written.get((pod, container), usual[0] if usual else own)
            if "tailLines" in query:
                lines = lines[-int(query["tailLines"][0]) :]
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in lines:
                self._chunk(f"{line}\n".encode())
            if "follow" in query:
                node.closed.wait(3)
            self._chunk(b"")

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing is written of requests."""

    certificate, key = self_signed(["127.0.0.1"])
    pem = folder / "kubelet.pem"
    pem.write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": server.server_address[1]}},
    }
    control_plane.kubectl("create", "-f", "-", stdin=json.dumps(body))
    control_plane.kubectl(
        "patch", "node", NODE, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
    )
    try:
        yield node
    finally:
        node.closed.set()
        control_plane.kubectl("delete", "node", NODE)
        server.shutdown()
        server.server_close()
