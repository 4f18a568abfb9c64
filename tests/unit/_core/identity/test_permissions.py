# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import clouds
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import permissions
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.permissions import GRAPH, XDR

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
        (XDR, "AdvancedHunting.Reads", "AdvancedHunting.Read.All"),
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


@pytest.mark.parametrize(
    ("api", "name", "nearest"),
    [
        (XDR, "AdvancedHunting.Read", "AdvancedHunting.Read.All"),
        (XDR, "Incident.Read", "Incident.Read.All"),
        (GRAPH, "openid", "it has names such as SecurityIncident.Read.All, "),
    ],
)
def test_a_delegated_permission_is_told_from_an_app_role(api: permissions.Api, name: str, nearest: str) -> None:
    with pytest.raises(OptionError) as refused:
        permissions.check_roles(api, [name], f"permissions.{api.name}")
    kind = f"'{name}' is a delegated permission of {api.title}, for signed-in users, and no app role"
    assert str(refused.value).startswith(f"permissions.{api.name}: {kind}: ")
    assert nearest in str(refused.value)


def test_the_table_knows_no_name_as_both_kinds() -> None:
    assert all(not set(api.delegated) & set(api.roles) for api in (XDR, GRAPH))


def role(value: str | None, **members: Any) -> dict[str, Any]:
    return {"value": value, "id": f"id of {value}", "isEnabled": True, "allowedMemberTypes": ["Application"], **members}


def test_what_an_api_publishes_is_read_from_its_service_principal() -> None:
    published = permissions.published(
        {
            "appRoles": [
                role("Incident.Read.All"),
                role("For.Both", allowedMemberTypes=["User", "Application"]),
                role("Only.Users", allowedMemberTypes=["User"]),
                role("Switched.Off", isEnabled=False),
                role(None),
            ],
            "oauth2PermissionScopes": [{"value": "Incident.Read"}, {"value": None}],
        }
    )
    assert published.roles == {"Incident.Read.All": "id of Incident.Read.All", "For.Both": "id of For.Both"}
    assert published.delegated == {"Incident.Read"}


@pytest.mark.parametrize("principal", [{}, {"appRoles": None, "oauth2PermissionScopes": None}])
def test_an_api_may_publish_nothing(principal: dict[str, Any]) -> None:
    assert permissions.published(principal) == permissions.Published({}, frozenset())


def test_a_published_role_is_resolved_although_our_table_lacks_it() -> None:
    known = permissions.Published({"Brand.New.All": "id-1", "Incident.Read.All": "id-2"}, frozenset())
    names = ["Incident.Read.All", "Brand.New.All", "Incident.Read.All"]
    resolved = permissions.resolve(XDR, names, "permissions.xdr", known)
    assert list(resolved.items()) == [("Incident.Read.All", "id-2"), ("Brand.New.All", "id-1")]


def test_a_role_that_is_not_published_is_refused_although_our_table_has_it() -> None:
    known = permissions.Published({"Incident.Read.All": "id-2"}, frozenset())
    with pytest.raises(OptionError, match=r"permission 'AdvancedHunting.Read.All': did you mean Incident"):
        permissions.resolve(XDR, ["AdvancedHunting.Read.All"], "permissions.xdr", known)


def test_what_an_api_has_is_listed_only_as_far_as_a_sentence_goes() -> None:
    known = permissions.Published({f"Role{number}.All": str(number) for number in range(800)}, frozenset())
    with pytest.raises(OptionError) as refused:
        permissions.resolve(GRAPH, ["xyz"], "permissions.graph", known)
    assert len(str(refused.value)) < 300
