# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every variable with the collection's prefix that something reads, so that a misspelt one does not go unnoticed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from .._core.characters import visible
from .changing import alert, incident, triage
from .consent import consent_url, token
from .options import PREFIX
from .provider import application, credential
from .reading import alerts, hunting, incidents

_OPERATIONS = tuple(
    room.OPERATION
    for room in (alert, alerts, application, consent_url, credential, hunting, incident, incidents, token, triage)
)

OF_ROLE_ALONE = frozenset(
    {
        "partner_access_apis",
        "partner_access_failing_group",
        "partner_access_links_directory",
        "partner_access_links_folder",
        "partner_access_may_be_empty",
        "partner_access_register",
        "partner_access_registrar_dest",
        "partner_access_registrar_unique_name",
        "partner_access_stats",
    }
)
"""What an operator sets for the role or the playbooks, and no option of a module is filled in from."""

OF_TASKS = frozenset(
    {
        "partner_access_customers",
        "partner_access_failed",
        "partner_access_failing",
        "partner_access_first",
        "partner_access_has_links",
        "partner_access_hosts",
        "partner_access_linked",
        "partner_access_not_registered",
        "partner_access_registered",
        "partner_access_registrar",
        "partner_access_registrar_certificate",
        "partner_access_result",
        "partner_access_rotated",
        "partner_access_secrets",
        "partner_access_tenants",
        "partner_access_worked_for",
    }
)
"""What the role and the playbooks leave for others to read. Names of a task alone begin with two underscores."""

OF_INVENTORY = frozenset({"partner_access_customer"})
"""What the inventory plugin says of a customer beside its tenant."""

OUTCOME = re.compile(rf"{PREFIX}outcome_[0-9a-f]{{16}}")
"""What one job hands on to others about a customer."""

SETTABLE = OF_ROLE_ALONE.union(*({*each.variables.values(), *each.settings.values()} for each in _OPERATIONS))
"""What an operator may set."""

_KNOWN = SETTABLE | OF_TASKS | OF_INVENTORY
_NEAR = 0.7


def unknown(names: Iterable[str]) -> list[str]:
    """Return those of the names of variables that have the collection's prefix and that nothing reads."""
    ours = {name for name in names if name.startswith(PREFIX)}
    return sorted(name for name in ours - _KNOWN if not OUTCOME.fullmatch(name))


def warning(name: str) -> str:
    """Return the sentence that warns of such a variable, with the nearest name that an operator may set."""
    # without the prefix, which would make any two of them alike
    wanted = {known.removeprefix(PREFIX): known for known in sorted(SETTABLE)}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), wanted, n=1, cutoff=_NEAR)
    guess = f" (did you mean {wanted[near[0]]}?)" if near else ""
    return f"{visible(name)} is not a variable of mssp.defender{guess}: nothing reads it"
