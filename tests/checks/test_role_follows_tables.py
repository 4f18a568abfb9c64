# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role's variables are those of the operations' tables: each is in its entry's argument spec and in the README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.operations import operation_of

ROLE = Path(__file__).resolve().parents[2] / "roles" / "partner_access"
ENTRIES = {
    "consent": ["defender_consent_url"],
    "verify": ["defender_token"],
    "main": ["defender_application", "defender_credential", "defender_consent_url", "defender_token"],
    "incidents": ["defender_incidents"],
    "triage": ["defender_triage"],
    "hunt": ["defender_hunting"],
    "register": ["defender_application", "defender_credential"],
    "rotate": ["defender_credential"],
}
"""Entry of the role to the modules that it calls for hosts."""
FOR_ONE = {"registrar": ["defender_application", "defender_credential"]}
"""The same for what it calls once, with settings of the entry's own."""
STEPS = {
    "applications": "register",
    "credential": "rotate",
    "prove": "verify",
    "read_incidents": "incidents",
    "check_incidents": "incidents",
}
"""Files of steps that several entries share, each with one of those that has no call of its own."""
SPECS: dict[str, Any] = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
TABLES = [(entry, module) for entry, modules in {**ENTRIES, **FOR_ONE}.items() for module in modules]


def _options(entry: str) -> dict[str, Any]:
    options: dict[str, Any] = SPECS["argument_specs"][entry]["options"]
    return options


def _filled_in(entry: str, module: str) -> dict[str, str]:
    """Option to the variable that it is left to."""
    operation = operation_of(module)
    tables = {**operation.variables, **({} if entry in FOR_ONE else operation.settings)}
    return {option: variable for option, variable in tables.items() if option in operation.arguments}


def test_every_entry_that_calls_a_module_is_looked_at() -> None:
    calling = {
        path.stem
        for path in (ROLE / "tasks").glob("*.yml")
        if re.search(r"mssp\.defender\.defender_(?!report)", path.read_text(encoding="utf-8"))
    }
    assert {STEPS.get(name, name) for name in calling} == {*ENTRIES, *FOR_ONE} - {"main"}
    assert set(SPECS["argument_specs"]) >= {*ENTRIES, *FOR_ONE}


@pytest.mark.parametrize(("entry", "module"), TABLES)
def test_each_variable_of_the_table_is_in_the_argument_spec(entry: str, module: str) -> None:
    assert set(_filled_in(entry, module).values()) - set(_options(entry)) == set()


@pytest.mark.parametrize(("entry", "module"), TABLES)
def test_a_variable_takes_what_its_option_takes(entry: str, module: str) -> None:
    arguments = operation_of(module).arguments
    described = _options(entry)
    differing = {}
    for option, variable in _filled_in(entry, module).items():
        own, spec = described[variable], arguments[option]
        as_option = (own.get("type", "str"), own.get("elements")) == (spec.get("type", "str"), spec.get("elements"))
        # a text may be a path, or the only one of a list
        is_well = as_option or (own.get("type") == "str" and spec.get("type") in ("path", "list"))
        unknown = set(own.get("choices", [])) - {""} - set(spec.get("choices") or own.get("choices", []))
        if not is_well or unknown:
            differing[variable] = own
    assert differing == {}


def test_the_readme_names_every_variable_of_the_argument_specs() -> None:
    readme = (ROLE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|([^|]+)\|", readme, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    wanted = {variable for spec in SPECS["argument_specs"].values() for variable in spec["options"]}
    assert wanted - documented == set()
