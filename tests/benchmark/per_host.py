# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times the same work for 100 customers, a host each: this collection's in-process task against `ansible.builtin.uri`.

Both run in turn on one machine against one emulator; the figures to quote are the medians and their ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from emulator_process import EmulatorProcess  # noqa: E402 - it lies beside this folder

HERE = Path(__file__).resolve().parent
PLAYBOOKS = ("in_process.yml", "uri.yml")


def write_inventory(emulator: EmulatorProcess, path: Path) -> None:
    hosts = {tenant["name"]: {"tenant_id": tenant["tenant_id"]} for tenant in emulator.connection["tenants"]}
    interpreter = {"ansible_python_interpreter": sys.executable}
    shared = interpreter | {"client_id": emulator.client_id, "url": emulator.url, "ca_path": emulator.ca_path}
    path.write_text(json.dumps({"customers": {"hosts": hosts, "vars": shared}}))


def timed(playbook: str, inventory: Path, environment: dict[str, str]) -> float:
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), str(HERE / playbook)]
    started = time.monotonic()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {playbook: [] for playbook in PLAYBOOKS}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with EmulatorProcess(place / "microsoft", "--tenants", str(arguments.hosts)) as emulator:
            emulator.control("POST", "consent-all")
            # the benchmark asks more often than a real tenant's quota allows
            emulator.control("PATCH", "application", {"quota_per_minute": None, "quota_per_hour": None})
            write_inventory(emulator, place / "customers.json")
            environment = {**os.environ, "AZURE_CLIENT_SECRET": emulator.client_secret, "ANSIBLE_FORKS": "10"}
            for _unused in range(arguments.runs):
                for playbook in PLAYBOOKS:
                    seconds[playbook].append(timed(playbook, place / "customers.json", environment))
    medians = [statistics.median(seconds[playbook]) for playbook in PLAYBOOKS]
    for playbook, median in zip(PLAYBOOKS, medians, strict=True):
        each = ", ".join(f"{second:.1f}" for second in seconds[playbook])
        print(f"{playbook:14} {median:6.1f} s   ({arguments.hosts} hosts, token and one page each; runs: {each})")
    print(f"ratio          {medians[1] / medians[0]:6.1f}")


if __name__ == "__main__":
    main()
