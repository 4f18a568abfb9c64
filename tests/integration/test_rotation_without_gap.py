# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""While secrets and certificates rotate, whoever uses what the file holds at that moment always gets a token."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from support.emulated_tenants import HomeTenant
from support.emulator import EmulatorProcess
from support.operations import Tasks
from support.vaults import CredentialFile

NAME = "northwind-soc"
LIFETIMES = [("30d", "10d"), ("60d", "40d"), ("120d", "80d")]
LAG_SECONDS = 1.5
TIMES = 3
CUSTOMERS = ("contoso", "fabrikam", "tailspin")

_SECONDS = 120

pytestmark = pytest.mark.usefixtures("registered")


class Client:
    """Asks for tokens all the time until its block ends. `ask` returns which credential it used, or raises.

    How often that is depends on the machine, so a test waits until it was served as often as it wants.
    """

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask
        self.served: Counter[str] = Counter()
        self.failures: list[str] = []
        self._asked = 0
        self._progress = threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask_on)

    def __enter__(self) -> Client:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def go_on(self) -> None:
        """Return when it has asked some more times, each with what the file holds by now."""
        # the request that is under way may be older
        wanted = self._asked + TIMES + 1
        with self._progress:
            assert self._progress.wait_for(lambda: self._asked >= wanted, timeout=_SECONDS), self.served

    def _ask_on(self) -> None:
        while not self._over.is_set():
            try:
                self.served[self._ask()] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a gap
                self.failures.append(repr(error))
            with self._progress:
                self._asked += 1
                self._progress.notify_all()
        print(f"{self.served.total()} times served, {len(self.failures)} failures")


def _rotate(tasks: Tasks, task: dict[str, Any], lifetimes: list[tuple[str, str]], *clients: Client) -> None:
    """Make a new credential for each lifetime: the one before does not last as long as the next one has to.

    The clients have used each before the next one comes, and the last one too.
    """
    for lifetime, rotate_before in lifetimes:
        result = tasks.credential(**task, lifetime=lifetime, rotate_before=rotate_before)
        assert result["changed"], result
        for client in clients:
            client.go_on()


def test_with_the_secret_of_the_file(
    tasks: Tasks,
    home: HomeTenant,
    registered: dict[str, Any],
    fault: Callable[..., None],
    tmp_path: Path,
) -> None:
    kept = CredentialFile(tmp_path / "credential.yml")
    task = {"unique_name": NAME, "kind": "secret", "name": "ansible", "dest": str(kept.path), "overlap": "1d"}
    fault("credential_lag", seconds=LAG_SECONDS)
    _rotate(tasks, task, LIFETIMES[:1])
    reader, holder = HomeTenant(home.emulator), HomeTenant(home.emulator)
    held = {"secret": kept.secret}
    home.emulator.control("DELETE", "requests")

    def ask_anew() -> str:
        variables = kept.variables()
        answer = reader.token(registered["app_id"], str(variables["partner_access_client_secret"]))
        assert answer.status_code == 200, answer.text
        return str(variables["partner_access_credential"]["key_id"])

    def ask_with_the_last_one() -> str:
        """Somebody who reads the file once, and keeps the secret over the next rotation."""
        answer = holder.token(registered["app_id"], held["secret"])
        assert answer.status_code == 200, answer.text
        return held["secret"][:3]

    with Client(ask_anew) as anew, Client(ask_with_the_last_one) as late:
        for lifetime in LIFETIMES[1:]:
            held["secret"] = kept.secret
            late.go_on()
            began = time.monotonic()
            _rotate(tasks, task, [lifetime])
            assert time.monotonic() - began >= LAG_SECONDS, "the new secret was really not known at first"
            anew.go_on()
            late.go_on()
    assert anew.failures == []
    assert late.failures == []
    assert len(anew.served) == len(LIFETIMES), "each secret was used while it was the file's"
    counts = home.emulator.control("GET", "requests")["counts"]
    assert sum(number for route, number in counts.items() if route.endswith("addPassword")) == 2


def test_with_the_certificate_of_the_file(
    tasks: Tasks,
    home: HomeTenant,
    registered: dict[str, Any],
    fault: Callable[..., None],
    tmp_path: Path,
) -> None:
    pem = tmp_path / "partner.pem"
    task = {"unique_name": NAME, "name": "ansible", "dest": str(pem), "encrypt": False, "overlap": "1d"}
    fault("credential_lag", seconds=LAG_SECONDS)
    _rotate(tasks, task, LIFETIMES[:1])

    def ask() -> str:
        pair = pem.read_bytes()
        answer = home.token_by_certificate(registered["app_id"], pair)
        assert answer.status_code == 200, answer.text
        return hashlib.sha256(pair).hexdigest()

    with Client(ask) as client:
        client.go_on()
        _rotate(tasks, task, LIFETIMES[1:], client)
    assert client.failures == []
    assert len(client.served) == len(LIFETIMES), "each pair was used while it was the file's"
    assert len(home.certificates()) == 3, "within the overlap all stay: any of them may be in use"


def test_for_a_fleet_of_customers(
    tasks: Tasks,
    emulator: EmulatorProcess,
    registered: dict[str, Any],
    fault: Callable[..., None],
    tmp_path: Path,
) -> None:
    """Every customer of the fleet, in every round."""
    kept = CredentialFile(tmp_path / "credential.yml")
    task = {"unique_name": NAME, "kind": "secret", "name": "ansible", "dest": str(kept.path), "overlap": "1d"}
    fault("credential_lag", seconds=LAG_SECONDS)
    _rotate(tasks, task, LIFETIMES[:1])
    for name in CUSTOMERS:
        path = f"tenants/{emulator.tenant_id(name)}/consent?client_id={registered['app_id']}"
        emulator.control("POST", path)
    tenants = [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in CUSTOMERS]
    other = Tasks(emulator, None)
    secrets: set[str] = set()

    def ask() -> str:
        secret = kept.secret
        result = other.token(tenants=tenants, client_id=registered["app_id"], client_secret=secret)
        assert result["summary"] == {"granted": len(CUSTOMERS)}, result
        secrets.add(secret)
        return "granted"

    with Client(ask) as client:
        client.go_on()
        _rotate(tasks, task, LIFETIMES[1:], client)
    assert client.failures == []
    assert len(secrets) == len(LIFETIMES), "each secret was used while it was the file's"
