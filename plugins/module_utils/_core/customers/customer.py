# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A customer of the provider, and the name that its host and its files have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypedDict

from ..characters import named

_NOT_IN_HOST_NAMES = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 100
# of the 255 that file systems allow: a suffix comes behind it, and more while the file is written
_LONGEST_FILE_NAME_BYTES = 200
# names that mean something else to Ansible, or to the playbooks of this collection
_NOT_HOSTS = re.compile(r"all|ungrouped|localhost|127\.0\.0\.1|partner_access_\w*", re.IGNORECASE)
_NODE_OF_GUID = slice(-12, None)


class Relationship(TypedDict):
    """Delegated administration that the customer has granted; `ends_at` is RFC 3339, `roles` are ids of Entra roles."""

    id: str | None
    name: str | None
    status: str
    ends_at: str | None
    roles: list[str | None]


@dataclass(frozen=True)
class Customer:
    """One tenant, from one place or merged from several.

    `name` is the host's, `title` as people write it; `tenant_id` a GUID or a domain in lower case; `sources` says where
    the customer stands ("customers.csv line 7"); `variables` are the list's own. What is not known is None.
    """

    name: str
    title: str
    tenant_id: str
    sources: tuple[str, ...]
    variables: dict[str, object] = field(default_factory=dict)
    domain: str | None = None
    relationships: list[Relationship] | None = None
    contract_type: str | None = None

    def known(self) -> dict[str, object]:
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
    name = _plain(title, 0)
    return "" if _NOT_HOSTS.fullmatch(name) else name


def partner_name(title: str, tenant_id: str) -> str:
    """Return the host's name for a customer whose title is its own to choose, with the end of its tenant's GUID.

    It depends on nothing else: a customer that takes the title of another one does not take its name.
    """
    end = tenant_id[_NODE_OF_GUID]
    plain = _plain(title, len(end) + 1)
    return f"{plain}-{end}" if plain and title != tenant_id else tenant_id


def file_fault(name: str) -> str | None:
    """Return why a customer's file cannot have this name, or None where it can."""
    if name.startswith("."):
        return "it begins with a dot"
    for character in name:
        if character == "/" or unicodedata.category(character) in ("Cc", "Cs"):
            return f"it has {named(character)}"
    return "it is too long" if len(name.encode()) > _LONGEST_FILE_NAME_BYTES else None


def file_key(name: str) -> str:
    """Return what is equal for names that are one file where a disk ignores case, accents' form or dots at the end."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold()).rstrip(". ")


def sharing_files(names: Iterable[str]) -> dict[str, str]:
    """Return the names that are one file with another where a disk takes them for equal, each with such another."""
    by_file: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        by_file.setdefault(file_key(name), []).append(name)
    return {name: alike[name == alike[0]] for alike in by_file.values() if len(alike) > 1 for name in alike}


def _plain(title: str, reserved: int) -> str:
    """Return what is left of the title in a name that has so many more characters behind it."""
    name = _NOT_IN_HOST_NAMES.sub("-", unicodedata.normalize("NFC", title)).strip("-.")[: _LONGEST_NAME - reserved]
    # a character that is cut through is left out
    return name.encode()[: _LONGEST_FILE_NAME_BYTES - reserved].decode(errors="ignore").rstrip("-.")
