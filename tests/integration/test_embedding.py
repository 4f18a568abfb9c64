# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules inside somebody else's automation: the files and commands of docs/embedding.md, as they stand there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.ansible_runs import PRIVATE, Ansible, Run, run_with_runner
from support.canary import Blob, find, gather
from support.emulated_tenants import WRITERS, IncidentDesk

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = {block.partition("\n")[0].removeprefix("# "): block for block in BLOCKS}
PLAYBOOKS = [name for name in FILES if name.endswith(".yml") and "/" not in name]
COMMANDS = re.findall(r"^    (ansible.*)$", PAGE, re.MULTILINE)
AD_HOC = [command for command in COMMANDS if command.startswith("ansible ")]
MODULE = re.compile(r"mssp\.defender\.(defender_\w+)")
READERS = ["SecurityAlert.Read.All", "ThreatHunting.Read.All", "SecurityIncident.Read.All"]
VAULTED = re.compile(r"^\w+: !vault \|\n(?:  .*\n)+", re.MULTILINE)


class Project:
    """A folder with the inventory and the files of the page, in which the emulator takes Microsoft's place."""

    def __init__(self, ansible: Ansible) -> None:
        self.ansible = ansible
        self.place = ansible.place
        variables = {**ansible.variables, "partner_access_client_secret": "{{ lookup('env', 'AZURE_CLIENT_SECRET') }}"}
        jump = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        groups = {"customers": {"hosts": ansible.customers}, "jumps": {"hosts": {"jump": jump}}}
        self.write("customers.yml", json.dumps({"all": {"children": groups, "vars": variables}}))

    def write(self, name: str, text: str) -> Path:
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def write_file_of_the_page(self, name: str) -> Path:
        """Ours in the place of the page's applications, files and Microsoft."""
        emulator, text = self.ansible.emulator, FILES[name]
        for theirs, ours in (
            ("11111111-1111-1111-1111-111111111111", emulator.client_id),
            ("22222222-2222-2222-2222-222222222222", emulator.registrar_client_id),
            ("provider.example", emulator.connection["home_domain"]),
            ("/etc/mssp/defender.pem", emulator.connection["certificate_path"]),
            ("/etc/mssp", str(self.place)),
            ("/var/lib/mssp", str(self.place)),
            ("https://api.security.microsoft.com", emulator.url),
        ):
            text = text.replace(theirs, ours)
        return self.write(name, text)

    def run(self, command: str, **environment: str | None) -> Run:
        """Run a command of the page, or one like it."""
        # the module uri knows no other certificate authority than the system's
        return self.ansible.run(shlex.split(command), {"SSL_CERT_FILE": self.ansible.emulator.ca_path, **environment})

    def playbook(self, *names: str, **environment: str | None) -> Run:
        for name in names:
            self.write_file_of_the_page(name)
        return self.run(f"ansible-playbook -i customers.yml {' '.join(names)}", **environment)


@pytest.fixture
def desk(ansible: Ansible) -> IncidentDesk:
    """Both customers have consented, and have the incident and the alert that the page names."""
    desk = IncidentDesk(ansible.emulator)
    for name in ansible.customers:
        desk.open(name, [*WRITERS, *READERS])
        desk.put(
            name, {"incidentId": 924565, "severity": "High", "status": "Active", "assignedTo": None, "alert_count": 1}
        )
        (alert,) = desk.see(name, "924565")["alerts"]
        desk.change(name, "924565", alerts=[{**alert, "alertId": "da637551227677560813_-961444813", "status": "New"}])
    return desk


@pytest.fixture
def project(ansible: Ansible) -> Project:
    return Project(ansible)


def _results(run: Run) -> dict[str, dict[str, dict[str, Any]]]:
    """Task name -> host on which it ran -> result."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in run.entries:
        if entry["status"] != "skipped":
            found.setdefault(entry["task"].rpartition(" : ")[2], {})[entry["host"]] = entry["result"]
    return found


def test_the_page_shows_every_module() -> None:
    used = set(re.findall(r"^ +mssp\.defender\.(\w+):$", "\n".join(["  " + block for block in BLOCKS]), re.MULTILINE))
    assert used >= {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert len(FILES) == len(BLOCKS), "each block names a file of its own"


def test_every_playbook_of_the_page_runs(project: Project, desk: IncidentDesk) -> None:
    """One after the other, with the role and the configuration that the page has for them."""
    for name in ("ansible.cfg", "roles/take_on/tasks/main.yml"):
        project.write_file_of_the_page(name)
    run = project.playbook(*PLAYBOOKS)
    assert run.code == 0, run.output
    ran = _results(run)
    for name in PLAYBOOKS:
        for play in yaml.safe_load(FILES[name]):
            tasks = [task["name"] for task in play.get("tasks", []) if "import_role" not in str(task)]
            assert set(tasks) <= {*ran, "Make the links that are needed", "Tell who must consent again"}, name
    assert {result["count"] for result in ran["Read the active incidents"].values()} == {1}
    assert ran["Keep the registration"]["localhost"]["changed"]
    assert (project.place / "partner.pem").read_text().startswith("$ANSIBLE_VAULT")
    assert "Read all customers at once: 2 of 2 customers, 2 granted" in run.output, "the progress of ansible.cfg"
    assert desk.see("contoso", "924565")["status"] == "InProgress"
    assert desk.see("contoso", "924565")["alerts"][0]["status"] == "InProgress"
    assert {result["state"] for result in ran["Verify from the jump host"].values()} == {"granted"}
    assert {result["count"] for result in ran["Read a large tenant in the background"].values()} == {1}
    assert (project.place / "fabrikam.jsonl").exists()


def test_a_plan_changes_nothing(project: Project, desk: IncidentDesk) -> None:
    """`check_mode: true` on the task, in a run that is none."""
    run = project.playbook("careful.yml")
    assert run.code == 0, run.output
    ran = _results(run)
    for name in ("contoso", "fabrikam"):
        plan, done = ran["Plan"][name], ran["Carry it out"][name]
        assert (plan["changed"], done["changed"], plan["changes"]) == (True, True, done["changes"])
    assert desk.see("contoso", "924565")["assignedTo"] == "tier2@soc.example"
    again = project.run("ansible-playbook -i customers.yml careful.yml --check")
    assert (again.code, again.recap("contoso")["changed"]) == (0, 0), again.output


@pytest.mark.parametrize(
    ("arguments", "task"),
    [("--tags links", "Make the links that are needed"), ("--skip-tags links", "Read the new alerts")],
)
def test_tags(project: Project, consent: Callable[..., None], arguments: str, task: str) -> None:
    """What is tagged `always` runs whatever is asked for."""
    consent("contoso", roles=["Incident.Read.All", *READERS])
    project.write_file_of_the_page("round.yml")
    command = f"ansible-playbook -i customers.yml round.yml {arguments}"
    assert command in COMMANDS
    run = project.run(command)
    assert run.code == 0, run.output
    assert list(_results(run)) == ["Prove the consents", task, "Show where the customers stand"]
    assert [line.split()[1] for line in run.table("The round")[1:]] == ["granted", "not_consented"]


@pytest.mark.parametrize("command", AD_HOC, ids=lambda command: MODULE.findall(command)[0])
def test_ad_hoc(project: Project, consent: Callable[..., None], command: str) -> None:
    """The inventory says all that the command leaves out; where there is none, the environment does."""
    consent("contoso", roles=["Incident.Read.All", *READERS])
    emulator = project.ansible.emulator
    run = project.run(command, AZURE_CLIENT_ID=emulator.client_id)
    if " localhost " in command:
        assert "https://login.microsoftonline.com/contoso.example/v2.0/adminconsent" in run.output, run.output
        assert run.code == 0
        return
    (module,) = MODULE.findall(command)
    assert run.code == 2, run.output
    assert run.result(module, "contoso")["state"] == "granted"
    assert run.result(module, "fabrikam")["state"] == "not_consented"
    assert "contoso | SUCCESS" in run.output


def test_a_vaulted_certificate(project: Project, consent: Callable[..., None]) -> None:
    """Encrypted with the command of the page, and named as it was before."""
    consent("contoso", "fabrikam")
    path = project.place / "partner.pem"
    path.write_bytes(Path(project.ansible.emulator.connection["certificate_path"]).read_bytes())
    command = next(command for command in COMMANDS if command.startswith("ansible-vault"))
    _output(project, command.replace("/etc/mssp", str(project.place)), "")
    assert path.read_text().startswith("$ANSIBLE_VAULT;1.1")
    client_id = project.ansible.emulator.client_id
    environment = {"AZURE_CLIENT_SECRET": None, "AZURE_CLIENT_CERTIFICATE_PATH": str(path)}
    run = project.run(AD_HOC[0], AZURE_CLIENT_ID=client_id, **environment)
    assert run.code == 0, run.output
    assert {entry["result"]["state"] for entry in run.entries} == {"granted"}


@pytest.mark.parametrize("whole", [False, True], ids=["one value", "the whole file"])
def test_a_vaulted_secret(project: Project, consent: Callable[..., None], whole: bool) -> None:
    """In process, as a real module and for a fleet, with the commands of the page; it is not shown."""
    consent("contoso", "fabrikam")
    path = project.write_file_of_the_page("group_vars/customers.yml")
    secret = project.ansible.emulator.client_secret
    _pem, encrypt_value, encrypt_file = (command for command in COMMANDS if command.startswith("ansible-vault"))
    value = (
        f"partner_access_client_secret: {json.dumps(secret)}\n" if whole else _output(project, encrypt_value, secret)
    )
    path.write_text(VAULTED.sub(lambda _match: value, path.read_text()))
    if whole:
        _output(project, encrypt_file, "")
    assert "$ANSIBLE_VAULT;1.1" in path.read_text()
    assert secret not in path.read_text()
    run = project.playbook("jump.yml", "round.yml", "high.yml", AZURE_CLIENT_SECRET=None)
    assert run.code == 0, run.output
    ran = _results(run)
    proofs = [*ran["Verify from the jump host"].values(), *ran["Prove the consents"].values()]
    assert [result["state"] for result in proofs] == ["granted"] * 4
    of_the_fleet = ran["Read all customers at once"]["contoso"]
    assert of_the_fleet["summary"] == {"granted": 2}
    assert secret not in run.output + json.dumps(run.entries)


def _output(project: Project, command: str, text: str) -> str:
    """What a command prints that reads a text from its standard input."""
    environment = project.ansible.environment
    done = subprocess.run(
        shlex.split(command), input=text, env=environment, cwd=project.place, capture_output=True, text=True, check=True
    )
    return done.stdout + "\n"


def test_a_token_for_another_module_is_nowhere_in_a_job(project: Project, consent: Callable[..., None]) -> None:
    """ansible-runner, at -vvv: what the terminal shows, each event, and the results that callbacks see."""
    consent("contoso", "fabrikam")
    path = project.write_file_of_the_page("token.yml")
    run = run_with_runner(project.ansible, str(path), "-vvv", SSL_CERT_FILE=project.ansible.emulator.ca_path)
    assert run.code == 0, run.output
    artifacts = gather("artifacts", project.place / PRIVATE / "artifacts")
    events = [json.loads(blob.content) for blob in artifacts if "job_events" in blob.place]
    shown = [event["event_data"]["res"] for event in events if event["event"] == "runner_on_ok"]
    assert len(shown) == 4
    assert all("censored" in result for result in shown)
    results = Blob("results", "of callbacks", json.dumps(run.entries).encode())
    assert find([*artifacts, Blob("output", "terminal", run.output.encode()), results], {}) == []


def test_module_defaults_reach_the_role_of_a_foreign_collection(project: Project, desk: IncidentDesk) -> None:
    """In an inventory that names things its own way, where they alone connect the modules."""
    ansible = project.ansible
    names = ("client_id", "authority_url", "graph_url", "xdr_url", "ca_path")
    connection = {name: ansible.variables[f"partner_access_{name}"] for name in names}
    hosts = {"contoso": {"tenant": ansible.emulator.tenant_id("contoso")}}
    project.write("customers.yml", json.dumps({"all": {"children": {"customers": {"hosts": hosts}}}}))
    role = "roles/take_on/tasks/main.yml"
    project.write(f"collections/ansible_collections/acme/soc/{role}", FILES[role])
    play = yaml.safe_load(FILES["take-on.yml"])[0]
    play["roles"][0]["role"] = "acme.soc.take_on"
    play["module_defaults"] = {"group/mssp.defender.defender": {**connection, "tenant_id": "{{ tenant }}"}}
    options = {"consent_url": {"form": "admin_consent_v1"}, "token": {}, "incidents": {}, "alerts": {}}
    play["tasks"] = [{"name": name, f"mssp.defender.defender_{name}": given} for name, given in options.items()]
    project.write("play.yml", json.dumps([play]))
    paths = f"{project.place}/collections:{ansible.environment['ANSIBLE_COLLECTIONS_PATH']}"
    run = project.run("ansible-playbook -i customers.yml play.yml", ANSIBLE_COLLECTIONS_PATH=paths)
    assert run.code == 0, run.output
    ran = _results(run)
    assert ran["consent_url"]["contoso"]["url"].startswith(ansible.emulator.url)
    assert [ran[name]["contoso"]["count"] for name in ("incidents", "alerts")] == [1, 1]
    assert desk.see("contoso", "924565")["assignedTo"] == "tier1@soc.example"
