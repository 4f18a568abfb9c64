# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.scripted_entra import CLIENT, TENANT, ScriptedEntra, token_path
from support.scripted_server import CUT_OFF, RESET, Answer, Request, refused

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.calls import Calls
from ansible_collections.mssp.defender.plugins.module_utils._core.changing import changes, updating
from ansible_collections.mssp.defender.plugins.module_utils._core.changing.changes import Comment, Form, Tags, Wanted
from ansible_collections.mssp.defender.plugins.module_utils._core.changing.updating import End, RecordChange, Updates
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError, Postponed, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.access import Access, Target
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import TokenCache
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.tokens import TokenSource
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

XDR, GRAPH, ALERT = changes.XDR_INCIDENT, changes.GRAPH_INCIDENT, changes.GRAPH_ALERT
SEEN = "2026-11-20T08:00:00Z"
LATER = "2026-11-20T08:00:00.0000001Z"
CLOSED = Wanted(status="Resolved", comment=Comment("Closed"))
RECORD = {"status": "Active", "lastUpdateTime": SEEN, "lastUpdateDateTime": SEEN, "comments": []}
SAID = {"comments": [{"comment": Comment("Closed").marked}]}
AFTER = {**RECORD, **SAID, "status": "Resolved"}


class Tenant:
    """A tenant whose incidents a test scripts."""

    def __init__(self, entra: ScriptedEntra, transport: Transport, folder: Path) -> None:
        self.server = entra.server
        self._entra = entra
        self._transport = transport
        self._folder = folder

    def updates(self, *orders: RecordChange, form: Form = XDR, retries: int = 5, dry_run: bool = False) -> Updates:
        resource = {"xdr": "https://api.security.microsoft.com", "graph": "https://graph.microsoft.com"}[form.api.name]
        token = self._entra.token(aud=resource, roles=list(form.update_call.roles))
        self.server.script(token_path(), self._entra.granting(token))
        credential, patience = ClientSecret("secret"), Patience(retries, 60)
        authority = Authority(self._entra.cloud(), Documents(self._transport))
        cache = TokenCache(self._folder, credential.cipher())
        source = TokenSource(CLIENT, credential, authority, self._transport, cache)
        access = Access(source, TENANT, Target(resource), [], patience)
        return Updates(Calls(self.server.url, access, self._transport, patience), form, orders, dry_run)

    def update(self, order: RecordChange, form: Form = XDR) -> End:
        """Fulfil one order, however often the work is put off."""
        updates = self.updates(order, form=form)
        run_whole(updates)
        (end,) = updates.ends()
        return end

    def sent(self) -> list[Request]:
        return [
            request
            for request in self.server.requests
            if request.method in ("PATCH", "POST") and request.headers.get("Authorization")
        ]


def run_whole(updates: Updates) -> int:
    """Return how often it was put off."""
    for waits in range(20):
        try:
            updates.run()
        except Postponed:
            continue
        return waits
    pytest.fail("it is put off for ever")


@pytest.fixture
def tenant(entra: ScriptedEntra, transport: Transport, tmp_path: Path) -> Tenant:
    return Tenant(entra, transport, tmp_path)


def path(record_id: str = "7", form: Form = XDR) -> str:
    return f"{form.dialect.path}/{record_id}"


def order(record_id: str = "7", wanted: Wanted = CLOSED, since: str | None = None) -> RecordChange:
    return RecordChange(record_id, wanted, timestamps.ticks(since) if since else None)


@pytest.mark.parametrize(
    "lost", [Answer(status=503), Answer(fault=RESET), Answer("{}", fault=CUT_OFF)], ids=["503", "reset", "cut"]
)
def test_a_change_whose_answer_was_lost_is_not_sent_again(tenant: Tenant, lost: Answer) -> None:
    after = {**RECORD, **SAID, "status": "Resolved", "lastUpdateTime": LATER}
    tenant.server.script(path(), Answer(RECORD), Answer(after), method="GET")
    tenant.server.script(path(), lost, method="PATCH")
    end = tenant.update(order(since=SEEN))
    assert (end.end, set(end.plan)) == (updating.CHANGED, {"status", "comment"})
    assert len(tenant.sent()) == 1


def test_a_change_that_was_lost_itself_is_sent_again(tenant: Tenant) -> None:
    tenant.server.script(path(), Answer(RECORD), method="GET")
    tenant.server.script(path(), Answer(status=503), Answer(AFTER), method="PATCH")
    assert tenant.update(order(since=SEEN)).end == updating.CHANGED
    first, second = tenant.sent()
    assert first.json == second.json
    assert first.headers["Content-Type"] == "application/json"


def test_a_change_that_never_succeeds_comes_to_an_end(tenant: Tenant) -> None:
    """Though the record can be read each time. What a server fails over is the record's, a broken network is not."""
    tenant.server.script(path(), Answer(RECORD), method="GET")
    tenant.server.script(path(), Answer(status=503), method="PATCH")
    updates = tenant.updates(order(), retries=2)
    assert run_whole(updates) == 2
    assert (updates.ends()[0].end, len(tenant.sent())) == (updating.REFUSED, 3)
    tenant.server.script(path(), Answer(fault=RESET), method="PATCH")
    updates = tenant.updates(order(), retries=2)
    with pytest.raises(TenantError, match="could not be reached"):
        run_whole(updates)
    assert updates.ends()[0].meaning.endswith("before it was known whether the change took effect")


def test_who_changed_something_while_the_answer_was_lost_is_not_overruled(tenant: Tenant) -> None:
    tenant.server.script(path(), Answer(RECORD), Answer({**RECORD, "lastUpdateTime": LATER}), method="GET")
    tenant.server.script(path(), Answer(status=503), method="PATCH")
    end = tenant.update(order(since=SEEN))
    assert (end.end, end.plan) == (updating.CONFLICT, {})
    assert LATER in end.meaning
    assert len(tenant.sent()) == 1


def test_a_comment_of_its_own_call_follows_though_our_own_change_moved_the_record(tenant: Tenant) -> None:
    after = {**RECORD, "status": "resolved", "lastUpdateDateTime": LATER}
    tenant.server.script(path(form=GRAPH), Answer(RECORD), Answer(after), method="GET")
    tenant.server.script(path(form=GRAPH), Answer(after), method="PATCH")
    tenant.server.script(f"{path(form=GRAPH)}/comments", Answer(status=503), Answer({"value": SAID["comments"]}))
    end = tenant.update(order(since=SEEN), GRAPH)
    assert (end.end, set(end.plan)) == (updating.CHANGED, {"status", "comment"})
    assert [request.method for request in tenant.sent()] == ["PATCH", "POST", "POST"]
    assert tenant.sent()[1].json == {
        "@odata.type": "microsoft.graph.security.alertComment",
        "comment": Comment("Closed").marked,
    }


def test_a_comment_whose_answer_was_lost_is_not_made_twice(tenant: Tenant) -> None:
    asked = order(wanted=Wanted(comment=Comment("Closed")), since=SEEN)
    after = {**RECORD, **SAID, "lastUpdateDateTime": LATER}
    tenant.server.script(path(form=GRAPH), Answer(RECORD), Answer(after), method="GET")
    tenant.server.script(f"{path(form=GRAPH)}/comments", Answer(fault=RESET))
    assert tenant.update(asked, GRAPH).end == updating.CHANGED
    assert [request.method for request in tenant.sent()] == ["POST"]


@pytest.mark.parametrize(
    ("since", "updated", "end"),
    [
        (SEEN, SEEN, updating.CHANGED),
        (LATER, SEEN, updating.CHANGED),
        (SEEN, LATER, updating.CONFLICT),
        (SEEN, "2026-11-20T08:00:00.0000000Z", updating.CHANGED),
        (SEEN, "soon", updating.CONFLICT),
        (None, LATER, updating.CHANGED),
    ],
)
def test_the_precondition_is_kept_to_the_last_digit(tenant: Tenant, since: str | None, updated: str, end: str) -> None:
    tenant.server.script(path(), Answer({**RECORD, "lastUpdateTime": updated}), method="GET")
    tenant.server.script(path(), Answer(AFTER), method="PATCH")
    assert tenant.update(order(since=since)).end == end


def test_nothing_is_in_conflict_where_nothing_is_left_to_change(tenant: Tenant) -> None:
    tenant.server.script(path(), Answer({**RECORD, **SAID, "status": "Resolved", "lastUpdateTime": LATER}))
    assert tenant.update(order(since=SEEN)).end == updating.UNCHANGED


def test_an_answer_that_is_no_record_is_not_the_records_trouble(tenant: Tenant) -> None:
    """A proxy says the same of every other record, at the first reading and at a later one."""
    html = Answer("<html>")
    for answers in ([html], [Answer(RECORD), html]):
        tenant.server.script(path(), *answers, method="GET")
        tenant.server.script(path(), Answer(status=503), method="PATCH")
        updates = tenant.updates(order())
        with pytest.raises(TenantError, match="something between this machine and"):
            run_whole(updates)
        assert updates.ends()[0].end == updating.NOT_REACHED


def test_a_redirection_meanwhile_is_a_conflict(tenant: Tenant) -> None:
    redirected = {**RECORD, "status": "Redirected", "redirectIncidentId": 8, "lastUpdateTime": LATER}
    tenant.server.script(path(), Answer(redirected))
    tenant.server.script(path("8"), Answer(RECORD))
    end = tenant.update(order(since=SEEN))
    assert (end.end, end.record_id) == (updating.CONFLICT, "8")
    assert tenant.sent() == []


@pytest.mark.parametrize(
    ("redirected", "meaning"),
    [
        ({"status": "Redirected"}, "incident 7 has been redirected, and names no target"),
        ({"status": "redirected", "redirectIncidentId": "../x"}, "incident 7 has been redirected, and names no target"),
        ({"status": "Redirected", "redirectIncidentId": 7}, "incident 7 has been redirected in a circle"),
    ],
)
def test_a_redirected_incident_is_never_changed(tenant: Tenant, redirected: dict[str, Any], meaning: str) -> None:
    tenant.server.script(path(), Answer({**RECORD, **redirected}))
    end = tenant.update(order())
    assert (end.end, end.meaning) == (updating.SKIPPED, meaning)
    assert tenant.sent() == []


def test_a_chain_of_redirections_without_an_end_is_left_alone(tenant: Tenant) -> None:
    for number in range(100):
        redirected = {**RECORD, "status": "Redirected", "redirectIncidentId": number + 1}
        tenant.server.script(path(str(number)), Answer(redirected))
    end = tenant.update(order())
    assert end.end == updating.SKIPPED
    assert end.meaning.endswith("(to which 7 was redirected) has been redirected too often")
    assert tenant.sent() == []


def test_one_records_trouble_is_its_own(tenant: Tenant) -> None:
    refusal = {"error": {"code": "InvalidInput", "message": "No such user.", "target": "t"}}
    for record_id in ("1", "3", "4", "5"):
        tenant.server.script(path(record_id), Answer(RECORD), method="GET")
        tenant.server.script(path(record_id), Answer(AFTER), method="PATCH")
    tenant.server.script(path("3"), Answer(refusal, 400), method="PATCH")
    tenant.server.script(path("4"), Answer(status=500), method="GET")
    tenant.server.script(path("6"), Answer(refusal, 400), method="GET")
    updates = tenant.updates(*map(order, "123456"), retries=1)
    assert run_whole(updates) == 1
    ends = updates.ends()
    assert [end.end for end in ends] == ["changed", "not_found", "refused", "refused", "changed", "refused"]
    assert ends[1].meaning == "incident 2 is not in this tenant"
    assert "incident 3 could not be changed" in ends[2].meaning
    assert "No such user" in ends[2].meaning
    assert "HTTP 500" in ends[3].meaning
    assert "incident 6 cannot be read" in ends[5].meaning


def test_a_tenants_trouble_ends_the_work_and_what_was_done_is_told(tenant: Tenant) -> None:
    for record_id in ("1", "2", "3"):
        tenant.server.script(path(record_id), Answer(RECORD), method="GET")
        tenant.server.script(path(record_id), Answer(AFTER), method="PATCH")
    tenant.server.script(path("2"), refused(403, "Forbidden", "The tenant is not onboarded."), method="PATCH")
    updates = tenant.updates(*map(order, "123"))
    with pytest.raises(TenantError) as failed:
        run_whole(updates)
    assert failed.value.reason.state == "no_service"
    ends = updates.ends()
    assert [end.end for end in ends] == ["changed", "not_reached", "not_reached"]
    assert "before it was known whether" in ends[1].meaning
    assert [bool(end.plan) for end in ends] == [True, False, False]


def test_a_refused_comment_does_not_hide_what_was_changed_before_it(tenant: Tenant) -> None:
    tenant.server.script(path(form=GRAPH), Answer(RECORD), method="GET")
    tenant.server.script(path(form=GRAPH), Answer({**RECORD, "status": "resolved"}), method="PATCH")
    tenant.server.script(f"{path(form=GRAPH)}/comments", refused(400))
    end = tenant.update(order(), GRAPH)
    assert (end.end, set(end.plan)) == (updating.REFUSED, {"status"})
    assert end.of_incident()["changed"] is True


NOBODY_APPLIES = [
    (XDR, Wanted(status="Resolved"), {}),
    (XDR, Wanted(assigned_to=""), {"assignedTo": "a@b.example"}),
    (XDR, Wanted(tags=Tags(add=("VIP",))), {"tags": []}),
    (XDR, Wanted(tags=Tags(remove=("VIP",))), {"tags": ["VIP"]}),
    (XDR, Wanted(comment=Comment("Closed")), {}),
    (GRAPH, Wanted(status="Resolved"), {"status": "active"}),
    (GRAPH, Wanted(classification="TruePositive", determination="Phishing"), {"classification": "unknown"}),
    (GRAPH, Wanted(comment=Comment("Closed")), {}),
    (ALERT, Wanted(status="Resolved"), {"status": "new"}),
    (ALERT, Wanted(comment=Comment("Closed")), {}),
]


@pytest.mark.parametrize("tells", [True, False], ids=["replies with the record", "replies with nothing"])
@pytest.mark.parametrize(("form", "wanted", "fields"), NOBODY_APPLIES)
def test_what_is_accepted_and_not_applied_is_no_change(
    tenant: Tenant, form: Form, wanted: Wanted, fields: dict[str, Any], tells: bool
) -> None:
    record = {**RECORD, **fields}
    tenant.server.script(path(form=form), Answer(record), method="GET")
    tenant.server.script(path(form=form), Answer(record) if tells else Answer("", 204), method="PATCH")
    tenant.server.script(f"{path(form=form)}/comments", Answer({"value": []} if tells else ""))
    for _again in range(2):
        end = tenant.update(order(wanted=wanted), form)
        assert (end.end, end.plan) == (updating.NOT_APPLIED, {})
        assert end.end in updating.TROUBLES
        assert "accepted the change of" in end.meaning


@pytest.mark.parametrize(
    ("form", "wanted", "names"),
    [
        (XDR, Wanted(classification="TruePositive", determination="CompromisedAccount"), "CompromisedUser"),
        (GRAPH, Wanted(classification="TruePositive", determination="CompromisedAccount"), "compromisedUser"),
        (GRAPH, Wanted(classification="FalsePositive", determination="Clean"), "clean"),
        (GRAPH, Wanted(classification="FalsePositive", determination="NoEnoughDataToValidate"), "insufficientData"),
    ],
)
def test_another_name_for_what_was_set_is_a_change(tenant: Tenant, form: Form, wanted: Wanted, names: str) -> None:
    after = {**RECORD, "classification": wanted.classification, "determination": names}
    tenant.server.script(path(form=form), Answer(RECORD), method="GET")
    tenant.server.script(path(form=form), Answer(after), method="PATCH")
    assert tenant.update(order(wanted=wanted), form).end == updating.CHANGED


def test_an_answer_that_shows_the_state_before_is_no_proof_against_the_record(tenant: Tenant) -> None:
    tenant.server.script(path(), Answer(RECORD), Answer(AFTER), method="GET")
    tenant.server.script(path(), Answer(RECORD), method="PATCH")
    assert tenant.update(order()).end == updating.CHANGED


def test_what_was_applied_in_part_is_told_in_part_and_gets_no_comment(tenant: Tenant) -> None:
    wanted = Wanted(status="Resolved", assigned_to="a@b.example", comment=Comment("Closed"))
    half = {**RECORD, "status": "resolved", "assignedTo": None}
    tenant.server.script(path(form=GRAPH), Answer({**RECORD, "status": "active"}), Answer(half), method="GET")
    tenant.server.script(path(form=GRAPH), Answer(half), method="PATCH")
    end = tenant.update(order(wanted=wanted), GRAPH)
    assert (end.end, set(end.plan)) == (updating.NOT_APPLIED, {"status"})
    assert "the change of assigned_to, and did not" in end.meaning
    assert [request.method for request in tenant.sent()] == ["PATCH"]


def test_an_answer_about_another_record_is_no_proof(tenant: Tenant) -> None:
    tenant.server.script(path(), Answer(RECORD), method="GET")
    tenant.server.script(path(), Answer({**AFTER, "incidentId": 8}), method="PATCH")
    assert tenant.update(order()).end == updating.NOT_APPLIED


def test_a_record_of_odd_values_is_changed_all_the_same(tenant: Tenant) -> None:
    odd = {**RECORD, "assignedTo": 7, "tags": {"a": 1}, "comments": [None, 7], "status": [["Active"]]}
    wanted = Wanted("Resolved", "a@b.example", tags=Tags(add=("VIP",)), comment=Comment("Closed"))
    tenant.server.script(path(), Answer(odd), method="GET")
    tenant.server.script(path(), Answer({**AFTER, "assignedTo": "a@b.example", "tags": ["VIP"]}), method="PATCH")
    assert tenant.update(order(wanted=wanted)).end == updating.CHANGED


def test_check_mode_reads_and_sends_nothing(tenant: Tenant) -> None:
    tenant.server.script(path(), Answer(RECORD), method="GET")
    updates = tenant.updates(order(), dry_run=True)
    run_whole(updates)
    (end,) = updates.ends()
    assert end.of_incident() == {
        "incident_id": "7",
        "result": "changed",
        "changed": True,
        "before": {"status": "Active", "comment": None},
        "after": {"status": "Resolved", "comment": Comment("Closed").marked},
    }
    assert tenant.sent() == []


@pytest.mark.parametrize(
    ("noun", "value"), [("incident", "x1"), ("incident", "../7"), ("incident", ""), ("alert", ".."), ("alert", "a/b")]
)
def test_what_can_be_no_id_is_refused(noun: str, value: str) -> None:
    with pytest.raises(OptionError, match=f"^item 1: {noun}_id '{value}' is not the id of an {noun}"):
        updating.check_id(noun, value, "item 1: ")


def test_ids_are_taken_without_the_blanks_around_them() -> None:
    assert updating.check_id("incident", " 7 ") == "7"
    assert updating.check_id("alert", "da637551227677560813_-961444813") == "da637551227677560813_-961444813"
