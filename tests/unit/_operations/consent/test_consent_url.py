# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.operations import OperationHost
from support.scripted_entra import CLIENT, OTHER_TENANT, TENANT

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import consent
from ansible_collections.mssp.defender.plugins.module_utils._operations.consent import consent_url

KEY = "a long random value for tests"
REDIRECT = "https://partner.example/consent"


def run(**options: Any) -> dict[str, Any]:
    return consent_url.run(
        OperationHost(consent_url.OPERATION, **{"client_id": CLIENT, "redirect_uri": REDIRECT, **options})
    )


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def refusal_of(**options: Any) -> str:
    with pytest.raises(OptionError) as refused:
        run(**options)
    return str(refused.value)


def test_the_default_is_a_v2_link_to_what_reading_incidents_needs() -> None:
    result = run(tenant_id=TENANT.upper())
    assert result["url"].startswith(f"https://login.microsoftonline.com/{TENANT}/v2.0/adminconsent?")
    assert query_of(result["url"])["scope"] == "https://graph.microsoft.com/.default"
    assert result["permissions"] == {"graph": ["SecurityIncident.Read.All"]}
    assert (result["changed"], result["state"], result["expires_at"]) == (False, None, None)


def test_the_authorize_form_addresses_no_tenant() -> None:
    result = run(form="authorize", redirect_uri=None)
    assert result["url"] == (
        "https://login.microsoftonline.com/common/oauth2/authorize"
        f"?prompt=consent&client_id={CLIENT}&response_type=code&sso_reload=true"
    )


def test_a_link_to_graph_permissions_asks_for_graph() -> None:
    result = run(tenant_id=TENANT, permissions={"graph": ["SecurityIncident.Read.All"]})
    assert query_of(result["url"])["scope"] == "https://graph.microsoft.com/.default"
    assert result["permissions"] == {"graph": ["SecurityIncident.Read.All"]}


def test_a_link_goes_to_the_authority_of_the_cloud() -> None:
    assert run(tenant_id=TENANT, cloud="gcc_high")["url"].startswith(f"https://login.microsoftonline.us/{TENANT}/")


def test_a_signed_state_is_bound_to_the_tenant_and_the_application() -> None:
    result = run(tenant_id=TENANT, state_key=KEY)
    assert query_of(result["url"])["state"] == result["state"]
    assert consent.read_state(KEY, result["state"], CLIENT) == TENANT
    assert result["expires_at"].endswith("T00:00:00Z")


def test_links_of_one_day_are_the_same() -> None:
    assert run(tenant_id=TENANT, state_key=KEY) == run(tenant_id=TENANT, state_key=KEY)


def test_a_state_of_the_operator_is_passed_on() -> None:
    assert query_of(run(tenant_id=TENANT, state="a&b ü")["url"])["state"] == "a&b ü"


def test_a_fleet_gives_a_link_for_each_tenant() -> None:
    tenants = [{"name": "contoso", "tenant_id": TENANT}, {"name": "fabrikam", "tenant_id": OTHER_TENANT}]
    result = run(tenants=tenants, state_key=KEY)
    assert [link["name"] for link in result["tenants"]] == ["contoso", "fabrikam"]
    for link in result["tenants"]:
        assert f"/{link['tenant_id']}/v2.0/adminconsent" in link["url"]
        assert consent.read_state(KEY, link["state"]) == link["tenant_id"]


def test_a_tenant_of_a_fleet_that_can_be_none_is_warned_of_and_costs_no_other_its_link() -> None:
    tenants = [{"name": "broken", "tenant_id": "common"}, {"name": "contoso", "tenant_id": TENANT}]
    host = OperationHost(consent_url.OPERATION, client_id=CLIENT, redirect_uri=REDIRECT, tenants=tenants)
    broken, contoso = consent_url.run(host)["tenants"]
    assert broken["url"] is None
    assert "names no customer" in broken["msg"]
    assert contoso["url"]
    assert [warning.startswith("no consent link for broken: ") for warning in host.warnings] == [True]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "no tenant is given: set tenant_id, or tenants for a fleet"),
        ({"tenant_id": "common"}, "tenant_id is 'common', which names no customer"),
        ({"tenant_id": "4444"}, "tenant_id '4444' is neither a GUID nor a domain name"),
        ({"tenant_id": TENANT, "client_id": ""}, "client_id is missing"),
        ({"tenant_id": TENANT, "redirect_uri": None}, "redirect_uri is missing"),
        (
            {"tenant_id": TENANT, "redirect_uri": "http://partner.example"},
            "redirect_uri 'http://partner.example' must be",
        ),
        (
            {"tenant_id": TENANT, "authority_url": "http://localhost"},
            "authority_url 'http://localhost' is not an https",
        ),
        ({"tenant_id": TENANT, "state_key": "short"}, "state_key is shorter than 16 characters"),
        ({"tenant_id": TENANT, "state_lifetime": 0}, "state_lifetime is 0: it must be at least 1 day"),
        ({"form": "authorize", "state_key": KEY}, "state_key signs a state for one tenant"),
        (
            {"tenant_id": TENANT, "cloud": "china", "permissions": {"xdr": ["Incident.Read.All"]}},
            "cloud 'china' has no Microsoft Threat Protection API",
        ),
        (
            {"tenant_id": TENANT, "permissions": {"xdr": ["Incidents.Read.All"]}},
            (
                "permissions.xdr: Microsoft Threat Protection has no application permission 'Incidents.Read.All': "
                "did you mean Incident.Read.All"
            ),
        ),
    ],
)
def test_bad_input_is_refused_with_one_sentence(options: dict[str, Any], sentence: str) -> None:
    assert refusal_of(**options).startswith(sentence)


@pytest.mark.parametrize(
    ("permissions", "role"),
    [
        (None, "Privileged Role Administrator"),
        ({"xdr": ["Incident.Read.All"]}, "Cloud Application Administrator or Application Administrator"),
        (
            {"xdr": ["Incident.Read.All"], "graph": ["SecurityAlert.Read.All"]},
            "Privileged Role Administrator",
        ),
    ],
)
def test_the_least_role_of_the_administrator_goes_with_the_link(
    permissions: dict[str, list[str]] | None, role: str
) -> None:
    assert run(tenant_id=TENANT, permissions=permissions)["administrator_role"] == role


def test_what_the_mail_must_say_is_passed_on() -> None:
    tenants = [{"name": "contoso", "tenant_id": TENANT}]
    said = run(tenants=tenants, application_name="Provider SOC", language="de")
    assert (said["application_name"], said["language"]) == ("Provider SOC", "de")
    silent = run(tenants=tenants, application_name="")
    assert (silent["application_name"], silent["language"]) == (None, None)
