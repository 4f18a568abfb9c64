# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The consent link: its three forms, and the way of a person through it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from support.emulated_tenants import answer_consent_page
from support.emulator import EmulatorProcess
from support.operations import Tasks

from ansible_collections.mssp.defender.plugins.filter.consent_redirect import consent_redirect

STATE_KEY = "a long and random key of a test"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"


def _answer(emulator: EmulatorProcess, url: str, decision: str, **fields: str) -> str:
    return answer_consent_page(url, emulator.ca_path, decision, **fields)


def test_authorize_form_is_the_one_of_the_partner_page_byte_for_byte(tasks: Tasks) -> None:
    result = tasks.consent_url(form="authorize", client_id="11111111-1111-1111-1111-111111111111", authority_url=None)
    assert result["url"] == (
        "https://login.microsoftonline.com/common/oauth2/authorize?prompt=consent"
        "&client_id=11111111-1111-1111-1111-111111111111&response_type=code&sso_reload=true"
    )
    assert result["changed"] is False


@pytest.mark.parametrize(
    ("form", "path", "parameters"),
    [
        ("admin_consent", "/{tenant}/v2.0/adminconsent", {"client_id", "redirect_uri", "state", "scope"}),
        ("admin_consent_v1", "/{tenant}/adminconsent", {"client_id", "redirect_uri", "state"}),
    ],
)
def test_tenant_forms_address_the_tenant(
    tasks: Tasks, emulator: EmulatorProcess, form: str, path: str, parameters: set[str]
) -> None:
    tenant_id = emulator.tenant_id("contoso")
    redirect_uri = emulator.connection["redirect_uri"]
    result = tasks.consent_url(form=form, tenant_id=tenant_id, redirect_uri=redirect_uri, state_key=STATE_KEY)
    link = urlsplit(result["url"])
    query = {name: values[0] for name, values in parse_qs(link.query).items()}
    assert f"{link.scheme}://{link.netloc}" == emulator.url
    assert link.path == path.format(tenant=tenant_id)
    assert set(query) == parameters
    assert query["redirect_uri"] == redirect_uri
    assert query["state"] == result["state"]
    assert query.get("scope", GRAPH_SCOPE) == GRAPH_SCOPE


def test_scope_follows_the_permissions(tasks: Tasks) -> None:
    wanted = {"xdr": ["Incident.Read.All"]}
    result = tasks.consent_url(
        tenant_id="contoso.example", redirect_uri="https://localhost/consent-result", permissions=wanted
    )
    scope = parse_qs(urlsplit(result["url"]).query)["scope"]
    assert scope == ["https://api.security.microsoft.com/.default"]
    assert result["permissions"] == wanted


def test_fleet_form_gives_each_tenant_its_own_link_and_spoils_none(tasks: Tasks, emulator: EmulatorProcess) -> None:
    result = tasks.consent_url(
        tenants=[
            {"name": "contoso", "tenant_id": emulator.tenant_id("contoso")},
            {"name": "broken", "tenant_id": "not a tenant"},
            {"name": "fabrikam", "tenant_id": "fabrikam.example"},
        ],
        redirect_uri=emulator.connection["redirect_uri"],
        state_key=STATE_KEY,
    )
    contoso, broken, fabrikam = result["tenants"]
    assert [link["name"] for link in result["tenants"]] == ["contoso", "broken", "fabrikam"]
    assert f"/{emulator.tenant_id('contoso')}/" in contoso["url"]
    assert "/fabrikam.example/" in fabrikam["url"]
    assert contoso["state"] != fabrikam["state"]
    assert broken["url"] is None
    assert "'not a tenant'" in broken["msg"]


@pytest.mark.parametrize("form", ["admin_consent", "admin_consent_v1"])
def test_a_person_accepts_and_the_redirect_tells_so(tasks: Tasks, emulator: EmulatorProcess, form: str) -> None:
    tenant_id = emulator.tenant_id("contoso")
    link = tasks.consent_url(
        form=form, tenant_id=tenant_id, redirect_uri=emulator.connection["redirect_uri"], state_key=STATE_KEY
    )
    redirect = consent_redirect(_answer(emulator, link["url"], "accept"), STATE_KEY, emulator.client_id)
    assert redirect["consented"]
    assert not redirect["declined"]
    assert redirect["tenant_id"] == redirect["state_tenant_id"] == tenant_id
    assert redirect["state_fault"] is None
    assert tasks.token(tenant_id=tenant_id)["state"] == "granted"


@pytest.mark.parametrize("form", ["admin_consent", "admin_consent_v1"])
def test_a_person_declines_and_the_redirect_tells_so(tasks: Tasks, emulator: EmulatorProcess, form: str) -> None:
    tenant_id = emulator.tenant_id("contoso")
    link = tasks.consent_url(
        form=form, tenant_id=tenant_id, redirect_uri=emulator.connection["redirect_uri"], state_key=STATE_KEY
    )
    redirect = consent_redirect(_answer(emulator, link["url"], "cancel"), STATE_KEY, emulator.client_id)
    assert redirect["declined"]
    assert not redirect["consented"]
    assert redirect["error"]
    assert tasks.token(tenant_id=tenant_id)["state"] == "not_consented"


def test_authorize_form_consents_for_whoever_signs_in(tasks: Tasks, emulator: EmulatorProcess) -> None:
    link = tasks.consent_url(form="authorize")
    tenant_id = emulator.tenant_id("tailspin")
    redirect = consent_redirect(_answer(emulator, link["url"], "accept", tenant=tenant_id))
    assert redirect["consented"]
    assert redirect["tenant_id"] is None
    assert tasks.token(tenant_id=tenant_id)["state"] == "granted"


def test_a_redirect_for_another_tenant_is_found_out(tasks: Tasks, emulator: EmulatorProcess) -> None:
    """The `tenant` of a redirect can be forged, so the signed state must disagree with it."""
    link = tasks.consent_url(
        tenant_id=emulator.tenant_id("contoso"),
        redirect_uri=emulator.connection["redirect_uri"],
        state_key=STATE_KEY,
    )
    location = _answer(emulator, link["url"], "accept")
    forged = location.replace(emulator.tenant_id("contoso"), emulator.tenant_id("fabrikam"))
    redirect = consent_redirect(forged, STATE_KEY, emulator.client_id)
    assert redirect["state_tenant_id"] is None
    assert "another tenant" in redirect["state_fault"]


def test_a_state_of_ones_own_comes_back_as_it_is(tasks: Tasks, emulator: EmulatorProcess) -> None:
    link = tasks.consent_url(
        tenant_id="contoso.example",
        redirect_uri=emulator.connection["redirect_uri"],
        state="ticket 4711 & more/ü",
    )
    location = _answer(emulator, link["url"], "accept")
    assert parse_qs(urlsplit(location).query)["state"] == ["ticket 4711 & more/ü"]


def test_link_of_one_day_stays_the_same(tasks: Tasks, emulator: EmulatorProcess) -> None:
    """Otherwise a file of links would change with every run."""
    options = {
        "tenant_id": "contoso.example",
        "redirect_uri": emulator.connection["redirect_uri"],
        "state_key": STATE_KEY,
    }
    assert tasks.consent_url(**options) == tasks.consent_url(**options)


def test_links_need_no_network(tasks: Tasks, count_requests: Callable[[str], int]) -> None:
    assert tasks.consent_url(form="admin_consent_v1", tenant_id="contoso.example")["url"]
    assert count_requests("") == 0
