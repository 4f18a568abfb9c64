# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project with customer lists and a configuration of the inventory, read by the real `ansible-inventory`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.ansible_runs import Ansible, Run


@dataclass(frozen=True)
class Listing:
    """What `ansible-inventory --list` left: its exit code, all it printed, and the inventory (empty if it failed)."""

    code: int
    output: str
    inventory: dict[str, Any]

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        """Each host's variables, the marks of untrusted text taken away."""
        found: dict[str, dict[str, Any]] = _unmarked(self.inventory["_meta"]["hostvars"])
        return found

    def tenants(self) -> dict[str, str]:
        return {name: variables["partner_access_tenant_id"] for name, variables in self.hosts.items()}

    def group(self, name: str) -> set[str]:
        return set(self.inventory.get(name, {}).get("hosts", []))

    def says(self, sentence: str) -> bool:
        """Tell whether it printed the sentence, however it was broken into lines."""
        return "".join(sentence.split()) in "".join(self.output.split())


class CustomerInventory:
    """`files` are written beside the configuration, which reaches the emulator unless it says otherwise."""

    def __init__(self, ansible: Ansible) -> None:
        self.ansible = ansible
        self.place = ansible.place
        emulator = ansible.emulator
        self.reaching = {"authority_url": emulator.url, "graph_url": emulator.url, "ca_path": emulator.ca_path}
        self.partner = {"client_id": emulator.client_id, "home_tenant_id": emulator.home_tenant_id}

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.place / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def config(self, name: str = "soc.customers.yml", **options: Any) -> Path:
        return self.file(name, json.dumps({"plugin": "mssp.defender.customers", **self.reaching, **options}))

    def read(self, *sources: Path, extra: str = "", **environment: str | None) -> Listing:
        """List the inventory, where a source that cannot be read is an error. `extra` are extra variables."""
        listing = self.place / "listing.json"
        listing.unlink(missing_ok=True)
        command = ["ansible-inventory", "--list", "--output", str(listing), "--extra-vars", extra]
        command += [argument for source in sources for argument in ("-i", str(source))]
        run = self.ansible.run(command, {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true", **environment})
        return Listing(run.code, run.output, json.loads(listing.read_text()) if listing.exists() else {})

    def play(self, source: Path, tasks: str, **environment: str | None) -> Run:
        """Run a play on all customers of the inventory."""
        return self.ansible.run(["ansible-playbook", "-i", str(source), self.ansible.play(tasks)], environment)


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        marked = value.get("__ansible_unsafe")
        return marked if marked is not None else {name: _unmarked(member) for name, member in value.items()}
    return [_unmarked(member) for member in value] if isinstance(value, list) else value
