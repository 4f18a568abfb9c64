# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a throttled caller has to wait, read from a 429 in every form Microsoft sends one."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_QUOTA = re.compile(r"maximum allowed (\d{1,9}) per (\d{1,4}):(\d\d):(\d\d)", re.IGNORECASE)


def retry_after(headers: Mapping[str, str], body: str, now: float | None = None) -> float | None:
    """Return the seconds to wait, or None where the reply does not tell.

    Read from `Retry-After` (seconds or an HTTP date), else from the body of the Defender XDR API, whose quota text
    `maximum allowed 45 per 00:01:00` names the window that must pass. `headers` must ignore the case of names.
    """
    header = (headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", header):
        return float(header)
    if header:
        try:
            return max(0.0, parsedate_to_datetime(header).timestamp() - (time.time() if now is None else now))
        except (ValueError, TypeError, OverflowError):
            pass
    quota = _QUOTA.search(body)
    return float(int(quota[2]) * 3600 + int(quota[3]) * 60 + int(quota[4])) if quota else None
