# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any

import pytest
from support.machine import Clock
from support.scripted_entra import RESOURCE, TENANT, ScriptedTenant, token_path
from support.scripted_server import CUT_OFF, NOT_FOUND, RESET, Answer, refused

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.calls import Call, Calls
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, RefusedRequest, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import Token
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.pacing import MINUTE, Pace, Quota
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

PATH = "/api/incidents"
ONE = f"{PATH}/29"
TWO_A_MINUTE = Quota("two", per_minute=2, per_hour=None)
READERS = ("Incident.Read.All", "Incident.ReadWrite.All")
LIST = Call("list incidents", READERS, TWO_A_MINUTE)
GET = Call("read an incident", READERS, TWO_A_MINUTE, on_record=True)


def reason_of(calls: Calls, path: str = PATH, call: Call = LIST) -> Any:
    with pytest.raises(TenantError) as failed:
        calls.get(path, call)
    return failed.value.reason


def test_a_get_carries_what_it_was_given_and_the_token(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, Answer({"value": []}))
    reply = tenant.calls().get(PATH, LIST, {"$top": 7}, {"Prefer": "unknown"})
    assert reply.json() == {"value": []}
    (request,) = tenant.asked()
    assert (request.method, request.query, request.headers["Prefer"]) == ("GET", {"$top": "7"}, "unknown")
    assert request.headers["Authorization"].startswith("Bearer ey")


def test_a_whole_address_is_asked_as_it_is(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, Answer({}))
    tenant.calls().get(f"{tenant.server.url}{PATH}?$skiptoken=abc", LIST)
    assert tenant.asked()[0].query == {"$skiptoken": "abc"}


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_a_write_sends_its_body_as_json(tenant: ScriptedTenant, method: str) -> None:
    tenant.server.script(ONE, Answer({"incidentId": 29}), method=method)
    body = {"status": "Resolved", "comment": "Grüße"}
    assert tenant.calls().write(method, ONE, GET, body).json() == {"incidentId": 29}
    (request,) = tenant.asked(ONE)
    assert (request.method, request.json, request.headers["Content-Type"]) == (method, body, "application/json")


def test_only_the_answers_that_are_asked_for_are_returned(tenant: ScriptedTenant) -> None:
    tenant.server.script(ONE, NOT_FOUND)
    assert tenant.calls().get(ONE, GET, accept=(404,)).status == 404
    assert tenant.calls().write("PATCH", ONE, GET, {}, accept=(404,)).status == 404
    assert reason_of(tenant.calls(), ONE, GET).state == "error"


def test_links_are_judged_by_where_the_calls_go(tenant: ScriptedTenant) -> None:
    links = tenant.calls().links()
    assert links.checked(f"{tenant.server.url}{PATH}?page=2").endswith("page=2")
    with pytest.raises(TenantError):
        links.checked("https://elsewhere.invalid/api")


def test_a_stale_token_is_renewed_once(tenant: ScriptedTenant) -> None:
    tenant.source.keep(TENANT, RESOURCE, "v2", Token(tenant.entra.token(uti="an older one"), time.time() + 3600))
    tenant.server.script(PATH, Answer("", status=401), Answer({}))
    tenant.calls().get(PATH, LIST)
    first, second = (request.headers["Authorization"] for request in tenant.asked())
    assert first != second
    assert len(tenant.server.requests_to(token_path())) == 1


def test_a_token_that_ran_out_on_the_way_is_renewed_each_time(tenant: ScriptedTenant) -> None:
    """A long task outlives more than one token."""
    stale = Answer("", status=401)
    tenant.server.script(PATH, Answer({}), stale, Answer({}), stale, Answer({}))
    calls = tenant.calls()
    for _unused in range(3):
        calls.get(PATH, LIST)
    assert len(tenant.server.requests_to(token_path())) == 3


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (refused(401, "Unauthorized", "m"), "the API refused a fresh token: m"),
        (Answer("", 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}), "the API refused a fresh token"),
    ],
)
def test_a_fresh_token_refused_ends_the_tenant(tenant: ScriptedTenant, answer: Answer, meaning: str) -> None:
    tenant.server.script(PATH, answer)
    assert reason_of(tenant.calls()).meaning == meaning
    assert len(tenant.asked()) == 2


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 406, 407, 410, 415, 418, 451])
@pytest.mark.parametrize("body", ["", "Forbidden", "<html>Access denied</html>", {"message": "Forbidden"}])
@pytest.mark.parametrize("retires", [True, False])
def test_an_answer_that_is_not_microsofts_is_the_networks(
    tenant: ScriptedTenant, status: int, body: Any, retires: bool
) -> None:
    """Neither a record that is missing nor a service that is retired or not licensed."""
    tenant.server.script(PATH, Answer(body, status))
    with pytest.raises(TenantError) as failed:
        tenant.calls(retires=retires).get(PATH, LIST, accept=(400, 404))
    reason = failed.value.reason
    assert (reason.state, reason.acts, reason.code) == ("unreachable", "provider", None)
    assert f"something between this machine and {tenant.server.host} answered HTTP {status}" in reason.meaning
    assert "licen" not in reason.remedy
    assert "api: graph" not in reason.remedy


def test_a_change_that_a_sign_in_page_answers_was_not_made(tenant: ScriptedTenant) -> None:
    tenant.server.script(ONE, Answer("<html>Welcome to our network</html>"))
    with pytest.raises(TenantError) as failed:
        tenant.calls().write("PATCH", ONE, GET, {})
    assert failed.value.reason.state == "unreachable"


def test_a_refused_token_that_carries_the_role_is_explained_by_microsofts_own_sentence(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, refused(403, "DisabledFeature", "Tenant feature is not enabled.", target="trace-7"))
    reason = reason_of(tenant.calls())
    assert (reason.state, reason.code, reason.trace_id) == ("no_service", "DisabledFeature", "trace-7")
    assert reason.meaning == "the API refused access: Tenant feature is not enabled"


def test_a_token_without_a_role_that_suffices_is_not_even_sent(tenant: ScriptedTenant) -> None:
    tenant.grant("AdvancedHunting.Read.All")
    reason = reason_of(tenant.calls())
    assert (reason.state, tenant.asked()) == ("partial", [])
    assert "Incident.Read.All or Incident.ReadWrite.All" in reason.meaning


def test_a_bad_request_is_told_whole_with_the_services_code_and_trace(tenant: ScriptedTenant) -> None:
    """A filter or a query of many lines is fixed by what is said at the end of the message."""
    said = "Invalid filter clause: " + "\n   ".join(f"term {number} is unknown" for number in range(200))
    error = {"error": {"code": "ODataError", "message": said, "target": "trace-7"}}
    tenant.server.script(PATH, Answer(error, status=400))
    with pytest.raises(RefusedRequest) as refused:
        tenant.calls().get(PATH, LIST)
    reason = refused.value.reason
    assert (reason.state, reason.code, reason.trace_id) == ("error", "ODataError", "trace-7")
    assert reason.meaning == f"the API refused the request: {' '.join(said.split())}"


def test_a_bad_request_of_graph_has_no_code_but_a_sentence(tenant: ScriptedTenant) -> None:
    error = {"error": {"code": "", "message": "The limit of '50' for Top query has been exceeded."}}
    tenant.server.script(PATH, Answer(error, status=400))
    reason = reason_of(tenant.calls())
    assert (reason.code, reason.meaning.endswith("The limit of '50' for Top query has been exceeded")) == ("400", True)


def test_the_pace_puts_a_call_off_before_it_is_sent(tenant: ScriptedTenant) -> None:
    clock = Clock()
    calls = tenant.calls(pace=Pace(None, clock.time))
    tenant.server.script(PATH, Answer({}))
    for _unused in range(2):
        calls.get(PATH, LIST)
    with pytest.raises(Postponed) as wait:
        calls.get(PATH, LIST)
    assert len(tenant.asked()) == 2
    assert wait.value.seconds == pytest.approx(MINUTE, abs=5)
    assert "the minute quota of 2 two calls at" in wait.value.error.reason.meaning
    clock.sleep(wait.value.seconds)
    assert calls.get(PATH, LIST).status == 200


def test_without_a_pace_the_service_alone_sets_the_limit(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, *[Answer({})] * 5, Answer("", status=429, headers={"Retry-After": "9"}))
    calls = tenant.calls(Patience(0, 60))
    for _unused in range(5):
        calls.get(PATH, LIST)
    with pytest.raises(Postponed) as wait:
        calls.get(PATH, LIST)
    assert 9 <= wait.value.seconds <= 10


@pytest.mark.parametrize("status", [404, 410])
def test_an_endpoint_that_is_gone_is_explained_with_the_switch(tenant: ScriptedTenant, status: int) -> None:
    tenant.server.script(PATH, Answer({"error": {"code": "Gone", "message": "retired"}}, status=status))
    reason = reason_of(tenant.calls(retires=True))
    assert f"no longer serves this endpoint (HTTP {status})" in reason.meaning
    assert "api: graph" in reason.remedy


def test_a_record_that_is_not_there_says_nothing_of_the_endpoint(tenant: ScriptedTenant) -> None:
    tenant.server.script(ONE, Answer({"error": {"code": "NotFound", "message": "m"}}, status=404))
    assert "retires" not in reason_of(tenant.calls(retires=True), ONE, GET).meaning
    tenant.server.script(ONE, refused(410))
    assert "retires" in reason_of(tenant.calls(retires=True), ONE, GET).meaning


def test_an_api_that_stays_is_never_said_to_be_gone(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, refused(410))
    reason = reason_of(tenant.calls())
    assert "retires" not in reason.meaning
    assert "api: graph" not in reason.remedy


@pytest.fixture
def after_the_end(clock: Clock) -> None:
    clock.sleep(timestamps.ticks("2027-02-02") / timestamps.TICKS_PER_SECOND - time.time())


FAILURES = [
    Answer("", status=503),
    Answer("{}", fault=CUT_OFF),
    Answer("", fault=RESET),
    Answer("<html>Gone</html>", status=404),
]
FAILURE_NAMES = ["503", "cut off", "reset", "not Microsoft's"]


@pytest.mark.parametrize("answer", FAILURES, ids=FAILURE_NAMES)
def test_a_failure_is_one_until_the_end(tenant: ScriptedTenant, answer: Answer) -> None:
    tenant.server.script(PATH, answer)
    assert "api: graph" not in reason_of(tenant.calls(retires=True)).remedy


@pytest.mark.usefixtures("after_the_end")
@pytest.mark.parametrize("answer", FAILURES, ids=FAILURE_NAMES)
def test_a_failure_after_the_end_is_answered_with_the_switch(tenant: ScriptedTenant, answer: Answer) -> None:
    tenant.server.script(PATH, answer)
    reason = reason_of(tenant.calls(retires=True))
    assert (reason.state, "api: graph" in reason.remedy) == ("unreachable", True)


@pytest.mark.usefixtures("after_the_end")
def test_an_api_that_throttles_is_still_there(tenant: ScriptedTenant) -> None:
    tenant.server.script(PATH, Answer("", status=429))
    reason = reason_of(tenant.calls(retires=True))
    assert (reason.state, "max_wait" in reason.remedy) == ("throttled", True)
