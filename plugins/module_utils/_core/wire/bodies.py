# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of an answer: no larger than anything honest, whatever it unpacks to, and as text."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from ..dependencies import urllib3

MOST_BYTES = 160 << 20
"""The largest body that is taken, packed or unpacked. Microsoft documents 50 MB for a hunt by Graph, 124 MB for one by
the sister of the XDR API; pages of records are far smaller."""

ENCODINGS = "gzip, deflate"
"""What a server may pack its answers with: the kinds of which one can tell while unpacking how large they become."""

_PIECE = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]{1,40})", re.IGNORECASE)


class CutOffError(ValueError):
    """The body is shorter than announced."""


class OversizeError(ValueError):
    """The body is larger than MOST_BYTES."""


class StrangeEncodingError(ValueError):
    """The body is packed in a way that was not asked for, or cannot be unpacked."""


def read(response: Any, most: int = MOST_BYTES) -> bytes:
    """Return the body of a response that was asked for as a stream. Raises one of the errors above."""
    announced = response.headers.get("Content-Length", "")
    length = int(announced) if re.fullmatch(r"[0-9]{1,15}", announced) else None
    if length is not None and length > most:
        raise OversizeError
    body = bytearray()
    for piece in _unpacked(_packed(response, length, most), response.headers.get("Content-Encoding", "")):
        body += piece
        if len(body) > most:
            raise OversizeError
    return bytes(body)


def text_of(body: bytes, content_type: str = "") -> str:
    """Return the body as text, without a byte order mark: in Unicode where it can be, else as its type says."""
    try:
        # tells UTF-8, UTF-16 and UTF-32 apart, with and without a mark, by how JSON has to begin
        text = body.decode(json.detect_encoding(body))
    except UnicodeDecodeError:
        named = _CHARSET.search(content_type)
        try:
            text = body.decode(named[1] if named else "utf-8", errors="replace")
        except (LookupError, UnicodeError):
            # no such character set, or none of characters
            text = body.decode(errors="replace")
    return text.removeprefix("\ufeff")


def _packed(raw: Any, length: int | None, most: int) -> Iterator[bytes]:
    """Yield the body as it was sent. Raises CutOffError for less than was announced, which urllib3 1.26 lets pass."""
    count = 0
    try:
        for piece in raw.stream(_PIECE, decode_content=False):
            count += len(piece)
            if count > most:
                raise OversizeError
            yield piece
    except urllib3.exceptions.ReadTimeoutError:
        raise
    except urllib3.exceptions.HTTPError as error:
        raise CutOffError from error
    if length is not None and count < length:
        raise CutOffError


def _unpacked(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from pieces
    elif encoding in ("gzip", "x-gzip"):
        yield from _inflated(pieces, lambda _begin: _GZIP)
    elif encoding == "deflate":
        # what the standard calls so has a head of two bytes, which some servers leave out
        yield from _inflated(pieces, lambda begin: zlib.MAX_WBITS if _has_zlib_head(begin) else -zlib.MAX_WBITS)
    else:
        raise StrangeEncodingError


def _inflated(pieces: Iterator[bytes], window_of: Callable[[bytes], int]) -> Iterator[bytes]:
    """Yield what the pieces unpack to, never more than _PIECE at a time."""
    inflater: Any = None
    begun = False
    try:
        for piece in pieces:
            rest = piece
            while rest:
                if inflater is None:
                    inflater, begun = zlib.decompressobj(window_of(rest)), True
                yield inflater.decompress(rest, _PIECE)
                rest = inflater.unconsumed_tail
                if inflater.eof:
                    # gzip may have several parts, and zeros behind the last
                    rest, inflater = inflater.unused_data.lstrip(b"\0"), None
        while inflater and (more := inflater.decompress(b"", _PIECE)):
            yield more
    except zlib.error:
        raise StrangeEncodingError from None
    if begun and inflater and not inflater.eof:
        raise CutOffError


def _has_zlib_head(begin: bytes) -> bool:
    return len(begin) > 1 and begin[0] & 0x0F == zlib.DEFLATED and int.from_bytes(begin[:2], "big") % 31 == 0
