# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.scripted_entra import CLIENT, TENANT, ScriptedEntra, token_path
from support.scripted_server import Answer, Request

from ansible_collections.mssp.defender.plugins.module_utils._core.calls import Calls
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError, Reason, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.hunting import queries
from ansible_collections.mssp.defender.plugins.module_utils._core.hunting.queries import (
    GRAPH,
    MOST_ROWS,
    XDR,
    Dialect,
    Query,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.access import Access, Target
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import TokenCache
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.tokens import TokenSource
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

RESOURCES = {XDR: "https://api.security.microsoft.com", GRAPH: "https://graph.microsoft.com"}
ROW = '{"Timestamp": "2026-11-20T23:10:00.1234567Z", "Size": 18446744073709551615, "Ratio": 1.10}'
STATS = {"ExecutionTime": 4.6}
SCHEMA = '[{"name": "Timestamp", "type": "DateTime"}]'
SCHEMA_OF_XDR = '[{"Name": "Timestamp", "Type": "DateTime"}]'
ANSWERS = {
    XDR: f'{{"Stats": {json.dumps(STATS)}, "Schema": {SCHEMA_OF_XDR}, "Results": [{ROW}]}}',
    GRAPH: f'{{"@odata.context": "x", "schema": {SCHEMA}, "results": [{ROW}]}}',
}
BOTH = pytest.mark.parametrize("dialect", [XDR, GRAPH], ids=["xdr", "graph"])


class Hunter:
    """Hunts in one tenant against the scripted services, without patience."""

    def __init__(self, entra: ScriptedEntra, folder: Path) -> None:
        self.server = entra.server
        self._entra = entra
        self._folder = folder

    def __call__(
        self,
        query: str = "DeviceInfo",
        dialect: Dialect = GRAPH,
        timespan: str | None = None,
        timeout: float = 5,
        role: str | None = None,
    ) -> queries.Answer:
        token = self._entra.token(aud=RESOURCES[dialect], roles=[role or dialect.call.roles[0]])
        self.server.script(token_path(), self._entra.granting(token))
        transport = Transport(self.server.ca_path, timeout)
        credential, patience = ClientSecret("secret"), Patience(0, 0)
        authority = Authority(self._entra.cloud(), Documents(transport))
        source = TokenSource(CLIENT, credential, authority, transport, TokenCache(self._folder, credential.cipher()))
        access = Access(source, TENANT, Target(RESOURCES[dialect]), [], patience)
        return queries.ask(Calls(self.server.url, access, transport, patience), dialect, Query(query, timespan))

    def answered(self, *answers: Answer, dialect: Dialect = GRAPH) -> Hunter:
        self.server.script(dialect.path, *answers)
        return self

    def request(self, dialect: Dialect = GRAPH) -> Request:
        (request,) = self.server.requests_to(dialect.path, "POST")
        return request

    def refused(self, dialect: Dialect = GRAPH, role: str | None = None) -> Reason:
        with pytest.raises(TenantError) as refused:
            self(dialect=dialect, role=role)
        return refused.value.reason


@pytest.fixture
def hunter(entra: ScriptedEntra, tmp_path: Path) -> Hunter:
    return Hunter(entra, tmp_path)


def refusal(message: str, code: str = "BadRequest") -> Answer:
    return Answer({"error": {"code": code, "message": message, "innerError": {"request-id": "request-1"}}}, 400)


@BOTH
def test_both_apis_answer_in_one_shape(hunter: Hunter, dialect: Dialect) -> None:
    answer = hunter.answered(Answer(ANSWERS[dialect]), dialect=dialect)(dialect=dialect)
    assert answer.rows == [json.loads(ROW)]
    assert [row.text for row in answer.rows] == [ROW]
    assert answer.schema == [{"name": "Timestamp", "type": "DateTime"}]
    assert answer.stats == (STATS if dialect is XDR else None)
    assert answer.truncated is False


@BOTH
@pytest.mark.parametrize(
    "query",
    ['T | where A == "{{ x }}" {% raw %}', "T\r\n| where\tB has 'ü 😀'\n// end\n\n", '\\"', "\x00 \u2028"],
    ids=["jinja", "blanks", "escapes", "controls"],
)
def test_a_query_is_sent_as_it_is(hunter: Hunter, dialect: Dialect, query: str) -> None:
    hunter.answered(Answer(ANSWERS[dialect]), dialect=dialect)(query, dialect)
    request = hunter.request(dialect)
    assert request.json == {"Query": query}
    assert request.headers["Content-Type"] == "application/json"


def test_the_timespan_goes_along(hunter: Hunter) -> None:
    hunter.answered(Answer(ANSWERS[GRAPH]))(timespan="P7D")
    assert hunter.request().json == {"Query": "DeviceInfo", "Timespan": "P7D"}


def test_as_many_rows_as_there_can_be_may_be_a_part_of_them(hunter: Hunter) -> None:
    body = '{"schema": [], "results": [%s]}'
    few = hunter.answered(Answer(body % ",".join(["{}"] * (MOST_ROWS - 1))))()
    most = hunter.answered(Answer(body % ",".join(["{}"] * MOST_ROWS)))()
    assert (few.truncated, most.truncated) == (False, True)


def test_columns_are_those_of_the_schema_and_all_that_rows_have(hunter: Hunter) -> None:
    row = '{"B": 1, "B@odata.type": "#Int64", "New": null}'
    schema = '[{"name": "A", "type": "String"}, {"name": "B", "type": "Int64"}]'
    answer = hunter.answered(Answer(f'{{"schema": {schema}, "results": [{row}]}}'))()
    assert answer.columns() == ["A", "B", "New"]
    assert "B@odata.type" in answer.rows[0]


@BOTH
def test_what_is_wrong_with_a_query_is_told_whole(hunter: Hunter, dialect: Dialect) -> None:
    message = (
        "Query could not be parsed at 'takee' on line [2,3]\n    | takee 5\n      ^\nFix syntax errors." + "x" * 5000
    )
    reason = hunter.answered(refusal(message), dialect=dialect).refused(dialect)
    assert (reason.state, reason.code) == ("error", "BadRequest")
    assert " ".join(message.split()).rstrip(".") in reason.meaning
    assert reason.remedy == "correct the query"


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("Query could not be parsed at 'a timed out result size' on line [1,1]", "correct the query"),
        (
            "'where' operator: Failed to resolve table 'Timeout'. Fix semantic errors in your query.",
            "correct the query",
        ),
        ("Query exceeded the timeout period of 3 minutes.", "narrow the query"),
        ("The request timed out", "narrow the query"),
        ("Query execution has exceeded the allowed result size.", "let the query return less"),
        ("Query result set has exceeded the internal data size limit 67108864", "let the query return less"),
        ("The query cannot run because it exceeds the allowed size limit when processed.", "make the query smaller"),
        ("Query execution was preempted. It consumed too many resources.", "make the query smaller"),
    ],
)
def test_what_a_query_may_not_take_is_told_apart(hunter: Hunter, message: str, remedy: str) -> None:
    reason = hunter.answered(refusal(message)).refused()
    assert message.rstrip(".") in reason.meaning
    assert reason.remedy.startswith(remedy)


def test_a_tenant_without_the_permission_is_partial_and_not_asked(hunter: Hunter) -> None:
    reason = hunter.answered(Answer(ANSWERS[GRAPH])).refused(role="SecurityIncident.Read.All")
    assert (reason.state, reason.remedy) == ("partial", "consent again, to ThreatHunting.Read.All")
    assert hunter.server.requests_to(GRAPH.path) == []


def test_a_tenant_without_a_licence_is_told_so(hunter: Hunter) -> None:
    body = {"error": {"code": "Forbidden", "message": "The tenant has no licence for the service."}}
    reason = hunter.answered(Answer(body, 403)).refused()
    assert (reason.state, "license" in reason.remedy) == ("no_service", True)


def test_a_gateway_that_gives_up_means_a_query_that_takes_too_long(hunter: Hunter) -> None:
    reason = hunter.answered(Answer({"error": {"code": "UnknownError", "message": ""}}, 504)).refused()
    assert (reason.state, reason.code) == ("unreachable", "504")
    assert "taken too long: narrow the query" in reason.remedy
    assert "narrow" not in hunter.answered(Answer("", 503)).refused().remedy


def test_a_query_may_take_longer_than_other_calls(hunter: Hunter) -> None:
    answered = hunter.answered(Answer(ANSWERS[GRAPH], delay=1))
    assert len(answered(timeout=0.5).rows) == 1


def test_a_throttled_query_can_be_asked_again(hunter: Hunter) -> None:
    hunter.answered(Answer("", 429), Answer(ANSWERS[GRAPH]))
    assert hunter.refused().state == "throttled"
    assert len(hunter().rows) == 1


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"results": [], "schema": null}',
        '{"results": [1], "schema": []}',
        '{"results": null, "schema": []}',
        '{"results": [], "schema": [{"Name": "A"}]}',
        '{"Results": {}, "Schema": []}',
    ],
)
def test_an_answer_without_rows_is_no_answer(hunter: Hunter, body: str) -> None:
    assert "sent no rows with their schema" in hunter.answered(Answer(body)).refused().meaning


@pytest.mark.parametrize(
    "text",
    [
        "P7D",
        "PT12H",
        "P1DT12H30M0.5S",
        "P2W",
        "2026-11-20T00:00:00Z",
        "P30D/2026-11-20T00:00:00Z",
        "2026-11-20/P1D",
        "2026-11-20/2026-11-21T08:00:00+01:00",
    ],
)
def test_a_timespan_is_what_iso_8601_calls_one(text: str) -> None:
    assert queries.check_timespan(text) == text


@pytest.mark.parametrize(
    "text", ["7d", "P", "PT", "P7", "P1D/P1D", "2026-11-20/", "/", "a/b/c", "P7D/P1D/P1D", "P\uff17D"]
)
def test_any_other_timespan_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="is none: write a duration such as P7D") as refused:
        queries.check_timespan(text)
    assert repr(text)[1:-1] in str(refused.value)
