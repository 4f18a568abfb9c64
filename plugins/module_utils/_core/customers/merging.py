# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One customer for each tenant, however many places name it, and one name for each customer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..errors import OptionError
from .customer import Customer, file_key


def of_lists(listed: Iterable[Customer], refuse: bool = False) -> tuple[list[Customer], list[str]]:
    """Return the customers of all lists, and a warning for each that stands there under two names.

    Raises OptionError for one name with two tenants, for two rows of a tenant that contradict each other, and with
    `refuse` for a tenant that is listed twice at all. Names are one, too, where a disk could take their files for one.
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
    customers = list(by_tenant.values())
    _check_names(customers)
    return customers, warnings


def with_partners(listed: Iterable[Customer], partners: Iterable[Customer]) -> list[Customer]:
    """Return the customers of lists, completed and followed by those that the partner has beyond them.

    Names of lists stay as they are, and the order in which Microsoft Graph tells customers plays no part. Of a tenant's
    two titles that of its contract counts, which does not follow when the customer renames itself. Raises OptionError
    for one name with two tenants.
    """
    by_tenant = {customer.tenant_id: customer for customer in listed}
    in_lists = set(by_tenant)
    by_title = sorted(partners, key=lambda each: each.title)
    # contracts come last
    for customer in sorted(by_title, key=lambda each: each.sources, reverse=True):
        known = by_tenant.get(customer.tenant_id)
        joined = _joined(known, customer) if known else customer
        if customer.tenant_id not in in_lists:
            joined = replace(joined, name=customer.name, title=customer.title)
        by_tenant[customer.tenant_id] = joined
    customers = list(by_tenant.values())
    _check_names(customers)
    return customers


def _check_names(customers: Iterable[Customer]) -> None:
    """Raise OptionError for two customers whose files would be one."""
    named: dict[str, Customer] = {}
    for customer in customers:
        other = named.setdefault(file_key(customer.name), customer)
        if other is not customer:
            alike = "of one name" if other.name == customer.name else "whose files some disks take for one"
            raise OptionError(
                f"{_place(other)} and {_place(customer)} are two tenants {alike}: rename one of them in a list"
            )


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
