# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One `module_defaults: group/mssp.defender.defender` serves every module that speaks to Microsoft, and only those."""

from __future__ import annotations

import importlib
from pathlib import Path

import yaml

from ansible_collections.mssp.defender.plugins.module_utils import _options

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = "ansible_collections.mssp.defender.plugins.module_utils._operations"
SHARED = set(_options.CONNECTION) | set(_options.TENANTS)


def _accepts_the_shared_options(module: str) -> bool:
    """Ansible refuses a task whose group default is an option that its module does not know."""
    operation = importlib.import_module(f"{OPERATIONS}.{module.removeprefix('defender_')}")
    return set(operation.ARGUMENTS) >= SHARED


def test_the_group_holds_the_modules_that_accept_all_shared_options() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    group = {module for module in modules if _accepts_the_shared_options(module)}
    assert len(group) >= 3
    assert set(runtime["action_groups"]["defender"]) == group
