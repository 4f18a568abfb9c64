# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registered applications, laid out for the table."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.filter.registration_rows import FilterModule, registration_rows

OF_HOSTS = {"hosts": ["contoso", "fabrikam"], "unique_name": "provider-soc"}
REGISTERED = {
    **OF_HOSTS,
    "changed": False,
    "application": {
        "app_id": "a1",
        "permissions": {"xdr": ["Incident.Read.All"], "graph": ["ThreatHunting.Read.All"]},
        "granted": {"xdr": ["Incident.Read.All"]},
    },
}
ROTATED = {
    **OF_HOSTS,
    "changed": True,
    "app_id": "a1",
    "credential": {"name": "ansible", "key_id": "k1", "expires_at": "2027-05-21T08:00:00Z"},
}
FAILED = {**OF_HOSTS, "changed": False, "msg": "refused", "meaning": "refused"}
BAD_OPTION = {**OF_HOSTS, "changed": False, "msg": "name is missing"}
RETIRING_REFUSED = {**ROTATED, **FAILED}


def row(registered: Any = None, rotated: Any = None) -> dict[str, Any]:
    (found,) = registration_rows([registered] if registered else [], [rotated] if rotated else [])
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
        ({**REGISTERED, "changed": True}, None, "changed"),
        ({**REGISTERED, "changed": True}, {**ROTATED, "changed": False}, "changed"),
        (FAILED, None, "failed"),
        (REGISTERED, FAILED, "failed"),
        (REGISTERED, BAD_OPTION, "failed"),
        (REGISTERED, RETIRING_REFUSED, "failed"),
    ],
)
def test_the_state_is_that_of_the_worse_half(registered: Any, rotated: Any, state: str) -> None:
    assert row(registered, rotated)["state"] == state


def test_a_credential_that_federates_has_no_end() -> None:
    found = row(REGISTERED, {**OF_HOSTS, "changed": False, "credential": {"name": "pipeline", "key_id": "f1"}})
    assert (found["credential"], found["good_until"]) == ("pipeline", "")


def test_each_application_has_a_row_of_its_own_also_where_only_some_of_its_hosts_have_the_credential() -> None:
    other = {**REGISTERED, "hosts": ["tailspin"], "unique_name": "other-soc"}
    rows = registration_rows([REGISTERED, other], [{**ROTATED, "hosts": ["fabrikam"]}])
    assert [(each["application"], each["credential"]) for each in rows] == [
        ("provider-soc", "ansible"),
        ("other-soc", ""),
    ]


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"registration_rows": registration_rows}
