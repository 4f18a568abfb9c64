# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advanced hunting: what both APIs answer, what they refuse, and the part of the query language they know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, XDR_SCOPE, Caller, refusal

Consent = Callable[..., None]
XDR = "/api/advancedhunting/run"
GRAPH = "/v1.0/security/runHuntingQuery"
ROLES = {XDR: "AdvancedHunting.Read.All", GRAPH: "ThreatHunting.Read.All"}
SCOPES = {XDR: XDR_SCOPE, GRAPH: GRAPH_SCOPE}


class Hunter:
    """Hunts in contoso through either API, as an application that may."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.tokens = {path: caller.token(scope=scope) for path, scope in SCOPES.items()}

    def post(self, path: str, body: object, **headers: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.tokens[path]}", **headers}
        return self.caller.session.post(f"{self.caller.emulator.url}{path}", json=body, headers=headers, timeout=30)

    def rows(self, query: str, **options: str) -> list[dict[str, Any]]:
        """What Graph finds."""
        answer = self.post(GRAPH, {"Query": query, **options})
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["results"]
        return rows

    def refused(self, query: str, path: str = GRAPH) -> str:
        """The message of a 400."""
        answer = self.post(path, {"Query": query})
        assert refusal(answer) == (400, "BadRequest"), answer.text
        return str(answer.json()["error"]["message"])


@pytest.fixture
def hunter(caller: Caller, consented: Consent) -> Hunter:
    consented("contoso", "Incident.Read.All", *ROLES.values())
    return Hunter(caller)


@pytest.fixture
def alerts(hunter: Hunter) -> list[dict[str, Any]]:
    """The alerts of contoso's incidents."""
    incidents = hunter.caller.get("/api/incidents", hunter.tokens[XDR]).json()["value"]
    return [alert for incident in incidents for alert in incident["alerts"]]


def test_both_apis_answer_alike_in_their_own_shape(hunter: Hunter) -> None:
    query = {"Query": "DeviceInfo | project Timestamp, DeviceName, OSBuild | take 3"}
    xdr, graph = hunter.post(XDR, query).json(), hunter.post(GRAPH, query).json()
    assert set(xdr) == {"Stats", "Schema", "Results"}
    assert set(graph) == {"@odata.context", "schema", "results"}
    types = {"Timestamp": "DateTime", "DeviceName": "String", "OSBuild": "Int64"}
    assert xdr["Schema"] == [{"Name": name, "Type": kind} for name, kind in types.items()]
    assert graph["schema"] == [{"name": name, "type": kind} for name, kind in types.items()]
    assert xdr["Results"] == graph["results"]
    assert [list(row) for row in graph["results"]] == [list(types)] * 3
    assert xdr["Stats"]["dataset_statistics"][0]["table_row_count"] == 3
    assert xdr["Stats"]["ExecutionTime"] > 0


def test_the_tables_tell_of_the_incidents(hunter: Hunter, alerts: list[dict[str, Any]]) -> None:
    found = {row["AlertId"]: row for row in hunter.rows("AlertInfo")}
    assert set(found) == {alert["alertId"] for alert in alerts}
    for alert in alerts:
        row = found[alert["alertId"]]
        assert (row["Title"], row["Severity"]) == (alert["title"], alert["severity"])
        assert row["Timestamp"] == alert["creationTime"]
    evidence = Counter(row["AlertId"] for row in hunter.rows("AlertEvidence"))
    assert evidence == {alert["alertId"]: len(alert["devices"]) + len(alert["entities"]) for alert in alerts}
    devices = {row["DeviceId"]: row["DeviceName"] for row in hunter.rows("DeviceInfo")}
    assert devices == {d["mdatpDeviceId"]: d["deviceDnsName"] for alert in alerts for d in alert["devices"]}
    machines = hunter.rows('AlertEvidence | where EntityType == "Machine"')
    assert {row["DeviceId"]: row["DeviceName"] for row in machines} == devices


def test_a_tenant_sees_its_own(hunter: Hunter, consented: Consent) -> None:
    consented("fabrikam", "ThreatHunting.Read.All")
    ours = {row["AlertId"] for row in hunter.rows("AlertInfo")}
    hunter.tokens[GRAPH] = hunter.caller.token("fabrikam", GRAPH_SCOPE)
    theirs = {row["AlertId"] for row in hunter.rows("AlertInfo")}
    assert theirs
    assert not ours & theirs


def test_conditions(hunter: Hunter, alerts: list[dict[str, Any]]) -> None:
    title = "Memory of the logon process read"
    count = sum(alert["title"] == title for alert in alerts)
    assert 0 < count < len(alerts)
    assert len(hunter.rows(f"AlertInfo | where Title == '{title}'")) == count
    assert hunter.rows(f"AlertInfo | where Title == '{title.upper()}'") == []
    assert len(hunter.rows(f'AlertInfo | where Title != "{title}"')) == len(alerts) - count
    assert len(hunter.rows('AlertInfo | where Title contains "OGON PRO"')) == count
    assert len(hunter.rows('AlertInfo | where Title has "Logon Process"')) == count
    assert hunter.rows('AlertInfo | where Title has "ogon"') == []
    assert hunter.rows("range x from 1 to 9 step 2 | where x != 5 | where x == 7") == [{"x": 7}]


def test_operators(hunter: Hunter, alerts: list[dict[str, Any]]) -> None:
    assert hunter.rows("AlertInfo | count") == [{"Count": len(alerts)}]
    counted = hunter.rows("AlertInfo | summarize count() by Severity")
    assert {row["Severity"]: row["count_"] for row in counted} == Counter(alert["severity"] for alert in alerts)
    twice = hunter.rows("AlertInfo | summarize count() by Severity | summarize count() by count_")
    assert {row["count_"]: row["count_1"] for row in twice} == Counter(row["count_"] for row in counted)
    assert hunter.rows("range x from 1 to 5 step 1 | top 2 by x") == [{"x": 5}, {"x": 4}]
    assert hunter.rows("range x from 1 to 5 step 1 | top 2 by x asc") == [{"x": 1}, {"x": 2}]
    assert hunter.rows("range x from 1 to 5 step 1 | limit 1 | take 3") == [{"x": 1}]
    assert hunter.rows("range x from 1 to 2 step 1 | extend y = 'z' | project y, x") == [
        {"y": "z", "x": 1},
        {"y": "z", "x": 2},
    ]
    assert hunter.rows("range x from 1 to 1 step 1 | extend x = -4") == [{"x": -4}]
    assert hunter.rows("// who\nrange x from 1 to 2 step 1 // from | take 9\n| count // how many") == [{"Count": 2}]


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ('"{{ customer }} | take 1 // no"', "{{ customer }} | take 1 // no"),
        ("'say \"hello\"'", 'say "hello"'),
        (r'"C:\\Temp\t\"x\" \u20ac"', 'C:\\Temp\t"x" \u20ac'),
        ('@"C:\\Temp ""x"""', 'C:\\Temp "x"'),
        ("```first\n{% second %}\n```", "first\n{% second %}\n"),
        ("~~~a\nb~~~", "a\nb"),
        ('""', ""),
    ],
    ids=["jinja", "single", "escapes", "verbatim", "block", "tilde", "empty"],
)
def test_texts_are_taken_as_they_stand(hunter: Hunter, literal: str, text: str) -> None:
    query = f"range x from 1 to 1 step 1 | extend text = {literal} | project text"
    assert hunter.rows(query) == [{"text": text}]
    assert hunter.post(XDR, {"Query": query}).json()["Results"] == [{"text": text}]


@pytest.mark.parametrize(
    ("query", "token", "place"),
    [
        ("AlertInfo\n| takee 5", "takee", "[2,3]"),
        ("AlertInfo | take x", "x", "[1,18]"),
        ("AlertInfo | take 5d", "5d", "[1,18]"),
        ("AlertInfo | take 5x", "5", "[1,18]"),
        ("AlertInfo | mv-expand Title", "mv-expand", "[1,13]"),
        ("AlertInfo | where Title in 'x'", "'x'", "[1,28]"),
        ("AlertInfo | where Timestamp between (ago(1d))", ")", "[1,45]"),
        ("AlertInfo | where (Title == 'x'", "", "[1,32]"),
        ("AlertInfo | where Timestamp > datetime(yesterday)", "datetime(yesterday)", "[1,31]"),
        ("AlertInfo | join kind=cross AlertEvidence on AlertId", "cross", "[1,23]"),
        ("let x = 5 AlertInfo", "AlertInfo", "[1,11]"),
        ("AlertInfo | summarize", "", "[1,22]"),
        (f"AlertInfo | take {'9' * 5000}", "9", "[1,18]"),
        ("AlertInfo take 5", "take", "[1,11]"),
        ("AlertInfo |", "", "[1,12]"),
        ('AlertInfo | where Title == "open', '"', "[1,28]"),
        ('AlertInfo | where Title == "two\nlines"', '"', "[1,28]"),
        ("AlertInfo | where Title ~ 'x'", "~", "[1,25]"),
        ("AlertInfo | where Title 'contains' 'x'", "'contains'", "[1,25]"),
        ("range x from 1 to 5 step 0", "0", "[1,26]"),
        ("AlertInfo | where Title == ;", ";", "[1,28]"),
        (r"AlertInfo | where Title == '\ud800'", "'", "[1,28]"),
        ("// nothing", "", "[1,11]"),
    ],
    ids=[
        "operator",
        "take",
        "unit",
        "letter",
        "expand",
        "list",
        "between",
        "open-parenthesis",
        "moment",
        "join",
        "let",
        "summarize",
        "huge",
        "pipe",
        "end",
        "open-text",
        "broken-text",
        "comparison",
        "text-for-comparison",
        "step",
        "mark",
        "half-character",
        "nothing",
    ],
)
def test_a_syntax_error_names_its_place(hunter: Hunter, query: str, token: str, place: str) -> None:
    message = hunter.refused(query)
    first, line, mark, last = message.split("\n")
    assert first.startswith(f"Query could not be parsed at '{token}' on line {place}: expected ")
    row, column = (int(number) for number in place.strip("[]").split(","))
    assert line.strip() == query.split("\n")[row - 1].strip()
    assert mark == " " * (column + 3) + "^"
    assert last == "A recognition error occurred. Fix syntax errors in your query."
    assert hunter.refused(query, XDR) == message


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("Nope | take 5", "Failed to resolve table or column expression named 'Nope' on line [1,1]"),
        ("AlertInfo\n| project Nope", "'project' operator: Failed to resolve scalar expression named 'Nope'"),
        ("AlertInfo | project Title | top 1 by AlertId", "'top' operator: Failed to resolve scalar expression named"),
        ("AlertInfo | where Title == 5", "Cannot compare values of types String and Int64. Try adding explicit casts"),
        (
            "AlertInfo | where Timestamp == 'x'",
            "Cannot compare values of types DateTime and String. Try adding explicit casts",
        ),
        ("range x from 1 to 2 step 1 | where x has '5'", "'has' cannot be applied to values of type Int64"),
        ("AlertInfo | where Title", "'where' operator: expects a condition, not String"),
        ("AlertInfo | where Title and true", "'and' operator: expects conditions, not String"),
        ("AlertInfo | where Title in (1, 2)", "Cannot compare values of types String and Int64"),
        ("AlertInfo | where parse_user_agent(Title)", "Unknown function: 'parse_user_agent'"),
        ("AlertInfo | where tolower(5) == 'x'", "Function 'tolower' expects String and cannot be called with Int64"),
        ("AlertInfo | where Title matches regex '['", "'matches regex' operator: the regular expression"),
        ("AlertInfo | summarize percentile(Title, 5)", "Unknown aggregate function: 'percentile'"),
        ("AlertInfo | extend x = Title - 1", "'-' operator: cannot be applied to String and Int64"),
        (
            "AlertInfo | join DeviceInfo on AlertId",
            "'join' operator: Failed to resolve scalar expression named 'AlertId'",
        ),
        (
            "let t = AlertInfo | where Nope == 1; t",
            "'where' operator: Failed to resolve scalar expression named 'Nope'",
        ),
    ],
    ids=[
        "table",
        "column",
        "projected",
        "number",
        "moment",
        "has",
        "condition",
        "conditions",
        "list",
        "function",
        "argument",
        "regex",
        "aggregate",
        "arithmetic",
        "join",
        "let",
    ],
)
def test_a_semantic_error_names_the_operator(hunter: Hunter, query: str, message: str) -> None:
    for path in (XDR, GRAPH):
        refused = hunter.refused(query, path)
        assert refused.startswith(message)
        assert refused.endswith("]. Fix semantic errors in your query.")


@pytest.mark.parametrize("path", [XDR, GRAPH], ids=["xdr", "graph"])
def test_a_body_that_is_no_query(hunter: Hunter, path: str) -> None:
    for body in ({"Query": ""}, {"Query": " \n"}, {"Query": None}, {"Query": 5}, {"Kql": "AlertInfo"}):
        assert refusal(hunter.post(path, body)) == (400, "BadRequest")
    assert hunter.post(path, []).status_code == 400
    assert hunter.post(path, {}).status_code == 400
    assert hunter.post(path, {"Query": "AlertInfo"}, **{"Content-Type": "text/plain"}).status_code == 415


def test_half_a_character_is_replaced(hunter: Hunter) -> None:
    assert hunter.rows("range x from 1 to 1 step 1 | extend x = '\ud800'") == [{"x": "?"}]
    assert "at '?' on line [1,1]" in hunter.refused("\ud800", XDR)


def test_names_of_parameters(hunter: Hunter) -> None:
    lower = {"query": "AlertInfo | take 1", "timespan": "P30D"}
    assert len(hunter.post(GRAPH, lower).json()["results"]) == 1
    assert hunter.post(XDR, lower).status_code == 400
    long_name = GRAPH.replace("runHuntingQuery", "microsoft.graph.security.runHuntingQuery")
    hunter.tokens[long_name] = hunter.tokens[GRAPH]
    assert len(hunter.post(long_name, lower).json()["results"]) == 1


def test_the_timespan(hunter: Hunter) -> None:
    now = datetime.now(timezone.utc)
    week_ago, day_ago = (f"{now - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (7, 1))

    def count(timespan: str) -> int:
        return int(hunter.rows("AlertInfo | count", Timespan=timespan)[0]["Count"])

    everything, week, day = count("P30D"), count("P7D"), count("PT24H")
    assert 0 < day < week < everything == count("P52W")
    assert count(week_ago) == count("P1W") == week
    assert count(f"{week_ago}/{day_ago}") == count(f"P6D/{day_ago}") == count(f"{week_ago}/P6D") == week - day
    for unreadable in ("7d", "P", "P1DT", "P1M", "yesterday", "P1D/", "/P1D", "2026-11-20"):
        answer = hunter.post(GRAPH, {"Query": "AlertInfo", "Timespan": unreadable})
        assert refusal(answer) == (400, "BadRequest"), unreadable
    assert hunter.post(GRAPH, {"Query": "AlertInfo", "Timespan": 7}).status_code == 400


def test_rows_beyond_the_limit_are_left_out(hunter: Hunter) -> None:
    query = {"Query": "range x from 1 to 150000 step 1"}
    for path, key in ((XDR, "Results"), (GRAPH, "results")):
        rows = hunter.post(path, query).json()[key]
        assert (len(rows), rows[0], rows[-1]) == (100_000, {"x": 1}, {"x": 100_000})
    assert hunter.rows("range x from 1 to 150000 step 1 | count") == [{"Count": 150_000}]


def test_what_costs_too_much(hunter: Hunter) -> None:
    for path, width in ((GRAPH, 600), (XDR, 1400)):
        large = f"range x from 1 to 100000 step 1 | extend filler = '{'.' * width}'"
        assert hunter.refused(large, path).startswith("Query execution has exceeded the allowed result size.")
    assert "preempted" in hunter.refused("range x from 1 to 1000001 step 1 | count")
    assert len(hunter.rows("AlertInfo | take 1 //".ljust(10_000, "."))) == 1
    assert "allowed size limit" in hunter.refused("AlertInfo | take 1 //".ljust(10_001, "."))


@pytest.mark.parametrize("path", [XDR, GRAPH], ids=["xdr", "graph"])
def test_who_may_not_hunt(hunter: Hunter, emulator: EmulatorProcess, path: str) -> None:
    hunter.tokens[path] = "no.token"
    assert hunter.post(path, {"Query": "AlertInfo"}).status_code == 401
    grants = f"tenants/{emulator.tenant_id('contoso')}/grants"
    emulator.control("PUT", grants, {"roles": ["Incident.Read.All", "SecurityIncident.Read.All"]})
    hunter.tokens[path] = hunter.caller.token(scope=SCOPES[path])
    answer = hunter.post(path, {"Query": "AlertInfo"})
    assert refusal(answer) == (403, "Forbidden")
    assert f"API required roles: {ROLES[path]}, application roles:" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("path", "code"), [(XDR, "429"), (GRAPH, "TooManyRequests")], ids=["xdr", "graph"])
def test_no_cpu_left(hunter: Hunter, emulator: EmulatorProcess, path: str, code: str) -> None:
    fault = {"kind": "cpu_quota", "tenant": emulator.tenant_id("contoso")}
    emulator.control("POST", "faults", {**fault, "times": 1})
    emulator.control("POST", "faults", {**fault, "times": 1, "retry_after": 65})
    for wait, duration in (("900", "00:15:00"), ("65", "00:01:05")):
        answer = hunter.post(path, {"Query": "AlertInfo"})
        assert refusal(answer) == (429, code)
        assert answer.headers["Retry-After"] == wait
        assert answer.json()["error"]["message"] == (
            f"You have exceeded processing resources allocated to this tenant. You can run queries again in {duration}."
        )
    assert hunter.post(path, {"Query": "AlertInfo"}).status_code == 200


@pytest.mark.parametrize(("path", "code"), [(XDR, "429"), (GRAPH, "TooManyRequests")], ids=["xdr", "graph"])
def test_a_query_that_takes_too_long(hunter: Hunter, emulator: EmulatorProcess, path: str, code: str) -> None:
    def run_out(**settings: object) -> requests.Response:
        fault = {"kind": "query_timeout", "tenant": emulator.tenant_id("contoso"), "times": 1}
        emulator.control("POST", "faults", {**fault, **settings})
        return hunter.post(path, {"Query": "AlertInfo"})

    answer = run_out()
    assert refusal(answer) == (400, "BadRequest")
    assert answer.json()["error"]["message"] == "Query exceeded the timeout period of 3 minutes."
    assert refusal(run_out(status=429)) == (429, code)
    assert refusal(run_out(status=504)) == (504, "UnknownError")
    answer = run_out(status=504, body="<html>gateway</html>")
    assert (answer.status_code, answer.text) == (504, "<html>gateway</html>")
    assert hunter.post(path, {"Query": "AlertInfo"}).status_code == 200


def test_faults_strike_the_tenant_they_name(hunter: Hunter, emulator: EmulatorProcess) -> None:
    for kind in ("cpu_quota", "query_timeout"):
        emulator.control("POST", "faults", {"kind": kind, "tenant": emulator.tenant_id("fabrikam")})
    assert hunter.rows("AlertInfo | take 1")
