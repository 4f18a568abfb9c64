# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.filter.misspelt import FilterModule

misspelt = FilterModule().filters()["misspelt"]
NAMES = ["all", "customers", "contoso", "fabrikam"]


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("contosso", ["did you mean contoso instead of contosso?"]),
        (
            "costumers:!contosso",
            ["did you mean customers instead of costumers?", "did you mean contoso instead of contosso?"],
        ),
        ("contoso,fabrikam", []),
        ("tailspin", []),
        ("contos*,~contosso,@contosso,contosso[0]", []),
        ("", []),
    ],
)
def test_only_names_that_are_near_to_one_are_asked_about(pattern: str, meant: list[str]) -> None:
    assert misspelt(pattern, NAMES) == meant
