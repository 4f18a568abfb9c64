# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever variable the role and the playbooks name is known, and what is known is named by one of them."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.mssp.defender.plugins.module_utils._operations.known_variables import (
    OF_ROLE_ALONE,
    OF_TASKS,
    OUTCOME,
    SETTABLE,
)

ROOT = Path(__file__).resolve().parents[2]
FILE = "plugins/module_utils/_operations/known_variables.py"
# the pattern of the outcomes stands in a query, without their digits
PATTERNS = {"partner_access_outcome_"}
OF_TABLES = SETTABLE - OF_ROLE_ALONE


def _named() -> set[str]:
    """Every name with the prefix, anywhere in the role and the playbooks."""
    files = [path for folder in ("roles/partner_access", "playbooks") for path in (ROOT / folder).rglob("*")]
    texts = [path.read_text(encoding="utf-8") for path in files if path.is_file()]
    return {name for text in texts for name in re.findall(r"\bpartner_access_\w+", text)} - PATTERNS


def test_the_lists_hold_what_the_role_and_the_playbooks_name_and_no_more() -> None:
    named = {name for name in _named() if not OUTCOME.fullmatch(name)}
    missing = named - SETTABLE - OF_TASKS
    unused = (OF_ROLE_ALONE | OF_TASKS) - named
    assert not missing, (
        f"add to OF_TASKS in {FILE} (or to OF_ROLE_ALONE, if an operator sets it): {', '.join(sorted(missing))}"
    )
    assert not unused, f"take out of {FILE}, for nothing names it any more: {', '.join(sorted(unused))}"


def test_no_name_stands_in_two_lists() -> None:
    assert not OF_TASKS & SETTABLE, f"take out of OF_TASKS in {FILE}: {', '.join(sorted(OF_TASKS & SETTABLE))}"
    assert OF_ROLE_ALONE
    assert OF_TABLES
