# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the server in the background, and stop it again."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from defender_emulator.processes import is_alive
from defender_emulator.workspace import Connection, Workspace

_START_SECONDS = 60
_STOP_SECONDS = 10


class LifecycleError(Exception):
    """The emulator did not start or stop; the message says why."""


def start(directory: Path, serve_arguments: list[str]) -> Connection:
    """Start the server unless one serves the directory, and return what the connection file says.

    ``created`` is false when one was running already.

    Raises:
        LifecycleError: the server ended, or did not answer in a minute.
    """
    workspace = Workspace.open(directory)
    if _serving_pid(workspace) is not None:
        return _wait_until_it_answers(workspace, None)
    with os.fdopen(os.open(workspace.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "defender_emulator", "serve", *serve_arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": _import_path()},
        )
    connection = None
    try:
        connection = _wait_until_it_answers(workspace, process)
    finally:
        if connection is None or connection["pid"] != process.pid:
            # Somebody else was quicker, or it is stuck: it must not come to serve later, when nobody expects it.
            _end(process)
    return connection


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it tidy its directory, and wait no longer than for that."""
    process.terminate()
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop(directory: Path) -> bool:
    """Stop the server of the directory and wait until it is gone. False when none ran.

    Raises:
        LifecycleError: it is still there after ten seconds.
    """
    if not directory.is_dir():
        return False
    workspace = Workspace.open(directory)
    pid = _serving_pid(workspace)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    # the lock is given back a moment before the process is gone
    while _serving_pid(workspace) is not None or is_alive(pid):
        if time.monotonic() > deadline:
            raise LifecycleError(f"the emulator (process {pid}) does not stop: see {workspace.log}")
        time.sleep(0.02)
    return True


def _serving_pid(workspace: Workspace) -> int | None:
    """The process that holds the directory's lock."""
    try:
        with workspace.lock.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read() or 0) or None
    except FileNotFoundError:
        pass
    return None


def _wait_until_it_answers(workspace: Workspace, process: subprocess.Popen[bytes] | None) -> Connection:
    """The connection once it works: of ``process``, or of another process that serves the directory."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        connection = workspace.read_connection()
        if connection is not None and connection["pid"] == _serving_pid(workspace) and _answers(connection):
            is_ours = process is not None and connection["pid"] == process.pid
            return {**connection, "created": is_ours and connection["created"]}
        if process is not None and process.poll() is not None and _serving_pid(workspace) is None:
            raise LifecycleError(f"the emulator ended at once: {_last_line(workspace.log)}")
        time.sleep(0.05)
    raise LifecycleError(f"the emulator did not answer within {_START_SECONDS} seconds: see {workspace.log}")


def _answers(connection: Connection) -> bool:
    # No proxy of the environment's: the emulator is on this machine.
    context = ssl.create_default_context(cafile=connection["ca_path"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(f"{connection['url']}/_emulator/health", timeout=5) as response:
            return bool(json.load(response)["status"] == "ok")
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _import_path() -> str:
    """The caller's, which may reach this package only by a relative path, with the package's own place first."""
    return os.pathsep.join(filter(None, [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")]))


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
