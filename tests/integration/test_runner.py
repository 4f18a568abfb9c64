# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each playbook through ansible-runner, which is how AWX starts a job template."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import PRIVATE, Ansible, run_with_runner
from support.awx_jobs import LEFT_EMPTY

pytestmark = pytest.mark.slow


def _events(ansible: Ansible) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in (ansible.place / PRIVATE / "artifacts").rglob("job_events/*.json")]


@pytest.mark.parametrize("playbook", ["onboard", "verify", "incidents"])
def test_playbook_runs_as_a_job(ansible: Ansible, consent: Callable[..., None], tmp_path: Path, playbook: str) -> None:
    consent("contoso")
    links = tmp_path / "links"
    ansible.variables["partner_access_links_directory"] = str(links)
    run = run_with_runner(ansible, f"mssp.defender.{playbook}", **LEFT_EMPTY)
    assert run.code == 0, run.output
    assert {host: run.recap(host)["failed"] for host in ansible.customers} == {"contoso": 0, "fabrikam": 0}
    assert "not_consented" in run.output
    assert _events(ansible)
    assert links.exists() == (playbook == "onboard")


def test_failing_customer_fails_the_job(ansible: Ansible, consent: Callable[..., None]) -> None:
    """AWX reads the exit code."""
    consent("contoso")
    ansible.customers["lucerne"] = {"partner_access_tenant_id": "99999999-9999-4999-8999-999999999999"}
    run = run_with_runner(ansible, "mssp.defender.verify")
    assert run.code != 0
    assert {host: run.recap(host)["failed"] for host in ansible.customers} == {
        "contoso": 0,
        "fabrikam": 0,
        "lucerne": 1,
    }
    failed = [event for event in _events(ansible) if event["event"] == "runner_on_failed"]
    assert [event["event_data"]["host"] for event in failed] == ["lucerne"]


def test_the_demo_runs_as_a_job(ansible: Ansible) -> None:
    """With the operator's own credential in the environment, which the demo must not take for its own."""
    run = run_with_runner(ansible, "mssp.defender.demo", f"-e demo_directory={ansible.place}/demo", **LEFT_EMPTY)
    assert run.code == 0, run.output
    assert "Customers: 3 granted, 1 not_consented, 1 unknown_tenant" in run.output


def test_answers_that_a_survey_left_empty_count_as_not_given(ansible: Ansible, consent: Callable[..., None]) -> None:
    consent("contoso", "fabrikam")
    names = ("stats", "may_be_empty", "incidents_backfill", "triage_updated_after", "links_directory")
    ansible.variables.update({f"partner_access_{name}": "" for name in names})
    for playbook, asked in (("onboard", {}), ("verify", {"partner_access_consent_wait": ""}), ("incidents", {})):
        ansible.variables.update(asked)
        run = run_with_runner(ansible, f"mssp.defender.{playbook}", **LEFT_EMPTY)
        assert run.code == 0, run.output
        assert "2 granted" in run.output
    assert list(ansible.place.rglob("consent-links/consent_links.csv"))
