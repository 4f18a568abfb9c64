# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application's own credential: a client secret, a certificate with its key, or a federated token.

Each kind says what MSAL needs of it, and yields a key that encrypts what the credential has earned (cached tokens).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from .. import errors, files
from ..dependencies import HKDF, Fernet, hashes, pkcs12, rsa, serialization, x509
from ..errors import OptionError, Reason, TenantError


class Credential(Protocol):
    """One credential of three."""

    def for_msal(self) -> Any:
        """Return the value of MSAL's `client_credential`."""

    def cipher(self) -> Any:
        """Return a Fernet cipher whose key nobody has who lacks the credential."""


@dataclass(frozen=True)
class ClientSecret:
    """A secret value, as the portal shows it once."""

    value: str = field(repr=False)

    def for_msal(self) -> str:
        return self.value

    def cipher(self) -> Any:
        return _cipher(self.value.encode())


@dataclass(frozen=True)
class Certificate:
    """A private key and its certificate, both PEM. MSAL signs with PS256 and `x5t#S256`, as Microsoft asks for."""

    private_key: str = field(repr=False)
    certificate: str = field(repr=False)

    def for_msal(self) -> dict[str, str]:
        return {"private_key": self.private_key, "public_certificate": self.certificate}

    def cipher(self) -> Any:
        return _cipher(self.private_key.encode())


@dataclass(frozen=True)
class FederatedToken:
    """A token of another identity provider, in a file that a sidecar renews: read at each use."""

    path: Path

    def for_msal(self) -> dict[str, Callable[[], str]]:
        return {"client_assertion": self._read_again}

    def cipher(self) -> Any:
        return _cipher(self._read().encode())

    def _read(self) -> str:
        return _read(self.path, "federated_token_file").decode("ascii", "replace").strip()

    def _read_again(self) -> str:
        """Read the file in the middle of a run, when its loss is no longer a matter of options."""
        try:
            return self._read()
        except OptionError as error:
            raise TenantError(Reason(errors.BAD_CREDENTIAL, str(error), "renew the federated token")) from None


def select(
    client_secret: str | None,
    certificate_path: str | None,
    certificate_password: str | None,
    federated_token_file: str | None,
    names: dict[str, str],
) -> Credential:
    """Return the one credential given. `names` says how messages call each option, its environment variable included.

    An empty value, or a file without content, counts as not given: AWX injects both for a field left blank.
    Raises OptionError for none, for two, and for a file that cannot be used.
    """
    given = {
        "client_secret": bool(client_secret),
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
    if client_secret:
        return ClientSecret(client_secret)
    if certificate_path and chosen == ["certificate_path"]:
        return load_certificate(Path(certificate_path), certificate_password or None)
    federated = FederatedToken(Path(federated_token_file or ""))
    federated.cipher()
    return federated


def load_certificate(path: Path, password: str | None) -> Certificate:
    """Read a PEM file with key and certificate, or a PFX file.

    Raises OptionError: no file, neither format, a key or certificate missing, a wrong password, not valid now.
    """
    key, certificate = parse(path, password)
    _check_validity(f"certificate_path {path}", certificate)
    return as_pem(key, certificate)


def parse(path: Path, password: str | None, option: str = "certificate_path") -> tuple[Any, Any]:
    """Return the private key and the certificate that a file holds. Raises OptionError unless they are a pair."""
    content = _read(path, option)
    named = f"{option} {path}"
    if b"-----BEGIN " in content:
        key, certificate = _parse_pem(named, content, password)
    else:
        key, certificate = _parse_pfx(named, content, password)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise OptionError(f"{named}: the key is not RSA, the only kind Entra ID takes: make an RSA key")
    if key.public_key() != certificate.public_key():
        raise OptionError(f"{named}: the private key does not belong to the certificate: pair them")
    return key, certificate


def as_pem(key: Any, certificate: Any) -> Certificate:
    """Return a key and a certificate of the cryptography library as a credential."""
    encoding = serialization.Encoding.PEM
    return Certificate(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode(),
        certificate.public_bytes(encoding).decode(),
    )


def validity(certificate: Any) -> tuple[datetime, datetime]:
    """Return from when to when a certificate is good."""
    return _utc(certificate, "not_valid_before"), _utc(certificate, "not_valid_after")


def _parse_pem(named: str, content: bytes, password: str | None) -> tuple[Any, Any]:
    if b"PRIVATE KEY-----" not in content:
        raise OptionError(f"{named} holds no private key: put key and certificate into one PEM file")
    if b"BEGIN CERTIFICATE-----" not in content:
        raise OptionError(f"{named} holds no certificate: put key and certificate into one PEM file")
    try:
        certificate = x509.load_pem_x509_certificate(content)
    except ValueError:
        raise OptionError(f"{named}: the certificate in it is damaged: export it again") from None
    encrypted = b"ENCRYPTED" in content
    if encrypted and not password:
        raise OptionError(f"{named}: the key is encrypted: give certificate_password")
    try:
        key = serialization.load_pem_private_key(content, password.encode() if password and encrypted else None)
    except (ValueError, TypeError):
        fault = "certificate_password does not open the key" if encrypted else "the private key in it is damaged"
        raise OptionError(f"{named}: {fault}: correct it") from None
    return key, certificate


def _parse_pfx(named: str, content: bytes, password: str | None) -> tuple[Any, Any]:
    try:
        key, certificate, _chain = pkcs12.load_key_and_certificates(content, password.encode() if password else None)
    except (ValueError, TypeError):
        raise OptionError(
            f"{named} cannot be opened: correct certificate_password, or give a PEM or PFX file"
        ) from None
    if key is None or certificate is None:
        lacking = "private key" if key is None else "certificate"
        raise OptionError(f"{named} holds no {lacking}: export the PFX with its private key")
    return key, certificate


def _check_validity(named: str, certificate: Any) -> None:
    now = datetime.now(timezone.utc)
    start, end = validity(certificate)
    if end < now:
        raise OptionError(f"{named}: the certificate expired on {end:%Y-%m-%d}: renew it")
    if start > now:
        raise OptionError(
            f"{named}: the certificate is valid only from {start:%Y-%m-%d}: correct this machine's clock, or wait"
        )


def _utc(certificate: Any, name: str) -> datetime:
    """Read a date of the certificate; cryptography before 42 gives it without a zone."""
    aware: datetime | None = getattr(certificate, f"{name}_utc", None)
    return aware or getattr(certificate, name).replace(tzinfo=timezone.utc)


def _read(path: Path, option: str) -> bytes:
    try:
        return files.given_bytes(path)
    except OSError as error:
        raise OptionError(f"{option} {path} cannot be read ({error.strerror}): correct the path or its mode") from None


def _has_content(path: str | None) -> bool:
    """A path counts as given unless it is empty, or its file is."""
    try:
        return bool(path) and Path(path or "").stat().st_size > 0
    except OSError:
        return bool(path)


def _cipher(material: bytes) -> Any:
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"mssp.defender cached token").derive(material)
    return Fernet(base64.urlsafe_b64encode(key))
