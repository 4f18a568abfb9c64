# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each action group serves every module that takes its options, and only those, so that defaults are set once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from support.operations import operation_of

from ansible_collections.mssp.defender.plugins.module_utils._operations.options import CONNECTION, TENANTS
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import home_tenant

ROOT = Path(__file__).resolve().parents[2]
GROUPS = {
    # customers' tenants, one or many; which ones is for each task to say
    "defender": set(CONNECTION) | set(TENANTS) - {"tenants", "hosts"},
    # the provider's own tenant
    "registration": set(home_tenant.ARGUMENTS) - {"hosts"},
}


def _accepts(module: str, options: set[str]) -> bool:
    """Ansible refuses a task whose group default is an option that its module does not know."""
    return set(operation_of(module).arguments) >= options


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_holds_the_modules_that_accept_all_its_options(group: str) -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    members = {module for module in modules if _accepts(module, GROUPS[group])}
    assert len(members) >= 2
    assert set(runtime["action_groups"][group]) == members


def test_every_group_is_checked() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert set(runtime["action_groups"]) == set(GROUPS)
