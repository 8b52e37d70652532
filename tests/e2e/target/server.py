"""A server to call, in a pod of the end-to-end tests: over HTTP on 8080, and over HTTPS on 8443 with a certificate
that nobody knows. Each path behaves in its own way.
"""

import json
import ssl
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CERTIFICATE = "/target/tls.pem"
_calls: Counter[str] = Counter()


class Target(BaseHTTPRequestHandler):
    """Answers POST."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = self.headers.get("X-Api-Key", "")
        if self.path == "/wants-a-key":
            # Careless: it repeats what it was given.
            self._answer(401, f"the key {key} is wrong")
        elif self.path == "/slow":
            threading.Event().wait(120)
        elif self.path == "/ailing":
            run = self.headers["Idempotency-Key"]
            _calls[run] += 1
            self._answer(503 if _calls[run] < 3 else 200, json.dumps({"call": _calls[run]}))
        elif self.path.startswith("/orders/"):
            _calls["orders"] += 1
            self._answer(200, json.dumps({"path": self.path, "call": _calls["orders"]}))
        elif self.path == "/clean-up":
            _calls["clean-up"] += 1
            self._answer(200, "")
        elif self.path == "/cleaned-up":
            self._answer(200, json.dumps({"calls": _calls["clean-up"]}))
        else:
            told = {"args": json.loads(body or b"null"), "run": self.headers["Crontask-Run"]}
            self._answer(200, json.dumps(told))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if text.startswith("{") else "text/plain")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: what it is given may be secret."""


def main() -> None:
    """Serve for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    secure = ThreadingHTTPServer(("", 8443), Target)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("", 8080), Target).serve_forever()


if __name__ == "__main__":
    main()
