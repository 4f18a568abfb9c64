# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `mssp.defender.awx` makes in AWX, by the real modules of `awx.awx`; a second run changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import Ansible, Run
from support.awx_controller import AwxController
from support.awx_jobs import BY_PASSWORD, GIVEN, PROJECT, SECRETS, Operator, operator
from support.emulator import EmulatorProcess
from support.forked_runs import ForkServer
from support.vaults import VAULT_PASSWORD, vault

pytestmark = pytest.mark.slow

MADE = {
    "organizations": ["Defender"],
    "teams": ["Analysts", "Engineers"],
    "credential_types": ["Defender application", "Defender registrar"],
    "credentials": ["Defender application", "Defender registrar", "Defender vault"],
    "execution_environments": ["Defender"],
    "projects": ["Defender"],
    "inventories": ["Defender customers"],
    "inventory_sources": ["Defender customers"],
    "job_templates": [
        f"Defender {name}"
        for name in ("register", "rotate", "summary", "onboard", "hunt", "verify", "incidents", "triage")
    ],
    "workflow_job_templates": [f"Defender {name} of all customers" for name in ("verify", "incidents", "triage")],
    "schedules": ["Defender verify every night"],
}
SLICED = {"Defender verify", "Defender incidents", "Defender triage"}


@dataclass(frozen=True)
class Applied:
    """An AWX that the playbook was run for twice, and what the second run wrote."""

    operator: Operator
    awx: AwxController
    first: Run
    second: Run
    writes: list[str]


@pytest.fixture(scope="module")
def applied(
    process: EmulatorProcess, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Applied]:
    with operator(Ansible(process, tmp_path_factory.mktemp("awx"), fork_server)) as one:
        # the first prints all that it can
        first = one.apply("-vvv", environment=BY_PASSWORD)
        second = one.apply()
        yield Applied(one, one.awx, first, second, list(one.awx.writes))


def test_the_first_run_makes_every_object(applied: Applied) -> None:
    assert applied.first.code == 0, applied.first.output[-5000:]
    assert {kind: applied.awx.names(kind) for kind in MADE} == MADE


def test_the_second_run_changes_nothing(applied: Applied) -> None:
    run = applied.second
    assert run.code == 0, run.output
    assert run.recap("localhost")["changed"] == 0, run.output
    assert {kind: applied.awx.names(kind) for kind in MADE} == MADE
    # it looks for new playbooks
    assert applied.writes == [f"POST projects/{applied.awx.named('projects', 'Defender')['id']}/update"]
    # the teams' permissions are no objects
    assert run.output.count("ok: [localhost] => (item=") == sum(map(len, MADE.values())) + 3


def test_no_secret_is_printed(applied: Applied) -> None:
    assert applied.first.code == 0
    assert [secret for secret in SECRETS if secret in applied.first.output] == []


def test_awx_holds_the_secrets(applied: Applied) -> None:
    held = [applied.awx.secrets[applied.awx.named("credentials", name)["id"]] for name in MADE["credentials"]]
    assert held == [
        {"client_id": GIVEN["awx_setup_client_id"], "certificate": GIVEN["awx_setup_certificate"]},
        {"client_id": GIVEN["awx_setup_registrar_client_id"], "certificate": GIVEN["awx_setup_registrar_certificate"]},
        {"vault_password": GIVEN["awx_setup_vault_password"]},
    ]


def test_injectors_reach_awx_as_they_are_written(applied: Applied) -> None:
    assert applied.awx.named("credential_types", "Defender application")["injectors"]["env"] == {
        "AZURE_CLIENT_ID": "{{ client_id }}",
        "AZURE_CLIENT_SECRET": "{{ client_secret }}",
        "AZURE_CLIENT_CERTIFICATE_PATH": "{% if certificate %}{{ tower.filename.certificate }}{% endif %}",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD": "{{ certificate_password }}",
        "AZURE_FEDERATED_TOKEN_FILE": "{% if federated_token %}{{ tower.filename.federated_token }}{% endif %}",
    }


def test_only_what_works_for_single_customers_is_sliced(applied: Applied) -> None:
    templates = applied.awx.objects["job_templates"].values()
    assert {item["name"]: item["job_slice_count"] for item in templates} == {
        name: 3 if name in SLICED else 1 for name in MADE["job_templates"]
    }
    passed = {item["name"]: json.loads(item["extra_vars"]) for item in templates}
    assert passed == {name: {"partner_access_stats": True} if name in SLICED else {} for name in MADE["job_templates"]}


def test_a_launch_may_be_a_check_but_brings_no_variables(applied: Applied) -> None:
    for item in applied.awx.objects["job_templates"].values():
        assert item["ask_job_type_on_launch"], item["name"]
        assert item["ask_diff_mode_on_launch"], item["name"]
        assert not item["ask_variables_on_launch"], item["name"]


@pytest.mark.parametrize("name", sorted(SLICED))
def test_a_summary_follows_the_slices_whatever_became_of_them(applied: Applied, name: str) -> None:
    workflow = applied.awx.named("workflow_job_templates", f"{name} of all customers")
    nodes = {
        node["identifier"]: node
        for node in applied.awx.objects["workflow_job_template_nodes"].values()
        if node["workflow_job_template"] == workflow["id"]
    }
    runs = {identifier: node["unified_job_template"] for identifier, node in nodes.items()}
    templates = applied.awx.objects["job_templates"]
    assert {key: templates[number]["name"] for key, number in runs.items()} == {
        "slices": name,
        "summary": "Defender summary",
    }
    path = f"workflow_job_template_nodes/{nodes['slices']['id']}"
    assert applied.awx.associated[f"{path}/always_nodes"] == [nodes["summary"]["id"]]
    # only there: launched by itself, the template fails where there are no customers
    assert nodes["slices"]["extra_data"] == {"partner_access_may_be_empty": "true"}
    survey = applied.awx.surveys[runs["slices"]]["spec"]
    assert [one["default"] for one in survey if one["variable"] == "partner_access_may_be_empty"] == ["false"]


def test_who_may_launch_does_not_see_the_credentials(applied: Applied) -> None:
    launch = {name: applied.awx.teams_with("execute", "job_templates", name) for name in MADE["job_templates"]}
    assert launch == {
        name: ["Engineers"] if name in {"Defender register", "Defender rotate"} else ["Analysts"] for name in launch
    }
    for name in MADE["workflow_job_templates"]:
        assert applied.awx.teams_with("execute", "workflow_job_templates", name) == ["Analysts"]
    for name in MADE["credentials"]:
        assert applied.awx.teams_with("use", "credentials", name) == ["Engineers"]


def test_a_template_runs_a_playbook_that_is_there(applied: Applied) -> None:
    named = {item["playbook"] for item in applied.awx.objects["job_templates"].values()}
    assert named == {path.name for path in PROJECT.glob("*.yml") if not path.name.endswith(".customers.yml")}
    checked = applied.operator.play(
        str(PROJECT / "verify.yml"), "--syntax-check", *sorted(str(PROJECT / name) for name in named)
    )
    assert checked.code == 0, checked.output


def test_the_source_of_the_inventory_is_there(applied: Applied, ansible: Ansible) -> None:
    source = applied.awx.named("inventory_sources", "Defender customers")
    listed = ansible.run(["ansible-inventory", "-i", str(PROJECT / source["source_path"]), "--list"], {})
    assert listed.code == 0, listed.output
    assert '"contoso"' in listed.output


def test_a_template_of_a_playbook_that_the_project_lacks(applied: Applied) -> None:
    odd = "{{ awx_setup_templates[:1] + [awx_setup_templates[0] | combine({'name': 'Odd', 'playbook': 'odd.yml'})] }}"
    run = applied.operator.apply_only({"controller_templates": odd})
    assert run.code == 2, run.output
    assert "AWX refused the job template 'Odd': " in run.output
    assert "Playbook not found for project." in run.output
    assert "(job template 'Defender register')" in run.output


def test_check_mode_tells_what_would_change(applied: Applied) -> None:
    run = applied.operator.apply_only(
        {"controller_templates": "{{ awx_setup_templates }}"}, "--check", awx_setup_slices=5
    )
    assert run.code == 0, run.output
    assert set(re.findall(r"changed: \[localhost\] => \(item=(.*)\)", run.output)) == SLICED
    assert applied.awx.writes == []


@pytest.mark.parametrize("kind", ["certificate", "client_secret"])
def test_secrets_are_written_again_only_when_that_is_asked_for(applied: Applied, tmp_path: Path, kind: str) -> None:
    """The new one comes from the encrypted file that `rotate` keeps."""
    rotated = tmp_path / "rotated"
    line = "" if kind == "certificate" else "partner_access_client_secret: "
    given = {
        "certificate": ({"awx_setup_certificate": f"{{{{ lookup('ansible.builtin.file', '{rotated}') }}}}"}, []),
        "client_secret": ({"awx_setup_certificate": None}, ["-e", f"@{rotated}"]),
    }
    own, arguments = given[kind]
    objects = {"controller_credentials": "{{ awx_setup_credentials }}"}
    number = applied.awx.named("credentials", "Defender application")["id"]

    def apply(value: str, **variables: Any) -> Run:
        rotated.write_text(vault(default=VAULT_PASSWORD).encrypt(f"{line}{value}", None))
        return applied.operator.apply_only(objects, *arguments, **own, **variables)

    apply("a key of before", awx_setup_update_secrets=True)
    kept = apply("a key that is new")
    assert kept.recap("localhost")["changed"] == 0, kept.output
    assert applied.awx.secrets[number][kind] == "a key of before"
    written = apply("a key that is new", awx_setup_update_secrets=True)
    assert written.recap("localhost")["changed"] == 1, written.output
    assert applied.awx.secrets[number][kind] == "a key that is new"
    assert "a key that is new" not in written.output
