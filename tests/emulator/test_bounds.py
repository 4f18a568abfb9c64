# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter by last update is answered without a look at every incident, and answers the same.

In parentheses the same filter bounds nothing: then each incident is looked at.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller

Consent = Callable[..., None]
Incident = dict[str, Any]
CONTROL = "tenants/contoso.example/incidents"
MANY = 20_000
# each with the names of its id, its last update and its creation, and some other terms
XDR = ("/api/incidents", "incidentId", "lastUpdateTime", "createdTime", ("status eq 'Active'", "assignedTo ne null"))
GRAPH = (
    "/v1.0/security/incidents",
    "id",
    "lastUpdateDateTime",
    "createdDateTime",
    ("status eq 'active'", "severity ne 'high'"),
)


@pytest.fixture
def tokens(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> dict[str, str]:
    """By path."""
    consented("contoso", "Incident.ReadWrite.All", "SecurityIncident.Read.All")
    emulator.control("PATCH", "application", {"quota_per_minute": None, "quota_per_hour": None})
    return {XDR[0]: caller.token(), GRAPH[0]: caller.token(scope=GRAPH_SCOPE)}


def _expression(rng: random.Random, moments: list[str], updated: str, created: str, others: tuple[str, ...]) -> str:
    """Comparisons, most of them of the last update, with moments that incidents have."""

    def term(depth: int) -> str:
        kind = rng.random()
        if kind < 0.15:
            return rng.choice(others)
        if kind < 0.3 and depth:
            return f"({joined(depth - 1)})"
        field = updated if rng.random() < 0.8 else created
        return f"{field} {rng.choice(['ge', 'gt', 'lt', 'le', 'ne', 'eq', 'ge', 'lt'])} {rng.choice(moments)}"

    def joined(depth: int) -> str:
        text = term(depth)
        for _turn in range(rng.randrange(3)):
            text += f" {rng.choice(['and', 'and', 'and', 'or'])} {term(depth)}"
        return text

    return joined(2)


@pytest.mark.parametrize("order", ["generated", "oldest_first", "newest_first", "shuffled"])
@pytest.mark.parametrize("api", [XDR, GRAPH], ids=["xdr", "graph"])
def test_bounds_change_no_answer(
    caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str], api: tuple[Any, ...], order: str
) -> None:
    path, id_name, *names = api
    emulator.control("PATCH", "tenants/contoso.example", {"incident_count": 45})
    emulator.control("PATCH", "application", {"incident_order": order})
    rng = random.Random(f"{path} {order}")

    def ids(expression: str) -> list[int]:
        answer = caller.get(path, tokens[path], **{"$filter": expression})
        assert answer.status_code == 200, (expression, answer.text)
        found = [int(incident[id_name]) for incident in answer.json()["value"]]
        return sorted(found) if order == "shuffled" else found

    sizes = set()
    moments = [incident["lastUpdateTime"] for incident in emulator.control("GET", CONTROL)["incidents"]]
    for _turn in range(60):
        expression = _expression(rng, moments, *names)
        found = ids(expression)
        assert found == ids(f"({expression})"), expression
        sizes.add(len(found))
    assert len(sizes) > 10


def test_a_change_shows_at_once(caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]) -> None:
    path, id_name, updated, *_unused = XDR
    everything = f"{updated} ge 2000-01-01T00:00:00Z"

    def incidents(expression: str = everything) -> list[Incident]:
        found: list[Incident] = caller.get(path, tokens[path], **{"$filter": expression}).json()["value"]
        return found

    first, second = (incident[id_name] for incident in incidents()[:2])
    changes: list[tuple[str, str, object]] = [
        ("POST", CONTROL, {"incidents": [{updated: "2026-11-20T10:00:00Z"}]}),
        ("PATCH", f"{CONTROL}/{first}", {"status": "InProgress"}),
        ("DELETE", f"{CONTROL}/{second}", None),
        ("PATCH", "tenants/contoso.example", {"incident_count": 12}),
    ]
    for change in changes:
        before = incidents()
        emulator.control(*change)
        assert before != incidents() == incidents(f"({everything})"), change


def test_many_incidents_window_by_window(caller: Caller, emulator: EmulatorProcess, tokens: dict[str, str]) -> None:
    path, id_name, updated, *_unused = XDR
    emulator.control("PATCH", "tenants/contoso.example", {"incident_count": MANY})
    incidents = sorted(emulator.control("GET", CONTROL)["incidents"], key=_comparable)
    seconds = {"": 0.0, "()": 0.0}
    for first in range(0, MANY, MANY // 20):
        part = incidents[first : first + 40]
        window = f"{updated} ge {part[0][updated]} and {updated} le {part[-1][updated]}"
        least, greatest = _comparable(part[0]), _comparable(part[-1])
        expected = {one[id_name] for one in incidents if least <= _comparable(one) <= greatest}
        answers = {}
        for kind, expression in (("", window), ("()", f"({window})")):
            start = time.monotonic()
            answer = caller.get(path, tokens[path], **{"$filter": expression})
            seconds[kind] += time.monotonic() - start
            answers[kind] = [incident[id_name] for incident in answer.json()["value"]]
        assert answers[""] == answers["()"]
        # bulk actions change more than a page of them at one moment
        assert set(answers[""]) == expected or (len(answers[""]) == 100 and set(answers[""]) < expected)
    assert seconds[""] < seconds["()"] / 2


def _comparable(incident: Incident) -> str:
    """The last update, of the same width for every number of fraction digits, so that text compares as time."""
    whole, _mark, fraction = incident["lastUpdateTime"].rstrip("Z").partition(".")
    return f"{whole}.{fraction:<07}"
