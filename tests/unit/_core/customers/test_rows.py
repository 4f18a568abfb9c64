# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.customers import rows
from ansible_collections.mssp.defender.plugins.module_utils._core.customers.rows import Row, Table


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    text = "name,tenant_id,city\ncontoso,1,Wien\n".replace(",", delimiter)
    assert rows.from_csv(text) == Table(
        ["name", "tenant_id", "city"], [Row(2, {"name": "contoso", "tenant_id": "1", "city": "Wien"})]
    )


def test_a_delimiter_within_quotes_does_not_count() -> None:
    assert rows.from_csv('name;"City, state, country"\ncontoso;x\n').headers == ["name", "City, state, country"]


def test_blank_lines_and_quoted_line_feeds_keep_the_count_of_lines() -> None:
    text = '\r\nname,note\r\n\r\n,\r\ncontoso,"two\r\nlines"\r\n  \r\nfabrikam, short \r\n'
    assert rows.from_csv(text).rows == [
        Row(5, {"name": "contoso", "note": "two\r\nlines"}),
        Row(8, {"name": "fabrikam", "note": "short"}),
    ]


def test_empty_cells_and_the_empty_columns_of_spreadsheets_are_left_out() -> None:
    assert rows.from_csv("name;tier;;\ncontoso;;;\nfabrikam\n") == Table(
        ["name", "tier"], [Row(2, {"name": "contoso"}), Row(3, {"name": "fabrikam"})]
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "its first line must name every column"),
        ("name;;tier\n", "its first line must name every column"),
        ("name,tier,name\n", "names 'name' twice"),
        ("name,tier\ncontoso,gold,x\n", "line 2 has more cells than the first line has columns"),
        ('name,tier\na,b\nc,"d\ne,f\n', "no CSV from line 3 on"),
        ('name,tier\na,"b"c\n', "no CSV from line 2 on"),
        (f"name,tier\na,{'x' * 200_000}\n", "no CSV from line 2 on"),
    ],
)
def test_a_broken_csv_is_refused_with_the_line(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rows.from_csv(text)


def test_a_list_of_mappings_is_read_with_its_lines_and_types() -> None:
    text = "# ours\n- name: contoso\n  since: 2024-05-01\n  tier: 2\n  tags: [a, {b: 2024-05-01}]\n  note:\n\n"
    assert rows.from_yaml(text + "- {name: 365}\n") == Table(
        ["name", "since", "tier", "tags"],
        [
            Row(2, {"name": "contoso", "since": "2024-05-01", "tier": 2, "tags": ["a", {"b": "2024-05-01"}]}),
            Row(8, {"name": 365}),
        ],
    )


def test_json_is_read_as_well() -> None:
    assert rows.from_yaml('[{"name": "contoso"}]').rows == [Row(1, {"name": "contoso"})]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is not a list"),
        ("name: contoso\n", "it is not a list"),
        ("- contoso\n", "line 1 is no customer"),
        ("- name: a\n- [b]\n", "line 2 is no customer"),
        ("- name: a\n  name: b\n", "line 2 names 'name' again"),
        ("- name: a\n  secret: !vault |\n    x\n", "no plain YAML from line 2 on"),
        ("- name: [a\n", "no plain YAML from line"),
        ("- name: a\n---\n- name: b\n", "no plain YAML from line"),
        ("- name: a\n  logo: !!binary aGk=\n", "line 2 has a value that is neither text"),
        ("- name: \x07\n", "no plain YAML"),
    ],
)
def test_a_broken_yaml_is_refused_with_the_line(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rows.from_yaml(text)
