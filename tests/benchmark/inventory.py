# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures how long `ansible-inventory --list` takes for many customers: lists, domains, the partner, the cache.

The same hosts and variables as a plain YAML inventory are the measure. Wall time counts the waiting for the emulator on
the same machine; processor time is that of Ansible alone.

It is no part of `make test`. Run it with .venv/bin/python, and leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.emulator import EmulatorProcess  # noqa: E402 - it needs the path above

_ROLES = ["DelegatedAdminRelationship.Read.All", "Directory.Read.All", "CrossTenantInformation.ReadBasic.All"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=5000)
    count = parser.parse_args().customers
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "emulator").mkdir()
        with EmulatorProcess(place / "emulator", "--tenants", str(count)) as emulator:
            emulator.control("POST", "partner-all")
            emulator.control("POST", f"tenants/{emulator.home_tenant_id}/consent", {"roles": _ROLES})
            for name, source in _sources(emulator, place).items():
                _measure(name, source, count, place / "listing.json", emulator.client_secret)


def _sources(emulator: EmulatorProcess, place: Path) -> dict[str, Path]:
    """Write the inventories to compare, and return them by what they are."""
    tenants = emulator.connection["tenants"]
    guids = "".join(f"{tenant['name']},{tenant['tenant_id']},AT\n" for tenant in tenants)
    (place / "guids.csv").write_text(f"name,tenant_id,country\n{guids}")
    named = "".join(f"{tenant['name']},{tenant['domain']},AT\n" for tenant in tenants)
    (place / "domains.csv").write_text(f"name,domain,country\n{named}")
    hosts = {
        tenant["name"]: {
            "country": "AT",
            "partner_access_tenant_id": tenant["tenant_id"],
            "partner_access_customer": {"name": tenant["name"], "sources": ["guids.csv line 2"]},
        }
        for tenant in tenants
    }
    plain = place / "plain.yml"
    plain.write_text(yaml.safe_dump({"customers": {"hosts": hosts}}))
    reaching = {
        "authority_url": emulator.url,
        "graph_url": emulator.url,
        "ca_path": emulator.ca_path,
        "client_id": emulator.client_id,
        "home_tenant_id": emulator.home_tenant_id,
    }
    kept = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(place / "kept")}
    forms: dict[str, dict[str, Any]] = {
        "list of tenant ids": {"files": ["guids.csv"]},
        "domains by discovery": {"files": ["domains.csv"]},
        "domains by Graph": {"files": ["domains.csv"], "resolve": "graph"},
        "partner, both kinds": {"partner": ["delegated_admin_customers", "contracts"]},
        "domains, cache cold": {"files": ["domains.csv"], **kept},
        "domains, cache warm": {"files": ["domains.csv"], **kept},
    }
    sources = {"plain YAML inventory": plain}
    for number, (name, options) in enumerate(forms.items()):
        # the two that share a cache are one source
        sources[name] = place / ("kept.customers.yml" if "cache" in options else f"{number}.customers.yml")
        sources[name].write_text(json.dumps({"plugin": "mssp.defender.customers", **reaching, **options}))
    return sources


def _measure(name: str, source: Path, count: int, listing: Path, secret: str) -> None:
    started, before = time.monotonic(), _cpu_seconds()
    subprocess.run(
        ["ansible-inventory", "--list", "--output", str(listing), "-i", str(source)],
        env={**os.environ, "AZURE_CLIENT_SECRET": secret, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"},
        check=True,
    )
    wall, cpu = time.monotonic() - started, _cpu_seconds() - before
    found = len(json.loads(listing.read_text())["_meta"]["hostvars"])
    assert found == count, f"{name}: {found} hosts"
    print(f"{name:22} {wall:6.2f} s {cpu:6.2f} cpu s", flush=True)


def _cpu_seconds() -> float:
    """Return the processor time of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
