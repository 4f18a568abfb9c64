# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The true Azure CLI, signed in to the emulator, hands out tokens to register applications with.

It comes from PyPI, some 700 MB, into an environment of its own, once.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import HomeTenant, answer_device_code
from support.emulator import EmulatorProcess
from support.operations import Tasks

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".cache" / "azure-cli"
VERSION = "azure-cli==2.91.0"
CODE = re.compile(r"enter the code ([A-Z]{9}) to authenticate")
WHO: dict[str, Any] = {"auth": "cli", "client_id": None, "client_secret": None, "unique_name": "northwind-soc"}
_SECONDS = 120


@pytest.fixture(scope="session")
def bin_directory() -> Path:
    if not (PLACE / "bin" / "az").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", PLACE], check=True)
        pip = [PLACE / "bin" / "python", "-m", "pip", "install", "--quiet", VERSION]
        if subprocess.run(pip, check=False).returncode:
            pytest.skip("not on this machine: the Azure CLI, nor a way to install it")
    return PLACE / "bin"


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(tmp_path_factory.mktemp("emulator"), "--tenants", "2") as started:
        yield started


@pytest.fixture
def emulator(process: EmulatorProcess) -> EmulatorProcess:
    process.control("POST", "reset")
    process.control("PATCH", "application", {"device_code_interval": 1})
    return process


class RealCli:
    """The Azure CLI with a home of its own, in which the emulator is its cloud."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self._emulator = emulator
        url, graph = emulator.url, "https://graph.microsoft.com"
        endpoints = {
            "active-directory": url,
            "active-directory-resource-id": graph,
            "microsoft-graph-resource-id": graph,
            "resource-manager": url,
            "management": url,
        }
        given = [text for name, value in endpoints.items() for text in (f"--endpoint-{name}", value)]
        self._run("cloud", "register", "--name", "emulated", "--skip-endpoint-discovery", *given)
        self._run("cloud", "set", "--name", "emulated")

    def login(self, tenant_id: str) -> None:
        """Sign the tenant's administrator in, by a code that is entered in a browser."""
        command = ["az", "login", "--use-device-code", "--tenant", tenant_id, "--skip-subscription-discovery"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stderr
        said = ""
        for line in process.stderr:
            said += line.decode()
            if code := CODE.search(said):
                answer_device_code(self._emulator, code[1])
                break
        _output, rest = process.communicate(timeout=_SECONDS)
        assert process.returncode == 0, said + rest.decode()

    @staticmethod
    def _run(*arguments: str) -> None:
        run = subprocess.run(
            ["az", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        assert run.returncode == 0, run.stderr


@pytest.fixture
def az(bin_directory: Path, emulator: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RealCli:
    monkeypatch.setenv("PATH", str(bin_directory), prepend=os.pathsep)
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path / "azure"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", emulator.ca_path)
    # it would ask Microsoft whether it may trust this authority
    monkeypatch.setenv("AZURE_CORE_INSTANCE_DISCOVERY", "false")
    monkeypatch.setenv("AZURE_CORE_COLLECT_TELEMETRY", "false")
    monkeypatch.setenv("NO_PROXY", "localhost")
    return RealCli(emulator)


@pytest.fixture
def tasks(emulator: EmulatorProcess, tmp_path: Path) -> Tasks:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return Tasks(emulator, folder)


def test_an_administrator_registers_an_application(az: RealCli, tasks: Tasks, emulator: EmulatorProcess) -> None:
    home = HomeTenant(emulator)
    az.login(emulator.home_tenant_id)
    result = tasks.application(**WHO, permissions={"graph": ["SecurityIncident.Read.All"]})
    assert (result["failed"], result["changed"]) == (False, True), result
    assert home.roles(home.application()["appId"]) == ["SecurityIncident.Read.All"]
    assert tasks.application(**WHO)["changed"] is False


@pytest.mark.usefixtures("az")
def test_nobody_is_signed_in(tasks: Tasks, emulator: EmulatorProcess) -> None:
    message = tasks.application(**WHO)["msg"]
    assert f"tenant {emulator.home_tenant_id}: the Azure CLI got no token: nobody is signed in to it, or " in message


def test_somebody_of_another_tenant_is_signed_in(az: RealCli, tasks: Tasks, emulator: EmulatorProcess) -> None:
    az.login(emulator.tenant_id("contoso"))
    message = tasks.application(**WHO)["msg"]
    assert "who is signed in does not belong to this tenant (AADSTS50020); provider: run `az login --tenant " in message
    assert "contoso.example" not in message
