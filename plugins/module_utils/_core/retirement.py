# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of the Defender XDR API: what stops when, and which setting switches to Microsoft Graph.

Sources: learn.microsoft.com, "Advanced hunting API" (stops on 2027-02-01); Message Center MC1220762, which says the
same of all XDR APIs, while the pages on incidents name no date.
"""

from __future__ import annotations

from dataclasses import replace

from . import timestamps
from .errors import Reason

_DAY = "2027-02-01"
_ENDS = timestamps.ticks(_DAY) / timestamps.TICKS_PER_SECOND
_SWITCH = "set api: graph (in the role partner_access: partner_access_api: graph)"
_GONE = (404, 410)
# these say something of the caller
_OTHER_REASONS = (400, 401, 403, 429)


def warning(now: float) -> str:
    """Return what to warn of when the XDR API is used at `now` (seconds since 1970)."""
    ends = "ends" if now < _ENDS else "ended"
    return f"Microsoft {ends} the Defender XDR API on {_DAY} (Message Center MC1220762): {_SWITCH}"


def explained(reason: Reason, status: int | None, now: float) -> Reason:
    """Return the reason with the retirement named, where that explains the answer of the XDR API.

    `status` is the HTTP status of an endpoint, None where there was no answer below 500.
    """
    if status in _GONE:
        meaning = f"the Defender XDR API no longer serves this endpoint (HTTP {status}); Microsoft retires it by {_DAY}"
        return replace(reason, meaning=meaning, remedy=_SWITCH)
    if now >= _ENDS and status not in _OTHER_REASONS:
        return replace(reason, remedy=f"Microsoft's Defender XDR API was to stop on {_DAY}: {_SWITCH}")
    return reason
