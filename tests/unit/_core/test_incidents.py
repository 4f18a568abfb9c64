# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.scripted_entra import CLIENT, RESOURCE, TENANT, ScriptedEntra, token_path
from unit.scripted_server import CUT_OFF, Answer

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.access import Access, Target
from ansible_collections.mssp.defender.plugins.module_utils._core.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.http import Patience, Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.incidents import GRAPH, XDR, Dialect, Query, Reader
from ansible_collections.mssp.defender.plugins.module_utils._core.token_cache import Token, TokenCache
from ansible_collections.mssp.defender.plugins.module_utils._core.tokens import TokenSource

PATH = "/api/incidents"
STATUSES = ("Active", "InProgress", "Resolved", "Redirected")
SEVERITIES = ("Informational", "Low", "Medium", "High")
TERM = re.compile(r"(\w+) (eq|ge) ('(?:[^']|'')*'|[0-9TZ:.-]+)(?: and |$)")
QUERIES = st.builds(
    Query,
    status=st.lists(st.sampled_from(STATUSES), unique=True, max_size=3).map(tuple),
    severity=st.lists(st.sampled_from(SEVERITIES), unique=True, max_size=3).map(tuple),
    assigned_to=st.none() | st.text(min_size=1),
    created_after=st.none() | st.integers(0, 10**17),
    updated_after=st.none() | st.integers(0, 10**17),
)
DIALECTS = st.sampled_from([XDR, GRAPH])


def terms_of(odata_filter: str | None) -> dict[str, tuple[str, str]]:
    """Read a filter the way the service does: field to operator and value, quotes taken off and un-escaped."""
    terms, position = {}, 0
    while odata_filter and position < len(odata_filter):
        term = TERM.match(odata_filter, position)
        assert term, odata_filter[position:]
        value = term[3][1:-1].replace("''", "'") if term[3].startswith("'") else term[3]
        terms[term[1]] = (term[2], value)
        position = term.end()
    return terms


@given(query=QUERIES, dialect=DIALECTS)
def test_a_filter_says_exactly_what_the_service_can_do(query: Query, dialect: Dialect) -> None:
    expected = {}
    if len(query.status) == 1:
        expected["status"] = ("eq", dialect.write_value(query.status[0]))
    if len(query.severity) == 1 and dialect is GRAPH:
        expected["severity"] = ("eq", dialect.write_value(query.severity[0]))
    if query.assigned_to:
        expected["assignedTo"] = ("eq", query.assigned_to)
    for field, moment in ((dialect.created_field, query.created_after), (dialect.updated_field, query.updated_after)):
        if moment is not None:
            expected[field] = ("ge", timestamps.render(moment))
    assert terms_of(query.odata_filter(dialect)) == expected


@given(query=QUERIES, dialect=DIALECTS, status=st.sampled_from(STATUSES), severity=st.sampled_from(SEVERITIES))
def test_service_and_machine_together_filter_what_was_asked_for_and_only_one_of_them_does(
    query: Query, dialect: Dialect, status: str, severity: str
) -> None:
    terms, local = terms_of(query.odata_filter(dialect)), query.local_filters(dialect)
    for name, wanted in (("status", query.status), ("severity", query.severity)):
        assert bool(wanted) == ((name in terms) != (name in local))
    record = {"status": dialect.write_value(status), "severity": dialect.write_value(severity)}
    sent = all(terms[name][1] == record[name] for name in record if name in terms)
    asked_for = status in (query.status or STATUSES) and severity in (query.severity or SEVERITIES)
    assert (sent and query.accepts(record)) == asked_for


@given(query=QUERIES, dialect=DIALECTS, raw=st.text(min_size=1))
def test_a_filter_in_the_operators_own_words_is_joined_to_the_others_as_one_term(
    query: Query, dialect: Dialect, raw: str
) -> None:
    own = query.odata_filter(dialect)
    both = replace(query, raw_filter=raw).odata_filter(dialect)
    assert both == (f"{own} and ({raw})" if own else raw)


def test_dates_go_unquoted_with_seven_digits() -> None:
    query = Query(status=("InProgress",), updated_after=timestamps.ticks("2026-11-20T00:00:00Z"))
    moment = "2026-11-20T00:00:00.0000000Z"
    assert query.odata_filter(XDR) == f"status eq 'InProgress' and lastUpdateTime ge {moment}"
    assert query.odata_filter(GRAPH) == f"status eq 'inProgress' and lastUpdateDateTime ge {moment}"
    assert Query().odata_filter(XDR) is None


class Tenant:
    """A tenant whose pages a test scripts."""

    def __init__(self, entra: ScriptedEntra, transport: Transport, folder: Path) -> None:
        credential = ClientSecret("secret")
        authority = Authority(entra.cloud(), Documents(transport))
        self.source = TokenSource(CLIENT, credential, authority, transport, TokenCache(folder, credential.cipher()))
        self.server = entra.server
        self._transport = transport
        self.server.script(token_path(), entra.granting(entra.token()))

    def reader(self, query: Query | None = None, dialect: Dialect = XDR, patience: Patience | None = None) -> Reader:
        patience = patience or Patience(0, 0)
        access = Access(self.source, TENANT, Target(RESOURCE), [], patience)
        return Reader(dialect, self.server.url, query or Query(), access, self._transport, patience)

    def asked(self) -> list[dict[str, str]]:
        """The query of every request for incidents."""
        return [request.query for request in self.server.requests_to(PATH)]


@pytest.fixture
def tenant(entra: ScriptedEntra, transport: Transport, tmp_path: Path) -> Tenant:
    return Tenant(entra, transport, tmp_path)


def page(ids: range, link: str | None = None, **fields: Any) -> Answer:
    records = [{"incidentId": number, "status": "Active", "severity": "High", **fields} for number in ids]
    return Answer({"value": records, **({"@odata.nextLink": link} if link else {})})


def ids_of(reader: Reader) -> list[int]:
    return [record["incidentId"] for record in itertools.chain.from_iterable(reader.pages())]


def reason_of(reader: Reader) -> Any:
    with pytest.raises(TenantError) as failed:
        list(reader.pages())
    return failed.value.reason


def test_records_are_passed_through_as_they_were_sent(tenant: Tenant) -> None:
    record = {"incidentId": 924565, "alerts": [{"entities": [{"verdict": None}]}], "unknownField": "ü"}
    tenant.server.script(PATH, Answer({"@odata.context": "c", "value": [record]}))
    assert list(tenant.reader().pages()) == [[record]]
    assert tenant.asked() == [{"$top": "100"}]


def test_full_pages_are_followed_by_skip(tenant: Tenant) -> None:
    tenant.server.script(PATH, page(range(100)), page(range(100, 200)), page(range(200, 230)))
    reader = tenant.reader(Query(status=("Active",)))
    assert ids_of(reader) == list(range(230))
    assert (reader.count, reader.truncated) == (230, False)
    assert [query.get("$skip") for query in tenant.asked()] == [None, "100", "200"]
    assert {query["$filter"] for query in tenant.asked()} == {"status eq 'Active'"}


def test_a_last_page_that_is_full_costs_one_more_request(tenant: Tenant) -> None:
    tenant.server.script(PATH, page(range(100)), page(range(0)))
    assert len(ids_of(tenant.reader())) == 100


def test_a_link_is_followed_as_it_comes(tenant: Tenant) -> None:
    link = f"{tenant.server.url}{PATH}?$skiptoken=abc"
    tenant.server.script(PATH, page(range(2), link), page(range(2, 3)))
    assert ids_of(tenant.reader()) == [0, 1, 2]
    assert tenant.asked()[1] == {"$skiptoken": "abc"}


@pytest.mark.parametrize("link", ["https://elsewhere.invalid/api", "http://{host}/api", "//elsewhere.invalid/"])
def test_a_link_to_another_place_is_not_followed(tenant: Tenant, link: str) -> None:
    tenant.server.script(PATH, page(range(1), link.format(host=tenant.server.host)))
    assert "on another host" in reason_of(tenant.reader()).meaning
    assert len(tenant.asked()) == 1


def test_a_link_that_leads_in_a_circle_ends_the_tenant(tenant: Tenant) -> None:
    circle = page(range(1), f"{tenant.server.url}{PATH}?$skiptoken=abc")
    tenant.server.script(PATH, circle, circle, circle, Answer(status=404))
    assert "sent the same next page twice" in reason_of(tenant.reader()).meaning


def test_a_service_that_ignores_skip_does_not_keep_us_for_ever(tenant: Tenant) -> None:
    tenant.server.script(PATH, *[page(range(100))] * 5, Answer(status=404))
    assert ids_of(tenant.reader()) == list(range(100))
    assert len(tenant.asked()) < 5


def test_an_incident_that_moved_to_a_later_page_is_given_once(tenant: Tenant) -> None:
    tenant.server.script(PATH, page(range(100)), page(range(98, 120)))
    assert ids_of(tenant.reader()) == list(range(120))


@pytest.mark.parametrize(
    ("limit", "available", "given", "truncated"),
    [(5, 3, 3, False), (3, 3, 3, False), (2, 3, 2, True), (100, 150, 100, True), (150, 150, 150, False)],
)
def test_a_limit_cuts_off_and_says_so(tenant: Tenant, limit: int, available: int, given: int, truncated: bool) -> None:
    tenant.server.script(
        PATH, *(page(range(start, min(start + 100, available))) for start in range(0, available + 1, 100))
    )
    reader = tenant.reader(Query(limit=limit))
    assert ids_of(reader) == list(range(given))
    assert (reader.count, reader.truncated) == (given, truncated)


def test_what_the_service_did_not_filter_is_filtered_here(tenant: Tenant) -> None:
    records = [{"incidentId": number, "severity": severity} for number, severity in enumerate(["High", "Low", "high"])]
    tenant.server.script(PATH, Answer({"value": records}))
    reader = tenant.reader(Query(severity=("High",), limit=5))
    assert ids_of(reader) == [0, 2]
    assert "$filter" not in tenant.asked()[0]


def test_graph_is_asked_in_its_own_words(tenant: Tenant, entra: ScriptedEntra) -> None:
    tenant.server.script(token_path(), entra.granting(entra.token(roles=["SecurityIncident.Read.All"])))
    tenant.server.script(
        GRAPH.path, Answer({"value": [{"id": "1", "status": "active"}, {"id": "2", "status": "resolved"}]})
    )
    reader = tenant.reader(Query(status=("InProgress", "Active")), GRAPH)
    assert [record["id"] for record in next(reader.pages())] == ["1"]
    (request,) = tenant.server.requests_to(GRAPH.path)
    assert request.query == {"$top": "50"}
    assert request.headers["Prefer"] == "include-unknown-enum-members"


def test_reading_goes_on_where_it_was_postponed(tenant: Tenant) -> None:
    throttled = Answer("", status=429, headers={"Retry-After": "1"})
    tenant.server.script(PATH, page(range(100)), throttled, page(range(100, 110)))
    reader = tenant.reader(patience=Patience(0, 10))
    first_run = reader.pages()
    assert len(next(first_run)) == 100
    with pytest.raises(Postponed):
        next(first_run)
    assert ids_of(reader) == list(range(100, 110))
    assert reader.count == 110


def test_a_stale_token_is_renewed_once(tenant: Tenant, entra: ScriptedEntra) -> None:
    tenant.source.keep(TENANT, RESOURCE, "v2", Token(entra.token(iat=1), time.time() + 3600))
    tenant.server.script(PATH, Answer("", status=401), page(range(1)))
    assert ids_of(tenant.reader()) == [0]
    first, second = (request.headers["Authorization"] for request in tenant.server.requests_to(PATH))
    assert first != second
    assert len(tenant.server.requests_to(token_path())) == 1


@pytest.mark.parametrize("body", ["", "Unauthorized", {"error": {"code": "Unauthorized", "message": "m"}}])
def test_a_fresh_token_refused_ends_the_tenant(tenant: Tenant, body: Any) -> None:
    tenant.server.script(PATH, Answer(body, status=401))
    assert reason_of(tenant.reader()).meaning == "the API refused a fresh token"
    assert len(tenant.asked()) == 2


@pytest.mark.parametrize("body", ["", "Forbidden", {"error": {"code": "Forbidden", "target": "trace-7"}}])
def test_a_refused_token_that_carries_the_role_points_at_the_licence(tenant: Tenant, body: Any) -> None:
    tenant.server.script(PATH, Answer(body, status=403))
    reason = reason_of(tenant.reader())
    assert (reason.state, "licence" in reason.remedy) == ("no_service", True)


def test_a_token_without_a_role_that_reads_incidents_is_not_even_sent(tenant: Tenant, entra: ScriptedEntra) -> None:
    tenant.server.script(token_path(), entra.granting(entra.token(roles=["AdvancedHunting.Read.All"])))
    reason = reason_of(tenant.reader())
    assert (reason.state, tenant.asked()) == ("partial", [])
    assert "Incident.Read.All or Incident.ReadWrite.All" in reason.meaning


def test_a_bad_filter_is_told_with_the_services_code_and_trace(tenant: Tenant) -> None:
    error = {"error": {"code": "ODataError", "message": "m", "target": "trace-7"}}
    tenant.server.script(PATH, Answer(error, status=400))
    reason = reason_of(tenant.reader(Query(raw_filter="nonsense")))
    assert (reason.state, reason.code, reason.trace_id) == ("error", "ODataError", "trace-7")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer("<html>"), "error"),
        (Answer([]), "error"),
        (Answer({}), "error"),
        (Answer({"value": {}}), "error"),
        (Answer({"value": [7, None]}), "error"),
        (Answer({"value": []}, fault=CUT_OFF), "unreachable"),
        (Answer({"error": {}}, status=500), "unreachable"),
    ],
)
def test_an_answer_that_is_no_list_of_incidents_ends_the_tenant(tenant: Tenant, answer: Answer, state: str) -> None:
    tenant.server.script(PATH, answer)
    reason = reason_of(tenant.reader())
    assert reason.state == state
    assert tenant.server.host in reason.meaning


def test_an_incomplete_answer_is_taken_and_warned_of(tenant: Tenant) -> None:
    headers = {"Warning": '199 - "Partial result"'}
    tenant.server.script(PATH, Answer({"value": [{"incidentId": 1}]}, status=206, headers=headers))
    reader = tenant.reader()
    assert ids_of(reader) == [1]
    assert len(reader.warnings) == 1
    assert "Partial result" in reader.warnings[0]
