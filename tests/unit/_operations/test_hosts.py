# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._operations.hosts import (
    Grouping,
    by_variable,
    group,
    left_to_hosts,
    unset,
)
from ansible_collections.mssp.defender.plugins.module_utils._operations.operation import Operation
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import application
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import hunting

VARIABLES = {option: f"partner_access_{option}" for option in ("tenant_id", "client_id", "client_secret", "api")}


class Hosts:
    """Hosts with their variables; in place of those, the error that asking for them ends in."""

    def __init__(self, hosts: Mapping[str, Any]) -> None:
        self._hosts = hosts

    def values(self, host: str, variables: Collection[str]) -> dict[str, Any]:
        found = self._hosts[host]
        if isinstance(found, ValueError):
            raise found
        return {variable: found[variable] for variable in variables if variable in found}


def customer(**options: Any) -> dict[str, Any]:
    return {f"partner_access_{option}": value for option, value in options.items()}


def grouped(**hosts: Any) -> Grouping:
    return group(hosts, Hosts(hosts), VARIABLES)


def members(found: Grouping) -> list[list[str]]:
    return [[tenant["name"] for tenant in each.tenants] for each in found.groups]


def test_customers_whose_hosts_say_the_same_are_one_group() -> None:
    found = grouped(
        contoso=customer(client_id="a", tenant_id="contoso.example"),
        fabrikam=customer(client_id="a", tenant_id="fabrikam.example"),
    )
    (only,) = found.groups
    assert only.options == {"client_id": "a"}
    assert only.tenants == [
        {"name": "contoso", "tenant_id": "contoso.example"},
        {"name": "fabrikam", "tenant_id": "fabrikam.example"},
    ]
    assert found.unusable == {}


@pytest.mark.parametrize("option", ["client_id", "client_secret", "api"])
def test_any_difference_in_what_they_say_sets_customers_apart(option: str) -> None:
    said = [customer(**{"client_id": "a", option: value}) for value in ("one", "other", "one")]
    found = grouped(**dict(zip(("contoso", "fabrikam", "tailspin"), said, strict=True)))
    assert members(found) == [["contoso", "tailspin"], ["fabrikam"]]
    assert [each.options[option] for each in found.groups] == ["one", "other"]


@pytest.mark.parametrize("empty", [None, "", []])
def test_what_says_nothing_is_left_out(empty: Any) -> None:
    assert grouped(contoso=customer(client_id="a", api=empty)).groups[0].options == {"client_id": "a"}


def test_a_host_without_a_tenant_still_belongs_to_a_group() -> None:
    assert grouped(contoso=customer(client_id="a")).groups[0].tenants == [{"name": "contoso", "tenant_id": ""}]


def test_one_host_that_cannot_be_used_does_not_stop_the_others() -> None:
    found = grouped(contoso=ValueError("a variable of contoso cannot be templated"), fabrikam=customer())
    assert members(found) == [["fabrikam"]]
    assert found.unusable == {"contoso": "a variable of contoso cannot be templated"}


def test_hosts_whose_files_could_be_one_are_worked_for_neither() -> None:
    found = grouped(contoso=customer(), Contoso=customer(), fabrikam=customer())
    assert members(found) == [["fabrikam"]]
    assert set(found.unusable) == {"contoso", "Contoso"}


def test_a_host_named_twice_is_one_customer() -> None:
    hosts = {"contoso": customer()}
    assert members(group(["contoso", "contoso"], Hosts(hosts), VARIABLES)) == [["contoso"]]


def test_no_hosts_make_no_groups() -> None:
    assert grouped() == Grouping([], {})


IN_ENVIRONMENT = (
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
)
CREDENTIAL = (
    "partner_access_registrar_certificate_path (or partner_access_registrar_federated_token_file, "
    "partner_access_registrar_client_secret, AZURE_CLIENT_CERTIFICATE_PATH, AZURE_FEDERATED_TOKEN_FILE, "
    "AZURE_CLIENT_SECRET)"
)
REGISTERED = {"tenant_id": "home.example", "unique_name": "soc", "client_id": "a", "client_secret": "b"}


@pytest.fixture
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IN_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


def missing(operation: Operation, **options: Any) -> str | None:
    return unset(operation, options, left_to_hosts(operation, ()))


@pytest.mark.usefixtures("empty_environment")
def test_all_that_the_hosts_must_set_yet_is_told_at_once() -> None:
    assert missing(application.OPERATION) == (
        "partner_access_home_tenant_id, partner_access_registrar_client_id (or AZURE_CLIENT_ID), "
        f"{CREDENTIAL} and partner_access_unique_name are not set: set them on the group of your customers"
    )
    assert missing(application.OPERATION, **{**REGISTERED, "tenant_id": ""}) == (
        "partner_access_home_tenant_id is not set: set it on the group of your customers"
    )
    assert missing(application.OPERATION, **REGISTERED) is None
    assert missing(hunting.OPERATION, client_id="a", certificate_path="b") == (
        "partner_access_hunt_query (or partner_access_hunt_query_file) is not set: "
        "set it on the group of your customers"
    )


@pytest.mark.usefixtures("empty_environment")
def test_who_signs_in_needs_no_application() -> None:
    assert missing(application.OPERATION, auth="cli", tenant_id="home.example", app_id="a") is None


def test_what_the_environment_says_is_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IN_ENVIRONMENT[:2]:
        monkeypatch.setenv(name, "given")
    assert missing(application.OPERATION, tenant_id="home.example", unique_name="soc") is None


def test_a_message_about_an_option_names_the_variable_that_it_is_left_to() -> None:
    variables = left_to_hosts(hunting.OPERATION, ["dest"])
    assert by_variable("query_file: a.kql cannot be read", variables) == (
        "partner_access_hunt_query_file: a.kql cannot be read"
    )
    assert by_variable("dest: the folder b does not exist", variables) == "dest: the folder b does not exist"
