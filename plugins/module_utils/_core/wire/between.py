# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an answer is Microsoft's, or that of something between: an inspecting proxy, a firewall, a sign-in page.

Microsoft refuses in JSON: `{"error": {"code", "message"}}` of the APIs, `{"error", "error_description"}` of the token
endpoint; a 401 or 403 of an API may say it in `WWW-Authenticate: Bearer` alone. Sources: learn.microsoft.com, "Common
Microsoft Defender XDR REST API error codes", "Microsoft Graph error responses", "Microsoft identity platform and OAuth
2.0".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .. import errors
from ..clouds import split_url
from ..errors import Reason
from .records import JsonObject

# RFC 6749 5.2, and what Microsoft adds; an authority that sends another one says more than that word
_OAUTH_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "invalid_resource",
        "invalid_tenant",
        "consent_required",
        "interaction_required",
        "temporarily_unavailable",
        "server_error",
    }
)
_PROXY_LOGIN = 407
# what names who issues the tokens that Microsoft's APIs demand
_CHALLENGE = re.compile(
    r"authorization_uri=\"?https://(login\.(microsoftonline\.(com|us)|windows\.net|chinacloudapi\.cn)"
    r"|login\.partner\.microsoftonline\.cn)/",
    re.IGNORECASE,
)
_NO_WORD = re.compile(r"\s*[0-9]*\s*")
_PRODUCT = re.compile(r"^[\w./ ()-]{1,60}$", re.ASCII)


def refuses(
    status: int,
    headers: Mapping[str, str],
    body: JsonObject | None,
    *,
    is_empty: bool = False,
    of_tokens: bool = False,
) -> bool:
    """Tell whether this is how Microsoft refuses.

    `body` is the JSON object in the answer, None where there is none; `is_empty` says that there is nothing at all.
    `of_tokens` says that the token endpoint or its metadata was asked, which alone refuse in the form of OAuth.
    """
    if _is_redirection(status) or status == _PROXY_LOGIN:
        return False
    challenge = headers.get("WWW-Authenticate", "").strip()
    if status in (401, 403) and challenge.lower().startswith("bearer") and (is_empty or _CHALLENGE.search(challenge)):
        return True
    error = (body or {}).get("error")
    if isinstance(error, dict):
        return _is_code(error.get("code"), status)
    return (
        of_tokens
        and isinstance(error, str)
        and bool(error in _OAUTH_ERRORS or (body or {}).keys() & {"error_description", "error_codes"})
    )


def reason(host: str, status: int, headers: Mapping[str, str]) -> Reason:
    """Return the reason of a tenant for which something between answers in the place of `host`."""
    # only a plain name: the header is as foreign as the body
    product = next((name for name in map(headers.get, ("Server", "Via")) if name and _PRODUCT.match(name)), None)
    named = f" (it calls itself {product})" if product else ""
    what, remedy = "not Microsoft's JSON", "or check the URL"
    if _is_redirection(status):
        what = f"a redirection{_target(headers.get('Location') or '')}, which is not followed"
    elif status == _PROXY_LOGIN:
        what, remedy = "a proxy that wants a user name and password", "or put them into HTTPS_PROXY"
    return Reason(
        errors.UNREACHABLE,
        f"something between this machine and {host} answered HTTP {status} in its place: {what}{named}",
        f"have the proxy, firewall or network between let calls to {host} through unchanged, {remedy}",
    )


def _is_code(code: object, status: int) -> bool:
    """Tell a word such as Microsoft's codes are. Others leave it out, or write the number of the status there."""
    # Microsoft Graph leaves it empty where it refuses a parameter
    return isinstance(code, str) and (not _NO_WORD.fullmatch(code) or (status == 400 and not code))


def _is_redirection(status: int) -> bool:
    return 300 <= status < 400


def _target(location: str) -> str:
    """Return where a redirection leads, by the host alone: the rest may hold what was asked for."""
    parts = split_url(location.partition("?")[0])
    return f" to {parts.hostname}" if parts and parts.hostname else ""
