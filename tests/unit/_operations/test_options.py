# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import given
from hypothesis import strategies as st
from support.operations import OperationHost, operation_of

from ansible_collections.mssp.defender.plugins.module_utils._operations import options
from ansible_collections.mssp.defender.plugins.module_utils._operations.consent import token

OF_CUSTOMERS = ("alerts", "consent_url", "hunting", "incidents", "token", "triage")
WITH_A_QUOTA = ("alert", "alerts", "hunting", "incident", "incidents", "triage")
OF_THE_REGISTRAR = ("application", "credential")
ENVIRONMENT = {
    "client_id": "AZURE_CLIENT_ID",
    "client_secret": "AZURE_CLIENT_SECRET",
    "certificate_path": "AZURE_CLIENT_CERTIFICATE_PATH",
    "certificate_password": "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "federated_token_file": "AZURE_FEDERATED_TOKEN_FILE",
}


@pytest.mark.parametrize("module", OF_CUSTOMERS)
def test_every_operation_on_customers_takes_every_shared_option(module: str) -> None:
    operation = operation_of(f"defender_{module}")
    shared = {**options.CONNECTION, **options.TENANTS}
    assert {name: operation.arguments.get(name) for name in shared} == shared
    assert operation.variables.items() <= options.OF_CUSTOMER.items()
    assert {"tenant_id", "client_id"} <= set(operation.variables)
    # a link is made without a credential
    assert module == "consent_url" or set(options.CREDENTIAL) <= set(operation.variables)


@pytest.mark.parametrize("module", WITH_A_QUOTA)
def test_every_operation_with_a_quota_can_be_told_to_take_no_notice_of_it(module: str) -> None:
    operation = operation_of(f"defender_{module}")
    assert operation.arguments["paced"] == {"type": "bool", "default": True}


@pytest.mark.parametrize("module", OF_THE_REGISTRAR)
def test_every_operation_of_the_registrar_works_in_the_one_home_tenant(module: str) -> None:
    operation = operation_of(f"defender_{module}")
    shared = {**options.CONNECTION, "tenant_id": {"type": "str", "required": True}}
    assert {name: operation.arguments.get(name) for name in shared} == shared
    assert not {"tenants", "concurrency", "fail_on"} & set(operation.arguments)
    assert operation.variables is options.OF_REGISTRAR
    assert set(operation.variables) <= set(operation.arguments)


@pytest.mark.parametrize(("option", "variable"), ENVIRONMENT.items())
def test_an_option_left_out_is_read_from_its_variable(
    monkeypatch: pytest.MonkeyPatch, option: str, variable: str
) -> None:
    monkeypatch.setenv(variable, "/from/environment")
    assert OperationHost(token.OPERATION).params[option] == "/from/environment"
    assert OperationHost(token.OPERATION, **{option: "/from/task"}).params[option] == "/from/task"


def test_an_id_is_no_secret_and_a_secret_is() -> None:
    assert "no_log" not in options.CONNECTION["client_id"]
    assert {name for name, spec in options.CONNECTION.items() if spec.get("no_log")} == {
        "client_secret",
        "certificate_password",
    }


def test_messages_call_a_credential_by_its_option_and_its_variable() -> None:
    names = options.names_in_messages()
    assert names == {option: f"{option} ({ENVIRONMENT[option]})" for option in options.CREDENTIAL}


def test_one_tenant_and_a_fleet_exclude_each_other() -> None:
    validator = ArgumentSpecValidator(token.OPERATION.arguments, **token.OPERATION.constraints)
    both = validator.validate({"tenant_id": "contoso.com", "tenants": [{"tenant_id": "contoso.com"}]})
    assert both.error_messages == ["parameters are mutually exclusive: tenant_id|tenants|hosts"]


def test_a_fleet_can_fail_on_every_state_but_granted() -> None:
    choices = options.TENANTS["fail_on"]["choices"]
    assert "granted" not in choices
    assert {"bad_credential", "not_consented", "throttled"} < set(choices)


def test_the_inventory_fills_in_only_what_the_task_leaves_open() -> None:
    variables = options.OF_CUSTOMER
    assert options.left_to_inventory([], variables) == variables
    assert "tenant_id" not in options.left_to_inventory(["tenants"], variables)
    assert not set(options.CREDENTIAL) & set(options.left_to_inventory(["certificate_path"], variables))
    assert options.left_to_inventory(["certificate_path", "tenants"], variables)["client_id"] == (
        "partner_access_client_id"
    )


@given(given_options=st.sets(st.sampled_from([*options.OF_CUSTOMER, "tenants", "limit"])))
def test_whatever_the_task_gives_the_inventory_does_not_touch(given_options: set[str]) -> None:
    for variables in (options.OF_CUSTOMER, options.OF_REGISTRAR):
        left = options.left_to_inventory(given_options, variables)
        assert not set(left) & given_options
        assert left.items() <= variables.items()


def test_customers_and_the_registrar_have_variables_of_their_own_but_for_the_cloud() -> None:
    customer, registrar = options.OF_CUSTOMER, options.OF_REGISTRAR
    shared = {option for option, variable in registrar.items() if variable in customer.values()}
    assert shared == {"cloud", "authority_url", "graph_url", "ca_path"}
    assert registrar["tenant_id"] == "partner_access_home_tenant_id"
    assert registrar["client_secret"] == "partner_access_registrar_client_secret"
    assert {*options.CREDENTIAL, *options.SIGN_IN, "client_id", "tenant_id"} | shared == set(registrar)
    for variables in (customer, registrar):
        assert len(set(variables.values())) == len(variables)


def test_a_credential_keeps_the_other_kinds_of_the_environment_out() -> None:
    assert options.kept_from_environment(["client_id"]) == []
    assert options.kept_from_environment(["client_secret"]) == [
        "certificate_path",
        "certificate_password",
        "federated_token_file",
    ]
    assert options.kept_from_environment(["certificate_path"]) == ["client_secret", "federated_token_file"]


def test_two_credentials_given_together_are_both_let_through_to_be_named() -> None:
    assert options.kept_from_environment(["client_secret", "certificate_path"]) == ["federated_token_file"]
