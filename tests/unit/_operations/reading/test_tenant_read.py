# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one tenant's read adds to its reader, from one API to the other and back: nothing is lost, little comes again.

Where it begins otherwise, and what it remembers, is proven with the delivery.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from support.machine import no_file_larger_than
from support.scripted_entra import RESOURCE, ScriptedEntra, token_path
from support.scripted_server import Answer, Request, refused
from support.scripted_tasks import ReadingTask

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.checkpoints import OVERLAP
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import incidents

XDR = "/api/incidents"
PATHS = {"xdr": "/api/incidents", "graph": "/v1.0/security/incidents"}
AUDIENCES = {"xdr": RESOURCE, "graph": "https://graph.microsoft.com"}
ROLES = {"xdr": ["Incident.Read.All"], "graph": ["SecurityIncident.Read.All"]}
NOON = timestamps.ticks("2026-11-20T12:00:00Z")


@pytest.fixture
def task(entra: ScriptedEntra) -> ReadingTask:
    return ReadingTask(incidents.OPERATION, entra, RESOURCE)


@pytest.mark.parametrize("status", [403, 404, 429, 500])
def test_an_unnamed_record_stays_so_where_graph_does_not_tell(task: ReadingTask, status: int) -> None:
    """Its name is a courtesy, and worth neither a failure nor a wait."""
    far, failing = Answer({"value": []}), Answer("", status=500)
    whole = "2026-11-20T12:00:00.0000000Z"
    task.server.next_answer = _by_filter(task.server.next_answer, whole, failing, far)  # type: ignore[method-assign]
    task.server.script("/v1.0/security/incidents", Answer("", status=status))
    # to come down to the one record takes more calls than are made in a minute
    result = task(updated_after=whole, retries=1, paced=False)
    assert (result["state"], result["count"]) == ("granted", 0)
    assert [(one["id"], one["updated"]) for one in result["quarantined"]] == [(None, whole)]


def _by_filter(
    otherwise: Callable[[Request], Answer], poisoned: str, failing: Answer, empty: Answer
) -> Callable[[Request], Answer]:
    """A service that fails over the one record updated at the moment `poisoned`, and has no other."""

    def answer(request: Request) -> Answer:
        terms = dict(re.findall(r"lastUpdateTime (ge|lt) (\S+)", request.query.get("$filter", "")))
        if request.path != XDR:
            return otherwise(request)
        holds = terms.get("ge", "") <= poisoned < terms.get("lt", "9999") and request.query.get("$skip", "0") == "0"
        return failing if holds else empty

    return answer


class Customer:
    """A customer whose incidents, numbered and each updated a second after the one before, both APIs have."""

    def __init__(self, entra: ScriptedEntra, folder: Path) -> None:
        self.entra = entra
        self.task = ReadingTask(incidents.OPERATION, entra, RESOURCE)
        self.dest, self.checkpoint = folder / "contoso.jsonl", folder / "contoso.checkpoint"

    def has(self, numbers: Iterable[int]) -> None:
        moments = [(number, timestamps.render(NOON + number * timestamps.TICKS_PER_SECOND)) for number in numbers]
        xdr = [{"incidentId": number, "lastUpdateTime": moment} for number, moment in moments]
        graph = [{"id": str(number), "lastUpdateDateTime": moment} for number, moment in moments]
        self.entra.server.script(PATHS["xdr"], Answer({"value": xdr}))
        self.entra.server.script(PATHS["graph"], Answer({"value": graph}))

    def read(self, api: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        token = self.entra.token(aud=AUDIENCES[api], roles=ROLES[api])
        self.entra.server.script(token_path(), self.entra.granting(token))
        kept = {"dest": str(self.dest), "checkpoint": str(self.checkpoint), "backfill": ""}
        return self.task(check_mode, api=api, **{**kept, **options})

    def written(self, path: Path | None = None) -> list[str]:
        """The ids in a file, marked by the API that they came from."""
        records = [json.loads(line) for line in (path or self.dest).read_text().splitlines()]
        return [f"xdr {each['incidentId']}" if "incidentId" in each else f"graph {each['id']}" for each in records]


@pytest.fixture
def customer(entra: ScriptedEntra, tmp_path: Path) -> Customer:
    return Customer(entra, tmp_path)


@pytest.mark.parametrize(("first", "second"), [("xdr", "graph"), ("graph", "xdr")])
def test_a_read_goes_on_where_the_other_api_stood(customer: Customer, first: str, second: str) -> None:
    customer.has(range(3))
    customer.read(first)
    customer.has(range(5))
    result = customer.read(second)
    assert (result["state"], result["count"], result["switched_from"]) == ("granted", 2, first)
    since = timestamps.render(NOON + 2 * timestamps.TICKS_PER_SECOND - OVERLAP)
    assert f"ge {since}" in customer.task.asked(PATHS[second])[0]["$filter"]
    aside = customer.dest.with_name(f"contoso.jsonl.{first}")
    assert result["set_aside"] == str(aside)
    assert customer.written(aside) == [f"{first} {number}" for number in range(3)]
    assert customer.written() == [f"{second} 3", f"{second} 4"]


def test_after_the_switch_all_is_as_ever(customer: Customer) -> None:
    customer.has(range(3))
    customer.read("xdr")
    customer.read("graph")
    customer.has(range(4))
    result = customer.read("graph")
    assert (result["count"], "switched_from" in result) == (1, False)
    customer.has(range(5))
    result = customer.read("graph")
    assert (result["count"], "set_aside" in result) == (1, False)
    assert customer.written() == ["graph 3", "graph 4"]


def test_without_news_the_file_stays_where_it_is(customer: Customer) -> None:
    customer.has(range(3))
    customer.read("xdr")
    result = customer.read("graph")
    assert (result["count"], result["changed"], "set_aside" in result) == (0, False, False)
    assert len(customer.written()) == 3


def test_every_switch_has_a_file_of_its_own(customer: Customer) -> None:
    for turn, api in enumerate(("xdr", "graph", "xdr", "graph")):
        customer.has(range(turn + 1))
        customer.read(api)
    ends = ("", ".xdr", ".graph", ".xdr-2")
    found = {end: customer.written(customer.dest.with_name(f"contoso.jsonl{end}")) for end in ends}
    assert found == {"": ["graph 3"], ".xdr": ["xdr 0"], ".graph": ["graph 1"], ".xdr-2": ["xdr 2"]}


def test_who_would_rather_begin_anew_can(customer: Customer) -> None:
    customer.has(range(3))
    customer.read("xdr")
    result = customer.read("graph", switched_checkpoint="restart")
    assert (result["count"], result["switched_from"]) == (3, "xdr")
    assert customer.written() == ["graph 0", "graph 1", "graph 2"]
    assert customer.read("graph", switched_checkpoint="restart")["count"] == 0


def test_check_mode_says_what_the_switch_would_do(customer: Customer) -> None:
    customer.has(range(3))
    customer.read("xdr")
    customer.has(range(5))
    before = customer.checkpoint.read_text()
    result = customer.read("graph", check_mode=True)
    assert (result["count"], result["switched_from"], result["changed"]) == (2, "xdr", True)
    assert result["set_aside"] == str(customer.dest.with_name("contoso.jsonl.xdr"))
    assert (customer.checkpoint.read_text(), len(customer.written())) == (before, 3)
    assert sorted(path.name for path in customer.dest.parent.glob("contoso.jsonl*")) == ["contoso.jsonl"]


def test_a_checkpoint_of_other_filters_is_refused_and_kept(customer: Customer) -> None:
    customer.has(range(3))
    customer.read("xdr", severity=["High"])
    before = customer.checkpoint.read_text()
    result = customer.read("graph")
    assert (result["state"], "severity" in result["meaning"]) == ("error", True)
    assert customer.checkpoint.read_text() == before


def test_a_customer_who_has_not_consented_yet_loses_nothing(customer: Customer) -> None:
    customer.has(range(3))
    customer.read("xdr")
    customer.has(range(5))
    customer.entra.server.script(PATHS["graph"], refused(403))
    assert customer.read("graph")["state"] != "granted"
    assert customer.read("xdr")["count"] == 2
    assert customer.written() == [f"xdr {number}" for number in range(5)]


def test_a_full_disk_in_the_middle_of_the_switch_loses_nothing(customer: Customer) -> None:
    customer.has(range(3))
    customer.read("xdr")
    customer.has(range(60))
    with no_file_larger_than(1000):
        assert customer.read("graph")["state"] == "error"
    customer.read("graph")
    assert customer.written(customer.dest.with_name("contoso.jsonl.xdr")) == [f"xdr {number}" for number in range(3)]
    assert customer.written() == [f"graph {number}" for number in range(3, 60)]


def test_files_of_two_readers_do_not_mix(customer: Customer) -> None:
    """Each has a checkpoint of its own, and both were given one file."""
    customer.has(range(2))
    customer.read("xdr")
    result = customer.read("graph", checkpoint=f"{customer.checkpoint}.2")
    assert "switched_from" not in result
    assert customer.written() == ["graph 0", "graph 1"]
    assert customer.written(Path(result["set_aside"])) == ["xdr 0", "xdr 1"]
