# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Ansible's commands in forks of one process that has imported what they need, because imports take most of a run.

Such a run executes the true console script, with its own arguments, environment, working directory, streams, session
and exit code. Not imported beforehand is what reads the environment or a configuration: `ansible.constants`, whatever
imports that, and the collection. What differs from a process that was started: /proc shows the arguments and the
environment of the server, and Python's own settings (PYTHON*, LANG) are the server's.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

# the command line imports the constants, and ends the process where it cannot
_READ_THE_ENVIRONMENT = ("ansible.constants", "ansible.cli")
_NEEDED = (
    "ansible.cli.playbook",
    "ansible.cli.adhoc",
    "ansible.cli.inventory",
    "ansible.executor.process.worker",
    "ansible.plugins.strategy.linear",
    "ansible.plugins.callback.default",
    "ansible_collections.mssp.defender.plugins.module_utils._core.dependencies",
)
FORKED = ("ansible", "ansible-inventory", "ansible-playbook")
_LARGEST_REQUEST = 1 << 17


class ForkServer:
    """Starts the server, which ends with its owner."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, __file__, str(theirs.fileno())]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            # pipes, because Python's streams are set up for what they write to
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()

    def run(self, command: list[str], environment: dict[str, str], folder: Path, seconds: float) -> tuple[int, str]:
        """Return exit code and output. Raises subprocess.TimeoutExpired, and ends the run, after so many seconds."""
        script = shutil.which(command[0], path=environment["PATH"])
        request = {"arguments": [script, *command[1:]], "environment": environment, "folder": str(folder)}
        output, output_of_run = os.pipe()
        told, telling = os.pipe()
        with open(output, "rb", buffering=0) as written, open(told, encoding="ascii") as report:  # noqa: PTH123
            socket.send_fds(self._channel, [json.dumps(request).encode()], [output_of_run, telling])
            os.close(output_of_run)
            os.close(telling)
            pid = self._pid(report.readline())
            try:
                content = _read_all(written.fileno(), time.monotonic() + seconds)
            except TimeoutError:
                os.killpg(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(command, seconds) from None
            return int(report.readline()), content.decode().replace("\r\n", "\n")

    def stop(self) -> None:
        self._channel.close()
        self._process.communicate(timeout=10)

    def _pid(self, line: str) -> int:
        assert line, f"the server has ended: {self._process.communicate(timeout=10)[0].decode()}"
        return int(line)


def _read_all(stream: int, deadline: float) -> bytes:
    """Return what comes until the end of the stream. Raises TimeoutError."""
    content = b""
    while select.select([stream], [], [], max(0, deadline - time.monotonic()))[0]:
        piece = os.read(stream, 1 << 16)
        if not piece:
            return content
        content += piece
    raise TimeoutError


def _serve(channel: socket.socket) -> None:
    """Fork for each request until the owner is gone. Returns in the forks too: in each, when its run may begin."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(channel, _LARGEST_REQUEST, 2)
        if not message:
            sys.exit()
        if os.fork() == 0:
            channel.close()
            _attend(json.loads(message), *descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _attend(request: dict[str, Any], output: int, telling: int) -> None:
    """Return in a process that is set up for the run; wait for that in this one, tell what became of it, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid:
        os.close(output)
        # nobody listens any more to a run that took too long
        with contextlib.suppress(BrokenPipeError):
            os.write(telling, f"{pid}\n".encode())
            _pid, status = os.waitpid(pid, 0)
            os.write(telling, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    os.close(telling)
    os.setsid()
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["arguments"]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))


def _preload() -> None:
    """Import what a run imports, but what reads the environment."""
    names = _imported_by_a_run()
    with _missing(_READ_THE_ENVIRONMENT):
        for name in names:
            if not name.startswith(("ansible_collections", "__main__")):
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)


def _imported_by_a_run() -> list[str]:
    """Return the names of all modules that a process imports for a run; that process ends with it."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile("w+") as names:
        pid = os.fork()
        if pid == 0:
            os.environ["ANSIBLE_HOME"] = os.environ["ANSIBLE_LOCAL_TEMP"] = home
            sys.path.insert(0, os.environ["ANSIBLE_COLLECTIONS_PATH"])
            for name in _NEEDED:
                importlib.import_module(name)
            names.write("\n".join(sys.modules))
            names.flush()
            os._exit(0)
        _pid, status = os.waitpid(pid, 0)
        assert status == 0
        names.seek(0)
        return names.read().split()


@contextlib.contextmanager
def _missing(modules: tuple[str, ...]) -> Iterator[None]:
    """Let the modules not be found meanwhile."""

    class Hider:
        def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
            if name in modules:
                raise ModuleNotFoundError(name)
            return None

    hider = Hider()
    sys.meta_path.insert(0, hider)  # type: ignore[arg-type]
    try:
        yield
    finally:
        sys.meta_path.remove(hider)  # type: ignore[arg-type]


if __name__ == "__main__":
    # this file's folder, which no run has on its path
    del sys.path[0]
    _preload()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_path(sys.argv[0], run_name="__main__")
