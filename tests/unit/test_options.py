# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import ModuleType

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from unit.operation_host import OperationHost

from ansible_collections.mssp.defender.plugins.module_utils import _options
from ansible_collections.mssp.defender.plugins.module_utils._operations import consent_url, incidents, token

API_OPERATIONS = [consent_url, incidents, token]
ENVIRONMENT = {
    "client_id": "AZURE_CLIENT_ID",
    "client_secret": "AZURE_CLIENT_SECRET",
    "certificate_path": "AZURE_CLIENT_CERTIFICATE_PATH",
    "certificate_password": "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "federated_token_file": "AZURE_FEDERATED_TOKEN_FILE",
}


@pytest.mark.parametrize("operation", API_OPERATIONS, ids=lambda operation: str(operation.__name__.rpartition(".")[2]))
def test_every_operation_takes_every_shared_option(operation: ModuleType) -> None:
    shared = {**_options.CONNECTION, **_options.TENANTS}
    assert {name: operation.ARGUMENTS.get(name) for name in shared} == shared


@pytest.mark.parametrize(("option", "variable"), ENVIRONMENT.items())
def test_an_option_left_out_is_read_from_its_variable(
    monkeypatch: pytest.MonkeyPatch, option: str, variable: str
) -> None:
    monkeypatch.setenv(variable, "/from/environment")
    assert OperationHost(token).params[option] == "/from/environment"
    assert OperationHost(token, **{option: "/from/task"}).params[option] == "/from/task"


def test_an_id_is_no_secret_and_a_secret_is() -> None:
    assert "no_log" not in _options.CONNECTION["client_id"]
    assert {name for name, spec in _options.CONNECTION.items() if spec.get("no_log")} == {
        "client_secret",
        "certificate_password",
    }


def test_messages_call_a_credential_by_its_option_and_its_variable() -> None:
    names = _options.names_in_messages()
    assert names == {option: f"{option} ({ENVIRONMENT[option]})" for option in _options.CREDENTIAL}


def test_one_tenant_and_a_fleet_exclude_each_other() -> None:
    validator = ArgumentSpecValidator(token.ARGUMENTS, **token.CONSTRAINTS)
    both = validator.validate({"tenant_id": "contoso.com", "tenants": [{"tenant_id": "contoso.com"}]})
    assert both.error_messages == ["parameters are mutually exclusive: tenant_id|tenants"]


def test_a_fleet_can_fail_on_every_state_but_granted() -> None:
    choices = _options.TENANTS["fail_on"]["choices"]
    assert "granted" not in choices
    assert {"bad_credential", "not_consented", "throttled"} < set(choices)


def test_the_inventory_fills_in_only_what_the_task_leaves_open() -> None:
    assert _options.left_to_inventory([]) == list(_options.INVENTORY)
    assert "tenant_id" not in _options.left_to_inventory(["tenants"])
    assert not set(_options.CREDENTIAL) & set(_options.left_to_inventory(["certificate_path"]))
    assert "client_id" in _options.left_to_inventory(["certificate_path", "tenants"])


def test_a_credential_keeps_the_other_kinds_of_the_environment_out() -> None:
    assert _options.kept_from_environment(["client_id"]) == []
    assert _options.kept_from_environment(["client_secret"]) == [
        "certificate_path",
        "certificate_password",
        "federated_token_file",
    ]
    assert _options.kept_from_environment(["certificate_path"]) == ["client_secret", "federated_token_file"]


def test_two_credentials_given_together_are_both_let_through_to_be_named() -> None:
    assert _options.kept_from_environment(["client_secret", "certificate_path"]) == ["federated_token_file"]
