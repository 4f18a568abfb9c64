# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.filter.outcome_artifacts import outcome_artifacts

GRANTED = {"state": "granted", "msg": "granted", "code": None, "meaning": None, "remedy": None, "who": "nobody"}


def test_each_customer_has_a_variable_of_its_own() -> None:
    names = ["contoso", "Contoso", "con toso", "1-2", "ümlaut", "a.b"]
    found = outcome_artifacts([{"name": name, **GRANTED} for name in names], {})
    assert all(variable.isidentifier() and variable.isascii() for variable in found)
    assert [artifact["name"] for artifact in found.values()] == names


def test_what_is_handed_on_is_what_the_table_shows_and_nothing_else() -> None:
    outcome = {
        **GRANTED,
        "name": "contoso",
        "state": "error",
        "meaning": "why",
        "access_token": "secret",
        "incidents": [{}],
    }
    (artifact,) = outcome_artifacts([outcome], {"contoso": "contoso: why"}).values()
    assert artifact == {
        "name": "contoso",
        "state": "error",
        "code": "",
        "meaning": "why",
        "remedy": "",
        "who": "nobody",
        "failing": "contoso: why",
    }


@pytest.mark.parametrize("text", ["{{ lookup('env', 'X') }}", "a {% if %}", "{#", "{{{", "#jinja2: variable_start:'['"])
def test_no_text_begins_a_template(text: str) -> None:
    tenant = {**GRANTED, "name": "contoso", "meaning": text}
    (artifact,) = outcome_artifacts([tenant], {"contoso": text}).values()
    for value in artifact.values():
        assert not any(mark in value for mark in ("{{", "{%", "{#"))
        assert not value.startswith("#jinja2:")
    assert artifact["meaning"].replace(" ", "") == text.replace(" ", "")
