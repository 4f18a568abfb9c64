# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that leads https://graph.microsoft.com to the emulator, for clients that take no other address."""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import urlsplit

from support.emulator import FILES, EmulatorProcess

sys.path.insert(0, str(FILES))

from defender_emulator import certificates

_HOST = "graph.microsoft.com"


def start(emulator: EmulatorProcess) -> str:
    """Serve in a thread until this process ends; return the address for ``HTTPS_PROXY``."""
    addresses: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=lambda: asyncio.run(_serve(emulator, addresses)), daemon=True).start()
    return addresses.get(timeout=10)


async def _serve(emulator: EmulatorProcess, addresses: SimpleQueue[str]) -> None:
    inbound = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    inbound.load_cert_chain(_certificate(emulator.directory))
    outbound = ssl.create_default_context(cafile=emulator.ca_path)
    emulated = urlsplit(emulator.url)

    async def stand_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, *await asyncio.open_connection(emulated.hostname, emulated.port, ssl=outbound))

    graph = await asyncio.start_server(stand_in, "127.0.0.1", ssl=inbound)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if not request.startswith(f"CONNECT {_HOST}:443 ".encode()):
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _join(reader, writer, *await asyncio.open_connection(*graph.sockets[0].getsockname()))

    proxy = await asyncio.start_server(connect, "127.0.0.1")
    addresses.put("http://{}:{}".format(*proxy.sockets[0].getsockname()))
    await proxy.serve_forever()


def _certificate(directory: Path) -> Path:
    """A certificate for Graph's name, from the authority that the emulator's clients trust."""
    authority = certificates.load_pair((directory / "ca-key.pem").read_bytes(), (directory / "ca.pem").read_bytes())
    pair = certificates.make_server_certificate(authority, _HOST)
    path = directory / "forwarder.pem"
    path.touch(mode=0o600)
    path.write_bytes(pair.key_pem() + pair.certificate_pem())
    return path


async def _join(
    near_reader: asyncio.StreamReader,
    near_writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    await asyncio.gather(_pump(near_reader, far_writer), _pump(far_reader, near_writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # whoever hung up has what it wanted
    finally:
        writer.close()
