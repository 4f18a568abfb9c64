# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application's own credential: a client secret, a certificate with its key, or a federated token.

Each kind says what MSAL needs of it, and yields a key that encrypts what the credential has earned (cached tokens).
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol, TypedDict

from .. import errors, files, vaults
from ..dependencies import HKDF, Fernet, hashes, oauth2cli, rsa, serialization, x509
from ..errors import OptionError, Reason, TenantError
from ..vaults import Vault
from . import certificate_files, secret_texts


class Identification(TypedDict, total=False):
    """The arguments by which MSAL's client says at the token endpoint who it is."""

    default_body: dict[str, str]
    client_assertion: str | bytes
    client_assertion_type: str


class Credential(Protocol):
    """One credential of three."""

    def identifying(self, client_id: str, token_endpoint: str) -> Identification:
        """Return how the application says at the endpoint who it is."""

    def cipher(self) -> Fernet:
        """Return a cipher whose key nobody has who lacks the credential."""


@dataclass(frozen=True)
class ClientSecret:
    """A secret value, as the portal shows it once."""

    value: str = field(repr=False)

    def identifying(self, _client_id: str, _token_endpoint: str) -> Identification:
        return {"default_body": {"client_secret": self.value}}

    def cipher(self) -> Fernet:
        return cipher_of(self.value.encode())


@dataclass(frozen=True)
class Certificate:
    """A private key and its certificate.

    Source of how they sign: learn.microsoft.com, "Microsoft identity platform application authentication certificate
    credentials".
    """

    private_key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate = field(repr=False)

    def identifying(self, client_id: str, token_endpoint: str) -> Identification:
        own = self.certificate.public_bytes(serialization.Encoding.DER)
        assertion = oauth2cli.JwtAssertionCreator(
            self.private_key,
            "PS256",
            sha256_thumbprint=self.certificate.fingerprint(hashes.SHA256()).hex(),
            headers={"x5c": [base64.b64encode(own).decode()]},
        )
        signed = assertion.create_normal_assertion(token_endpoint, client_id, client_id)
        return _asserting(signed)

    def pem(self) -> bytes:
        """Return key and certificate as one PEM text."""
        return self._key_pem() + self.certificate.public_bytes(serialization.Encoding.PEM)

    def cipher(self) -> Fernet:
        return cipher_of(self._key_pem())

    def _key_pem(self) -> bytes:
        encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return self.private_key.private_bytes(encoding, layout, serialization.NoEncryption())


@dataclass(frozen=True)
class FederatedToken:
    """A token of another identity provider, in a file that a sidecar renews: read at each use."""

    path: Path

    def identifying(self, _client_id: str, _token_endpoint: str) -> Identification:
        return _asserting(self._read_again())

    def cipher(self) -> Fernet:
        return cipher_of(self._read().encode())

    def _read(self) -> str:
        option = "federated_token_file"
        return secret_texts.federated_token(_read(self.path, option), _named(self.path, option), time.time())

    def _read_again(self) -> str:
        """Read the file in the middle of a run, when its loss is no longer a matter of options."""
        try:
            return self._read()
        except OptionError as error:
            raise TenantError(Reason(errors.BAD_CREDENTIAL, str(error), "renew the federated token")) from None


def _asserting(assertion: str | bytes) -> Identification:
    return {"client_assertion": assertion, "client_assertion_type": oauth2cli.Client.CLIENT_ASSERTION_TYPE_JWT}


def select(
    client_secret: str | None,
    certificate_path: str | None,
    certificate_password: str | None,
    federated_token_file: str | None,
    names: dict[str, str],
    warn: Callable[[str], None],
    vault: Vault | None = None,
) -> Credential:
    """Return the one credential given. `names` says how messages call each option, its environment variable included.

    An empty value, or a file without content, counts as not given: AWX injects both for a field left blank.
    `warn` is told of what was left out of a value, `vault` opens a file that is encrypted. Raises OptionError for none,
    for two, and for what cannot be used.
    """
    _check_path("certificate_path", certificate_path)
    _check_path("federated_token_file", federated_token_file)
    secret, warnings = secret_texts.client_secret(client_secret or "", names["client_secret"])
    given = {
        "client_secret": bool(secret),
        "certificate_path": _has_content(certificate_path),
        "federated_token_file": _has_content(federated_token_file),
    }
    chosen = [option for option, present in given.items() if present]
    if not chosen:
        raise OptionError(f"no credential is given: set one of {', '.join(names[option] for option in given)}")
    if len(chosen) > 1:
        raise OptionError(f"{' and '.join(names[option] for option in chosen)} are both given: keep one of them")
    if certificate_password and chosen != ["certificate_path"]:
        raise OptionError(f"{names['certificate_password']} is given without {names['certificate_path']}: remove it")
    if secret:
        for warning in warnings:
            warn(warning)
        return ClientSecret(secret)
    if certificate_path and chosen == ["certificate_path"]:
        return load_certificate(Path(certificate_path), certificate_password or None, warn, vault)
    federated = FederatedToken(Path(federated_token_file or ""))
    federated.cipher()
    return federated


def load_certificate(
    path: Path, password: str | None, warn: Callable[[str], None], vault: Vault | None = None
) -> Certificate:
    """Read a PEM file with key and certificate, or a PFX file, which Ansible Vault may have encrypted.

    Raises OptionError: no file, neither format, a key or certificate missing, a wrong password of file or vault, not
    valid now.
    """
    option = "certificate_path"
    named = _named(path, option)
    content = vaults.opened(_read(path, option), vault, named)
    trimmed = secret_texts.without_ends(password or "")
    try:
        key, certificate = certificate_files.pair(content, password, named)
    except OptionError:
        if trimmed in ("", password):
            raise
        # a password may well end with a blank, so it was tried as it is first
        key, certificate = certificate_files.pair(content, trimmed, named)
        warn("certificate_password has a line feed or a blank around it, which was left out: remove it at the source")
    _check_validity(named, certificate)
    return Certificate(key, certificate)


def parse(
    path: Path, password: str | None, option: str = "certificate_path", vault: Vault | None = None
) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """Return the private key and the certificate that a file holds. Raises OptionError unless they are a pair."""
    named = _named(path, option)
    return certificate_files.pair(vaults.opened(_read(path, option), vault, named), password, named)


def _check_validity(named: str, certificate: x509.Certificate) -> None:
    now = datetime.now(timezone.utc)
    start, end = certificate_files.validity(certificate)
    if end < now:
        raise OptionError(f"{named}: the certificate expired on {end:%Y-%m-%d}: renew it")
    if start > now:
        raise OptionError(
            f"{named}: the certificate is valid only from {start:%Y-%m-%d}: correct this machine's clock, or wait"
        )


def _read(path: Path, option: str) -> bytes:
    try:
        return files.given_bytes(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not a path"
        raise OptionError(f"{_named(path, option)} cannot be read ({why}): correct the path or its mode") from None


def _named(path: Path, option: str) -> str:
    """Return how messages call the file. A text that may be a secret in the wrong option is not shown."""
    # not Path.exists, which raises for a text that is too long for a path
    return f"{option} {path}" if path.is_absolute() or os.path.exists(path) else option  # noqa: PTH110


def _check_path(option: str, value: str | None) -> None:
    """Raise OptionError where the thing itself stands in the place of the path to its file."""
    if value and ("-----BEGIN " in value or "\n" in value.strip() or secret_texts.is_token(value)):
        raise OptionError(f"{option} holds a certificate, key or token itself: put it into a file and give its path")


def _has_content(path: str | None) -> bool:
    """A path counts as given unless it is empty, or its file is."""
    try:
        return bool(path) and Path(path or "").stat().st_size > 0
    except (OSError, ValueError):
        return bool(path)


def cipher_of(material: bytes) -> Fernet:
    """Return a cipher whose key nobody has who lacks the material."""
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"mssp.defender cached token").derive(material)
    return Fernet(base64.urlsafe_b64encode(key))
