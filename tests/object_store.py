"""A real object store on the loopback address, behind a proxy that counts, refuses and cuts requests."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

import s3fs

from lipblend.batch.remote.remote_files import RemoteOptions
from tests.patience import HANG_S

KEY, SECRET = "loopback-key", "loopback-secret"
_START_S = 20.0


class ObjectStore:
    """What a test sees of the store.

    Attributes
    ----------
    folder : Path
        A folder in it is a bucket; a file in that is an object. Only the server may write there.
    requests : list of str
        ``GET /bucket/key`` and so on, in their order.
    conditional : bool
        Whether the store refuses to create what is there, when asked to (``If-None-Match: *``): the proxy adds that,
        since rclone ignores it.
    cut : set of str
        Ends of paths whose next answer breaks off in the middle.
    """

    def __init__(self, folder: Path, upstream: int) -> None:
        self.folder, self._upstream = folder, upstream
        self.requests: list[str] = []
        self.conditional = True
        self.cut: set[str] = set()
        self._lock = Lock()
        handler = type("Handler", (_Handler,), {"store": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def options(self, scratch: Path, *, secret: str = SECRET, scratch_bytes: int = 1_000_000_000) -> RemoteOptions:
        storage = {"s3": {"key": KEY, "secret": secret, "endpoint_url": self.endpoint}}
        return RemoteOptions(scratch=scratch, scratch_bytes=scratch_bytes, storage=storage)

    def make_bucket(self, name: str) -> None:
        s3fs.S3FileSystem(key=KEY, secret=SECRET, endpoint_url=self.endpoint).mkdir(name)

    def asked(self, method: str, end: str) -> int:
        """How many requests of a kind there were for paths that end so."""
        return sum(1 for each in self.requests if each.startswith(f"{method} ") and each.endswith(end))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, handler: _Handler) -> None:
        """Pass a request on."""
        path = handler.path.partition("?")[0]
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._lock:  # one at a time: rclone mixes what is read and written at once, which real stores never do
            self.requests.append(f"{handler.command} {path}")
            there = (self.folder / path.lstrip("/")).exists()
            refused = handler.headers.get("If-None-Match") == "*" and self.conditional and there
            answer = None if refused else self._asked(handler, body)
        if answer is None:
            _refuse(handler)
        else:
            self._pass_back(handler, path, *answer)

    def _asked(self, handler: _Handler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """What rclone answers: status, headers, content."""
        with closing(http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=HANG_S)) as upstream:
            upstream.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in handler.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body)
            found = upstream.getresponse()
            return found.status, found.getheaders(), found.read()

    def _pass_back(
        self, handler: _Handler, path: str, status: int, headers: list[tuple[str, str]], content: bytes
    ) -> None:
        handler.send_response(status)
        length = len(content)
        for name, value in headers:
            if name.lower() == "content-length" and handler.command == "HEAD":
                length = int(value)
            elif name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        end = next((each for each in self.cut if handler.command == "GET" and path.endswith(each)), None)
        if end is None:
            handler.wfile.write(content)
            return
        self.cut.discard(end)
        handler.wfile.write(content[: len(content) // 2])
        handler.wfile.flush()
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: ObjectStore

    def _answer(self) -> None:
        self.store.answer(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _refuse(handler: _Handler) -> None:
    text = b"<Error><Code>PreconditionFailed</Code><Condition>If-None-Match</Condition></Error>"
    handler.send_response(412)
    handler.send_header("Content-Length", str(len(text)))
    handler.send_header("Content-Type", "application/xml")
    handler.end_headers()
    handler.wfile.write(text)


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """Run ``rclone serve s3`` over a folder, on a free port."""
    program = Path(sys.executable).with_name("rclone")
    auth = f"{KEY},{SECRET}"
    command = [str(program), "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", auth, "--vfs-cache-mode", "off"]
    log = folder.with_name(f"{folder.name}.rclone.log")
    more = ["--config", "", "-v", "--log-file", str(log), str(folder)]
    with subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            store = ObjectStore(folder, _port_of(process, log))
            try:
                yield store
            finally:
                store.close()
        finally:
            process.terminate()


def _port_of(process: subprocess.Popen[bytes], log: Path) -> int:
    end_s = time.monotonic() + _START_S
    while time.monotonic() < end_s and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text()) if log.exists() else None
        if found is not None:
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"rclone did not start: {log.read_text() if log.exists() else ''}")
