# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's own ceiling: requests over a few kept connections, by a client that does next to nothing."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from support.emulator import EmulatorProcess

_CONNECTIONS = 16
# Enough for a token; pages are only counted.
_KEPT = 8192
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_SCOPE = "https://api.security.microsoft.com/.default"


class Load:
    """Sends requests side by side, and parses no more of an answer than its length."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        parts = urlsplit(emulator.url)
        self._host, self._port = str(parts.hostname), parts.port
        self._tls = ssl.create_default_context(cafile=emulator.ca_path)
        secret = {"client_id": emulator.client_id, "client_secret": emulator.client_secret}
        self._form = urlencode({"grant_type": "client_credentials", "scope": _SCOPE, **secret})

    def ceilings(self, customers: list[dict[str, str]], seconds: float) -> dict[str, float]:
        """Requests per second of each kind, each asked for during so many seconds."""
        return asyncio.run(self._ceilings(customers, seconds))

    def rate_of_pages(self, customers: list[dict[str, str]], seconds: float, connections: int) -> float:
        """Pages of incidents per second over so many connections."""
        return asyncio.run(self._rate_of_pages(customers, seconds, connections))

    async def ask_for_pages(self, customers: list[dict[str, str]]) -> None:
        """One token and one page for each customer."""
        tokens = await self._send([self._token_request(customer) for customer in customers])
        await self._send([self._page_request(_token_in(answer)) for answer in tokens])

    async def _ceilings(self, customers: list[dict[str, str]], seconds: float) -> dict[str, float]:
        tokens = [_token_in(answer) for answer in await self._send([self._token_request(one) for one in customers])]
        kinds = {
            "a public document": [self._request("GET", "/common/v2.0/.well-known/openid-configuration")],
            "a token": [self._token_request(customer) for customer in customers],
            "a page of incidents": [self._page_request(token) for token in tokens],
        }
        return {kind: await self._rate(requests, seconds, _CONNECTIONS) for kind, requests in kinds.items()}

    async def _rate_of_pages(self, customers: list[dict[str, str]], seconds: float, connections: int) -> float:
        tokens = [_token_in(answer) for answer in await self._send([self._token_request(one) for one in customers])]
        return await self._rate([self._page_request(token) for token in tokens], seconds, connections)

    async def _rate(self, requests: list[bytes], seconds: float, connections: int) -> float:
        opened = [await self._connect() for _unused in range(connections)]
        started = time.monotonic()
        endless = _until(started + seconds, requests)
        counts = await asyncio.gather(*(self._work(connection, endless, {}) for connection in opened))
        return sum(counts) / (time.monotonic() - started)

    async def _send(self, requests: list[bytes]) -> list[bytes]:
        answers: dict[int, bytes] = {}
        queue = iter(list(enumerate(requests)))
        opened = [await self._connect() for _unused in range(_CONNECTIONS)]
        await asyncio.gather(*(self._work(connection, queue, answers) for connection in opened))
        return [answers[number] for number in range(len(requests))]

    async def _connect(self) -> Connection:
        return await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=2**20)

    async def _work(
        self, connection: Connection, requests: Iterable[tuple[int, bytes]], answers: dict[int, bytes]
    ) -> int:
        """Send what is left of the requests over one connection, and return how many those were."""
        reader, writer = connection
        count = 0
        for number, request in requests:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"the emulator answered {body[:500]!r}")
            answers[number] = body[:_KEPT]
            count += 1
        writer.close()
        await writer.wait_closed()
        return count

    def _token_request(self, customer: dict[str, str]) -> bytes:
        return self._request("POST", f"/{customer['tenant_id']}/oauth2/v2.0/token", body=self._form)

    def _page_request(self, token: str) -> bytes:
        return self._request("GET", "/api/incidents?$top=100", f"Authorization: Bearer {token}\r\n")

    def _request(self, method: str, path: str, header: str = "", body: str = "") -> bytes:
        kind = "Content-Type: application/x-www-form-urlencoded\r\n" if body else ""
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n{kind}{header}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


def _until(moment: float, requests: list[bytes]) -> Iterable[tuple[int, bytes]]:
    while True:
        for request in requests:
            if time.monotonic() > moment:
                return
            yield 0, request


def _token_in(answer: bytes) -> str:
    return str(json.loads(answer)["access_token"])
