# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys made here, with the certificate that carries their public part to Entra ID: the private part never leaves.

Source: learn.microsoft.com, "keyCredential resource type".
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from .. import timestamps
from ..dependencies import hashes, rsa, serialization, x509
from ..identity import certificate_files, credentials
from ..identity.credentials import Certificate
from ..vaults import Vault
from .directory import KeyCredential

_KEY_BITS = 3072
# in bytes
_LONGEST_COMMON_NAME = 64
# so that a verifier whose clock is behind takes the certificate at once
_BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True)
class KeyPair:
    """A private key and its certificate. Times are seconds since 1970."""

    credential: Certificate = field(repr=False, compare=False)
    public: str
    starts: float
    ends: float

    def lifetime(self, now: float) -> float:
        """Return for how many seconds it is good when it is registered `now`."""
        return self.ends - self._registered_from(now)

    def as_key_credential(self, name: str, now: float) -> KeyCredential:
        """Return the item of `keyCredentials` that registers the public part, good from `now` on."""
        return {
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
            "displayName": name,
            "key": self.public,
            "startDateTime": timestamps.render_seconds(self._registered_from(now)),
            "endDateTime": timestamps.render_seconds(self.ends),
        }

    def _registered_from(self, now: float) -> float:
        return max(self.starts, now - _BACKDATED.total_seconds())


def make(common_name: str, lifetime: float) -> KeyPair:
    """Return a new RSA key with a certificate signed by itself, whose dates are `lifetime` seconds apart.

    A policy of the tenant, and Microsoft's Zero Trust test 21773, go by these dates.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    name = x509.Name(
        [
            x509.NameAttribute(
                x509.NameOID.COMMON_NAME, common_name.encode()[:_LONGEST_COMMON_NAME].decode(errors="ignore")
            )
        ]
    )
    backdated = min(_BACKDATED, timedelta(seconds=lifetime / 10))
    starts = datetime.now(timezone.utc).replace(microsecond=0) - backdated
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(starts + timedelta(seconds=lifetime))
        .sign(key, hashes.SHA256())
    )
    return _pair(Certificate(key, certificate))


def load(path: Path, option: str, vault: Vault | None = None) -> KeyPair | None:
    """Return the pair in a PEM file, expired or not, or None where there is no file.

    `vault` opens a file that is encrypted. Raises OptionError for a file that holds no pair.
    """
    if not path.exists() and not path.is_symlink():
        return None
    key, certificate = credentials.parse(path, None, option, vault)
    return _pair(Certificate(key, certificate))


def _pair(credential: Certificate) -> KeyPair:
    public = base64.b64encode(credential.certificate.public_bytes(serialization.Encoding.DER)).decode()
    starts, ends = certificate_files.validity(credential.certificate)
    return KeyPair(credential, public, starts.timestamp(), ends.timestamp())
