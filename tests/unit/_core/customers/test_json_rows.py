# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.customers.json_rows import from_json
from ansible_collections.mssp.defender.plugins.module_utils._core.customers.rows import Row, Table

CUSTOMERS = [
    {"name": "Conto\U0001f600so", "seats": 25, "share": -1.5, "active": True, "tags": ["a", {"b": [1, None]}]},
    {"name": "fabrikam", "seats": 7, "share": 0.5, "active": False, "tags": []},
]


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_what_json_writes_is_read(ensure_ascii: bool, indent: int | str | None) -> None:
    table = from_json(json.dumps(CUSTOMERS, ensure_ascii=ensure_ascii, indent=indent))
    assert table.headers == ["name", "seats", "share", "active", "tags"]
    assert [row.cells for row in table.rows] == CUSTOMERS


def test_a_customer_has_the_line_that_it_begins_in() -> None:
    assert from_json('\n[ {"a": 1},\r\n\n{"a":\n2}\n, {"a": 3} ]\n') == Table(
        ["a"], [Row(2, {"a": 1}), Row(4, {"a": 2}), Row(6, {"a": 3})]
    )


def test_a_scalar_is_known_as_it_was_written() -> None:
    (row,) = from_json('[{"a": 25, "b": 1.10, "c": true, "d": "007", "e": null, "f": "", "g": [1], "h": 1E2}]').rows
    assert row.cells == {"a": 25, "b": 1.1, "c": True, "d": "007", "g": [1], "h": 100.0}
    assert row.written == {"a": "25", "b": "1.10", "c": "true", "d": "007", "h": "1E2"}


def test_an_empty_list_has_no_rows() -> None:
    assert from_json(" [ ] ") == Table([], [])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is not a list"),
        ('{"name": "a"}', "it is not a list"),
        ('[{"name": "a"},\n"b"]', "line 2 is not a customer"),
        ('[{"name": "a"},\n]', "it is not JSON from line 2 on"),
        ('[{"name": "a"}\n{"name": "b"}]', "it is not JSON from line 2 on .Expecting ',' delimiter"),
        ('[{"name": "a"}', "it is not JSON from line 1 on"),
        ('[{"name": "a"}]\n[]', "it is not JSON from line 2 on .Extra data"),
        ("[{'name': 'a'}]", "it is not JSON from line 1 on"),
        ('[{"name": "a", "name": "b"}]', "names 'name' twice"),
        ('[{"x": {"y": 1, "y": 2}}]', "names 'y' twice"),
        ('[{"x": 1.0e999}]', "a number without an end"),
        ('[{"x": NaN}]', "a number without an end"),
        ('[{"x": -Infinity}]', "a number without an end"),
        ('[{"name": "a"},\n{"x": ["\\ud83d"]}]', r"line 2 has U\+D83D without its other half"),
        ('[{"\\ude00": 1}]', r"line 1 has U\+DE00 without its other half"),
        ('[{"x": ' + "[" * 200_000, "nested too deeply"),
    ],
)
def test_a_broken_json_is_refused_with_the_line(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        from_json(text)
