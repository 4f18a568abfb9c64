# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which records to read: what the service filters by, and what is left to this machine."""

from __future__ import annotations

from dataclasses import dataclass

from .. import timestamps
from ..wire.records import JsonObject
from .dialects import Dialect
from .windows import Window


@dataclass(frozen=True)
class Query:
    """Which records to read. Times are ticks (see `timestamps`); empty means any; `limit` None means all."""

    status: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    assigned_to: str | None = None
    created_after: int | None = None
    updated_after: int | None = None
    raw_filter: str | None = None
    limit: int | None = None

    def odata_filter(self, dialect: Dialect, window: Window) -> str | None:
        """Return the `$filter` for the service and for the records last updated in the window.

        More than one value of a field, and what the API cannot filter, is left to `accepts`.
        """
        terms = []
        if len(self.status) == 1:
            terms.append(f"status eq {_literal(dialect.write_value(self.status[0]))}")
        if len(self.severity) == 1 and "severity" in dialect.filters:
            terms.append(f"severity eq {_literal(dialect.write_value(self.severity[0]))}")
        if self.assigned_to:
            terms.append(f"assignedTo eq {_literal(self.assigned_to)}")
        if self.created_after is not None:
            terms.append(f"{dialect.created_field} ge {timestamps.render(self.created_after)}")
        # the beginning of 1970 stands for that of time
        if window.start:
            terms.append(f"{dialect.updated_field} ge {timestamps.render(window.start)}")
        if window.end is not None and window.end <= timestamps.LAST:
            terms.append(f"{dialect.updated_field} lt {timestamps.render(window.end)}")
        if self.raw_filter:
            terms.append(f"({self.raw_filter})" if terms else self.raw_filter)
        return " and ".join(terms) or None

    def accepts(self, record: JsonObject) -> bool:
        """Tell whether a record the service sent is one of those asked for."""
        return _is_one_of(record.get("status"), self.status) and _is_one_of(record.get("severity"), self.severity)

    def local_filters(self, dialect: Dialect) -> list[str]:
        """Return the names of the filters that were applied on this machine and not by the service."""
        local = []
        if len(self.status) > 1:
            local.append("status")
        if len(self.severity) > 1 or (self.severity and "severity" not in dialect.filters):
            local.append("severity")
        return local


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _is_one_of(value: object, wanted: tuple[str, ...]) -> bool:
    return not wanted or str(value).lower() in {choice.lower() for choice in wanted}
