# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.clouds import CLOUDS
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.portal import Portal, page_of

TENANT = "44444444-4444-4444-8444-444444444444"
PORTAL = Portal("security.microsoft.com", TENANT)
MADE = f"https://security.microsoft.com/incidents/29?tid={TENANT}"
PAGE = "https://security.microsoft.com/incident2/29/overview"


@pytest.mark.parametrize("name", ["incidentWebUrl", "incidentUri"])
@pytest.mark.parametrize(
    ("sent", "page"),
    [
        (f"{PAGE}?tid={TENANT}", f"{PAGE}?tid={TENANT}"),
        (f"{PAGE}?tid={TENANT.upper()}", f"{PAGE}?tid={TENANT.upper()}"),
        (PAGE, f"{PAGE}?tid={TENANT}"),
        (f"{PAGE}?tid=", f"{PAGE}?tid={TENANT}"),
        (f"{PAGE}?a=1&tid=x#top", f"{PAGE}?a=1&tid={TENANT}#top"),
        (f"{PAGE}?tid={TENANT}&tid=x", f"{PAGE}?tid={TENANT}"),
        ("https://security.microsoft.us/incidents/29", f"https://security.microsoft.us/incidents/29?tid={TENANT}"),
    ],
    ids=["whole", "in capitals", "none", "empty", "another's", "two", "of another cloud"],
)
def test_the_link_that_was_sent_is_given_the_tenant(name: str, sent: str, page: str) -> None:
    assert page_of({"id": "29", name: sent}, PORTAL) == page


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        7,
        "javascript:alert(1)",
        "http://security.microsoft.com/incidents/29",
        "https://security.microsoft.com.example/incidents/29",
        "https://security.microsoft.com@example.com/incidents/29",
        "https://example.com\\@security.microsoft.com/incidents/29",
        "https://security.microsoft.com:8443/incidents/29",
        "https://security.microsoft.com/incidents/29\n",
        "https://security.microsoft.com/\x1b[2J",
        "https://security.microsoft.com/\u202e",
        "//security.microsoft.com/incidents/29",
    ],
)
def test_a_link_elsewhere_is_replaced(sent: Any) -> None:
    assert page_of({"id": "29", "incidentWebUrl": sent}, PORTAL) == MADE
    assert page_of({"id": "29", "incidentWebUrl": sent}, None) is None
    assert page_of({"id": "a", "title": "Alert", "incidentWebUrl": PAGE, "alertWebUrl": sent}, PORTAL) is None


@pytest.mark.parametrize(("identity", "path"), [(29, "29"), ("29", "29"), ("../a?b", "..%2Fa%3Fb")])
def test_an_incident_of_the_other_api_has_a_link_made(identity: Any, path: str) -> None:
    assert page_of({"incidentId": identity}, PORTAL) == f"https://security.microsoft.com/incidents/{path}?tid={TENANT}"


@pytest.mark.parametrize("record", [{}, {"incidentId": None}, {"id": {}}])
def test_nothing_is_made_of_no_id(record: dict[str, Any]) -> None:
    assert page_of(record, PORTAL) is None


def test_without_a_known_portal_nothing_is_made() -> None:
    assert page_of({"id": "29"}, Portal(CLOUDS["china"].portal_host, TENANT)) is None


def test_without_a_tenant_the_link_stays_as_it_was_sent() -> None:
    assert page_of({"id": "29", "incidentWebUrl": PAGE}, None) == PAGE


def test_an_alert_has_its_own_page() -> None:
    alert = {
        "id": "a",
        "title": "Alert",
        "incidentWebUrl": PAGE,
        "alertWebUrl": "https://security.microsoft.com/alerts/a",
    }
    assert page_of(alert, PORTAL) == f"https://security.microsoft.com/alerts/a?tid={TENANT}"
