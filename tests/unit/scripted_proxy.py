# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real proxy on the loopback address, which leads CONNECT to wherever it is asked to."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from typing import Any

_BLOCK = 65536


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    certificate_path: str | None = None
    asked_for: list[str]


class _Tunnel(socketserver.BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        near: Any = self.request
        if self.server.certificate_path:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.server.certificate_path)
            near = context.wrap_socket(near, server_side=True)
        target = near.recv(_BLOCK).split()[1].decode()
        self.server.asked_for.append(target)
        host, _unused, port = target.rpartition(":")
        with socket.create_connection((host, int(port))) as far:
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()


@contextlib.contextmanager
def running_proxy(certificate_path: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve meanwhile, over TLS where a certificate is given; yield the address, and the targets asked for so far."""
    with _Listener(("127.0.0.1", 0), _Tunnel) as listener:
        listener.certificate_path, listener.asked_for = certificate_path, []
        threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
        scheme = "https" if certificate_path else "http"
        yield f"{scheme}://127.0.0.1:{listener.server_address[1]}", listener.asked_for
        listener.shutdown()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_BLOCK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
