# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from support.vaults import secrets

from ansible_collections.mssp.defender.plugins.module_utils._operations import report
from ansible_collections.mssp.defender.plugins.module_utils._operations.consent import token
from ansible_collections.mssp.defender.plugins.module_utils._operations.operation import Operation
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import credential
from ansible_collections.mssp.defender.plugins.module_utils._operations.task_context import TaskContext
from ansible_collections.mssp.defender.plugins.plugin_utils import _action
from ansible_collections.mssp.defender.plugins.plugin_utils._action import InProcessAction

EXPOSING = [(credential.OPERATION, "expose_secret"), (token.OPERATION, "expose_token")]
SET_NO_LOG = "set no_log: true on the task"


class Action(InProcessAction):
    """The action as a play would run it, but for the module of a delegated task, which is only noted."""

    def __init__(self, operation: Operation, arguments: dict[str, Any], **keywords: Any) -> None:
        loader = DataLoader()
        loader.set_vault_secrets(secrets(default="pass"))
        task = Task()
        task.args = arguments
        for keyword, value in keywords.items():
            setattr(task, keyword, value)
        play = PlayContext()
        connection = connection_loader.get("local", play)
        super().__init__(task, connection, play, loader, Templar(loader), None)
        self.OPERATION = operation
        self.as_module: dict[str, Any] | None = None

    def _execute_module(self, module_args: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.as_module = module_args
        return {"changed": True}


def operation(result: Any, ran: list[TaskContext] | None = None, **members: Any) -> Operation:
    """Return an operation with one option, `expose`, which notes the tasks it was run by in `ran`."""

    def run(task: TaskContext) -> Any:
        if ran is not None:
            ran.append(task)
        return result

    return Operation({"expose": {"type": "bool"}}, run=run, **members)


@pytest.mark.parametrize(("module", "option"), EXPOSING)
def test_each_operation_that_can_show_a_secret_says_by_which_option(module: Operation, option: str) -> None:
    assert option == module.exposed_by
    assert module.arguments[option] == {"type": "bool", "default": False, "no_log": False}


@pytest.fixture
def censoring_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_action, "__version__", "2.16.13")


@pytest.mark.usefixtures("censoring_core")
@pytest.mark.parametrize(("module", "option"), EXPOSING)
@pytest.mark.parametrize("value", [True, "yes"])
@pytest.mark.parametrize(
    ("keywords", "printed"),
    [
        ({"loop": [1]}, "in a loop shows the secrets to callbacks"),
        ({"delegate_to": "worker"}, "on another host shows the secret in the output of the connection"),
    ],
)
def test_where_a_core_prints_what_is_exposed_the_task_needs_no_log(
    module: Operation, option: str, value: Any, keywords: dict[str, Any], printed: str
) -> None:
    action = Action(module, {option: value}, **keywords)
    assert action.run() == {"failed": True, "msg": f"{option} {printed}: {SET_NO_LOG}"}
    assert action.as_module is None


@pytest.mark.parametrize("version", ["2.16.0", "2.16.3", "2.16.12", "2.17.0", "2.17.5", "2.17.6"])
@pytest.mark.parametrize(("module", "option"), EXPOSING)
def test_a_core_that_censors_no_result_exposes_nothing_without_no_log(
    monkeypatch: pytest.MonkeyPatch, module: Operation, option: str, version: str
) -> None:
    monkeypatch.setattr(_action, "__version__", version)
    message = Action(module, {option: True}).run()["msg"]
    refused = message.startswith(f"{option} prints the secret on ansible-core {version},") and SET_NO_LOG in message
    assert refused is (version != "2.17.6"), message
    assert SET_NO_LOG not in Action(module, {option: True}, no_log=True).run()["msg"]
    assert SET_NO_LOG not in Action(module, {option: False}).run()["msg"]


@pytest.mark.parametrize(
    "version", ["2.16.13", "2.16.13rc1", "2.16.14", "2.17.6", "2.17.14", "2.18.0", "2.19.0", "2.21.0", "2.22.0.dev0"]
)
def test_cores_that_censor_a_result(version: str) -> None:
    assert _action.censors_results(version)


@pytest.mark.parametrize("keywords", [{}, {"loop": [1]}, {"delegate_to": "worker"}])
@pytest.mark.parametrize("version", ["2.16.0", "2.21.0"])
def test_with_no_log_secrets_may_be_exposed(
    monkeypatch: pytest.MonkeyPatch, version: str, keywords: dict[str, Any]
) -> None:
    monkeypatch.setattr(_action, "__version__", version)
    shows = operation({"changed": True}, exposed_by="expose")
    assert Action(shows, {"expose": True}, no_log=True, **keywords).run()["changed"] is True


@pytest.mark.parametrize(("module", "option"), EXPOSING)
def test_a_job_in_the_background_shows_no_secret(module: Operation, option: str) -> None:
    action = Action(module, {option: True}, async_val=60)
    assert action.run() == {"failed": True, "msg": f"{option} cannot be used with async: the secret would be printed"}
    assert action.as_module is None


@pytest.mark.parametrize(("exposes", "censored"), [(True, True), (False, None)])
def test_a_delegated_task_that_shows_a_secret_censors_its_result(exposes: bool, censored: bool | None) -> None:
    action = Action(operation({}, exposed_by="expose"), {"expose": exposes}, delegate_to="worker", no_log=True)
    assert action.run().get("_ansible_no_log") is censored
    assert action.as_module == {"expose": exposes}


@pytest.mark.parametrize("keywords", [{"loop": [1]}, {"async_val": 60}, {"delegate_to": "worker"}])
def test_an_operation_without_secrets_runs_anywhere(keywords: dict[str, Any]) -> None:
    assert not report.OPERATION.exposed_by
    result = Action(operation({"changed": True}), {"expose": True}, **keywords).run()
    assert result == {"changed": True}


def test_an_operation_gets_the_vault_of_the_run() -> None:
    ran: list[TaskContext] = []
    Action(operation({}, ran), {}).run()
    found = ran[0].vault
    assert found
    assert found.decrypt(found.encrypt("text", None)) == b"text"


def test_what_the_task_leaves_out_is_taken_from_the_variable_that_the_operation_names() -> None:
    ran: list[TaskContext] = []
    asks = operation({}, ran, variables={"expose": "my_variable"})
    Action(asks, {}).run(task_vars={"my_variable": "yes", "expose": "no"})
    Action(asks, {"expose": False}).run(task_vars={"my_variable": "yes"})
    assert [task.params["expose"] for task in ran] == [True, False]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("rows.csv", "/started/rows.csv"), ("../rows.csv", "/rows.csv"), ("~/rows.csv", "/of/soc/rows.csv"), ("", "")],
)
def test_a_path_is_told_in_full_from_where_the_run_was_started(
    monkeypatch: pytest.MonkeyPatch, given: str, expected: str
) -> None:
    monkeypatch.setattr(_action, "STARTED_IN", Path("/started"))
    monkeypatch.setenv("HOME", "/of/soc")
    ran: list[TaskContext] = []

    def run(task: TaskContext) -> Any:
        ran.append(task)
        return {"changed": False}

    Action(
        Operation({"dest": {"type": "path"}, "name": {"type": "str"}}, run=run), {"dest": given, "name": given}
    ).run()
    assert ran[0].params == {"dest": expected, "name": given}
