# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory that takes shape beside Ansible's, and goes into it as a whole or not at all.

Ansible keeps what a plugin has added before it failed. Of a host and a group of one name, a pattern finds the host
alone, so that a play for the group would end well without its other hosts.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData

from ansible_collections.mssp.defender.plugins.module_utils._core.customers.customer import Customer

TENANT_ID = "partner_access_tenant_id"


class InventoryDraft(InventoryData):
    """Hosts for these customers, on top of `known`, which is what other sources of the run have made.

    Methods raise AnsibleParserError for a host and a group of one name, wherever they come from.
    """

    def __init__(self, known: InventoryData, customers: Iterable[Customer]) -> None:
        self._known = known
        self._customers = {customer.name: customer for customer in customers}
        super().__init__()
        self.current_source = known.current_source

    def add_group(self, group: str) -> str:
        # another name than the one given, where that has characters that a group cannot have
        name: str = super().add_group(group)
        self._check_apart(name, name in self.hosts or name in self._known.hosts)
        return name

    def add_host(self, host: str, group: str | None = None, port: int | str | None = None) -> str:
        name: str = super().add_host(host, group, port)
        self._check_apart(name, name in self.groups or name in self._known.groups)
        return name

    def add_customer(self, name: str, group: str) -> str:
        """Add the customer's host to the group, with the variables that other sources gave it."""
        self.add_host(name, group)
        if name in self._known.hosts:
            self.hosts[name].vars = dict(self._known.hosts[name].vars)
            self._check_tenant(self._customers[name])
        return name

    def commit(self) -> None:
        """Add all to what other sources have made, once every customer has its own tenant."""
        for name, customer in self._customers.items():
            if self.hosts[name].vars[TENANT_ID] != customer.tenant_id:
                raise AnsibleParserError(
                    f"compose gives {name} another tenant than its own: take {TENANT_ID} out of it"
                )
        for group in self.groups.values():
            self._known.add_group(group.name)
        for group in self.groups.values():
            for child in group.child_groups:
                self._known.add_child(group.name, child.name)
        for host in self.hosts.values():
            self._known.add_host(host.name)
            for variable, value in host.vars.items():
                self._known.set_variable(host.name, variable, value)
        for group in self.groups.values():
            for host in group.hosts:
                self._known.add_child(group.name, host.name)

    def _check_apart(self, name: str, is_both: bool) -> None:
        if is_both:
            customer = self._customers.get(name)
            what = f"the customer of {', '.join(customer.sources)}" if customer else "a host of another source"
            raise AnsibleParserError(
                f"'{name}' is {what} and also a group, and Ansible would work for that host alone where the group is "
                "meant: rename one of them"
            )

    def _check_tenant(self, customer: Customer) -> None:
        other = self.hosts[customer.name].vars.get(TENANT_ID)
        if other is not None and str(other).lower() not in (customer.tenant_id, customer.domain):
            raise AnsibleParserError(
                f"{customer.name} ({', '.join(customer.sources)}) is tenant {customer.tenant_id}, and another source "
                f"of the inventory has a customer of that name with tenant {other}: rename one of them"
            )
