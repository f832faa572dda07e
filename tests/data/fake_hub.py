"""A server that answers as the Hugging Face Hub does for one data set, as far as reading its files needs."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class FakeHub:
    """Serves ``files``, name -> content, as the data set ``owner/name`` at the revision main."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.seen: list[str] = []
        hub = self
        folders = {name.rpartition("/")[0] for name in files} - {""}
        self.entries: list[dict[str, object]] = [
            *({"type": "directory", "path": folder, "oid": "0" * 40} for folder in sorted(folders)),
            *(
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in files.items()
            ),
        ]

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.seen.append(f"{self.command} {self.path}")
                path = self.path.partition("?")[0]
                asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if path.startswith("/datasets/owner/name/resolve/"):
                    return self.answer_file(files.get(path.split("/", 6)[6]))
                if not path.startswith("/api/datasets/owner/name"):
                    return self.answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
                if "/tree/" in path:
                    return self.answer(200, hub.entries)
                if "/paths-info/" in path:
                    wanted = parse_qs(asked.decode())["paths"]
                    return self.answer(200, [entry for entry in hub.entries if entry["path"] in wanted])
                return self.answer(200, {"id": "owner/name", "sha": "0" * 40, "siblings": []})

            do_HEAD = do_POST = do_GET

            def answer(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
                self.send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

            def answer_file(self, content: bytes | None) -> None:
                if content is None:
                    return self.answer(404, {}, {"X-Error-Code": "EntryNotFound"})
                start, _, end = (self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")
                part = content[int(start) : int(end) + 1 if end else None]
                told = {"Content-Range": f"bytes {start}-{int(start) + len(part) - 1}/{len(content)}"}
                return self.send(206, part, told)

            def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
