# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registered applications, laid out for the table."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.filter.registration_rows import FilterModule, registration_rows

REGISTERED = {
    "changed": False,
    "application": {
        "app_id": "a1",
        "permissions": {"xdr": ["Incident.Read.All"], "graph": ["ThreatHunting.Read.All"]},
        "granted": {"xdr": ["Incident.Read.All"]},
    },
}
ROTATED = {
    "changed": True,
    "app_id": "a1",
    "credential": {"name": "ansible", "key_id": "k1", "expires_at": "2027-05-21T08:00:00Z"},
}
SKIPPED = {"changed": False, "skipped": True}
FAILED = {"changed": False, "failed": False, "failed_when_result": False, "msg": "refused", "meaning": "refused"}
BAD_OPTION = {"changed": False, "failed": False, "failed_when_result": False, "msg": "name is missing"}
RETIRING_REFUSED = {**ROTATED, **FAILED}


def row(registered: Any = None, rotated: Any = None) -> dict[str, Any]:
    results = {"partner_access_registered": registered, "partner_access_rotated": rotated}
    host = {"partner_access_registration": {"unique_name": "provider-soc"}, **results}
    (found,) = registration_rows(["provider"], {"provider": host, "contoso": {}})
    return found


def test_an_application_and_its_credential_are_one_row() -> None:
    assert row(REGISTERED, ROTATED) == {
        "application": "provider-soc",
        "state": "changed",
        "app_id": "a1",
        "asks_for": "Incident.Read.All, ThreatHunting.Read.All",
        "granted_at_home": "Incident.Read.All",
        "credential": "ansible",
        "good_until": "2027-05-21T08:00:00Z",
        "what_follows": "",
    }


def test_what_is_granted_at_home_is_named_only_where_it_is_not_all() -> None:
    application = REGISTERED["application"]
    asked = application["permissions"]
    assert row({**REGISTERED, "application": {**application, "granted": asked}})["granted_at_home"] == "all"
    assert row({**REGISTERED, "application": {**application, "granted": {"xdr": []}}})["granted_at_home"] == ""


def test_what_follows_from_a_change_is_told_and_a_failure_is_not_that() -> None:
    assert row({**REGISTERED, "msg": "customers must consent again"})["what_follows"] == "customers must consent again"
    assert row(FAILED)["what_follows"] == ""


def test_a_rotation_alone_names_its_application() -> None:
    found = row(None, {**ROTATED, "changed": False})
    assert (found["app_id"], found["asks_for"], found["state"]) == ("a1", "", "ok")


@pytest.mark.parametrize(
    ("registered", "rotated", "state"),
    [
        (REGISTERED, None, "ok"),
        (REGISTERED, SKIPPED, "ok"),
        ({**REGISTERED, "changed": True}, SKIPPED, "changed"),
        (FAILED, None, "failed"),
        (REGISTERED, FAILED, "failed"),
        (REGISTERED, BAD_OPTION, "failed"),
        (REGISTERED, RETIRING_REFUSED, "failed"),
        (None, None, "failed"),
        (SKIPPED, None, "failed"),
    ],
)
def test_the_state_is_that_of_the_worse_half(registered: Any, rotated: Any, state: str) -> None:
    assert row(registered, rotated)["state"] == state


def test_a_credential_that_federates_has_no_end() -> None:
    found = row(REGISTERED, {"changed": False, "credential": {"name": "pipeline", "key_id": "f1"}})
    assert (found["credential"], found["good_until"]) == ("pipeline", "")


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"registration_rows": registration_rows}
