# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.records import JsonObject

DOCUMENTATION = r"""
name: latest_records
short_description: Read a file of incidents, each once, as it was last updated
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Reads the JSON Lines that M(mssp.defender.defender_incidents) and M(mssp.defender.defender_alerts) write.
  - A file holds a record again after every update, and after a run that was killed. This gives its newest version only.
  - A last line that a kill has cut off is left out, because the next run writes it again.
  - Whoever sends a mail can write into the title of an incident. No text of a record is ever taken for a template.
options:
  _input:
    description: The content of the file.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the titles
  ansible.builtin.debug:
    msg: "{{ records | mssp.defender.latest_records | map(attribute='displayName') }}"
  vars:
    records: '{"id": "7", "displayName": "Ransomware"}'
"""

RETURN = r"""
_value:
  description: The records, as they were written, in the order in which they first occur.
  type: list
  elements: dict
"""


def latest_records(text: str) -> list[JsonObject]:
    latest: dict[str, JsonObject] = {}
    # not splitlines: a text within a record may hold other separators
    *lines, last = text.rstrip("\n").split("\n")
    parsed = [*itertools.starmap(_parsed, enumerate(lines, start=1)), _parsed(0, last, may_be_cut_off=True)]
    for number, record in enumerate(parsed):
        # an alert has both, and of them only the first is its own; one without an id stands for itself
        identity = str(record.get("id") or record.get("incidentId") or f"line {number}")
        if record and _updated(record) >= _updated(latest.get(identity, record)):
            latest[identity] = record
    try:
        found: list[JsonObject] = wrap_var(list(latest.values()))
    except RecursionError:
        raise AnsibleFilterError("latest_records: a record is nested too deep for Ansible") from None
    return found


def _parsed(number: int, line: str, may_be_cut_off: bool = False) -> JsonObject:
    try:
        record: JsonObject = json.loads(line)
    except RecursionError:
        raise AnsibleFilterError(f"latest_records: line {number} is nested too deep for Ansible") from None
    except ValueError:
        if may_be_cut_off or not line.strip():
            return {}
        raise AnsibleFilterError(
            f"latest_records: line {number} is not JSON, so this is not a file of records"
        ) from None
    return record


def _updated(record: JsonObject) -> int:
    updated = timestamps.ticks_or_none(record.get("lastUpdateTime") or record.get("lastUpdateDateTime"))
    return timestamps.FIRST if updated is None else updated


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"latest_records": latest_records}
