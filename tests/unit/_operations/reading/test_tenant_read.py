# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one tenant's read adds to its reader; where it begins and what it remembers is proven with the delivery."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from support.scripted_entra import RESOURCE, ScriptedEntra
from support.scripted_server import Answer, Request
from support.scripted_tasks import ReadingTask

from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import incidents

XDR = "/api/incidents"


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
