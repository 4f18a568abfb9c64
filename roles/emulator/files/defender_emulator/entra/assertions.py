# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client assertions: signed with one of the application's certificates, or by an identity provider it trusts.

Sources: learn.microsoft.com, certificate-credentials and workload-identity-federation.
"""

from __future__ import annotations

import math
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from defender_emulator import timestamps
from defender_emulator.entra.application_credentials import IsKnown, check_federation, find_certificate
from defender_emulator.entra.applications import Application
from defender_emulator.entra.identity_provider import IdentityProvider
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.unproven import peek
from defender_emulator.json_text import JsonObject

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_ALLOWED_SKEW = 300


def check_assertion(
    assertion: str, application: Application, endpoints: set[str], provider: IdentityProvider, is_known: IsKnown
) -> None:
    """Accept an assertion by which the application proves itself, addressed to one of ``endpoints``, or refuse.

    Raises:
        Refusal: 50027, 700021, 700023, 700024, 700027 or 70021x.
    """
    try:
        header, claims = peek(assertion)
    except jwt.InvalidTokenError:
        raise Refusal(50027) from None
    if claims.get("iss") == application.client_id:
        _check_certificate(assertion, header, application, is_known)
        if claims.get("sub") != application.client_id:
            raise Refusal(700021)
        if str(claims.get("aud")) not in endpoints:
            raise Refusal(700023, audience=str(claims.get("aud")), expected=min(endpoints))
    else:
        _check_federated(assertion, claims, application, provider, is_known)
    _check_times(claims)


def _check_certificate(assertion: str, header: JsonObject, application: Application, is_known: IsKnown) -> None:
    algorithm = str(header.get("alg", ""))
    name = "x5t#S256" if algorithm == "PS256" else "x5t"
    # MSAL pads the thumbprint, which JOSE forbids and Entra ID accepts.
    thumbprint = str(header.get(name, "")).rstrip("=")
    certificate = find_certificate(application, algorithm, thumbprint, is_known)
    try:
        _verify_signature(assertion, certificate.public_key, algorithm)
    except jwt.InvalidTokenError:
        raise Refusal(700027, reason="The key used is not the registered one.", thumbprint=thumbprint) from None


def _check_federated(
    assertion: str, claims: JsonObject, application: Application, provider: IdentityProvider, is_known: IsKnown
) -> None:
    issuer, subject, audience = (str(claims.get(name, "")) for name in ("iss", "sub", "aud"))
    check_federation(application, issuer, subject, audience, is_known)
    key = provider.public_key(issuer)
    if key is None:
        raise Refusal(700027, reason="The key was not found.", thumbprint="")
    try:
        _verify_signature(assertion, key, "RS256")
    except jwt.InvalidTokenError:
        raise Refusal(700027, reason="The key was not found.", thumbprint="") from None


def _verify_signature(assertion: str, key: rsa.RSAPublicKey, algorithm: str) -> None:
    # The signature alone: MSAL sends dates as floats and no nbf, which PyJWT would refuse.
    jwt.api_jws.decode(assertion, key, algorithms=[algorithm])


def _check_times(claims: JsonObject) -> None:
    now = time.time()
    try:
        expiry, start = float(claims["exp"]), float(claims.get("nbf", 0))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Refusal(50027) from None
    if not (math.isfinite(expiry) and math.isfinite(start)):
        raise Refusal(50027)
    if not start - _ALLOWED_SKEW <= now < expiry + _ALLOWED_SKEW:
        raise Refusal(700024, now=_stamp(now), expiry=_stamp(expiry))


def _stamp(moment: float) -> str:
    return timestamps.write(int(moment) * timestamps.SECOND, 0)
