# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registers the same application with this collection and with azure.azcollection, and compares them.

First azure.azcollection reads what defender_application wrote, and the values must agree. Then each of the two
registers an application with its service principal, once and again, as whole `ansible-playbook` processes against one
emulator. The figures to quote are the medians and their ratio, which tasks were `changed` again, and the lines of code.

azure.azcollection runs unedited: its modules take the emulator's authority as an option, but know Graph only as
https://graph.microsoft.com, so a proxy of our own leads that name to the emulator (registration_forwarder.py).
Its modules refuse to run without the Azure SDK's management packages: 1.5 GB, which are installed once under .cache/
and take some minutes. That is why this is no part of `make test`. Run it after that one, with .venv/bin/python.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import registration_forwarder  # noqa: E402 - it needs the path above
import registration_lines  # noqa: E402
import registration_peer  # noqa: E402
import registration_peer_plays  # noqa: E402
from registration_peer import Peer  # noqa: E402
from support.emulator import EmulatorProcess  # noqa: E402

_DISPLAY_NAME = "Provider SOC"
OURS, THEIRS, THEIRS_TOLD = "defender_application", "azcollection", "azcollection, app_id kept"
_OF_THE_CALLER = re.compile("(ANSIBLE|AZURE)_.*|(HTTPS?|ALL|NO)_PROXY|CURL_CA_BUNDLE|SSL_CERT_DIR", re.IGNORECASE)


@dataclass(frozen=True)
class Run:
    """One process: its time, the result of each task, and the applications that are registered afterwards."""

    seconds: float
    results: list[dict[str, Any]]
    applications: list[dict[str, Any]]

    def __str__(self) -> str:
        changed = sum(result["changed"] for result in self.results)
        return f"changed: {changed} of {len(self.results)}   applications: {len(self.applications)}"


@dataclass
class Runs:
    """The same process again and again."""

    runs: list[Run] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    def __str__(self) -> str:
        each = ", ".join(f"{run.seconds:.1f}" for run in self.runs)
        outcomes = sorted({str(run) for run in self.runs})
        return f"{self.median:6.1f} s   {' or '.join(outcomes)}   (runs: {each})"


class Ansible:
    """Runs the playbooks against the emulator."""

    def __init__(self, emulator: EmulatorProcess, peer: Peer, place: Path) -> None:
        connection = emulator.connection
        secret = Path(connection["registrar_secret_file"]).read_text()
        self._record = place / "results.jsonl"
        self._emulator = emulator
        self.register_ours = HERE / "registration_defender.yml"
        self.register_theirs = place / "register.yml"
        self.register_theirs.write_text(registration_peer_plays.REGISTER)
        self.read_back_theirs = place / "read_back.yml"
        self.read_back_theirs.write_text(registration_peer_plays.READ_BACK)
        self._variables: dict[str, Any] = {
            "url": emulator.url,
            "ca_path": emulator.ca_path,
            "tenant_id": connection["home_tenant_id"],
            "registrar_client_id": connection["registrar_client_id"],
            "ansible_python_interpreter": str(peer.python),
            "azure": {
                "tenant": connection["home_tenant_id"],
                "client_id": connection["registrar_client_id"],
                "secret": "{{ lookup('ansible.builtin.env', 'REGISTRAR_SECRET') }}",
                "adfs_authority_url": emulator.url,
                "disable_instance_discovery": True,
            },
        }
        self._environment = {
            name: value for name, value in os.environ.items() if not _OF_THE_CALLER.fullmatch(name)
        } | {
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / '.cache/collections'}:{peer.place}",
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests/support/callback_plugins"),
            "RECORDER_FILE": str(self._record),
            "REGISTRAR_SECRET": secret,
            "HTTPS_PROXY": registration_forwarder.start(emulator),
            "NO_PROXY": "localhost",
            "REQUESTS_CA_BUNDLE": emulator.ca_path,
            "SSL_CERT_FILE": emulator.ca_path,
        }

    def play(self, playbook: Path, **variables: str) -> Run:
        """Run a playbook; leave with what it said when it fails."""
        self._record.unlink(missing_ok=True)
        command = [
            str(Path(sys.executable).parent / "ansible-playbook"),
            "--inventory=localhost,",
            "--connection=local",
            f"--extra-vars={json.dumps(self._variables | variables)}",
            str(playbook),
        ]
        started = time.monotonic()
        finished = subprocess.run(command, env=self._environment, stdout=subprocess.PIPE, text=True, check=False)
        seconds = time.monotonic() - started
        if finished.returncode:
            sys.exit(f"{playbook.name} failed:\n{finished.stdout}")
        results = [json.loads(line)["result"] for line in self._record.read_text().splitlines()]
        registered = self._emulator.control("GET", "applications")
        return Run(seconds, results, [one for one in registered if one["displayName"] == _DISPLAY_NAME])

    def empty_the_tenant(self) -> None:
        """Forget everything but the registrar."""
        self._emulator.control("POST", "reset")


def read_back(ansible: Ansible) -> None:
    """Have azure.azcollection read what defender_application wrote; leave with a message where they disagree."""
    ansible.empty_the_tenant()
    written = ansible.play(ansible.register_ours).results[0]["application"]
    applications, principals = ansible.play(ansible.read_back_theirs, app_id=written["app_id"]).results
    (application,), (principal,) = applications["applications"], principals["service_principals"]
    read = {
        "app_id": application["app_id"],
        "object_id": application["object_id"],
        "display_name": application["app_display_name"],
        "sign_in_audience": application["sign_in_audience"],
        "redirect_uris": application["web_reply_urls"],
        "service_principal_id": principal["object_id"],
    }
    differing = {name: (written[name], value) for name, value in read.items() if written[name] != value}
    if differing:
        sys.exit(f"azure.azcollection reads something else than was written: {differing}")
    print(f"azcollection reads what defender_application wrote; equal: {', '.join(read)}\n")


def race(ansible: Ansible, count: int) -> None:
    """Register with each of the two, once and again; leave with a message where they register different things."""
    first = {name: Runs() for name in (OURS, THEIRS)}
    again = {name: Runs() for name in (OURS, THEIRS_TOLD, THEIRS)}
    for _unused in range(count):
        ansible.empty_the_tenant()
        ours = ansible.play(ansible.register_ours)
        first[OURS].runs.append(ours)
        again[OURS].runs.append(ansible.play(ansible.register_ours))
        ansible.empty_the_tenant()
        theirs = ansible.play(ansible.register_theirs)
        first[THEIRS].runs.append(theirs)
        kept = theirs.results[0]["app_id"]
        again[THEIRS_TOLD].runs.append(ansible.play(ansible.register_theirs, app_id=kept))
        again[THEIRS].runs.append(ansible.play(ansible.register_theirs))
        for name in ("signInAudience", "requiredResourceAccess", "web"):
            if ours.applications[0][name] != theirs.applications[0][name]:
                sys.exit(f"the two registered different things as {name}")
    for title, runs in (("first time", first), ("again", again)):
        print(title)
        for name, measured in runs.items():
            ratio = measured.median / runs[OURS].median
            print(f"  {name:26} {ratio:5.1f} x {measured}")


def count_lines(peer: Peer) -> None:
    print("\nlines of code                   own   shared")
    for name, (own, shared) in (
        (OURS, registration_lines.of_defender()),
        (THEIRS, registration_lines.of_peer(peer.collection)),
    ):
        print(f"  {name:26} {own:6} {shared:8}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    peer = registration_peer.prepare(ROOT / ".cache" / "azcollection")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with EmulatorProcess(place / "microsoft", "--no-application") as emulator:
            ansible = Ansible(emulator, peer, place)
            read_back(ansible)
            race(ansible, arguments.runs)
    count_lines(peer)
    print(f"\nazcollection's requirements: {peer.megabytes} MB")


if __name__ == "__main__":
    main()
