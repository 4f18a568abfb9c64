# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a directory of many copies does: it lags behind, it collides, it throttles."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.emulator import EmulatorProcess

from .conftest import XDR_APP_ID, Caller, Graph, refusal

Fault = Callable[..., str]
MISSING = (404, "Request_ResourceNotFound")


@pytest.fixture
def fault(emulator: EmulatorProcess) -> Fault:
    def add(kind: str, **details: object) -> str:
        return str(emulator.control("POST", "faults", {"kind": kind, **details})["id"])

    return add


def _shown(graph: Graph, path: str) -> list[str]:
    return [item["displayName"] for item in graph.expect(200, "GET", path)["value"]]


def test_a_young_application_is_not_found_yet(graph: Graph, fault: Fault) -> None:
    fault("directory_lag", seconds=60)
    created = graph.application(uniqueName="young")
    for path in (
        f"applications/{created['id']}",
        f"applications(appId='{created['appId']}')",
        "applications(uniqueName='young')",
    ):
        assert refusal(graph.call("GET", path)) == MISSING
        assert refusal(graph.call("PATCH", path, {"notes": "x"})) == MISSING
        assert refusal(graph.call("POST", f"{path}/addPassword", {})) == MISSING
    assert _shown(graph, "applications") == ["Northwind Registrar", "Northwind SOC"]
    answer = graph.call("POST", "servicePrincipals", {"appId": created["appId"]})
    assert answer.json()["error"]["details"][0]["code"] == "NoBackingApplicationObject"
    # The copy that is written to knows better.
    taken = graph.call("POST", "applications", {"displayName": "x", "uniqueName": "young"})
    assert refusal(taken) == (409, "Request_MultipleObjectsWithSameKeyValue")
    graph.expect(204, "PATCH", "applications(uniqueName='young')", {"notes": "x"}, Prefer="create-if-missing")
    graph.emulator.control("DELETE", "faults")
    assert graph.expect(200, "GET", "applications(uniqueName='young')")["notes"] == "x"


def test_a_young_principal_and_its_assignments(graph: Graph, fault: Fault) -> None:
    application = graph.application()
    fault("directory_lag", seconds=1.5)
    time.sleep(1.6)
    principal = graph.expect(201, "POST", "servicePrincipals", {"appId": application["appId"]})
    xdr = graph.expect(200, "GET", f"servicePrincipals(appId='{XDR_APP_ID}')")
    body = {"principalId": principal["id"], "resourceId": xdr["id"], "appRoleId": xdr["appRoles"][0]["id"]}
    path = f"servicePrincipals/{xdr['id']}/appRoleAssignedTo"
    assert refusal(graph.call("POST", path, body)) == MISSING
    assert refusal(graph.call("GET", f"servicePrincipals/{principal['id']}")) == MISSING
    assert "Contoso MSSP" not in _shown(graph, "servicePrincipals")
    graph.expect(409, "POST", "servicePrincipals", {"appId": application["appId"]})
    deadline = time.monotonic() + 10
    while graph.call("GET", f"servicePrincipals/{principal['id']}").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    graph.expect(201, "POST", path, body)
    assert graph.expect(200, "GET", path)["value"] == []
    graph.expect(400, "POST", path, body)
    graph.emulator.control("DELETE", "faults")
    assert len(graph.expect(200, "GET", path)["value"]) == 1


def test_a_lag_for_one_path_and_one_time(graph: Graph, fault: Fault) -> None:
    fault("directory_lag", seconds=60, path="addPassword", times=1)
    created = graph.application()
    graph.expect(200, "GET", f"applications/{created['id']}")
    assert refusal(graph.call("POST", f"applications/{created['id']}/addPassword", {})) == MISSING
    graph.expect(200, "POST", f"applications/{created['id']}/addPassword", {})


def test_a_young_credential_is_unknown_at_the_token_endpoint(graph: Graph, caller: Caller, fault: Fault) -> None:
    created = graph.application()
    path = f"applications/{created['id']}"
    graph.emulator.control("POST", f"tenants/contoso.example/consent?client_id={created['appId']}")
    lag = fault("credential_lag", seconds=60)
    # Those that were there before are as good as ever.
    graph.sign_in()
    secret = graph.secret(created)["secretText"]
    graph.expect(
        201,
        "POST",
        f"{path}/federatedIdentityCredentials",
        {
            "name": "pipelines",
            "issuer": graph.emulator.connection["federated_issuer"],
            "subject": graph.emulator.connection["federated_subject"],
            "audiences": [graph.emulator.connection["federated_audience"]],
        },
    )
    token = Path(graph.emulator.connection["federated_token_file"]).read_text()
    by_secret = {"client_id": created["appId"], "client_secret": secret}
    by_federation: dict[str, str | None] = {
        "client_id": created["appId"],
        "client_secret": None,
        "client_assertion": token,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert caller.ask_token(**by_secret).json()["error_codes"] == [7000215]
    assert caller.ask_token(**by_federation).json()["error_codes"] == [70021]
    graph.emulator.control("DELETE", f"faults/{lag}")
    assert caller.ask_token(**by_secret).status_code == 200
    assert caller.ask_token(**by_federation).status_code == 200


def test_a_conflict(graph: Graph, fault: Fault) -> None:
    created = graph.application()
    path = f"applications/{created['id']}"
    fault("conflict", times=2, path="/v1.0/applications")
    graph.expect(200, "GET", path)
    conflict = (409, "Directory_ConcurrencyViolation")
    assert [refusal(graph.call("PATCH", path, {"notes": "x"})) for _turn in range(2)] == [conflict] * 2
    assert graph.expect(200, "GET", path)["notes"] is None
    graph.expect(204, "PATCH", path, {"notes": "x"})


def test_throttling_speaks_the_apis_language(graph: Graph, fault: Fault) -> None:
    fault("throttle", path="/v1.0/", retry_after=3, times=1)
    answer = graph.call("GET", "applications")
    assert refusal(answer) == (429, "TooManyRequests")
    assert (answer.headers["Retry-After"], answer.headers["request-id"]) == (
        "3",
        answer.json()["error"]["innerError"]["request-id"],
    )
    fault("server_error", path="/v1.0/", status=503, times=1)
    assert refusal(graph.call("GET", "applications")) == (503, "InternalServerError")
    graph.expect(200, "GET", "applications")
