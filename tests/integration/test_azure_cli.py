# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application is registered by whoever is signed in to the Azure CLI, without any application's credential."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.azure_cli import AzureCli
from support.emulated_tenants import HomeTenant
from support.emulator import EmulatorProcess
from support.operations import Tasks
from support.vaults import CredentialFile

GRAPH_TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
DECLARED: dict[str, Any] = {
    "auth": "cli",
    "client_id": None,
    "client_secret": None,
    "unique_name": "northwind-soc",
    "permissions": {"graph": ["SecurityIncident.Read.All"]},
}


@pytest.fixture
def az(emulator: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AzureCli:
    cli = AzureCli(emulator, tmp_path / "bin")
    monkeypatch.setenv("PATH", str(cli.folder), prepend=os.pathsep)
    return cli


@pytest.fixture
def home_id(emulator: EmulatorProcess) -> str:
    return emulator.home_tenant_id


def test_a_person_registers_grants_and_makes_a_credential(
    az: AzureCli, run_of_tasks: Tasks, home: HomeTenant, home_id: str, tmp_path: Path
) -> None:
    az.login(home_id)
    first = run_of_tasks.application(**DECLARED)
    assert (first["failed"], first["changed"]) == (False, True), first
    app_id = home.application()["appId"]
    assert home.roles(app_id) == ["SecurityIncident.Read.All"]
    again = run_of_tasks.application(**DECLARED)
    assert (again["failed"], again["changed"]) == (False, False)
    who = {name: DECLARED[name] for name in ("auth", "client_id", "client_secret", "unique_name")}
    pem = tmp_path / "soc.pem"
    made = run_of_tasks.credential(**who, kind="certificate", name="ansible", dest=str(pem))
    assert made["changed"], made
    assert home.token_by_certificate(app_id, CredentialFile(pem).text.encode()).status_code == 200

    graph = "https://graph.microsoft.com/.default"
    assert az.calls() == [["account", "get-access-token", "--scope", graph, "--tenant", home_id, "--output", "json"]]


def test_what_is_kept_of_a_token_is_worthless_without_the_run(
    az: AzureCli, run_of_tasks: Tasks, emulator: EmulatorProcess, home_id: str
) -> None:
    az.login(home_id)
    run_of_tasks.application(**DECLARED)
    folder = run_of_tasks.run_directory
    assert folder is not None
    kept = list(folder.glob("*.token"))
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600]
    assert b"eyJhbGciOi" not in kept[0].read_bytes()
    # another run has another secret
    other = Tasks(emulator, folder)
    other.run_secret = b"of another run"
    other.application(**DECLARED)
    assert len(az.calls()) == 2


def test_a_token_of_an_old_azure_cli_ends_when_it_says_itself(az: AzureCli, run_of_tasks: Tasks, home_id: str) -> None:
    az.login(home_id, is_old=True)
    for _time in range(2):
        assert not run_of_tasks.application(**DECLARED)["failed"]
    assert len(az.calls()) == 1


def test_the_folder_that_outlives_runs_gets_no_token_of_a_person(
    az: AzureCli, tasks: Tasks, home_id: str, tmp_path: Path
) -> None:
    az.login(home_id)
    assert not tasks.application(**DECLARED, cache=str(tmp_path / "cache"))["failed"]
    assert not (tmp_path / "cache").exists()


def test_the_registrar_becomes_an_owner_of_what_a_person_registers(
    az: AzureCli, run_of_tasks: Tasks, home: HomeTenant, emulator: EmulatorProcess, home_id: str
) -> None:
    az.login(home_id)
    registrar = emulator.registrar_client_id
    run_of_tasks.application(**DECLARED)
    planned = run_of_tasks.application(**DECLARED, owner=registrar, check_mode=True)
    assert planned["diff"] == {"before": {"owner": None}, "after": {"owner": registrar}}
    assert len(home.application()["owners"]) == 1
    assert run_of_tasks.application(**DECLARED, owner=registrar.upper())["changed"]
    assert not run_of_tasks.application(**DECLARED, owner=registrar)["changed"]
    # by itself it changes it now, and makes nobody an owner
    by_itself = {"unique_name": "northwind-soc", "display_name": "Northwind SOC", "owner": emulator.client_id}
    assert run_of_tasks.application(**by_itself)["changed"]
    assert (home.application()["displayName"], len(home.application()["owners"])) == ("Northwind SOC", 2)


@pytest.mark.parametrize(
    ("owner", "words"),
    [
        ("northwind-registrar", "owner 'northwind-registrar' is no"),
        ("11111111-1111-1111-1111-111111111111", "has no service principal in this tenant; provider: correct owner"),
    ],
)
def test_an_owner_that_is_none(az: AzureCli, tasks: Tasks, home_id: str, owner: str, words: str) -> None:
    az.login(home_id)
    assert words in tasks.application(**DECLARED, owner=owner, settle_wait=0)["msg"]


def test_nobody_is_signed_in(az: AzureCli, tasks: Tasks, home_id: str) -> None:
    result = tasks.application(**DECLARED)
    assert az.calls()
    assert result["msg"] == (
        f"tenant {home_id}: the Azure CLI got no token: nobody is signed in to it, or {az.folder / 'az'} failed; "
        f"provider: run `az login --tenant {home_id} --scope https://graph.microsoft.com/.default` as an "
        "administrator of this tenant."
    )
    assert (result["failed"], result["changed"], result["who"]) == (True, False, "provider")


def test_there_is_no_azure_cli(tasks: Tasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = tasks.application(**DECLARED)
    assert "the Azure CLI got no token: there is no program az on the PATH; provider: install" in result["msg"]


def test_somebody_of_another_tenant_is_signed_in(
    az: AzureCli, tasks: Tasks, emulator: EmulatorProcess, home_id: str
) -> None:
    az.login(emulator.tenant_id("contoso"))
    result = tasks.application(**DECLARED)
    assert "who is signed in does not belong to this tenant (AADSTS50020)" in result["msg"]
    assert f"az login --tenant {home_id}" in result["msg"]
    assert "contoso.example" not in str(result)


def test_a_token_of_another_tenant_is_not_used(
    az: AzureCli, tasks: Tasks, emulator: EmulatorProcess, count_requests: Callable[[str], int]
) -> None:
    contoso = emulator.tenant_id("contoso")
    az.login(contoso, always=contoso)
    result = tasks.application(**DECLARED)
    assert f"it is signed in to tenant {contoso}, not to this one" in result["msg"]
    assert count_requests("/v1.0/") == 0


def test_a_token_that_lacks_a_scope_is_named(az: AzureCli, tasks: Tasks, home_id: str) -> None:
    narrow = "https://graph.microsoft.com/Application.ReadWrite.All offline_access"
    az.login(home_id, GRAPH_TOOLS, scope=narrow)
    result = tasks.application(**DECLARED)
    assert "its token lacks AppRoleAssignment.ReadWrite.All (scp)" in result["msg"]


def test_a_person_without_a_role_is_told_which_to_sign_in_with(
    az: AzureCli, tasks: Tasks, emulator: EmulatorProcess, home_id: str
) -> None:
    az.login(home_id, account=f"analyst@{emulator.connection['home_domain']}")
    result = tasks.application(**DECLARED)
    assert "the caller the Azure CLI lacks the right (Authorization_RequestDenied)" in result["msg"]
    assert "sign in as an administrator who may: Global Administrator" in result["msg"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (700082, "the sign-in has run out, or a policy asks for a new one (AADSTS700082)"),
        (53003, "a policy of the tenant (Conditional Access) blocks this way to sign in (AADSTS53003)"),
    ],
)
def test_a_refusal_says_what_it_means(
    az: AzureCli, tasks: Tasks, fault: Callable[..., None], home_id: str, code: int, words: str
) -> None:
    az.login(home_id)
    fault("token_error", code=code, path="/oauth2/v2.0/token")
    result = tasks.application(**DECLARED)
    assert f"the Azure CLI got no token: {words}; provider: " in result["msg"]
    assert "Trace ID" not in result["msg"]


@pytest.mark.parametrize("printed", ["", "[]", '{"accessToken": 5}', "no JSON"])
def test_what_is_no_answer_is_no_token(az: AzureCli, tasks: Tasks, printed: str) -> None:
    (az.folder / "az").write_text(f"#!/bin/sh\nprintf '%s' '{printed}'\n")
    assert "it printed no token; provider: update the Azure CLI" in tasks.application(**DECLARED)["msg"]


def test_a_program_that_cannot_be_run(az: AzureCli, tasks: Tasks) -> None:
    (az.folder / "az").write_text("#!/no/such/interpreter\n")
    assert f"{az.folder / 'az'} cannot be run (" in tasks.application(**DECLARED)["msg"]
