# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a provider's empty tenant to customers' links and proofs, with the playbooks register, rotate and onboard."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.ansible_runs import Ansible, Run
from support.emulated_tenants import DAY, HomeTenant, answer_consent_page
from support.vaults import CredentialFile

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
NAME = "northwind-soc"
CUSTOMERS = ("contoso", "fabrikam")
TO_READ = ["SecurityAlert.Read.All", "SecurityIncident.Read.All", "ThreatHunting.Read.All"]
REGISTER = ("-e", json.dumps({"partner_access_register": True}))


@pytest.fixture
def kept(provider: Ansible) -> CredentialFile:
    """The file of a secret; the inventory names it, and where the links go."""
    provider.variables |= {
        "partner_access_unique_name": NAME,
        "partner_access_display_name": "Northwind SOC",
        "partner_access_credential_kind": "secret",
        "partner_access_credential_dest": str(provider.place / "credential.yml"),
        "partner_access_links_directory": str(provider.place / "links"),
    }
    return CredentialFile(provider.place / "credential.yml")


@pytest.fixture
def empty_home(provider: Ansible) -> HomeTenant:
    found = HomeTenant(provider.emulator)
    assert found.applications() == []
    return found


def _changed(run: Run) -> int:
    return sum(run.recap(host)["changed"] for host in CUSTOMERS)


def _rows(run: Run) -> list[list[str]]:
    """The table of applications, by its words."""
    labels = ("", "state", "app id", "credential", "good until", "granted at home", "asks for")
    return [[block[label] for label in labels if label in block] for block in run.blocks("Applications")]


def _links(ansible: Ansible) -> dict[str, str]:
    path = Path(ansible.variables["partner_access_links_directory"]) / "consent_links.csv"
    with path.open(newline="") as stream:
        return {row["name"]: row["url"] for row in csv.DictReader(stream)}


def _states(run: Run) -> dict[str, str]:
    return run.states(CUSTOMERS)


def _consent(provider: Ansible, app_id: str) -> None:
    """Let both customers consent to what the application asks for."""
    for name in CUSTOMERS:
        path = f"tenants/{provider.emulator.tenant_id(name)}/consent?client_id={app_id}"
        provider.emulator.control("POST", path)


def _writes(provider: Ansible) -> list[dict[str, Any]]:
    seen = provider.emulator.control("GET", "requests")["requests"]
    provider.emulator.control("DELETE", "requests")
    return [item for item in seen if item["path"].startswith("/v1.0/") and item["method"] != "GET"]


def test_register(provider: Ansible, kept: CredentialFile, empty_home: HomeTenant) -> None:
    """One host works for all customers of the application; the second run changes nothing."""
    planned = provider.playbook("mssp.defender.register", "--check", "--diff")
    assert planned.code == 0, planned.output
    assert _changed(planned) == 1
    assert _writes(provider) == []
    assert empty_home.applications() == []
    assert not kept.path.exists()

    first = provider.playbook("mssp.defender.register")
    assert first.code == 0, first.output
    app_id = empty_home.application()["appId"]
    assert [first.recap(host)["changed"] for host in CUSTOMERS] == [2, 0]
    ((name, state, shown, *rest),) = _rows(first)
    assert (name, state, shown) == (NAME, "changed", app_id)
    assert (rest[0], rest[2]) == ("ansible", "all")
    assert rest[3].split(", ") == TO_READ
    assert empty_home.roles(app_id) == TO_READ
    assert len(empty_home.secrets()) == 1
    assert empty_home.accepts(kept.secret)
    assert kept.secret not in first.output

    _writes(provider)
    second = provider.playbook("mssp.defender.register")
    assert second.code == 0, second.output
    assert _changed(second) == 0
    assert _rows(second)[0][:3] == [NAME, "ok", app_id]
    assert _writes(provider) == []


def test_rotate(provider: Ansible, kept: CredentialFile, empty_home: HomeTenant) -> None:
    provider.playbook("mssp.defender.register")
    early = provider.playbook("mssp.defender.rotate")
    assert early.code == 0, early.output
    assert _changed(early) == 0
    assert _rows(early)[0][1] == "ok"

    old, (first,) = kept.secret, empty_home.secrets()
    empty_home.move(first["keyId"], ends_in=10 * DAY)
    planned = provider.playbook("mssp.defender.rotate", "--check")
    assert (planned.code, _changed(planned), kept.secret) == (0, 1, old), planned.output
    rotated = provider.playbook("mssp.defender.rotate")
    assert (rotated.code, _changed(rotated)) == (0, 1), rotated.output
    assert _rows(rotated)[0][1] == "changed"
    assert kept.secret != old
    assert empty_home.accepts(kept.secret)
    assert empty_home.accepts(old)
    again = provider.playbook("mssp.defender.rotate")
    assert _changed(again) == 0


def test_rotate_where_nothing_is_registered(provider: Ansible, kept: CredentialFile, empty_home: HomeTenant) -> None:
    """A while is waited for a new application to be found, here a short one."""
    _check, play = yaml.safe_load((PLAYBOOKS / "rotate.yml").read_text())
    play["module_defaults"] = {"group/mssp.defender.registration": {"settle_wait": 2}}
    path = provider.place / "rotate.yml"
    path.write_text(json.dumps([play]))
    run = provider.playbook(str(path))
    assert run.code == 2
    assert f"'{NAME}' is not registered in this tenant" in run.output
    assert _rows(run)[0][:2] == [NAME, "failed"]
    assert "Traceback" not in run.output
    assert empty_home.applications() == []
    assert not kept.path.exists()


def test_onboard_starts_from_nothing(provider: Ansible, kept: CredentialFile, empty_home: HomeTenant) -> None:
    """Registered, links handed out, consents given, and then nothing changes any more."""
    first = provider.playbook("mssp.defender.onboard", *REGISTER)
    assert first.code == 0, first.output
    app_id = empty_home.application()["appId"]
    assert _states(first) == dict.fromkeys(CUSTOMERS, "not_consented")
    assert _rows(first)[0][:3] == [NAME, "changed", app_id]
    assert kept.secret not in first.output
    for url in _links(provider).values():
        assert app_id in url
        answer_consent_page(url, provider.emulator.ca_path, "accept")

    second = provider.playbook("mssp.defender.onboard", *REGISTER)
    assert second.code == 0, second.output
    assert _states(second) == dict.fromkeys(CUSTOMERS, "granted")
    assert _changed(second) == 1, "the files say that nobody needs a mail any more"
    assert _rows(second)[0][1] == "ok"
    third = provider.playbook("mssp.defender.onboard", *REGISTER)
    assert _changed(third) == 0, third.output
    assert len(empty_home.secrets()) == 1


def test_onboard_in_check_mode(provider: Ansible, kept: CredentialFile, empty_home: HomeTenant) -> None:
    """There is nothing yet that links could be made for."""
    planned = provider.playbook("mssp.defender.onboard", "--check", *REGISTER)
    assert planned.code == 0, planned.output
    assert _writes(provider) == []
    assert empty_home.applications() == []
    assert [path.name for path in provider.place.iterdir()] == ["inventory.json"]
    assert not kept.path.exists()


def test_an_added_permission_makes_customers_partial(
    provider: Ansible, kept: CredentialFile, empty_home: HomeTenant
) -> None:
    """Granted at home in the same run, and the links are handed out again."""
    provider.variables["partner_access_apis"] = ["xdr"]
    assert provider.playbook("mssp.defender.register").code == 0
    app_id = empty_home.application()["appId"]
    _consent(provider, app_id)
    provider.variables["partner_access_permissions"] = {"xdr": ["Incident.Read.All", "AdvancedHunting.Read.All"]}
    planned = provider.playbook("mssp.defender.register", "--check", "--diff")
    assert "AdvancedHunting.Read.All" in planned.output
    assert empty_home.roles(app_id) == ["Incident.Read.All"]

    run = provider.playbook("mssp.defender.onboard", *REGISTER)
    assert run.code == 0, run.output
    assert _states(run) == dict.fromkeys(CUSTOMERS, "partial")
    assert empty_home.roles(app_id) == ["AdvancedHunting.Read.All", "Incident.Read.All"]
    links = _links(provider)
    assert set(links) == set(CUSTOMERS)
    assert "AdvancedHunting.Read.All" in (provider.place / "links" / "consent_links.md").read_text()

    answer_consent_page(links["contoso"], provider.emulator.ca_path, "accept")
    verified = provider.playbook("mssp.defender.verify", "-e", f"@{kept.path}")
    assert _states(verified) == {"contoso": "granted", "fabrikam": "partial"}


def test_the_file_in_group_vars_serves_later_runs(
    provider: Ansible, kept: CredentialFile, empty_home: HomeTenant
) -> None:
    """Nothing is passed on by hand: verify and incidents find application and secret there."""
    folder = provider.place / "group_vars" / "customers"
    folder.mkdir(parents=True)
    provider.variables["partner_access_credential_dest"] = str(folder / "credential.yml")
    registered = provider.playbook("mssp.defender.register")
    assert registered.code == 0, registered.output
    app_id = empty_home.application()["appId"]
    _consent(provider, app_id)
    del provider.variables["partner_access_registrar_client_secret"]
    for playbook in ("verify", "incidents"):
        run = provider.playbook(f"mssp.defender.{playbook}", REGISTRAR_SECRET=None)
        assert run.code == 0, run.output
        assert _states(run) == dict.fromkeys(CUSTOMERS, "granted")
    assert not kept.path.exists()


@pytest.fixture
def two_applications(provider: Ansible, kept: CredentialFile) -> dict[str, CredentialFile]:
    """Two customers of one application, a third of another; each has its own file."""
    other = CredentialFile(provider.place / "other.yml")
    provider.customers = {
        name: {"partner_access_tenant_id": provider.emulator.tenant_id(name)}
        for name in ("contoso", "fabrikam", "tailspin")
    }
    provider.customers["tailspin"] |= {
        "partner_access_unique_name": "northwind-hunting",
        "partner_access_display_name": "Northwind Hunting",
        "partner_access_permissions": {"xdr": ["AdvancedHunting.Read.All"]},
        "partner_access_credential_dest": str(other.path),
    }
    return {NAME: kept, "northwind-hunting": other}


def test_two_applications_in_one_inventory(
    provider: Ansible, empty_home: HomeTenant, two_applications: dict[str, CredentialFile]
) -> None:
    run = provider.playbook("mssp.defender.onboard", *REGISTER)
    assert run.code == 0, run.output
    made = {str(item["uniqueName"]): str(item["appId"]) for item in empty_home.applications()}
    assert set(made) == set(two_applications)
    assert sorted(row[0] for row in _rows(run)) == sorted(made)
    for name, kept in two_applications.items():
        assert kept.variables()["partner_access_client_id"] == made[name]
        assert empty_home.token(made[name], kept.secret).status_code == 200
    assert empty_home.roles(made["northwind-hunting"]) == ["AdvancedHunting.Read.All"]
    links = _links(provider)
    assert made[NAME] in links["contoso"]
    assert made[NAME] in links["fabrikam"]
    assert made["northwind-hunting"] in links["tailspin"]


@pytest.mark.parametrize("playbook", ["register", "onboard"])
def test_a_failing_registration_does_not_stop_the_others(
    provider: Ansible,
    empty_home: HomeTenant,
    two_applications: dict[str, CredentialFile],
    playbook: str,
) -> None:
    """The run fails with the reason, after the work for the customers of the other application."""
    provider.customers["contoso"]["partner_access_redirect_uri"] = "http://soc.example"
    provider.customers["fabrikam"]["partner_access_redirect_uri"] = "http://soc.example"
    run = provider.playbook(f"mssp.defender.{playbook}", *REGISTER)
    assert run.code == 2
    assert "partner_access_redirect_uri" in run.output
    assert {host: run.recap(host)["failed"] for host in provider.customers} == {
        "contoso": 1,
        "fabrikam": 0,
        "tailspin": 0,
    }
    assert [item["uniqueName"] for item in empty_home.applications()] == ["northwind-hunting"]
    assert sorted(row[:2] for row in _rows(run)) == sorted([[NAME, "failed"], ["northwind-hunting", "changed"]])
    assert two_applications["northwind-hunting"].secret
    if playbook == "onboard":
        states = {name: block["state"] for name, block in run.waiting().items()}
        assert states == {"contoso": "error", "fabrikam": "error", "tailspin": "not_consented"}
    assert "Traceback" not in run.output


@pytest.mark.usefixtures("kept")
def test_customers_of_one_application_that_declare_different_things(provider: Ansible, empty_home: HomeTenant) -> None:
    """One host works for both, so that what the other one declares must not get lost in silence."""
    provider.customers["fabrikam"]["partner_access_permissions"] = {"xdr": ["AdvancedHunting.Read.All"]}
    run = provider.playbook("mssp.defender.register")
    assert run.code == 2 or "AdvancedHunting.Read.All" in empty_home.roles(empty_home.application()["appId"]), (
        run.output
    )


def test_a_credential_that_cannot_be_kept_fails_before_it_is_made(
    provider: Ansible, kept: CredentialFile, empty_home: HomeTenant
) -> None:
    run = provider.playbook("mssp.defender.register", ANSIBLE_VAULT_PASSWORD_FILE=None)
    assert run.code == 2
    assert "no vault password" in run.output
    assert [run.recap(host)["failed"] for host in CUSTOMERS] == [1, 0]
    assert empty_home.secrets() == []
    assert not kept.path.exists()
    assert _rows(run)[0][:2] == [NAME, "failed"]


@pytest.mark.parametrize(
    ("variable", "named"),
    [("partner_access_home_tenant_id", "tenant_id"), ("partner_access_unique_name", "unique_name")],
)
def test_what_must_be_declared(
    provider: Ansible, kept: CredentialFile, empty_home: HomeTenant, variable: str, named: str
) -> None:
    provider.variables[variable] = ""
    run = provider.playbook("mssp.defender.register")
    assert run.code == 2
    assert named in run.output
    assert "Traceback" not in run.output
    assert empty_home.applications() == []
    assert not kept.path.exists()
