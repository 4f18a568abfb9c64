# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application is registered as declared, once, and each declared field is kept so, alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.emulated_tenants import GRAPH_APP_ID, READ_INCIDENTS, XDR_APP_ID, HomeTenant
from support.emulator import EmulatorProcess
from support.operations import Tasks

NAME = "northwind-soc"
DECLARED: dict[str, Any] = {
    "unique_name": NAME,
    "display_name": "Northwind SOC",
    "redirect_uris": ["https://soc.example/consent-result"],
    "permissions": {"xdr": ["Incident.Read.All"], "graph": ["SecurityIncident.Read.All"]},
}
GRANTED = {"graph": ["SecurityIncident.Read.All"], "xdr": ["Incident.Read.All"]}

Writes = Callable[[], list[str]]


@pytest.fixture
def registered(tasks: Tasks, writes: Writes) -> dict[str, Any]:
    """The application as declared; nothing of its making is left among the requests."""
    result = tasks.application(**DECLARED)
    assert not result["failed"], result["msg"]
    writes()
    return result


def test_an_application_is_registered(
    tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess, writes: Writes
) -> None:
    result = tasks.application(**DECLARED)
    assert (result["failed"], result["changed"], result["added_permissions"]) == (False, True, {})
    assert sorted(writes()) == [
        "PATCH applications(uniqueName='northwind-soc')",
        "POST appRoleAssignedTo",
        "POST appRoleAssignedTo",
        "POST servicePrincipals",
    ]

    document = home.application()
    (principal,) = home.principals(document["appId"])
    assert result["application"] == {
        "app_id": document["appId"],
        "object_id": document["id"],
        "unique_name": NAME,
        "display_name": "Northwind SOC",
        "sign_in_audience": "AzureADMultipleOrgs",
        "redirect_uris": DECLARED["redirect_uris"],
        "property_lock": True,
        "permissions": GRANTED,
        "service_principal_id": principal["id"],
        "granted": GRANTED,
        "owners": document["owners"],
        "notes": None,
        "publisher_domain": "northwind.example",
        "verified_publisher": None,
        "home_tenant_id": emulator.home_tenant_id,
        "cloud": "worldwide",
    }
    assert document["uniqueName"] == NAME
    assert document["signInAudience"] == "AzureADMultipleOrgs"
    assert document["web"]["redirectUris"] == DECLARED["redirect_uris"]
    asked = {item["resourceAppId"]: item["resourceAccess"] for item in document["requiredResourceAccess"]}
    assert asked[XDR_APP_ID] == [{"id": READ_INCIDENTS, "type": "Role"}]
    assert set(asked) == {XDR_APP_ID, GRAPH_APP_ID}
    assert principal["roles"] == ["Incident.Read.All", "SecurityIncident.Read.All"]


def test_a_second_run_is_ok_and_writes_nothing(tasks: Tasks, registered: dict[str, Any], writes: Writes) -> None:
    again = tasks.application(**DECLARED)
    assert (again["changed"], again["failed"]) == (False, False)
    assert again["application"] == registered["application"]
    assert "diff" not in again
    assert writes() == []


def test_the_order_of_lists_means_nothing(tasks: Tasks, writes: Writes) -> None:
    uris = ["https://soc.example/a", "https://soc.example/b"]
    roles = ["Incident.Read.All", "AdvancedHunting.Read.All"]
    tasks.application(unique_name=NAME, redirect_uris=uris, permissions={"xdr": roles})
    writes()
    turned = tasks.application(unique_name=NAME, redirect_uris=uris[::-1], permissions={"xdr": roles[::-1]})
    assert turned["changed"] is False
    assert writes() == []


@pytest.mark.parametrize("domain", [False, True], ids=["by GUID", "by domain"])
def test_without_more_than_a_name(tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess, domain: bool) -> None:
    tenant_id = emulator.connection["home_domain"] if domain else emulator.home_tenant_id
    result = tasks.application(tenant_id=tenant_id, unique_name=NAME)
    assert result["changed"]
    assert result["application"]["display_name"] == NAME
    assert result["application"]["home_tenant_id"] == emulator.home_tenant_id
    assert home.application()["requiredResourceAccess"] == []
    assert tasks.application(tenant_id=tenant_id, unique_name=NAME)["changed"] is False


CHANGES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], set[str]]] = [
    (
        "display name",
        {"display_name": "Northwind Watch"},
        {"display_name": "Northwind SOC"},
        {"display_name": "Northwind Watch"},
        {"displayName"},
    ),
    (
        "audience",
        {"sign_in_audience": "AzureADMyOrg"},
        {"sign_in_audience": "AzureADMultipleOrgs"},
        {"sign_in_audience": "AzureADMyOrg"},
        {"signInAudience"},
    ),
    (
        "redirect URIs",
        {"redirect_uris": ["https://soc.example/other"]},
        {"redirect_uris": ["https://soc.example/consent-result"]},
        {"redirect_uris": ["https://soc.example/other"]},
        {"web"},
    ),
    (
        "no redirect URI",
        {"redirect_uris": []},
        {"redirect_uris": ["https://soc.example/consent-result"]},
        {"redirect_uris": []},
        {"web"},
    ),
    (
        "permission added",
        {"permissions": {"xdr": ["Incident.Read.All", "AdvancedHunting.Read.All"]}},
        {"permissions.xdr": ["Incident.Read.All"], "granted.xdr": ["Incident.Read.All"]},
        {
            "permissions.xdr": ["AdvancedHunting.Read.All", "Incident.Read.All"],
            "granted.xdr": ["AdvancedHunting.Read.All", "Incident.Read.All"],
        },
        {"requiredResourceAccess"},
    ),
    (
        "permissions of an API taken away",
        {"permissions": {"graph": []}},
        {"permissions.graph": ["SecurityIncident.Read.All"], "granted.graph": ["SecurityIncident.Read.All"]},
        {"permissions.graph": [], "granted.graph": []},
        {"requiredResourceAccess"},
    ),
]


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "for real"])
@pytest.mark.parametrize(
    ("uris", "gone"),
    [
        (["https://soc.example/other"], True),
        ([], True),
        (["https://soc.example/other", "https://soc.example/consent-result"], False),
        (None, False),
    ],
    ids=["replaced", "removed", "added", "not declared"],
)
def test_a_redirect_uri_that_goes_is_named_because_mailed_links_break(
    tasks: Tasks, uris: list[str] | None, gone: bool, check_mode: bool
) -> None:
    result = tasks.application(**{**DECLARED, "redirect_uris": uris}, check_mode=check_mode)
    warnings = result.get("warnings", [])
    assert len(warnings) == gone
    assert all("loses the redirect URI https://soc.example/consent-result:" in warning for warning in warnings)
    assert all("AADSTS50011" in warning for warning in warnings)


@pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "for real"])
@pytest.mark.parametrize(
    ("options", "before", "after", "properties"),
    [case[1:] for case in CHANGES],
    ids=[case[0] for case in CHANGES],
)
def test_one_field_changes_alone(
    tasks: Tasks,
    home: HomeTenant,
    registered: dict[str, Any],
    writes: Writes,
    options: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
    properties: set[str],
    check_mode: bool,
) -> None:
    """The difference names exactly what changes, and check mode tells the same and writes nothing."""
    earlier = home.application()
    result = tasks.application(unique_name=NAME, **options, check_mode=check_mode)
    assert result["changed"], result
    assert result["diff"] == {"before": before, "after": after}
    now = home.application()
    changed = {name for name in now if now[name] != earlier[name]}
    if check_mode:
        assert changed == set()
        assert writes() == []
        return
    assert changed == properties
    assert sum(request.startswith("PATCH") for request in writes()) == 1
    assert result["application"]["app_id"] == registered["application"]["app_id"]
    # what is left out of the next task stays as it is; the audience alone has a default
    kept = {name: value for name, value in options.items() if name == "sign_in_audience"}
    assert tasks.application(unique_name=NAME, **kept)["changed"] is False
    assert writes() == []


def test_check_mode_of_a_creation(tasks: Tasks, home: HomeTenant, writes: Writes) -> None:
    planned = tasks.application(**DECLARED, check_mode=True)
    assert writes() == []
    assert home.applications() == []
    assert planned["application"]["app_id"] is None
    assert planned["application"]["service_principal_id"] is None
    done = tasks.application(**DECLARED)
    assert planned["diff"] == done["diff"]
    assert planned["diff"]["before"] == {"service_principal": False, "granted.xdr": [], "granted.graph": []}
    assert planned["application"]["permissions"] == done["application"]["permissions"]
    assert planned["application"]["granted"] == done["application"]["granted"]


def test_a_permission_added_is_granted_and_announced(
    tasks: Tasks, home: HomeTenant, registered: dict[str, Any], writes: Writes
) -> None:
    app_id = registered["application"]["app_id"]
    wider = {"xdr": ["Incident.Read.All"], "graph": ["SecurityIncident.Read.All", "ThreatHunting.Read.All"]}
    result = tasks.application(**{**DECLARED, "permissions": wider})
    assert result["added_permissions"] == {"graph": ["ThreatHunting.Read.All"]}
    assert "ThreatHunting.Read.All" in result["msg"]
    assert "consent again" in result["msg"]
    assert writes() == [f"PATCH {registered['application']['object_id']}", "POST appRoleAssignedTo"]
    assert home.roles(app_id) == ["Incident.Read.All", "SecurityIncident.Read.All", "ThreatHunting.Read.All"]

    narrower = tasks.application(**{**DECLARED, "permissions": {"xdr": ["Incident.Read.All"], "graph": []}})
    assert narrower["added_permissions"] == {}
    assert "msg" not in narrower
    assert narrower["application"]["granted"] == {"graph": [], "xdr": ["Incident.Read.All"]}
    assert home.roles(app_id) == ["Incident.Read.All"]
    assert [item["resourceAppId"] for item in home.application()["requiredResourceAccess"]] == [XDR_APP_ID]


def test_without_grant_nothing_is_granted_or_taken_back(
    tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess, writes: Writes
) -> None:
    """And none of the rights to grant is needed."""
    emulator.control("PATCH", "registrar", {"roles": ["Application.ReadWrite.OwnedBy", "Application.Read.All"]})
    result = tasks.application(**DECLARED, grant=False)
    assert not result["failed"], result
    assert result["application"]["granted"] == {"xdr": [], "graph": []}
    assert home.roles(result["application"]["app_id"]) == []
    assert not any("appRole" in request for request in writes())


def test_a_grant_that_went_missing_is_granted_again(
    tasks: Tasks, home: HomeTenant, registered: dict[str, Any], writes: Writes
) -> None:
    """And so is a service principal that somebody deleted."""
    home.call("DELETE", f"servicePrincipals/{registered['application']['service_principal_id']}")
    writes()
    result = tasks.application(**DECLARED)
    assert result["diff"] == {
        "before": {"service_principal": False, "granted.xdr": [], "granted.graph": []},
        "after": {
            "service_principal": True,
            "granted.xdr": ["Incident.Read.All"],
            "granted.graph": ["SecurityIncident.Read.All"],
        },
    }
    assert writes() == ["POST servicePrincipals", "POST appRoleAssignedTo", "POST appRoleAssignedTo"]
    assert home.roles(result["application"]["app_id"]) == ["Incident.Read.All", "SecurityIncident.Read.All"]
    assert result["added_permissions"] == {}


def test_permissions_come_from_what_the_tenant_publishes(tasks: Tasks, home: HomeTenant) -> None:
    """Also one that no table of ours has."""
    result = tasks.application(unique_name=NAME, permissions={"graph": ["Directory.Read.All"]})
    assert not result["failed"], result
    assert result["application"]["permissions"]["graph"] == ["Directory.Read.All"]
    assert home.roles(result["application"]["app_id"]) == ["Directory.Read.All"]


def test_permissions_of_an_api_that_the_tenant_has_not(
    tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess
) -> None:
    """A provider without Defender: our table answers, the application is complete, and a warning says what is not."""
    emulator.control("PATCH", f"tenants/{emulator.home_tenant_id}", {"service_present": False})
    result = tasks.application(**DECLARED)
    assert not result["failed"], result
    assert any("no Microsoft Threat Protection" in warning for warning in result["warnings"])
    asked = {item["resourceAppId"]: item["resourceAccess"] for item in home.application()["requiredResourceAccess"]}
    assert asked[XDR_APP_ID] == [{"id": READ_INCIDENTS, "type": "Role"}]
    assert result["application"]["permissions"] == GRANTED
    assert result["application"]["granted"] == {"xdr": [], "graph": ["SecurityIncident.Read.All"]}
    again = tasks.application(**DECLARED)
    assert again["changed"] is False
    assert (
        "Incidents.Read.All" in tasks.application(unique_name=NAME, permissions={"xdr": ["Incidents.Read.All"]})["msg"]
    )


@pytest.mark.parametrize("name", ["unique_name", "app_id"])
def test_absent_says_what_it_removed(
    tasks: Tasks, home: HomeTenant, registered: dict[str, Any], writes: Writes, name: str
) -> None:
    application = registered["application"]
    named = {name: application[name], "state": "absent"}
    planned = tasks.application(**named, check_mode=True)
    assert planned["changed"]
    assert home.application()["appId"] == application["app_id"]
    assert writes() == []

    result = tasks.application(**named)
    assert result["removed"] == planned["removed"]
    assert result["removed"] == {
        key: application[key] for key in ("app_id", "object_id", "unique_name", "display_name")
    }
    assert application["app_id"] in result["msg"]
    assert home.applications() == []
    assert home.principals(application["app_id"]) == []

    again = tasks.application(**named)
    assert (again["changed"], again["removed"]) == (False, None)


def test_customers_are_partial_after_a_permission_was_added(
    tasks: Tasks, emulator: EmulatorProcess, registered: dict[str, Any]
) -> None:
    """Until they consent again."""
    app_id = registered["application"]["app_id"]
    made = tasks.credential(app_id=app_id, kind="secret", name="ansible", expose_secret=True)
    contoso = emulator.tenant_id("contoso")
    emulator.control("POST", f"tenants/{contoso}/consent?client_id={app_id}")
    proof = {"tenant_id": contoso, "client_id": app_id, "client_secret": made["secret"]}
    wider = ["Incident.Read.All", "AdvancedHunting.Read.All"]
    assert tasks.token(**proof, required_roles=["Incident.Read.All"])["state"] == "granted"

    tasks.application(unique_name=NAME, permissions={"xdr": wider})
    partial = tasks.token(**proof, required_roles=wider)
    assert partial["state"] == "partial"
    assert partial["missing_roles"] == ["AdvancedHunting.Read.All"]
    emulator.control("POST", f"tenants/{contoso}/consent?client_id={app_id}")
    assert tasks.token(**proof, required_roles=wider)["state"] == "granted"
