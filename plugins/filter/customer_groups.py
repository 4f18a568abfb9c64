# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from ansible_collections.mssp.defender.plugins.module_utils._core import errors

DOCUMENTATION = r"""
name: customer_groups
short_description: Group the customers that somebody must act for by reason
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes the rows that P(mssp.defender.customer_rows#filter) gives.
  - Customers with the same state, reason and remedy become one row, so that a fault they share is told once.
  - What the provider must do comes first, then what customers must do. Within each, the most customers come first.
positional: most, names
options:
  _input:
    description: A row for each customer.
    type: list
    elements: dict
    required: true
  most:
    description: How many rows to give. The last of them stands for the rest, where there are more. Without it all.
    type: int
  names:
    description: How many customers of a row to name. Without it all.
    type: int
  granted:
    description: Whether customers that are granted have a row too, the first one.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Prove each customer's consent
  mssp.defender.defender_token:
    hosts: "{{ ansible_play_batch }}"
  run_once: true
  register: proven

- name: Print who must act, and for whom
  mssp.defender.defender_report:
    layout: list
    columns: [customers, state, reason, who_acts, what_to_do]
    rows: "{{ customers | mssp.defender.customer_groups(most=5, names=10) }}"
  vars:
    customers: "{{ ansible_play_hosts_all | mssp.defender.customer_rows(proven.tenants) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: >-
    One row for each reason, with C(customers) (how many, and their names), C(state), C(reason), C(who_acts) and
    C(what_to_do).
  type: list
  elements: dict
"""

_ORDER = (errors.PROVIDER, errors.CUSTOMER_ADMIN, "", errors.NOBODY)
_SHORTEST_NAME = 3


class GroupRow(TypedDict):
    customers: str
    state: str
    reason: str
    who_acts: str
    what_to_do: str


def customer_groups(
    rows: Iterable[Mapping[str, str]], most: int | None = None, names: int | None = None, granted: bool = False
) -> list[GroupRow]:
    rows = list(rows)
    groups: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for row in rows:
        if granted or row["state"] != errors.GRANTED:
            groups.setdefault(_cause(row), []).append(row)
    ordered = sorted(groups.values(), key=_rank)
    if most is None or len(ordered) <= most:
        return [_row(group, names, len(rows)) for group in ordered]
    return [*(_row(group, names, len(rows)) for group in ordered[: most - 1]), _rest(ordered[most - 1 :])]


def _cause(row: Mapping[str, str]) -> tuple[str, ...]:
    """Return what makes two rows one: a sentence that names its own customer is the same as another's of that kind."""
    texts = [row["reason"], row["what_to_do"]]
    for own in (row["tenant_id"], row["customer"]):
        if len(own) >= _SHORTEST_NAME:
            texts = [text.replace(own, "\0") for text in texts]
    return row["state"], row["who_acts"], *texts


def _rank(group: list[Mapping[str, str]]) -> tuple[int, int]:
    first = group[0]
    if first["state"] == errors.GRANTED:
        return -1, 0
    who = first["who_acts"]
    return _ORDER.index(who) if who in _ORDER else len(_ORDER), -len(group)


def _row(group: list[Mapping[str, str]], names: int | None, of_all: int) -> GroupRow:
    customers = [row["customer"] for row in group]
    shown = customers[:names]
    others = f" and {len(customers) - len(shown)} more" if len(customers) > len(shown) else ""
    every = "all " if len(group) == of_all else ""
    count = f"{every}{len(group)} customers: " if len(group) > 1 else ""
    # the sentences are alike, and this is the first customer's
    first = group[0]
    return {
        "customers": f"{count}{', '.join(shown)}{others}",
        "state": first["state"],
        "reason": first["reason"],
        "who_acts": first["who_acts"],
        "what_to_do": first["what_to_do"],
    }


def _rest(groups: list[list[Mapping[str, str]]]) -> GroupRow:
    rows = [row for group in groups for row in group]
    return {
        "customers": f"{len(rows)} more customers, for {len(groups)} other reasons",
        "state": ", ".join(dict.fromkeys(row["state"] for row in rows)),
        "reason": "",
        "who_acts": ", ".join(dict.fromkeys(row["who_acts"] for row in rows if row["who_acts"])),
        "what_to_do": "run with -v to see each",
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"customer_groups": customer_groups}
