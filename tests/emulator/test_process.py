# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process: what it writes, what it keeps, and that it always ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.emulator import FILES, EmulatorProcess, emulator_command, emulator_environment

from .conftest import Caller, claims_of


def _run(command: str, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        emulator_command(command, directory, *arguments),
        env=emulator_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_until_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _is_alive(pid)


def test_the_directory_is_private_and_the_connection_has_no_secret(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "emulator"
    with EmulatorProcess(directory, "--state", str(directory / "state.sqlite")) as emulator:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        for file in directory.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        written = json.dumps(emulator.connection)
        for name in ("client_secret", "registrar_secret", "certificate_password", "federated_token"):
            secret = (directory / name).read_text()
            assert secret == secret.strip()
            assert secret not in written
        assert emulator.connection["created"] is True
        assert set(emulator.connection) == {
            "url",
            "ca_path",
            "client_id",
            "app_name",
            "publisher",
            "redirect_uri",
            "client_secret_file",
            "certificate_path",
            "certificate_pfx_path",
            "certificate_password_file",
            "registrar_client_id",
            "registrar_secret_file",
            "foreign_client_id",
            "federated_token_file",
            "federated_issuer",
            "federated_subject",
            "federated_audience",
            "home_tenant_id",
            "home_domain",
            "tenants",
            "pid",
            "created",
        }
    assert not (directory / "connection.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_with_connections_open(tmp_path: Path, number: signal.Signals) -> None:
    with EmulatorProcess(tmp_path) as emulator:
        idle = socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2])))
        caller = Caller(emulator)
        assert caller.get("/common/discovery/keys").status_code == 200
        emulator.control("POST", "faults", {"kind": "latency", "seconds": 60, "path": "/api/"})
        waiting = subprocess.Popen(
            [sys.executable, "-c", _WAITING_CLIENT, emulator.url, emulator.ca_path], stderr=subprocess.DEVNULL
        )
        time.sleep(0.5)
        emulator.process.send_signal(number)
        code = emulator.process.wait(timeout=30)
        assert (code, emulator.output.strip()) == (0, emulator.url)
        assert "Traceback" not in emulator.errors
        assert not (tmp_path / "connection.json").exists()
        assert waiting.wait(timeout=10) != 0
        idle.close()


_WAITING_CLIENT = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
urllib.request.urlopen(sys.argv[1] + "/api/incidents", context=context)
"""


def test_a_client_that_hangs_up_is_no_error(tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path) as emulator:
        context = ssl.create_default_context(cafile=emulator.ca_path)
        port = int(emulator.url.rpartition(":")[2])
        head = f"POST /{emulator.tenant_id('contoso')}/oauth2/v2.0/token HTTP/1.1\r\nHost: localhost\r\n"
        with context.wrap_socket(socket.create_connection(("localhost", port)), server_hostname="localhost") as client:
            client.sendall(
                f"{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\na".encode()
            )
        deadline = time.monotonic() + 10
        while not _is_counted(emulator) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert _is_counted(emulator)
        assert emulator.errors == ""


def _is_counted(emulator: EmulatorProcess) -> bool:
    requests = emulator.control("GET", "requests")["requests"]
    return any(request["path"].endswith("/token") for request in requests)


def test_it_ends_with_its_owner(tmp_path: Path) -> None:
    owner = subprocess.Popen(["sleep", "60"])
    with EmulatorProcess(tmp_path, "--owner-pid", str(owner.pid)) as emulator:
        time.sleep(0.7)
        assert emulator.process.poll() is None
        owner.kill()
        # Nobody has waited for the owner: it is a zombie, and that counts as ended.
        assert emulator.process.wait(timeout=2) == 0
    owner.wait()
    assert not (tmp_path / "connection.json").exists()


def test_start_twice_and_stop_twice(tmp_path: Path) -> None:
    first = json.loads(_run("start", tmp_path).stdout)
    try:
        assert first["created"] is True
        second = json.loads(_run("start", tmp_path).stdout)
        assert (second["pid"], second["url"], second["created"]) == (first["pid"], first["url"], False)
        third = _run("serve", tmp_path)
        assert third.returncode != 0
        assert "another emulator serves" in third.stderr
    finally:
        stopped = _run("stop", tmp_path)
    assert json.loads(stopped.stdout) == {"stopped": True}
    assert not _is_alive(first["pid"])
    assert json.loads(_run("stop", tmp_path).stdout) == {"stopped": False}
    assert json.loads(_run("stop", tmp_path / "none").stdout) == {"stopped": False}
    again = json.loads(_run("start", tmp_path).stdout)
    _run("stop", tmp_path)
    assert again["created"] is False


def test_two_starts_at_once_agree(tmp_path: Path) -> None:
    starts = [
        subprocess.Popen(
            emulator_command("start", tmp_path), env=emulator_environment(), stdout=subprocess.PIPE, text=True
        )
        for _turn in range(2)
    ]
    try:
        connections = [json.loads(start.communicate(timeout=60)[0]) for start in starts]
    finally:
        _run("stop", tmp_path)
    assert connections[0]["pid"] == connections[1]["pid"]
    # Whoever came second must not serve when the first has gone.
    time.sleep(1.5)
    assert json.loads(_run("stop", tmp_path).stdout) == {"stopped": False}
    assert sorted(connection["created"] for connection in connections) == [False, True]


def test_the_port_stays_unless_it_is_taken(tmp_path: Path) -> None:
    ports = []
    for _turn in range(2):
        with EmulatorProcess(tmp_path) as emulator:
            ports.append(int(emulator.url.rpartition(":")[2]))
    assert ports[0] == ports[1]
    with socket.create_server(("127.0.0.1", ports[0])), EmulatorProcess(tmp_path) as emulator:
        assert int(emulator.url.rpartition(":")[2]) != ports[0]


def test_start_after_a_crash(tmp_path: Path) -> None:
    first = json.loads(_run("start", tmp_path).stdout)
    os.kill(first["pid"], signal.SIGKILL)
    assert _wait_until_gone(first["pid"], 5)
    assert (tmp_path / "connection.json").exists()
    second = json.loads(_run("start", tmp_path).stdout)
    _run("stop", tmp_path)
    assert second["pid"] != first["pid"]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        failed = _run("start", tmp_path, "--port", str(taken.getsockname()[1]))
    assert failed.returncode != 0
    assert "Address already in use" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_an_interpreter_without_the_requirements(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    failed = subprocess.run(
        [tmp_path / "bare" / "bin" / "python", *emulator_command("start", tmp_path / "emulator")[1:]],
        env={"PYTHONPATH": str(FILES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode != 0
    assert failed.stderr.count("\n") == 1
    assert "-m pip install -r" in failed.stderr


def test_credentials_stay_and_the_federated_token_is_new(tmp_path: Path) -> None:
    kept = ("ca.pem", "client_secret", "certificate.pem", "certificate.pfx", "certificate_password")
    found: list[dict[str, bytes]] = []
    expiries: list[Any] = []
    for _turn in range(2):
        with EmulatorProcess(tmp_path):
            found.append({name: (tmp_path / name).read_bytes() for name in kept})
            expiries.append(claims_of((tmp_path / "federated_token").read_text())["exp"])
        time.sleep(1.1)
    assert found[0] == found[1]
    assert expiries[0] < expiries[1]


def test_sqlite_keeps_what_was_changed(tmp_path: Path) -> None:
    arguments = ("--state", str(tmp_path / "state.sqlite"))
    with EmulatorProcess(tmp_path, *arguments) as emulator:
        caller = Caller(emulator)
        for name in ("contoso.example", "fabrikam.example", "tailspin.example"):
            emulator.control("POST", f"tenants/{name}/consent", {"roles": ["Incident.ReadWrite.All"]})
        emulator.control("DELETE", "tenants/fabrikam.example/consent")
        emulator.control("PATCH", "tenants/tailspin.example", {"licensed": False})
        emulator.control("PATCH", "application", {"token_lifetime": 900, "quota_per_minute": None})
        emulator.control("POST", "keys/rotate")
        keys = caller.get("/common/discovery/keys").json()
        token = caller.token()
        incidents = caller.get("/api/incidents", token).json()["value"]
        changed = caller.session.patch(
            f"{emulator.url}/api/incidents/{incidents[0]['incidentId']}",
            json={"status": "Resolved", "comment": "Kept"},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        ).json()
        changed.pop("@odata.context")
        assert emulator.connection["created"] is True
    with EmulatorProcess(tmp_path, *arguments) as emulator:
        caller = Caller(emulator)
        assert emulator.connection["created"] is False
        assert caller.get("/common/discovery/keys").json() == keys
        assert caller.get("/api/incidents", token).json()["value"] == [changed, *incidents[1:]]
        assert caller.ask_token("fabrikam").json()["error_codes"] == [7000229]
        assert caller.get("/api/incidents", caller.token("tailspin")).status_code == 403
        assert 880 <= caller.ask_token().json()["expires_in"] <= 900
    with EmulatorProcess(tmp_path) as emulator:
        assert Caller(emulator).ask_token().json()["error_codes"] == [7000229]
