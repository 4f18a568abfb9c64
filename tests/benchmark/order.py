# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one process is to work on, as the files that its command line names."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.emulator import EmulatorProcess


@dataclass(frozen=True)
class Order:
    """`variables` name every customer; an `inventory` has a host for each, to which `of_hosts` is added.

    `dest` is an empty folder for the incidents; `cache` is where tokens outlive the process.
    """

    customers: list[dict[str, str]]
    variables: Path
    inventory: Path
    of_hosts: Path
    dest: Path
    cache: Path

    @classmethod
    def write(
        cls, place: Path, emulator: EmulatorProcess, customers: list[dict[str, str]], cache: Path, concurrency: int
    ) -> Order:
        order = cls(
            customers,
            place / "variables.json",
            place / "inventory.json",
            place / "of_hosts.json",
            place / "dest",
            cache,
        )
        order.dest.mkdir()
        cache.mkdir(mode=0o700, exist_ok=True)
        shared = {"dest": str(order.dest), "cache": str(cache)}
        variables = {
            **shared,
            "customers": customers,
            "client_id": emulator.client_id,
            "url": emulator.url,
            "ca_path": emulator.ca_path,
            "concurrency": concurrency,
        }
        order.variables.write_text(json.dumps(variables))
        order.of_hosts.write_text(json.dumps(shared))
        order.inventory.write_text(json.dumps(_inventory(emulator, customers, shared, concurrency)))
        return order


def _inventory(
    emulator: EmulatorProcess, customers: list[dict[str, str]], shared: dict[str, str], concurrency: int
) -> dict[str, Any]:
    hosts = {customer["name"]: {"partner_access_tenant_id": customer["tenant_id"]} for customer in customers}
    variables = {
        "ansible_python_interpreter": sys.executable,
        "partner_access_client_id": emulator.client_id,
        "partner_access_authority_url": emulator.url,
        "partner_access_xdr_url": emulator.url,
        "partner_access_ca_path": emulator.ca_path,
        "partner_access_cache": shared["cache"],
        # as the other forms do: one token, and the whole read in a file
        # the page that the scripts read, as they read it
        "partner_access_api": "xdr",
        "partner_access_incidents_normalize": False,
        "partner_access_incidents_dest": shared["dest"],
        "partner_access_incidents_checkpoint": "",
        "partner_access_concurrency": concurrency,
    }
    return {"customers": {"hosts": hosts, "vars": variables}}
