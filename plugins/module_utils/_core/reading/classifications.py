# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an analyst concludes of an incident or alert: which determination goes with which classification, and its names.

Ours are those of the Defender XDR API's update page. Other pages and Microsoft Graph have others for some of them,
which may occur in whatever is read. Sources: learn.microsoft.com, "Update incidents API" and "Incidents API"; the
metadata of Microsoft Graph for the type `microsoft.graph.security.alertDetermination`.
"""

from __future__ import annotations

from typing import Any

from ..errors import OptionError

DETERMINATIONS: dict[str, tuple[str, ...]] = {
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
"""The determinations that go with each classification."""

ALL_DETERMINATIONS = tuple(dict.fromkeys(name for names in DETERMINATIONS.values() for name in names))

_OF_GRAPH = {"Clean": "notMalicious", "NoEnoughDataToValidate": "notEnoughDataToValidate"}
_OTHER_NAMES = {
    "CompromisedUser": "CompromisedAccount",
    "ConfirmedUserActivity": "ConfirmedActivity",
    "InsufficientData": "NoEnoughDataToValidate",
    "NotEnoughDataToValidate": "NoEnoughDataToValidate",
    "NotMalicious": "Clean",
}


def check(classification: str | None, determination: str | None, where: str) -> None:
    """Raise OptionError for a name that is none, and for two that do not go together; `where` says whose they are."""
    if classification is not None and classification not in DETERMINATIONS:
        raise OptionError(f"{where}classification '{classification}' is none: it is one of {', '.join(DETERMINATIONS)}")
    if determination is None:
        return
    if classification is None:
        raise OptionError(f"{where}determination '{determination}' needs a classification beside it: give both")
    legal = DETERMINATIONS[classification]
    if determination not in legal:
        raise OptionError(
            f"{where}determination '{determination}' does not go with classification '{classification}': "
            f"it is one of {', '.join(legal)}"
        )


def for_graph(name: str) -> str:
    """Return a status, classification or determination of ours as Microsoft Graph writes it."""
    return _OF_GRAPH.get(name) or name[:1].lower() + name[1:]


def canonical(name: Any) -> str | None:
    """Return a status, severity, classification or determination of either API as we write it; None stays None."""
    if name is None:
        return None
    ours = str(name)[:1].upper() + str(name)[1:]
    return _OTHER_NAMES.get(ours, ours)
