# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test sees and turns of registrations, and an emulator without the sample application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import READ_INCIDENTS, XDR_APP_ID, XDR_SCOPE, Caller, Graph, canary_of, claims_of


def _names(emulator: EmulatorProcess) -> list[str]:
    return sorted(application["displayName"] for application in emulator.control("GET", "applications"))


def test_applications_are_told_without_their_secrets(graph: Graph) -> None:
    created = graph.application()
    secret = graph.secret(created)["secretText"]
    applications = {entry["appId"]: entry for entry in graph.emulator.control("GET", "applications")}
    mine = applications[created["appId"]]
    assert (mine["tenantId"], mine["passwordCredentials"][0]["hint"]) == (graph.emulator.home_tenant_id, secret[:3])
    sample = applications[graph.emulator.client_id]
    assert (sample["owners"], sample["federatedIdentityCredentials"][0]["name"]) == ([], "pipelines")
    principals = graph.emulator.control("GET", f"service-principals/{graph.emulator.home_tenant_id}")
    [registrar] = [entry for entry in principals if entry["appId"] == graph.emulator.registrar_client_id]
    assert mine["owners"] == [registrar["id"]]
    assert registrar["roles"] == [
        "AppRoleAssignment.ReadWrite.All",
        "Application.Read.All",
        "Application.ReadWrite.OwnedBy",
    ]
    written = json.dumps([*applications.values(), principals])
    assert secret not in written
    assert graph.emulator.registrar_secret not in written


def test_secrets_are_kept_as_hashes(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    with EmulatorProcess(tmp_path, "--state", str(state)) as emulator:
        graph = Graph(Caller(emulator))
        created = graph.application(uniqueName="kept", extra={"a": 1})
        secret = graph.secret(created)["secretText"]
        kept = b"".join(path.read_bytes() for path in tmp_path.glob("state.sqlite*"))
        for word in (secret, emulator.client_secret, emulator.registrar_secret):
            assert word.encode() not in kept
        assert created["appId"].encode() in kept
        emulator.control("POST", f"tenants/contoso.example/consent?client_id={created['appId']}")
        graph.expect(201, "POST", "servicePrincipals", {"appId": created["appId"]})
        before = emulator.control("GET", "applications")
    with EmulatorProcess(tmp_path, "--state", str(state)) as emulator:
        caller = Caller(emulator)
        assert emulator.control("GET", "applications") == before
        answer = caller.ask_token(client_id=created["appId"], client_secret=secret)
        assert claims_of(answer.json()["access_token"])["roles"] == ["Incident.Read.All"]
        graph = Graph(caller)
        graph.expect(204, "PATCH", "applications(uniqueName='kept')", {"notes": "owned still"})
        emulator.control("POST", "reset")
        assert _names(emulator) == ["Adatum Backup", "Northwind Registrar", "Northwind SOC"]
        assert caller.ask_token(client_id=created["appId"], client_secret=secret).json()["error_codes"] == [700016]
        assert caller.ask_token().json()["error_codes"] == [7000229]


def test_credential_files_of_another_directory_count(tmp_path: Path) -> None:
    state = str(tmp_path / "state.sqlite")
    for directory in ("one", "two"):
        with EmulatorProcess(tmp_path / directory, "--state", state) as emulator:
            emulator.control("POST", "consent-all")
            caller = Caller(emulator)
            assert caller.ask_token().status_code == 200
            Graph(caller)


def test_a_deleted_sample_stays_deleted(tmp_path: Path) -> None:
    arguments = ("--state", str(tmp_path / "state.sqlite"))
    with EmulatorProcess(tmp_path, *arguments) as emulator:
        graph = Graph(Caller(emulator))
        graph.may("Application.ReadWrite.All")
        graph.expect(204, "DELETE", f"applications(appId='{emulator.client_id}')")
    with EmulatorProcess(tmp_path, *arguments) as emulator:
        assert _names(emulator) == ["Adatum Backup", "Northwind Registrar"]
        emulator.control("POST", "reset")
        assert "Northwind SOC" in _names(emulator)


def test_without_the_sample_application(tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path, "--no-application") as emulator:
        connection = emulator.connection
        for name in ("client_id", "client_secret_file", "certificate_path", "certificate_pfx_path"):
            assert connection[name] is None
        assert connection["certificate_password_file"] is None
        assert not (tmp_path / "client_secret").exists()
        assert Path(connection["federated_token_file"]).exists()
        assert connection["redirect_uri"].endswith("/consent-result")
        assert _names(emulator) == ["Adatum Backup", "Northwind Registrar"]
        graph = Graph(Caller(emulator))
        found = graph.expect(200, "GET", "applications?$select=displayName")["value"]
        assert found == [{"displayName": "Northwind Registrar"}]
        assert "permissions" not in emulator.control("GET", "application")
        emulator.control("PATCH", "application", {"quota_per_minute": None})
        for path in ("application", "tenants/contoso.example/consent", "consent-all"):
            method = "PATCH" if path == "application" else "POST"
            with pytest.raises(AssertionError, match=r"404 .*AADSTS700016"):
                emulator.control(method, path, {"secret_expired": True} if path == "application" else None)
        assert emulator.control("GET", "tenants/contoso.example")["consented"] is False
        assert graph.caller.get("/consent-result", error="x").status_code == 200


def test_the_sample_comes_and_goes_with_the_option(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.sqlite"))
    found = []
    for arguments in ((), ("--no-application",), ()):
        with EmulatorProcess(tmp_path, *state, *arguments) as emulator:
            found.append("Northwind SOC" in _names(emulator))
    assert found == [True, False, True]


def test_any_applications_consent_can_be_turned(graph: Graph, caller: Caller) -> None:
    emulator, created = graph.emulator, graph.application()
    which = f"?client_id={created['appId']}"
    secret = graph.secret(created)["secretText"]

    def roles() -> object:
        answer = caller.ask_token(client_id=created["appId"], client_secret=secret)
        return claims_of(answer.json()["access_token"]).get("roles") if answer.ok else answer.json()["error_codes"]

    assert roles() == [7000229]
    assert emulator.control("POST", f"consent-all{which}") == {"consented": 5}
    assert roles() == ["Incident.Read.All"]
    assert caller.ask_token().json()["error_codes"] == [7000229]
    tenant = emulator.control("PUT", f"tenants/contoso.example/grants{which}", {"roles": []})
    assert (tenant["consented"], tenant["roles"], roles()) == (True, [], None)
    emulator.control("DELETE", f"tenants/contoso.example/consent{which}")
    assert roles() == [7000229]


def test_control_of_credentials_and_registrar_refuses_nonsense(graph: Graph) -> None:
    emulator, created = graph.emulator, graph.application()
    key_id = graph.secret(created)["keyId"]
    path = f"applications/{created['appId']}/credentials"
    for method, where, body, told in (
        ("PATCH", f"{path}/none", {}, "no such credential"),
        ("PATCH", f"{path}/{key_id}", {"endDateTime": "soon"}, "not a date"),
        ("PATCH", f"{path}/{key_id}", {"secretText": "x"}, "no 'secretText' to set"),
        ("PATCH", "applications/none/credentials/none", {}, "AADSTS700016"),
        ("PATCH", "registrar", {"roles": ["Everything"]}, "Everything"),
        ("GET", "service-principals/nowhere.example", None, "AADSTS90002"),
    ):
        with pytest.raises(AssertionError, match=r": 40[04] ") as refused:
            emulator.control(method, where, body)
        assert told in str(refused.value)


def _link(graph: Graph, application: dict[str, Any], **changes: str) -> str:
    query = {
        "client_id": application["appId"],
        "redirect_uri": "https://localhost:1/consent-result",
        "scope": XDR_SCOPE,
        **changes,
    }
    segment = query.pop("segment", "contoso.example")
    text = "&".join(f"{name}={value}" for name, value in query.items())
    return f"{graph.emulator.url}/{segment}/v2.0/adminconsent?{text}"


def test_the_consent_page_is_the_applications_own(graph: Graph, caller: Caller) -> None:
    access = [{"id": READ_INCIDENTS, "type": "Role"}, {"id": "12c153a4-4204-4224-aa3c-4626e2f47c2b", "type": "Scope"}]
    created = graph.application(requiredResourceAccess=[{"resourceAppId": XDR_APP_ID, "resourceAccess": access}])
    link = _link(graph, created)
    page = caller.session.get(link, timeout=10)
    for text in ("Contoso MSSP", created["appId"], "northwind.example", "unverified", "Incident.Read.All"):
        assert text in page.text, text
    assert "<code>Incident.Read</code>" in page.text
    form = {"canary": canary_of(page.text), "decision": "accept"}
    answer = caller.session.post(link, data=form, allow_redirects=False, timeout=10)
    assert answer.headers["location"].startswith("https://localhost:1/consent-result?admin_consent=True")
    [principal] = graph.emulator.control("GET", "service-principals/contoso.example")
    assert (principal["displayName"], principal["roles"]) == ("Contoso MSSP", ["Incident.Read.All"])
    secret = graph.secret(created)["secretText"]
    token = caller.ask_token(client_id=created["appId"], client_secret=secret).json()["access_token"]
    assert claims_of(token)["oid"] == principal["id"]
    # Consent again, after a permission more, keeps the service principal.
    access.append({"id": "8d90f441-09cf-4fdc-ab45-e874fa3a28e8", "type": "Role"})
    wanted = [{"resourceAppId": XDR_APP_ID, "resourceAccess": access}]
    graph.expect(204, "PATCH", f"applications/{created['id']}", {"requiredResourceAccess": wanted})
    assert claims_of(token)["roles"] == ["Incident.Read.All"]
    page = caller.session.get(link, timeout=10)
    caller.session.post(
        link, data={"canary": canary_of(page.text), "decision": "accept"}, allow_redirects=False, timeout=10
    )
    [again] = graph.emulator.control("GET", "service-principals/contoso.example")
    assert (again["id"], again["roles"]) == (principal["id"], ["Incident.Read.All", "Incident.ReadWrite.All"])


# what the application is registered with, the link's changes -> AADSTS number on the page
WRONG = {
    "single tenant": ({"signInAudience": "AzureADMyOrg"}, {}, 650059),
    "single tenant, shared link": ({"signInAudience": "AzureADMyOrg"}, {"segment": "organizations"}, 50194),
    "other redirect": ({}, {"redirect_uri": "https://localhost/other"}, 50011),
    "no redirect": ({"web": {"redirectUris": []}}, {}, 50011),
    "unknown API": (
        {
            "requiredResourceAccess": [
                {
                    "resourceAppId": "11111111-1111-4111-8111-111111111111",
                    "resourceAccess": [{"id": READ_INCIDENTS, "type": "Role"}],
                }
            ]
        },
        {},
        650052,
    ),
    "unknown permission": (
        {
            "requiredResourceAccess": [
                {
                    "resourceAppId": XDR_APP_ID,
                    "resourceAccess": [{"id": "11111111-1111-4111-8111-111111111111", "type": "Role"}],
                }
            ]
        },
        {},
        650053,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_application_that_cannot_be_consented_to(graph: Graph, caller: Caller, name: str) -> None:
    properties, changes, code = WRONG[name]
    page = caller.session.get(_link(graph, graph.application(**properties), **changes), timeout=10)
    assert (page.status_code, f"AADSTS{code}" in page.text, "<form" in page.text) == (400, True, False)
