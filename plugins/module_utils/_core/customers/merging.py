# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One customer for each tenant, however many places name it, and one name for each customer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from ..errors import OptionError
from .customer import Customer


def of_lists(listed: Iterable[Customer], refuse: bool = False) -> tuple[list[Customer], list[str]]:
    """Return the customers of all lists, and a warning for each that stands there under two names.

    Raises OptionError for one name with two tenants, for two rows of a tenant that contradict each other, and with
    `refuse` for a tenant that is listed twice at all.
    """
    by_tenant: dict[str, Customer] = {}
    warnings = []
    for customer in listed:
        first = by_tenant.setdefault(customer.tenant_id, customer)
        if first is customer:
            continue
        both = f"{_place(first)} and {_place(customer)} are one tenant, {customer.tenant_id}"
        if refuse:
            raise OptionError(f"{both}: remove one of them, or set duplicates to merge")
        differing = [name for name, value in customer.variables.items() if first.variables.get(name, value) != value]
        if differing:
            raise OptionError(f"{both}, and differ in {', '.join(differing)}: correct one of them")
        if first.name != customer.name:
            warnings.append(f"{both}: the host is {first.name}")
        by_tenant[customer.tenant_id] = _joined(first, customer)
    named: dict[str, Customer] = {}
    for customer in by_tenant.values():
        other = named.setdefault(customer.name, customer)
        if other is not customer:
            raise OptionError(f"{_place(other)} and {_place(customer)} are two tenants of one name: rename one of them")
    return list(by_tenant.values()), warnings


def with_partners(listed: Iterable[Customer], partners: Iterable[Customer]) -> list[Customer]:
    """Return the customers of lists, completed and followed by those that the partner has beyond them.

    A partner's customer whose name is not its own gets the beginning of its tenant's id behind it: names of lists stay
    as they are, and the order in which Microsoft Graph tells customers plays no part.
    """
    by_tenant = {customer.tenant_id: customer for customer in listed}
    in_lists = set(by_tenant)
    for customer in partners:
        known = by_tenant.get(customer.tenant_id)
        by_tenant[customer.tenant_id] = _joined(known, customer) if known else customer
    takers = Counter(customer.name for customer in by_tenant.values())
    apart = {
        tenant_id: f"{customer.name}-{tenant_id[:8]}"
        for tenant_id, customer in by_tenant.items()
        if tenant_id not in in_lists and (takers[customer.name] > 1 or not customer.name)
    }
    takers.update(apart.values())
    for tenant_id, name in apart.items():
        customer = by_tenant[tenant_id]
        is_own = customer.name and takers[name] == 1
        by_tenant[tenant_id] = replace(customer, name=name if is_own else tenant_id)
    return list(by_tenant.values())


def _joined(first: Customer, second: Customer) -> Customer:
    return replace(
        first,
        sources=tuple(dict.fromkeys((*first.sources, *second.sources))),
        variables={**second.variables, **first.variables},
        domain=first.domain or second.domain,
        relationships=second.relationships if first.relationships is None else first.relationships,
        contract_type=first.contract_type or second.contract_type,
    )


def _place(customer: Customer) -> str:
    return f"{customer.name} ({', '.join(customer.sources)})"
