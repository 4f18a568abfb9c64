# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service principals and app role assignments: who is there, who may do what, and what a token then says."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from .conftest import GRAPH_APP_ID, GRAPH_SCOPE, READ_INCIDENTS, XDR_APP_ID, Caller, Graph, claims_of, refusal

READ_HUNTING = "7734e8e5-8dde-42fc-b5ae-6eafea078693"
WRITE_ALL = "Application.ReadWrite.All"


def _id(graph: Graph, app_id: str) -> str:
    return str(graph.expect(200, "GET", f"servicePrincipals(appId='{app_id}')?$select=id")["id"])


def _principal(graph: Graph) -> dict[str, Any]:
    """The service principal at home of a new application."""
    created: dict[str, Any] = graph.expect(201, "POST", "servicePrincipals", {"appId": graph.application()["appId"]})
    return created


def _assignment(client: str, resource: str, role: str = READ_INCIDENTS) -> dict[str, str]:
    return {"principalId": client, "resourceId": resource, "appRoleId": role}


def test_microsofts_apis_say_what_can_be_granted(graph: Graph) -> None:
    select = "$select=id,appId,displayName,appRoles,oauth2PermissionScopes,appOwnerOrganizationId,accountEnabled"
    xdr = graph.expect(200, "GET", f"servicePrincipals(appId='{XDR_APP_ID}')?{select}")
    assert (xdr["displayName"], xdr["accountEnabled"]) == ("Microsoft Threat Protection", True)
    assert {role["value"]: role["id"] for role in xdr["appRoles"]}["Incident.Read.All"] == READ_INCIDENTS
    assert all(role["allowedMemberTypes"] == ["Application"] for role in xdr["appRoles"])
    scopes = {scope["value"]: scope["id"] for scope in xdr["oauth2PermissionScopes"]}
    assert scopes["Incident.Read"] == "12c153a4-4204-4224-aa3c-4626e2f47c2b"
    assert set(xdr) == {*select.removeprefix("$select=").split(","), "@odata.context"}
    roles = graph.expect(200, "GET", f"servicePrincipals(appId='{GRAPH_APP_ID}')")["appRoles"]
    assert {"Application.ReadWrite.OwnedBy", "SecurityIncident.Read.All"} <= {role["value"] for role in roles}
    by_id = graph.expect(200, "GET", f"servicePrincipals/{xdr['id']}")
    assert (by_id["appId"], by_id["servicePrincipalType"]) == (XDR_APP_ID, "Application")
    assert "https://api.security.microsoft.com/" in by_id["servicePrincipalNames"]
    graph.emulator.control("PATCH", f"tenants/{graph.emulator.home_tenant_id}", {"service_enabled": False})
    assert graph.expect(200, "GET", f"servicePrincipals/{xdr['id']}")["accountEnabled"] is False


def test_a_principal_is_made_once_and_deleted(graph: Graph) -> None:
    application = graph.application()
    created = graph.expect(201, "POST", "servicePrincipals", {"appId": application["appId"]})
    assert (created["displayName"], created["signInAudience"]) == ("Contoso MSSP", "AzureADMultipleOrgs")
    assert created["appOwnerOrganizationId"] == graph.emulator.home_tenant_id
    again = graph.call("POST", "servicePrincipals", {"appId": application["appId"]})
    assert refusal(again) == (409, "Request_MultipleObjectsWithSameKeyValue")
    by_name = f"servicePrincipalNames/any(c:c eq '{application['appId']}')"
    for query in (f"appId eq '{application['appId']}'", "startswith(displayName,'contoso')", by_name):
        found = graph.expect(200, "GET", f"servicePrincipals?$filter={query}&$select=id")
        assert found["value"] == [{"id": created["id"]}]
    graph.expect(204, "DELETE", f"servicePrincipals/{created['id']}")
    graph.expect(404, "GET", f"servicePrincipals/{created['id']}")


def test_a_principal_needs_an_application(graph: Graph) -> None:
    answer = graph.call("POST", "servicePrincipals", {"appId": str(uuid.uuid4())})
    assert refusal(answer) == (400, "Request_BadRequest")
    [detail] = answer.json()["error"]["details"]
    assert (detail["code"], detail["target"]) == ("NoBackingApplicationObject", "appId")
    assert refusal(graph.call("POST", "servicePrincipals", {"appId": "soc"})) == (400, "Request_BadRequest")
    assert refusal(graph.call("POST", "servicePrincipals", {})) == (400, "Request_BadRequest")


def test_a_tenant_without_defender_can_be_given_it(graph: Graph) -> None:
    home = f"tenants/{graph.emulator.home_tenant_id}"
    graph.emulator.control("PATCH", home, {"service_present": False})
    graph.expect(404, "GET", f"servicePrincipals(appId='{XDR_APP_ID}')")
    denied = graph.call("POST", "servicePrincipals", {"appId": XDR_APP_ID})
    assert refusal(denied) == (403, "Authorization_RequestDenied")
    graph.may(WRITE_ALL)
    graph.expect(201, "POST", "servicePrincipals", {"appId": XDR_APP_ID})
    graph.expect(409, "POST", "servicePrincipals", {"appId": XDR_APP_ID})
    assert graph.emulator.control("GET", home)["service_present"] is True
    denied = graph.call("DELETE", f"servicePrincipals(appId='{XDR_APP_ID}')")
    assert refusal(denied) == (403, "Authorization_RequestDenied")


def test_an_assignment_is_the_consent_at_home(graph: Graph, caller: Caller) -> None:
    application = graph.application()
    client = graph.expect(201, "POST", "servicePrincipals", {"appId": application["appId"]})
    credentials = {"client_id": application["appId"], "client_secret": graph.secret(application)["secretText"]}
    home, xdr = graph.emulator.home_tenant_id, _id(graph, XDR_APP_ID)
    assert "roles" not in claims_of(caller.ask_token(home, **credentials).json()["access_token"])
    body = _assignment(client["id"], xdr)
    made = graph.expect(201, "POST", f"servicePrincipals/{xdr}/appRoleAssignedTo", body)
    assert {name: made[name] for name in body} == body
    assert (made["principalType"], made["principalDisplayName"]) == ("ServicePrincipal", "Contoso MSSP")
    assert made["resourceDisplayName"] == "Microsoft Threat Protection"
    token = caller.ask_token(home, **credentials).json()["access_token"]
    assert claims_of(token)["roles"] == ["Incident.Read.All"]
    assert caller.get("/api/incidents", token).status_code == 200
    for path in (f"{xdr}/appRoleAssignedTo", f"{client['id']}/appRoleAssignments"):
        [listed] = graph.expect(200, "GET", f"servicePrincipals/{path}")["value"]
        assert listed["id"] == made["id"]
        again = graph.call("POST", f"servicePrincipals/{path}", body)
        assert refusal(again) == (400, "Request_BadRequest")
        assert again.json()["error"]["message"] == "Permission being assigned already exists on the object"
    graph.expect(204, "DELETE", f"servicePrincipals/{xdr}/appRoleAssignedTo/{made['id']}")
    graph.expect(404, "DELETE", f"servicePrincipals/{xdr}/appRoleAssignedTo/{made['id']}")
    assert "roles" not in claims_of(caller.ask_token(home, **credentials).json()["access_token"])


def test_an_assignment_that_cannot_be(graph: Graph) -> None:
    client, xdr = _principal(graph)["id"], _id(graph, XDR_APP_ID)
    directory = _id(graph, GRAPH_APP_ID)
    nobody = str(uuid.uuid4())
    for body, status in (
        (_assignment(client, xdr, "45cc0394-e837-488b-a098-1918f48d186c"), 400),
        (_assignment(client, xdr, "Incident.Read.All"), 400),
        (_assignment(client, directory), 400),
        (_assignment(xdr, xdr), 400),
        (_assignment(nobody, xdr), 404),
        ({"principalId": client, "appRoleId": READ_INCIDENTS}, 400),
    ):
        assert graph.call("POST", f"servicePrincipals/{xdr}/appRoleAssignedTo", body).status_code == status, body
    graph.expect(404, "POST", f"servicePrincipals/{nobody}/appRoleAssignedTo", _assignment(client, nobody))


def test_assignments_can_be_filtered(graph: Graph) -> None:
    xdr, clients = _id(graph, XDR_APP_ID), [_principal(graph)["id"] for _turn in range(2)]
    for client in clients:
        for role in (READ_INCIDENTS, READ_HUNTING):
            graph.expect(201, "POST", f"servicePrincipals/{xdr}/appRoleAssignedTo", _assignment(client, xdr, role))
    query = f"$filter=principalId eq '{clients[1]}'"
    found = graph.expect(200, "GET", f"servicePrincipals/{xdr}/appRoleAssignedTo?{query}")["value"]
    assert [entry["appRoleId"] for entry in found] == [READ_INCIDENTS, READ_HUNTING]


# app roles held -> calls that are allowed, of those below
CALLS = {
    "list applications": ("GET", "applications", None),
    "create an application": ("POST", "applications", {"displayName": "x"}),
    "change the sample": ("PATCH", "applications(appId='{sample}')", {"notes": "x"}),
    "list service principals": ("GET", "servicePrincipals", None),
    "make the foreign one's": ("POST", "servicePrincipals", {"appId": "{foreign}"}),
    "list assignments": ("GET", "servicePrincipals(appId='{sample}')/appRoleAssignments", None),
    "grant the API's role": ("POST", "servicePrincipals/{xdr}/appRoleAssignedTo", "xdr"),
    "grant Graph's role": ("POST", "servicePrincipals/{graph}/appRoleAssignedTo", "graph"),
    "read the organization": ("GET", "organization", None),
}
READING = {"list applications", "list service principals"}
ROLES = {
    (): set(),
    ("Application.Read.All",): {*READING, "list assignments"},
    ("Application.ReadWrite.OwnedBy",): {*READING, "create an application"},
    ("Application.ReadWrite.All",): set(CALLS) - {"grant Graph's role", "read the organization"},
    ("AppRoleAssignment.ReadWrite.All",): {"list assignments"},
    ("AppRoleAssignment.ReadWrite.All", "Application.Read.All"): {
        *READING,
        "list assignments",
        "grant the API's role",
        "grant Graph's role",
    },
    ("Organization.Read.All",): {"read the organization"},
    ("Directory.Read.All",): {*READING, "list assignments", "read the organization"},
}


@pytest.mark.parametrize("roles", ROLES, ids=lambda roles: " and ".join(roles) or "none")
def test_each_call_needs_its_app_role(graph: Graph, roles: tuple[str, ...]) -> None:
    graph.may("Application.Read.All")
    known = {
        "sample": graph.emulator.client_id,
        "foreign": graph.emulator.connection["foreign_client_id"],
        "xdr": _id(graph, XDR_APP_ID),
        "graph": _id(graph, GRAPH_APP_ID),
    }
    client = _id(graph, known["sample"])
    bodies = {
        "xdr": _assignment(client, known["xdr"]),
        "graph": _assignment(client, known["graph"], "45cc0394-e837-488b-a098-1918f48d186c"),
    }
    graph.may(*roles)
    denied = {}
    for name, (method, path, given) in CALLS.items():
        body = given
        if isinstance(given, str):
            body = bodies[given]
        elif given is not None:
            body = {key: value.format(**known) for key, value in given.items()}
        answer = graph.call(method, path.format(**known), body)
        if answer.status_code == 403:
            denied[name] = answer.json()["error"]
        else:
            # The foreign one's service principal is there already.
            assert answer.status_code in (200, 201, 204, 409), f"{name}: {answer.text}"
    assert set(CALLS) - set(denied) == ROLES[roles]
    for name, error in denied.items():
        assert error["code"] == "Authorization_RequestDenied"
        if name != "make the foreign one's":
            assert error["message"] == "Insufficient privileges to complete the operation."


def test_owned_by_means_the_maker(graph: Graph) -> None:
    created = graph.application()
    principal = graph.expect(201, "POST", "servicePrincipals", {"appId": created["appId"]})
    other = graph.application(requiredResourceAccess=[])
    secret = graph.secret(other)["secretText"]
    graph.expect(201, "POST", "servicePrincipals", {"appId": other["appId"]})
    grants = f"tenants/{graph.emulator.home_tenant_id}/grants?client_id={other['appId']}"
    graph.emulator.control("PUT", grants, {"roles": ["Application.ReadWrite.OwnedBy"]})
    graph.sign_in(client_id=other["appId"], secret=secret)
    path = f"applications/{created['id']}"
    for method, where, body in (
        ("PATCH", path, {"notes": "x"}),
        ("PATCH", path, {"displayName": ""}),
        ("POST", f"{path}/addPassword", {}),
        ("POST", f"{path}/federatedIdentityCredentials", {}),
        ("DELETE", path, None),
        ("DELETE", f"servicePrincipals/{principal['id']}", None),
    ):
        assert refusal(graph.call(method, where, body)) == (403, "Authorization_RequestDenied"), where
    graph.expect(200, "GET", path)
    mine = graph.application()
    graph.expect(204, "PATCH", f"applications/{mine['id']}", {"notes": "x"})
    assert refusal(graph.call("POST", "servicePrincipals", {"appId": created["appId"]}))[0] == 403
    foreign = graph.emulator.connection["foreign_client_id"]
    assert refusal(graph.call("POST", "servicePrincipals", {"appId": foreign}))[0] == 403


def test_the_organization(graph: Graph) -> None:
    graph.may("Organization.Read.All")
    [organization] = graph.expect(200, "GET", "organization?$select=id,displayName,verifiedDomains")["value"]
    assert organization["id"] == graph.emulator.home_tenant_id
    assert organization["displayName"] == "Northwind Security"
    [domain] = organization["verifiedDomains"]
    assert (domain["name"], domain["isDefault"]) == (graph.emulator.connection["home_domain"], True)


def test_a_call_without_a_good_token(graph: Graph, caller: Caller) -> None:
    xdr_token = caller.token(graph.emulator.home_tenant_id)
    for token in ("", "nonsense", xdr_token, f"{graph.token}x"):
        answer = caller.get("/v1.0/applications", token)
        assert refusal(answer) == (401, "InvalidAuthenticationToken")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_customers_directory_is_its_own(graph: Graph, caller: Caller) -> None:
    emulator = graph.emulator
    emulator.control("POST", "tenants/contoso.example/consent", {"roles": ["Application.ReadWrite.OwnedBy"]})
    graph.token = caller.token("contoso", GRAPH_SCOPE)
    assert graph.expect(200, "GET", "applications")["value"] == []
    principals = graph.expect(200, "GET", "servicePrincipals?$select=displayName")["value"]
    assert {"displayName": "Northwind SOC"} in principals
    assert {"displayName": "Northwind Registrar"} not in principals
    created = graph.application()
    assert created["publisherDomain"] == "contoso.example"
    graph.sign_in()
    graph.expect(404, "GET", f"applications/{created['id']}")


def test_a_run_of_slashes_is_one(graph: Graph) -> None:
    """Some of Microsoft's own clients send it."""
    found = graph.expect(200, "GET", f"/servicePrincipals(appId='{XDR_APP_ID}')")
    assert found["appId"] == XDR_APP_ID


@pytest.mark.parametrize("test", ["any(c:d eq 'x')", "any(c:c ne 'x')", "any(c:c eq 'x'", "any"])
def test_a_malformed_test_of_a_collection_is_refused(graph: Graph, test: str) -> None:
    answer = graph.call("GET", f"servicePrincipals?$filter=servicePrincipalNames/{test}")
    assert refusal(answer) == (400, "Request_UnsupportedQuery")
