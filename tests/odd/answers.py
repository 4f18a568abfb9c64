# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes over the wire: bytes, and pauses between them, so that an answer can be as wrong as it likes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

from support.scripted_server import Pieces

JSON = "application/json; charset=utf-8"
HTML = "<html><head><title>Access denied</title></head><body>Request blocked. Incident 4711</body></html>"

_MEGABYTE = 1 << 20


def http(status: int, body: bytes | str = b"", content_type: str | None = JSON, **headers: str) -> list[bytes]:
    """Return a well-formed answer; underscores in the names of headers stand for hyphens."""
    content = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return [head(status, content_type, Content_Length=str(len(content)), **headers), content]


def head(status: int, content_type: str | None = JSON, **headers: str) -> bytes:
    """Return the status line and the headers of an answer whose length the end of the connection tells."""
    given = {**({"Content-Type": content_type} if content_type else {}), **headers, "Connection": "close"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return "\r\n".join([f"HTTP/1.1 {status} Odd", *lines, "", ""]).encode("latin-1")


def in_json(content: Any, status: int = 200, **headers: str) -> list[bytes]:
    return http(status, json.dumps(content), **headers)


def dribbled(answer: Pieces, seconds: float) -> Iterator[bytes | float]:
    """Send the answer a byte at a time, with a pause after each."""
    for piece in answer:
        for byte in piece if isinstance(piece, bytes) else b"":
            yield bytes([byte])
            yield seconds


def unpacking_to(megabytes: int, beginning: str) -> list[bytes]:
    """Send a small gzip body that unpacks to so many MiB: JSON that begins so, then blanks."""
    packed = gzip.compress(beginning.encode()) + gzip.compress(b" " * _MEGABYTE) * megabytes
    return http(200, packed, Content_Encoding="gzip")


def endless(beginning: str) -> Iterator[bytes | float]:
    """Send JSON that begins so, then blanks until the client hangs up."""
    yield head(200)
    yield beginning.encode()
    while True:
        yield b" " * _MEGABYTE


def refusal(
    code: int | str, error: str = "invalid_client", status: int = 401, codes: Any = None, **more: Any
) -> list[bytes]:
    """Send a refusal of the token endpoint. `codes` is `error_codes` where that is not the code alone."""
    digits = re.sub("[^0-9]", "", str(code)) or "0"
    body = {
        "error": error,
        "error_description": f"AADSTS{code}: A text that nobody should parse. Trace ID: trace-1",
        "error_codes": [int(digits)] if codes is None else codes,
        "trace_id": "trace-1",
        "correlation_id": "correlation-1",
        **more,
    }
    return in_json({name: value for name, value in body.items() if value is not ...}, status)


def api_error(status: int, code: str, message: str, **headers: str) -> list[bytes]:
    """Send an error as both APIs write it."""
    return in_json({"error": {"code": code, "message": message, "target": "|trace-2"}}, status, **headers)
