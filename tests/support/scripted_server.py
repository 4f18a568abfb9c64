# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTPS server on the loopback address that answers as a test scripts it, faults included."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

CUT_OFF = "cut off"
RESET = "reset"
_ANY = "*"

Pieces = Iterable[bytes | float]
"""The pieces of one raw answer, a number being so many seconds of silence. After the last the server hangs up."""


@dataclass(frozen=True)
class Answer:
    """One scripted answer: `body` is text, or anything JSON can hold; `fault` is CUT_OFF, RESET or None."""

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    fault: str | None = None

    def content(self) -> bytes:
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


def refused(status: int, code: str = "Refused", message: str = "a sentence of Microsoft's", **members: Any) -> Answer:
    """Return a refusal in the shape of both APIs' error body."""
    return Answer({"error": {"code": code, "message": message, **members}}, status)


NOT_FOUND = refused(404, "ResourceNotFound")


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return _flat(self.body)

    @property
    def json(self) -> Any:
        """The body as JSON, or None where there is none."""
        return json.loads(self.body) if self.body else None


class ScriptedServer:
    """Answers each path in the order of its script, the last answer again and again; any other path with 404.

    A script for one method of a path wins over the script for all its methods, and `respond`, where a test sets it,
    over all of them. With `has_no_more` nothing lies behind a page that is scripted: whoever skips its records gets an
    empty one.
    """

    def __init__(self, ca_path: str, certificate_path: str) -> None:
        self.ca_path = ca_path
        self.requests: list[Request] = []
        self.has_no_more = False
        self.respond: Callable[[Request], Answer] | None = None
        self._scripts: dict[tuple[str, str], list[Answer]] = {}
        self._lock = threading.Lock()
        self._listener = _Listener(("127.0.0.1", 0), _Handler)
        self._listener.owner = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate_path)
        # the handshake belongs to the connection's own thread, so that one bad client cannot hold up the others
        self._listener.socket = context.wrap_socket(
            self._listener.socket, server_side=True, do_handshake_on_connect=False
        )
        self.host = f"127.0.0.1:{self._listener.server_address[1]}"
        self.url = f"https://{self.host}"

    def script(self, path: str, *answers: Answer, method: str = _ANY) -> None:
        self._scripts[method, path] = list(answers)

    def requests_to(self, path: str, method: str = _ANY) -> list[Request]:
        return [request for request in self.requests if request.path == path and method in (_ANY, request.method)]

    def next_answer(self, request: Request) -> Answer | Pieces:
        with self._lock:
            self.requests.append(request)
        if self.respond:
            return self.respond(request)
        with self._lock:
            if self.has_no_more and "$skip" in request.query:
                return Answer({"value": []})
            answers = (
                self._scripts.get((request.method, request.path))
                or self._scripts.get((_ANY, request.path))
                or [NOT_FOUND]
            )
            return answers.pop(0) if len(answers) > 1 else answers[0]

    @contextlib.contextmanager
    def running(self) -> Iterator[ScriptedServer]:
        thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._listener.shutdown()
            self._listener.server_close()
            thread.join()


class _Listener(http.server.ThreadingHTTPServer):
    owner: ScriptedServer
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        answer = self.server.owner.next_answer(self._read_request())
        if isinstance(answer, Answer):
            self._send(answer)
        else:
            self._send_pieces(answer)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server names them

    def _send(self, answer: Answer) -> None:
        time.sleep(answer.delay)
        if answer.fault == RESET:
            self._reset()
            return
        content = answer.content()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Type" not in answer.headers:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.close_connection = answer.fault == CUT_OFF
        self.wfile.write(content[: len(content) // 2] if answer.fault == CUT_OFF else content)

    def _send_pieces(self, pieces: Pieces) -> None:
        self.close_connection = True
        for piece in pieces:
            if isinstance(piece, bytes):
                self.wfile.write(piece)
            else:
                time.sleep(piece)

    def _read_request(self) -> Request:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        return Request(self.command, url.path, _flat(url.query), dict(self.headers), body)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket(fileno=self.connection.detach()).close()

    def log_message(self, *_: Any) -> None:
        """Tests read `requests`."""


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
