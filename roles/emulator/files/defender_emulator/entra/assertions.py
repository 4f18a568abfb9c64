# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client assertions: signed with the application's certificate, or by a federated identity provider.

Sources: learn.microsoft.com, certificate-credentials and workload-identity-federation.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from defender_emulator.entra.directory import Application
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.signing_keys import encode

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_ALLOWED_SKEW = 300


class AssertionCheck:
    """Knows the application's certificate and the identity provider it trusts."""

    def __init__(self, certificate_pem: bytes, provider_key: rsa.RSAPrivateKey) -> None:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        der = certificate.public_bytes(Encoding.DER)
        self._certificate_key = certificate.public_key()
        # Which algorithm goes with which thumbprint header.
        self._thumbprints = {
            ("RS256", "x5t"): encode(hashlib.sha1(der, usedforsecurity=False).digest()),
            ("PS256", "x5t#S256"): encode(hashlib.sha256(der).digest()),
        }
        self._provider_key = provider_key

    def federated_token(self, application: Application, lifetime: int) -> str:
        """What the trusted provider would hand to the application's workload, good for ``lifetime`` seconds."""
        now = int(time.time())
        claims = {
            "iss": application.federated_issuer,
            "sub": application.federated_subject,
            "aud": application.federated_audience,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
        }
        return jwt.encode(claims, self._provider_key, algorithm="RS256", headers={"kid": "pipelines-1"})

    def check(self, assertion: str, application: Application, endpoints: set[str]) -> None:
        """Accept the assertion, addressed to one of ``endpoints``, or refuse.

        Raises:
            Refusal: 50027, 700021, 700023, 700024, 700027 or 70021x.
        """
        try:
            header = jwt.get_unverified_header(assertion)
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            raise Refusal(50027) from None
        if claims.get("iss") == application.client_id:
            self._check_certificate(assertion, header, claims, application, endpoints)
        else:
            self._check_federated(assertion, claims, application)
        _check_times(claims)

    def _check_certificate(
        self,
        assertion: str,
        header: dict[str, Any],
        claims: dict[str, Any],
        application: Application,
        endpoints: set[str],
    ) -> None:
        algorithm = header.get("alg", "")
        name = "x5t#S256" if algorithm == "PS256" else "x5t"
        # MSAL pads the thumbprint, which JOSE forbids and Entra ID accepts.
        thumbprint = str(header.get(name, "")).rstrip("=")
        registered = self._thumbprints.get((algorithm, name))
        if registered is None or thumbprint != registered or not application.certificate_registered:
            raise Refusal(700027, reason="The key was not found.", thumbprint=thumbprint)
        try:
            _verify_signature(assertion, self._certificate_key, algorithm)
        except jwt.InvalidTokenError:
            raise Refusal(700027, reason="The key used is not the registered one.", thumbprint=thumbprint) from None
        if claims.get("sub") != application.client_id:
            raise Refusal(700021)
        if claims.get("aud") not in endpoints:
            raise Refusal(700023, audience=str(claims.get("aud")), expected=min(endpoints))

    def _check_federated(self, assertion: str, claims: dict[str, Any], application: Application) -> None:
        issuer, subject, audience = (str(claims.get(name, "")) for name in ("iss", "sub", "aud"))
        if issuer != application.federated_issuer:
            raise Refusal(700211, issuer=issuer)
        if subject != application.federated_subject:
            raise Refusal(700213, subject=subject)
        if audience != application.federated_audience:
            raise Refusal(700212, audience=audience)
        try:
            _verify_signature(assertion, self._provider_key.public_key(), "RS256")
        except jwt.InvalidTokenError:
            raise Refusal(700027, reason="The key was not found.", thumbprint="") from None


def _verify_signature(assertion: str, key: Any, algorithm: str) -> None:
    # The signature alone: MSAL sends dates as floats and no nbf, which PyJWT would refuse.
    jwt.api_jws.decode(assertion, key, algorithms=[algorithm])


def _check_times(claims: dict[str, Any]) -> None:
    now = time.time()
    try:
        expiry, start = float(claims["exp"]), float(claims.get("nbf", 0))
    except (KeyError, TypeError, ValueError):
        raise Refusal(50027) from None
    if not start - _ALLOWED_SKEW <= now < expiry + _ALLOWED_SKEW:
        raise Refusal(700024, now=_stamp(now), expiry=_stamp(expiry))


def _stamp(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
