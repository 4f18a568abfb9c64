# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app instance property lock: what nobody may change of an application's service principals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller, Graph, refusal
from .test_graph_credentials import Certificate

LOCK = "servicePrincipalLockConfiguration"
FLAGS = ("allProperties", "credentialsWithUsageVerify", "credentialsWithUsageSign", "tokenEncryptionKeyId")
WHOLE = dict.fromkeys(("isEnabled", *FLAGS), True)
LOCKED = (400, "CannotUpdateLockedServicePrincipalProperty")
KEY_ID = "11111111-1111-4111-8111-111111111111"


def _principal(graph: Graph, **properties: object) -> tuple[dict[str, Any], str]:
    """A new application and the path of its service principal at home."""
    application = graph.application(**properties)
    graph.expect(201, "POST", "servicePrincipals", {"appId": application["appId"]})
    return application, f"servicePrincipals(appId='{application['appId']}')"


def test_what_is_registered_is_locked_at_once(graph: Graph) -> None:
    application, _path = _principal(graph)
    assert application[LOCK] == WHOLE
    graph.emulator.control("PATCH", "application", {"lock_new_applications": False})
    assert graph.application()[LOCK] is None
    assert graph.application(**{LOCK: {"isEnabled": True}})[LOCK] == {**dict.fromkeys(WHOLE, False), "isEnabled": True}


def test_an_application_that_was_there_before_is_not_locked(graph: Graph) -> None:
    sample = graph.expect(200, "GET", f"applications(appId='{graph.emulator.client_id}')")
    assert sample[LOCK] is None


def test_a_locked_service_principal_takes_no_credential(graph: Graph) -> None:
    application, path = _principal(graph)
    for method, where, body, name in (
        ("POST", f"{path}/addPassword", {}, "passwordCredentials"),
        ("POST", f"{path}/removePassword", {"keyId": KEY_ID}, "passwordCredentials"),
        ("PATCH", path, {"keyCredentials": []}, "keyCredentials"),
        ("PATCH", path, {"tokenEncryptionKeyId": KEY_ID}, "tokenEncryptionKeyId"),
    ):
        answer = graph.call(method, where, body)
        assert refusal(answer) == LOCKED
        assert answer.json()["error"]["message"] == f"Property {name} is invalid."
    # the application itself may have one all the same
    graph.secret(application)


@pytest.mark.parametrize(
    ("lock", "open_for"),
    [
        (None, {"secret", "encryption"}),
        ({"isEnabled": False, "allProperties": True}, {"secret", "encryption"}),
        ({"isEnabled": True}, {"secret", "encryption"}),
        ({"isEnabled": True, "credentialsWithUsageVerify": True}, {"encryption"}),
        ({"isEnabled": True, "tokenEncryptionKeyId": True}, {"secret"}),
        ({"isEnabled": True, "allProperties": True}, set()),
    ],
)
def test_each_flag_locks_its_own(graph: Graph, lock: dict[str, bool] | None, open_for: set[str]) -> None:
    application, path = _principal(graph)
    graph.expect(204, "PATCH", f"applications/{application['id']}", {LOCK: lock})
    taken = {
        "secret": graph.call("POST", f"{path}/addPassword", {}).ok,
        "encryption": graph.call("PATCH", path, {"tokenEncryptionKeyId": KEY_ID}).ok,
    }
    assert {name for name, is_taken in taken.items() if is_taken} == open_for


def test_a_secret_of_an_unlocked_service_principal_opens_its_tenant_alone(graph: Graph, caller: Caller) -> None:
    application, path = _principal(graph, **{LOCK: None})
    graph.emulator.control("POST", f"consent-all?client_id={application['appId']}")
    added = graph.expect(200, "POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "planted"}})
    shown = graph.expect(200, "GET", path)["passwordCredentials"]
    assert [(entry["keyId"], entry["secretText"]) for entry in shown] == [(added["keyId"], None)]

    def opens(tenant: str) -> bool:
        secret = {"client_id": application["appId"], "client_secret": added["secretText"], "scope": GRAPH_SCOPE}
        return caller.ask_token(tenant, **secret).ok

    home = graph.emulator.home_tenant_id
    assert (opens(home), opens("contoso")) == (True, False)
    graph.expect(204, "POST", f"{path}/removePassword", {"keyId": added["keyId"]})
    graph.expect(400, "POST", f"{path}/removePassword", {"keyId": added["keyId"]})
    assert opens(home) is False


def test_a_certificate_of_an_unlocked_service_principal_is_kept(graph: Graph) -> None:
    _application, path = _principal(graph, **{LOCK: None})
    graph.expect(204, "PATCH", path, {"keyCredentials": [Certificate().credential()]})
    (entry,) = graph.expect(200, "GET", path)["keyCredentials"]
    assert (entry["key"], entry["usage"]) == (None, "Verify")
    graph.expect(204, "PATCH", path, {"keyCredentials": []})
    assert graph.expect(200, "GET", path)["keyCredentials"] == []


def test_who_does_not_own_it_cannot_change_it(graph: Graph) -> None:
    sample = f"servicePrincipals(appId='{graph.emulator.client_id}')"
    assert refusal(graph.call("POST", f"{sample}/addPassword", {})) == (403, "Authorization_RequestDenied")
    microsoft = "servicePrincipals(appId='00000003-0000-0000-c000-000000000000')"
    assert refusal(graph.call("PATCH", microsoft, {"keyCredentials": []})) == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize("lock", ["on", [], {"isEnabled": "yes"}, {"everything": True}])
def test_a_lock_that_cannot_be(graph: Graph, lock: object) -> None:
    application = graph.application()
    answer = graph.call("PATCH", f"applications/{application['id']}", {LOCK: lock})
    assert refusal(answer) == (400, "Request_BadRequest")
    assert LOCK in answer.json()["error"]["message"]


def test_the_lock_is_kept_in_the_state(tmp_path: Path) -> None:
    arguments = ("--state", str(tmp_path / "state.sqlite"))
    with EmulatorProcess(tmp_path, *arguments) as emulator:
        _application, path = _principal(Graph(Caller(emulator)))
    with EmulatorProcess(tmp_path, *arguments) as emulator:
        assert refusal(Graph(Caller(emulator)).call("POST", f"{path}/addPassword", {})) == LOCKED


def test_owners_are_listed_with_their_kind(graph: Graph) -> None:
    application = graph.application()
    (owner,) = graph.expect(200, "GET", f"applications/{application['id']}/owners?$select=id")["value"]
    principals = graph.emulator.control("GET", f"service-principals/{graph.emulator.home_tenant_id}")
    assert owner["id"] in {each["id"] for each in principals if each["appId"] == graph.emulator.registrar_client_id}
    assert graph.expect(200, "GET", f"applications(appId='{graph.emulator.client_id}')/owners")["value"] == []
