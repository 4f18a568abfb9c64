# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of states and of the ends of changes, as Ansible has them set."""

from __future__ import annotations

from ansible import constants

from ansible_collections.mssp.defender.plugins.module_utils._core.changing import updating
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import GRANTED, PROVIDER, WHO_ACTS

COLUMNS = ("state", "result")
"""The columns that hold them."""

_GOOD = (GRANTED, updating.UNCHANGED, "ok")
_CHANGED = (updating.CHANGED,)
_BAD = (*updating.TROUBLES, *(state for state, who in WHO_ACTS.items() if who == PROVIDER), "failed")
_WAITING = tuple(WHO_ACTS)


def colour_of(state: str) -> str | None:
    """Return the colour of a state, as `ansible.utils.color.stringc` takes it, or None for another text."""
    colours = (
        (_GOOD, constants.COLOR_OK),
        (_CHANGED, constants.COLOR_CHANGED),
        (_BAD, constants.COLOR_ERROR),
        (_WAITING, constants.COLOR_WARN),
    )
    return next((str(colour) for states, colour in colours if state in states), None)
