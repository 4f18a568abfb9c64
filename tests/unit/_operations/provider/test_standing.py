# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from support.machine import Clock
from support.scripted_entra import ScriptedEntra, token_path
from support.scripted_graph import DENIED, application, applications, credential, graph_at, graph_token
from support.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.registration.directory import Directory
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import standing


@pytest.fixture
def home(entra: ScriptedEntra, clock: Clock) -> Directory:
    assert clock.pauses == []
    entra.server.script(token_path(), entra.granting(graph_token(entra)))
    return Directory(graph_at(entra))


def test_who_is_behind_an_application_and_what_others_may_find(server: ScriptedServer, home: Directory) -> None:
    server.script(applications("/owners"), Answer({"value": []}))
    registered: Any = application(
        notes="ticket 7",
        publisherDomain="soc.onmicrosoft.com",
        verifiedPublisher=None,
        passwordCredentials=[credential("k1", "old", -300, -100)],
    )
    behind, judged = standing.read(home, registered, {"id": "s1"})
    assert behind == {
        "owners": [],
        "notes": "ticket 7",
        "publisher_domain": "soc.onmicrosoft.com",
        "verified_publisher": None,
    }
    assert [remark["about"] for remark in judged["remarks"]] == ["owners", "publisher_domain", "verified_publisher"]
    findings = {finding["test"]: finding["passes"] for finding in judged["zero_trust"]}
    # of the service principal nothing but its id was sent
    assert findings == {"21772": False, "21773": None, "21777": True, "21992": None, "21885": None, "23183": None}


def test_an_application_in_good_standing(server: ScriptedServer, home: Directory) -> None:
    server.script(applications("/owners"), Answer({"value": [{"id": "o1"}]}))
    registered: Any = application(verifiedPublisher={"displayName": "Provider Security"})
    principal: Any = {"replyUrls": [], "passwordCredentials": [], "keyCredentials": []}
    behind, judged = standing.read(home, registered, principal)
    assert (behind["owners"], behind["verified_publisher"], judged["remarks"]) == (["o1"], "Provider Security", [])
    assert {finding["passes"] for finding in judged["zero_trust"]} == {True}


def test_owners_that_cannot_be_read_are_no_failure(server: ScriptedServer, home: Directory, clock: Clock) -> None:
    registered: Any = application()
    for answer in (DENIED, Answer(status=404), Answer({"value": "none"})):
        server.script(applications("/owners"), answer)
        behind, judged = standing.read(home, registered, None)
        assert behind["owners"] is None
        assert "owners" not in [remark["about"] for remark in judged["remarks"]]
    assert clock.pauses == []


def test_what_is_only_planned_was_not_read(server: ScriptedServer, home: Directory) -> None:
    behind, judged = standing.read(home, {"displayName": "Provider SOC"}, None)
    assert (behind["owners"], judged) == (None, {"remarks": [], "zero_trust": []})
    assert server.requests == []
