# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.reading import classifications
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.classifications import DETERMINATIONS

# the enum of Microsoft Graph's metadata
GRAPH_NAMES = {
    "malware",
    "securityTesting",
    "unwantedSoftware",
    "other",
    "multiStagedAttack",
    "compromisedAccount",
    "phishing",
    "maliciousUserActivity",
    "notMalicious",
    "notEnoughDataToValidate",
    "confirmedActivity",
    "lineOfBusinessApplication",
}


def test_graph_gets_names_that_it_knows_and_each_is_read_back_as_ours() -> None:
    assert {classifications.for_graph(name) for name in classifications.ALL_DETERMINATIONS} == GRAPH_NAMES
    for name in (*classifications.ALL_DETERMINATIONS, *DETERMINATIONS, "Active", "InProgress", "New"):
        assert classifications.canonical(classifications.for_graph(name)) == name
        assert classifications.canonical(name) == name


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("CompromisedUser", "CompromisedAccount"),
        ("compromisedUser", "CompromisedAccount"),
        ("confirmedUserActivity", "ConfirmedActivity"),
        ("insufficientData", "NoEnoughDataToValidate"),
        ("clean", "Clean"),
        ("awaitingAction", "AwaitingAction"),
        ("apt", "Apt"),
        (None, None),
    ],
)
def test_names_of_other_pages_are_understood(name: str | None, ours: str | None) -> None:
    assert classifications.canonical(name) == ours


@pytest.mark.parametrize("classification", DETERMINATIONS)
def test_a_pair_is_legal_or_refused_with_the_legal_ones(classification: str) -> None:
    for determination in classifications.ALL_DETERMINATIONS:
        if determination in DETERMINATIONS[classification]:
            classifications.check(classification, determination, "")
            continue
        with pytest.raises(OptionError) as refused:
            classifications.check(classification, determination, "rule 'a': set.")
        assert str(refused.value) == (
            f"rule 'a': set.determination '{determination}' does not go with classification '{classification}': "
            f"it is one of {', '.join(DETERMINATIONS[classification])}"
        )


@pytest.mark.parametrize(
    ("classification", "determination", "sentence"),
    [
        ("Unknown", None, "classification 'Unknown' is none: it is one of TruePositive, "),
        (None, "Malware", "determination 'Malware' needs a classification beside it: give both"),
    ],
)
def test_what_is_no_pair_is_refused(classification: str | None, determination: str | None, sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        classifications.check(classification, determination, "")
    assert str(refused.value).startswith(sentence)


def test_nothing_is_always_legal() -> None:
    classifications.check(None, None, "")
    classifications.check("TruePositive", None, "")
