# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, cast

from ansible.errors import AnsibleFilterError

from ansible_collections.mssp.defender.plugins.module_utils._core import errors, tables
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import permissions

DOCUMENTATION = r"""
name: link_rows
short_description: Lay out the consent links for a mail merge, and say who needs a mail
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes the links that M(mssp.defender.defender_consent_url) returns for hosts.
  - A customer needs a mail who is V(not_consented) or V(partial), which the link solves, and who has one.
  - Rows that were written before stay as they are, unless O(_input) has their customer, or O(hosts) no longer has it.
    Columns that they lack are empty.
positional: outcomes, hosts, written
options:
  _input:
    description: The links, each with the host's C(name).
    type: list
    elements: dict
    required: true
  outcomes:
    description: The outcomes of M(mssp.defender.defender_token) for the same hosts.
    type: list
    elements: dict
    required: true
  hosts:
    description: Names of all hosts of the inventory, in the order of the rows.
    type: list
    elements: str
    required: true
  written:
    description: What was written before, as P(mssp.defender.to_csv#filter) renders rows.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Make the links
  mssp.defender.defender_consent_url:
    hosts: "{{ ansible_play_batch }}"
    redirect_uri: https://localhost/consent-result
  run_once: true
  register: linked

- name: Prove the consents
  mssp.defender.defender_token:
    hosts: "{{ ansible_play_batch }}"
  run_once: true
  register: proven

- name: Print who needs a mail
  mssp.defender.defender_report:
    columns: [name, state, administrator_role, url]
    rows: >-
      {{ linked.tenants | mssp.defender.link_rows(proven.tenants, groups.all)
      | selectattr('needs_mail', 'equalto', 'yes') }}
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - Rows of texts with C(name), C(tenant_id), C(state), C(needs_mail) (V(yes) or V(no)), C(application),
      C(application_id), C(permissions), C(administrator_role), C(language), C(url), C(expires_at) and C(msg).
    - C(msg) says why there is no link. What is not known is empty.
  type: list
  elements: dict
"""


class LinkRow(TypedDict):
    name: str
    tenant_id: str
    state: str
    needs_mail: str
    application: str
    application_id: str
    permissions: str
    administrator_role: str
    language: str
    url: str
    expires_at: str
    msg: str


def link_rows(
    links: Iterable[Mapping[str, Any]],
    outcomes: Iterable[Mapping[str, Any]],
    hosts: Iterable[str],
    written: str = "",
) -> list[LinkRow]:
    states = {outcome["name"]: outcome["state"] for outcome in outcomes}
    rows = _written(written) | {link["name"]: _row(link, states.get(link["name"], "")) for link in links}
    return [rows[host] for host in hosts if host in rows]


def _row(link: Mapping[str, Any], state: str) -> LinkRow:
    url = link.get("url") or ""
    return {
        "name": link["name"],
        "tenant_id": link["tenant_id"],
        "state": state,
        "needs_mail": "yes" if url and state in errors.FIXED_BY_CONSENT else "no",
        "application": link.get("application_name") or "",
        "application_id": link.get("client_id") or "",
        "permissions": _readable(link.get("permissions") or {}),
        "administrator_role": link.get("administrator_role") or "",
        "language": link.get("language") or "",
        "url": url,
        "expires_at": link.get("expires_at") or "",
        "msg": "" if url else link.get("msg") or "",
    }


def _readable(by_api: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{permissions.APIS[api].title}: {', '.join(names)}" for api, names in by_api.items())


def _written(text: str) -> dict[str, LinkRow]:
    try:
        # a spreadsheet that saved the file leaves a mark before it
        header, *rows = tables.read(text.removeprefix("\ufeff")) or [["name"]]
    except csv.Error as error:
        raise AnsibleFilterError(f"link_rows: what was written before is not CSV: {error}") from None
    if "name" not in header:
        # to go on would lose everybody who is not of this run
        raise AnsibleFilterError("link_rows: what was written before has no column 'name': remove that file")
    known = (dict(zip(header, row, strict=False)) for row in rows)
    return {each["name"]: _as_row(each) for each in known if "name" in each}


def _as_row(known: Mapping[str, str]) -> LinkRow:
    return cast(LinkRow, {column: known.get(column, "") for column in LinkRow.__annotations__})


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"link_rows": link_rows}
