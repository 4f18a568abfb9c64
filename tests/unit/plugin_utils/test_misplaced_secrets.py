# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret in any option of any module, or in any environment variable that fills one in: no message repeats it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.operations import OPERATIONS
from unit.plugin_utils.test_action import Action

from ansible_collections.mssp.defender.plugins.module_utils._operations.operation import OptionSpec
from ansible_collections.mssp.defender.plugins.plugin_utils import _action

SECRET = "abc8Q~Zk3.fGhT_p-LmN0qRsTuVwXyZ12345678"
GUID = "44444444-4444-4444-8444-444444444444"
NOWHERE = "https://localhost:1"
BASE = {
    "tenant_id": GUID,
    "client_id": GUID,
    "client_secret": "the right one",
    "authority_url": NOWHERE,
    "graph_url": NOWHERE,
    "xdr_url": NOWHERE,
    "timeout": 1,
    "retries": 0,
    "max_wait": 0,
}
EMPTY_INVENTORY = {"hostvars": SimpleNamespace(_inventory=SimpleNamespace(get_host=lambda _name: None))}


def shape(spec: OptionSpec, value: str) -> Any:
    """Return the value as an option of this type would hold it."""
    if "options" in spec:
        inner = {name: shape(each, value) for name, each in spec["options"].items()}
        return [inner] if spec["type"] == "list" else inner
    if spec["type"] == "dict":
        return {value: value}
    return [value] if spec["type"] == "list" else value


def messages(result: dict[str, Any]) -> str:
    """Return every sentence of a result."""
    outcomes = [each for each in result.get("tenants") or [] if isinstance(each, dict)]
    return "\n".join(
        str(each.get(key)) for each in [result, *outcomes] for key in ("msg", "meaning", "remedy", "warnings")
    )


CASES = [(module, option) for module, operation in OPERATIONS.items() for option in operation.arguments]


def test_every_operation_is_tried() -> None:
    assert len(OPERATIONS) == 11
    assert len(CASES) > 200


@pytest.mark.parametrize("form", [SECRET, f"x{SECRET}"])
@pytest.mark.parametrize(("module", "option"), CASES)
def test_no_message_repeats_a_secret_in_the_wrong_option(
    module: str, option: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_action, "STARTED_IN", tmp_path)
    operation = OPERATIONS[module]
    given = {name: value for name, value in BASE.items() if name in operation.arguments}
    if option == "tenants":
        del given["tenant_id"]
    arguments = {**given, option: shape(operation.arguments[option], form)}
    if option == "tenants":
        # the name of a customer is shown
        arguments["tenants"][0]["name"] = "contoso"
    told = messages(Action(operation, arguments).run(task_vars=EMPTY_INVENTORY))
    assert SECRET.lower() not in told.lower(), told


@pytest.mark.parametrize(
    "variable",
    [
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "AZURE_FEDERATED_TOKEN_FILE",
    ],
)
@pytest.mark.parametrize(
    "module", [module for module, operation in OPERATIONS.items() if "client_id" in operation.arguments]
)
def test_no_message_repeats_a_secret_in_the_wrong_environment_variable(
    module: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_action, "STARTED_IN", tmp_path)
    monkeypatch.setenv(variable, SECRET)
    if variable != "AZURE_CLIENT_ID":
        monkeypatch.setenv("AZURE_CLIENT_ID", GUID)
    left_out = ("client_id", "client_secret")
    operation = OPERATIONS[module]
    arguments = {k: v for k, v in BASE.items() if k in operation.arguments and k not in left_out}
    told = messages(Action(operation, arguments).run())
    assert SECRET.lower() not in told.lower(), told
