# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which determination goes with which classification, in the Defender XDR API's names.

Sources: learn.microsoft.com, api-update-incidents; for the other names api-incident.
"""

from __future__ import annotations

from collections.abc import Callable

from defender_emulator.defender.bearer import ApiError
from defender_emulator.defender.documents import Changes

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
UNCLASSIFIED, UNDETERMINED = "Unknown", "NotAvailable"
# Names that other pages of Microsoft's have for the same, and that clients send.
OTHER_NAMES = {
    "CompromisedUser": "CompromisedAccount",
    "ConfirmedUserActivity": "ConfirmedActivity",
    "InsufficientData": "NoEnoughDataToValidate",
}
# Taken out of the XDR API in 2022, and still named by Graph's pages.
OF_OLD = {"Apt": "TruePositive", "SecurityPersonnel": "TruePositive"}


def withdraw_determination(changes: Changes, classification: str | None) -> None:
    """Let what had that classification have no determination either, when the changes take the classification away."""
    if changes.get("classification") == UNCLASSIFIED and classification != UNCLASSIFIED:
        changes.setdefault("determination", UNDETERMINED)


def check_pair(classification: str, determination: str, spelled: Callable[[str], str] = str) -> None:
    """Refuse a determination that does not go with the classification; ``spelled`` is how the API writes a name.

    Raises:
        ApiError: 400
    """
    legal = DETERMINATIONS.get(classification, ())
    if determination == UNDETERMINED or determination in legal or OF_OLD.get(determination) == classification:
        return
    choices = ", ".join(spelled(name) for name in legal) or spelled(UNDETERMINED)
    raise ApiError(
        400,
        "InvalidInput",
        f"The determination '{spelled(determination)}' does not go with the classification "
        f"'{spelled(classification)}': it must be one of {choices}.",
    )
