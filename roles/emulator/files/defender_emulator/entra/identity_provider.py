# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The external identity provider whose tokens a federated identity credential can trust."""

from __future__ import annotations

import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://pipelines.northwind.example"
SUBJECT = "repo:northwind/soc:environment:production"
AUDIENCE = "api://AzureADTokenExchange"


class IdentityProvider:
    """Signs tokens for the provider's pipelines."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def public_key(self, issuer: str) -> rsa.RSAPublicKey | None:
        """The key that the issuer publishes; None for an issuer that nobody can reach from here."""
        return self._key.public_key() if issuer == ISSUER else None

    def token(self, lifetime: int) -> str:
        """What a pipeline is handed, good for ``lifetime`` seconds."""
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + lifetime}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "pipelines-1"})
