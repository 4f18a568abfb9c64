# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenants that domains belong to, looked up side by side."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from .. import errors, fleet
from ..errors import Reason, TenantError
from ..outcomes import Tenant

Lookup = Callable[[str], "str | None"]
"""Returns the GUID of a domain's tenant, or None where it has none. May raise TenantError, and Postponed."""


def resolve(domains: Iterable[str], look_up: Callable[[], Lookup], concurrency: int) -> dict[str, str | None]:
    """Return the tenant of each domain; `look_up` makes the way to look one up, with patience of its own.

    A domain that belongs to no tenant has None. Raises TenantError for the first one of which that cannot be told:
    where the network fails, no domain is taken for unknown.
    """
    failures: list[Reason] = []

    def job(domain: str, find: Lookup) -> str | None:
        if failures:
            raise TenantError(failures[0])
        try:
            return find(domain)
        except TenantError as error:
            if error.reason.state == errors.UNKNOWN_TENANT:
                return None
            failures.append(error.reason)
            raise

    work = [(Tenant(domain, domain), functools.partial(job, domain, look_up())) for domain in domains]
    # the first one alone: a service that cannot be reached is found out once, and not by all threads
    outcomes = fleet.run(work[:1], 1)
    if not failures:
        outcomes += fleet.run(work[1:], concurrency)
    for outcome in outcomes:
        if outcome.reason:
            raise TenantError(outcome.reason)
    return {outcome.tenant.name: outcome.result for outcome in outcomes}
