# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which determination goes with which classification, in the Defender XDR API's names.

Source: learn.microsoft.com, api-update-incidents.
"""

from __future__ import annotations

from collections.abc import Callable

from defender_emulator.defender.bearer import ApiError

DETERMINATIONS = {
    "TruePositive": (
        "MultiStagedAttack",
        "MaliciousUserActivity",
        "CompromisedAccount",
        "Malware",
        "Phishing",
        "UnwantedSoftware",
        "Other",
    ),
    "InformationalExpectedActivity": ("SecurityTesting", "LineOfBusinessApplication", "ConfirmedActivity", "Other"),
    "FalsePositive": ("Clean", "NoEnoughDataToValidate", "Other"),
}
UNDETERMINED = "NotAvailable"
# Taken out of the XDR API in 2022, and still named by Graph's pages.
_OF_OLD = {"Apt": "TruePositive", "SecurityPersonnel": "TruePositive"}


def check_pair(classification: str, determination: str, spelled: Callable[[str], str] = str) -> None:
    """Refuse a determination that does not go with the classification; ``spelled`` is how the API writes a name.

    Raises:
        ApiError: 400
    """
    legal = DETERMINATIONS.get(classification, ())
    if determination == UNDETERMINED or determination in legal or _OF_OLD.get(determination) == classification:
        return
    choices = ", ".join(spelled(name) for name in legal) or spelled(UNDETERMINED)
    raise ApiError(
        400,
        "InvalidInput",
        f"The determination '{spelled(determination)}' does not go with the classification "
        f"'{spelled(classification)}': it must be one of {choices}.",
    )
