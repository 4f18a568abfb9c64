# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data that AWX is set up with: what `awx.awx` accepts, and what `infra.aap_configuration` can apply too."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from support.ansible_runs import Ansible
from support.awx_jobs import MODULES, operator
from support.emulator import EmulatorProcess
from support.forked_runs import ForkServer

ROLES = Path(__file__).resolve().parents[2] / "roles"
TASKS = ROLES / "awx_setup" / "tasks" / "objects.yml"
_SPEC = ("type", "elements", "required", "choices", "aliases")


@pytest.fixture(scope="module")
def data(
    process: EmulatorProcess, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict[str, Any]]]:
    """What the entry point `data` leaves to other roles."""
    ansible = Ansible(process, tmp_path_factory.mktemp("awx"), fork_server)
    hand_on = {
        "name": "Hand on",
        "ansible.builtin.include_role": {"name": "mssp.defender.awx_setup", "tasks_from": "data"},
    }
    show = {"name": "Show", "ansible.builtin.debug": {"msg": {name: f"{{{{ {name} }}}}" for name in MODULES}}}
    play = ansible.place / "play.json"
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [hand_on, show]}]))
    with operator(ansible) as one:
        run = one.play(str(play))
    assert run.code == 0, run.output
    objects: dict[str, list[dict[str, Any]]] = run.result("Show")["msg"]
    return objects


@pytest.fixture(scope="module")
def specs() -> dict[str, Any]:
    """Module to the options it documents; awx.awx tests that this is what it accepts."""
    names = [f"awx.awx.{module}" for module in MODULES.values()]
    listing = subprocess.run(
        ["ansible-doc", "--type", "module", "--json", *names], capture_output=True, text=True, check=True
    )
    pages = json.loads(listing.stdout)
    return {name.rpartition(".")[2]: _spec(page["doc"]["options"]) for name, page in pages.items()}


def _spec(options: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    for name, option in options.items():
        spec[name] = {key: option[key] for key in _SPEC if option.get(key)}
        if "suboptions" in option:
            spec[name]["options"] = _spec(option["suboptions"])
    return spec


@pytest.mark.parametrize("variable", sorted(MODULES))
def test_the_modules_accept_the_data(data: dict[str, Any], specs: dict[str, Any], variable: str) -> None:
    assert data[variable]
    validator = ArgumentSpecValidator(specs[MODULES[variable]])
    assert {str(item): validator.validate(item).error_messages for item in data[variable]} == {
        str(item): [] for item in data[variable]
    }


def test_a_stranger_in_the_data_would_be_found(specs: dict[str, Any]) -> None:
    validator = ArgumentSpecValidator(specs["job_template"])
    assert validator.validate({"name": "Verify", "slices": 3}).error_messages
    assert validator.validate({"name": "Verify", "job_slice_count": "many"}).error_messages


@pytest.mark.parametrize("variable", sorted(MODULES))
def test_nothing_in_the_data_is_left_out_by_the_task(data: dict[str, Any], variable: str) -> None:
    module = f"awx.awx.{MODULES[variable]}"
    (options,) = [task[module] for task in yaml.safe_load(TASKS.read_text()) if module in task]
    assert {key for item in data[variable] for key in item} - set(options) == set()


def _options_of_the_playbooks() -> dict[str, Any]:
    entries = yaml.safe_load((ROLES / "partner_access" / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    options = {name: option for entry in entries.values() for name, option in entry["options"].items()}
    # the playbooks' own
    return {**options, "partner_access_may_be_empty": {"type": "bool"}}


def test_what_a_job_is_given_is_an_option_of_the_playbooks(data: dict[str, Any]) -> None:
    given = {
        name
        for where in (
            *(template["extra_vars"] for template in data["controller_templates"]),
            *(inventory["variables"] for inventory in data["controller_inventories"]),
            *(one["injectors"].get("extra_vars", {}) for one in data["controller_credential_types"]),
        )
        for name in where
    }
    assert len(given) > 5
    assert given - set(_options_of_the_playbooks()) == set()


def test_a_survey_asks_for_options_of_the_playbooks(data: dict[str, Any]) -> None:
    options = _options_of_the_playbooks()
    specs = [template["survey_spec"]["spec"] for template in data["controller_templates"] if template["survey_enabled"]]
    questions = [question for spec in specs for question in spec]
    assert len(questions) > 5
    for question in questions:
        option = options[question["variable"]]
        assert (question["type"] == "integer") == (option["type"] == "int"), question["variable"]
        if "choices" in option:
            assert set(question["choices"]) == set(option["choices"]), question["variable"]
