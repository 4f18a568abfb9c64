# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that tokens are signed with, and how they are published (JWKS)."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from defender_emulator.certificates import load_rsa_key, make_rsa_key, make_signing_certificate, private_key_pem
from defender_emulator.store import Store


class SigningKey:
    """One RSA key with its self-signed certificate; ``kid`` is the certificate's thumbprint."""

    def __init__(self, private_key: rsa.RSAPrivateKey, certificate_der: bytes) -> None:
        self.private_key = private_key
        self.public_key = private_key.public_key()
        self.certificate_der = certificate_der
        self.kid = encode(hashlib.sha1(certificate_der, usedforsecurity=False).digest())

    @classmethod
    def make(cls) -> SigningKey:
        """A new key."""
        key = make_rsa_key()
        return cls(key, make_signing_certificate(key).public_bytes(Encoding.DER))

    @classmethod
    def load(cls, document: dict[str, str]) -> SigningKey:
        """Read what ``document`` gave."""
        return cls(load_rsa_key(document["key"].encode()), base64.b64decode(document["certificate"]))

    def document(self) -> dict[str, str]:
        """The key as the store keeps it."""
        return {
            "key": private_key_pem(self.private_key).decode(),
            "certificate": base64.b64encode(self.certificate_der).decode(),
        }

    def jwk(self) -> dict[str, object]:
        """The public half."""
        numbers = self.public_key.public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
            "e": encode(numbers.e.to_bytes(3, "big")),
            "x5c": [base64.b64encode(self.certificate_der).decode()],
        }


class SigningKeys:
    """The published keys, newest first: the first signs, the others wait or retire."""

    def __init__(self, store: Store) -> None:
        self._store = store
        saved = store.get("signing_keys", "published")
        self.published = [SigningKey.load(document) for document in saved or []]
        # Never published, so a client that meets it finds no such key.
        self.unpublished = SigningKey.make()
        if not self.published:
            self.published = [SigningKey.make(), SigningKey.make()]
            self._save()

    @property
    def active(self) -> SigningKey:
        """The key that signs."""
        return self.published[0]

    def find(self, kid: str) -> SigningKey | None:
        """The published key of that id."""
        return next((key for key in self.published if key.kid == kid), None)

    def rotate(self, withdraw_old: bool) -> None:
        """Sign with a new key from now on; the old one stays published unless it is withdrawn."""
        self.published = [SigningKey.make(), *self.published[1 if withdraw_old else 0 :]]
        self._save()

    def _save(self) -> None:
        self._store.put("signing_keys", "published", [key.document() for key in self.published])


def encode(data: bytes) -> str:
    """Base64url without padding, as JOSE writes it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
