# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible import constants

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import WHO_ACTS
from ansible_collections.mssp.defender.plugins.plugin_utils._state_colours import colour_of


@pytest.mark.parametrize(
    ("state", "setting"),
    [
        ("granted", "COLOR_OK"),
        ("ok", "COLOR_OK"),
        ("unchanged", "COLOR_OK"),
        ("changed", "COLOR_CHANGED"),
        ("bad_credential", "COLOR_ERROR"),
        ("unknown_tenant", "COLOR_ERROR"),
        ("unreachable", "COLOR_ERROR"),
        ("error", "COLOR_ERROR"),
        ("failed", "COLOR_ERROR"),
        ("refused", "COLOR_ERROR"),
        ("not_consented", "COLOR_WARN"),
        ("partial", "COLOR_WARN"),
        ("no_service", "COLOR_WARN"),
        ("blocked", "COLOR_WARN"),
        ("throttled", "COLOR_WARN"),
    ],
)
def test_a_state_has_the_colour_that_ansible_is_set_to(
    monkeypatch: pytest.MonkeyPatch, state: str, setting: str
) -> None:
    monkeypatch.setattr(constants, setting, "bright cyan")
    assert colour_of(state) == "bright cyan"


def test_every_state_has_a_colour_and_no_other_text() -> None:
    assert all(map(colour_of, WHO_ACTS))
    assert colour_of("skipped") is None
    assert colour_of("") is None
