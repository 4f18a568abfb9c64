# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import clouds
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError

CLIENT = "11111111-1111-4111-8111-111111111111"
LABEL = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\Z")


@given(tenant=st.uuids(), upper=st.booleans(), blank=st.sampled_from(["", " ", "\n"]))
def test_a_guid_is_a_tenant_in_either_case(tenant: uuid.UUID, upper: bool, blank: str) -> None:
    text = str(tenant).upper() if upper else str(tenant)
    assert clouds.check_tenant_id(blank + text + blank) == str(tenant)


@given(labels=st.lists(LABEL, min_size=1, max_size=4), top=st.sampled_from(["com", "onmicrosoft.com", "XN--P1AI"]))
def test_a_domain_is_a_tenant(labels: list[str], top: str) -> None:
    domain = ".".join([*labels, top])
    assert clouds.check_tenant_id(domain) == domain.lower()


def test_a_dot_at_the_end_of_a_domain_is_taken_away() -> None:
    assert clouds.check_tenant_id("Contoso.com.") == "contoso.com"


def test_what_is_in_the_way_of_an_id_is_named() -> None:
    with pytest.raises(OptionError, match=f"give {CLIENT}, without U\\+200B ZERO WIDTH SPACE$"):
        clouds.check_tenant_id(f"{CLIENT}\u200b")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (f"\ufeff{CLIENT}", "has U+FEFF ZERO WIDTH NO-BREAK SPACE in its GUID: give the GUID alone"),
        (f"{{{CLIENT}}}", "has the braces in its GUID: give the GUID alone"),
        (f"{CLIENT},{CLIENT[:-1]}0", "has 2 GUIDs: give one"),
        (
            f"{CLIENT[:-1]}\u0430",
            "has U+0430 CYRILLIC SMALL LETTER A in its GUID: copy the application (client) ID of the registration",
        ),
    ],
)
def test_what_is_in_the_way_of_an_applications_id_is_named(value: str, sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        clouds.check_client_id(value, "my_variable")
    assert str(refused.value) == f"client_id {sentence}"
    with pytest.raises(OptionError) as refused:
        clouds.check_app_id(value)
    assert str(refused.value) == f"app_id {sentence}"


@pytest.mark.parametrize("tenant", ["common", "Organizations", " consumers "])
def test_a_shared_name_is_no_customer(tenant: str) -> None:
    with pytest.raises(OptionError, match=r"which names no customer: give the customer's tenant GUID or one of its"):
        clouds.check_tenant_id(tenant)


@pytest.mark.parametrize("tenant", [None, "", "  "])
def test_an_empty_tenant_is_refused(tenant: str | None) -> None:
    with pytest.raises(OptionError, match=r"^tenant_id is empty: give"):
        clouds.check_tenant_id(tenant)


@pytest.mark.parametrize(
    "tenant",
    [
        "44444444-4444-4444-8444-44444444444",
        "44444444-4444-4444-8444-4444444444444",
        "{44444444-4444-4444-8444-444444444444}",
        "4444444444444444844444444444444",
        "contoso",
        "contoso..com",
        "-contoso.com",
        "contoso.com/evil",
        "contoso.com?x=1",
        "contoso.com#",
        "https://contoso.com",
        "../common",
        "contoso.com\ncommon",
        "conto\N{LATIN SMALL LETTER LONG S}o.com",
        "contoso.\N{LATIN SMALL LETTER DOTLESS I}o",
    ],
)
def test_what_is_neither_a_guid_nor_a_domain_is_refused(tenant: str) -> None:
    with pytest.raises(OptionError, match=r"is neither a GUID nor a domain name: give"):
        clouds.check_tenant_id(tenant)


@given(text=st.text())
def test_what_passes_as_a_tenant_is_safe_in_a_path(text: str) -> None:
    try:
        tenant = clouds.check_tenant_id(text)
    except OptionError:
        return
    assert set(tenant) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


def test_a_client_id_is_a_guid() -> None:
    assert clouds.check_client_id(f" {CLIENT.upper()} ", "my_variable") == CLIENT
    with pytest.raises(OptionError, match=r"^client_id is missing: .* variable my_variable or in AZURE_CLIENT_ID$"):
        clouds.check_client_id("", "my_variable")
    with pytest.raises(OptionError, match=r"^client_id 'my-app' is not a GUID: copy the application"):
        clouds.check_client_id("my-app", "my_variable")


def test_an_app_id_is_a_guid() -> None:
    assert clouds.check_app_id(f" {CLIENT.upper()} ") == CLIENT
    with pytest.raises(OptionError, match=r"^app_id 'my-app' is not a GUID: copy the application \(client\) ID"):
        clouds.check_app_id("my-app")


@pytest.mark.parametrize("name", clouds.CLOUDS)
def test_every_cloud_is_selected_as_it_is(name: str) -> None:
    assert clouds.select(name) == clouds.CLOUDS[name]


def test_a_replaced_url_moves_requests_and_keeps_the_resource() -> None:
    cloud = clouds.select("worldwide", xdr_url="https://api-eu.security.microsoft.com/")
    assert cloud.xdr_url == "https://api-eu.security.microsoft.com"
    assert cloud.xdr_resource == "https://api.security.microsoft.com"
    assert cloud.authority_url == "https://login.microsoftonline.com"


@pytest.mark.parametrize("option", ["authority_url", "graph_url", "xdr_url"])
@pytest.mark.parametrize("url", ["http://localhost:8443", "ftp://x", "localhost:8443", "https://", "https://["])
def test_a_url_that_is_not_https_is_refused_by_the_name_of_its_option(option: str, url: str) -> None:
    with pytest.raises(OptionError, match=rf"^{option} '.*' is not an https URL"):
        clouds.select("worldwide", **{option: url})


@pytest.mark.parametrize(
    "url",
    [
        "https://user:canary@host",
        "https://host/?q=1",
        "https://host#f",
        "https://host?",
        "https://host:abc",
        "https://host\n/x",
    ],
)
def test_a_url_with_more_than_scheme_host_and_path_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(OptionError, match=r"^graph_url ") as refused:
        clouds.select("worldwide", graph_url=url)
    assert "canary" not in str(refused.value)
