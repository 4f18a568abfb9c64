# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an access token says of itself, and whether that is what was asked for.

Sources: learn.microsoft.com, "Access tokens in the Microsoft identity platform" and "Secure applications and APIs by
validating claims".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..clouds import GUID, split_url
from ..dependencies import jwt

LEEWAY = 300
"""Seconds by which this machine's clock and Microsoft's may differ."""
LONGEST_LIFE = 28 * 3600
"""Seconds that the longest access tokens live, those of clients that take continuous access evaluation."""

# Source: learn.microsoft.com, "Access token claims reference" and the OpenID metadata of each cloud
_ISSUERS = frozenset(
    {
        *("sts.windows.net", "login.microsoftonline.com", "login.microsoftonline.us"),
        *("sts.chinacloudapi.cn", "login.chinacloudapi.cn", "login.partner.microsoftonline.cn"),
    }
)
_YEAR_10000 = 253_402_300_800


@dataclass(frozen=True)
class Claims:
    """The claims of a token; times are seconds since 1970. `version` is `1.0` or `2.0`.

    `is_users` says that the token is not app-only: it has `scopes`, or a type that is not `app`. `header` says how it
    is signed.
    """

    tenant_id: str
    app_id: str
    roles: list[str]
    audience: str
    issuer: str
    version: str
    issued_at: int
    not_before: int
    expires_at: int
    is_users: bool = False
    scopes: tuple[str, ...] = ()
    header: Mapping[str, Any] = field(default_factory=dict, compare=False)


def read(token: str) -> Claims | None:
    """Decode the token without trusting it. Returns None where it cannot be read: a token is opaque to its client."""
    try:
        decoded = jwt.api_jwt.decode_complete(token, options={"verify_signature": False})
        claims = decoded["payload"]
        roles = claims.get("roles") or []
        if not isinstance(roles, list):
            return None
        return Claims(
            tenant_id=str(claims.get("tid", "")).lower(),
            app_id=str(claims.get("appid") or claims.get("azp") or "").lower(),
            roles=[str(role) for role in roles],
            audience=str(claims.get("aud", "")),
            issuer=str(claims.get("iss", "")),
            version=str(claims.get("ver", "1.0")),
            issued_at=_seconds(claims.get("iat", 0)),
            not_before=_seconds(claims.get("nbf", 0)),
            expires_at=_seconds(claims.get("exp", 0)),
            scopes=tuple(str(claims.get("scp", "")).split()),
            is_users="scp" in claims or claims.get("idtyp", "app") != "app",
            header=decoded["header"],
        )
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def audiences(resource: str, app_id: str | None) -> set[str]:
    """Return the `aud` values that mean this resource: its URI with and without a slash, and its application id."""
    known = {resource, f"{resource}/"}
    if app_id:
        known.add(app_id)
    if resource.startswith("api://") and GUID.match(resource[len("api://") :]):
        known.add(resource[len("api://") :])
    return known


def faults(
    claims: Claims,
    tenant_guid: str,
    client_id: str | None,
    accepted_audiences: set[str],
    authority_url: str,
    now: float,
) -> list[str]:
    """Return what is wrong with the claims, one phrase each; nothing for a token that is what was asked for.

    It must be the application's own, or where `client_id` is None that of whoever is signed in, by any program.
    Its issuer is Entra ID, or the authority that was asked, which may be a proxy before it.
    """
    found = []
    if claims.tenant_id != tenant_guid:
        found.append(f"it is for tenant {_quoted(claims.tenant_id)} (tid)")
    if client_id is not None and claims.app_id != client_id:
        found.append(f"it is for application {_quoted(claims.app_id)} (appid)")
    if client_id is not None and claims.is_users:
        found.append("it acts for a user, and not for the application alone (scp, idtyp)")
    if claims.audience not in accepted_audiences:
        found.append(f"its audience is {_quoted(claims.audience)} (aud)")
    if strange := _issuer_fault(claims, authority_url):
        found.append(f"its issuer {_quoted(claims.issuer)} is {strange} (iss)")
    if claims.expires_at < now - LEEWAY:
        found.append(f"it expired {now - claims.expires_at:.0f} s ago by this machine's clock (exp)")
    if claims.not_before > now + LEEWAY:
        found.append(f"it is valid only in {claims.not_before - now:.0f} s by this machine's clock (nbf)")
    if claims.issued_at > now + LEEWAY:
        found.append(f"it was issued {claims.issued_at - now:.0f} s ahead of this machine's clock (iat)")
    lives = claims.expires_at - min(claims.issued_at, now)
    # one from the future has been told by that
    if lives > LONGEST_LIFE + LEEWAY and max(claims.not_before, claims.issued_at) <= now + LEEWAY:
        hours = f"{lives / 3600:.0f} h, and Entra ID issues none for more than {LONGEST_LIFE / 3600:.0f} h"
        found.append(f"it lives {hours} (exp)")
    return found


def _issuer_fault(claims: Claims, authority_url: str) -> str | None:
    if claims.tenant_id not in claims.issuer.split("/"):
        return "not that tenant's"
    issuer, asked = split_url(claims.issuer), split_url(authority_url)
    is_known = issuer and issuer.netloc in {*_ISSUERS, asked.netloc if asked else None}
    return None if is_known else "neither Entra ID nor the authority"


def _seconds(value: object) -> int:
    """Return a moment as seconds since 1970. Raises ValueError for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _YEAR_10000:
        raise ValueError("not a moment")
    return int(value)


def _quoted(value: object) -> str:
    return f"'{value}'" if value else "none"
