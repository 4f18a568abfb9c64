# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature of an access token, checked against the keys its issuer publishes. PyJWT does the cryptography.

Source: learn.microsoft.com, "Secure applications and APIs by validating claims" (issuer rule of multi-tenant keys) and
"Signing key rollover in the Microsoft identity platform".
"""

from __future__ import annotations

from .. import errors
from ..dependencies import jwt, rsa
from ..errors import Reason, TenantError
from ..wire.patience import Patience
from ..wire.records import JsonObject
from .claims import LEEWAY, Claims
from .discovery import Authority

VERIFIED = "verified"
OPAQUE = "opaque"
SKIPPED = "skipped"

_ALGORITHM = "RS256"
_FEWEST_BITS = 2048


def verify(
    token: str,
    claims: Claims | None,
    accepted_audiences: set[str],
    authority: Authority,
    patience: Patience,
    may_be_opaque: bool = False,
) -> str:
    """Return `verified`, or `opaque` for a token that only its resource can check, where that may be.

    Microsoft Graph's tokens are such: the signature is over a hash of the `nonce` in their header. `claims` is what
    the token says, None where it cannot be read. Raises TenantError where the algorithm is not RS256, the key is
    unknown, its issuer is another, or the signature does not match.
    """
    header = claims.header if claims else {}
    if claims is None or header.get("alg") != _ALGORITHM or "crit" in header:
        raise _untrusted("it is not signed as Entra ID signs, with RS256")
    if "nonce" in header:
        if may_be_opaque:
            return OPAQUE
        raise _untrusted("it carries a nonce, which only tokens for Microsoft Graph do")
    template, issuer_of_key, key = _find_key(header.get("kid"), claims, authority, patience)
    issuer = _issuer(template, issuer_of_key, claims)
    try:
        audiences = list(accepted_audiences)
        signed = jwt.decode(token, key, algorithms=[_ALGORITHM], audience=audiences, leeway=LEEWAY)
    except jwt.PyJWTError as error:
        raise _untrusted(f"its signature does not verify ({type(error).__name__})") from None
    # compared here: PyJWT before 2.10 takes no list of issuers, and 2.10.0 a part for the whole (CVE-2024-53861)
    if signed.get("iss") != issuer:
        raise _untrusted(f"its issuer is not '{issuer}', whom its signing key belongs to")
    return VERIFIED


def _issuer(template: str, issuer_of_key: str | None, claims: Claims) -> str:
    """Return who must have issued the token: whom its key belongs to, or else whom the metadata names.

    Only keys of the v2 endpoint name an issuer, in the form of v2 tokens, and the same keys sign v1 tokens.
    """
    named, known = (text and text.replace("{tenantid}", claims.tenant_id) for text in (issuer_of_key, template))
    of_v2_tokens = f"/{claims.tenant_id}/v2.0"
    is_for_both = named and claims.version != "2.0" and named.endswith(of_v2_tokens)
    return str(known if is_for_both else named or known)


def _find_key(
    kid: object, claims: Claims, authority: Authority, patience: Patience
) -> tuple[str, str | None, rsa.RSAPublicKey]:
    """Return the template of the issuer, and of the key with this id its own issuer and the key itself."""
    endpoint_version = "v2" if claims.version == "2.0" else "v1"
    for refresh in (False, True):
        template, keys = authority.signing_keys(claims.tenant_id, endpoint_version, patience, refresh)
        for published in keys:
            key = _usable(published) if kid and published.get("kid") == kid else None
            if key:
                return template, published.get("issuer"), key
    raise _untrusted("its signing key is none of those the authority publishes")


def _usable(published: JsonObject) -> rsa.RSAPublicKey | None:
    """Return the key of a JWK, or None for one that is not for signatures, too short to be trusted, or broken."""
    if published.get("use", "sig") != "sig" or published.get("alg", _ALGORITHM) != _ALGORITHM:
        return None
    if not isinstance(published.get("issuer", ""), str):
        return None
    try:
        key = jwt.PyJWK({**published}, algorithm=_ALGORITHM).key
    except (jwt.PyJWTError, ValueError, TypeError):
        # a member is of another type, or a number that no key can have
        return None
    return key if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _FEWEST_BITS else None


def _untrusted(why: str) -> TenantError:
    return TenantError(
        Reason(errors.ERROR, f"the token cannot be trusted: {why}", "check authority_url and the network path to it")
    )
