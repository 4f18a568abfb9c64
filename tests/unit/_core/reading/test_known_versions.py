# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from support.scripted_entra import ScriptedTenant

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.known_versions import (
    REDIRECTED,
    KnownVersions,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.quarantine import Quarantined
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.records import Record

NOON = 17_637_264_000_000_000
HOUR = 3600 * timestamps.TICKS_PER_SECOND


def record(updated: Any, **others: Any) -> Record:
    members = {"incidentId": 7, "lastUpdateTime": updated, **others}
    return Record(members, json.dumps(members))


def at(moment: int) -> Record:
    return record(timestamps.render(moment))


def known(tenant: ScriptedTenant, seen: int | None = None, *owed: Quarantined) -> KnownVersions:
    return KnownVersions(tenant.listing(), {} if seen is None else {"7": seen}, owed, NOON)


@pytest.mark.parametrize(
    ("seen", "updated", "is_news"),
    [
        (None, NOON, True),
        (NOON, NOON, False),
        (NOON, NOON + 1, True),
        (NOON, NOON - 1, False),
        # it claimed to come from the future
        (NOON + HOUR, NOON, True),
    ],
)
def test_a_version_is_news_once(tenant: ScriptedTenant, seen: int | None, updated: int, is_news: bool) -> None:
    versions = known(tenant, seen)
    assert (versions.is_news(at(updated)), versions.is_news(at(updated))) == (is_news, is_news)
    versions.note(at(updated))
    assert not versions.is_news(at(updated))
    assert versions.seen == {"7": updated}


def test_what_is_owed_is_news_until_it_has_been_handed_out(tenant: ScriptedTenant) -> None:
    versions = known(tenant, NOON, Quarantined("7", NOON, "500"), Quarantined("8", NOON, "500"))
    assert versions.is_news(at(NOON))
    versions.note(at(NOON))
    assert not versions.is_news(at(NOON))
    assert versions.owed == [Quarantined("8", NOON, "500")]


def test_what_leads_to_something_owed_is_no_news_itself(tenant: ScriptedTenant) -> None:
    versions = known(tenant, NOON, Quarantined("7", NOON, REDIRECTED))
    assert (versions.is_news(at(NOON)), versions.leads_to_owed(at(NOON))) == (False, True)
    versions.settle("7")
    assert not versions.leads_to_owed(at(NOON))


@pytest.mark.parametrize("updated", [None, "soon"])
def test_records_without_a_time_are_told_apart_by_what_they_say(tenant: ScriptedTenant, updated: Any) -> None:
    versions = known(tenant, NOON)
    versions.note(record(updated))
    assert not versions.is_news(record(updated))
    assert versions.is_news(record(updated, status="Resolved"))
    assert (len(versions.timeless), versions.seen) == (1, {"7": NOON})
