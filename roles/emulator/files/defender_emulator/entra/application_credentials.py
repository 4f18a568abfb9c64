# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application's own secrets, certificates and federated identity credentials.

Sources: learn.microsoft.com, application-addpassword, keycredential and workload-identity-federation.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from defender_emulator import timestamps
from defender_emulator.entra.applications import Application
from defender_emulator.entra.documents import KeyCredential, PasswordCredential
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.signing_keys import encode
from defender_emulator.json_text import JsonObject

CERTIFICATE_TYPE = "AsymmetricX509Cert"

# Whether the token service knows a credential yet, by its key id.
IsKnown = Callable[[str], bool]

_DAY = 86400 * timestamps.SECOND
_DEFAULT_SECRET_DAYS = 2 * 365


@dataclass(frozen=True)
class RegisteredCertificate:
    """What a registered certificate is recognised by; ``not_before`` and ``not_after`` in ticks."""

    public_key: rsa.RSAPublicKey
    sha1: bytes
    sha256: bytes
    subject: str
    not_before: int
    not_after: int


def secret_entry(secret: str, properties: JsonObject, key_id: str = "") -> PasswordCredential:
    """The ``passwordCredentials`` entry for a new secret, without the secret itself.

    ``properties`` may name ``displayName``, ``startDateTime`` and ``endDateTime``. It is good for two years unless
    they say otherwise.

    Raises:
        ValueError: the start is no date.
    """
    start = properties.get("startDateTime") or timestamps.write(timestamps.now())
    end = properties.get("endDateTime") or timestamps.write(timestamps.read(start) + _DEFAULT_SECRET_DAYS * _DAY)
    return {
        "customKeyIdentifier": properties.get("customKeyIdentifier"),
        "displayName": properties.get("displayName"),
        "endDateTime": end,
        "hint": secret[:3],
        "keyId": key_id or str(uuid.uuid4()),
        "secretText": None,
        "startDateTime": start,
    }


def add_secret(application: Application, secret: str, entry: PasswordCredential) -> None:
    """Register a secret under its entry. Only its hash is kept."""
    application.document["passwordCredentials"] = [*application.document["passwordCredentials"], entry]
    application.secret_hashes[entry["keyId"]] = hash_secret(secret)
    application.added_at[entry["keyId"]] = time.time()


def make_secret() -> str:
    """Forty characters from a good source of chance."""
    return secrets.token_urlsafe(30)


def hash_secret(secret: str) -> str:
    """What is kept of a secret. It is random and long, so a slow or salted hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def remove_secret(application: Application, key_id: str) -> bool:
    """Take one secret away. False when there is none of that id."""
    entries = application.document["passwordCredentials"]
    kept = [entry for entry in entries if entry["keyId"] != key_id]
    application.document["passwordCredentials"] = kept
    application.secret_hashes.pop(key_id, None)
    application.added_at.pop(key_id, None)
    return len(kept) < len(entries)


def remove_certificate(application: Application, key_id: str) -> bool:
    """Take one certificate away. False when there is none of that id."""
    entries = application.document["keyCredentials"]
    kept = [entry for entry in entries if entry["keyId"] != key_id]
    set_certificates(application, kept)
    return len(kept) < len(entries)


def certificate_entry(properties: JsonObject) -> KeyCredential:
    """The ``keyCredentials`` entry for an uploaded certificate, with defaults from the certificate itself.

    ``keyId``, ``type`` and ``usage`` are checked, if they are given.

    Raises:
        ValueError: it is no certificate for an RSA key, or the dates go beyond the certificate's own.
    """
    key = properties.get("key")
    if not isinstance(key, str):
        raise ValueError("the key is missing")  # noqa: TRY004 - a value in a client's document
    key = plain_base64(key)
    certificate = read_certificate(key)
    start = properties.get("startDateTime") or timestamps.write(certificate.not_before, 0)
    end = properties.get("endDateTime") or timestamps.write(certificate.not_after, 0)
    if timestamps.read(end) > certificate.not_after or timestamps.read(start) >= timestamps.read(end):
        raise ValueError("the end date is invalid")
    entry = {
        "customKeyIdentifier": base64.b64encode(certificate.sha1).decode(),
        "displayName": certificate.subject,
        "keyId": str(uuid.uuid4()),
        "type": CERTIFICATE_TYPE,
        "usage": "Verify",
        **{name: value for name, value in properties.items() if value is not None},
        "key": key,
        "startDateTime": start,
        "endDateTime": end,
    }
    return cast("KeyCredential", entry)


def set_certificates(application: Application, entries: list[KeyCredential]) -> None:
    """Replace the certificates. One that stays keeps the time it became known."""
    before = {entry["keyId"] for entry in application.document["keyCredentials"]}
    after = {entry["keyId"] for entry in entries}
    for key_id in before - after:
        application.added_at.pop(key_id, None)
    for key_id in after - before:
        application.added_at[key_id] = time.time()
    application.document["keyCredentials"] = entries


def plain_base64(text: str) -> str:
    """Base64 without the line breaks that some clients put into it, and that Graph skips."""
    return "".join(text.split())


@functools.lru_cache(maxsize=4096)
def read_certificate(key: str) -> RegisteredCertificate:
    """A certificate as Graph transports it: base64 of its DER form.

    Raises:
        ValueError: it is no certificate for an RSA key.
    """
    certificate = x509.load_der_x509_certificate(base64.b64decode(key, validate=True))
    try:
        public_key = certificate.public_key()
    except UnsupportedAlgorithm as error:
        raise ValueError(f"the certificate's key cannot be used: {error}") from None
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise ValueError("the certificate's key is no RSA key")  # noqa: TRY004 - a value in a client's document
    return RegisteredCertificate(
        public_key,
        certificate.fingerprint(hashes.SHA1()),  # noqa: S303 - a name for the certificate, not a proof
        certificate.fingerprint(hashes.SHA256()),
        certificate.subject.rfc4514_string(),
        int(certificate.not_valid_before_utc.timestamp()) * timestamps.SECOND,
        int(certificate.not_valid_after_utc.timestamp()) * timestamps.SECOND,
    )


def check_secret(
    client_id: str, held: Iterable[tuple[PasswordCredential, str]], secret: str, is_known: IsKnown
) -> None:
    """Accept one of the secrets that a client holds, each with its hash.

    Raises:
        Refusal: 7000215 when it is none of them (or not yet), 7000222 when it has expired.
    """
    given = hash_secret(secret)
    for entry, hashed in held:
        if not hmac.compare_digest(given, hashed):
            continue
        if _has_ended(entry):
            raise Refusal(7000222, client_id=client_id)
        if _has_begun(entry) and is_known(entry["keyId"]):
            return
    raise Refusal(7000215, client_id=client_id)


def find_certificate(
    application: Application, algorithm: str, thumbprint: str, is_known: IsKnown
) -> RegisteredCertificate:
    """The registered certificate of that thumbprint: SHA-1 with RS256, SHA-256 with PS256.

    Raises:
        Refusal: 700027 when there is none (yet), or it has expired.
    """
    for entry, certificate in certificates(application):
        digest = {"RS256": certificate.sha1, "PS256": certificate.sha256}.get(algorithm)
        if digest is None or encode(digest) != thumbprint or not is_known(entry["keyId"]):
            continue
        if _has_ended(entry) or not _has_begun(entry):
            raise Refusal(700027, reason="The key used is expired.", thumbprint=thumbprint)
        return certificate
    raise Refusal(700027, reason="The key was not found.", thumbprint=thumbprint)


def certificates(application: Application) -> Iterator[tuple[KeyCredential, RegisteredCertificate]]:
    """Each registered certificate with its entry."""
    for entry in application.document["keyCredentials"]:
        if entry["type"] == CERTIFICATE_TYPE:
            yield entry, read_certificate(entry["key"])


def is_current(entry: KeyCredential | PasswordCredential) -> bool:
    """Whether a credential's dates include this moment."""
    return _has_begun(entry) and not _has_ended(entry)


def check_federation(application: Application, issuer: str, subject: str, audience: str, is_known: IsKnown) -> None:
    """Accept what a federated identity credential of the application says, letter by letter.

    Raises:
        Refusal: 70021 when it has none (yet); 7002138 when one differs in upper and lower case only; 700211, 700213 or
            700212 when issuer, subject or audience are others'.
    """
    trusted = [entry for entry in application.federated_credentials if is_known(entry["id"])]
    if not trusted:
        raise Refusal(70021, issuer=issuer, subject=subject, audience=audience)
    presented = (issuer, subject, audience)
    for entry in trusted:
        registered = (entry["issuer"], entry["subject"], *entry["audiences"])
        if registered != presented and [text.lower() for text in registered] == [text.lower() for text in presented]:
            raise Refusal(7002138)
    trusted = [entry for entry in trusted if entry["issuer"] == issuer]
    if not trusted:
        raise Refusal(700211, issuer=issuer)
    trusted = [entry for entry in trusted if entry["subject"] == subject]
    if not trusted:
        raise Refusal(700213, subject=subject)
    if not any(audience in entry["audiences"] for entry in trusted):
        raise Refusal(700212, audience=audience)


def _has_begun(entry: KeyCredential | PasswordCredential) -> bool:
    # A client that dates a credential "now" by its own clock may use it at once.
    return timestamps.read(entry["startDateTime"]) <= timestamps.now() + 300 * timestamps.SECOND


def _has_ended(entry: KeyCredential | PasswordCredential) -> bool:
    return timestamps.read(entry["endDateTime"]) <= timestamps.now()
