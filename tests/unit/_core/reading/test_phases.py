# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mssp.defender.plugins.module_utils._core.reading.phases import TRANSITIONS, Finding, Phase


def test_every_phase_leads_on_until_the_sweep_is_done() -> None:
    assert set(TRANSITIONS) == set(Phase) - {Phase.DONE}


def test_every_phase_can_come() -> None:
    """The sweep begins in the first one, and is done by itself when nothing is left to read."""
    come = {Phase.SWEEPING}
    while more := {following for phase in come for following in TRANSITIONS[phase].values()} - come:
        come |= more
    assert come == set(Phase) - {Phase.DONE}


def test_every_finding_leads_somewhere_and_a_window_that_was_read_to_the_next() -> None:
    assert {finding for findings in TRANSITIONS.values() for finding in findings} == set(Finding)
    assert {findings[Finding.READ] for findings in TRANSITIONS.values()} == {Phase.SWEEPING}
