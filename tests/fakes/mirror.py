"""A web server on loopback that has a folder's files, with faults to be switched on."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BLOCK = 1 << 15


@dataclass
class Faults:
    """What goes wrong, and what was asked for."""

    cuts: int = 0
    """So many answers end half-way."""
    flip: str = ""
    """A file in which one byte is another."""
    ranges: bool = True
    """Whether a part can be asked for."""
    pause_s: float = 0.0
    """Before each block."""
    statuses: list[int] = field(default_factory=list)
    """Answers to give first, instead of files."""
    redirect: str = ""
    """Where the first request is sent."""
    padding: bytes = b""
    """What is appended to each file."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range of each request."""


class MirrorServer(ThreadingHTTPServer):
    """The server; `url` is its address."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.faults = Faults()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MirrorServer

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """One file, or what the faults say."""
        faults, path = self.server.faults, self.path.lstrip("/")
        faults.asked.append((path, self.headers.get("Range", "")))
        self.close_connection = True
        if faults.statuses:
            self.send_error(faults.statuses.pop(0))
        elif faults.redirect:
            target, faults.redirect = faults.redirect, ""
            self._head(302, Location=target, Content_Length="0")
        elif not (self.server.folder / path).is_file():
            self.send_error(404)
        else:
            self._send(path, self.headers.get("Range", ""))

    def _head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _send(self, path: str, asked: str) -> None:
        faults = self.server.faults
        data = bytearray((self.server.folder / path).read_bytes() + faults.padding)
        if path == faults.flip:
            data[len(data) // 2] ^= 1
        found = re.fullmatch(r"bytes=(\d+)-", asked) if faults.ranges else None
        start = int(found[1]) if found else 0
        if start >= len(data):
            self._head(416, Content_Range=f"bytes */{len(data)}", Content_Length="0")
            return
        rest = bytes(data[start:])
        if found:
            span = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self._head(206, Content_Range=span, Content_Length=str(len(rest)))
        else:
            self._head(200, Content_Length=str(len(rest)))
        self._body(rest)

    def _body(self, rest: bytes) -> None:
        faults = self.server.faults
        if faults.cuts:
            faults.cuts -= 1
            rest = rest[: len(rest) // 2]
        with suppress(OSError):  # the other side may have gone
            for at in range(0, len(rest), BLOCK):
                time.sleep(faults.pause_s)
                self.wfile.write(rest[at : at + BLOCK])


@contextmanager
def serving(folder: Path) -> Iterator[MirrorServer]:
    """A server with this folder's files, for as long as the block runs."""
    server = MirrorServer(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
