# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who needs a mail, and how the rows of a run join those that were written before."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mssp.defender.plugins.filter.link_rows import FilterModule, LinkRow, link_rows
from ansible_collections.mssp.defender.plugins.filter.to_csv import to_csv
from ansible_collections.mssp.defender.plugins.module_utils._core import errors

COLUMNS = list(LinkRow.__annotations__)
HOSTS = ["contoso", "fabrikam", "tailspin"]
LINK = {
    "tenant_id": "contoso.example",
    "url": "https://login.microsoftonline.com/contoso.example/v2.0/adminconsent",
    "expires_at": None,
    "msg": None,
    "client_id": "11111111-1111-1111-1111-111111111111",
    "application_name": "Provider SOC",
    "administrator_role": "Privileged Role Administrator",
    "language": "de",
    "permissions": {
        "graph": ["SecurityIncident.Read.All", "ThreatHunting.Read.All"],
        "xdr": ["Incident.Read.All"],
    },
}


def link(name: str = "contoso", **more: Any) -> dict[str, Any]:
    return {"name": name, **LINK, **more}


def rows(*links: dict[str, Any], state: str = "not_consented", written: str = "") -> list[LinkRow]:
    return link_rows(links, [{"name": each["name"], "state": state} for each in links], HOSTS, written)


def test_a_row_has_all_that_a_mail_must_say() -> None:
    assert rows(link()) == [
        {
            "name": "contoso",
            "tenant_id": "contoso.example",
            "state": "not_consented",
            "needs_mail": "yes",
            "application": "Provider SOC",
            "application_id": "11111111-1111-1111-1111-111111111111",
            "permissions": "Microsoft Graph: SecurityIncident.Read.All, ThreatHunting.Read.All; "
            "Microsoft Threat Protection: Incident.Read.All",
            "administrator_role": "Privileged Role Administrator",
            "language": "de",
            "url": LINK["url"],
            "expires_at": "",
            "msg": "",
        }
    ]


@pytest.mark.parametrize("state", errors.WHO_ACTS)
def test_a_mail_is_for_those_whom_the_link_helps(state: str) -> None:
    (row,) = rows(link(), state=state)
    assert (row["state"], row["needs_mail"]) == (state, "yes" if state in ("not_consented", "partial") else "no")


def test_who_has_no_link_needs_no_mail_and_learns_why() -> None:
    (row,) = rows(link(url=None, msg="tenant_id 'x' is no tenant"))
    assert (row["url"], row["needs_mail"], row["msg"]) == ("", "no", "tenant_id 'x' is no tenant")


def test_who_could_not_be_worked_for_at_all_has_a_row_too() -> None:
    refused = {"name": "contoso", "tenant_id": "", "state": "error", "msg": "client_id is missing"}
    (row,) = rows(refused, state="error")
    assert row == {**dict.fromkeys(COLUMNS, ""), "name": "contoso", "state": "error", "needs_mail": "no"} | {
        "msg": "client_id is missing"
    }


def test_rows_of_other_customers_stay_in_the_order_of_the_inventory() -> None:
    written = to_csv(rows(link("tailspin"), link("fabrikam"), link("contoso")), COLUMNS)
    (fabrikam,) = rows(link("fabrikam"), state="granted")
    joined = rows(link("fabrikam"), state="granted", written=written)
    assert [row["name"] for row in joined] == HOSTS
    assert joined[1] == fabrikam
    assert {row["needs_mail"] for row in joined} == {"yes", "no"}
    assert rows(link("fabrikam"), state="granted", written=to_csv(joined, COLUMNS)) == joined


def test_who_is_no_host_any_more_is_dropped() -> None:
    written = to_csv([{"name": "lucerne", "url": "https://localhost/"}], COLUMNS)
    assert [row["name"] for row in rows(link(), written=written)] == ["contoso"]


def test_a_file_of_other_columns_gives_what_it_has() -> None:
    former = {"name": "fabrikam", "tenant_id": "fabrikam.example", "url": "https://localhost/", "note": "called"}
    written = to_csv([former], ["name", "note", "tenant_id", "url"])
    _contoso, fabrikam = rows(link(), written=written)
    assert fabrikam == {
        **dict.fromkeys(COLUMNS, ""),
        **{name: former[name] for name in ("name", "tenant_id", "url")},
    }


def test_what_a_spreadsheet_would_run_is_written_and_read_alike() -> None:
    written = to_csv(rows(link("fabrikam", application_name="=1+1", language="'+x")), COLUMNS)
    assert '"\'=1+1"' in written
    _contoso, fabrikam = rows(link(), written=written)
    assert (fabrikam["application"], fabrikam["language"]) == ("=1+1", "'+x")


def test_a_spreadsheet_may_have_saved_the_file() -> None:
    written = "\ufeff" + to_csv(rows(link("fabrikam")), COLUMNS).replace('"', "").replace("\n", "\r\n\r\n")
    assert [row["name"] for row in rows(link(), written=written)] == ["contoso", "fabrikam"]


@pytest.mark.parametrize("written", ["name;url\ncontoso;x\n", "\n", '"name","url"\n"contoso","' + "x" * 200_000])
def test_a_file_that_cannot_be_joined_to_is_not_lost(written: str) -> None:
    with pytest.raises(AnsibleFilterError, match="what was written before"):
        rows(link(), written=written)


def test_the_filter_has_a_name() -> None:
    assert FilterModule().filters() == {"link_rows": link_rows}
