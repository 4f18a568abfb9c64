# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One inventory over several nodes, and the summary that must not leave anybody out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from typing import Any

import pytest
from support.ansible_runs import Ansible, Run
from support.awx_jobs import Job, merged, slice_of

pytestmark = pytest.mark.slow

SLICED = {"partner_access_stats": True, "partner_access_may_be_empty": True}
UNKNOWN = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
def estate(ansible: Ansible, consent: Callable[..., None]) -> Ansible:
    """Nine customers in four states."""
    tenants = {tenant["name"]: tenant["tenant_id"] for tenant in ansible.emulator.connection["tenants"]}
    ansible.customers = {name: {"partner_access_tenant_id": tenant_id} for name, tenant_id in tenants.items()}
    ansible.customers["zenith"] = {"partner_access_tenant_id": UNKNOWN}
    _unconsented, second, third, *others = tenants
    consent(third, *others)
    consent(second, roles=["Incident.Read.All"])
    ansible.emulator.control("PATCH", f"tenants/{tenants[third]}", {"app_enabled": False})
    return ansible


def _verify(estate: Ansible, count: int, disabled: Collection[str] = ()) -> list[Job]:
    """Start that many slices."""
    return [
        Job(estate, f"slice{number}", "mssp.defender.verify", slice_of(estate, number, count, disabled), SLICED)
        for number in range(1, count + 1)
    ]


def _summarise(ansible: Ansible, handed_on: dict[str, Any], *arguments: str) -> Run:
    """Run the summary with what jobs handed on, in the shape in which it comes out of AWX's database."""
    file = ansible.place / "handed_on.json"
    file.write_text(json.dumps(handed_on))
    return ansible.playbook("mssp.defender.summary", "-e", f"@{file}", *arguments)


def _artifact(name: str, **fields: str) -> dict[str, Any]:
    texts = {"state": "granted", "code": "", "meaning": "", "remedy": "", "who": "nobody", "failing": ""}
    return {f"partner_access_outcome_{name.encode().hex()[:16]:0<16}": {"name": name, **texts, **fields}}


def test_merged_summary_is_what_one_job_for_all_says(estate: Ansible) -> None:
    unsliced = Job(estate, "whole", "mssp.defender.verify", slice_of(estate, 1, 1), {}).finish()
    slices = [job.finish() for job in reversed(_verify(estate, 3))]
    summary = Job(estate, "summary", "mssp.defender.summary", slice_of(estate, 1, 1), merged(slices)).finish()
    states = unsliced.run.states(estate.customers)
    assert len(set(states.values())) == 5
    assert summary.run.blocks("Customers: ") == unsliced.run.blocks("Customers: ")
    assert unsliced.artifacts == {}
    # who fails is told by the slice it was in, and by the summary
    assert [job.status for job in (unsliced, summary)] == ["failed", "failed"]
    assert sorted(job.status for job in slices) == ["failed", "successful", "successful"]
    for job in (unsliced, summary):
        assert {name: job.run.recap(name)["failed"] for name in estate.customers} == {
            **dict.fromkeys(estate.customers, 0),
            "zenith": 1,
        }


def test_a_lost_node_is_named_by_the_summary_and_a_rerun_completes_it(
    estate: Ansible, fault: Callable[..., None]
) -> None:
    """The worker and all that runs on its node are killed while a customer's token is waited for."""
    unsliced = estate.playbook("mssp.defender.verify")
    lost = list(slice_of(estate, 2, 3)["_meta"]["hostvars"])
    fault("latency", lost[0], path="token", seconds=60)
    jobs = _verify(estate, 3)
    deadline = time.monotonic() + 60
    while not estate.emulator.control("GET", "faults")[0]["struck"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    jobs[1].kill()
    slices = [job.finish() for job in jobs]
    assert slices[1].artifacts == {}
    assert slices[1].status not in ("successful", "failed")
    assert {job.status for job in (slices[0], slices[2])} == {"successful", "failed"}

    summary = _summarise(estate, merged(slices))
    assert summary.code == 2
    assert {name for name, row in summary.waiting().items() if row["state"] == "not reached"} == set(lost)
    assert len([name for name in estate.customers if summary.recap(name)["failed"]]) == 1
    for name in lost:
        assert summary.waiting()[name]["reason"] == "no job handed on what became of this customer"
        assert summary.waiting()[name]["what to do"] == "launch the workflow again, or run what is missing"

    estate.emulator.control("DELETE", "faults")
    rerun = Job(estate, "rerun", "mssp.defender.verify", slice_of(estate, 2, 3), SLICED).finish()
    completed = _summarise(estate, merged([*slices, rerun]))
    assert completed.blocks("Customers: ") == unsliced.blocks("Customers: ")


def test_slices_without_customers_are_no_failure_and_nobody_is_missing(estate: Ansible) -> None:
    """AWX makes as many slices as there are hosts, and disabled ones count."""
    names = sorted(estate.customers)
    jobs = [job.finish() for job in _verify(estate, 3, disabled=names[1:])]
    assert [job.status for job in jobs] == ["successful"] * 3
    assert [len(job.artifacts) for job in jobs] == [1, 0, 0]
    assert "Could not match" not in jobs[0].run.output
    estate.customers = {names[0]: estate.customers[names[0]]}
    summary = _summarise(estate, merged(jobs))
    assert summary.code == 0, summary.output
    assert list(summary.states(names[:1])) == names[:1]


def test_the_summary_changes_nothing_and_says_the_same_in_check_mode(ansible: Ansible) -> None:
    handed_on = {**_artifact("contoso"), **_artifact("fabrikam", state="not_consented", who="customer admin")}
    runs = [_summarise(ansible, handed_on, *arguments) for arguments in ([], ["--check"])]
    assert [run.code for run in runs] == [0, 0], runs[0].output
    assert [run.blocks("Customers: 1 granted, 1 not_consented") for run in runs[1:]] == [runs[0].blocks("Customers: ")]
    assert all(run.recap(name)["changed"] == 0 for run in runs for name in ansible.customers)


def test_nothing_handed_on_is_nobody_reached(ansible: Ansible) -> None:
    run = _summarise(ansible, {})
    assert run.code == 2
    assert set(run.states(["contoso", "fabrikam"]).values()) == {"not reached"}


def test_who_left_the_inventory_is_named_and_no_failure(ansible: Ansible) -> None:
    handed_on = {**_artifact("contoso"), **_artifact("fabrikam"), **_artifact("gone")}
    run = _summarise(ansible, handed_on)
    assert run.code == 0, run.output
    assert run.table("Handed on, but not in the inventory of this run")[1].split() == ["gone", "granted"]
    assert set(run.states(["contoso", "fabrikam"]).values()) == {"granted"}


def test_a_template_in_an_option_does_not_reach_the_next_job(ansible: Ansible, consent: Callable[..., None]) -> None:
    """Extra variables are templates to Ansible, and the outcome of a job comes back as one."""
    consent("contoso", "fabrikam")
    # the outcome tells of a file that does not exist, and not of a name that is no name of a file
    planted = ansible.place / "planted"
    template = "lookup('ansible.builtin.pipe', 'touch planted') }}"
    ansible.customers["contoso"]["partner_access_ca_path"] = f"{ansible.place}/{{{{ '{{{{' }}}} {template}"
    ansible.customers["fabrikam"]["partner_access_ca_path"] = ansible.emulator.ca_path
    job = Job(ansible, "job", "mssp.defender.verify", slice_of(ansible, 1, 1), SLICED).finish()
    run = _summarise(ansible, job.artifacts)
    assert "not shown" in run.waiting()["contoso"]["reason"]
    assert template not in run.output
    assert not planted.exists()
