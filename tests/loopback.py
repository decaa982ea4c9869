"""A stand-in for the model hub on 127.0.0.1: the real download code fetches from it, and it notes what was asked for.

It serves folders laid out as <root>/<owner>/<name>/<file>. `HF_ENDPOINT` is read when huggingface_hub is imported: what is to
be found by it runs in a process of its own, with the server's `environment`; what only downloads may do so `here`.
"""

import functools
import hashlib
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
from huggingface_hub.utils import reset_sessions

from emocast.encoders import hub

COMMIT = "a" * 40


class Hub(ThreadingHTTPServer):
    """Serves until the `with` block ends; `paths` lists what was asked for."""

    daemon_threads = True

    def __init__(self, root: Path):
        self.root, self.paths = root, []
        super().__init__(("127.0.0.1", 0), _Handler)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        reset_sessions()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def here(self, monkeypatch, home: Path) -> None:
        """Let this process take it for the hub, too, and keep what it downloads below `home`."""
        fetch = functools.partial(huggingface_hub.snapshot_download, endpoint=self.address, cache_dir=home)
        monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        reset_sessions()  # one that was opened offline stays so
        # What others asked for is not ours.
        monkeypatch.setattr(hub, "_download", functools.lru_cache(hub._download.__wrapped__))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "127.0.0.1")

    def environment(self, home: Path) -> dict[str, str]:
        """The environment of a process that takes this for the hub and keeps its cache below `home`."""
        own = {"HF_ENDPOINT": self.address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        return {**os.environ, **own, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.paths.append(path)
        if file := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            self._send_file(self.server.root / file[1] / file[2])
        elif model := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/[^/]+)?", path):
            self._send_listing(model[1])
        else:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})

    do_HEAD = do_GET

    def _send_file(self, path: Path):
        if not path.is_file():
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        content = path.read_bytes()
        return self._send(200, content, {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT})

    def _send_listing(self, repository: str):
        folder = self.server.root / repository
        if not folder.is_dir():
            return self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
        files = [{"rfilename": path.relative_to(folder).as_posix()} for path in sorted(folder.rglob("*"))]
        listing = {"id": repository, "modelId": repository, "sha": COMMIT, "private": False, "downloads": 0, "tags": []}
        return self._send(
            200, json.dumps({**listing, "siblings": files}).encode(), {"Content-Type": "application/json"}
        )

    def _send(self, status: int, content: bytes, headers: dict[str, str]):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


class Files(ThreadingHTTPServer):
    """A stand-in for any server of files, which serves the content of `files` by path and answers ranges.

    `asked` lists (path, first byte asked for, bytes sent); `cut` says after how many bytes of an answer the connection
    breaks, by path; `busy` how often the server is too busy first; `ranges` whether ranges are heeded; `kinds` the type of
    an answer, by path.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]):
        self.files, self.asked, self.cut, self.busy, self.kinds = files, [], {}, {}, {}
        self.ranges = True
        super().__init__(("127.0.0.1", 0), _FileHandler)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        reset_sessions()

    def address(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class _FileHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.partition("?")[0].lstrip("/")
        content = self.server.files.get(path)
        if self.server.busy.get(path, 0) > 0:
            self.server.busy[path] -= 1
            return self.send_error(503)
        if content is None:
            self.server.asked.append((path, 0, 0))
            return self.send_error(404)
        asked = self.server.ranges and re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        rest = content[start:][: self.server.cut.get(path)]
        self.server.asked.append((path, start, len(rest)))  # before the answer, whose reader may ask again at once
        if start >= len(content) > 0:
            return self.send_error(416)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Type", self.server.kinds.get(path, "application/octet-stream"))
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(rest)
        self.close_connection = path in self.server.cut
        return None
