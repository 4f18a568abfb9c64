# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from unit.run_vaults import secrets

from ansible_collections.mssp.defender.plugins.module_utils._core.registration.vars_file import Vault
from ansible_collections.mssp.defender.plugins.module_utils._operations import credential, report, token
from ansible_collections.mssp.defender.plugins.plugin_utils import _action
from ansible_collections.mssp.defender.plugins.plugin_utils._action import InProcessAction

EXPOSING = [(credential, "expose_secret"), (token, "expose_token")]
SET_NO_LOG = "set no_log: true on the task"


class Action(InProcessAction):
    """The action as a play would run it, but for the module of a delegated task, which is only noted."""

    def __init__(self, operation: ModuleType, arguments: dict[str, Any], **keywords: Any) -> None:
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


def operation(result: Any, **members: Any) -> ModuleType:
    """Return an operation with one option, `expose`, which notes the host it was run by."""
    module = ModuleType("operation")
    module.ARGUMENTS = {"expose": {"type": "bool"}}  # type: ignore[attr-defined]
    module.CONSTRAINTS = {}  # type: ignore[attr-defined]
    module.INVENTORY = {}  # type: ignore[attr-defined]

    def run(host: Any) -> Any:
        module.host = host  # type: ignore[attr-defined]
        return result

    module.run = run  # type: ignore[attr-defined]
    for name, value in members.items():
        setattr(module, name, value)
    return module


@pytest.mark.parametrize(("module", "option"), EXPOSING)
def test_each_operation_that_can_show_a_secret_says_by_which_option(module: ModuleType, option: str) -> None:
    assert option == module.EXPOSED_BY
    assert module.ARGUMENTS[option] == {"type": "bool", "default": False, "no_log": False}


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
    module: ModuleType, option: str, value: Any, keywords: dict[str, Any], printed: str
) -> None:
    action = Action(module, {option: value}, **keywords)
    assert action.run() == {"failed": True, "msg": f"{option} {printed}: {SET_NO_LOG}"}
    assert action.as_module is None


@pytest.mark.parametrize("version", ["2.16.0", "2.16.3", "2.16.12", "2.17.0", "2.17.5", "2.17.6"])
@pytest.mark.parametrize(("module", "option"), EXPOSING)
def test_a_core_that_censors_no_result_exposes_nothing_without_no_log(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, option: str, version: str
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
    shows = operation({"changed": True}, EXPOSED_BY="expose")
    assert Action(shows, {"expose": True}, no_log=True, **keywords).run()["changed"] is True


@pytest.mark.parametrize(("module", "option"), EXPOSING)
def test_a_job_in_the_background_shows_no_secret(module: ModuleType, option: str) -> None:
    action = Action(module, {option: True}, async_val=60)
    assert action.run() == {"failed": True, "msg": f"{option} cannot be used with async: the secret would be printed"}
    assert action.as_module is None


@pytest.mark.parametrize(("exposes", "censored"), [(True, True), (False, None)])
def test_a_delegated_task_that_shows_a_secret_censors_its_result(exposes: bool, censored: bool | None) -> None:
    action = Action(operation({}, EXPOSED_BY="expose"), {"expose": exposes}, delegate_to="worker", no_log=True)
    assert action.run().get("_ansible_no_log") is censored
    assert action.as_module == {"expose": exposes}


@pytest.mark.parametrize("keywords", [{"loop": [1]}, {"async_val": 60}, {"delegate_to": "worker"}])
def test_an_operation_without_secrets_runs_anywhere(keywords: dict[str, Any]) -> None:
    assert "EXPOSED_BY" not in vars(report)
    result = Action(operation({"changed": True}), {"expose": True}, **keywords).run()
    assert result == {"changed": True}


def test_an_operation_gets_the_vault_of_the_run() -> None:
    module = operation({})
    Action(module, {}).run()
    found: Vault = module.host.vault
    assert found.decrypt(found.encrypt("text", None)) == "text"


def test_what_the_task_leaves_out_is_taken_from_the_variable_that_the_operation_names() -> None:
    module = operation({}, INVENTORY={"expose": "my_variable"})
    Action(module, {}).run(task_vars={"my_variable": "yes", "expose": "no"})
    assert module.host.params["expose"] is True
    Action(module, {"expose": False}).run(task_vars={"my_variable": "yes"})
    assert module.host.params["expose"] is False
