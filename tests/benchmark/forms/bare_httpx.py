# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Form f: the work with httpx and asyncio, and no library for the tokens."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from typing import Any

import httpx
from bare import SCOPE, Order, Validator

_MARGIN = 300


class Script:
    """One client and one validator for all customers; the tokens of earlier runs by tenant."""

    def __init__(self, order: Order, client: httpx.AsyncClient) -> None:
        self._order = order
        self._client = client
        self._free = asyncio.Semaphore(order.concurrency)
        self._file = order.cache / "httpx.json"
        self._kept: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}

    async def run(self) -> None:
        metadata = (await self._client.get(self._order.metadata_url())).json()
        keys = (await self._client.get(metadata["jwks_uri"])).json()
        validator = Validator(self._order, metadata, keys)
        await asyncio.gather(*(self._work(customer, validator) for customer in self._order.customers))
        self._file.touch(mode=0o600)
        self._file.write_text(json.dumps(self._kept))

    async def _work(self, customer: dict[str, str], validator: Validator) -> None:
        async with self._free:
            token = await self._token(customer["tenant_id"])
            validator.check(token, customer["tenant_id"])
            headers = {"Authorization": f"Bearer {token}"}
            answer = await self._client.get(self._order.incidents_url(), headers=headers)
            answer.raise_for_status()
            self._order.write(customer, answer.json()["value"])

    async def _token(self, tenant_id: str) -> str:
        kept = self._kept.get(tenant_id)
        if kept and kept["expires_at"] - time.time() > _MARGIN:
            return str(kept["token"])
        form = {
            "grant_type": "client_credentials",
            "client_id": self._order.client_id,
            "client_secret": self._order.client_secret,
            "scope": SCOPE,
        }
        answer = await self._client.post(f"{self._order.url}/{tenant_id}/oauth2/v2.0/token", data=form)
        answer.raise_for_status()
        body = answer.json()
        self._kept[tenant_id] = {"token": body["access_token"], "expires_at": time.time() + body["expires_in"]}
        return str(body["access_token"])


async def main() -> None:
    order = Order.given()
    limits = httpx.Limits(max_connections=order.concurrency, max_keepalive_connections=order.concurrency)
    context = ssl.create_default_context(cafile=order.ca_path)
    async with httpx.AsyncClient(verify=context, limits=limits, timeout=30, trust_env=False) as client:
        await Script(order, client).run()


if __name__ == "__main__":
    asyncio.run(main())
