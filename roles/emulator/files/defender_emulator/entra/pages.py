# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that people see, as forms that work without scripts and that no other page can send in their place."""

from __future__ import annotations

import hmac
import secrets
import time
from pathlib import Path

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from defender_emulator.entra.refusals import Refusal

_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_CANARY_KEY = secrets.token_bytes(32)
_CANARY_SECONDS = 3600


def page(template: str, status: int = 200, **values: object) -> Response:
    """The page that a template makes of the values."""
    return HTMLResponse(_PAGES.get_template(template).render(values), status, _HEADERS)


def refuse(refusal: Refusal) -> Response:
    """The page on which Entra ID says no."""
    timestamp = refusal.time.strftime("%Y-%m-%d %H:%M:%SZ")
    lines = [refusal.sentence, f"Trace ID: {refusal.trace_id}", f"Timestamp: {timestamp}"]
    return page("notice.html", refusal.status, title="We could not sign you in", lines=lines)


def make_canary(request: Request) -> str:
    """What a form of the page at this address must come back with."""
    expiry = str(int(time.time()) + _CANARY_SECONDS)
    return f"{expiry}.{_mac(expiry, request)}"


def is_good_canary(canary: str, request: Request) -> bool:
    """Whether a form of the page at this address was shown within the last hour."""
    expiry, _mark, mac = canary.partition(".")
    return hmac.compare_digest(mac.encode(), _mac(expiry, request).encode()) and int(expiry) > time.time()


def _mac(expiry: str, request: Request) -> str:
    link = f"{expiry}|{request.url.path}?{request.url.query}"
    return hmac.new(_CANARY_KEY, link.encode(), "sha256").hexdigest()
