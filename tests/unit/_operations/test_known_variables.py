# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from support.operations import OPERATIONS

from ansible_collections.mssp.defender.plugins.filter.outcome_artifacts import FilterModule
from ansible_collections.mssp.defender.plugins.module_utils._operations import known_variables


@pytest.mark.parametrize("module", OPERATIONS)
def test_what_an_option_is_filled_in_from_is_known(module: str) -> None:
    operation = OPERATIONS[module]
    assert known_variables.unknown([*operation.variables.values(), *operation.settings.values()]) == []


def test_only_names_with_the_prefix_count() -> None:
    names = ["consent_wat", "my_partner_access_wat", "partner_access_wat", "partner_access_result", "ansible_host"]
    assert known_variables.unknown(names) == ["partner_access_wat"]


def test_what_another_job_handed_on_is_known() -> None:
    artifacts = FilterModule().filters()["outcome_artifacts"]([{"name": "contoso", "state": "granted"}], {})
    assert known_variables.unknown(artifacts) == []
    assert known_variables.unknown(["partner_access_outcome_contoso"]) == ["partner_access_outcome_contoso"]


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("consent_wat", "consent_wait"),
        ("tennant_id", "tenant_id"),
        ("clientid", "client_id"),
        ("incident_dest", "incidents_dest"),
        ("may_be_emty", "may_be_empty"),
        ("links_dir", "links_folder"),
    ],
)
def test_a_misspelt_name_comes_with_the_nearest(name: str, guess: str) -> None:
    assert known_variables.warning(f"partner_access_{name}") == (
        f"partner_access_{name} is not a variable of mssp.defender (did you mean partner_access_{guess}?): "
        "nothing reads it"
    )


@pytest.mark.parametrize("name", ["", "zzz", "ends_at", "rowz", "linkedd"])
def test_there_is_no_guess_where_nothing_an_operator_sets_is_near(name: str) -> None:
    assert known_variables.warning(f"partner_access_{name}") == (
        f"partner_access_{name} is not a variable of mssp.defender: nothing reads it"
    )


def test_a_name_cannot_write_to_the_terminal() -> None:
    assert "\x1b" not in known_variables.warning("partner_access_\x1b[2J")
