# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Form e: the work as a Python engineer writes it with requests and msal: threads, kept connections, an MSAL
application for each tenant, so that no tenant searches through the tokens of the others. With --believe it checks no
token."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msal
import requests
from bare import SCOPE, Order, Validator
from requests.adapters import HTTPAdapter


class Script:
    """One session and one validator for all customers; the caches of earlier runs by tenant."""

    def __init__(self, order: Order, checks: bool) -> None:
        self._order = order
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = order.ca_path
        self._session.mount("https://", HTTPAdapter(pool_connections=4, pool_maxsize=order.concurrency))
        self._validator = self._make_validator() if checks else None
        self._file = order.cache / "msal.json"
        self._kept: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def run(self) -> None:
        with ThreadPoolExecutor(self._order.concurrency) as pool:
            for _unused in pool.map(self._work, self._order.customers):
                pass
        _write_private(self._file, json.dumps(self._kept))

    def _make_validator(self) -> Validator:
        metadata = self._session.get(self._order.metadata_url()).json()
        return Validator(self._order, metadata, self._session.get(metadata["jwks_uri"]).json())

    def _work(self, customer: dict[str, str]) -> None:
        token = self._token(customer["tenant_id"])
        if self._validator:
            self._validator.check(token, customer["tenant_id"])
        answer = self._session.get(self._order.incidents_url(), headers={"Authorization": f"Bearer {token}"})
        answer.raise_for_status()
        self._order.write(customer, answer.json()["value"])

    def _token(self, tenant_id: str) -> str:
        cache = msal.SerializableTokenCache()
        cache.deserialize(self._kept.get(tenant_id))
        application = msal.ConfidentialClientApplication(
            self._order.client_id,
            client_credential=self._order.client_secret,
            authority=f"{self._order.url}/{tenant_id}",
            instance_discovery=False,
            http_client=self._session,
            token_cache=cache,
        )
        token = str(application.acquire_token_for_client([SCOPE])["access_token"])
        if cache.has_state_changed:
            self._kept[tenant_id] = cache.serialize()
        return token


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


if __name__ == "__main__":
    Script(Order.given(), checks="--believe" not in sys.argv).run()
