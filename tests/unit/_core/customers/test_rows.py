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


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
@pytest.mark.parametrize("line", ["sep={}\n", '"sep={}"\r\n', "SEP={}\r"])
def test_a_first_line_that_names_the_delimiter_is_no_header(line: str, delimiter: str) -> None:
    text = line.format(delimiter) + "name,a;b\ncontoso,1;2\n".replace(",", delimiter)
    if delimiter == ";":
        text = text.replace("a;b", "a").replace("1;2", "1")
    header = "a" if delimiter == ";" else "a;b"
    assert rows.from_csv(text) == Table(["name", header], [Row(3, {"name": "contoso", header: "1;2"[: len(header)]})])


def test_a_tab_can_be_named_as_people_write_it() -> None:
    assert rows.from_csv("sep=\\t\nname\ttier\n").headers == ["name", "tier"]


def test_lines_may_end_as_on_an_old_mac() -> None:
    assert rows.from_csv("name;tier\ra;1\rb;2\r").rows[1] == Row(3, {"name": "b", "tier": "2"})


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
        ("name,tier\na,b\nname,tier\n", "line 3 is the first line again"),
        ("name,tier\ncontoso,gold,x\n", "line 2 has more cells than the first line has columns"),
        ('name,tier\na,b\nc,"d\ne,f\n', "not CSV from line 3 on"),
        ('name,tier\na,"b"c\n', "not CSV from line 2 on"),
        (f"name,tier\na,{'x' * 200_000}\n", "not CSV from line 2 on"),
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


@pytest.mark.parametrize(
    "text",
    ["NO", "yes", "off", "007", "1e3", "0x1F", "0o17", "1_000", "+49", "12:30:00", "2026-11-30", "=", ".inf", "1."],
)
def test_what_is_text_to_the_one_who_wrote_it_is_text(text: str) -> None:
    (row,) = rows.from_yaml(f"- {{a: {text}, b: [{text}], {text}: x}}").rows
    assert row.cells == {"a": text, "b": [text], text: "x"}


def test_numbers_and_truth_are_those_of_json_and_still_known_as_written() -> None:
    (row,) = rows.from_yaml(
        "- {a: 25, b: -1.50, c: true, d: False, e: ~, f: null, g: '7', h: !!str 7, i: *x}".replace(", i: *x", "")
    ).rows
    assert row.cells == {"a": 25, "b": -1.5, "c": True, "d": False, "g": "7", "h": "7"}
    assert [row.written[name] for name in "abcdefgh"] == ["25", "-1.50", "true", "False", "~", "null", "7", "7"]


def test_an_anchor_is_what_it_stands_for() -> None:
    assert rows.from_yaml("- {a: &x [1], b: *x}").rows[0].cells == {"a": [1], "b": [1]}


@pytest.mark.parametrize("first", ["[x, x, x, x, x, x, x, x, x, x]", "{x: x, y: x}", "x" * 200_000])
def test_aliases_of_aliases_do_not_fill_the_memory(first: str) -> None:
    levels = "".join(f"  v{level}: &v{level} [{', '.join([f'*v{level - 1}'] * 10)}]\n" for level in range(1, 20))
    with pytest.raises(ValueError, match=r"line \d+ is repeated too often by aliases"):
        rows.from_yaml(f"- name: a\n  v0: &v0 {first}\n{levels}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is not a list"),
        ("name: contoso\n", "it is not a list"),
        ("- contoso\n", "line 1 is not a customer"),
        ("- name: a\n- [b]\n", "line 2 is not a customer"),
        ("- name: a\n  name: b\n", "line 2 names 'name' again"),
        ("- name: a\n  secret: !vault |\n    x\n", "not plain YAML from line 2 on"),
        ("- name: [a\n", "not plain YAML from line"),
        ("- name: a\n---\n- name: b\n", "not plain YAML from line"),
        ("- name: a\n  logo: !!binary aGk=\n", "line 2 has a value that is neither text"),
        ("- name: a\n  x: \x07\n", r"not plain YAML from line 2 on \(it has U\+0007\)"),
        ("- name: a\n---\n- name: b\n", "expected a single document in the stream but found another document"),
        ("- name: a\n\tx: 1\n", "not plain YAML from line 2 on"),
        ("- name: a\n  <<: {x: 1}\n", "line 2 merges another mapping"),
        ("- name: a\n  x: {<<: {x: 1}}\n", "line 2 merges another mapping"),
        ("- name: a\n  x: {b: 1,\n    b: 2}\n", "line 3 names 'b' again"),
        ("- name: a\n  x: &loop [*loop]\n", "line 2 holds itself"),
        ("- name: a\n  ? [b]\n  : c\n", "line 2 has a name that is not a text"),
        ("- name: !!python/name:os.system x\n", "line 1 has a value that is neither text"),
        ("- name: a\n  n: !!int x\n", "line 2 has a value that is neither text"),
        ("- name: a\n  n: 1.0e999\n", "line 2 has a value that is neither text"),
        ("[" * 100_000, "not plain YAML|nested too deeply"),
    ],
)
def test_a_broken_yaml_is_refused_with_the_line(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rows.from_yaml(text)
