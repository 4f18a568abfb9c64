# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import (
    GRAPH_ALERTS,
    GRAPH_INCIDENTS,
    XDR_INCIDENTS,
    Dialect,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.queries import Query
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.windows import Window

STATUSES = ("Active", "InProgress", "Resolved", "Redirected")
SEVERITIES = ("Informational", "Low", "Medium", "High")
TERM = re.compile(r"(\w+) (eq|ge|lt) ('(?:[^']|'')*'|[0-9TZ:.-]+)(?: and |$)")
MOMENTS = st.integers(0, 10**17)
QUERIES = st.builds(
    Query,
    status=st.lists(st.sampled_from(STATUSES), unique=True, max_size=3).map(tuple),
    severity=st.lists(st.sampled_from(SEVERITIES), unique=True, max_size=3).map(tuple),
    assigned_to=st.none() | st.text(min_size=1),
    created_after=st.none() | MOMENTS,
)
WINDOWS = st.builds(lambda start, width: Window(start, width and start + width), MOMENTS, st.none() | MOMENTS)
DIALECTS = st.sampled_from([XDR_INCIDENTS, GRAPH_INCIDENTS, GRAPH_ALERTS])
EVERYTHING = Window(0, None)


def terms_of(odata_filter: str | None) -> set[tuple[str, str, str]]:
    """Read a filter the way the service does: field, operator and value, quotes taken off and un-escaped."""
    terms, position = set(), 0
    while odata_filter and position < len(odata_filter):
        term = TERM.match(odata_filter, position)
        assert term, odata_filter[position:]
        value = term[3][1:-1].replace("''", "'") if term[3].startswith("'") else term[3]
        terms.add((term[1], term[2], value))
        position = term.end()
    return terms


@given(query=QUERIES, dialect=DIALECTS, window=WINDOWS)
def test_a_filter_says_exactly_what_the_service_can_do(query: Query, dialect: Dialect, window: Window) -> None:
    expected = set()
    if len(query.status) == 1:
        expected.add(("status", "eq", dialect.write_value(query.status[0])))
    if len(query.severity) == 1 and dialect is not XDR_INCIDENTS:
        expected.add(("severity", "eq", dialect.write_value(query.severity[0])))
    if query.assigned_to:
        expected.add(("assignedTo", "eq", query.assigned_to))
    if query.created_after is not None:
        expected.add((dialect.created_field, "ge", timestamps.render(query.created_after)))
    if window.start:
        expected.add((dialect.updated_field, "ge", timestamps.render(window.start)))
    if window.end is not None:
        expected.add((dialect.updated_field, "lt", timestamps.render(window.end)))
    assert terms_of(query.odata_filter(dialect, window)) == expected


@given(query=QUERIES, dialect=DIALECTS, status=st.sampled_from(STATUSES), severity=st.sampled_from(SEVERITIES))
def test_service_and_machine_together_filter_what_was_asked_for_and_only_one_of_them_does(
    query: Query, dialect: Dialect, status: str, severity: str
) -> None:
    terms = {field: value for field, _unused, value in terms_of(query.odata_filter(dialect, EVERYTHING))}
    local = query.local_filters(dialect)
    for name, wanted in (("status", query.status), ("severity", query.severity)):
        assert bool(wanted) == ((name in terms) != (name in local))
    record = {"status": dialect.write_value(status), "severity": dialect.write_value(severity)}
    sent = all(terms[name] == record[name] for name in record if name in terms)
    asked_for = status in (query.status or STATUSES) and severity in (query.severity or SEVERITIES)
    assert (sent and query.accepts(record)) == asked_for


@given(query=QUERIES, dialect=DIALECTS, window=WINDOWS, raw=st.text(min_size=1))
def test_a_filter_in_the_operators_own_words_is_joined_to_the_others_as_one_term(
    query: Query, dialect: Dialect, window: Window, raw: str
) -> None:
    own = query.odata_filter(dialect, window)
    both = replace(query, raw_filter=raw).odata_filter(dialect, window)
    assert both == (f"{own} and ({raw})" if own else raw)


def test_dates_go_unquoted_with_seven_digits() -> None:
    window = Window(timestamps.ticks("2026-11-20T00:00:00Z"), timestamps.ticks("2026-11-20T00:00:00.5Z"))
    query = Query(status=("InProgress",))
    first, last = "2026-11-20T00:00:00.0000000Z", "2026-11-20T00:00:00.5000000Z"
    assert query.odata_filter(XDR_INCIDENTS, window) == (
        f"status eq 'InProgress' and lastUpdateTime ge {first} and lastUpdateTime lt {last}"
    )
    assert query.odata_filter(GRAPH_ALERTS, window) == (
        f"status eq 'inProgress' and lastUpdateDateTime ge {first} and lastUpdateDateTime lt {last}"
    )
    assert Query().odata_filter(XDR_INCIDENTS, EVERYTHING) is None


def test_a_record_without_the_field_that_is_asked_for_is_none_of_them() -> None:
    assert not Query(severity=("High",)).accepts({"severity": None})
    assert not Query(severity=("High",)).accepts({})
    assert Query().accepts({})
