# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application is registered by somebody who enters a code in a browser, in a terminal where the code can be read."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.ansible_runs import Ansible, in_terminal, run_with_runner
from support.emulated_tenants import HomeTenant, answer_device_code
from support.emulator import EmulatorProcess
from support.operations import Tasks

DECLARED: dict[str, Any] = {
    "auth": "device_code",
    "client_id": None,
    "client_secret": None,
    "unique_name": "northwind-soc",
    "permissions": {"graph": ["SecurityIncident.Read.All"]},
}
TOLD = re.compile(
    r"open (https://\S+/devicelogin) in a browser and enter the code ([A-Z]{9}) within (\d+) (?:minutes|seconds)\."
)
TASKS = """
    - name: Register the application
      mssp.defender.defender_application:
        unique_name: northwind-soc
        auth: device_code
    - name: Make its credential
      mssp.defender.defender_credential:
        unique_name: northwind-soc
        auth: device_code
        kind: certificate
        name: ansible
        dest: "{{ playbook_dir }}/soc.pem"
"""


class Person:
    """Reads what is told, and answers the code at once in a browser, unless there is no `decision`."""

    def __init__(self, emulator: EmulatorProcess, decision: str | None = "continue", **fields: str) -> None:
        self.told: list[str] = []
        self._emulator = emulator
        self._decision = decision
        self._fields = fields

    def __call__(self, message: str) -> None:
        self.told.append(message)
        code = TOLD.search(message)
        assert code, message
        if self._decision:
            answer_device_code(self._emulator, code[2], self._decision, **self._fields)


@pytest.fixture(autouse=True)
def _poll_soon(emulator: EmulatorProcess) -> None:
    emulator.control("PATCH", "application", {"device_code_interval": 1})


def test_one_code_is_enough_for_all_tasks_of_a_run(
    run_of_tasks: Tasks, emulator: EmulatorProcess, home: HomeTenant
) -> None:
    run_of_tasks.tell = person = Person(emulator)
    first = run_of_tasks.application(**DECLARED)
    assert (first["failed"], first["changed"]) == (False, True), first
    second = run_of_tasks.application(**DECLARED)
    assert (second["failed"], second["changed"]) == (False, False)
    assert home.roles(home.application()["appId"]) == ["SecurityIncident.Read.All"]
    (message,) = person.told
    assert message.startswith(f"Sign in as an administrator of tenant {emulator.home_tenant_id}: open {emulator.url}/")
    assert message.endswith(" within 15 minutes.")


def test_tasks_side_by_side_ask_once(run_of_tasks: Tasks, emulator: EmulatorProcess) -> None:
    run_of_tasks.tell = person = Person(emulator)
    results: list[dict[str, Any]] = []

    def register(name: str) -> None:
        results.append(run_of_tasks.application(**{**DECLARED, "unique_name": name}))

    threads = [threading.Thread(target=register, args=[f"northwind-{number}"]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result["failed"] for result in results] == [False] * 3, results
    assert len(person.told) == 1


@pytest.mark.parametrize(
    ("decision", "lifetime", "words"),
    [
        (
            None,
            2,
            "nobody entered the code within 2 seconds; provider: run this again, and sign in as an administrator",
        ),
        (
            "cancel",
            900,
            "the sign-in was declined in the browser (AADSTS65004); provider: run this again, and",
        ),
    ],
)
def test_a_code_that_comes_to_nothing(
    tasks: Tasks, emulator: EmulatorProcess, decision: str | None, lifetime: int, words: str
) -> None:
    emulator.control("PATCH", "application", {"device_code_lifetime": lifetime})
    tasks.tell = Person(emulator, decision)
    result = tasks.application(**DECLARED)
    assert result["msg"].startswith(f"tenant {emulator.home_tenant_id}: the sign-in with a code got no token: {words}")
    assert (result["failed"], result["changed"]) == (True, False)


def test_a_policy_against_codes(tasks: Tasks, emulator: EmulatorProcess, fault: Callable[..., None]) -> None:
    tasks.tell = Person(emulator)
    fault("token_error", code=53003, path="/oauth2/v2.0/token")
    words = "(Conditional Access) blocks this way to sign in (AADSTS53003); provider: exempt it from the policy, or"
    assert words in tasks.application(**DECLARED)["msg"]


def test_a_failure_that_passes_asks_for_no_other_code(
    tasks: Tasks, emulator: EmulatorProcess, fault: Callable[..., None]
) -> None:
    tasks.tell = person = Person(emulator)
    fault("server_error", times=1, path="/oauth2/v2.0/token")
    assert not tasks.application(**DECLARED)["failed"]
    assert len(person.told) == 1


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("11111111-1111-1111-1111-111111111111", "the application was not found in this tenant (AADSTS700016)"),
        ("Graph tools", "sign_in_client_id 'Graph tools' is no"),
    ],
)
def test_a_program_that_nobody_can_sign_in_with(
    tasks: Tasks, emulator: EmulatorProcess, program: str, words: str
) -> None:
    tasks.tell = person = Person(emulator)
    assert words in tasks.application(**DECLARED, sign_in_client_id=program)["msg"]
    assert person.told == []


def test_nobody_could_read_the_code(ansible: Ansible, count_requests: Callable[[str], int]) -> None:
    run = ansible.playbook(ansible.play(TASKS, run_once=True), "-e", "partner_access_registrar_client_id=")
    assert run.code != 0
    assert "nobody could read the code here: run this in a terminal" in run.output
    assert count_requests("devicecode") == 0


def test_nobody_reads_the_output_of_a_job_in_time(ansible: Ansible, count_requests: Callable[[str], int]) -> None:
    """AWX runs jobs in a terminal, and nobody sits at it."""
    ansible.variables["partner_access_unique_name"] = "northwind-soc"
    run = run_with_runner(ansible, "mssp.defender.register", "-e", "partner_access_registrar_auth=device_code")
    assert run.code != 0
    assert "nobody could read the code here" in run.output
    assert count_requests("devicecode") == 0


@pytest.mark.parametrize("settings", [{}, {"ANSIBLE_CALLBACKS_ENABLED": "mssp.defender.progress"}])
def test_the_code_is_shown_on_the_terminal_while_the_task_waits(
    ansible: Ansible, home: HomeTenant, settings: dict[str, str]
) -> None:
    """And once, though two tasks need it; in no log."""
    answered: list[str] = []

    def answer(seen: bytes) -> bool:
        code = TOLD.search(re.sub(r"\s+", " ", seen.decode(errors="replace")))
        if code and not answered:
            answered.append(code[2])
            answer_device_code(ansible.emulator, code[2])
        return False

    log = ansible.place / "ansible.log"
    command = ["ansible-playbook", "-i", str(ansible.inventory()), ansible.play(TASKS, run_once=True)]
    code, written = in_terminal(ansible, command, when=answer, columns=400, ANSIBLE_LOG_PATH=str(log), **settings)
    assert code == 0, written
    assert written.count("devicelogin") == 1
    assert len(home.certificates()) == 1
    assert (ansible.place / "soc.pem").stat().st_mode & 0o777 == 0o600
    assert answered[0] not in log.read_text()


def test_an_interrupted_wait_ends_at_once(ansible: Ansible, home: HomeTenant) -> None:
    def waits(seen: bytes) -> bool:
        if b"devicelogin" not in seen:
            return False
        # whoever interrupts has read it: ansible-core does not end when its worker is killed while it prints
        home.until_requested("/oauth2/v2.0/token")
        return True

    command = ["ansible-playbook", "-i", str(ansible.inventory()), ansible.play(TASKS, run_once=True)]
    code, written = in_terminal(ansible, command, when=waits, number=signal.SIGINT)
    assert code != 0
    assert "Traceback" not in written
    assert home.applications() == []
