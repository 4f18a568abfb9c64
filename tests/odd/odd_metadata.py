# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Customers listed by a domain, whose metadata is answered oddly."""

from __future__ import annotations

from typing import Any

from odd.answers import HTML, http, in_json, refusal
from odd.oddity import Oddity
from odd.stage import Ask, Oddly

_NONE = object()


def _with(**members: Any) -> Oddly:
    """Answer with metadata of which members are changed; `_NONE` takes one away."""

    def answer(ask: Ask) -> Any:
        known = ask.stage.metadata_of("77777777-7777-4777-8777-777777777777")
        return in_json({name: value for name, value in {**known, **members}.items() if value is not _NONE})

    return answer


ODDITIES = [
    Oddity(
        "metadata of nobody",
        "unknown_tenant",
        "",
        "provider",
        metadata=lambda _ask: refusal(90002, "invalid_tenant", 400),
    ),
    Oddity("metadata in HTML", "unreachable", "", "provider", metadata=lambda _ask: http(200, HTML, "text/html")),
    Oddity("metadata 403 in HTML", "unreachable", "", "provider", metadata=lambda _ask: http(403, HTML, "text/html")),
    Oddity("metadata 404 in HTML", "unreachable", "", "provider", metadata=lambda _ask: http(404, HTML, "text/html")),
    Oddity("metadata 500", "unreachable", "500", metadata=lambda _ask: http(500)),
    Oddity("metadata 429", "throttled", "", metadata=lambda _ask: http(429, "{}", Retry_After="3600")),
    Oddity("metadata that is a list", "unreachable", "", metadata=lambda _ask: in_json([])),
    Oddity("metadata that is empty", "error", "", metadata=lambda _ask: in_json({})),
    Oddity("metadata without a tenant", "error", "", metadata=_with(issuer=_NONE, token_endpoint=_NONE)),
    Oddity(
        "metadata whose tenant is no GUID",
        "error",
        "",
        metadata=_with(
            issuer="https://evil.example/../common/v2.0",
            token_endpoint="https://evil.example/../common/oauth2/v2.0/token",
        ),
    ),
    Oddity(
        "metadata whose members are numbers",
        "error",
        "",
        metadata=_with(issuer=1, token_endpoint=2, jwks_uri=3, authorization_endpoint=4),
    ),
]
