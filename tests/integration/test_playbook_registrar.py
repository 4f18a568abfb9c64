# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an empty tenant, without a portal: somebody signed in makes the registrar, and nobody is needed after that."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.ansible_runs import Ansible, Run
from support.azure_cli import AzureCli
from support.emulated_tenants import HomeTenant
from support.vaults import CredentialFile

BY_CLI = ("-e", "partner_access_registrar_auth=cli")
PERMISSIONS = ["AppRoleAssignment.ReadWrite.All", "Application.Read.All", "Application.ReadWrite.OwnedBy"]


@pytest.fixture
def az(provider: Ansible, tmp_path: Path) -> AzureCli:
    """Somebody is signed in to the Azure CLI; the inventory knows no credential of a registrar."""
    cli = AzureCli(provider.emulator, tmp_path / "bin")
    cli.login(provider.emulator.home_tenant_id)
    provider.environment["PATH"] = f"{cli.folder}{os.pathsep}{provider.environment['PATH']}"
    for name in ("client_id", "client_secret"):
        del provider.variables[f"partner_access_registrar_{name}"]
    (provider.place / "group_vars").mkdir()
    provider.variables |= {
        "partner_access_unique_name": "northwind-soc",
        "partner_access_credential_dest": str(provider.place / "partner.pem"),
        "partner_access_registrar_certificate_path": str(provider.place / "registrar.pem"),
        "partner_access_registrar_dest": str(provider.place / "group_vars" / "customers.yml"),
    }
    return cli


@pytest.fixture
def empty_home(provider: Ansible) -> HomeTenant:
    return HomeTenant(provider.emulator)


def _of(home: HomeTenant, unique_name: str) -> dict[str, Any]:
    (found,) = (item for item in home.applications() if item["uniqueName"] == unique_name)
    return found


def _changed(run: Run) -> int:
    assert run.code == 0, run.output
    return sum(run.recap(host)["changed"] for host in ("contoso", "fabrikam"))


def test_nobody_is_needed_after_the_registrar_is_there(provider: Ansible, az: AzureCli, empty_home: HomeTenant) -> None:
    """First the registrar, then what it registers by itself; each run a second time changes nothing."""
    pem, kept = provider.place / "registrar.pem", provider.place / "group_vars" / "customers.yml"
    planned = provider.playbook("mssp.defender.registrar", "--check", "--diff", *BY_CLI)
    assert _changed(planned) == 1
    assert '"sign_in_audience": "AzureADMyOrg"' in planned.output
    assert empty_home.applications() == []
    assert not pem.exists()
    assert not kept.exists()

    assert _changed(provider.playbook("mssp.defender.registrar", *BY_CLI)) == 3
    registrar = _of(empty_home, "defender-registrar")
    assert (registrar["displayName"], registrar["signInAudience"]) == ("Defender registrar", "AzureADMyOrg")
    assert sorted(empty_home.roles(registrar["appId"])) == sorted(PERMISSIONS)
    assert [path.stat().st_mode & 0o777 for path in (pem, kept)] == [0o600, 0o600]
    assert yaml.safe_load(kept.read_text()) == {"partner_access_registrar_client_id": registrar["appId"]}
    again = provider.playbook("mssp.defender.registrar", *BY_CLI)
    assert _changed(again) == 0
    (row,) = again.blocks("Registrar")
    assert list(row.values())[:4] == ["defender-registrar", "ok", registrar["appId"], "ansible"]

    (az.folder / "signed-in.json").unlink()
    assert _changed(provider.playbook("mssp.defender.register")) == 2
    application = _of(empty_home, "northwind-soc")
    # what comes next needs its ID, and finds its key in the file
    provider.variables["partner_access_client_id"] = application["appId"]
    key = CredentialFile(provider.place / "partner.pem").text.encode()
    assert empty_home.token_by_certificate(application["appId"], key).status_code == 200
    assert _changed(provider.playbook("mssp.defender.register")) == 0
    assert _changed(provider.playbook("mssp.defender.registrar")) == 0


def test_the_registrar_rotates_its_own_certificate(provider: Ansible, az: AzureCli, empty_home: HomeTenant) -> None:
    provider.playbook("mssp.defender.registrar", *BY_CLI)
    (az.folder / "signed-in.json").unlink()
    registrar = _of(empty_home, "defender-registrar")
    pem = provider.place / "registrar.pem"
    before = pem.read_bytes()
    assert _changed(provider.playbook("mssp.defender.registrar")) == 0
    provider.variables |= {
        "partner_access_credential_lifetime": "200d",
        "partner_access_credential_rotate_before": "190d",
    }
    assert _changed(provider.playbook("mssp.defender.registrar")) == 1
    assert pem.read_bytes() != before
    assert empty_home.token_by_certificate(registrar["appId"], CredentialFile(pem).text.encode()).status_code == 200


def test_the_registrar_goes_on_with_what_a_person_registered(
    provider: Ansible, az: AzureCli, empty_home: HomeTenant
) -> None:
    """Both playbooks as who is signed in; the next change is the registrar's alone."""
    provider.playbook("mssp.defender.registrar", *BY_CLI)
    assert _changed(provider.playbook("mssp.defender.register", *BY_CLI)) == 2
    assert _changed(provider.playbook("mssp.defender.register", *BY_CLI)) == 0
    (az.folder / "signed-in.json").unlink()
    provider.variables["partner_access_display_name"] = "Northwind SOC"
    assert _changed(provider.playbook("mssp.defender.register")) == 1
    assert _of(empty_home, "northwind-soc")["displayName"] == "Northwind SOC"


def test_an_inventory_without_a_place_for_the_certificate(provider: Ansible, az: AzureCli) -> None:
    del provider.variables["partner_access_registrar_certificate_path"]
    run = provider.playbook("mssp.defender.registrar", *BY_CLI)
    assert run.code != 0
    assert "partner_access_registrar_certificate_path" in run.output
    assert az.calls() == []


def test_somebody_must_be_signed_in_at_first(provider: Ansible, az: AzureCli, empty_home: HomeTenant) -> None:
    (az.folder / "signed-in.json").unlink()
    run = provider.playbook("mssp.defender.registrar", *BY_CLI)
    assert run.code != 0
    assert "nobody is signed in to it" in run.output
    assert f"az login --tenant {provider.emulator.home_tenant_id}" in run.output
    assert "Traceback" not in run.output
    assert empty_home.applications() == []


def test_all_that_is_missing_is_told_at_once_by_the_names_of_the_variables(provider: Ansible) -> None:
    for name in ("home_tenant_id", "registrar_client_id"):
        del provider.variables[f"partner_access_{name}"]
    run = provider.playbook("mssp.defender.register")
    assert run.code == 2
    assert run.result("Register the applications")["msg"] == (
        "partner_access_home_tenant_id, partner_access_registrar_client_id (or AZURE_CLIENT_ID) and "
        "partner_access_unique_name are not set: set them on the group of your customers (and 1 more)"
    )
    certificate = f"partner_access_registrar_certificate_path={provider.place}/registrar.pem"
    alone = provider.playbook("mssp.defender.registrar", *BY_CLI, "-e", certificate)
    assert alone.result("partner_access : Register the registrar")["msg"] == (
        "missing required arguments: tenant_id (or partner_access_home_tenant_id on the host)"
    )
