# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input to the tasks of the registration, as an operator sees it: one clear sentence, and nothing is changed.

What happens while a task runs is tried elsewhere: a file that others change (test_credential_meanwhile.py), and an
interruption between making and storing (test_credential_killed.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.emulated_tenants import GRAPH_APP_ID, HomeTenant

NAME = "northwind-soc"
OTHER = "northwind-other"


@dataclass(frozen=True)
class Case:
    """Options that are wrong, and the words that the sentence must have.

    `{app_id}`, `{other_id}`, `{foreign_id}`, `{sample_id}` and `{place}` stand for what the test knows; `roles` are the
    registrar's. `control` is what the emulator is told before: method, call and body.
    """

    name: str
    says: list[str]
    options: dict[str, Any]
    module: str = "defender_application"
    roles: list[str] = field(default_factory=list)
    control: tuple[str, str, dict[str, Any]] | None = None
    environment: dict[str, str | None] = field(default_factory=dict)


POLICY_READER = ["Application.ReadWrite.OwnedBy", "Application.Read.All", "Policy.Read.All"]
NO_LOCK = json.dumps({"error": {"code": "PropertyLockNotAllowedAsPerAppPolicy", "message": "It is not allowed."}})


def _forbidding(restriction: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
    """Return the control call that lets the tenant's policy have this restriction for secrets."""
    of_applications = {"passwordCredentials": [restriction]}
    policy = {"displayName": "House rules", "isEnabled": True, "applicationRestrictions": of_applications}
    return ("PUT", "policies", {"default": policy})


CASES = [
    Case(
        "two applications under one claim",
        ["two applications", NAME, "{app_id}", "provider:"],
        {"unique_name": NAME, "app_id": "{other_id}"},
    ),
    Case(
        "app id of another tenant",
        ["{foreign_id}", "registered in tenant", "that tenant's id"],
        {"app_id": "{foreign_id}"},
    ),
    Case(
        "permission unknown to the API",
        ["permissions.xdr", "did you mean Incident.Read.All"],
        {"unique_name": NAME, "permissions": {"xdr": ["Incidents.Read.All"]}},
    ),
    Case(
        "delegated permission",
        ["permissions.xdr", "delegated permission", "no app role"],
        {"unique_name": NAME, "permissions": {"xdr": ["Incident.Read"]}},
    ),
    Case("http", ["redirect_uris", "https"], {"unique_name": NAME, "redirect_uris": ["http://soc.example"]}),
    Case("wildcard", ["redirect_uris", "wildcard"], {"unique_name": NAME, "redirect_uris": ["https://*.soc.example"]}),
    Case(
        "over 256 characters",
        ["redirect_uris", "256"],
        {"unique_name": NAME, "redirect_uris": ["https://soc.example/" + "r" * 240]},
    ),
    Case(
        "no right to grant",
        ["AppRoleAssignment.ReadWrite.All", "Authorization_RequestDenied"],
        {"unique_name": NAME, "permissions": {"graph": []}},
        roles=["Application.ReadWrite.OwnedBy", "Application.Read.All"],
    ),
    Case("neither name nor id", ["app_id", "unique_name"], {"display_name": "Northwind SOC"}),
    Case("choice that is none", ["sign_in_audience"], {"unique_name": NAME, "sign_in_audience": "everybody"}),
    Case("API that is none", ["permissions", "sharepoint"], {"unique_name": NAME, "permissions": {"sharepoint": []}}),
    Case(
        "last credential",
        ["no credential that is good today", "'only'", "force"],
        {"unique_name": NAME, "kind": "secret", "name": "only", "state": "absent"},
        "defender_credential",
    ),
    Case("all credentials", ["never all"], {"unique_name": NAME, "state": "absent"}, "defender_credential"),
    Case(
        "file in a missing folder",
        ["dest", "does not exist", "create it"],
        {"unique_name": NAME, "kind": "secret", "name": "ansible", "dest": "{place}/absent/credential.yml"},
        "defender_credential",
    ),
    Case(
        "file in the place of a folder",
        ["dest", "{place}"],
        {"unique_name": NAME, "kind": "secret", "name": "ansible", "dest": "{place}"},
        "defender_credential",
    ),
    Case(
        "file of a foreign vault",
        ["dest", "no vault password of this run opens it"],
        {"unique_name": NAME, "kind": "secret", "name": "ansible", "dest": "{place}/foreign.yml"},
        "defender_credential",
    ),
    Case(
        "no vault password",
        ["dest", "no vault password", "--vault-password-file"],
        {"unique_name": NAME, "kind": "secret", "name": "ansible", "dest": "{place}/credential.yml"},
        "defender_credential",
        environment={"ANSIBLE_VAULT_PASSWORD_FILE": None},
    ),
    Case(
        "key of a foreign vault",
        ["dest", "no vault password of this run opens it"],
        {"unique_name": NAME, "name": "ansible", "dest": "{place}/foreign.pem"},
        "defender_credential",
    ),
    Case(
        "no vault password for a key",
        ["dest", "no vault password", "--vault-password-file", "set encrypt to false"],
        {"unique_name": NAME, "name": "ansible", "dest": "{place}/partner.pem"},
        "defender_credential",
        environment={"ANSIBLE_VAULT_PASSWORD_FILE": None},
    ),
    Case(
        "key among variables",
        ["dest", "file of variables", ".pem", "secret"],
        {"unique_name": NAME, "name": "ansible", "dest": "{place}/credential.yml"},
        "defender_credential",
    ),
    Case("no dest", ["dest is missing", "PEM"], {"unique_name": NAME, "name": "ansible"}, "defender_credential"),
    Case(
        "property lock without the right",
        ["set the property lock", "lacks the right", "an owner of the application", "property_lock to false"],
        {"app_id": "{sample_id}"},
    ),
    Case(
        "property lock that a policy forbids",
        ["set the property lock", "an app management policy of this tenant forbids this", "property_lock to false"],
        {"app_id": "{sample_id}"},
        control=("POST", "faults", {"kind": "server_error", "status": 400, "path": "applications/", "body": NO_LOCK}),
    ),
    Case(
        "policy against all secrets",
        ["'House rules'", "forbids client secrets", "provider: choose a certificate or a federated credential"],
        {"unique_name": NAME, "kind": "secret", "name": "ansible", "dest": "{place}/credential.yml"},
        "defender_credential",
        roles=POLICY_READER,
        control=_forbidding({"restrictionType": "passwordAddition", "state": "enabled"}),
    ),
    Case(
        "longer lifetime than a policy allows",
        ["'House rules'", "good for more than 30d, and 180d is asked for", "provider: choose a shorter lifetime"],
        {"unique_name": NAME, "kind": "secret", "name": "ansible", "dest": "{place}/credential.yml"},
        "defender_credential",
        roles=POLICY_READER,
        control=_forbidding({"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": "P30D"}),
    ),
]

# as `ansible-vault encrypt` left it, under a password that nobody here has
FOREIGN = "$ANSIBLE_VAULT;1.1;AES256\n" + "33" * 40 + "\n"
READ_INCIDENTS = "45cc0394-e837-488b-a098-1918f48d186c"


@pytest.fixture
def ids(home: HomeTenant) -> dict[str, str]:
    """Two applications, each with a secret; the first one is granted to read incidents with Graph."""
    (first, principal), (second, _unused) = (_register(home, name) for name in (NAME, OTHER))
    resource = home.call("GET", f"servicePrincipals(appId='{GRAPH_APP_ID}')")["id"]
    grant = {"principalId": principal["id"], "resourceId": resource, "appRoleId": READ_INCIDENTS}
    home.call("POST", f"servicePrincipals/{resource}/appRoleAssignedTo", grant)
    return {"app_id": first["appId"], "other_id": second["appId"]}


def _register(home: HomeTenant, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    access = {"resourceAppId": GRAPH_APP_ID, "resourceAccess": [{"id": READ_INCIDENTS, "type": "Role"}]}
    body = {"displayName": name, "uniqueName": name, "requiredResourceAccess": [access]}
    made = home.call("POST", "applications", {**body, "signInAudience": "AzureADMultipleOrgs"})
    home.call("POST", f"applications/{made['id']}/addPassword", {"passwordCredential": {"displayName": "only"}})
    return made, home.call("POST", "servicePrincipals", {"appId": made["appId"]})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(ansible: Ansible, home: HomeTenant, ids: dict[str, str], case: Case) -> None:
    if case.roles:
        ansible.emulator.control("PATCH", "registrar", {"roles": case.roles})
    if case.control:
        ansible.emulator.control(*case.control)
    known = {
        **ids,
        "foreign_id": ansible.emulator.connection["foreign_client_id"],
        "sample_id": ansible.emulator.client_id,
        "place": str(ansible.place),
    }
    for name in ("foreign.yml", "foreign.pem"):
        (ansible.place / name).write_text(FOREIGN)
        (ansible.place / name).chmod(0o600)
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    ansible.inventory()
    files, applications = sorted(ansible.place.rglob("*")), home.applications()

    options = json.dumps({name: _filled(value, known) for name, value in case.options.items()})
    run = ansible.ad_hoc(f"mssp.defender.{case.module}", "-a", options, "-vvv", **case.environment)
    result = run.result(case.module)
    assert run.code == 2, run.output
    says = [_filled(words, known) for words in case.says]
    assert [words for words in says if words not in result["msg"]] == [], result["msg"]
    assert "\n" not in result["msg"]
    assert "Traceback" not in run.output
    assert "internal error" not in run.output
    assert sorted(ansible.place.rglob("*")) == files
    changed = [new for new, old in zip(home.applications(), applications, strict=True) if new != old]
    assert result["changed"] is bool(changed)
    assert bool(changed) == (case.name == "no right to grant"), "all but what came before the refusal is as it was"


def _filled(value: Any, known: dict[str, str]) -> Any:
    return value.format_map(known) if isinstance(value, str) else value
