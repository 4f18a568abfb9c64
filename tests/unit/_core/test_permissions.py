# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import clouds, permissions
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.permissions import GRAPH, XDR

ROLES = st.lists(st.sampled_from([*XDR.roles, *GRAPH.roles]), unique=True)


@given(required=ROLES, granted=ROLES)
def test_nothing_is_missing_once_it_is_granted(required: list[str], granted: list[str]) -> None:
    assert permissions.missing(required, [*granted, *required]) == []
    lacking = permissions.missing(required, granted)
    assert permissions.missing(required, [*granted, *lacking]) == []


@given(required=ROLES, granted=ROLES)
def test_what_is_missing_was_required_and_not_granted_in_the_order_it_was_required(
    required: list[str], granted: list[str]
) -> None:
    lacking = permissions.missing(required, granted)
    assert lacking == [role for role in required if role in lacking]
    assert not set(lacking) & set(granted)


@given(required=ROLES, granted=ROLES)
def test_required_roles_are_missing_unless_they_or_their_write_twin_are_granted(
    required: list[str], granted: list[str]
) -> None:
    for role in required:
        covered = role in granted or role.replace(".Read.", ".ReadWrite.") in granted
        assert (role in permissions.missing(required, granted)) != covered


def test_a_read_role_does_not_cover_its_write_twin() -> None:
    assert permissions.missing(["Incident.ReadWrite.All"], ["Incident.Read.All"]) == ["Incident.ReadWrite.All"]


@given(required=ROLES, granted=ROLES)
def test_excess_is_what_can_be_taken_away(required: list[str], granted: list[str]) -> None:
    surplus = permissions.excess(required, granted)
    assert surplus == sorted(surplus)
    assert set(surplus) | (set(granted) & set(required)) == set(granted)
    assert not set(surplus) & set(required)
    assert permissions.excess(granted, granted) == []


@pytest.mark.parametrize("api", [XDR, GRAPH], ids=lambda api: str(api.name))
def test_every_role_of_an_api_is_accepted_in_order(api: permissions.Api) -> None:
    names = list(reversed(api.roles))
    assert permissions.check_roles(api, names, "required_roles") == names
    assert api.default_role in api.roles


@pytest.mark.parametrize(
    ("api", "wrong", "right"),
    [
        (XDR, "Incidents.Read.All", "Incident.Read.All"),
        (XDR, "incident.readwrite.all", "Incident.ReadWrite.All"),
        (XDR, "AdvancedHunting.Read", "AdvancedHunting.Read.All"),
        (GRAPH, "SecurityIncidents.Read.All", "SecurityIncident.Read.All"),
        (GRAPH, "Incident.Read.All", "SecurityIncident.Read.All"),
    ],
)
def test_an_unknown_role_is_refused_with_the_nearest_right_one(api: permissions.Api, wrong: str, right: str) -> None:
    with pytest.raises(OptionError) as refused:
        permissions.check_roles(api, [wrong], "required_roles")
    assert str(refused.value) == (
        f"required_roles: {api.title} has no application permission '{wrong}': did you mean {right}"
    )


def test_a_role_like_no_other_is_refused_with_all_there_are() -> None:
    with pytest.raises(OptionError) as refused:
        permissions.check_roles(XDR, ["xyz"], "permissions.xdr")
    assert all(role in str(refused.value) for role in XDR.roles)


@pytest.mark.parametrize(
    ("cloud", "xdr", "graph"),
    [
        ("worldwide", "https://api.security.microsoft.com", "https://graph.microsoft.com"),
        ("gcc", "https://api-gcc.security.microsoft.us", "https://graph.microsoft.com"),
        ("gcc_high", "https://api-gov.security.microsoft.us", "https://graph.microsoft.us"),
        ("dod", "https://api-gov.security.microsoft.us", "https://dod-graph.microsoft.us"),
    ],
)
def test_tokens_are_asked_for_the_resource_of_the_cloud(cloud: str, xdr: str, graph: str) -> None:
    assert permissions.resource_of(XDR, clouds.select(cloud)) == xdr
    assert permissions.resource_of(GRAPH, clouds.select(cloud)) == graph


def test_a_cloud_without_the_api_is_refused() -> None:
    with pytest.raises(OptionError, match=r"cloud 'china' has no Microsoft Threat Protection API: choose another"):
        permissions.resource_of(XDR, clouds.select("china"))


def test_the_ids_are_those_microsoft_publishes() -> None:
    assert (XDR.app_id, XDR.roles["Incident.Read.All"]) == (
        "8ee8fdad-f234-4243-8f3b-15c294843740",
        "a9790345-4595-42e4-971a-ccdc79f19b7c",
    )
    every_id = [XDR.app_id, GRAPH.app_id, *XDR.roles.values(), *GRAPH.roles.values()]
    assert all(clouds.GUID.match(text) for text in every_id)
    assert len(set(every_id)) == len(every_id)
