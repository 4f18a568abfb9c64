# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source mssp.defender.incidents, as ansible-rulebook loads it: by its path, and without Ansible."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
short_description: Incidents of Microsoft Defender XDR in customer tenants, as events
description:
  - Polls the incidents of many customer tenants, and makes an event of each that is new or has changed.
  - A change of a tenant's state is an event too, for example from C(granted) to C(not_consented).
  - Reads as M(mssp.defender.defender_incidents) does, under the same quotas. Checkpoints survive restarts.
  - The file of C(certificate_path) must not be encrypted with Ansible Vault, which an event source has none of.
  - A secret belongs into the environment or a file. C(ansible-rulebook -vv) prints the options of a rulebook's sources.
  - Options that are not listed below are those of that module, with the same meaning and environment variables.
    C(api), C(status), C(severity), C(assigned_to), C(filter), C(alerts), C(normalize), C(switched_checkpoint),
    C(concurrency), C(paced), C(client_id), C(client_secret), C(certificate_path), C(certificate_password),
    C(federated_token_file), C(cloud), C(authority_url), C(graph_url), C(xdr_url), C(ca_path), C(timeout), C(retries),
    C(max_wait), C(tenant_timeout) and C(cache).
options:
  tenants:
    description:
      - The customers, each with C(name), which is that of its host in the inventory, and C(tenant_id).
      - Either this or O(files) is needed.
    type: list
    elements: dict
  files:
    description:
      - Customer lists (CSV or YAML), as the inventory plugin P(mssp.defender.customers#inventory) reads them.
    type: list
    elements: path
  checkpoint:
    description:
      - Folder for what survives a restart, two small files for each customer. It is made where it is missing.
    type: path
    required: true
  interval:
    description:
      - Seconds between two polls of a tenant. Each costs at least one call, of 50 a minute and 1,500 an hour.
    type: int
    default: 60
  backfill:
    description:
      - How far back a customer's first poll goes, as an ISO 8601 time or an age such as V(90m), V(24h) or V(7d),
        or V(all).
    type: str
    default: 1h
  feedback:
    description:
      - Whether the checkpoint waits for ansible-rulebook to confirm each event, which it does with C(--persistence-id).
    type: bool
    default: false
"""

EXAMPLES = r"""
- mssp.defender.incidents:
    files: [customers.csv]
    checkpoint: checkpoints
    severity: [High]
- mssp.defender.incidents:
    tenants:
      - {name: contoso, tenant_id: 44444444-4444-4444-8444-444444444444}
    checkpoint: checkpoints
    client_id: 11111111-1111-4111-8111-111111111111
    certificate_path: application.pem
    interval: 30
"""

_COLLECTION = "ansible_collections.mssp.defender.plugins.module_utils"


async def main(queue: asyncio.Queue[Any], args: Mapping[str, Any]) -> None:
    """Put events into the queue until cancelled."""
    _make_importable()
    source = importlib.import_module(f"{_COLLECTION}._event_source")
    event_stream = importlib.import_module(f"{_COLLECTION}._operations.reading.event_stream")
    await source.run_source(event_stream.STREAM, queue, args)


def _make_importable() -> None:
    """Have Python find the collection that this file belongs to."""
    # not resolved: the folder ansible_collections may lie before a link
    collections = Path(__file__).absolute().parents[6]
    if collections.name != "ansible_collections":
        raise ImportError("the event source has to stay in its collection, below a folder ansible_collections/mssp")
    if str(collections.parent) not in sys.path:
        sys.path.insert(0, str(collections.parent))
    # the PyPI package `ansible` has a package of this name, which hides all other folders of the name
    package = importlib.import_module("ansible_collections")
    if str(collections) not in package.__path__:
        package.__path__.append(str(collections))
