# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application that another client made is adopted as it is: only what is declared changes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.emulated_tenants import GRAPH_APP_ID, READ_INCIDENTS, XDR_APP_ID, HomeTenant
from support.emulator import EmulatorProcess
from support.operations import Tasks

NAME = "northwind-soc"
OTHER_API = "fc780465-2017-40d4-a0c5-307022471b92"
USER_READ = {"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}
OTHER_ROLE = {"id": "ea8291d3-4b9a-44b5-bc3a-6cea3026dc79", "type": "Role"}
MADE: dict[str, Any] = {
    "displayName": "Made in the portal",
    "signInAudience": "AzureADMultipleOrgs",
    "notes": "Ask Kim before you change anything",
    "tags": ["soc", "HideApp"],
    "web": {
        "homePageUrl": "https://soc.example",
        "redirectUris": ["https://soc.example/old"],
        "redirectUriSettings": [{"uri": "https://soc.example/old", "index": None}],
        "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": True},
    },
    "spa": {"redirectUris": ["https://soc.example/spa"]},
    "api": {"requestedAccessTokenVersion": 2},
    "propertyOfTomorrow": {"nested": [1, 2, {"deep": True}]},
    "requiredResourceAccess": [
        {"resourceAppId": GRAPH_APP_ID, "resourceAccess": [USER_READ]},
        {"resourceAppId": OTHER_API, "resourceAccess": [OTHER_ROLE]},
    ],
}

Writes = Callable[[], list[str]]


@pytest.fixture
def made(home: HomeTenant, writes: Writes) -> dict[str, Any]:
    """An application with everything that we know nothing of, a secret and a certificate among it."""
    created = home.call("POST", "applications", MADE)
    home.call("POST", f"applications/{created['id']}/addPassword", {"passwordCredential": {"displayName": "portal"}})
    writes()
    return home.application()


def test_it_is_adopted_by_its_id(tasks: Tasks, home: HomeTenant, made: dict[str, Any], writes: Writes) -> None:
    """And is found by its new unique name from then on."""
    result = tasks.application(app_id=made["appId"], unique_name=NAME)
    assert not result["failed"], result
    assert result["diff"] == {
        "before": {"unique_name": None, "service_principal": False},
        "after": {"unique_name": NAME, "service_principal": True},
    }
    assert writes() == [f"PATCH {made['id']}", "POST servicePrincipals"]
    assert home.application() == {**made, "uniqueName": NAME}

    for named in ({"unique_name": NAME}, {"app_id": made["appId"]}, {"app_id": made["appId"], "unique_name": NAME}):
        again = tasks.application(**named)
        assert (again["changed"], again["application"]["app_id"]) == (False, made["appId"])
    assert writes() == []


def test_an_id_in_capitals_is_the_same_id(tasks: Tasks, made: dict[str, Any]) -> None:
    tasks.application(app_id=made["appId"], unique_name=NAME)
    again = tasks.application(app_id=made["appId"].upper(), unique_name=NAME)
    assert (again["failed"], again["changed"]) == (False, False), again


def test_what_is_not_declared_survives(tasks: Tasks, home: HomeTenant, made: dict[str, Any]) -> None:
    result = tasks.application(
        app_id=made["appId"],
        display_name="Northwind SOC",
        redirect_uris=["https://soc.example/consent-result"],
        permissions={"xdr": ["Incident.Read.All"], "graph": ["SecurityIncident.Read.All"]},
    )
    assert not result["failed"], result
    assert set(result["diff"]["after"]) == {
        "display_name",
        "redirect_uris",
        "permissions.xdr",
        "permissions.graph",
        "granted.xdr",
        "granted.graph",
        "service_principal",
    }
    now = home.application()
    changed = {name for name in now if now[name] != made[name]}
    assert changed == {"displayName", "web", "requiredResourceAccess"}
    assert now["web"]["homePageUrl"] == "https://soc.example"
    assert now["web"]["implicitGrantSettings"]["enableIdTokenIssuance"] is True
    asked = {item["resourceAppId"]: item["resourceAccess"] for item in now["requiredResourceAccess"]}
    assert asked[OTHER_API] == [OTHER_ROLE], "another API's"
    assert USER_READ in asked[GRAPH_APP_ID], "a delegated permission"
    assert asked[XDR_APP_ID] == [{"id": READ_INCIDENTS, "type": "Role"}]


def test_permissions_taken_away_leave_delegated_ones(tasks: Tasks, home: HomeTenant, made: dict[str, Any]) -> None:
    app_id = made["appId"]
    tasks.application(app_id=app_id, permissions={"graph": ["SecurityIncident.Read.All"]})
    result = tasks.application(app_id=app_id, permissions={"graph": []})
    assert result["diff"]["after"] == {"permissions.graph": [], "granted.graph": []}
    assert home.application()["requiredResourceAccess"] == made["requiredResourceAccess"]


def test_grants_of_other_apis_survive(tasks: Tasks, home: HomeTenant, made: dict[str, Any]) -> None:
    """Only what is granted of the APIs that are declared is taken back."""
    app_id = made["appId"]
    tasks.application(app_id=app_id, permissions={"xdr": ["Incident.Read.All"], "graph": ["SecurityIncident.Read.All"]})
    tasks.application(app_id=app_id, permissions={"graph": ["ThreatHunting.Read.All"]})
    assert home.roles(app_id) == ["Incident.Read.All", "ThreatHunting.Read.All"]


def test_credentials_survive(tasks: Tasks, home: HomeTenant, made: dict[str, Any]) -> None:
    secret = home.call("POST", f"applications/{made['id']}/addPassword", {})["secretText"]
    tasks.application(app_id=made["appId"], unique_name=NAME, permissions={"xdr": ["Incident.Read.All"]})
    assert len(home.secrets()) == 2
    assert home.accepts(secret)


def test_the_applications_of_a_display_name_are_not_touched(tasks: Tasks, home: HomeTenant) -> None:
    """A display name belongs to nobody: a third application is made under the unique name."""
    for _unused in range(2):
        home.call("POST", "applications", {"displayName": "Northwind SOC"})
    before = home.applications()
    result = tasks.application(unique_name=NAME, display_name="Northwind SOC")
    assert result["changed"]
    assert [item for item in home.applications() if item["uniqueName"] != NAME] == before
    assert len(home.applications()) == 3


def test_what_a_removed_application_was_called_can_be_used_again(tasks: Tasks, home: HomeTenant) -> None:
    first = tasks.application(unique_name=NAME)["application"]["app_id"]
    tasks.application(unique_name=NAME, state="absent")
    second = tasks.application(unique_name=NAME)["application"]["app_id"]
    assert second != first
    assert home.application()["appId"] == second


def test_an_application_of_others_needs_the_wider_right(tasks: Tasks, emulator: EmulatorProcess) -> None:
    """`Application.ReadWrite.OwnedBy` is for what one made; the sentence names what opens all others."""
    refused = tasks.application(app_id=emulator.client_id, unique_name=NAME)
    assert refused["failed"]
    assert refused["code"] == "Authorization_RequestDenied"
    assert "Application.ReadWrite.All" in refused["msg"]
    emulator.control(
        "PATCH",
        "registrar",
        {"roles": ["Application.ReadWrite.All", "Application.Read.All", "AppRoleAssignment.ReadWrite.All"]},
    )
    adopted = tasks.application(app_id=emulator.client_id, unique_name=NAME)
    assert not adopted["failed"], adopted
    assert adopted["application"]["unique_name"] == NAME


def test_a_quote_in_a_unique_name(tasks: Tasks, home: HomeTenant) -> None:
    """OData doubles it, and the address encodes the rest."""
    name = "o'hara & söhne #1 (100%)"
    result = tasks.application(unique_name=name)
    assert not result["failed"], result
    assert home.application()["uniqueName"] == name
    assert tasks.application(unique_name=name)["changed"] is False


def test_nothing_of_a_certificate_is_lost(tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess) -> None:
    """A task about the application never sends its credentials."""
    pem = Path(emulator.connection["certificate_path"]).read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    key = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.b64encode(der).decode()}
    created = home.call("POST", "applications", {**MADE, "keyCredentials": [key]})
    tasks.application(app_id=created["appId"], display_name="Northwind SOC", redirect_uris=[])
    assert [item["key"] for item in home.certificates()] == [key["key"]]
