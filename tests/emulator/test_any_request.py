# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a client sends, it is refused in the form of the API it meant, or taken: the emulator itself never fails."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from support.emulator import FILES, EmulatorProcess

from .conftest import GRAPH_SCOPE, XDR_SCOPE, Caller

sys.path.append(str(FILES))
from defender_emulator.app import ROUTES

ROLES = ("Incident.ReadWrite.All", "AdvancedHunting.Read.All", "SecurityIncident.ReadWrite.All")
MORE_ROLES = ("SecurityAlert.ReadWrite.All", "ThreatHunting.Read.All", "Application.ReadWrite.All")
READS = (
    "/api/incidents",
    "/v1.0/security/incidents?$expand=alerts",
    "/v1.0/security/alerts_v2?$top=1000",
    "/v1.0/applications",
    "/v1.0/servicePrincipals",
    "/_emulator/tenants/contoso.example/incidents",
    "/_emulator/partner",
    "/_emulator/policies",
)
HALF = "Half \ud800"


@dataclass(frozen=True)
class Sent:
    """One request, as far as a strategy knows it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = field(repr=False, default=b"")


class Target:
    """An emulator with two tokens that may do everything."""

    def __init__(self, process: EmulatorProcess) -> None:
        process.control("POST", "tenants/contoso.example/consent", {"roles": [*ROLES, *MORE_ROLES]})
        caller = Caller(process)
        self.process, self.session = process, caller.session
        self.tokens = {"xdr": caller.token(scope=XDR_SCOPE), "graph": caller.token(scope=GRAPH_SCOPE)}

    def send(self, sent: Sent) -> requests.Response:
        headers = dict(sent.headers)
        if headers.get("Authorization") in self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens[headers['Authorization']]}"
        url = self.process.url + sent.path
        return self.session.request(
            sent.method, url, params=sent.query, headers=headers, data=sent.body, timeout=60, allow_redirects=False
        )

    def read_everything(self) -> None:
        for path in READS:
            kind = "xdr" if path.startswith("/api/") else "graph"
            answer = self.send(Sent("GET", path, {}, {"Authorization": kind}))
            assert answer.status_code == 200, (path, answer.text)
            answer.json()
        for table in ("AlertInfo", "AlertEvidence", "DeviceInfo"):
            body = json.dumps({"Query": table}).encode()
            headers = {"Authorization": "graph", "Content-Type": "application/json"}
            answer = self.send(Sent("POST", "/v1.0/security/runHuntingQuery", {}, headers, body))
            assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with EmulatorProcess(tmp_path_factory.mktemp("any")) as process:
        yield Target(process)
        assert process.errors == ""


def _jwt(header: object, payload: object) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, payload))
    return ".".join((*parts, "c2ln"))


DEEP_TOKEN = base64.urlsafe_b64encode(b"[" * 3000).decode().rstrip("=")
WORDS = """
alerts comments devices entities incidentId redirectIncidentId createdTime lastUpdateTime status severity tags
classification determination assignedTo comment incidentName alertId creationTime lastUpdatedTime evidence id
displayName createdDateTime lastUpdateDateTime customTags @odata.type @graph incidents alert_count entityType
verdict firstSeen osBuild healthStatus mitreTechniques detectionSource serviceSource Query query Timespan
uniqueName signInAudience web redirectUris requiredResourceAccess resourceAppId resourceAccess type api appRoles
identifierUris keyCredentials key keyId endDateTime startDateTime passwordCredential proof keyCredential appId
principalId resourceId appRoleId name issuer subject audiences roles customers relationships contracts tenantId
customer customerId duration incident_count max_page token_lifetime quota_per_minute filter_operators
incident_order permissions xdr graph withdraw_old publicClient spa
"""
NAMES = st.sampled_from(WORDS.split())
TEXTS = st.sampled_from(
    [
        "",
        "Active",
        "resolved",
        "TruePositive",
        "unknown",
        HALF,
        "nul \0",
        "2026-11-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "contoso.example",
        "http://[",
        "x" * 3000,
        "AlertInfo | take 1",
        "P30D",
        "AQIDBA==",
        "8ee8fdad-f234-4243-8f3b-15c294843740",
        "Role",
    ]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), TEXTS, st.sampled_from([0, 1, -1, 7, 10**18, 10**400, 1.5, -1e308]), st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)
INCIDENTS = st.builds(lambda incidents: {"incidents": incidents}, st.lists(OBJECTS, max_size=2))
RAW = st.sampled_from(
    [
        b"",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"status": NaN}',
        b'{"x": 1e999}',
        b'{"incidents": [' + b"[" * 600 + b"]" * 600 + b"]}",
        b"[" * 50_000,
        b'{"incidents": [{"x": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}]}",
        b"9" * 5000,
        b"grant_type=client_credentials&client_id=x&client_secret=%ED%A0%80&scope=x/.default",
        b"canary=1.2&decision=accept&tenant=%00",
        b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--\r\n",
    ]
)
BODIES = st.one_of(RAW, st.one_of(VALUES, OBJECTS, INCIDENTS).map(lambda value: json.dumps(value).encode()))
OPTIONS = "$filter $top $skip $select $orderby $count $expand $skiptoken $search client_id scope redirect_uri state"
QUERIES = st.dictionaries(
    st.sampled_from(OPTIONS.split()),
    st.sampled_from(
        [
            "",
            "1",
            "-1",
            "9" * 400,
            "x",
            "\0",
            "ü€",
            "(" * 5000,
            "status in ('active', 'x",
            "lastUpdateDateTime gt 0000-00-00T00:00:00Z",
            "assignedTo eq null",
            "status",
            "title desc,",
            "alerts",
            "true",
            "ZnJvbSAtNQ==",
            "http://[",
            "https://graph.microsoft.com/.default",
        ]
    ),
    max_size=3,
)
HEADERS = st.fixed_dictionaries(
    {
        "Authorization": st.sampled_from(
            [
                "xdr",
                "xdr",
                "graph",
                "graph",
                "Bearer",
                "Basic ü",
                "Basic OjovLw==",
                "Bearer a.b.c",
                f"Bearer {DEEP_TOKEN}.{DEEP_TOKEN}.x",
                f"Bearer {_jwt({'alg': 'RS256', 'kid': 5, 'nonce': 5}, {'tid': [1]})}",
                f"Bearer {_jwt({'alg': 'none', 'nonce': {}}, [])}",
            ]
        ).map(lambda text: text.encode("latin-1").decode("latin-1")),
        "Content-Type": st.sampled_from(
            ["application/json", "application/json", "", "text/plain; charset=nope", "multipart/form-data; boundary=x"]
        ),
        "Prefer": st.sampled_from(["create-if-missing", "include-unknown-enum-members", ",;"]),
        "client-request-id": st.sampled_from(["1", "\xff", "x" * 500]),
    }
)
PARAMETERS = st.sampled_from(
    [
        "contoso.example",
        "common",
        "1",
        "9" * 30,
        "x",
        "%00",
        "%ED%A0%80",
        "..",
        "%2F",
        "8ee8fdad-f234-4243-8f3b-15c294843740",
    ]
)
# A fault is a failure that was asked for.
TEMPLATES = [route.path for route in ROUTES if route.path != "/_emulator/faults"]
TEMPLATES += [
    "/beta/security/incidents",
    "/v1.0/myorganization/applications",
    "/api/nowhere",
    "/v1.0/nowhere",
    "/",
    "//",
]


@st.composite
def _requests(draw: st.DrawFn) -> Sent:
    path = draw(st.sampled_from(TEMPLATES))
    while "{" in path:
        before, _brace, rest = path.partition("{")
        path = before + draw(PARAMETERS) + rest.partition("}")[2]
    method = draw(st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "QUERY"]))
    headers = {name: value for name, value in draw(HEADERS).items() if value}
    return Sent(method, path, draw(QUERIES), headers, draw(BODIES))


SOUP = """
AlertInfo DeviceInfo | where | project | extend | summarize | top 2 by | sort by | join kind=leftouter on | take | count
| distinct * ( ) , = == != > >= =~ !~ in !in~ has_any between .. and or not ( - + / % 1 0 2.5 3d -1d "High" 'x' @"\\"
datetime(2026-11-01) datetime(x) timespan(1) ago( now() bin( Timestamp Title Severity OSBuild x count() dcount( arg_max(
make_set( iff( strcat( tostring( toint( substring( extract( matches regex has contains let ; $left . $right [ ] dynamic(
null true asc desc nulls first range x from 1 to 9 step 2 materialize( toscalar( project-away project-rename `
"""
QUERIES_OF_WORDS = st.lists(st.sampled_from(SOUP.split()), min_size=1, max_size=14).map(" ".join)
PIPELINES = st.lists(st.lists(st.sampled_from(SOUP.split()), min_size=1, max_size=5).map(" ".join), max_size=3).map(
    lambda parts: " | ".join(["AlertInfo", *parts])
)


def _is_json(answer: requests.Response) -> bool:
    return answer.headers.get("content-type", "").startswith("application/json")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(sent=st.lists(_requests(), min_size=1, max_size=6))
def test_no_request_makes_it_fail(target: Target, sent: list[Sent]) -> None:
    target.process.control("POST", "reset")
    for one in sent:
        answer = target.send(one)
        assert answer.status_code < 500, (one, answer.text)
        if answer.status_code >= 400 and one.method != "HEAD" and one.path.startswith(("/api/", "/v1.0/", "/beta/")):
            assert _is_json(answer), (one, answer.text)
            assert {"code", "message"} <= set(answer.json()["error"])
    target.read_everything()
    assert "Traceback" not in target.process.errors


@settings(max_examples=150, deadline=None, derandomize=True)
@given(query=st.one_of(QUERIES_OF_WORDS, PIPELINES))
def test_no_query_makes_it_fail(target: Target, query: str) -> None:
    target.process.control("PATCH", "application", {"quota_per_minute": None, "quota_per_hour": None})
    headers = {"Authorization": "graph", "Content-Type": "application/json"}
    body = json.dumps({"Query": query}).encode()
    answer = target.send(Sent("POST", "/v1.0/security/runHuntingQuery", {}, headers, body))
    assert answer.status_code in (200, 400), answer.text
    answer.json()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(incidents=st.lists(OBJECTS, min_size=1, max_size=3))
def test_whatever_incident_is_taken_can_be_served(target: Target, incidents: list[dict[str, Any]]) -> None:
    target.process.control("POST", "reset")
    body = json.dumps({"incidents": incidents}).encode()
    answer = target.send(Sent("POST", "/_emulator/tenants/contoso.example/incidents", {}, {}, body))
    assert answer.status_code in (201, 400), answer.text
    target.read_everything()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": ["latency"]},
        {"kind": "token_error", "code": [1]},
        {"kind": "server_error", "status": 99999},
        {"kind": "server_error", "status": 204},
        {"kind": "throttle", "retry_after": "a\r\nb: c"},
        {"kind": "churn", "count": 10**12},
        {"kind": "latency", "seconds": 1e300},
    ],
)
def test_a_fault_that_could_not_be_answered_is_refused(target: Target, fault: dict[str, Any]) -> None:
    answer = target.send(Sent("POST", "/_emulator/faults", {}, {}, json.dumps(fault).encode()))
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


def test_half_a_character_is_kept_in_every_answer(target: Target) -> None:
    process = target.process
    process.control("POST", "reset")
    process.control("PATCH", "tenants/contoso.example", {"incident_count": 0})
    incident = {"incidentId": 1, "incidentName": HALF, "alerts": [{"alertId": HALF, "title": HALF}]}
    process.control("POST", "tenants/contoso.example/incidents", {"incidents": [incident]})
    [xdr] = target.send(Sent("GET", READS[0], {}, {"Authorization": "xdr"})).json()["value"]
    [graph] = target.send(Sent("GET", READS[1], {}, {"Authorization": "graph"})).json()["value"]
    assert (xdr["incidentName"], xdr["alerts"][0]["title"]) == (HALF, HALF)
    assert (graph["displayName"], graph["alerts"][0]["id"]) == (HALF, HALF)
    comment = json.dumps({"comment": HALF}).encode()
    headers = {"Authorization": "xdr", "Content-Type": "application/json"}
    answer = target.send(Sent("PATCH", "/api/incidents/1", {}, headers, comment))
    assert answer.json()["comments"][-1]["comment"] == HALF
