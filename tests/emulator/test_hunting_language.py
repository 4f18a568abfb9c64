# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language: each part asked of the tables, against the same question asked of all their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, Caller

Consent = Callable[..., None]
Rows = list[dict[str, Any]]
GRAPH = "/v1.0/security/runHuntingQuery"


class Hunt:
    """Runs queries in contoso, whose alerts it knows."""

    def __init__(self, caller: Caller) -> None:
        self._session, self._url = caller.session, f"{caller.emulator.url}{GRAPH}"
        self._headers = {"Authorization": f"Bearer {caller.token(scope=GRAPH_SCOPE)}"}
        self.alerts = self("AlertInfo")
        self.evidence = self("AlertEvidence")

    def ask(self, query: str) -> dict[str, Any]:
        answer = self._session.post(self._url, json={"Query": query}, headers=self._headers, timeout=30)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def __call__(self, query: str) -> Rows:
        rows: Rows = self.ask(query)["results"]
        return rows


@pytest.fixture
def hunt(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> Hunt:
    consented("contoso", "ThreatHunting.Read.All")
    emulator.control("PATCH", "tenants/contoso.example", {"incident_count": 30})
    return Hunt(caller)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc)


WEEK_AGO = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=7)
# of the day alone: it stands in the names of tests, which every process must know by the same name
DAY = f"{WEEK_AGO:%Y-%m-%d}"
CONDITIONS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "Severity =~ 'HIGH'": lambda row: row["Severity"] == "High",
    "Severity !~ 'HIGH'": lambda row: row["Severity"] != "High",
    "Severity in ('High', 'Low')": lambda row: row["Severity"] in ("High", "Low"),
    "Severity in ('high')  or Severity == 'Low'": lambda row: row["Severity"] == "Low",
    "Severity in~ ('hIGH', 'low')": lambda row: row["Severity"] in ("High", "Low"),
    "Severity !in ('High', 'Low')": lambda row: row["Severity"] not in ("High", "Low"),
    "Severity !in~ ('high')": lambda row: row["Severity"] != "High",
    "Severity in (dynamic(['High', 'Low']))": lambda row: row["Severity"] in ("High", "Low"),
    "Title startswith 'memory'": lambda row: row["Title"].startswith("Memory"),
    "Title !startswith 'memory'": lambda row: not row["Title"].startswith("Memory"),
    "Title startswith_cs 'memory' or Title endswith 'READ'": lambda row: row["Title"].endswith("read"),
    "Title has_any ('LOGON', 'nothing', 'files')": lambda row: (
        not {"logon", "files"}.isdisjoint(row["Title"].lower().split())
    ),
    "Title has_all ('logon', 'memory')": lambda row: {"logon", "memory"} <= set(row["Title"].lower().split()),
    "Title !contains 'file' and Title !has 'logon'": lambda row: (
        "file" not in row["Title"].lower() and "logon" not in row["Title"].lower().split()
    ),
    "Title has_cs 'Memory' or Title hasprefix 'ransom'": lambda row: "Memory" in row["Title"].split(),
    "Title matches regex @'^M\\w+ of'": lambda row: row["Title"].startswith("Memory of"),
    "not(Severity == 'High') and (Category == 'Impact' or Category == 'Persistence')": lambda row: (
        row["Severity"] != "High" and row["Category"] in ("Impact", "Persistence")
    ),
    "isnotempty(Title) and isempty(Severity) or strlen(Title) > 25": lambda row: len(row["Title"]) > 25,
    "tolower(Severity) == 'high'": lambda row: row["Severity"] == "High",
    "iff(Severity == 'High', 1, 2) * 2 - 1 == 1": lambda row: row["Severity"] == "High",
    f"Timestamp > datetime({DAY})": lambda row: _moment(row["Timestamp"]) >= WEEK_AGO,
    f"Timestamp >= 12h + datetime({DAY}T00:00:00Z) + 12h": lambda row: (
        _moment(row["Timestamp"]) >= WEEK_AGO + timedelta(1)
    ),
    f"Timestamp < datetime({DAY} 12:00)": lambda row: _moment(row["Timestamp"]) < WEEK_AGO + timedelta(0.5),
    f"Timestamp between (datetime({DAY}) .. datetime({DAY}) + 3d)": lambda row: (
        WEEK_AGO <= _moment(row["Timestamp"]) < WEEK_AGO + timedelta(3)
    ),
    f"Timestamp !between (datetime({DAY}) .. (datetime({DAY}) + 72h))": lambda row: (
        not (WEEK_AGO <= _moment(row["Timestamp"]) < WEEK_AGO + timedelta(3))
    ),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition(hunt: Hunt, condition: str) -> None:
    expected = [row for row in hunt.alerts if CONDITIONS[condition](row)]
    assert 0 < len(expected) < len(hunt.alerts)
    assert hunt(f"AlertInfo | where {condition}") == expected
    assert hunt(f"AlertInfo | filter {condition} | count") == [{"Count": len(expected)}]


def test_a_moment_ago(hunt: Hunt) -> None:
    for span in ("2d", "48h", "2880m", "172800s", "timespan(2.00:00:00)", "2d + 0s"):
        lately = hunt(f"AlertInfo | where Timestamp > ago({span}) | project AlertId")
        since = hunt("AlertInfo | where Timestamp > now() - 2d | project AlertId")
        assert 0 < len(lately) < len(hunt.alerts)
        # the two were asked one after the other
        assert len(lately) - len(since) in (0, 1)
    assert hunt("AlertInfo | where Timestamp > ago(1d) and Timestamp < ago(2d)") == []


def test_names_and_tables_that_let_gives(hunt: Hunt) -> None:
    high = [row["AlertId"] for row in hunt.alerts if row["Severity"] == "High"]
    query = """
        let wanted = dynamic(["High"]);  // a list
        let most = 2;
        let ids = AlertInfo | where Severity in (wanted) | distinct AlertId;
        AlertEvidence
        | where AlertId in (ids)
        | summarize make_set(EntityType), Rows = count() by AlertId
        | project-rename Id = AlertId
        | take most;
    """
    rows = hunt(query)
    assert [row["Id"] for row in rows] == high[:2]
    assert rows[0]["Rows"] == sum(row["AlertId"] == high[0] for row in hunt.evidence)
    assert set(rows[0]["set_EntityType"]) == {row["EntityType"] for row in hunt.evidence if row["AlertId"] == high[0]}
    inner = hunt("AlertEvidence | where AlertId in ((AlertInfo | where Severity == 'High' | project AlertId)) | count")
    assert inner == [{"Count": sum(row["AlertId"] in high for row in hunt.evidence)}]
    assert hunt("let n = toscalar(AlertInfo | count); range x from 1 to 1 step 1 | extend n = n") == [
        {"x": 1, "n": len(hunt.alerts)}
    ]


def test_groups(hunt: Hunt) -> None:
    [total] = hunt(
        "AlertInfo | summarize count(), High = countif(Severity == 'High'), dcount(Category), max(Timestamp)"
    )
    assert total["count_"] == len(hunt.alerts)
    assert total["High"] == sum(row["Severity"] == "High" for row in hunt.alerts)
    assert total["dcount_Category"] == len({row["Category"] for row in hunt.alerts})
    assert total["max_Timestamp"] in {row["Timestamp"] for row in hunt.alerts}
    assert all(_moment(row["Timestamp"]) <= _moment(total["max_Timestamp"]) for row in hunt.alerts)
    days = hunt("AlertInfo | summarize Alerts = count() by Day = bin(Timestamp, 1d) | order by Day asc")
    assert {row["Day"][:10]: row["Alerts"] for row in days} == Counter(row["Timestamp"][:10] for row in hunt.alerts)
    assert [row["Day"] for row in days] == sorted(row["Day"] for row in days)
    newest = hunt("AlertInfo | summarize arg_max(Timestamp, *) by Category")
    assert len(newest) == total["dcount_Category"]
    assert set(newest[0]) == set(hunt.alerts[0])
    for row in newest:
        assert row in hunt.alerts
        assert all(
            _moment(other["Timestamp"]) <= _moment(row["Timestamp"])
            for other in hunt.alerts
            if other["Category"] == row["Category"]
        )
    assert hunt("AlertInfo | where Title == 'none' | summarize count()") == [{"count_": 0}]
    assert hunt("AlertInfo | where Title == 'none' | summarize count() by Title") == []
    assert hunt("AlertInfo | summarize by Severity | count")[0]["Count"] == len(
        {row["Severity"] for row in hunt.alerts}
    )
    numbers = "range x from 1 to 4 step 1 | summarize sum(x), avg(x), min(x), max(x), l = make_list(x, 3)"
    assert hunt(numbers) == [{"sum_x": 10, "avg_x": 2.5, "min_x": 1, "max_x": 4, "l": [1, 2, 3]}]


def test_columns_and_order(hunt: Hunt) -> None:
    rows = hunt("AlertInfo | sort by Severity asc, Title, AlertId asc | project Severity, Title, AlertId")
    assert rows == sorted(
        sorted(
            ({n: row[n] for n in ("Severity", "Title", "AlertId")} for row in hunt.alerts), key=lambda r: r["AlertId"]
        ),
        key=lambda row: (row["Severity"], [-ord(letter) for letter in row["Title"]]),
    )
    kept = hunt("AlertInfo | project-away Timestamp, Title | project-reorder Severity | take 1")
    assert next(iter(kept[0])) == "Severity"
    assert set(kept[0]) == set(hunt.alerts[0]) - {"Timestamp", "Title"}
    assert list(hunt("AlertInfo | project-keep Title, AlertId | take 1")[0]) == ["AlertId", "Title"]
    distinct = hunt("AlertInfo | distinct Severity, Category")
    assert len(distinct) == len({(row["Severity"], row["Category"]) for row in hunt.alerts})
    [row] = hunt(
        "range x from 7 to 7 step 1 | project a = x / 2, b = x % 4, c = -x, d = 7.5 * 2, e = 3d * 2, f = x > 5, "
        "g = strcat('n', x, ' ', true), h = substring('abcdef', 2, 3), i = toint('12'), j = 1 / 0, tostring(x), "
        "k = case(x == 1, 'one', x == 7, 'seven', 'other'), l = replace_string('a.b', '.', '-'), m = x * 1h"
    )
    assert row == {
        "a": 3,
        "b": 3,
        "c": -7,
        "d": 15.0,
        "e": "6.00:00:00",
        "f": True,
        "g": "n7 true",
        "h": "cde",
        "i": 12,
        "j": None,
        "x": "7",
        "k": "seven",
        "l": "a-b",
        "m": "07:00:00",
    }
    schema = hunt.ask("AlertInfo | take 1 | project Timestamp, x = 1, y = 1.5, z = 1d, t = true, d = dynamic([1])")
    types = {column["name"]: column["type"] for column in schema["schema"]}
    assert types == {"Timestamp": "DateTime", "x": "Int64", "y": "Double", "z": "TimeSpan", "t": "SByte", "d": "Object"}


def test_joins(hunt: Hunt) -> None:
    severities = {row["AlertId"]: row["Severity"] for row in hunt.alerts}
    joined = hunt(
        "AlertEvidence | join kind=inner AlertInfo on AlertId | project AlertId, EntityType, Severity, AlertId1"
    )
    assert [(row["AlertId"], row["EntityType"], row["Severity"]) for row in joined] == [
        (row["AlertId"], row["EntityType"], severities[row["AlertId"]]) for row in hunt.evidence
    ]
    assert all(row["AlertId"] == row["AlertId1"] for row in joined)
    first = hunt("AlertEvidence | join AlertInfo on $left.AlertId == $right.AlertId | count")
    assert first == [{"Count": len(hunt.alerts)}]
    outer = hunt(
        "AlertInfo | join kind=leftouter (AlertEvidence | where EntityType == 'Url' | project AlertId, RemoteUrl) on "
        "AlertId | project AlertId, RemoteUrl"
    )
    urls = {row["AlertId"]: row["RemoteUrl"] for row in hunt.evidence if row["EntityType"] == "Url"}
    assert {row["AlertId"]: row["RemoteUrl"] for row in outer} == {
        row["AlertId"]: urls.get(row["AlertId"], "") for row in hunt.alerts
    }
    for kind, wanted in (("leftsemi", True), ("leftanti", False)):
        rows = hunt(f"AlertInfo | join kind={kind} (AlertEvidence | where EntityType == 'Url') on AlertId")
        assert rows == [row for row in hunt.alerts if (row["AlertId"] in urls) is wanted]


def test_published_queries(hunt: Hunt) -> None:
    """Queries as they stand in public collections and in Microsoft's pages, for these tables."""
    device = next(row["DeviceName"] for row in hunt.evidence if row["EntityType"] == "Machine")
    links = hunt(f"""
        let Device = '{device.upper()}';
        let TimeFrame = 30d;
        AlertEvidence
        | where DeviceName =~ Device
        | where Timestamp > ago(TimeFrame)
        | where EntityType == 'Machine'
        | summarize arg_max(Timestamp, *) by AlertId
        | project AlertId
        | join kind=inner AlertInfo on AlertId
        | extend AlertLink = strcat('https://security.microsoft.com/alerts/', AlertId)
        | project-reorder Timestamp, Title, Category, Severity, DetectionSource, AlertLink
        | sort by Timestamp desc
    """)
    assert {row["AlertId"] for row in links} == {row["AlertId"] for row in hunt.evidence if row["DeviceName"] == device}
    assert links[0]["AlertLink"].endswith(links[0]["AlertId"])
    [dashboard] = hunt("""
        AlertInfo | where Timestamp > ago(30d)
        | join kind=leftouter (AlertEvidence | where Timestamp > ago(30d) | where isnotempty(DeviceId)
            | project AlertId, DeviceId) on AlertId
        | summarize TotalAlerts=count(), HighSeverity=countif(Severity=="High"),
          MediumSeverity=countif(Severity=="Medium"), LowSeverity=countif(Severity=="Low"),
          UniqueDevices=dcount(DeviceId)
    """)
    assert dashboard["TotalAlerts"] >= len(hunt.alerts)
    latest = hunt("""
        // Get latest information on user/device
        DeviceInfo
        | where isnotempty(OSPlatform) and OnboardingStatus != "Offboarded"
        | summarize arg_max(Timestamp, *) by DeviceId
    """)
    assert len(latest) == len({row["DeviceId"] for row in latest}) > 0
    endpoint = hunt("""
        AlertInfo
        | where Timestamp > ago(30d)
        | where Severity == 'Medium' or Severity == 'High'
        | where ServiceSource == 'Microsoft Defender for Endpoint'
        | join AlertEvidence on AlertId
        | summarize count() by AlertId, Timestamp, Title, Severity
        | order by Timestamp
        | project-away count_
    """)
    moments = [_moment(row["Timestamp"]) for row in endpoint]
    assert moments == sorted(moments, reverse=True)
    assert {row["Severity"] for row in endpoint} == {"High", "Medium"}


@pytest.mark.parametrize(
    "query",
    [
        f"AlertInfo | where {'(' * 200}Title == 'x'{')' * 200}",
        f"AlertInfo | extend x = {'-' * 3000}1",
        f"AlertInfo{' | take 1' * 1000}",
        f"{'(' * 3000}AlertInfo",
        f"AlertInfo | where Title in {'((' * 500}",
    ],
    ids=["parentheses", "signs", "operators", "queries", "lists"],
)
def test_a_query_that_is_too_deep(caller: Caller, consented: Consent, query: str) -> None:
    consented("contoso", "ThreatHunting.Read.All")
    headers = {"Authorization": f"Bearer {caller.token(scope=GRAPH_SCOPE)}"}
    answer = caller.session.post(f"{caller.emulator.url}{GRAPH}", json={"Query": query}, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert "exceeds the allowed size limit" in answer.json()["error"]["message"]


def test_long_queries_and_costly_joins(hunt: Hunt) -> None:
    assert hunt(f"range x from 1 to 1 step 1 | extend y = {' + '.join(['x'] * 2000)} | project y") == [{"y": 2000}]
    assert len(hunt("AlertInfo | where " + " or ".join(["Title == 'x'"] * 400))) == 0
    many = "range x from 1 to 2000 step 1 | extend y = 1"
    answer = hunt._session.post(
        hunt._url, json={"Query": f"{many} | join kind=inner ({many}) on y | count"}, headers=hunt._headers, timeout=60
    )
    assert answer.status_code == 400
    assert "has exceeded the allowed limits" in answer.json()["error"]["message"]
