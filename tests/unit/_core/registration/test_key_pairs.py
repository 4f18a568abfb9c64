# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from support.vaults import keep, vault

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import credentials
from ansible_collections.mssp.defender.plugins.module_utils._core.registration import key_pairs
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.key_pairs import KeyPair

DAY = 24 * 3600


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return key_pairs.make("ansible", 180 * DAY)


def public_of(pair: KeyPair) -> x509.Certificate:
    return x509.load_der_x509_certificate(base64.b64decode(pair.public))


def seconds_of(text: str) -> float:
    return timestamps.ticks(text) / timestamps.TICKS_PER_SECOND


def given(key: Any, days: tuple[int, int]) -> bytes:
    """Return a PEM of the key and of a certificate good from and to so many days from now."""
    now = datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "given")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_new_pair_is_good_for_its_lifetime_and_already_now(pair: KeyPair) -> None:
    assert pair.starts < time.time() - 200
    assert pair.ends - pair.starts == 180 * DAY
    assert time.time() + 179 * DAY < pair.ends <= time.time() + 180 * DAY


def test_registered_a_pair_is_good_for_its_lifetime_at_most(pair: KeyPair) -> None:
    """A policy of the tenant counts it so."""
    now = time.time()
    assert 180 * DAY - 60 < pair.lifetime(now) <= 180 * DAY
    assert abs(pair.lifetime(now + 100 * DAY) - 80 * DAY) < 60
    registered = pair.as_key_credential("ansible", now)
    assert seconds_of(registered["endDateTime"]) - seconds_of(registered["startDateTime"]) <= 180 * DAY


def test_a_pair_of_a_short_life_is_not_over_before_it_begins() -> None:
    short = key_pairs.make("short", 60)
    assert short.starts <= time.time() < short.ends


def test_the_key_signs_what_the_public_part_verifies(pair: KeyPair) -> None:
    signed = jwt.encode({"iss": "app"}, pair.credential.private_key, algorithm="PS256")
    certificate = public_of(pair)
    assert jwt.decode(signed, certificate.public_key(), algorithms=["PS256"]) == {"iss": "app"}
    certificate.verify_directly_issued_by(certificate)
    assert certificate.public_key().key_size >= 3072


def test_each_pair_has_a_key_of_its_own(pair: KeyPair) -> None:
    other = key_pairs.make("ansible", DAY).credential
    assert other.private_key.public_key() != pair.credential.private_key.public_key()


def test_only_the_public_part_is_registered(pair: KeyPair) -> None:
    item = pair.as_key_credential("ansible", time.time())
    assert (item["type"], item["usage"], item["displayName"]) == ("AsymmetricX509Cert", "Verify", "ansible")
    assert item["key"] == pair.public
    assert "PRIVATE" not in str(item) + repr(pair)
    assert pair.credential.pem().decode().splitlines()[1] not in str(item) + repr(pair)


def test_a_registration_begins_and_ends_with_the_certificate_at_most(pair: KeyPair) -> None:
    early, late = pair.starts + 10, pair.starts + 50 * DAY
    assert seconds_of(pair.as_key_credential("ansible", early)["startDateTime"]) == pair.starts
    assert seconds_of(pair.as_key_credential("ansible", late)["startDateTime"]) == int(late - 300)
    assert seconds_of(pair.as_key_credential("ansible", late)["endDateTime"]) == pair.ends


@pytest.mark.parametrize("name", ["x" * 64, "x" * 65, "ü" * 200, "a name, with = commas"])
def test_a_name_of_any_length_makes_a_pair(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_pairs, "_KEY_BITS", 1024)
    (attribute,) = public_of(key_pairs.make(name, DAY)).subject
    assert name.startswith(str(attribute.value))


@pytest.mark.parametrize("password", [None, "pass"])
def test_a_pair_is_read_back(pair: KeyPair, tmp_path: Path, password: str | None) -> None:
    path = tmp_path / "partner.pem"
    keep(pair, path, password)
    run_vault = vault(default="pass") if password else None
    assert key_pairs.load(path, "dest", vault=run_vault) == pair
    assert credentials.load_certificate(path, None, [].append, run_vault).pem() == pair.credential.pem()


def test_no_file_is_no_pair(tmp_path: Path) -> None:
    assert key_pairs.load(tmp_path / "missing.pem", "dest") is None


def test_an_expired_pair_is_read_all_the_same(private_key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    path = tmp_path / "partner.pem"
    path.write_bytes(given(private_key, (-10, -1)))
    pair = key_pairs.load(path, "dest")
    assert pair is not None
    assert pair.ends < time.time() - 0.9 * DAY


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "cannot be opened"),
        (b"-----BEGIN CERTIFICATE-----\n", "holds no private key: put key and certificate into one PEM file"),
        (b"-----BEGIN PRIVATE KEY-----\n", "holds no certificate: put key and certificate into one PEM file"),
    ],
)
def test_a_file_that_holds_no_pair_is_named_with_its_option(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "partner.pem"
    path.write_bytes(content)
    with pytest.raises(OptionError) as refused:
        key_pairs.load(path, "dest")
    assert str(refused.value).startswith(f"dest {path} {sentence}")


def test_a_key_that_is_not_rsa_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "partner.pem"
    path.write_bytes(given(ec.generate_private_key(ec.SECP256R1()), (-1, 1)))
    with pytest.raises(OptionError, match=r"^dest .*: the key is not RSA, the only kind Entra ID takes"):
        key_pairs.load(path, "dest")
