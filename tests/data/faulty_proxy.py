"""A proxy before an HTTP server that fails on demand: throttled, broken, cut off, reset."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
BROKEN = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
ANSWERS = {
    "throttled": (503, SLOW_DOWN),
    "broken": (500, BROKEN),
    "forbidden": (403, b"<Error><Code>AccessDenied</Code></Error>"),
}


class FaultyProxy:
    """Passes requests on to ``port`` of this machine.

    ``faults`` holds what befalls the next requests for an object, by a part of its path; ``seen`` counts requests by
    method and path; ``ranges`` False hides ranges from the server; and with ``elsewhere`` requests are sent on to that
    port of localhost.
    """

    def __init__(self, port: int) -> None:
        self.faults: dict[str, list[str]] = {}
        self.elsewhere: int | None = None
        self.upstream = port
        self.seen: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.ranges = True
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy._pass_on(self, port)

            do_HEAD = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _fault(self, handler: BaseHTTPRequestHandler) -> str | None:
        for part, left in self.faults.items():
            if part in handler.path and left and (handler.command == "GET" or left[0] not in ("cut", "reset")):
                return left[0] if left[0].endswith("!") else left.pop(0)  # with "!" for ever
        return None

    def _pass_on(self, handler: BaseHTTPRequestHandler, port: int) -> None:
        self.seen[f"{handler.command} {handler.path.partition('?')[0]}"] += 1
        self.headers.append(dict(handler.headers))
        if self.elsewhere is not None:
            handler.send_response(302)
            handler.send_header("Location", f"http://localhost:{self.elsewhere}{handler.path}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        fault = (self._fault(handler) or "").rstrip("!")
        if fault in ANSWERS:
            status, body = ANSWERS[fault]
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            if handler.command == "GET":
                handler.wfile.write(body)
            return
        upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        hidden = () if self.ranges else ("Range",)
        headers = {name: value for name, value in handler.headers.items() if name not in ("Host", *hidden)}
        upstream.request(handler.command, handler.path, headers={**headers, "Host": f"127.0.0.1:{port}"})
        answer = upstream.getresponse()
        body = answer.read()
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "server", "date"):
                handler.send_header(name, value)
        length = answer.getheader("Content-Length") or str(len(body))
        handler.send_header("Content-Length", length)
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(body[: len(body) // 2] if fault in ("cut", "reset") else body)
        if fault == "reset":
            handler.wfile.flush()
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault:
            handler.connection.close() if fault == "reset" else handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
        upstream.close()
