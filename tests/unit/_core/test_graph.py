# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from support.machine import Clock
from support.scripted_entra import CLIENT, ScriptedEntra, token_path
from support.scripted_graph import COLLISION, DENIED, DONE, NOT_BACKED, NOT_FOUND, graph_at, graph_token, refusal
from support.scripted_server import RESET, Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.graph import Call, Graph
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

CALL = Call("read the thing", "Thing.Read.All")
FOUND = Answer({"id": "1"})
THING = "/v1.0/things/1"
UNAUTHORIZED = refusal(401, "InvalidAuthenticationToken")
CHANGE = {"name": "Grüße", "web": {"uris": ["b", "a"]}}
CHANGED = Answer({"id": "1", "name": "Grüße", "web": {"uris": ["a", "b"], "more": None}})
LOST = [Answer(status=503), Answer(fault=RESET)]
THROTTLED = Answer({"error": {"code": "TooManyRequests"}}, 429, {"Retry-After": "7"})


class Things:
    """Graph with one thing in it, at THING."""

    def __init__(self, entra: ScriptedEntra) -> None:
        self.entra = entra
        self.server = entra.server
        self.graph = graph_at(entra)
        self.server.script(token_path(), entra.granting(graph_token(entra)))

    def answers(self, *answers: Answer) -> None:
        self.server.script(THING, *answers)

    def read(self, settle: bool = True, graph: Graph | None = None) -> dict[str, Any] | None:
        return (graph or self.graph).read("things/1", CALL, settle)

    def refusal(self, graph: Graph | None = None) -> TenantError:
        with pytest.raises(TenantError) as refused:
            (graph or self.graph).send("GET", "things/1", CALL)
        return refused.value

    @property
    def asked(self) -> int:
        return len(self.server.requests_to(THING))


@pytest.fixture
def things(entra: ScriptedEntra, clock: Clock) -> Things:
    assert clock.pauses == []
    return Things(entra)


def test_one_token_serves_many_calls(things: Things) -> None:
    things.answers(FOUND)
    assert [things.read(), things.read()] == [{"id": "1"}] * 2
    assert len(things.server.requests_to(token_path())) == 1
    assert len({request.headers["Authorization"] for request in things.server.requests_to(THING)}) == 1


def test_a_body_travels_as_json_and_a_preference_as_a_header(things: Things) -> None:
    things.server.script(THING, DONE, method="PATCH")
    reply = things.graph.send("PATCH", "things/1", CALL, {"name": "Grüße"}, prefer="create-if-missing")
    (request,) = things.server.requests_to(THING, "PATCH")
    assert (reply.status, request.json) == (204, {"name": "Grüße"})
    assert (request.headers["Content-Type"], request.headers["Prefer"]) == ("application/json", "create-if-missing")


def test_a_call_without_a_body_says_nothing_of_one(things: Things) -> None:
    things.answers(FOUND)
    things.read()
    (request,) = things.server.requests_to(THING)
    assert request.body == ""
    assert not {"Content-Type", "Prefer"} & set(request.headers)


def test_what_is_not_there_is_none_at_once(things: Things, clock: Clock) -> None:
    things.answers(NOT_FOUND)
    assert things.read(settle=False) is None
    assert (things.asked, clock.pauses) == (1, [])


@pytest.mark.parametrize("lag", [NOT_FOUND, NOT_BACKED], ids=["404", "NoBackingApplicationObject"])
def test_what_was_just_written_is_waited_for(things: Things, clock: Clock, lag: Answer) -> None:
    things.answers(lag, lag, lag, FOUND)
    assert things.read() == {"id": "1"}
    assert clock.pauses == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("settle_seconds", [0, 5, 300])
def test_the_wait_for_lag_ends(things: Things, clock: Clock, settle_seconds: int) -> None:
    things.answers(NOT_FOUND)
    assert things.read(graph=graph_at(things.entra, settle_seconds)) is None
    assert settle_seconds - 10 < sum(clock.pauses) <= settle_seconds
    assert max(clock.pauses, default=0) <= 10
    assert things.asked == len(clock.pauses) + 1


def test_each_call_has_the_whole_wait_for_itself(things: Things, clock: Clock) -> None:
    graph = graph_at(things.entra, settle_seconds=4)
    for _unused in range(3):
        things.answers(NOT_FOUND, NOT_FOUND, FOUND)
        assert things.read(graph=graph) == {"id": "1"}
    assert clock.pauses == [1.0, 2.0] * 3


@pytest.mark.parametrize("answer", [NOT_FOUND, NOT_BACKED, COLLISION])
def test_lag_that_does_not_end_is_told_with_how_long_it_was_waited_for(things: Things, answer: Answer) -> None:
    things.answers(answer)
    reason = things.refusal(graph_at(things.entra, settle_seconds=90)).reason
    assert reason.state == "error"
    assert reason.meaning == "Microsoft's directory was not ready to read the thing after 90 s of waiting"
    assert reason.remedy == "run again later, or raise settle_wait"


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, "Request_BadRequest"),
        refusal(400, "Request_BadRequest", detail="ObjectConflict"),
        Answer({"error": {"code": "Request_BadRequest", "details": ["NoBackingApplicationObject", None]}}, 400),
        Answer({"error": {"code": "Request_BadRequest", "details": 5}}, 400),
        refusal(409, "Request_MultipleObjectsWithSameKeyValue"),
    ],
)
def test_a_real_refusal_is_not_waited_out(things: Things, clock: Clock, answer: Answer) -> None:
    things.answers(answer)
    assert things.refusal().reason.state == "error"
    assert (things.asked, clock.pauses) == (1, [])


@pytest.mark.parametrize("settle", [True, False])
def test_two_writers_that_meet_try_again(things: Things, clock: Clock, settle: bool) -> None:
    things.server.script(THING, COLLISION, COLLISION, DONE, method="PATCH")
    assert things.graph.send("PATCH", "things/1", CALL, {}, settle=settle).status == 204
    assert clock.pauses == [1.0, 2.0]


def test_throttling_is_waited_out_as_long_as_it_asks(things: Things, clock: Clock) -> None:
    things.answers(THROTTLED, THROTTLED, FOUND)
    assert things.read() == {"id": "1"}
    assert len(clock.pauses) == 2
    assert all(7 <= pause < 8 for pause in clock.pauses)


def test_throttling_beyond_max_wait_is_the_outcome(things: Things, clock: Clock) -> None:
    things.answers(THROTTLED)
    error = things.refusal(graph_at(things.entra, patience=Patience(retries=1, max_wait=20)))
    assert (error.reason.state, error.reason.code) == ("throttled", "429")
    assert 14 <= sum(clock.pauses) <= 20


def test_a_fault_of_the_server_is_repeated_as_often_as_retries_say(things: Things) -> None:
    things.answers(Answer(status=503), FOUND)
    assert things.read() == {"id": "1"}
    things.answers(Answer(status=503))
    assert things.refusal().reason.state == "unreachable"
    assert things.asked == 4


@pytest.mark.parametrize("lost", LOST, ids=["503", "reset"])
def test_a_change_whose_answer_was_lost_is_not_made_twice(things: Things, lost: Answer) -> None:
    things.server.script(THING, lost, method="PATCH")
    things.server.script(THING, CHANGED, method="GET")
    things.graph.change("things/1", CALL, CHANGE)
    assert [request.method for request in things.server.requests_to(THING)] == ["PATCH", "GET"]
    assert things.server.requests[-1].query == {"$select": "name,web"}


@pytest.mark.parametrize(
    "found",
    [
        Answer({"name": "Grüße", "web": {"uris": ["a"]}}),
        Answer({"name": "Grüße", "web": {"uris": ["a", "c"]}}),
        Answer({"name": "Grüße", "web": None}),
        Answer({"web": {"uris": ["a", "b"]}}),
        DENIED,
    ],
)
def test_a_change_that_was_lost_itself_is_made_again(things: Things, found: Answer) -> None:
    things.server.script(THING, LOST[0], DONE, method="PATCH")
    things.server.script(THING, found, method="GET")
    things.graph.change("things/1", CALL, CHANGE)
    assert [request.method for request in things.server.requests_to(THING)] == ["PATCH", "GET", "PATCH"]


def test_a_change_is_reported_as_lost_only_where_it_did_not_take_effect(things: Things) -> None:
    graph = graph_at(things.entra, patience=Patience(retries=0, max_wait=0))
    things.server.script(THING, LOST[0], method="PATCH")
    things.server.script(THING, Answer({"name": "old"}), method="GET")
    with pytest.raises(TenantError, match="keeps answering HTTP 503"):
        graph.change("things/1", CALL, CHANGE)
    things.server.script(THING, CHANGED, method="GET")
    graph.change("things/1", CALL, CHANGE)


def test_a_change_that_is_refused_is_not_read_back(things: Things) -> None:
    things.server.script(THING, DENIED, method="PATCH")
    with pytest.raises(TenantError, match="refused to read the thing"):
        things.graph.change("things/1", CALL, CHANGE)
    assert things.asked == 1


def test_a_token_that_is_refused_is_renewed_once(things: Things) -> None:
    fresh = things.entra.token(aud="https://graph.microsoft.com", roles=[], uti="a newer one")
    things.server.script(token_path(), things.entra.granting(graph_token(things.entra)), things.entra.granting(fresh))
    things.answers(UNAUTHORIZED, FOUND)
    assert things.read() == {"id": "1"}
    assert things.server.requests[-1].headers["Authorization"] == f"Bearer {fresh}"
    assert things.read() == {"id": "1"}
    assert len(things.server.requests_to(token_path())) == 2


def test_a_fresh_token_that_is_refused_too_is_an_error(things: Things) -> None:
    things.answers(UNAUTHORIZED)
    reason = things.refusal().reason
    assert (reason.code, reason.remedy) == ("InvalidAuthenticationToken", "check graph_url and the cloud")
    assert (things.asked, len(things.server.requests_to(token_path()))) == (2, 2)


def test_a_missing_right_names_the_permission_and_the_caller(things: Things) -> None:
    things.answers(DENIED)
    reason = things.refusal().reason
    assert reason.code == "Authorization_RequestDenied"
    assert f"Microsoft Graph refused to read the thing: the caller {CLIENT} lacks the right" in reason.meaning
    assert reason.remedy.startswith("grant Thing.Read.All (")
    assert CLIENT in reason.remedy


def test_a_status_that_is_asked_for_is_handed_over(things: Things) -> None:
    things.answers(DENIED)
    assert things.graph.send("GET", "things/1", CALL, accept=(403,)).status == 403


@pytest.mark.parametrize(("code", "state"), [(7000222, "bad_credential"), (700016, "not_consented")])
def test_a_caller_without_a_token_makes_no_call(things: Things, code: int, state: str) -> None:
    things.server.script(token_path(), Answer({"error": "invalid_client", "error_codes": [code]}, 401))
    reason = things.refusal().reason
    assert (reason.state, reason.who or "provider") == (state, "provider")
    assert reason.meaning.startswith(f"{CLIENT} got no token: ")
    assert "consent" not in reason.remedy
    assert things.asked == 0


@pytest.mark.parametrize(
    ("answer", "state", "remedy"),
    [
        (Answer(status=503), "unreachable", "run again later"),
        (Answer(status=429, headers={"Retry-After": "9999"}), "throttled", "raise max_wait"),
        (Answer({"error": "invalid_request", "error_codes": [90002]}, 400), "unknown_tenant", "correct the tenant id"),
    ],
)
def test_a_failure_on_the_way_to_the_token_keeps_its_own_remedy(
    things: Things, answer: Answer, state: str, remedy: str
) -> None:
    things.server.script(token_path(), answer)
    reason = things.refusal().reason
    assert reason.state == state
    assert remedy in reason.remedy


def test_a_collection_is_read_page_by_page(things: Things) -> None:
    more = f"{things.server.url}/v1.0/more"
    things.server.script("/v1.0/things", Answer({"value": [{"id": "1"}, {"id": "2"}], "@odata.nextLink": more}))
    things.server.script("/v1.0/more", Answer({"value": [{"id": "3"}]}))
    assert [thing["id"] for thing in things.graph.pages("things", CALL)] == ["1", "2", "3"]


def test_an_empty_page_has_no_members(things: Things) -> None:
    things.server.script("/v1.0/things", Answer({"value": []}))
    assert list(things.graph.pages("things", CALL)) == []


@pytest.mark.parametrize("count", [0, 3])
def test_fewer_than_the_service_counts_are_not_the_whole(things: Things, count: int) -> None:
    things.server.script("/v1.0/things", Answer({"value": [{"id": "1"}] if count else [], "@odata.count": 7}))
    with pytest.raises(TenantError, match=r"Microsoft Graph counts 7 and sent [01] when asked to read the thing"):
        list(things.graph.pages("things", CALL))


@pytest.mark.parametrize("page", [{"value": None}, {}, {"value": ["x"]}, {"value": [None]}, {"value": {"id": "1"}}])
def test_what_is_no_page_is_not_taken_for_an_empty_one(things: Things, page: dict[str, Any]) -> None:
    things.server.script("/v1.0/things", Answer(page))
    with pytest.raises(TenantError, match="Microsoft Graph sent no list when asked to read the thing"):
        list(things.graph.pages("things", CALL))


def test_a_page_that_is_no_json_is_an_error_of_the_way_there(things: Things) -> None:
    things.server.script("/v1.0/things", Answer("<html>proxy</html>"))
    with pytest.raises(TenantError, match="something between this machine and"):
        list(things.graph.pages("things", CALL))


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 409, 451])
def test_an_answer_that_is_not_graphs_is_no_absence_and_is_not_waited_out(
    things: Things, clock: Clock, status: int
) -> None:
    """An object that a proxy denies is not taken for one that has to be made, or for one that is gone."""
    things.server.script("/v1.0/thing", Answer("<html>no</html>", status))
    for method in ("GET", "DELETE", "PATCH"):
        with pytest.raises(TenantError) as failed:
            things.graph.send(method, "thing", CALL, accept=(400, 404))
        assert (failed.value.reason.state, failed.value.reason.acts) == ("unreachable", "provider")
    assert clock.pauses == []


@pytest.mark.parametrize("link", ["https://evil.example/v1.0/things", "http://{host}/v1.0/things"])
def test_the_token_follows_no_link_to_another_host(things: Things, link: str) -> None:
    things.server.script("/v1.0/things", Answer({"value": [], "@odata.nextLink": link.format(host=things.server.host)}))
    with pytest.raises(TenantError, match="on another host"):
        list(things.graph.pages("things", CALL))
    assert len(things.server.requests_to("/v1.0/things")) == 1


def test_a_link_to_the_main_host_is_followed_where_graph_was_asked(things: Things) -> None:
    link = "https://graph.microsoft.com/v1.0/more?$skiptoken=2"
    things.server.script("/v1.0/things", Answer({"value": [{"id": "1"}], "@odata.nextLink": link}))
    things.server.script("/v1.0/more", Answer({"value": [{"id": "2"}]}))
    assert [thing["id"] for thing in things.graph.pages("things", CALL)] == ["1", "2"]
    assert things.server.requests_to("/v1.0/more")[0].query == {"$skiptoken": "2"}


def test_a_link_that_leads_in_a_circle_ends_the_reading(things: Things) -> None:
    circle = Answer({"value": [{"id": "1"}], "@odata.nextLink": f"{things.server.url}/v1.0/things?$skiptoken=1"})
    things.server.script("/v1.0/things", circle, circle, circle, Answer())
    with pytest.raises(TenantError, match="the same next page twice"):
        list(things.graph.pages("things", CALL))


def test_empty_pages_with_a_link_have_an_end(things: Things) -> None:
    for number in range(200):
        more = f"{things.server.url}/v1.0/things/{number + 1}"
        things.server.script(f"/v1.0/things/{number}", Answer({"value": [], "@odata.nextLink": more}))
    with pytest.raises(TenantError) as failed:
        list(things.graph.pages("things/0", CALL))
    assert "100 pages in a row without anything new" in failed.value.reason.meaning
