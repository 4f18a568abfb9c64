# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.identity.permissions import APIS, GRAPH, XDR, Api
from ansible_collections.mssp.defender.plugins.module_utils._core.registration import declaration
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.declaration import AUDIENCES, Declared

LOCK = "servicePrincipalLockConfiguration"
SENSITIVE = ("credentialsWithUsageVerify", "credentialsWithUsageSign", "tokenEncryptionKeyId")
FLAGS = ("isEnabled", "allProperties", *SENSITIVE)
WHOLE_LOCK = dict.fromkeys(FLAGS, True)
OTHER_API = "99999999-9999-4999-8999-999999999999"
ADDRESSES = st.sampled_from([f"https://soc.example/{name}" for name in "abcd"])
ROLE_IDS = {api.app_id: st.sampled_from(sorted(api.roles.values())) for api in (XDR, GRAPH)}


def access_entries(app_id: str) -> st.SearchStrategy[dict[str, Any]]:
    """Entries of `requiredResourceAccess`: app roles and delegated permissions in any order."""
    roles = ROLE_IDS.get(app_id, st.uuids().map(str)).map(lambda role_id: {"id": role_id, "type": "Role"})
    scopes = st.uuids().map(lambda scope_id: {"id": str(scope_id), "type": "Scope"})
    access = st.lists(roles | scopes, min_size=1, max_size=4, unique_by=lambda item: item["id"])
    return access.map(lambda items: {"resourceAppId": app_id, "resourceAccess": items})


ACCESS = st.lists(
    st.one_of(*(access_entries(app_id) for app_id in (XDR.app_id, GRAPH.app_id, OTHER_API))),
    unique_by=lambda entry: entry["resourceAppId"],
)
APPLICATIONS = st.fixed_dictionaries(
    {"id": st.just("o1"), "notes": st.just("ours alone")},
    optional={
        "displayName": st.sampled_from(["SOC", "Old name"]),
        "signInAudience": st.sampled_from(AUDIENCES),
        "web": st.none()
        | st.fixed_dictionaries(
            {"redirectUris": st.lists(ADDRESSES, unique=True)},
            optional={
                "homePageUrl": st.just("https://soc.example"),
                "redirectUriSettings": st.just([{"uri": "https://soc.example/a", "index": 1}]),
            },
        ),
        "requiredResourceAccess": st.none() | ACCESS,
        LOCK: st.none() | st.dictionaries(st.sampled_from(FLAGS), st.none() | st.booleans()),
    },
)


def named_roles(api: Api) -> st.SearchStrategy[dict[str, str]]:
    return st.sets(st.sampled_from(sorted(api.roles))).map(lambda names: {name: api.roles[name] for name in names})


DECLARED = st.builds(
    Declared,
    display_name=st.none() | st.sampled_from(["SOC", "New name"]),
    sign_in_audience=st.sampled_from(AUDIENCES),
    redirect_uris=st.none() | st.lists(ADDRESSES, unique=True),
    roles=st.fixed_dictionaries({}, optional={api.name: named_roles(api) for api in (XDR, GRAPH)}),
    property_lock=st.booleans(),
)
KNOWN = {name: api.roles for name, api in APIS.items()}


def access_of(application: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """Return what the application asks of each API, by the API's id."""
    found = application.get("requiredResourceAccess") or []
    return {entry["resourceAppId"]: entry["resourceAccess"] for entry in found}


def role_ids(items: list[dict[str, str]]) -> set[str]:
    return {item["id"] for item in items if item["type"] == "Role"}


def delegated(items: list[dict[str, str]]) -> list[dict[str, str]]:
    return [item for item in items if item["type"] != "Role"]


@given(application=APPLICATIONS, declared=DECLARED)
def test_what_was_changed_once_needs_no_change(application: dict[str, Any], declared: Declared) -> None:
    changed = {**application, **declaration.changes(application, declared)}
    assert declaration.changes(changed, declared) == {}


@given(declared=DECLARED)
def test_what_was_created_needs_no_change(declared: Declared) -> None:
    created = declaration.creation("provider-soc", declared)
    assert declaration.changes(created, declared) == {}
    assert created["displayName"] == (declared.display_name or "provider-soc")


@given(application=APPLICATIONS, declared=DECLARED)
def test_an_application_becomes_what_is_declared(application: dict[str, Any], declared: Declared) -> None:
    changed = {**application, **declaration.changes(application, declared)}
    assert changed["signInAudience"] == declared.sign_in_audience
    assert changed.get("displayName") == (declared.display_name or application.get("displayName"))
    if declared.redirect_uris is not None:
        assert sorted(declaration.redirect_uris(changed)) == sorted(declared.redirect_uris)
    if declared.property_lock:
        assert declaration.describe(changed, KNOWN)["property_lock"] is True
    for name, roles in declared.roles.items():
        assert role_ids(access_of(changed).get(APIS[name].app_id, [])) == set(roles.values())


@given(application=APPLICATIONS, declared=DECLARED)
def test_what_is_not_declared_survives(application: dict[str, Any], declared: Declared) -> None:
    changes = declaration.changes(application, declared)
    changed = {**application, **changes}
    assert set(changes) <= {"displayName", "signInAudience", "web", "requiredResourceAccess", LOCK}
    if declared.display_name is None:
        assert "displayName" not in changes
    if declared.redirect_uris is None:
        assert "web" not in changes
    if not declared.property_lock:
        assert LOCK not in changes
    assert (changed.get("web") or {}).get("homePageUrl") == (application.get("web") or {}).get("homePageUrl")
    before, after = access_of(application), access_of(changed)
    undeclared = set(before) - {APIS[name].app_id for name in declared.roles}
    assert {app_id: after[app_id] for app_id in undeclared} == {app_id: before[app_id] for app_id in undeclared}
    for app_id, items in before.items():
        assert delegated(after.get(app_id, [])) == delegated(items)


@given(application=APPLICATIONS, declared=DECLARED)
def test_no_api_is_asked_for_nothing_or_twice(application: dict[str, Any], declared: Declared) -> None:
    changes = declaration.changes(application, declared)
    access = changes.get("requiredResourceAccess", [])
    assert all(entry["resourceAccess"] for entry in access)
    assert len(access_of(changes)) == len(access)


def test_settings_of_the_old_addresses_do_not_contradict_the_new_ones() -> None:
    web = {"redirectUris": ["https://a.example"], "redirectUriSettings": [{"uri": "https://a.example", "index": 1}]}
    declared = Declared(None, AUDIENCES[0], ["https://b.example"], {}, property_lock=False)
    changes = declaration.changes({"web": web, "signInAudience": AUDIENCES[0]}, declared)
    assert changes == {"web": {"redirectUris": ["https://b.example"]}}


def test_the_order_of_addresses_is_no_difference() -> None:
    declared = Declared(None, AUDIENCES[0], ["https://b.example", "https://a.example"], {}, property_lock=False)
    web = {"redirectUris": ["https://a.example", "https://b.example"]}
    assert declaration.changes({"web": web, "signInAudience": AUDIENCES[0]}, declared) == {}


def test_an_empty_list_takes_away_and_none_leaves() -> None:
    application = {
        "signInAudience": AUDIENCES[0],
        "web": {"redirectUris": ["https://a.example"]},
        "requiredResourceAccess": [
            {"resourceAppId": XDR.app_id, "resourceAccess": [{"id": XDR.roles["Incident.Read.All"], "type": "Role"}]}
        ],
    }
    assert declaration.changes(application, Declared(None, AUDIENCES[0], None, {}, property_lock=False)) == {}
    assert declaration.changes(application, Declared(None, AUDIENCES[0], [], {"xdr": {}}, property_lock=False)) == {
        "web": {"redirectUris": []},
        "requiredResourceAccess": [],
    }


@pytest.mark.parametrize(
    ("lock", "is_locked"),
    [
        (None, False),
        ({}, False),
        ({"isEnabled": True}, False),
        ({"isEnabled": True, "allProperties": True}, True),
        ({"isEnabled": True, "allProperties": True, "credentialsWithUsageVerify": False}, True),
        ({"isEnabled": True, "allProperties": False, **dict.fromkeys(SENSITIVE, True)}, True),
        ({"isEnabled": True, **dict.fromkeys(SENSITIVE[1:], True)}, False),
        ({"isEnabled": False, **dict.fromkeys(FLAGS[1:], True)}, False),
        ({"isEnabled": None, "allProperties": None}, False),
    ],
)
def test_a_lock_is_on_where_all_that_is_sensitive_is_locked(lock: dict[str, Any] | None, is_locked: bool) -> None:
    application: Any = {"signInAudience": AUDIENCES[0], LOCK: lock}
    assert declaration.describe(application, KNOWN)["property_lock"] is is_locked
    changes = declaration.changes(application, Declared(None, AUDIENCES[0], None, {}))
    assert changes == ({} if is_locked else {LOCK: WHOLE_LOCK})


def test_of_a_lock_that_was_not_read_nothing_is_said() -> None:
    assert declaration.describe({"id": "o1"}, KNOWN)["property_lock"] is None


@given(application=APPLICATIONS)
def test_an_application_is_described_by_names(application: dict[str, Any]) -> None:
    described = declaration.describe(application, KNOWN)
    assert described["redirect_uris"] == sorted(declaration.redirect_uris(application))
    for name, api in APIS.items():
        by_id = {role_id: role for role, role_id in api.roles.items()}
        asked = role_ids(access_of(application).get(api.app_id, []))
        assert described["permissions"][name] == sorted(by_id[role_id] for role_id in asked)


def test_a_role_without_a_known_name_stands_under_its_id() -> None:
    assert declaration.named({"id-1", "id-2"}, {"Incident.Read.All": "id-2"}) == ["Incident.Read.All", "id-1"]


def test_an_api_that_is_listed_without_any_permission_is_no_trouble() -> None:
    application = {"signInAudience": AUDIENCES[0], "requiredResourceAccess": [{"resourceAppId": OTHER_API}]}
    declared = Declared(None, AUDIENCES[0], None, {"xdr": {"Incident.Read.All": XDR.roles["Incident.Read.All"]}})
    changes = declaration.changes(application, declared)
    assert [entry["resourceAppId"] for entry in changes["requiredResourceAccess"]] == [XDR.app_id]
