# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where state lives: one SQLite table of JSON documents, in memory or in a file."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Store:
    """JSON documents by kind and key.

    Without a path everything is lost at the end. With one, the file (mode 0600) is read again by the next run.
    """

    def __init__(self, path: Path | None) -> None:
        self.created = path is None or not path.exists()
        if path is not None:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._database = sqlite3.connect(path or ":memory:", isolation_level=None)
        if path is not None:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS documents (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))"
        )

    def get(self, kind: str, key: str) -> Any:
        """The document, or None."""
        row = self._database.execute(
            "SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, _stored(key))
        ).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str) -> dict[str, Any]:
        """Every document of a kind, by key."""
        rows = self._database.execute("SELECT key, body FROM documents WHERE kind = ?", (kind,))
        return {key: json.loads(body) for key, body in rows}

    def put(self, kind: str, key: str, document: Any) -> None:
        """Write one document, replacing an earlier one."""
        self._database.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, _stored(key), json.dumps(document))
        )

    def remove(self, kind: str, key: str) -> None:
        """Forget one document."""
        self._database.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, _stored(key)))

    def clear(self, kind: str) -> None:
        """Forget every document of a kind."""
        self._database.execute("DELETE FROM documents WHERE kind = ?", (kind,))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write many documents as one."""
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def _stored(key: str) -> str:
    """The key as SQLite can hold it: a half of a character as its escape."""
    return key.encode(errors="backslashreplace").decode()
