# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tokens prove the consent of a fleet."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.filter.proofs import proofs

BOTH = {"graph": ["SecurityIncident.Read.All"], "xdr": ["Incident.Read.All"]}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [("xdr", [])]),
        ({"permissions": {"xdr": [], "graph": []}}, [("xdr", [])]),
        ({"permissions": {"graph": ["User.Read.All"], "xdr": []}}, [("graph", ["User.Read.All"])]),
        ({"permissions": BOTH}, [("xdr", ["Incident.Read.All"]), ("graph", ["SecurityIncident.Read.All"])]),
        ({"permissions": BOTH, "required_roles": ["Alert.Read.All"]}, [("xdr", ["Alert.Read.All"])]),
        ({"permissions": BOTH, "resource": "graph"}, [("graph", ["SecurityIncident.Read.All"])]),
        ({"permissions": BOTH, "resource": "graph", "required_roles": ["a"]}, [("graph", ["a"])]),
        ({"permissions": BOTH, "resource": "https://soc.example"}, [("https://soc.example", [])]),
    ],
)
def test_each_api_that_is_asked_for_is_proven(settings: dict[str, Any], expected: list[tuple[str, list[str]]]) -> None:
    found = proofs({"contoso": {"settings": settings, "tenants": []}})
    assert [(proof["resource"], proof["required_roles"]) for proof in found] == expected
    assert {proof["leader"] for proof in found} == {"contoso"}


def test_no_fleets_need_no_proof() -> None:
    assert proofs({}) == []
