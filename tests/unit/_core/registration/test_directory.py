# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.machine import Clock
from support.scripted_entra import ScriptedEntra, token_path
from support.scripted_graph import (
    API_PRINCIPAL_ID,
    APP_ID,
    CREATED,
    DENIED,
    DONE,
    NOT_BACKED,
    NOT_FOUND,
    OBJECT_ID,
    PRINCIPAL_ID,
    TENANTS_POLICY,
    application,
    applications,
    by_key,
    credential,
    graph_at,
    graph_token,
    refusal,
)
from support.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.registration import directory
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.app_policies import AppPolicies
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.directory import Directory

ROLE = "a9790345-4595-42e4-971a-ccdc79f19b7c"
PRINCIPALS = "/v1.0/servicePrincipals"
ASSIGNED_TO = f"{PRINCIPALS}/{API_PRINCIPAL_ID}/appRoleAssignedTo"
ASSIGNMENTS = f"{PRINCIPALS}/{PRINCIPAL_ID}/appRoleAssignments"
FEDERATED = applications("/federatedIdentityCredentials")
BAD_REQUEST = refusal(400, "Request_BadRequest", "It cannot be done.")
DUPLICATES = [
    refusal(400, "Request_BadRequest", "Permission being assigned already exists on the object"),
    refusal(409, "Request_MultipleObjectsWithSameKeyValue"),
]


@pytest.fixture
def home(entra: ScriptedEntra, clock: Clock) -> Directory:
    assert clock.pauses == []
    entra.server.script(token_path(), entra.granting(graph_token(entra)))
    return Directory(graph_at(entra, settle_seconds=4))


def refused(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(TenantError) as error:
        call(*arguments)
    return error.value.reason.meaning


@pytest.mark.parametrize(("key", "path"), [("id", applications()), ("appId", by_key("applications", "appId", APP_ID))])
def test_an_application_is_found_by_its_keys(server: ScriptedServer, home: Directory, key: str, path: str) -> None:
    value = {"id": OBJECT_ID, "appId": APP_ID}[key]
    assert home.application(key, value) is None
    server.script(path, Answer(application()))
    assert home.application(key, value) == application()


def test_an_application_known_to_exist_is_waited_for(server: ScriptedServer, home: Directory, clock: Clock) -> None:
    server.script(applications(), NOT_FOUND, Answer(application()))
    assert home.application("id", OBJECT_ID, settle=True) == application()
    assert clock.pauses == [1.0]


@given(name=st.text(min_size=1).filter(lambda name: name not in (".", "..")))
def test_a_key_of_any_text_stays_one_segment_of_the_address(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    address = directory._by_key("applications", "uniqueName", name)
    assert address.startswith("applications(uniqueName='")
    assert address.endswith("')")
    inside = address.removeprefix("applications(uniqueName='").removesuffix("')")
    assert not set(inside) & set("'/?#() ")
    assert address.isascii()


def test_a_quote_in_a_name_is_doubled(server: ScriptedServer, home: Directory) -> None:
    server.script("/v1.0/applications(uniqueName='o%27%27neill%20%26%20co')", Answer(application()))
    assert home.application("uniqueName", "o'neill & co") == application()


def test_an_application_is_created_under_its_unique_name(server: ScriptedServer, home: Directory) -> None:
    path = by_key("applications", "uniqueName", "soc")
    server.script(path, Answer(application(), CREATED), method="PATCH")
    assert home.create_application("soc", {"displayName": "SOC"}) == application()
    (request,) = server.requests_to(path)
    assert (request.headers["Prefer"], request.json) == ("create-if-missing", {"displayName": "SOC"})


def test_an_application_that_another_run_created_is_not_returned_as_ours(
    server: ScriptedServer, home: Directory
) -> None:
    server.script(by_key("applications", "uniqueName", "soc"), DONE, method="PATCH")
    assert home.create_application("soc", {}) is None


def test_a_change_names_only_what_changes(server: ScriptedServer, home: Directory) -> None:
    server.script(applications(), NOT_FOUND, DONE, method="PATCH")
    home.update_application(OBJECT_ID, {"displayName": "x"}, "change the application")
    assert [request.json for request in server.requests_to(applications())] == [{"displayName": "x"}] * 2


def test_a_change_that_is_refused_says_what_it_was_for(server: ScriptedServer, home: Directory) -> None:
    server.script(applications(), BAD_REQUEST)
    meaning = refused(home.update_application, OBJECT_ID, {}, "change the certificates")
    assert meaning == "Microsoft Graph refused to change the certificates: It cannot be done"


@pytest.mark.parametrize(
    ("path", "delete"),
    [
        (applications(), lambda home: home.delete_application(OBJECT_ID)),
        (f"{ASSIGNED_TO}/a1", lambda home: home.unassign(API_PRINCIPAL_ID, "a1")),
        (f"{FEDERATED}/f1", lambda home: home.delete_federated_credential(OBJECT_ID, "f1")),
    ],
    ids=["application", "grant", "federated credential"],
)
def test_what_is_gone_already_is_deleted(
    server: ScriptedServer, home: Directory, clock: Clock, path: str, delete: Callable[[Directory], None]
) -> None:
    server.script(path, DONE, NOT_FOUND, DENIED, method="DELETE")
    delete(home)
    delete(home)
    assert "lacks the right" in refused(delete, home)
    assert (len(server.requests_to(path)), clock.pauses) == (3, [])


def test_a_service_principal_is_read_with_its_app_roles(server: ScriptedServer, home: Directory) -> None:
    path = by_key("servicePrincipals", "appId", APP_ID)
    assert home.service_principal(APP_ID) is None
    server.script(path, Answer({"id": PRINCIPAL_ID}))
    assert home.service_principal(APP_ID) == {"id": PRINCIPAL_ID}
    wanted = server.requests_to(path)[-1].query["$select"].split(",")
    assert {"id", "appRoles", "oauth2PermissionScopes", "appOwnerOrganizationId"} <= set(wanted)


def test_a_service_principal_is_made_once_the_application_is_known(
    server: ScriptedServer, home: Directory, clock: Clock
) -> None:
    server.script(PRINCIPALS, NOT_BACKED, NOT_BACKED, Answer({"id": PRINCIPAL_ID}, CREATED))
    assert home.create_service_principal(APP_ID) == {"id": PRINCIPAL_ID}
    assert server.requests_to(PRINCIPALS)[-1].json == {"appId": APP_ID}
    assert clock.pauses == [1.0, 2.0]


@pytest.mark.parametrize("duplicate", DUPLICATES, ids=["400", "409"])
def test_a_service_principal_that_another_run_made_is_as_good(
    server: ScriptedServer, home: Directory, duplicate: Answer
) -> None:
    server.script(PRINCIPALS, duplicate)
    server.script(by_key("servicePrincipals", "appId", APP_ID), Answer({"id": PRINCIPAL_ID}))
    assert home.create_service_principal(APP_ID) == {"id": PRINCIPAL_ID}


def test_a_service_principal_that_another_run_made_a_moment_ago_is_waited_for(
    server: ScriptedServer, home: Directory, clock: Clock
) -> None:
    server.script(PRINCIPALS, DUPLICATES[1])
    server.script(by_key("servicePrincipals", "appId", APP_ID), NOT_FOUND, Answer({"id": PRINCIPAL_ID}))
    assert home.create_service_principal(APP_ID) == {"id": PRINCIPAL_ID}
    assert clock.pauses == [1.0]


@pytest.mark.parametrize("answer", [BAD_REQUEST, NOT_BACKED])
def test_a_service_principal_that_cannot_be_made_is_a_refusal(
    server: ScriptedServer, home: Directory, answer: Answer
) -> None:
    server.script(PRINCIPALS, answer)
    assert refused(home.create_service_principal, APP_ID).startswith(
        "Microsoft Graph refused to create the service principal: "
    )


def test_every_page_of_what_is_granted_is_read(server: ScriptedServer, home: Directory) -> None:
    page = {"value": [{"id": "a1"}], "@odata.nextLink": f"{server.url}{ASSIGNMENTS}?$skiptoken=2"}
    server.script(ASSIGNMENTS, Answer(page), Answer({"value": [{"id": "a2"}]}))
    assert [item["id"] for item in home.assignments(PRINCIPAL_ID)] == ["a1", "a2"]


def test_a_grant_names_who_what_and_of_whom(server: ScriptedServer, home: Directory) -> None:
    server.script(ASSIGNED_TO, Answer({"id": "a1"}, CREATED))
    home.assign(PRINCIPAL_ID, API_PRINCIPAL_ID, ROLE)
    assert server.requests_to(ASSIGNED_TO)[0].json == {
        "principalId": PRINCIPAL_ID,
        "resourceId": API_PRINCIPAL_ID,
        "appRoleId": ROLE,
    }


@pytest.mark.parametrize("duplicate", [*DUPLICATES, BAD_REQUEST], ids=["400", "409", "no telling sentence"])
def test_a_grant_that_is_there_already_is_fine(server: ScriptedServer, home: Directory, duplicate: Answer) -> None:
    server.script(ASSIGNED_TO, duplicate)
    server.script(ASSIGNMENTS, Answer({"value": [{"resourceId": API_PRINCIPAL_ID, "appRoleId": ROLE}]}))
    home.assign(PRINCIPAL_ID, API_PRINCIPAL_ID, ROLE)
    assert len(server.requests_to(ASSIGNED_TO)) == 1


def test_a_grant_that_is_there_already_is_fine_although_no_list_shows_it_yet(
    server: ScriptedServer, home: Directory
) -> None:
    server.script(ASSIGNED_TO, DUPLICATES[0])
    server.script(ASSIGNMENTS, Answer({"value": []}))
    home.assign(PRINCIPAL_ID, API_PRINCIPAL_ID, ROLE)
    assert len(server.requests_to(ASSIGNED_TO)) == 1


@pytest.mark.parametrize(
    "granted",
    [
        [],
        [{"resourceId": API_PRINCIPAL_ID, "appRoleId": "another"}],
        [{"resourceId": "another", "appRoleId": ROLE}],
    ],
)
def test_a_grant_that_is_refused_and_not_there_is_a_refusal(
    server: ScriptedServer, home: Directory, granted: list[dict[str, str]]
) -> None:
    server.script(ASSIGNED_TO, BAD_REQUEST)
    server.script(ASSIGNMENTS, Answer({"value": granted}))
    meaning = refused(home.assign, PRINCIPAL_ID, API_PRINCIPAL_ID, ROLE)
    assert meaning == "Microsoft Graph refused to grant an app role: It cannot be done"


def test_no_right_to_grant_names_the_permission_that_grants(server: ScriptedServer, home: Directory) -> None:
    server.script(ASSIGNED_TO, DENIED)
    with pytest.raises(TenantError) as error:
        home.assign(PRINCIPAL_ID, API_PRINCIPAL_ID, ROLE)
    assert "AppRoleAssignment.ReadWrite.All" in error.value.reason.remedy


def test_a_secret_has_a_name_and_an_end(server: ScriptedServer, home: Directory) -> None:
    server.script(applications("/addPassword"), Answer({"keyId": "k1", "secretText": "shown once"}))
    added = home.add_password(OBJECT_ID, "ansible", "2027-05-21T08:00:00Z")
    assert added["secretText"] == "shown once"
    (request,) = server.requests_to(applications("/addPassword"))
    assert request.json == {"passwordCredential": {"displayName": "ansible", "endDateTime": "2027-05-21T08:00:00Z"}}


def test_a_secret_is_removed_by_its_id(server: ScriptedServer, home: Directory) -> None:
    server.script(applications("/removePassword"), DONE)
    home.remove_password(OBJECT_ID, "k1")
    assert server.requests_to(applications("/removePassword"))[0].json == {"keyId": "k1"}


@pytest.mark.parametrize("answer", [NOT_FOUND, BAD_REQUEST], ids=["404", "400"])
@pytest.mark.parametrize(
    "read", [Answer(application(passwordCredentials=[credential("k2", "other", -1, 1)])), NOT_FOUND]
)
def test_a_secret_that_is_gone_already_is_removed(
    server: ScriptedServer, home: Directory, clock: Clock, answer: Answer, read: Answer
) -> None:
    server.script(applications("/removePassword"), answer)
    server.script(applications(), read)
    home.remove_password(OBJECT_ID, "k1")
    assert (len(server.requests_to(applications())), clock.pauses) == (1, [])


def test_a_secret_that_stays_although_removed_is_a_refusal(server: ScriptedServer, home: Directory) -> None:
    server.script(applications("/removePassword"), BAD_REQUEST)
    server.script(applications(), Answer(application(passwordCredentials=[credential("k1", "ansible", -1, 1)])))
    meaning = refused(home.remove_password, OBJECT_ID, "k1")
    assert meaning == "Microsoft Graph refused to remove a secret: It cannot be done"


def test_owners_are_told_by_their_ids(server: ScriptedServer, home: Directory, clock: Clock) -> None:
    server.script(applications("/owners"), Answer({"value": [{"id": "o1"}, {"id": "o2", "displayName": None}]}))
    assert home.owners(OBJECT_ID, settle=False) == ["o1", "o2"]
    server.script(applications("/owners"), NOT_FOUND)
    assert refused(home.owners, OBJECT_ID, False).startswith("Microsoft Graph refused to read the owners")
    assert clock.pauses == []


def test_a_service_principal_comes_with_its_credentials_where_nothing_is_selected(
    server: ScriptedServer, home: Directory
) -> None:
    path = by_key("servicePrincipals", "appId", APP_ID)
    assert home.whole_service_principal(APP_ID) is None
    server.script(path, Answer({"id": PRINCIPAL_ID, "keyCredentials": []}))
    assert home.whole_service_principal(APP_ID) == {"id": PRINCIPAL_ID, "keyCredentials": []}
    assert server.requests_to(path)[-1].query == {}


OWN_POLICIES = applications("/appManagementPolicies")


def test_policies_are_the_tenants_and_the_applications_own(server: ScriptedServer, home: Directory) -> None:
    server.script(TENANTS_POLICY, Answer({"id": "p0"}))
    server.script(OWN_POLICIES, Answer({"value": []}), Answer({"value": [{"id": "p1"}]}))
    registered: Any = application(createdDateTime="2026-06-01T00:00:00Z")
    assert home.app_policies(None) == AppPolicies({"id": "p0"})
    assert home.app_policies(registered) == AppPolicies({"id": "p0"}, None, "2026-06-01T00:00:00Z")
    assert home.app_policies(registered) == AppPolicies({"id": "p0"}, {"id": "p1"}, "2026-06-01T00:00:00Z")


@pytest.mark.parametrize("answer", [DENIED, NOT_FOUND, BAD_REQUEST], ids=["403", "404", "400"])
def test_policies_that_cannot_be_read_are_none(
    server: ScriptedServer, home: Directory, clock: Clock, answer: Answer
) -> None:
    registered: Any = application()
    server.script(TENANTS_POLICY, answer)
    assert home.app_policies(registered) == AppPolicies(None)
    assert server.requests_to(OWN_POLICIES) == []
    server.script(TENANTS_POLICY, Answer({"id": "p0"}))
    server.script(OWN_POLICIES, answer)
    assert home.app_policies(registered) == AppPolicies(None)
    assert clock.pauses == []


def test_certificates_are_asked_for_by_name_so_that_their_keys_come(server: ScriptedServer, home: Directory) -> None:
    server.script(applications(), NOT_FOUND, Answer({"id": OBJECT_ID, "keyCredentials": [{"keyId": "c1"}]}))
    assert home.key_credentials(OBJECT_ID) == [{"keyId": "c1"}]
    assert server.requests_to(applications())[-1].query == {"$select": "id,keyCredentials"}


def test_federated_credentials_are_listed_made_and_changed(server: ScriptedServer, home: Directory) -> None:
    server.script(FEDERATED, Answer({"value": [{"id": "f1", "name": "pipeline"}]}), method="GET")
    server.script(FEDERATED, NOT_FOUND, Answer({"id": "f2"}, CREATED), method="POST")
    server.script(f"{FEDERATED}/f1", DONE, method="PATCH")
    assert home.federated_credentials(OBJECT_ID) == [{"id": "f1", "name": "pipeline"}]
    assert home.create_federated_credential(OBJECT_ID, {"name": "cloud"}) == {"id": "f2"}
    home.update_federated_credential(OBJECT_ID, "f1", {"subject": "s"})
    assert server.requests_to(FEDERATED, "POST")[-1].json == {"name": "cloud"}
    assert server.requests_to(f"{FEDERATED}/f1")[0].json == {"subject": "s"}


OWNERS = applications("/owners")


def test_a_new_owner_is_named_by_its_address(server: ScriptedServer, home: Directory) -> None:
    server.script(OWNERS, Answer({"value": [{"id": "somebody"}]}))
    server.script(f"{OWNERS}/$ref", Answer("", 204))
    assert home.owners(OBJECT_ID) == ["somebody"]
    home.add_owner(OBJECT_ID, PRINCIPAL_ID)
    (sent,) = server.requests_to(f"{OWNERS}/$ref")
    assert sent.json == {"@odata.id": f"{server.url}/v1.0/directoryObjects/{PRINCIPAL_ID}"}


def test_an_owner_that_another_run_added_is_fine_and_one_that_is_refused_is_not(
    server: ScriptedServer, home: Directory
) -> None:
    server.script(f"{OWNERS}/$ref", refusal(400, "Request_BadRequest"))
    server.script(OWNERS, Answer({"value": [{"id": PRINCIPAL_ID}]}), Answer({"value": []}))
    home.add_owner(OBJECT_ID, PRINCIPAL_ID)
    assert refused(home.add_owner, OBJECT_ID, PRINCIPAL_ID).startswith("Microsoft Graph refused to add an owner")
