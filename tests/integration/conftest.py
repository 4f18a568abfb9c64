# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One emulator for all these tests, back to its beginning before each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.emulated_tenants import HomeTenant, IncidentDesk
from support.emulator import EmulatorProcess
from support.forked_runs import ForkServer
from support.operations import Tasks
from support.scripted_server import ScriptedServer

_OF_THE_CALLER = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ANSIBLE_CONFIG")
_CREDENTIALS = (
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_FEDERATED_TOKEN_FILE",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that run operations in this process, which no other ansible-core is tried with."""
    for item in items:
        if Path(__file__).parent in item.path.parents and "fork_server" not in getattr(item, "fixturenames", ()):
            item.add_marker("in_process")


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(tmp_path_factory.mktemp("emulator"), "--tenants", "8") as started:
        yield started


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _no_settings_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*_OF_THE_CALLER, *_CREDENTIALS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def emulator(process: EmulatorProcess) -> EmulatorProcess:
    process.control("POST", "reset")
    return process


@pytest.fixture(scope="session")
def empty_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """A provider who has registered nothing yet but the registrar."""
    arguments = ("--tenants", "3", "--no-application")
    with EmulatorProcess(tmp_path_factory.mktemp("empty"), *arguments) as started:
        yield started


@pytest.fixture
def desk(emulator: EmulatorProcess) -> IncidentDesk:
    """The incidents of two customers who consented, none at first."""
    desk = IncidentDesk(emulator)
    desk.open("contoso")
    desk.open("fabrikam")
    return desk


@pytest.fixture
def tasks(emulator: EmulatorProcess) -> Tasks:
    """Tasks in process that share nothing."""
    return Tasks(emulator, None)


@pytest.fixture
def run_of_tasks(emulator: EmulatorProcess, tmp_path: Path) -> Tasks:
    """Tasks in process that share a run directory, as those of one playbook do."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return Tasks(emulator, folder)


@pytest.fixture
def ansible(emulator: EmulatorProcess, fork_server: ForkServer, tmp_path: Path) -> Ansible:
    return Ansible(emulator, tmp_path, fork_server)


@pytest.fixture
def provider(empty_process: EmulatorProcess, fork_server: ForkServer, tmp_path: Path) -> Ansible:
    """Processes of a provider whose tenant is empty, with a vault password."""
    empty_process.control("POST", "reset")
    return Ansible(empty_process, tmp_path, fork_server)


@pytest.fixture
def home(emulator: EmulatorProcess) -> HomeTenant:
    return HomeTenant(emulator)


@pytest.fixture
def registered(tasks: Tasks, home: HomeTenant) -> dict[str, Any]:
    """The facts of one application, registered a moment ago; `home` knows it as the one application."""
    result = tasks.application(unique_name="northwind-soc", permissions={"xdr": ["Incident.Read.All"]})
    assert not result["failed"], result["msg"]
    facts: dict[str, Any] = result["application"]
    assert home.application()["appId"] == facts["app_id"]
    return facts


@pytest.fixture
def scripted(process: EmulatorProcess) -> Iterator[ScriptedServer]:
    """A second HTTPS server, which says what a test tells it to, under the emulator's certificate."""
    with ScriptedServer(process.ca_path, str(process.directory / "server.pem")).running() as server:
        yield server


@pytest.fixture
def consent(emulator: EmulatorProcess) -> Callable[..., None]:
    """Grants the application in the tenants named, by default what it asks for."""

    def grant(*names: str, roles: list[str] | None = None) -> None:
        for name in names:
            body = None if roles is None else {"roles": roles}
            emulator.control("POST", f"tenants/{emulator.tenant_id(name)}/consent", body)

    return grant


@pytest.fixture
def fault(emulator: EmulatorProcess) -> Callable[..., None]:
    """Switches a fault on; `tenant` is a tenant's name."""

    def switch_on(kind: str, tenant: str | None = None, **details: Any) -> None:
        addressed = {"tenant": emulator.tenant_id(tenant)} if tenant else {}
        emulator.control("POST", "faults", {"kind": kind, **addressed, **details})

    return switch_on


@pytest.fixture
def count_requests(emulator: EmulatorProcess) -> Callable[[str], int]:
    """Counts the requests so far whose `METHOD path` contains a text."""

    def count(text: str) -> int:
        seen = emulator.control("GET", "requests")["requests"]
        return sum(text in f"{request['method']} {request['path']}" for request in seen)

    return count


@pytest.fixture
def writes(emulator: EmulatorProcess) -> Callable[[], list[str]]:
    """Returns the writing requests to Graph, as `METHOD last-part-of-the-path`, since it was last called."""

    def take() -> list[str]:
        seen = emulator.control("GET", "requests")["requests"]
        emulator.control("DELETE", "requests")
        return [
            f"{request['method']} {request['path'].rpartition('/')[2]}"
            for request in seen
            if request["path"].startswith("/v1.0/") and request["method"] != "GET"
        ]

    return take
