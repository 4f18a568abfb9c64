# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.wire.records import Record, read_page

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)
OBJECTS = st.dictionaries(st.text() | st.just("value"), VALUES, max_size=4)
PAGES = st.dictionaries(st.text(), VALUES, max_size=3).flatmap(
    lambda others: st.lists(OBJECTS, max_size=4).map(lambda records: {**others, "value": records})
)
WAYS = st.fixed_dictionaries(
    {"indent": st.sampled_from([None, 0, 2, "\t"]), "ensure_ascii": st.booleans(), "sort_keys": st.booleans()}
)


def written(page: dict[str, Any], **ways: Any) -> str:
    # what UTF-8 cannot carry is never sent
    return json.dumps(page, **ways).encode(errors="replace").decode()


@given(page=PAGES, ways=WAYS)
def test_a_page_reads_as_any_reader_of_json_reads_it(page: dict[str, Any], ways: dict[str, Any]) -> None:
    text = written(page, **ways)
    assert read_page(text) == json.loads(text)


@given(page=PAGES, ways=WAYS, separator=st.sampled_from(["\n", "\r\n"]))
def test_every_record_becomes_one_line_that_says_the_same(
    page: dict[str, Any], ways: dict[str, Any], separator: str
) -> None:
    text = written(page, **ways).replace("\n", separator)
    records = read_page(text)["value"]
    lines = "".join(record.line() for record in records).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(text)["value"]


def test_a_record_keeps_the_text_it_was_sent_as() -> None:
    text = r'{"b": 1.50, "a": "Gr\u00fc\u00dfe \/ Grüße 😀 \u0000 \ud83d",  "b": 1e2}'
    (record,) = read_page(f' {{"@odata.count": 1, "value": [ {text} ] }}\n')["value"]
    assert record.line() == f"{text}\n"
    assert record == {"b": 100.0, "a": "Grüße / Grüße 😀 \0 \ud83d"}


def test_what_other_readers_take_for_the_end_of_a_line_is_escaped() -> None:
    text = '{"title":\n"next\x85line, \u2028line\u2029and paragraph"}'
    (record,) = read_page(f'{{"value":[{text}]}}')["value"]
    assert record.line() == '{"title": "next\\u0085line, \\u2028line\\u2029and paragraph"}\n'
    assert json.loads(record.line()) == record


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", {}),
        ('{"value": []}', {"value": []}),
        ('{"value": [[1], 2, "x", null]}', {"value": [[1], 2, "x", None]}),
        ('{"value": {"value": [{"a": 1}]}}', {"value": {"value": [{"a": 1}]}}),
        ('{"other": [{"a": 1}], "value": null}', {"other": [{"a": 1}], "value": None}),
    ],
)
def test_only_the_objects_of_the_pages_own_list_are_records(text: str, expected: dict[str, Any]) -> None:
    page = read_page(text)
    assert page == expected
    assert not any(isinstance(found, Record) for found in (page.get("value") or []))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "<html>",
        "{",
        '{"value"',
        '{"value": [',
        '{"value": [{}',
        '{"value": [{},]}',
        '{"value": [{} {}]}',
        '{"value": [{}] "a": 1}',
        '{"a": 1,}',
        "{1: 2}",
        '{"a" 1}',
        '{"value": []} more',
        '{"value": [{"a": "\n"}]}',
        '\ufeff{"value": []}',
    ],
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"character|column|string"):
        read_page(text)
