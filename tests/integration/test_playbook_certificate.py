# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first path of a provider: an application with a certificate whose key only the vault password opens."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from support.ansible_runs import Ansible, Run
from support.emulated_tenants import DAY, HomeTenant
from support.vaults import VAULT_PASSWORD, CredentialFile, opened

NAME = "northwind-soc"
CUSTOMERS = ("contoso", "fabrikam")


@pytest.fixture
def pem(provider: Ansible) -> Path:
    """The file of the certificate, which Ansible loads no variables from although it lies among them."""
    folder = provider.place / "group_vars" / "customers"
    folder.mkdir(parents=True)
    path = folder / "partner.pem"
    provider.variables |= {
        "partner_access_unique_name": NAME,
        "partner_access_credential_dest": str(path),
    }
    return path


@pytest.fixture
def empty_home(provider: Ansible) -> HomeTenant:
    return HomeTenant(provider.emulator)


def _plain(pem: Path) -> str:
    return opened(pem.read_text(), VAULT_PASSWORD)


def _row(run: Run) -> list[str]:
    (block,) = run.blocks("Applications")
    return list(block.values())


def _changed(run: Run) -> int:
    assert run.code == 0, run.output
    return sum(run.recap(host)["changed"] for host in CUSTOMERS)


def _is_let_in(home: HomeTenant, pair: str) -> bool:
    return home.token_by_certificate(str(home.application()["appId"]), pair.encode()).status_code == 200


def _states(provider: Ansible, home: HomeTenant) -> set[str]:
    """Let the customers consent, and return their states as a run of its own finds them."""
    app_id = str(home.application()["appId"])
    for name in CUSTOMERS:
        path = f"tenants/{provider.emulator.tenant_id(name)}/consent?client_id={app_id}"
        provider.emulator.control("POST", path)
    provider.variables["partner_access_client_id"] = app_id
    run = provider.playbook("mssp.defender.verify", REGISTRAR_SECRET="")
    assert run.code == 0, run.output
    return set(run.states(CUSTOMERS).values())


def test_register_verify_and_rotate(provider: Ansible, pem: Path, empty_home: HomeTenant) -> None:
    provider.variables |= {
        "partner_access_credential_lifetime": "20d",
        "partner_access_credential_rotate_before": "10d",
    }
    first = provider.playbook("mssp.defender.register")
    assert _changed(first) > 0
    assert _row(first)[:2] == [NAME, "changed"]
    assert (len(empty_home.certificates()), empty_home.secrets()) == (1, [])
    assert pem.stat().st_mode & 0o777 == 0o600
    assert _changed(provider.playbook("mssp.defender.register")) == 0
    assert _states(provider, empty_home) == {"granted"}

    old = _plain(pem)
    for variable in ("lifetime", "rotate_before"):
        del provider.variables[f"partner_access_credential_{variable}"]
    rotated = provider.playbook("mssp.defender.rotate", "-vvv", "--diff")
    assert _changed(rotated) == 1
    new = _plain(pem)
    assert new != old
    assert _is_let_in(empty_home, new)
    assert _is_let_in(empty_home, old)
    for pair in (old, new):
        assert pair.splitlines()[5] not in rotated.output
    certificate = x509.load_pem_x509_certificate(new.encode())
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 180
    assert _states(provider, empty_home) == {"granted"}
    assert _changed(provider.playbook("mssp.defender.rotate")) == 0

    (made,) = [item for item in empty_home.certificates() if str(item["key"]) in _transported(new)]
    empty_home.move(str(made["keyId"]), starts_in=-8 * DAY)
    assert _changed(provider.playbook("mssp.defender.rotate")) == 1
    assert [item["keyId"] for item in empty_home.certificates()] == [made["keyId"]]
    assert not _is_let_in(empty_home, old)


def _transported(pair: str) -> str:
    """Return the base64 of the certificate without its line ends."""
    return pair.partition("-----BEGIN CERTIFICATE-----")[2].replace("\n", "")


@pytest.mark.usefixtures("pem")
def test_a_secret_gives_way_to_a_certificate(provider: Ansible, empty_home: HomeTenant) -> None:
    """It stays for the overlap, with a warning; what others made stays, and is told."""
    kept = CredentialFile(provider.place / "credential.yml")
    of_secret = {
        "partner_access_credential_kind": "secret",
        "partner_access_credential_dest": str(kept.path),
    }
    of_certificate = {name: provider.variables.get(name, "certificate") for name in of_secret}
    provider.variables |= of_secret
    assert _changed(provider.playbook("mssp.defender.register")) > 0
    path = f"applications/{empty_home.application()['id']}/addPassword"
    empty_home.call("POST", path, {"passwordCredential": {"displayName": "portal"}})

    provider.variables |= of_certificate
    moved = provider.playbook("mssp.defender.register")
    assert _changed(moved) > 0
    assert sorted(str(item["displayName"]) for item in empty_home.secrets()) == ["ansible", "portal"]
    assert empty_home.accepts(kept.secret)
    warnings = " ".join(moved.result("Make or rotate their credentials", "contoso")["warnings"])
    assert "still has the secret 'ansible' (" in warnings
    assert "still has the secret 'portal' (" in warnings
    assert _states(provider, empty_home) == {"granted"}

    provider.variables["partner_access_credential_overlap"] = "0d"
    assert _changed(provider.playbook("mssp.defender.rotate")) == 1
    assert [item["displayName"] for item in empty_home.secrets()] == ["portal"]
    assert _states(provider, empty_home) == {"granted"}


def test_a_run_that_cannot_open_the_key_rotates_nothing(provider: Ansible, pem: Path, empty_home: HomeTenant) -> None:
    assert _changed(provider.playbook("mssp.defender.register")) > 0
    before, certificates = pem.read_bytes(), empty_home.certificates()
    provider.variables["partner_access_credential_rotate_before"] = "179d"
    provider.vault_password.write_text("another one")
    for environment, reason in (
        ({}, "no vault password of this run opens it"),
        ({"ANSIBLE_VAULT_PASSWORD_FILE": None}, "this run has no vault password"),
    ):
        run = provider.playbook("mssp.defender.rotate", **environment)
        assert run.code == 2
        for words in (f"dest {pem} cannot be used", reason, "--vault-password-file"):
            assert words in run.output, run.output
        assert "Traceback" not in run.output
    assert (pem.read_bytes(), empty_home.certificates()) == (before, certificates)


def test_without_a_vault_password_a_plain_file_is_one_setting_away(
    provider: Ansible, pem: Path, empty_home: HomeTenant
) -> None:
    del provider.environment["ANSIBLE_VAULT_PASSWORD_FILE"]
    refused = provider.playbook("mssp.defender.register")
    assert refused.code == 2
    assert "this run has no vault password" in refused.output
    assert "set encrypt to false" in refused.output
    assert (empty_home.certificates(), pem.exists()) == ([], False)
    provider.variables["partner_access_credential_encrypt"] = False
    assert _changed(provider.playbook("mssp.defender.register")) > 0
    assert "PRIVATE KEY" in pem.read_text()
    assert _states(provider, empty_home) == {"granted"}
