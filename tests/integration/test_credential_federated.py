# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A federated credential says whose tokens are accepted, and such a token really gets one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.emulated_tenants import HomeTenant
from support.emulator import EmulatorProcess
from support.operations import Tasks

NAME = "northwind-soc"
OF_TASK: dict[str, Any] = {"unique_name": NAME, "kind": "federated", "name": "pipeline"}

Writes = Callable[[], list[str]]


@pytest.fixture
def trust(emulator: EmulatorProcess) -> dict[str, str]:
    """The emulator's identity provider, whose token lies in a file."""
    return {
        "issuer": emulator.connection["federated_issuer"],
        "subject": emulator.connection["federated_subject"],
    }


def _gets_a_token(tasks: Tasks, emulator: EmulatorProcess, app_id: str) -> dict[str, Any]:
    return tasks.token(
        tenant_id=emulator.home_tenant_id,
        client_id=app_id,
        client_secret=None,
        federated_token_file=emulator.connection["federated_token_file"],
        required_roles=["Incident.Read.All"],
    )


def test_it_is_made_and_gets_a_token(
    tasks: Tasks, emulator: EmulatorProcess, registered: dict[str, Any], trust: dict[str, str], writes: Writes
) -> None:
    app_id = registered["app_id"]
    assert _gets_a_token(tasks, emulator, app_id)["state"] == "bad_credential"
    writes()
    planned = tasks.credential(**OF_TASK, **trust, check_mode=True)
    assert planned["changed"]
    assert writes() == []
    result = tasks.credential(**OF_TASK, **trust, description="the nightly run")
    assert result["changed"]
    assert writes() == ["POST federatedIdentityCredentials"]
    assert result["credential"]["name"] == "pipeline"
    assert result["credential"]["issuer"] == trust["issuer"]
    assert result["credential"]["subject"] == trust["subject"]
    assert result["credential"]["audiences"] == ["api://AzureADTokenExchange"]
    assert _gets_a_token(tasks, emulator, app_id)["state"] == "granted"

    again = tasks.credential(**OF_TASK, **trust)
    assert again["changed"] is False, "a description that is left out stays"
    assert again["credential"]["key_id"] == result["credential"]["key_id"]
    assert writes() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issuer", "https://other.example"),
        ("subject", "repo:northwind/soc:environment:staging"),
        ("audiences", ["api://other"]),
        ("description", "for the weekly run"),
    ],
)
def test_one_field_changes_alone(
    tasks: Tasks,
    home: HomeTenant,
    registered: dict[str, Any],
    trust: dict[str, str],
    writes: Writes,
    field: str,
    value: Any,
) -> None:
    made = tasks.credential(**OF_TASK, **trust, description="the nightly run")["credential"]
    before = home.application()["federatedIdentityCredentials"]
    writes()
    changed = {**OF_TASK, **trust, field: value}
    planned = tasks.credential(**changed, check_mode=True)
    assert writes() == []
    result = tasks.credential(**changed)
    assert result["diff"] == planned["diff"]
    assert result["diff"]["after"] == {field: value}
    assert set(result["diff"]["before"]) == {field}
    assert writes() == [f"PATCH {made['key_id']}"]
    assert home.application()["federatedIdentityCredentials"] == [{**before[0], field: value}]
    assert tasks.credential(**changed)["changed"] is False
    assert registered["app_id"] == result["app_id"]


@pytest.mark.usefixtures("registered")
def test_two_names_for_one_trust_are_refused(tasks: Tasks, home: HomeTenant, trust: dict[str, str]) -> None:
    """Entra ID takes a pair of issuer and subject only once: its words are passed on."""
    tasks.credential(**OF_TASK, **trust)
    result = tasks.credential(**{**OF_TASK, "name": "other"}, **trust)
    assert result["failed"]
    assert "issuer and subject" in result["msg"]
    assert len(home.application()["federatedIdentityCredentials"]) == 1


@pytest.mark.usefixtures("registered")
def test_it_is_waited_for_while_the_directory_lags(
    tasks: Tasks, home: HomeTenant, trust: dict[str, str], fault: Callable[..., None]
) -> None:
    """A change right after the creation meets a directory that does not list it yet."""
    fault("directory_lag", seconds=1.5, path="/federatedIdentityCredentials/")
    tasks.credential(**OF_TASK, **trust)
    result = tasks.credential(**OF_TASK, **trust, description="a minute later")
    assert not result["failed"], result
    (entry,) = home.application()["federatedIdentityCredentials"]
    assert entry["description"] == "a minute later"
