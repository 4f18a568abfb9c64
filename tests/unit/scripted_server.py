# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTPS server on the loopback address that answers as a test scripts it, faults included."""

from __future__ import annotations

import contextlib
import http.server
import ipaddress
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CUT_OFF = "cut off"
RESET = "reset"
_ANY = "*"


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

    A script for one method of a path wins over the script for all its methods. With `has_no_more` nothing lies behind a
    page that is scripted: whoever skips its records gets an empty one.
    """

    def __init__(self, ca_path: str, certificate_path: str) -> None:
        self.ca_path = ca_path
        self.requests: list[Request] = []
        self.has_no_more = False
        self._scripts: dict[tuple[str, str], list[Answer]] = {}
        self._lock = threading.Lock()
        self._listener = _Listener(("127.0.0.1", 0), _handler_of(self))
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

    def next_answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
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
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many tests are about."""


def _handler_of(server: ScriptedServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            answer = server.next_answer(self._read_request())
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

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server names them

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

    return Handler


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}


def _key_usage(is_ca: bool) -> x509.KeyUsage:
    """What Python 3.13 and later look for in the certificate of a CA."""
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def make_certificates(folder: Path) -> tuple[str, str]:
    """Write a CA certificate, and a certificate of 127.0.0.1 with its key; return both paths."""
    now = datetime.now(timezone.utc)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _unused in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Test CA", "127.0.0.1")]
    paths = folder / "ca.pem", folder / "server.pem"
    for path, key, name, is_ca in zip(paths, keys, names, (True, False), strict=True):
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(_key_usage(is_ca), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
            .sign(keys[0], hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        if not is_ca:
            pem += key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        path.write_bytes(pem)
    return str(paths[0]), str(paths[1])
