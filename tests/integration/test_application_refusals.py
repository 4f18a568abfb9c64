# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be registered as declared is refused with one sentence that says why and who must do what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.emulated_tenants import HomeTenant
from support.emulator import EmulatorProcess
from support.operations import Tasks

NAME = "northwind-soc"
NOBODY = "00000000-1111-4222-8333-444444444444"
OWNED_BY, READ, GRANT = "Application.ReadWrite.OwnedBy", "Application.Read.All", "AppRoleAssignment.ReadWrite.All"

Writes = Callable[[], list[str]]

BAD_OPTIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("http", {"redirect_uris": ["http://soc.example/r"]}, ["redirect_uris", "http://soc.example/r", "https"]),
    ("wildcard", {"redirect_uris": ["https://*.soc.example/r"]}, ["redirect_uris", "wildcard"]),
    ("too long", {"redirect_uris": ["https://soc.example/" + "r" * 237]}, ["redirect_uris", "256"]),
    ("fragment", {"redirect_uris": ["https://soc.example/r#top"]}, ["redirect_uris", "fragment"]),
    ("no address", {"redirect_uris": ["soc.example"]}, ["redirect_uris", "https"]),
    ("the second of two", {"redirect_uris": ["https://soc.example", "ftp://soc.example"]}, ["redirect_uris", "ftp"]),
    (
        "typing error",
        {"permissions": {"xdr": ["Incidents.Read.All"]}},
        ["permissions.xdr", "Incidents.Read.All", "did you mean Incident.Read.All"],
    ),
    (
        "permission of the other API",
        {"permissions": {"graph": ["Incident.Read.All"]}},
        ["permissions.graph", "Microsoft Graph", "SecurityIncident.Read.All"],
    ),
    (
        "delegated permission",
        {"permissions": {"xdr": ["Incident.Read"]}},
        ["permissions.xdr", "delegated", "did you mean Incident.Read.All"],
    ),
    ("delegated in Graph", {"permissions": {"graph": ["User.Read"]}}, ["permissions.graph", "User.Read", "delegated"]),
    ("app id that is none", {"app_id": "Northwind SOC"}, ["app_id", "GUID"]),
    ("unique name too long", {"unique_name": "n" * 257}, ["unique_name", "short"]),
    ("unique name with blanks", {"unique_name": " northwind "}, ["unique_name", "blanks"]),
]


@pytest.mark.parametrize(("options", "says"), [case[1:] for case in BAD_OPTIONS], ids=[case[0] for case in BAD_OPTIONS])
@pytest.mark.parametrize("check_mode", [False, True], ids=["for real", "check mode"])
def test_bad_options_change_nothing(
    tasks: Tasks, home: HomeTenant, writes: Writes, options: dict[str, Any], says: list[str], check_mode: bool
) -> None:
    result = tasks.application(**{"unique_name": NAME, **options}, check_mode=check_mode)
    assert (result["failed"], result["changed"]) == (True, False)
    for words in says:
        assert words in result["msg"], result["msg"]
    assert writes() == []
    assert home.applications() == []


def test_the_longest_redirect_uri_passes(tasks: Tasks) -> None:
    uris = ["https://soc.example/" + "r" * 236, "http://localhost/consent-result"]
    assert not tasks.application(unique_name=NAME, redirect_uris=uris)["failed"]


def test_two_applications_under_one_claim(tasks: Tasks, home: HomeTenant, writes: Writes) -> None:
    """The unique name belongs to one application, the app id to another."""
    first = tasks.application(unique_name=NAME)["application"]
    second = tasks.application(unique_name="other")["application"]
    before = home.applications()
    writes()
    for options in ({"state": "present", "display_name": "X"}, {"state": "absent"}):
        result = tasks.application(app_id=second["app_id"], unique_name=NAME, **options)
        assert result["failed"]
        assert first["app_id"] in result["msg"]
        assert NAME in result["msg"]
        assert "two applications" in result["msg"]
    renamed = tasks.application(app_id=second["app_id"], unique_name="third")
    assert renamed["failed"]
    assert "'other'" in renamed["msg"]
    assert writes() == []
    assert home.applications() == before


@pytest.mark.parametrize("module", ["application", "credential"])
def test_an_app_id_of_another_tenant(tasks: Tasks, emulator: EmulatorProcess, writes: Writes, module: str) -> None:
    """It is named as such, with the tenant that owns it."""
    options = {"kind": "secret", "name": "ansible", "expose_secret": True} if module == "credential" else {}
    result = getattr(tasks, module)(app_id=emulator.connection["foreign_client_id"], settle_wait=2, **options)
    assert result["failed"]
    assert emulator.connection["foreign_client_id"] in result["msg"]
    assert emulator.tenant_id("adatum") in result["msg"], "who owns it"
    assert "registered in tenant" in result["msg"]
    assert writes() == []


@pytest.mark.parametrize("named", [{"app_id": NOBODY}, {"app_id": NOBODY, "unique_name": NAME}])
def test_an_app_id_that_is_nowhere(tasks: Tasks, home: HomeTenant, writes: Writes, named: dict[str, str]) -> None:
    """It cannot be chosen, so nothing is created."""
    result = tasks.application(**named)
    assert result["failed"]
    assert f"application {NOBODY} is not registered in this tenant" in result["msg"]
    assert "app_id or tenant_id" in result["msg"]
    assert writes() == []
    assert home.applications() == []
    gone = tasks.application(**named, state="absent")
    assert (gone["failed"], gone["changed"], gone["removed"]) == (False, False, None)


@pytest.mark.parametrize(
    ("roles", "missing", "changed", "left"),
    [
        ([READ, GRANT], OWNED_BY, False, []),
        ([OWNED_BY, READ], GRANT, True, [NAME]),
        ([], READ, False, []),
    ],
    ids=["no right to create", "no right to grant", "no right at all"],
)
def test_missing_rights_are_named(
    tasks: Tasks,
    home: HomeTenant,
    emulator: EmulatorProcess,
    roles: list[str],
    missing: str,
    changed: bool,
    left: list[str],
) -> None:
    """By the Graph permission that is missing; what was changed before the refusal is reported as changed."""
    emulator.control("PATCH", "registrar", {"roles": roles})
    result = tasks.application(unique_name=NAME, permissions={"xdr": ["Incident.Read.All"]})
    assert result["failed"]
    assert result["code"] == "Authorization_RequestDenied"
    assert missing in result["msg"]
    assert emulator.registrar_client_id in result["msg"], "who lacks it"
    assert result["who"] == "provider"
    assert result["changed"] is changed
    assert [item["uniqueName"] for item in home.applications()] == left
    if changed:
        assert result["diff"]["after"]["unique_name"] == NAME
        assert "granted.xdr" not in result["diff"]["after"]

    emulator.control("PATCH", "registrar", {"roles": [OWNED_BY, READ, GRANT]})
    fixed = tasks.application(unique_name=NAME, permissions={"xdr": ["Incident.Read.All"]})
    assert not fixed["failed"], fixed
    assert home.roles(home.application()["appId"]) == ["Incident.Read.All"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"client_secret": "not-the-secret"}, ["AADSTS7000215"]),
        ({"client_id": NOBODY}, ["AADSTS700016", NOBODY, "provider:"]),
        ({"tenant_id": "99999999-9999-4999-8999-999999999999"}, ["AADSTS90002"]),
        ({"tenant_id": "common"}, ["tenant_id", "common"]),
        ({"client_id": None}, ["client_id", "AZURE_CLIENT_ID"]),
        ({"graph_url": "http://localhost:1"}, ["graph_url", "https"]),
        ({"graph_url": "https://localhost:1", "retries": 0}, ["localhost:1", "could not be reached"]),
    ],
    ids=["secret", "registrar", "tenant", "common", "no registrar", "http", "unreachable"],
)
@pytest.mark.parametrize("module", ["application", "credential"])
def test_a_registrar_that_does_not_get_in(
    tasks: Tasks, home: HomeTenant, module: str, options: dict[str, Any], says: list[str]
) -> None:
    more = {"kind": "secret", "name": "ansible", "expose_secret": True} if module == "credential" else {}
    result = getattr(tasks, module)(unique_name=NAME, **more, **options)
    assert (result["failed"], result["changed"]) == (True, False)
    for words in says:
        assert words in result["msg"], result["msg"]
    assert home.applications() == []


def test_a_refusal_is_passed_on_in_microsofts_words(tasks: Tasks) -> None:
    """Of a rule that only Entra ID knows: the sentence names what it objects to."""
    result = tasks.application(unique_name=NAME, display_name="n" * 257)
    assert result["failed"]
    assert "displayName" in result["msg"]
    assert "create the application" in result["msg"]
