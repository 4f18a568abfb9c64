# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operator of 300 customers has on one screen of 80 columns, without a setting of their own."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from support.ansible_runs import Ansible, in_terminal

pytestmark = pytest.mark.slow

COLUMNS, MOST_LINES = 80, 60
WAITING = 12
REGISTRATION = {
    "partner_access_unique_name": "northwind-soc",
    "partner_access_credential_dest": "northwind-soc.pem",
}


@pytest.fixture
def estate(ansible: Ansible, consent: Callable[..., None]) -> Ansible:
    """Three hundred customers, of which twelve have not consented yet."""
    granted, waiting = ansible.emulator.tenant_id("contoso"), ansible.emulator.tenant_id("fabrikam")
    consent("contoso")
    ansible.customers = {
        f"customer-{number:04}": {"partner_access_tenant_id": waiting if number % 25 == 7 else granted}
        for number in range(300)
    }
    ansible.variables["partner_access_incidents_backfill"] = "1d"
    return ansible


def _screen(estate: Ansible, playbook: str, *arguments: str, **environment: str) -> tuple[int, list[str]]:
    """Run a playbook in a terminal and return its exit code and its lines, as broken by the terminal."""
    command = ["ansible-playbook", "-i", str(estate.inventory()), f"mssp.defender.{playbook}", *arguments]
    code, output = in_terminal(estate, command, rows=40, columns=COLUMNS, **environment)
    lines = [line[at : at + COLUMNS] for line in output.splitlines() for at in range(0, max(1, len(line)), COLUMNS)]
    return code, lines


def _block(lines: list[str], start: str) -> list[str]:
    """Return the lines from that which begins so, up to the next empty one."""
    at = next(number for number, line in enumerate(lines) if line.startswith(start))
    return lines[at : lines.index("", at) if "" in lines[at:] else None]


@pytest.mark.parametrize("playbook", ["verify", "onboard", "incidents"])
def test_a_run_that_goes_well_fits_and_ends_with_who_waits(estate: Ansible, playbook: str) -> None:
    code, lines = _screen(estate, playbook)
    assert code == 0, lines
    assert len(lines) <= MOST_LINES, "\n".join(lines)
    assert "skipping" not in "\n".join(lines)
    (title,) = [line for line in lines if line.startswith("Customers: ")]
    assert title.startswith("Customers: 288 granted, 12 not_consented")
    names = " ".join(_block(lines, "12 customers: "))
    assert re.findall(r"customer-\d{4}", names)[:WAITING] == [f"customer-{number:04}" for number in range(7, 300, 25)]
    last = [line for line in lines[lines.index(title) :] if line.startswith(("TASK", "PLAY"))]
    assert [line.split(" *")[0] for line in last] == ["PLAY RECAP"]


def test_with_verbosity_those_that_are_granted_are_named(estate: Ansible) -> None:
    _code, lines = _screen(estate, "verify", "-v")
    text = " ".join(lines[next(number for number, line in enumerate(lines) if line.startswith("Customers: ")) :])
    assert set(re.findall(r"customer-\d{4}", text)) == set(estate.customers)


def test_a_wrong_secret_is_told_once_and_tried_in_two_tenants(
    estate: Ansible, count_requests: Callable[[str], int]
) -> None:
    tenants = [tenant["tenant_id"] for tenant in estate.emulator.connection["tenants"]]
    for number, customer in enumerate(estate.customers.values()):
        customer["partner_access_tenant_id"] = tenants[number % len(tenants)]
    code, lines = _screen(estate, "verify", AZURE_CLIENT_SECRET="wrong~secret")
    assert code == 2
    assert len(lines) <= MOST_LINES + 5, "\n".join(lines)
    text = "\n".join(lines)
    assert text.count("AADSTS7000215") == 1
    assert "all 300 customers: customer-0000" in text
    assert "Customers: 300 bad_credential" in lines
    assert count_requests("/token") <= 3


def test_a_missing_file_of_all_is_one_error_before_anybody_is_asked(
    estate: Ansible, count_requests: Callable[[str], int]
) -> None:
    code, lines = _screen(estate, "hunt", "-e", "partner_access_hunt_query_file=nowhere.kql")
    assert code == 2
    assert len(lines) <= MOST_LINES, "\n".join(lines)
    assert "for all 300 customers: " in "".join(lines)
    assert f"{estate.place}/nowhere.kql" in "".join(lines)
    assert count_requests("/") == 0


@pytest.mark.parametrize("playbook", ["register", "rotate"])
def test_registering_is_one_task_for_all(provider: Ansible, playbook: str) -> None:
    tenant = provider.emulator.tenant_id("contoso")
    provider.customers = {f"customer-{number:04}": {"partner_access_tenant_id": tenant} for number in range(300)}
    provider.variables |= REGISTRATION
    if playbook == "rotate":
        assert provider.playbook("mssp.defender.register").code == 0
    code, lines = _screen(provider, playbook)
    assert code == 0, lines
    assert len(lines) <= MOST_LINES, "\n".join(lines)
    assert "skipping" not in "\n".join(lines)
