# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on the loopback address for what is below HTTP: one sends bytes as they are, one is a proxy that tunnels."""

from __future__ import annotations

import contextlib
import itertools
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

_BLOCK = 65536


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    context: ssl.SSLContext | None
    pieces: Iterable[bytes]
    pause: float

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many tests are about."""


class _Answer(socketserver.BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        peer: Any = self.request
        if self.server.context:
            peer = self.server.context.wrap_socket(peer, server_side=True)
        peer.recv(_BLOCK)
        for piece in self.server.pieces:
            peer.sendall(piece)
            time.sleep(self.server.pause)
        with contextlib.suppress(OSError):
            # whether the answer has ended is for the client to say
            peer.recv(_BLOCK)
        peer.close()


@contextlib.contextmanager
def sending(
    *pieces: bytes, over: str | ssl.SSLContext | None = None, endless: bytes = b"", pause: float = 0
) -> Iterator[str]:
    """Answer every request with the pieces, and with `endless` again and again; yield the host and port.

    `over` is a server's certificate, a context, or None for no TLS.
    """
    context = over if isinstance(over, ssl.SSLContext) else None
    if isinstance(over, str):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(over)
    with _Listener(("127.0.0.1", 0), _Answer) as listener:
        listener.context, listener.pause = context, pause
        listener.pieces = itertools.chain(pieces, itertools.repeat(endless)) if endless else pieces
        threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{listener.server_address[1]}"
        listener.shutdown()


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
