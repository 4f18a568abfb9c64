# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.vars.reserved import get_reserved_names, is_reserved_name
from support.operations import OPERATIONS

from ansible_collections.mssp.defender.plugins.module_utils._core.customers import columns


def refusal_of(*headers: str, **renamed: str) -> str:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the caller looks at the sentence
        columns.assign(["name", "tenant_id", *headers], renamed)
    return str(refused.value)


def test_case_and_blanks_of_a_header_do_not_matter() -> None:
    assert columns.assign(["Name", "Tenant ID", " Service-Level ", "Größe"], {}) == {
        "Name": "name",
        "Tenant ID": "tenant_id",
        " Service-Level ": "service_level",
        "Größe": "groe",
    }


def test_other_headers_can_stand_for_ours() -> None:
    wanted = {"name": "Account", "domain": "Primary domain name"}
    found = columns.assign(["Account", "Primary domain name", "Segment"], wanted)
    assert found == {"Account": "name", "Primary domain name": "domain", "Segment": "segment"}


def test_settings_of_a_customer_that_are_no_secret_are_variables_too() -> None:
    headers = ["name", "domain", "partner_access_cloud", "partner_access_federated_token_file", "secretary"]
    assert columns.assign(headers, {}) == {header: header for header in headers}


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("ansible_host", "that name belongs to Ansible"),
        ("Group Names", "that name belongs to Ansible"),
        ("partner_access_tenant_id", "it is set from name, tenant_id, domain"),
        ("Client Secret", "an inventory is no place for secrets"),
        ("partner_access_client_secret", "an inventory is no place for secrets"),
        ("partner_access_registrar_client_secret", "an inventory is no place for secrets"),
        ("VPN password", "an inventory is no place for secrets"),
        ("ClientSecret", "an inventory is no place for secrets"),
        ("secret value", "an inventory is no place for secrets"),
        ("API Key", "an inventory is no place for secrets"),
        ("Kennwort", "an inventory is no place for secrets"),
        ("24x7", "begin its name with a letter"),
        ("日本", "begin its name with a letter"),
        ("class", "begin its name with a letter"),
    ],
)
def test_a_header_that_must_be_no_variable_is_refused(header: str, sentence: str) -> None:
    said = refusal_of(header)
    assert f"'{header}'" in said
    assert sentence in said


_SECRETS = """
    AppSecret adminpassword userpassword Authtoken bearertoken sastoken secretkey secretvalue clientsecretvalue psk PIN
    connection_string ConnectionString ssh_key sshKeys Kennw\u00f6rter Kennwoerter Passw\u00f6rter Zugangsdaten
    Mot-de-passe motdepasse contrase\u00f1a Wachtwoord has\u0142o_admin Senha adminpwd PW StorageKey User_Credentials
    geheimnis Passphrase WLAN-Passwort access_tokens
"""


@pytest.mark.parametrize("header", [*_SECRETS.split(), "mot de passe", "SSH key", "Geheimnis (App)"])
def test_a_secret_is_known_by_its_name_in_other_languages_and_run_together(header: str) -> None:
    assert "an inventory is no place for secrets" in refusal_of(header)
    assert columns.secret_in({"contact": [{header: "x"}]}) == header


_NO_SECRETS = """
    secretary secretariat keyword keywords pinned pinboard shipping_town token_file tokenized spin passport passwordless
    customer_key public_key ssh_public_key monkeys has_location secret_expires password_url credentialed psk2
"""


@pytest.mark.parametrize("header", _NO_SECRETS.split())
def test_a_name_that_only_looks_like_that_of_a_secret_is_a_variable(header: str) -> None:
    assert columns.assign(["name", "tenant_id", header], {})[header] == header


def test_what_ansible_calls_its_own_gets_a_prefix() -> None:
    """Ansible would warn of each in every run."""
    assert columns.assign(["name", "tenant_id", "Tags", "port", "When", "Environment", "target"], {}) == {
        "name": "name",
        "tenant_id": "tenant_id",
        "Tags": "customer_tags",
        "port": "customer_port",
        "When": "customer_when",
        "Environment": "customer_environment",
        "target": "customer_target",
    }
    assert "'tags' and 'Customer Tags' would both be customer_tags" in refusal_of("tags", "Customer Tags")


@pytest.mark.parametrize("name", sorted(get_reserved_names() - {"name"}))
def test_no_variable_has_a_name_that_ansible_reserves(name: str) -> None:
    try:
        meanings = columns.assign(["name", "tenant_id", name], {})
    except ValueError:
        return
    assert not is_reserved_name(meanings[name])


def test_no_secret_option_of_any_operation_can_be_a_column() -> None:
    secrets = {option for operation in OPERATIONS.values() for option in operation.secrets}
    assert {"client_secret", "certificate_password", "state_key"} <= secrets
    for secret in secrets:
        assert "no place for secrets" in refusal_of(secret)
        assert "no place for secrets" in refusal_of(f"partner_access_{secret}")


def test_two_headers_of_one_meaning_are_refused_by_name() -> None:
    assert "'Tier' and 'tier' would both be tier" in refusal_of("Tier", "tier")


def test_a_header_that_columns_gives_to_another_is_refused() -> None:
    assert "'name' would be name, which columns gives to another" in refusal_of("Account", name="Account")


def test_columns_must_name_a_header_that_is_there() -> None:
    assert "no column 'Acount', which columns names for name" in refusal_of("Account", name="Acount")


def test_columns_names_ours_only() -> None:
    assert "'tenant', which is none of name, tenant_id, domain" in refusal_of(tenant="x")


@pytest.mark.parametrize(
    ("headers", "missing"),
    [(["tenant_id"], "name"), (["name", "tier"], "tenant_id or domain"), (["Kunde;Mandant"], "name")],
)
def test_a_list_without_a_needed_column_is_refused_with_the_columns_it_has(headers: list[str], missing: str) -> None:
    with pytest.raises(ValueError, match=f"no column is {missing} \\(there are '{headers[0]}'"):
        columns.assign(headers, {})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a secret", None),
        ({"contact": {"secretary": "x", "token_file": "/run/token"}}, None),
        ({"contact": [{"name": "x"}, {"Client Secret": "x"}]}, "Client Secret"),
    ],
)
def test_a_secret_within_a_variable_is_found_by_its_name(value: object, found: str | None) -> None:
    assert columns.secret_in(value) == found
