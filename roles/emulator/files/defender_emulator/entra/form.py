# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form that a request carries in its body.

Entra ID answers a body of JSON or of several parts as if it had no parameters, as seen in public logs. Whether it minds
a missing or another Content-Type is not documented: Microsoft's own msticpy sends none, so the body alone counts.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

_NO_FORM = ("application/json", "multipart/form-data")


async def read_form(request: Request) -> dict[str, str]:
    """The parameters by name; of one that comes twice, the last."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type in _NO_FORM:
        return {}
    body = (await request.body()).decode(errors="replace").strip()
    return dict(parse_qsl(body, keep_blank_values=True))
