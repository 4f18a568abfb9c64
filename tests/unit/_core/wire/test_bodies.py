# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies as servers pack them: read whole, never larger than they may be, and never out of memory."""

from __future__ import annotations

import codecs
import gzip
import itertools
import json
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from support.raw_servers import sending
from support.scripted_server import ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.wire import bodies
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Reply, Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

TEXT = {"Name": "Grüße", "filler": "x" * 5000}
PLAIN = json.dumps(TEXT, ensure_ascii=False).encode()


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def head(body: bytes, *lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *lines, "", ""]).encode()


@pytest.fixture
def answered(server: ScriptedServer, certificates: tuple[str, str]) -> Answered:
    return Answered(server.ca_path, certificates[1])


class Answered:
    """What the transport makes of an answer as it stands on the wire."""

    def __init__(self, ca_path: str, certificate: str) -> None:
        self._ca_path = ca_path
        self._certificate = certificate

    def __call__(self, *pieces: bytes) -> Reply:
        with sending(*pieces, over=self._certificate) as host:
            return Transport(self._ca_path, timeout=60).send("GET", f"https://{host}/", Patience(0, 0))

    def meaning(self, *pieces: bytes) -> str:
        with pytest.raises(TenantError) as failed:
            self(*pieces)
        assert failed.value.reason.state == "unreachable"
        return failed.value.reason.meaning.partition(": ")[2]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(PLAIN)),
        ("x-gzip", gzip.compress(PLAIN[:100]) + gzip.compress(PLAIN[100:]) + b"\0" * 20),
        ("deflate", zlib.compress(PLAIN)),
        ("deflate", raw_deflate(PLAIN)),
        ("identity", PLAIN),
    ],
    ids=["gzip", "gzip in two parts", "deflate", "deflate without its head", "identity"],
)
def test_a_packed_body_is_unpacked(answered: Answered, encoding: str, body: bytes) -> None:
    reply = answered(head(body, f"Content-Encoding: {encoding}"), body[:7], body[7:])
    assert reply.json() == TEXT


def test_nothing_else_is_asked_for(server: ScriptedServer, transport: Transport) -> None:
    transport.send("GET", f"{server.url}/a", Patience(0, 0))
    assert server.requests[0].headers["Accept-Encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("br", b"\x0b\x02\x80{}\x03"), ("gzip, gzip", PLAIN), ("gzip", PLAIN), ("deflate", b"\xff" * 9)],
)
def test_what_cannot_be_unpacked_is_said(answered: Answered, encoding: str, body: bytes) -> None:
    said = answered.meaning(head(body, f"Content-Encoding: {encoding}"), body)
    assert said == "its answer is packed in a way that cannot be read"


def test_a_packed_body_that_ends_early_is_cut_off(answered: Answered) -> None:
    body = gzip.compress(PLAIN)[:-12]
    assert answered.meaning(head(body, "Content-Encoding: gzip"), body) == "the reply was cut off"


def bomb(unpacked: int) -> bytes:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _unused in range(unpacked >> 20)) + packer.flush()


def test_a_body_that_unpacks_to_more_than_anything_honest_is_refused_before_it_is_in_memory(answered: Answered) -> None:
    body = bomb(bodies.MOST_BYTES * 4)
    tracemalloc.start()
    try:
        said = answered.meaning(head(body, "Content-Encoding: gzip"), body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said == "its answer is larger than 160 MiB"
    assert peak < 2.5 * bodies.MOST_BYTES


def test_a_body_that_is_announced_as_too_large_is_not_read(answered: Answered) -> None:
    announced = f"HTTP/1.1 200 OK\r\nContent-Length: {bodies.MOST_BYTES + 1}\r\n\r\n".encode()
    assert answered.meaning(announced) == "its answer is larger than 160 MiB"


class _Raw:
    """A response of endless pieces, as urllib3 has it."""

    def __init__(self, piece: bytes, **headers: str) -> None:
        self.raw = self
        self.headers = headers
        self._piece = piece

    def stream(self, _size: int, decode_content: bool) -> Iterator[bytes]:
        assert not decode_content
        return itertools.repeat(self._piece)


def test_packed_bytes_that_unpack_to_nothing_have_an_end_too() -> None:
    # gzip parts without content, for ever
    endless = _Raw(gzip.compress(b""), **{"Content-Encoding": "gzip"})
    with pytest.raises(bodies.OversizeError):
        bodies.read(endless, most=10_000)


@pytest.mark.parametrize(
    "body",
    [
        codecs.BOM_UTF8 + PLAIN,
        PLAIN.decode().encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.decode().encode("utf-16-be"),
        PLAIN.decode().encode("utf-16-le"),
        PLAIN.decode().encode("utf-32"),
    ],
    ids=["UTF-8 with a mark", "UTF-16 with a mark", "big-endian UTF-16", "UTF-16 without a mark", "UTF-32"],
)
def test_json_is_read_in_any_form_of_unicode(answered: Answered, body: bytes) -> None:
    assert answered(head(body), body).json() == TEXT


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        ("application/json; charset=iso-8859-1", "Grüße"),
        ('application/json; charset="windows-1252"', "Grüße"),
        ("application/json; charset=no-such-thing", "Gr\ufffd\ufffde"),
        ("application/json; charset=hex", "Gr\ufffd\ufffde"),
        ("application/json", "Gr\ufffd\ufffde"),
    ],
)
def test_what_is_no_unicode_is_read_as_its_type_says(content_type: str, name: str) -> None:
    assert json.loads(bodies.text_of('{"Name": "Grüße"}'.encode("iso-8859-1"), content_type)) == {"Name": name}
