# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret and no token leaves its place: every playbook and module at -vvvv, and everything they show searched.

Secrets reach the runs as the documentation says: in the environment, in a file, or in the inventory. What Ansible
itself hands to a real module is its own to protect, so tasks that run as one have theirs in the environment.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import PRIVATE, Ansible, Run, run_with_runner
from support.canary import Blob, Watch, count_places, find, gather
from support.emulated_tenants import HomeTenant
from support.vaults import VAULT_PASSWORD, CredentialFile, opened

pytestmark = pytest.mark.slow

STATE_KEY = "canary-state-key-0f3c1d7b9a5e"
WRONG_SECRET = "canary-wrong-secret-6b1d~4e'9\"c"
KINDS = {"output", "callback results", "log", "home", "files written", "process arguments", "run directory"}


@pytest.fixture(scope="module")
def searched(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """Counts the places searched, and prints the counts at the end."""
    counts: Counter[str] = Counter()
    yield counts
    places = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    plugins = request.config.pluginmanager
    with plugins.get_plugin("capturemanager").global_and_fixture_disabled():
        plugins.get_plugin("terminalreporter").write_line(f"\n{sum(counts.values())} places searched: {places}")


class Cage:
    """Runs something and gathers what it leaves."""

    def __init__(self, ansible: Ansible, searched: Counter[str]) -> None:
        self.ansible = ansible
        # the arguments of its processes are searched too
        ansible.fork_server = None
        self._searched = searched
        connection = ansible.emulator.connection
        self.secrets = {
            "the client secret": ansible.emulator.client_secret,
            "the registrar's secret": ansible.emulator.registrar_secret,
            "the vault password": VAULT_PASSWORD,
            "the certificate's password": Path(connection["certificate_password_file"]).read_text(),
            "the federated token": Path(connection["federated_token_file"]).read_text(),
            "the private key": Path(connection["certificate_path"]).read_text().splitlines()[1],
            "the state key": STATE_KEY,
            "the wrong secret": WRONG_SECRET,
        }
        self.at_home: list[Path] = []
        self.watch = Watch(ansible.home / "local")
        ansible.environment |= {
            "ANSIBLE_LOCAL_TEMP": str(ansible.home / "local"),
            "ANSIBLE_LOG_PATH": str(ansible.home.parent / "ansible.log"),
            "ANSIBLE_RETRY_FILES_ENABLED": "true",
            "ANSIBLE_RETRY_FILES_SAVE_PATH": str(ansible.home / "retry"),
        }

    def run(self, start: Callable[[], Run]) -> Run:
        self.watch = Watch(self.ansible.home / "local")
        with self.watch:
            return start()

    def blobs(self, run: Run) -> list[Blob]:
        place = self.ansible.place
        log = Path(self.ansible.environment["ANSIBLE_LOG_PATH"])
        return [
            *self.watch.blobs,
            Blob("output", "the terminal", run.output.encode()),
            Blob("callback results", "the recorder", json.dumps(run.entries).encode()),
            Blob("log", str(log), log.read_bytes()),
            *gather("home", self.ansible.home),
            *gather("files written", place, [place / "inventory.json", *self.at_home]),
        ]

    def findings(self, blobs: list[Blob]) -> list[tuple[str, str, str]]:
        self._searched.update(count_places(blobs))
        return find(blobs, self.secrets)


@pytest.fixture
def cage(ansible: Ansible, consent: Callable[..., None], searched: Counter[str]) -> Cage:
    """Customers that succeed, that are refused, and that fail."""
    consent("contoso")
    ansible.customers["lucerne"] = {"partner_access_tenant_id": "99999999-9999-4999-8999-999999999999"}
    kept = ansible.place / "incidents"
    kept.mkdir()
    ansible.variables |= {
        "partner_access_state_key": STATE_KEY,
        "partner_access_cache": str(ansible.place / "cache"),
        "partner_access_incidents_dest": str(kept),
        "partner_access_links_directory": str(ansible.place / "links"),
    }
    return Cage(ansible, searched)


def _credentials(cage: Cage) -> dict[str, dict[str, str | None]]:
    connection, none = cage.ansible.emulator.connection, {"AZURE_CLIENT_SECRET": None}
    return {
        "secret": {},
        "certificate": {
            **none,
            "AZURE_CLIENT_CERTIFICATE_PATH": connection["certificate_pfx_path"],
            "AZURE_CLIENT_CERTIFICATE_PASSWORD": cage.secrets["the certificate's password"],
        },
        "federated": {**none, "AZURE_FEDERATED_TOKEN_FILE": connection["federated_token_file"]},
        "wrong secret": {"AZURE_CLIENT_SECRET": WRONG_SECRET},
    }


@pytest.mark.parametrize(
    ("playbook", "credential"), [("onboard", "secret"), ("incidents", "federated"), ("verify", "wrong secret")]
)
def test_playbook_keeps_its_secrets(cage: Cage, playbook: str, credential: str) -> None:
    """What outlives a task but not the run lies in the run's own directory."""
    environment = _credentials(cage)[credential]
    del cage.ansible.variables["partner_access_cache"]
    run = cage.run(lambda: cage.ansible.playbook(f"mssp.defender.{playbook}", "-vvvv", "--diff", **environment))
    assert run.code == 2, run.output
    blobs = cage.blobs(run)
    assert cage.findings(blobs) == []
    assert set(count_places(blobs)) >= (KINDS - {"files written"} if credential == "wrong secret" else KINDS)
    assert list((cage.ansible.home / "retry").iterdir()), "a retry file must have been searched"

    ours = {place: mode for place, mode in cage.watch.modes.items() if "/mssp.defender/" in place}
    assert ours, "the run's own directory must have been seen"
    assert set(ours.values()) == {0o600}
    assert not list((cage.ansible.home / "local").rglob("mssp.defender")), "it must be gone after the run"


@pytest.mark.parametrize("playbook", ["onboard", "verify", "incidents"])
def test_cache_keeps_its_secrets(cage: Cage, playbook: str) -> None:
    environment = _credentials(cage)["certificate"]
    run = cage.run(lambda: cage.ansible.playbook(f"mssp.defender.{playbook}", "-vvvv", "--diff", **environment))
    assert run.code == 2, run.output
    blobs = cage.blobs(run)
    assert cage.findings(blobs) == []
    cache = Path(cage.ansible.variables["partner_access_cache"])
    kept = [blob for blob in blobs if cache in Path(blob.place).parents]
    counted = {".calls"} if playbook == "incidents" else set()
    assert {Path(blob.place).suffix for blob in kept} == {".token", ".public", *counted}
    assert {Path(blob.place).stat().st_mode & 0o777 for blob in kept} == {0o600}


def test_secret_in_the_inventory_is_kept(cage: Cage) -> None:
    """From a vault, most of the time."""
    cage.ansible.variables["partner_access_client_secret"] = cage.secrets["the client secret"]
    run = cage.run(lambda: cage.ansible.playbook("mssp.defender.incidents", "-vvvv", AZURE_CLIENT_SECRET=None))
    assert run.recap("contoso")["failed"] == 0, run.output
    assert cage.findings(cage.blobs(run)) == []


def test_modules_keep_their_secrets(cage: Cage) -> None:
    """In process, as a real module, in the background; succeeding and refused; with a token exposed."""
    del cage.ansible.variables["partner_access_state_key"]
    play = cage.ansible.play(_ALL_WAYS)
    run = cage.run(lambda: cage.ansible.playbook(play, "-vvvv", "--diff", CONSENT_STATE_KEY=STATE_KEY))
    assert run.code == 0, run.output
    blobs = cage.blobs(run)
    assert cage.findings(blobs) == []
    assert set(count_places(blobs)) >= KINDS
    assert any("async" in Path(blob.place).parts for blob in blobs), "the file of a background job must be searched"
    kept = {Path(blob.place).name for blob in blobs if blob.kind == "files written"}
    assert {"contoso.checkpoint", "contoso.alerts.checkpoint", "contoso.alerts"} <= kept


_ALL_WAYS = """
- name: In process
  mssp.defender.defender_token:
    expose_token: true
  register: exposed
  ignore_errors: true
- name: Delegated
  mssp.defender.defender_token:
    expose_token: true
  no_log: true
  delegate_to: worker
  ignore_errors: true
- name: Background
  mssp.defender.defender_token:
  async: 60
  poll: 0
  vars: &local
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  register: launched
- name: Collect
  ansible.builtin.async_status:
    jid: "{{ launched.ansible_job_id }}"
  vars: *local
  register: collected
  until: collected is finished
  retries: 60
  delay: 1
  ignore_errors: true
- name: Incidents
  mssp.defender.defender_incidents:
    limit: 1
  ignore_errors: true
- name: Incidents delegated
  mssp.defender.defender_incidents:
    limit: 1
  delegate_to: worker
  ignore_errors: true
- name: Incidents since the last run
  mssp.defender.defender_incidents:
    checkpoint: "{{ partner_access_incidents_dest }}/{{ inventory_hostname }}.checkpoint"
    normalize: true
  ignore_errors: true
- name: Alerts delegated
  mssp.defender.defender_alerts:
    checkpoint: "{{ partner_access_incidents_dest }}/{{ inventory_hostname }}.alerts.checkpoint"
    dest: "{{ partner_access_incidents_dest }}/{{ inventory_hostname }}.alerts"
  delegate_to: worker
  ignore_errors: true
- name: Link
  mssp.defender.defender_consent_url:
    state_key: "{{ lookup('ansible.builtin.env', 'CONSENT_STATE_KEY') }}"
- name: Bad options
  mssp.defender.defender_token:
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    certificate_path: "{{ partner_access_ca_path }}"
    concurrency: none
  ignore_errors: true
"""


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_registration_keeps_its_secrets(cage: Cage, kind: str) -> None:
    """What is made by the runs themselves: each secret, and each private key. The encrypted file is searched too."""
    dest = cage.ansible.place / "kept"
    cage.ansible.variables |= {
        "partner_access_unique_name": "northwind-soc",
        "partner_access_credential_kind": kind,
        "partner_access_credential_dest": str(dest),
    }
    # it would be in the way of the application that is registered
    del cage.ansible.variables["partner_access_client_id"]
    for playbook, lifetime, rotate_before in (("register", 30, 10), ("rotate", 60, 40), ("rotate", 120, 80)):
        cage.ansible.variables |= {
            "partner_access_credential_lifetime": f"{lifetime}d",
            "partner_access_credential_rotate_before": f"{rotate_before}d",
        }
        run = cage.run(lambda name=playbook: cage.ansible.playbook(f"mssp.defender.{name}", "-vvvv", "--diff"))
        assert run.code == 0, run.output
        made = CredentialFile(dest).secret if kind == "secret" else _line_of_the_key(dest)
        assert made not in cage.secrets.values(), "each run makes a new one"
        cage.secrets[f"what was made for {lifetime} days"] = made
        blobs = cage.blobs(run)
        assert cage.findings(blobs) == []
        assert set(count_places(blobs)) >= KINDS - {"home", "files written"}


def _line_of_the_key(pem: Path) -> str:
    """Return a line of the private key that no other key has."""
    return opened(pem.read_text(), VAULT_PASSWORD).splitlines()[8]


def test_modules_of_the_registration_keep_their_secrets(cage: Cage, home: HomeTenant) -> None:
    """Exposed, delegated with a plain file, and refused with a wrong secret."""
    play = cage.ansible.play(
        """
        - name: Register
          mssp.defender.defender_application:
            unique_name: northwind-soc
        - name: Expose
          mssp.defender.defender_credential:
            unique_name: northwind-soc
            kind: secret
            name: exposed
            dest: "{{ playbook_dir }}/encrypted"
            expose_secret: true
          no_log: true
        - name: Delegated
          mssp.defender.defender_credential:
            unique_name: northwind-soc
            kind: secret
            name: delegated
            dest: "{{ playbook_dir }}/plain"
            encrypt: false
          delegate_to: worker
        - name: Refused
          mssp.defender.defender_credential:
            unique_name: northwind-soc
            kind: secret
            name: refused
            client_id: "{{ partner_access_registrar_client_id }}"
            client_secret: "{{ lookup('ansible.builtin.env', 'WRONG_SECRET') }}"
            dest: "{{ playbook_dir }}/refused"
          ignore_errors: true
        """
    )
    cage.ansible.customers = {"contoso": cage.ansible.customers["contoso"]}
    # a real module gets what the inventory has as its arguments, in files of Ansible's own
    del cage.ansible.variables["partner_access_registrar_client_secret"]
    secrets = {"AZURE_CLIENT_SECRET": cage.secrets["the registrar's secret"], "WRONG_SECRET": WRONG_SECRET}
    run = cage.run(lambda: cage.ansible.playbook(play, "-vvvv", "--diff", **secrets))
    assert run.code == 0, run.output
    place = cage.ansible.place
    cage.at_home = [place / "plain"]
    cage.secrets |= {
        "the exposed secret": CredentialFile(place / "encrypted").secret,
        "the delegated secret": CredentialFile(place / "plain").secret,
    }
    assert len(home.secrets()) == 2
    assert cage.findings(cage.blobs(run)) == []


def test_demo_keeps_its_secrets(cage: Cage) -> None:
    folder = cage.ansible.place / "demo"
    extra = json.dumps({"demo_directory": str(folder), "demo_encrypt": True})
    run = cage.run(lambda: cage.ansible.playbook("mssp.defender.demo", "-vvvv", "-e", extra))
    assert run.code == 0, run.output
    cage.at_home = [folder / "microsoft", folder / "state_key"]
    cage.secrets |= {
        "the demo's registrar's secret": (folder / "microsoft" / "registrar_secret").read_text(),
        "the demo's private key": _line_of_the_key(folder / "northwind-soc.pem"),
        "the demo's state key": (folder / "state_key").read_text().strip(),
    }
    assert cage.findings(cage.blobs(run)) == []


@pytest.mark.parametrize("playbook", ["onboard", "verify", "incidents"])
def test_job_keeps_its_secrets(cage: Cage, playbook: str) -> None:
    run = cage.run(lambda: run_with_runner(cage.ansible, f"mssp.defender.{playbook}", "-vvvv"))
    assert "not_consented" in run.output
    private = cage.ansible.place / PRIVATE
    # the runner's own copy of the environment that it was given
    copies = list((private / "artifacts").glob("*/command"))
    assert {path.stat().st_mode & 0o777 for path in copies} == {0o600}
    cage.at_home = [private / "inventory", private / "env", private / "artifacts"]
    artifacts = gather("runner artifacts", private / "artifacts", copies)
    assert any("job_events" in blob.place for blob in artifacts)
    assert cage.findings([*cage.blobs(run), *artifacts]) == []


def test_canary_sings(cage: Cage) -> None:
    """A secret planted in each kind of place is found there."""
    play = cage.ansible.play(
        """
        - name: Show it
          ansible.builtin.debug:
            msg: "{{ secret }}"
        - name: Hand it to a process, which writes it down
          ansible.builtin.command:
            argv: [sh, -c, 'sleep 0.3; echo "$1" > "$2"', sh, "{{ secret }}", "{{ kept }}"]
          delegate_to: worker
        - name: Let Ansible write it down
          ansible.builtin.copy:
            content: "{{ secret }}"
            dest: "{{ lookup('ansible.builtin.env', 'HOME') }}/{{ inventory_hostname }}"
            mode: "0600"
          delegate_to: worker
        """,
        vars={"secret": "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"},
    )
    kept = cage.ansible.place / "kept"
    run = cage.run(lambda: cage.ansible.playbook(play, "-vvvv", "-e", f"kept={kept}"))
    assert run.code == 0, run.output
    found = cage.findings(cage.blobs(run))
    assert {kind for kind, _unused, name in found if name == "the client secret"} == KINDS


@pytest.mark.parametrize("prefix", ["", "a", "ab", "abc"])
def test_canary_reads_other_spellings(prefix: str) -> None:
    secrets = {"it": WRONG_SECRET}
    text = f"{prefix}{WRONG_SECRET} and more"
    spellings: list[Any] = [json.dumps(text), urllib.parse.quote(text), base64.b64encode(text.encode()).decode()]
    for spelling in spellings:
        assert find([Blob("test", "here", spelling.encode())], secrets) == [("test", "here", "it")], spelling
