# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of Ansible's commands, in a home and a working directory of their own: plain, in a terminal, or by a runner."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from support.emulator import EmulatorProcess
from support.forked_runs import FORKED, ForkServer
from support.vaults import VAULT_PASSWORD

CALLBACKS = Path(__file__).resolve().parent / "callback_plugins"
"""`recorder` writes each result to the file that RECORDER_FILE names, `json_output` prints all as one document."""
_SECONDS = 120
ROWS, COLUMNS = 24, 140


@dataclass(frozen=True)
class Run:
    """What one process left: exit code, everything it printed, and each task result that callbacks saw."""

    code: int
    output: str
    entries: list[dict[str, Any]] = field(repr=False)

    def entry(self, task: str, host: str | None = None) -> dict[str, Any]:
        """Return the one entry (`status`, `host`, `result`) of a task on a host."""
        found = [e for e in self.entries if e["task"].endswith(task) and host in (None, e["host"])]
        assert len(found) == 1, f"{len(found)} results of {task!r} on {host}:\n{self.output}"
        return found[0]

    def result(self, task: str, host: str | None = None) -> dict[str, Any]:
        """Return the one result of a task on a host."""
        result: dict[str, Any] = self.entry(task, host)["result"]
        return result

    def recap(self, host: str) -> Counter[str]:
        """Return the counts of one host in the recap (`ok`, `changed`, `failed`, ...), 0 for one that had no task."""
        _before, _title, recap = self.output.partition("PLAY RECAP")
        counts: Counter[str] = Counter()
        for name, _colon, rest in (line.partition(":") for line in recap.splitlines()):
            if name.strip() == host:
                counts.update({key: int(count) for key, count in (pair.split("=") for pair in rest.split())})
        return counts

    def table(self, title: str) -> list[str]:
        """Return the lines of the last table whose title begins so, without the title."""
        lines = self.output.splitlines()
        start = max(number for number, line in enumerate(lines) if line.startswith(title)) + 1
        # the result of the task that prints the table follows it
        end = next(number for number in range(start, len(lines)) if lines[number].startswith(("ok: [", "[WARNING]")))
        return [line for line in lines[start:end] if line.strip()]

    def blocks(self, title: str) -> list[dict[str, str]]:
        """Return the blocks of the last list whose title begins so: the head under "", and each value by its label."""
        blocks: list[dict[str, str]] = []
        for line in self.table(title):
            if line.startswith(" "):
                label, _gap, value = line.strip().partition("   ")
                blocks[-1][label] = value.strip()
            else:
                blocks.append({"": line})
        return blocks

    def waiting(self) -> dict[str, dict[str, str]]:
        """Return whom the last report of customers says that somebody must act for, each with its block."""
        found = {}
        for block in self.blocks("Customers: "):
            names = re.sub(r"^(all )?\d+ customers: ", "", block[""])
            found |= dict.fromkeys(names.split(", ") if names != block[""] else [names], block)
        return found

    def states(self, hosts: Iterable[str]) -> dict[str, str]:
        """Return where the last report of customers says that the hosts stand; it counts those that are granted."""
        waiting = self.waiting()
        states = {host: waiting[host]["state"] if host in waiting else "granted" for host in hosts}
        (title,) = [line for line in self.output.splitlines() if line.startswith("Customers: ")][-1:]
        counts = Counter({state: int(count) for count, state in re.findall(r"(\d+) (\w[\w ]*)", title)})
        assert counts == Counter([*states.values(), *(waiting[name]["state"] for name in set(waiting) - set(states))])
        return states


class Ansible:
    """Runs commands against one emulator. `home` and `place` (the working directory) hold all they leave.

    With a `fork_server` Ansible's own commands run in its forks, without one in processes that are started.
    """

    def __init__(self, emulator: EmulatorProcess, root: Path, fork_server: ForkServer | None = None) -> None:
        self.fork_server = fork_server
        self.emulator = emulator
        self.home = root / "home"
        self.place = root / "place"
        self.home.mkdir()
        self.place.mkdir()
        self.vault_password = root / "vault_password"
        self.vault_password.write_text(VAULT_PASSWORD)
        self.variables: dict[str, Any] = {
            "partner_access_home_tenant_id": emulator.home_tenant_id,
            "partner_access_registrar_client_id": emulator.registrar_client_id,
            "partner_access_registrar_client_secret": "{{ lookup('ansible.builtin.env', 'REGISTRAR_SECRET') }}",
            "partner_access_redirect_uri": emulator.connection["redirect_uri"],
            "partner_access_authority_url": emulator.url,
            "partner_access_graph_url": emulator.url,
            "partner_access_xdr_url": emulator.url,
            "partner_access_ca_path": emulator.ca_path,
        }
        self.customers = {
            tenant["name"]: {"partner_access_tenant_id": tenant["tenant_id"]}
            for tenant in emulator.connection["tenants"][:2]
        }
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            # by default these lie in the home that the user database names, whatever HOME says
            "ANSIBLE_REMOTE_TEMP": str(self.home / "remote"),
            "ANSIBLE_ASYNC_DIR": str(self.home / "async"),
            "PWD": str(self.place),
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_NOCOWS": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true",
            "RECORDER_FILE": str(root / "results.jsonl"),
            "REGISTRAR_SECRET": emulator.registrar_secret,
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.vault_password),
        }
        if emulator.connection["client_id"]:
            self.variables["partner_access_client_id"] = emulator.client_id
            self.environment["AZURE_CLIENT_SECRET"] = emulator.client_secret

    def inventory(self) -> Path:
        """Write the inventory: the customers, and `worker`, a second host on which real modules run."""
        path = self.place / "inventory.json"
        worker = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        groups = {
            "customers": {"hosts": self.customers, "vars": self.variables},
            "workers": {"hosts": {"worker": worker}},
        }
        path.write_text(json.dumps({"all": {"children": groups}}))
        return path

    def play(self, tasks: str, **keywords: Any) -> str:
        """Write a playbook of one play on the customers and return its path. `keywords` are the play's."""
        loaded = yaml.safe_load(textwrap.dedent(tasks))
        play = {"name": "Play", "hosts": "customers", "gather_facts": False, **keywords, "tasks": loaded}
        path = self.place / "play.yml"
        path.write_text(json.dumps([play]))
        return str(path)

    def playbook(self, playbook: str, *arguments: str, **environment: str | None) -> Run:
        """Run a playbook, by path or by FQCN. `environment` is added; None takes a variable away."""
        return self.run(["ansible-playbook", "-i", str(self.inventory()), playbook, *arguments], environment)

    def ad_hoc(self, module: str, *arguments: str, **environment: str | None) -> Run:
        """Run one module on the customers with `ansible -m`."""
        return self.run(["ansible", "-i", str(self.inventory()), "customers", "-m", module, *arguments], environment)

    def run(self, command: list[str], environment: dict[str, str | None], seconds: int = _SECONDS) -> Run:
        """Run any command in this home and place, for so many seconds at most."""
        record = Path(self.environment["RECORDER_FILE"])
        record.unlink(missing_ok=True)
        if self.fork_server and command[0] in FORKED and not any(name.startswith("PYTHON") for name in environment):
            code, output = self.fork_server.run(command, self._merged(environment), self.place, seconds)
        else:
            code, output = self._complete(command, environment, seconds)
        lines = record.read_text().splitlines() if record.exists() else []
        return Run(code, output, [json.loads(line) for line in lines])

    def start(self, command: list[str], **environment: str | None) -> subprocess.Popen[str]:
        """Start any command in this home and place, as the leader of a process group of its own."""
        return subprocess.Popen(
            command,
            env=self._merged(environment),
            cwd=self.place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _complete(self, command: list[str], environment: dict[str, str | None], seconds: int) -> tuple[int, str]:
        process = self.start(command, **environment)
        try:
            output, _unused = process.communicate(timeout=seconds)
        finally:
            process.kill()
        return process.returncode, output

    def _merged(self, environment: dict[str, str | None]) -> dict[str, str]:
        merged = {**self.environment, **environment}
        return {name: value for name, value in merged.items() if value is not None}


def in_terminal(
    ansible: Ansible,
    command: list[str],
    when: Callable[[bytes], bool] = lambda _seen: False,
    number: signal.Signals = signal.SIGINT,
    rows: int = ROWS,
    columns: int = COLUMNS,
    **environment: str,
) -> tuple[int, str]:
    """Run a command in a terminal and return its exit code and all that it wrote, control sequences and all.

    As soon as `when` is true of what was written, the command gets the signal of that number, as by Ctrl-C or kill.
    """
    terminal, inside = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        command,
        env={**ansible.environment, "TERM": "xterm", **environment},
        cwd=ansible.place,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    seen, is_told = b"", False
    try:
        # reading fails when the last process has closed the terminal
        with contextlib.suppress(OSError):
            while chunk := os.read(terminal, 1 << 16):
                seen += chunk
                if when(seen) and not is_told:
                    is_told = True
                    os.killpg(process.pid, number)
        return process.wait(timeout=10), seen.decode().replace("\r\n", "\n")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(terminal)


PRIVATE = "runner"


def run_with_runner(ansible: Ansible, playbook: str, *arguments: str, **environment: str) -> Run:
    """Run a playbook of the collection from a project that only imports it; `artifacts` lie below `place`/runner."""
    private = ansible.place / PRIVATE
    for folder in ("project", "inventory", "env"):
        (private / folder).mkdir(parents=True, exist_ok=True)
    (private / "project" / "job.yml").write_text(json.dumps([{"name": "Job", "import_playbook": playbook}]))
    (private / "inventory" / "hosts.json").write_text(ansible.inventory().read_text())
    secrets = {"AZURE_CLIENT_SECRET": ansible.environment["AZURE_CLIENT_SECRET"], **environment}
    envvars = private / "env" / "envvars"
    envvars.touch(mode=0o600)
    envvars.write_text(json.dumps(secrets))
    command = [sys.executable, "-m", "ansible_runner", "run", str(private), "--playbook", "job.yml"]
    if arguments:
        command.append(f"--cmdline={' '.join(arguments)}")
    return ansible.run(command, {"AZURE_CLIENT_SECRET": None})
