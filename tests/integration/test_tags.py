# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags of the one who runs a playbook: those that leave out its work, and those that choose it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from support.ansible_runs import Ansible


@pytest.mark.parametrize("playbook", ["verify", "onboard", "incidents", "hunt", "triage", "register", "registrar"])
@pytest.mark.parametrize("arguments", [("--tags", "mine")])
def test_tags_that_leave_out_the_work_say_so(ansible: Ansible, playbook: str, arguments: tuple[str, str]) -> None:
    ansible.variables |= {"partner_access_registrar_certificate_path": "registrar.pem"}
    run = ansible.playbook(f"mssp.defender.{playbook}", *arguments)
    assert run.code == 0, run.output
    assert f"Nothing was done: {' '.join(arguments)} left out the work" in run.output


def test_the_tags_of_ones_own_choose_the_work(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    path = ansible.place / "nightly.yml"
    imports = [{"import_playbook": f"mssp.defender.{name}", "tags": [name]} for name in ("verify", "incidents")]
    path.write_text(json.dumps(imports))
    run = ansible.playbook(str(path), "--tags", "verify")
    assert run.code == 0, run.output
    assert "Customers: 2 granted" in run.output
    assert "Incidents written" not in run.output
