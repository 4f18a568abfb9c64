# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.identity import permissions
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import (
    GRAPH_ALERTS,
    GRAPH_INCIDENTS,
    XDR_INCIDENTS,
    Dialect,
    camel_case,
)

APIS = [
    (XDR_INCIDENTS, permissions.XDR, "Incident"),
    (GRAPH_INCIDENTS, permissions.GRAPH, "SecurityIncident"),
    (GRAPH_ALERTS, permissions.GRAPH, "SecurityAlert"),
]


@pytest.mark.parametrize(("dialect", "api", "role"), APIS)
def test_a_reader_needs_the_least_role_of_the_api_or_the_one_above(
    dialect: Dialect, api: permissions.Api, role: str
) -> None:
    for call in (dialect.list_call, dialect.get_call):
        assert call.roles == (f"{role}.Read.All", f"{role}.ReadWrite.All")
        assert set(call.roles) <= set(api.roles)
    assert dialect.get_call.on_record
    assert not dialect.list_call.on_record


@pytest.mark.parametrize(("dialect", "largest"), [(XDR_INCIDENTS, 100), (GRAPH_INCIDENTS, 50), (GRAPH_ALERTS, 1000)])
def test_no_page_is_larger_than_the_service_allows(dialect: Dialect, largest: int) -> None:
    assert 0 < dialect.page_size <= largest


def test_graph_is_asked_for_the_states_that_it_hides_from_old_clients() -> None:
    assert GRAPH_INCIDENTS.headers == GRAPH_ALERTS.headers == {"Prefer": "include-unknown-enum-members"}
    assert XDR_INCIDENTS.headers == {}


@pytest.mark.parametrize(("ours", "graphs"), [("InProgress", "inProgress"), ("High", "high"), ("", "")])
def test_graph_writes_its_names_in_camel_case(ours: str, graphs: str) -> None:
    assert camel_case(ours) == graphs
    assert GRAPH_INCIDENTS.write_value(ours) == GRAPH_ALERTS.write_value(ours) == graphs
    assert XDR_INCIDENTS.write_value(ours) == ours
