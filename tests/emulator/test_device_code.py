# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""People sign in by device code: with MSAL, which nobody here wrote, and by hand."""

from __future__ import annotations

from typing import Any

import msal
import pytest
import requests
from support.emulated_tenants import answer_device_code
from support.emulator import EmulatorProcess

from .conftest import Caller, Graph, claims_of

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
GRAPH_TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
WRITE = ["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"]
SCOPE = " ".join(f"https://graph.microsoft.com/{name}" for name in WRITE)


def program(emulator: EmulatorProcess, client_id: str = GRAPH_TOOLS, tenant: str | None = None) -> Any:
    return msal.PublicClientApplication(
        client_id,
        authority=f"{emulator.url}/{tenant or emulator.home_tenant_id}",
        instance_discovery=False,
        verify=emulator.ca_path,
    )


def start(caller: Caller, tenant: str | None = None, **changes: str) -> requests.Response:
    """Ask for a device code."""
    segment = tenant or caller.emulator.home_tenant_id
    form = {"client_id": GRAPH_TOOLS, "scope": SCOPE, **changes}
    return caller.session.post(f"{caller.emulator.url}/{segment}/oauth2/v2.0/devicecode", data=form, timeout=10)


def poll(caller: Caller, device_code: str, tenant: str | None = None, client_id: str = GRAPH_TOOLS) -> dict[str, Any]:
    """Ask once whether somebody has answered."""
    segment = tenant or caller.emulator.home_tenant_id
    form = {"grant_type": DEVICE_CODE, "client_id": client_id, "device_code": device_code}
    answer = caller.session.post(f"{caller.emulator.url}/{segment}/oauth2/v2.0/token", data=form, timeout=10)
    body: dict[str, Any] = answer.json()
    assert answer.status_code == (400 if "error" in body else 200)
    return body


def refused(body: dict[str, Any]) -> tuple[str, list[int]]:
    return body["error"], body["error_codes"]


def test_msal_signs_an_administrator_in_who_may_then_register(emulator: EmulatorProcess, graph: Graph) -> None:
    emulator.control("PATCH", "application", {"device_code_interval": 1})
    application = program(emulator)
    flow = application.initiate_device_flow(scopes=WRITE)
    assert flow["user_code"] in flow["message"]
    assert flow["verification_uri"] in flow["message"]
    answer_device_code(emulator, flow["user_code"])
    answer = application.acquire_token_by_device_flow(flow)
    assert "access_token" in answer, answer
    claims = claims_of(answer["access_token"])
    assert set(str(claims["scp"]).split()) == set(WRITE)
    assert (claims["idtyp"], claims["upn"], claims["appid"]) == ("user", "admin@northwind.example", GRAPH_TOOLS)
    assert "roles" not in claims
    (account,) = application.get_accounts()
    assert account["username"] == "admin@northwind.example"

    graph.token = answer["access_token"]
    made = graph.application()
    assert graph.expect(200, "GET", f"applications/{made['id']}")["appId"] == made["appId"]
    (other,) = (item for item in emulator.control("GET", "applications") if item["appId"] == emulator.client_id)
    graph.expect(204, "PATCH", f"applications/{other['id']}", {"displayName": "Renamed"})


def test_msal_refreshes_what_the_azure_cli_has(emulator: EmulatorProcess) -> None:
    application = program(emulator, AZURE_CLI, tenant="organizations")
    flow = application.initiate_device_flow(scopes=["https://graph.microsoft.com/.default"])
    answer_device_code(emulator, flow["user_code"], account="admin@contoso.example")
    application.acquire_token_by_device_flow(flow)
    (account,) = application.get_accounts()
    again = application.acquire_token_silent(["https://graph.microsoft.com/.default"], account, force_refresh=True)
    claims = claims_of(again["access_token"])
    assert claims["tid"] == emulator.tenant_id("contoso")
    assert set(WRITE) < set(str(claims["scp"]).split())


def test_until_somebody_answers_it_is_pending_and_then_used_up(emulator: EmulatorProcess, caller: Caller) -> None:
    code = start(caller).json()
    assert refused(poll(caller, code["device_code"])) == ("authorization_pending", [70016])
    assert refused(poll(caller, code["device_code"], client_id=AZURE_CLI)) == ("bad_verification_code", [70018])
    answer_device_code(emulator, code["user_code"].lower())
    answer = poll(caller, code["device_code"])
    assert answer["scope"] == SCOPE
    assert "refresh_token" not in answer
    assert refused(poll(caller, code["device_code"])) == ("bad_verification_code", [70018])


def test_a_person_declines(emulator: EmulatorProcess, caller: Caller) -> None:
    code = start(caller).json()
    answer_device_code(emulator, code["user_code"], "cancel")
    assert refused(poll(caller, code["device_code"])) == ("authorization_declined", [65004])


def test_a_code_expires(emulator: EmulatorProcess, caller: Caller) -> None:
    emulator.control("PATCH", "application", {"device_code_lifetime": 0})
    code = start(caller).json()
    assert refused(poll(caller, code["device_code"])) == ("expired_token", [70020])
    page = caller.session.post(f"{emulator.url}/devicelogin", data={"user_code": code["user_code"]}, timeout=10)
    assert page.status_code == 400
    assert "didn&#39;t work" in page.text


def test_a_page_of_somebody_else_cannot_answer(emulator: EmulatorProcess, caller: Caller) -> None:
    code = start(caller).json()
    form = {"user_code": code["user_code"], "decision": "continue", "canary": "1.2"}
    assert caller.session.post(f"{emulator.url}/devicelogin", data=form, timeout=10).status_code == 400
    assert refused(poll(caller, code["device_code"]))[0] == "authorization_pending"


def test_conditional_access_blocks_the_sign_in(emulator: EmulatorProcess, caller: Caller) -> None:
    contoso = emulator.tenant_id("contoso")
    emulator.control("PATCH", f"tenants/{contoso}", {"conditional_access": True})
    code = start(caller, contoso).json()
    answer_device_code(emulator, code["user_code"])
    assert refused(poll(caller, code["device_code"], contoso)) == ("invalid_grant", [53003])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": ""}, 900144),
        ({"scope": ""}, 900144),
        ({"client_id": "11111111-1111-1111-1111-111111111111"}, 700016),
        ({"scope": "https://api.security.microsoft.com/.default"}, 70011),
        ({"scope": "https://graph.microsoft.com/Nothing.At.All"}, 650053),
        ({"client_id": AZURE_CLI, "scope": "https://graph.microsoft.com/SecurityIncident.Read.All"}, 65002),
    ],
)
def test_what_is_wrong_with_the_request_is_said_before_there_is_a_code(
    caller: Caller, changes: dict[str, str], code: int
) -> None:
    answer = start(caller, **changes)
    assert answer.status_code == 400
    assert answer.json()["error_codes"] == [code]


def test_who_has_no_directory_role_may_write_nothing(emulator: EmulatorProcess, caller: Caller, graph: Graph) -> None:
    code = start(caller).json()
    answer_device_code(emulator, code["user_code"], account="analyst@northwind.example")
    graph.token = poll(caller, code["device_code"])["access_token"]
    assert graph.call("POST", "applications", {"displayName": "Mine"}).status_code == 403


def test_a_reset_forgets_who_is_signing_in(emulator: EmulatorProcess, caller: Caller) -> None:
    code = start(caller).json()
    emulator.control("POST", "reset")
    assert refused(poll(caller, code["device_code"])) == ("bad_verification_code", [70018])
