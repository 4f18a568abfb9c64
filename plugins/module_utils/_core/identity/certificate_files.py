# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pair of a private key and its certificate in a file of any making: PEM bundles in any order, PFX; and what a file
that holds no such pair is instead.

Sources: RFC 7468 (the labels of PEM), RFC 7292 (PFX), learn.microsoft.com, "Certificate credentials".
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import TypeVar

from ..dependencies import UnsupportedAlgorithm, pkcs12, rsa, serialization, x509
from ..errors import OptionError
from .secret_texts import UTF_16

T = TypeVar("T")

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_KEY, _CERTIFICATE = b"PRIVATE KEY", b"CERTIFICATE"
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]{64,}")
_ONE_FILE = "put key and certificate into one PEM file"

# PEM blocks that are neither a private key nor a certificate
_OTHER_LABELS = {
    b"PUBLIC KEY": "a public key",
    b"RSA PUBLIC KEY": "a public key",
    b"SSH2 PUBLIC KEY": "a public key",
    b"CERTIFICATE REQUEST": "a certificate request",
    b"NEW CERTIFICATE REQUEST": "a certificate request",
    b"PKCS7": "a chain of certificates (PKCS#7)",
    b"CMS": "a chain of certificates (PKCS#7)",
    b"PGP PRIVATE KEY BLOCK": "a PGP key",
    b"PGP PUBLIC KEY BLOCK": "a PGP key",
}
# what files of other kinds begin with
_OTHER_BEGINNINGS = (
    (b"\xfe\xed\xfe\xed", f"a Java key store (JKS): export it as PFX with keytool -importkeystore, or {_ONE_FILE}"),
    (b"\xce\xce\xce\xce", f"a Java key store (JCEKS): export it as PFX with keytool -importkeystore, or {_ONE_FILE}"),
    (b"{", f"JSON: {_ONE_FILE}"),
    (b"ssh-", f"a public key of OpenSSH: {_ONE_FILE}"),
    (b"PuTTY-User-Key-File", f"a key of PuTTY: {_ONE_FILE}"),
)
_PFX_VERSION = b"\x02\x01\x03"
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")


def pair(content: bytes, password: str | None, named: str) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """Return the RSA key and the certificate that belongs to it; of several the one that is good for longest.

    `named` is how messages call the file. Raises OptionError that says what is missing, or what the file is instead.
    """
    if content.startswith(UTF_16) or b"-\0-\0" in content:
        raise OptionError(f"{named} is UTF-16 text: save it as UTF-8")
    if b"-----BEGIN " in content:
        keys, certificates = _in_pem(content, password, named)
    elif _is_pfx(content):
        keys, certificates = _in_pfx(content, password, named)
    else:
        raise OptionError(f"{named} {_instead(content)}")
    return _matching(keys, certificates, named)


def validity(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    """Return from when to when a certificate is good."""
    return _utc(certificate, "not_valid_before"), _utc(certificate, "not_valid_after")


def _matching(
    keys: Sequence[object], certificates: list[x509.Certificate], named: str
) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    fitting = [key for key in keys if isinstance(key, rsa.RSAPrivateKey)]
    if not fitting:
        raise OptionError(f"{named}: the key is not RSA, the only kind Entra ID takes: make an RSA key")
    pairs = [
        (key, certificate)
        for key in fitting
        for certificate in certificates
        if _public(certificate) == key.public_key()
    ]
    if not pairs:
        those = f"any of the {len(certificates)} certificates" if len(certificates) > 1 else "the certificate"
        raise OptionError(f"{named}: the private key does not belong to {those}: pair them")
    now = datetime.now(timezone.utc)
    return max(pairs, key=lambda found: (validity(found[1])[0] <= now, validity(found[1])[1]))


def _in_pem(content: bytes, password: str | None, named: str) -> tuple[Sequence[object], list[x509.Certificate]]:
    labels = _LABEL.findall(content)
    blocks = [(found[1], found[0]) for found in _BLOCK.finditer(content)]
    keys = [block for label, block in blocks if label.endswith(_KEY)]
    certificates = [block for label, block in blocks if label.endswith(_CERTIFICATE)]
    if b"OPENSSH PRIVATE KEY" in labels:
        raise OptionError(f"{named} holds a key of OpenSSH: convert it with ssh-keygen -p -m PEM")
    if not any(label.endswith(_KEY) for label in labels):
        other = next((_OTHER_LABELS[label] for label in labels if label in _OTHER_LABELS), None)
        also = f" but {other}" if other else ""
        raise OptionError(f"{named} holds no private key{also}: {_ONE_FILE}")
    if not any(label.endswith(_CERTIFICATE) for label in labels):
        raise OptionError(f"{named} holds no certificate: {_ONE_FILE}")
    if not keys or not certificates:
        raise OptionError(f"{named}: the PEM in it is cut off: export it again")
    return (
        _readable(keys, lambda block: _key(block, password, named)),
        _readable(certificates, lambda block: _certificate(block, named)),
    )


def _readable(blocks: Iterable[bytes], load: Callable[[bytes], T]) -> list[T]:
    """Return what can be loaded. Raises the first OptionError where that is nothing."""
    found, faults = [], []
    for block in blocks:
        try:
            found.append(load(block))
        except OptionError as fault:
            faults.append(fault)
    if not found:
        raise faults[0]
    return found


def _key(block: bytes, password: str | None, named: str) -> object:
    encrypted = b"ENCRYPTED" in block
    if encrypted and not password:
        raise OptionError(f"{named}: the key is encrypted: give certificate_password")
    try:
        return serialization.load_pem_private_key(block, password.encode() if password and encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        fault = "certificate_password does not open the key" if encrypted else "the private key in it is damaged"
        raise OptionError(f"{named}: {fault}: correct it") from None


def _certificate(block: bytes, named: str) -> x509.Certificate:
    try:
        # OpenSSL's other names for it hold the same
        return x509.load_pem_x509_certificate(re.sub(rb"(BEGIN|END) (?:TRUSTED|X509) ", rb"\1 ", block))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise OptionError(f"{named}: the certificate in it is damaged: export it again") from None


def _is_pfx(content: bytes) -> bool:
    return content[:1] == b"\x30" and _PFX_VERSION in content[:9]


def _in_pfx(content: bytes, password: str | None, named: str) -> tuple[Sequence[object], list[x509.Certificate]]:
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, password.encode() if password else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        remedy = "correct certificate_password" if password else "give certificate_password"
        raise OptionError(f"{named} is a PFX file that cannot be opened: {remedy}, or export it again") from None
    certificates = [found for found in (certificate, *others) if found is not None]
    if key is None or not certificates:
        lacking = "private key" if key is None else "certificate"
        raise OptionError(f"{named} holds no {lacking}: export the PFX with its private key")
    return [key], certificates


def _instead(content: bytes) -> str:
    """Return what a file that is neither PEM nor PFX is, and the one thing to do."""
    text = content.removeprefix(b"\xef\xbb\xbf").strip()
    for beginning, what in _OTHER_BEGINNINGS:
        if text.startswith(beginning):
            return f"is {what}"
    if _BASE64.fullmatch(text):
        try:
            decoded = base64.b64decode(text)
        except binascii.Error:
            decoded = b""
        if _is_pfx(decoded):
            return "is a PFX file encoded in base64: decode it with base64 -d"
        if inside := _der(decoded):
            return f"is {inside} encoded in base64: {_ONE_FILE}"
    if inside := _der(content):
        return f"is {inside} in DER form: {_ONE_FILE}"
    return "cannot be opened: give a PEM or a PFX file"


def _der(content: bytes) -> str | None:
    """Return what an object in DER form is, None for nothing known."""
    if _SIGNED_DATA in content[:30]:
        return "a chain of certificates (PKCS#7)"
    loaders: tuple[tuple[str, Callable[[bytes], object]], ...] = (
        ("a certificate without its key", x509.load_der_x509_certificate),
        ("a certificate request", x509.load_der_x509_csr),
        ("a private key without its certificate", _load_der_key),
        ("a public key", serialization.load_der_public_key),
    )
    for what, load in loaders:
        try:
            load(content)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return what
    return None


def _load_der_key(der: bytes) -> None:
    """Raise where this is not a private key. One that wants a password is one."""
    with contextlib.suppress(TypeError):
        serialization.load_der_private_key(der, None)


def _public(certificate: x509.Certificate) -> object:
    try:
        return certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _utc(certificate: x509.Certificate, name: str) -> datetime:
    """Read a date of the certificate; cryptography before 42 gives it without a zone."""
    aware: datetime | None = getattr(certificate, f"{name}_utc", None)
    return aware or getattr(certificate, name).replace(tzinfo=timezone.utc)
