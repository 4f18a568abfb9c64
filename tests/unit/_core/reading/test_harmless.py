# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from ansible_collections.mssp.defender.plugins.module_utils._core.reading.harmless import harmless

TEXTS = st.text(alphabet="{%#}-+ 1x'\"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ x }}", "{ { x }}"),
        ("{{{", "{ { {"),
        ("{% if x %}{# y #}", "{ % if x %}{ # y #}"),
        ("a {b} }}", "a {b} }}"),
    ],
)
def test_what_begins_a_template_is_broken(text: str, expected: str) -> None:
    assert harmless(text) == expected


def test_all_else_stays_as_it_is() -> None:
    value = {"a": [1, None, True, 1.5, {"b": "{{"}], "c": "text"}
    assert harmless(value) == {"a": [1, None, True, 1.5, {"b": "{ {"}], "c": "text"}


@given(TEXTS)
def test_a_template_engine_finds_nothing_to_do(text: str) -> None:
    calm = harmless(text)
    assert Environment(keep_trailing_newline=True).from_string(calm).render() == calm
