"""Who is told, in tests: a mail server and a web server that keep what comes, and when."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Came:
    """What came: when (seconds since the epoch), its title, its text, and where to."""

    at: float
    title: str
    text: str
    to: str


@dataclass
class Receiver:
    """Something that listens on a port of its own; `down` until it is `up` again.

    A web server that has `moved` sends everybody elsewhere, where a GET is answered.
    """

    kind: str
    port: int
    came: list[Came] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)
    moved: bool = False
    server: Any = None

    @property
    def titles(self) -> list[str]:
        """Of all that came, in order."""
        return [one.title for one in self.came]

    def up(self) -> None:
        """Listen."""
        self.server = {"mail": _mail, "web": _web}[self.kind](self)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Refuse every connection."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    def arrived(self, count: int, within: float = 5.0) -> list[str]:
        """The titles, once so many came."""
        until = time.monotonic() + within
        while len(self.came) < count and time.monotonic() < until:
            time.sleep(0.02)
        return self.titles


@contextlib.contextmanager
def receiver(kind: str) -> Iterator[Receiver]:
    """One that is up: `mail` or `web`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        made = Receiver(kind, free.getsockname()[1])
    made.up()
    try:
        yield made
    finally:
        made.down()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _WebServer(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True


def _web(of: Receiver) -> _WebServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if of.moved:
                self.send_response(301)
                self.send_header("Location", f"http://127.0.0.1:{of.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            of.came.append(Came(time.time(), told["title"], told["message"], self.path))
            self._answer()

        def do_GET(self) -> None:
            of.beats.append(time.time())
            self._answer()

        def _answer(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return _WebServer(("127.0.0.1", of.port), Handler)


def _mail(of: Receiver) -> _Server:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 mx.example")
            to: list[str] = []
            while line := self.rfile.readline():
                word = line.decode().strip()
                verb = word.upper()[:4]
                if verb == "RCPT":
                    to.append(word.partition("<")[2].partition(">")[0])
                if verb == "DATA":
                    self._say("354 go on")
                    self._keep(to)
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 mx.example" if verb == "EHLO" else "250 ok")

        def _keep(self, to: list[str]) -> None:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
            part = mail.get_body(("plain",))
            text = part.get_content() if part is not None else ""
            of.came.append(Came(time.time(), str(mail["Subject"]), text, ", ".join(to)))
            self._say("250 taken")

        def _say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    return _Server(("127.0.0.1", of.port), Handler)
