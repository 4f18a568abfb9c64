# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control: polls as pollers commonly do, `gt` the last time as text, with pages by `$skip`. It loses records."""

from __future__ import annotations

from typing import Any

import requests
from unit.moving.service import PATHS

_FIELDS = {"xdr": ("incidentId", "lastUpdateTime"), "graph": ("id", "lastUpdateDateTime")}


class NaiveReader:
    """Polls one tenant; `since` is the time it reads from, `handed_over` what it has, in the order of arrival."""

    def __init__(self, url: str, ca_path: str, token: str, api: str, page_size: int, since: str) -> None:
        self._url = url + PATHS[api]
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_path
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._id, self._updated = _FIELDS[api]
        self._page_size = page_size
        self.since = since
        self.handed_over: list[tuple[str, str]] = []

    def poll(self, most_requests: int | None = None) -> bool:
        """Read what is new, and tell whether a failure, or a kill after so many requests, did not cut that off."""
        found: list[dict[str, Any]] = []
        requests_made = 0
        while True:
            if requests_made == most_requests:
                return False
            requests_made += 1
            page = self._page(len(found))
            if page is None:
                return False
            found += page
            self.handed_over += [(str(record[self._id]), record[self._updated]) for record in page]
            if not page:
                break
        self.since = max([self.since, *(record[self._updated] for record in found)])
        return True

    def _page(self, skip: int) -> list[dict[str, Any]] | None:
        query = {"$top": self._page_size, "$skip": skip, "$filter": f"{self._updated} gt {self.since}"}
        try:
            reply = self._session.get(self._url, params=query, timeout=5)
            return reply.json()["value"] if reply.ok else None
        except (requests.RequestException, ValueError):
            return None
