# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of an incident in the portal, in its customer's tenant, and how many there are of each severity."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import IncidentDesk
from support.emulator import EmulatorProcess
from support.operations import Tasks

GIVEN = {"createdDateTime": "2026-11-20T08:43:35Z", "lastUpdateDateTime": "2026-11-20T09:35:45Z", "displayName": "Mail"}


@pytest.fixture
def tenant(emulator: EmulatorProcess) -> str:
    """The GUID of contoso, which has granted both APIs and has no incidents."""
    return IncidentDesk(emulator).open("contoso")


def _urls(result: dict[str, Any]) -> dict[str, str | None]:
    assert result["state"] == "granted", result
    return {one["normalized"]["id"]: one["normalized"]["url"] for one in result["incidents"]}


@pytest.mark.parametrize("by_domain", [False, True], ids=["by GUID", "by domain"])
def test_both_apis_lead_to_the_same_page(tasks: Tasks, emulator: EmulatorProcess, tenant: str, by_domain: bool) -> None:
    """Also where the customer is known by a domain, which nobody says the portal takes."""
    found = IncidentDesk(emulator).put("contoso", {}, {})
    pages = {each: f"https://security.microsoft.com/incidents/{each}?tid={tenant}" for each in found}
    for api in ("graph", "xdr"):
        options = {"tenant_id": "contoso.example" if by_domain else tenant, "api": api, "normalize": True}
        assert _urls(tasks.incidents(**options)) == pages


@pytest.mark.parametrize(
    ("name", "api"), [("incidentWebUrl", "graph"), ("incidentUri", "xdr")], ids=["Microsoft Graph", "Defender XDR"]
)
def test_what_the_service_sends_opens_in_the_tenant_or_is_not_passed_on(
    tasks: Tasks, emulator: EmulatorProcess, tenant: str, name: str, api: str
) -> None:
    overview = "https://security.microsoft.com/incident2/4711/overview"
    sent = [overview, f"{overview}?tid={tenant}", "javascript:alert(1)", "https://security.microsoft.example/4711"]
    for number, link in enumerate(sent, start=4711):
        given = {"id": str(number), **GIVEN} if api == "graph" else {"incidentId": number}
        path = f"tenants/{tenant}/incidents"
        emulator.control("POST", path, {"incidents": [{**given, name: link}]})
    read = tasks.incidents(tenant_id=tenant, api=api, normalize=True)
    assert sorted(one[name] for one in read["incidents"]) == sorted(sent), "the record itself is as it was sent"
    assert _urls(read) == {
        "4711": f"{overview}?tid={tenant}",
        "4712": f"{overview}?tid={tenant}",
        "4713": f"https://security.microsoft.com/incidents/4713?tid={tenant}",
        "4714": f"https://security.microsoft.com/incidents/4714?tid={tenant}",
    }


def test_an_alert_has_its_own_id_and_page(tasks: Tasks, emulator: EmulatorProcess, tenant: str) -> None:
    IncidentDesk(emulator).put("contoso", {"alert_count": 2})
    alerts = tasks.alerts(tenant_id=tenant, normalize=True)["alerts"]
    assert len(alerts) == 2
    for alert in alerts:
        assert alert["normalized"]["id"] == alert["id"]
        assert alert["normalized"]["url"] == f"https://security.microsoft.com/alerts/{alert['id']}?tid={tenant}"


@pytest.mark.parametrize("api", ["graph", "xdr"])
def test_the_file_has_the_page_and_the_result_counts_by_severity(
    tasks: Tasks, emulator: EmulatorProcess, tenant: str, tmp_path: Path, api: str
) -> None:
    IncidentDesk(emulator).put("contoso", *({"severity": severity} for severity in ("High", "High", "Low")))
    options = {
        "tenants": [{"name": "contoso", "tenant_id": tenant}],
        "api": api,
        "dest": str(tmp_path / "incidents"),
        "checkpoint": str(tmp_path / "checkpoints"),
        "normalize": True,
    }
    (first,) = tasks.incidents(**options)["tenants"]
    assert (first["count"], first["severities"]) == (3, {"high": 2, "low": 1})
    records = [json.loads(line) for line in (tmp_path / "incidents" / "contoso.jsonl").read_text().splitlines()]
    assert all(record["normalized"]["url"].endswith(f"?tid={tenant}") for record in records)
    assert Counter(record["normalized"]["severity"] for record in records) == {"High": 2, "Low": 1}

    IncidentDesk(emulator).put("contoso", {"severity": "Medium"})
    (second,) = tasks.incidents(**options)["tenants"]
    assert (second["count"], second["severities"]) == (1, {"medium": 1}), "what this read handed out"
    (third,) = tasks.incidents(**options)["tenants"]
    assert (third["count"], third["severities"]) == (0, {})


def test_all_are_counted_where_the_newest_are_returned(tasks: Tasks, emulator: EmulatorProcess, tenant: str) -> None:
    IncidentDesk(emulator).put("contoso", *({"severity": severity, "alert_count": 1} for severity in ("High", "Low")))
    read = tasks.incidents(tenant_id=tenant, newest=1)
    assert (len(read["incidents"]), read["severities"]) == (1, {"high": 1, "low": 1})
    alerts = tasks.alerts(tenant_id=tenant)
    assert sum(alerts["severities"].values()) == alerts["count"] == 2
