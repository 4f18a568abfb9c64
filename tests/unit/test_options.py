# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import ModuleType

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import given
from hypothesis import strategies as st
from unit.operation_host import OperationHost

from ansible_collections.mssp.defender.plugins.module_utils import _options
from ansible_collections.mssp.defender.plugins.module_utils._operations import (
    alert,
    alerts,
    application,
    consent_url,
    credential,
    hunting,
    incident,
    incidents,
    token,
    triage,
)

OF_CUSTOMERS = [alerts, consent_url, hunting, incidents, token, triage]
WITH_A_QUOTA = [alert, alerts, hunting, incident, incidents, triage]
OF_THE_REGISTRAR = [application, credential]
ENVIRONMENT = {
    "client_id": "AZURE_CLIENT_ID",
    "client_secret": "AZURE_CLIENT_SECRET",
    "certificate_path": "AZURE_CLIENT_CERTIFICATE_PATH",
    "certificate_password": "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "federated_token_file": "AZURE_FEDERATED_TOKEN_FILE",
}


def name_of(operation: ModuleType) -> str:
    return operation.__name__.rpartition(".")[2]


@pytest.mark.parametrize("operation", OF_CUSTOMERS, ids=name_of)
def test_every_operation_on_customers_takes_every_shared_option(operation: ModuleType) -> None:
    shared = {**_options.CONNECTION, **_options.TENANTS}
    assert {name: operation.ARGUMENTS.get(name) for name in shared} == shared
    assert operation.INVENTORY is _options.OF_CUSTOMER


@pytest.mark.parametrize("operation", WITH_A_QUOTA, ids=name_of)
def test_every_operation_with_a_quota_can_be_told_to_take_no_notice_of_it(operation: ModuleType) -> None:
    assert operation.ARGUMENTS["paced"] == {"type": "bool", "default": True}


@pytest.mark.parametrize("operation", OF_THE_REGISTRAR, ids=name_of)
def test_every_operation_of_the_registrar_works_in_the_one_home_tenant(operation: ModuleType) -> None:
    shared = {**_options.CONNECTION, "tenant_id": {"type": "str", "required": True}}
    assert {name: operation.ARGUMENTS.get(name) for name in shared} == shared
    assert not {"tenants", "concurrency", "fail_on"} & set(operation.ARGUMENTS)
    assert operation.INVENTORY is _options.OF_REGISTRAR
    assert set(operation.INVENTORY) <= set(operation.ARGUMENTS)


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
    variables = _options.OF_CUSTOMER
    assert _options.left_to_inventory([], variables) == variables
    assert "tenant_id" not in _options.left_to_inventory(["tenants"], variables)
    assert not set(_options.CREDENTIAL) & set(_options.left_to_inventory(["certificate_path"], variables))
    assert _options.left_to_inventory(["certificate_path", "tenants"], variables)["client_id"] == (
        "partner_access_client_id"
    )


@given(given_options=st.sets(st.sampled_from([*_options.OF_CUSTOMER, "tenants", "limit"])))
def test_whatever_the_task_gives_the_inventory_does_not_touch(given_options: set[str]) -> None:
    for variables in (_options.OF_CUSTOMER, _options.OF_REGISTRAR):
        left = _options.left_to_inventory(given_options, variables)
        assert not set(left) & given_options
        assert left.items() <= variables.items()


def test_customers_and_the_registrar_have_variables_of_their_own_but_for_the_cloud() -> None:
    customer, registrar = _options.OF_CUSTOMER, _options.OF_REGISTRAR
    shared = {option for option, variable in registrar.items() if variable in customer.values()}
    assert shared == {"cloud", "authority_url", "graph_url", "xdr_url", "ca_path"}
    assert registrar["tenant_id"] == "partner_access_home_tenant_id"
    assert registrar["client_secret"] == "partner_access_registrar_client_secret"
    assert {*_options.CREDENTIAL, "client_id", "tenant_id"} | shared == set(registrar)
    for variables in (customer, registrar):
        assert len(set(variables.values())) == len(variables)


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
