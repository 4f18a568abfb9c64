# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter grammar, each expression against the same question asked of the whole list."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import Caller

Consent = Callable[..., None]
Incident = dict[str, Any]


@pytest.fixture
def token(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> str:
    consented()
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"incident_count": 100})
    return caller.token()


def _moment(text: str) -> str:
    """The same width for every number of fraction digits, so that text compares as time."""
    whole, _mark, fraction = text.rstrip("Z").partition(".")
    return f"{whole}.{fraction:<07}"


# of the day alone: it stands in the names of tests, which every process must know by the same name
WEEK_AGO = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=7)).strftime("%Y-%m-%dT12:00:00")
ANALYST = "soc-tier1@northwind.example"

EXPRESSIONS: dict[str, Callable[[Incident], bool]] = {
    "status eq 'Active'": lambda i: i["status"] == "Active",
    "status ne 'Active'": lambda i: i["status"] != "Active",
    f"assignedTo eq '{ANALYST}'": lambda i: i["assignedTo"] == ANALYST,
    "assignedTo eq null": lambda i: i["assignedTo"] is None,
    f"lastUpdateTime ge {WEEK_AGO}.0000000Z": lambda i: _moment(i["lastUpdateTime"]) >= f"{WEEK_AGO}.0000000",
    f"lastUpdateTime gt {WEEK_AGO}Z": lambda i: _moment(i["lastUpdateTime"]) > f"{WEEK_AGO}.0000000",
    f"createdTime lt {WEEK_AGO}.5Z": lambda i: _moment(i["createdTime"]) < f"{WEEK_AGO}.5000000",
    f"createdTime le {WEEK_AGO}+00:00": lambda i: _moment(i["createdTime"]) <= f"{WEEK_AGO}.0000000",
    f"status eq 'Active' and lastUpdateTime gt {WEEK_AGO}Z": lambda i: (
        i["status"] == "Active" and _moment(i["lastUpdateTime"]) > f"{WEEK_AGO}.0000000"
    ),
    "status eq 'Resolved' or status eq 'InProgress'": lambda i: i["status"] in ("Resolved", "InProgress"),
    f"status eq 'Active' or status eq 'Resolved' and assignedTo eq '{ANALYST}'": lambda i: (
        i["status"] == "Active" or (i["status"] == "Resolved" and i["assignedTo"] == ANALYST)
    ),
    f"(status eq 'Active' or status eq 'Resolved') and assignedTo eq '{ANALYST}'": lambda i: (
        i["status"] in ("Active", "Resolved") and i["assignedTo"] == ANALYST
    ),
    "status in ('Active')": lambda i: i["status"] == "Active",
    "(status in ('Resolved','InProgress')) or assignedTo in (null)": lambda i: (
        i["status"] in ("Resolved", "InProgress") or i["assignedTo"] is None
    ),
    f"lastUpdateTime ge {WEEK_AGO[:10]}": lambda i: i["lastUpdateTime"] >= WEEK_AGO[:10],
    "((status eq 'Active'))": lambda i: i["status"] == "Active",
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression(caller: Caller, token: str, expression: str) -> None:
    everything = caller.get("/api/incidents", token).json()["value"]
    answer = caller.get("/api/incidents", token, **{"$filter": expression})
    assert answer.status_code == 200, answer.text
    expected = {i["incidentId"] for i in everything if EXPRESSIONS[expression](i)}
    assert 0 < len(expected) < len(everything)
    assert {i["incidentId"] for i in answer.json()["value"]} == expected


def test_a_moment_is_compared_to_its_last_digit(caller: Caller, token: str) -> None:
    for incident in caller.get("/api/incidents", token).json()["value"][:30]:
        moment = incident["lastUpdateTime"]
        found = caller.get("/api/incidents", token, **{"$filter": f"lastUpdateTime eq {moment}"}).json()["value"]
        assert incident["incidentId"] in {i["incidentId"] for i in found}


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "status",
        "status eq",
        "status eq 'Active' and",
        "status eq 'Active' status eq 'Active'",
        "(status eq 'Active'",
        "status eq 'Active')",
        "status is 'Active'",
        "status eq 'active'",
        "status gt 'Active'",
        "Status eq 'Active'",
        "status eq 'Active",
        "lastUpdateTime gt '2026-01-01T00:00:00Z'",
        "lastUpdateTime gt 2026-01",
        "lastUpdateTime gt 2026-13-01T00:00:00Z",
        "lastUpdateTime gt 2026-01-01T00:00:00",
        "not (status eq 'Active')",
        "status in ('Active', 'open')",
        "status in ('Active'",
        "status in 'Active'",
        "status in ()",
        "(" * 5000,
    ],
)
def test_an_expression_it_cannot_read(caller: Caller, token: str, expression: str) -> None:
    answer = caller.get("/api/incidents", token, **{"$filter": expression})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"]


def test_operators_can_be_taken_away(caller: Caller, emulator: EmulatorProcess, token: str) -> None:
    emulator.control("PATCH", "application", {"filter_operators": ["ge", "eq"]})
    for symbol, status in (("ge", 200), ("gt", 400), ("lt", 400)):
        answer = caller.get("/api/incidents", token, **{"$filter": f"lastUpdateTime {symbol} {WEEK_AGO}Z"})
        assert answer.status_code == status, symbol
    assert caller.get("/api/incidents", token, **{"$filter": "status in ('Active')"}).status_code == 400
    assert caller.get("/api/incidents", token, **{"$filter": "status ne 'Active'"}).status_code == 400
