# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module's documentation says it returns is what its operation's result can hold: keys, types, nested keys."""

from __future__ import annotations

import importlib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
import yaml
from support.operations import operation_of

from ansible_collections.mssp.defender.plugins.module_utils._core.results import Result
from ansible_collections.mssp.defender.plugins.module_utils._operations.fleet_task import OutcomeResult

MODULES = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "plugins" / "modules").glob("*.py"))
OF_EVERY_TASK = set(get_type_hints(Result))
"""What Ansible documents itself, as "Common return values"; `_ansible_no_log` never reaches the operator."""


def _documented(module: str) -> dict[str, Any]:
    page = importlib.import_module(f"ansible_collections.mssp.defender.plugins.modules.{module}")
    returned: dict[str, Any] = yaml.safe_load(page.RETURN)
    return returned


def _without_none(hint: Any) -> Any:
    """The type of a value that may be null."""
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    (found,) = (each for each in get_args(hint) if each is not type(None))
    return found


def _kind(hint: Any) -> str:
    """A type by the name that Ansible's documentation has for it."""
    hint = _without_none(hint)
    if is_typeddict(hint) or issubclass(get_origin(hint) or hint, Mapping):
        return "dict"
    return str((get_origin(hint) or hint).__name__)


def _elements(hint: Any) -> Any:
    """The type of a list's members; of anything else None."""
    hint = _without_none(hint)
    return get_args(hint)[0] if get_origin(hint) is list else None


def _shape(hint: Any) -> Any:
    """The TypedDict that a value, or each member of a list, is of; None where it is of none."""
    found = _without_none(_elements(hint) or hint)
    return found if is_typeddict(found) else None


def _types(documented: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str | None]]:
    return {name: (value["type"], value.get("elements")) for name, value in documented.items()}


def _types_of(hints: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {
        name: (_kind(hint), _kind(_elements(hint)) if _kind(hint) == "list" else None) for name, hint in hints.items()
    }


@pytest.mark.parametrize("module", MODULES)
def test_documented_values_are_those_of_the_result(module: str) -> None:
    documented, hints = _documented(module), get_type_hints(operation_of(module).returns)
    own = {name: hint for name, hint in hints.items() if name in documented or name not in OF_EVERY_TASK}
    assert _types(documented) == _types_of(own)


@pytest.mark.parametrize("module", MODULES)
def test_documented_members_of_values_are_those_of_the_result(module: str) -> None:
    documented, hints = _documented(module), get_type_hints(operation_of(module).returns)
    described = {name: value["contains"] for name, value in documented.items() if "contains" in value}
    members = {name: get_type_hints(_shape(hints[name])) for name in described}
    for name, value in described.items():
        if _shape(hints[name]) is OutcomeResult:
            # the rest is as for a single tenant, which is documented beside it
            members[name] = {member: hint for member, hint in members[name].items() if member in value}
    assert {name: _types(value) for name, value in described.items()} == {
        name: _types_of(value) for name, value in members.items()
    }


@pytest.mark.parametrize("module", MODULES)
def test_samples_show_members_that_there_are(module: str) -> None:
    hints = get_type_hints(operation_of(module).returns)
    for name, value in _documented(module).items():
        shape, sample = _shape(hints[name]), value.get("sample")
        if shape and sample:
            shown = set().union(*sample) if isinstance(sample, list) else set(sample)
            assert shown - set(get_type_hints(shape)) == set(), name
