# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

DOCUMENTATION = r"""
name: registration_rows
short_description: Lay the registered applications out as rows of a table
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Takes the C(applications) of what M(mssp.defender.defender_application) and M(mssp.defender.defender_credential)
    return for hosts.
positional: rotated
options:
  _input:
    description: What became of the applications.
    type: list
    elements: dict
    required: true
  rotated:
    description: What became of their credentials.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Register the application of all customers
  mssp.defender.defender_application:
    hosts: "{{ ansible_play_batch }}"
    tenant_id: provider.example
    client_id: 22222222-2222-2222-2222-222222222222
    unique_name: provider-soc
  run_once: true
  register: registered

- name: Print what is registered
  mssp.defender.defender_report:
    columns: [application, state, app_id, credential, good_until, granted_at_home, asks_for]
    rows: "{{ registered.applications | mssp.defender.registration_rows([]) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - One row for each application, with C(application), C(state) (V(ok), V(changed), V(failed)), C(app_id),
      C(asks_for), C(granted_at_home), C(credential), C(good_until) and C(what_follows).
    - C(granted_at_home) is V(all) where that is everything that the application asks for.
  type: list
  elements: dict
"""


class RegistrationRow(TypedDict):
    application: str | None
    state: str
    app_id: str
    asks_for: str
    granted_at_home: str
    credential: str
    good_until: str
    what_follows: str


def registration_rows(
    registered: Iterable[Mapping[str, Any]], rotated: Iterable[Mapping[str, Any]]
) -> list[RegistrationRow]:
    rows: list[list[Mapping[str, Any]]] = [[result, {}] for result in registered]
    row_of = {host: row for row in rows for host in row[0]["hosts"]}
    for result in rotated:
        row = row_of.get(result["hosts"][0])
        if row is None:
            rows.append([{}, result])
        else:
            row[1] = result
    return [_row(results) for results in rows]


def _row(results: list[Mapping[str, Any]]) -> RegistrationRow:
    registered, rotated = results
    application, credential = registered.get("application") or {}, rotated.get("credential") or {}
    asked, granted = _names(application.get("permissions")), _names(application.get("granted"))
    return {
        "application": registered.get("unique_name") or rotated.get("unique_name"),
        "state": _state(results),
        "app_id": application.get("app_id") or rotated.get("app_id") or "",
        "asks_for": ", ".join(asked),
        "granted_at_home": "all" if asked and asked == granted else ", ".join(granted),
        "credential": credential.get("name", ""),
        "good_until": credential.get("expires_at", ""),
        "what_follows": " ".join(result["msg"] for result in results if result.get("msg") and _has_worked(result)),
    }


def _state(results: list[Mapping[str, Any]]) -> str:
    done = [result for result in results if result]
    if not done or any(_is_refused(result) for result in done):
        return "failed"
    return "changed" if any(result.get("changed") for result in done) else "ok"


def _is_refused(result: Mapping[str, Any]) -> bool:
    # a refusal after the credential was made leaves both
    return "meaning" in result or not _has_worked(result)


def _has_worked(result: Mapping[str, Any]) -> bool:
    return "application" in result or "credential" in result


def _names(by_api: Mapping[str, list[str]] | None) -> list[str]:
    return sorted(name for names in (by_api or {}).values() for name in names)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"registration_rows": registration_rows}
