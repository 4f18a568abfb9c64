# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature of an access token, checked against the keys its issuer publishes. PyJWT does the cryptography.

Source: learn.microsoft.com, "Secure applications and APIs by validating claims" (issuer rule of multi-tenant keys) and
"Signing key rollover in the Microsoft identity platform".
"""

from __future__ import annotations

from typing import Any

from .. import errors
from ..dependencies import jwt
from ..errors import Reason, TenantError
from ..wire.http import Patience
from .claims import LEEWAY, Claims
from .discovery import Authority

VERIFIED = "verified"
OPAQUE = "opaque"
SKIPPED = "skipped"


def verify(token: str, claims: Claims, accepted_audiences: set[str], authority: Authority, patience: Patience) -> str:
    """Return `verified`, or `opaque` for a token only its resource can check: Graph signs over a hashed `nonce`.

    Raises TenantError where the key is unknown, its issuer is another, or the signature does not match.
    """
    header = jwt.get_unverified_header(token)
    if "nonce" in header:
        return OPAQUE
    template, key = _find_key(str(header.get("kid")), claims.version, authority, patience)
    issuer = str(key.get("issuer") or template).replace("{tenantid}", claims.tenant_id)
    try:
        jwt.decode(
            token,
            jwt.PyJWK(key, algorithm="RS256").key,
            algorithms=["RS256"],
            audience=list(accepted_audiences),
            issuer=issuer,
            leeway=LEEWAY,
        )
    except jwt.InvalidIssuerError:
        raise _untrusted(f"its issuer is not '{issuer}', whom its signing key belongs to") from None
    except jwt.PyJWTError as error:
        raise _untrusted(f"its signature does not verify ({type(error).__name__})") from None
    return VERIFIED


def _find_key(kid: str, version: str, authority: Authority, patience: Patience) -> tuple[str, dict[str, Any]]:
    endpoint_version = "v2" if version == "2.0" else "v1"
    for refresh in (False, True):
        template, keys = authority.signing_keys(endpoint_version, patience, refresh)
        for key in keys:
            if key.get("kid") == kid:
                return template, key
    raise _untrusted("its signing key is none of those the authority publishes")


def _untrusted(why: str) -> TenantError:
    return TenantError(
        Reason(errors.ERROR, f"the token cannot be trusted: {why}", "check authority_url and the network path to it")
    )
