# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs at the same moment end with one application, one service principal and one secret."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.emulated_tenants import HomeTenant
from support.operations import Tasks
from support.vaults import CredentialFile

NAME = "northwind-soc"
# what the role asks for by default, of both APIs
READ_ROLES = ["SecurityAlert.Read.All", "SecurityIncident.Read.All", "ThreatHunting.Read.All"]
DECLARED: dict[str, Any] = {
    "unique_name": NAME,
    "display_name": "Northwind SOC",
    "permissions": {"xdr": ["Incident.Read.All", "AdvancedHunting.Read.All"]},
}


@pytest.mark.parametrize("lag", [0, 1.5], ids=["at once", "while the directory lags"])
def test_two_tasks(tasks: Tasks, home: HomeTenant, fault: Callable[..., None], lag: float) -> None:
    if lag:
        fault("directory_lag", seconds=lag)
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda _number: tasks.application(**DECLARED, settle_wait=20), range(4)))
    assert [result["failed"] for result in results] == [False] * 4, results
    document = home.application()
    assert {result["application"]["app_id"] for result in results} == {document["appId"]}
    assert home.roles(document["appId"]) == ["AdvancedHunting.Read.All", "Incident.Read.All"]
    home.emulator.control("DELETE", "faults")
    assert tasks.application(**DECLARED)["changed"] is False


def test_two_playbooks(ansible: Ansible, home: HomeTenant, fault: Callable[..., None]) -> None:
    """From nothing to the credential, with everything that can lag."""
    kept = CredentialFile(ansible.place / "credential.yml")
    ansible.variables |= {
        "partner_access_unique_name": NAME,
        "partner_access_credential_kind": "secret",
        "partner_access_credential_dest": str(kept.path),
    }
    fault("directory_lag", seconds=1.5)
    fault("credential_lag", seconds=1.5)
    fault("conflict", times=1)
    command = ["ansible-playbook", "-i", str(ansible.inventory()), "mssp.defender.register"]
    runs = [ansible.start(command) for _unused in range(2)]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    app_id = home.application()["appId"]
    assert home.roles(app_id) == READ_ROLES
    (secret,) = home.secrets()
    assert kept.record["key_id"] == secret["keyId"]
    assert kept.variables()["partner_access_client_id"] == app_id
    home.emulator.control("DELETE", "faults")
    assert home.accepts(kept.secret)
