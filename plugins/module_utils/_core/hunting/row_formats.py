# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the rows of many tenants stand in one file: as JSON Lines or as CSV, each row with the name of its tenant."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from .. import tables
from ..errors import OptionError
from ..wire.records import Record

TENANT = "tenant"
"""The column that names the tenant; it comes first."""


class JsonLines:
    """A JSON object a line, as the service wrote it but for the tenant's name in front."""

    def rows(self, tenant: str, rows: Iterable[Record]) -> bytes:
        """Return the rows of one tenant."""
        name = json.dumps({TENANT: tenant}, ensure_ascii=False)[:-1]
        lines = "".join(f"{name}{', ' if row else ''}{row.line()[1:]}" for row in rows)
        # half of a surrogate pair, which no file can hold, stands in a name as JSON escapes it
        return lines.encode(errors="backslashreplace")


class Csv:
    """A table with a head; every value is in quotes, lines end by a line feed, and no text is run as a formula."""

    def rows(self, tenant: str, rows: Iterable[Record], columns: list[str]) -> bytes:
        """Return the rows of one tenant, with a value or nothing for each of the columns."""
        return tables.table([tenant, *(row.get(column) for column in columns)] for row in rows).encode()

    def columns_of(self, table: BinaryIO) -> list[str]:
        """Return the columns that the head names behind the tenant; none for an empty file.

        Raises ValueError for a head that was not written here, such as one that a spreadsheet saved.
        """
        table.seek(0)
        head = table.readline()
        try:
            columns = tables.read_row(head.decode())[1:]
        except csv.Error:
            raise ValueError("the head is none") from None
        if head and head != tables.table([[TENANT, *columns]]).encode():
            raise ValueError("the head is another's")
        return columns

    def widened(self, table: BinaryIO, more: list[str]) -> Iterator[bytes]:
        """Yield the table, or an empty file, with the columns `more` behind its own, which are empty in every row."""
        yield tables.table([[TENANT, *self.columns_of(table), *more]]).encode()
        is_within_quotes = False
        for line in table:
            # a line feed between quotes does not end the row, and a quote within a value stands there twice
            is_within_quotes ^= line.count(b'"') % 2 == 1
            yield line if is_within_quotes else line[:-1] + b',""' * len(more) + b"\n"


def by_suffix(option: str, name: str) -> JsonLines | Csv:
    """Return the format of a file by the end of its name. Raises OptionError for one that is neither."""
    if name.endswith(".jsonl"):
        return JsonLines()
    if name.endswith(".csv"):
        return Csv()
    raise OptionError(f"{option}: '{name}' names no format: let it end in .jsonl (JSON Lines) or .csv")
