# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A customer of the provider, and the name of the host that stands for it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

_NOT_IN_HOST_NAMES = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 100
_NOT_HOSTS = ("all", "ungrouped", "localhost")


@dataclass(frozen=True)
class Customer:
    """One tenant, from one place or merged from several.

    `name` is the host's, `title` as people write it; `tenant_id` a GUID or a domain in lower case; `sources` says where
    the customer stands ("customers.csv line 7"); `variables` are the list's own. `relationships` hold `id`, `name`,
    `status`, `ends_at` (RFC 3339) and `roles` (ids of Entra roles). What is not known is None.
    """

    name: str
    title: str
    tenant_id: str
    sources: tuple[str, ...]
    variables: dict[str, Any] = field(default_factory=dict)
    domain: str | None = None
    relationships: list[dict[str, Any]] | None = None
    contract_type: str | None = None

    def known(self) -> dict[str, Any]:
        """Return what is known of the customer beside its tenant, as it stands in the inventory."""
        facts = {
            "name": self.title,
            "domain": self.domain,
            "sources": list(self.sources),
            "relationships": self.relationships,
            "contract_type": self.contract_type,
        }
        return {name: value for name, value in facts.items() if value is not None}


def host_name(title: str) -> str:
    """Return the name a host can have on command lines, in patterns and as a file; empty where nothing is left."""
    name = _NOT_IN_HOST_NAMES.sub("-", unicodedata.normalize("NFC", title)).strip("-.")
    return "" if name.lower() in _NOT_HOSTS else name[:_LONGEST_NAME].rstrip("-.")
