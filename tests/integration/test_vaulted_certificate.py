# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key in a file that Ansible Vault has encrypted: opened in memory, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.ansible_runs import Ansible, Run
from support.canary import Watch, find, gather
from support.emulator import EmulatorProcess
from support.event_driven import Source
from support.inventories import CustomerInventory
from support.vaults import VAULT_PASSWORD, encrypted

VERIFY = "mssp.defender.verify"


@pytest.fixture
def pem(ansible: Ansible) -> Path:
    """The application's pair, encrypted with the tests' vault password. It wins over the secret of the environment."""
    path = ansible.place / "partner.pem"
    path.write_text(encrypted(_plain(ansible), VAULT_PASSWORD))
    ansible.variables["partner_access_certificate_path"] = str(path)
    del ansible.environment["ANSIBLE_VAULT_PASSWORD_FILE"]
    return path


def _plain(ansible: Ansible) -> str:
    return Path(ansible.emulator.connection["certificate_path"]).read_text()


def _line_of_the_key(ansible: Ansible) -> str:
    """Return a line of the plain key, which is unlike any other text."""
    return _plain(ansible).splitlines()[5]


def _leaks(ansible: Ansible, watch: Watch, run: Run) -> list[tuple[str, str, str]]:
    left = [*gather("home", ansible.home), *gather("place", ansible.place), *watch.blobs]
    assert _line_of_the_key(ansible) not in run.output
    return find(left, {"the key": _line_of_the_key(ansible)})


def test_it_is_opened_with_the_password_of_the_run(ansible: Ansible, pem: Path, consent: Callable[..., None]) -> None:
    """The key is in no file, argument or environment, while the run goes on or afterwards."""
    consent("contoso", "fabrikam")
    ansible.environment["ANSIBLE_LOCAL_TEMP"] = str(ansible.home / "local")
    before = pem.read_bytes()
    with Watch(ansible.home / "local") as watch:
        run = ansible.playbook(VERIFY, "--vault-password-file", str(ansible.vault_password), "-vvv")
    assert run.code == 0, run.output
    assert [outcome["state"] for outcome in run.result("Prove each customer's consent")["tenants"]] == ["granted"] * 2
    assert _leaks(ansible, watch, run) == []
    assert pem.read_bytes() == before


def test_it_is_opened_with_any_vault_id_of_the_run(ansible: Ansible, pem: Path, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    other = ansible.home / "other_password"
    other.write_text("another password of a test")
    pem.write_text(encrypted(_plain(ansible), VAULT_PASSWORD, "soc"))
    run = ansible.playbook(VERIFY, "--vault-id", f"dev@{other}", "--vault-id", f"soc@{ansible.vault_password}")
    assert run.code == 0, run.output


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("another password of a test", "no vault password of this run opens it"),
        (None, "this run has no vault password"),
    ],
    ids=["wrong", "none"],
)
def test_a_run_that_cannot_open_it_says_so(ansible: Ansible, pem: Path, password: str | None, reason: str) -> None:
    given = []
    if password:
        ansible.vault_password.write_text(password)
        given = ["--vault-password-file", str(ansible.vault_password)]
    run = ansible.playbook(VERIFY, *given)
    assert run.code == 2
    for words in (f"certificate_path {pem} cannot be used", reason, "run with --vault-password-file or --vault-id"):
        assert words in run.output, run.output
    assert "Traceback" not in run.output
    assert _line_of_the_key(ansible) not in run.output


def test_a_module_elsewhere_or_in_the_background_has_no_vault(ansible: Ansible, pem: Path) -> None:
    """Nor does the module get the key from the controller."""
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    play = ansible.play(
        """
        - name: Delegated
          mssp.defender.defender_token:
          delegate_to: worker
          ignore_errors: true
        - name: Background
          mssp.defender.defender_token:
          async: 60
          poll: 1
          ignore_errors: true
          vars:
            ansible_connection: local
            ansible_python_interpreter: "{{ ansible_playbook_python }}"
        """
    )
    with Watch(ansible.home / "remote") as watch:
        run = ansible.playbook(
            play, "--vault-password-file", str(ansible.vault_password), "-vvv", ANSIBLE_KEEP_REMOTE_FILES="1"
        )
    assert run.code == 0, run.output
    for task in ("Delegated", "Background"):
        sentence = run.result(task)["msg"]
        assert sentence.startswith(f"certificate_path {pem} is encrypted with Ansible Vault, which only a task"), (
            run.output
        )
        assert "name a plain file" in sentence
    assert _leaks(ansible, watch, run) == []


def test_the_inventory_of_customers_opens_it_too(ansible: Ansible, pem: Path) -> None:
    customers = CustomerInventory(ansible)
    emulator = ansible.emulator
    emulator.control("POST", f"tenants/{emulator.home_tenant_id}/consent", {"roles": ["Directory.Read.All"]})
    contoso = emulator.tenant_id("contoso")
    contract = {"customerId": contoso, "displayName": "Contoso", "defaultDomainName": "contoso.example"}
    emulator.control("POST", "partner", {"contracts": [contract]})
    source = customers.config(partner=["contracts"], certificate_path=str(pem), **customers.partner)
    password = {"ANSIBLE_VAULT_PASSWORD_FILE": str(ansible.vault_password)}
    listing = customers.read(source, **password)
    assert (listing.code, list(listing.tenants().values())) == (0, [contoso]), listing.output
    closed = customers.read(source)
    assert closed.code != 0
    assert closed.says("it is encrypted, and this run has no vault password")


def test_the_event_source_takes_a_plain_file_only(
    ansible: Ansible, pem: Path, emulator: EmulatorProcess, tmp_path: Path
) -> None:
    source = Source(emulator, tmp_path / "checkpoint", "contoso")
    message = source.error(client_secret=None, certificate_path=str(pem))
    assert f"certificate_path {pem} is encrypted with Ansible Vault" in message
    assert "nor the event source" in message
    assert _line_of_the_key(ansible) not in message
