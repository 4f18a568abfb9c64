# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the provider's customers are to Microsoft's partner programme: what its own directory holds about them."""

from __future__ import annotations

from defender_emulator.json_text import JsonObject
from defender_emulator.store import Store

LISTS = ("customers", "relationships", "contracts")
STORED_KINDS = tuple(f"partner_{name}" for name in LISTS)


class Partnership:
    """Three lists of documents as Graph writes them, each with an ``id``; kept in the store, and empty at first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lists: dict[str, dict[str, JsonObject]] = {name: store.all(f"partner_{name}") for name in LISTS}

    def documents(self, name: str) -> list[JsonObject]:
        """One of ``LISTS``."""
        return list(self._lists[name].values())

    def put(self, name: str, documents: list[JsonObject]) -> None:
        """Add documents to one of ``LISTS``, or replace those of the same id."""
        with self._store.transaction():
            for document in documents:
                self._lists[name][document["id"]] = document
                self._store.put(f"partner_{name}", document["id"], document)

    def clear(self) -> None:
        """Let the provider have no customer."""
        for name in LISTS:
            self._lists[name].clear()
            self._store.clear(f"partner_{name}")
