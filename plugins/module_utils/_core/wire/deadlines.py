# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long one answer may take in all: a server that sends a byte now and then never trips a timeout of its own.

The deadline belongs to the thread, because a socket is read far below the code that knows how long it may take.
"""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ..waiting import clock

T = TypeVar("T")

_this_thread = threading.local()


class AnswerTooSlowError(TimeoutError):
    """The deadline of the answer has passed, although parts of it kept coming."""


@contextlib.contextmanager
def answer_within(seconds: float) -> Iterator[None]:
    """Have every socket that this thread uses meanwhile raise AnswerTooSlowError once the seconds have passed."""
    _this_thread.ends_at = clock.monotonic() + seconds
    try:
        yield
    finally:
        _this_thread.ends_at = math.inf


class _Timed:
    """A socket whose operations end at the thread's deadline, if their own timeout does not end them before."""

    gettimeout: Callable[[], float | None]
    settimeout: Callable[[float | None], None]

    def recv(self, *args: Any) -> Any:
        return self._timed(super().recv, *args)  # type: ignore[misc]

    def recv_into(self, *args: Any) -> Any:
        return self._timed(super().recv_into, *args)  # type: ignore[misc]

    def send(self, *args: Any) -> Any:
        return self._timed(super().send, *args)  # type: ignore[misc]

    def sendall(self, *args: Any) -> Any:
        return self._timed(super().sendall, *args)  # type: ignore[misc]

    def _timed(self, operation: Callable[..., T], *args: Any) -> T:
        left = getattr(_this_thread, "ends_at", math.inf) - clock.monotonic()
        if left <= 0:
            raise AnswerTooSlowError
        timeout = self.gettimeout()
        if timeout is not None and timeout <= left:
            return operation(*args)
        self.settimeout(None if left == math.inf else left)
        try:
            return operation(*args)
        except TimeoutError as error:
            raise AnswerTooSlowError from error
        finally:
            self.settimeout(timeout)


class TimedSocket(_Timed, socket.socket):
    """A connection to a proxy, before TLS begins."""


class TimedTlsSocket(_Timed, ssl.SSLSocket):
    """A connection over TLS. Its handshake is over within the timeout of a connection, however its parts come."""


def timed(plain: socket.socket) -> TimedSocket:
    """Return the same connection as a socket that heeds the deadline."""
    timeout = plain.gettimeout()
    heeding = TimedSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
    heeding.settimeout(timeout)
    return heeding
