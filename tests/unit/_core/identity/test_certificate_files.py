# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs7, pkcs12
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import certificate_files

FILE = "certificate_path /etc/app.pem"
PASSWORD = "canary password"


@pytest.fixture(scope="module")
def ca_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(key: Any, days: int = 30, title: str = "partner", starts: int = -60) -> x509.Certificate:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(name(title))
        .issuer_name(name(title))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=starts))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )


def pem(thing: Any, password: str | None = None) -> bytes:
    if isinstance(thing, (x509.Certificate, x509.CertificateSigningRequest)):
        return thing.public_bytes(Encoding.PEM)
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    content: bytes = thing.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return content


def public(key: Any, form: Encoding = Encoding.PEM) -> bytes:
    content: bytes = key.public_key().public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)
    return content


def pfx(key: Any, leaf: x509.Certificate | None, others: list[x509.Certificate], password: str | None) -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"app", key, leaf, others, encryption)


def refusal_of(content: bytes, password: str | None = None) -> str:
    with pytest.raises(OptionError) as refused:
        certificate_files.pair(content, password, FILE)
    message = str(refused.value)
    assert message.startswith(FILE)
    assert "canary" not in message
    assert "\n" not in message
    return message.removeprefix(FILE)


def test_the_certificate_that_fits_the_key_is_found_wherever_it_stands(
    private_key: rsa.RSAPrivateKey, ca_key: rsa.RSAPrivateKey
) -> None:
    ca, leaf = certificate(ca_key, title="ca"), certificate(private_key)
    parts = [pem(ca), pem(leaf), pem(private_key)]
    for order in ([0, 1, 2], [2, 0, 1], [1, 0, 2], [0, 2, 1]):
        key, found = certificate_files.pair(b"".join(parts[place] for place in order), None, FILE)
        assert (found, key.private_numbers()) == (leaf, private_key.private_numbers())


def test_the_key_that_fits_is_found_among_several(private_key: rsa.RSAPrivateKey, ca_key: rsa.RSAPrivateKey) -> None:
    leaf = certificate(private_key)
    locked = pem(ca_key, "another password")
    for content in (pem(ca_key) + pem(private_key) + pem(leaf), locked + pem(leaf) + pem(private_key)):
        assert certificate_files.pair(content, None, FILE)[1] == leaf


def test_of_several_certificates_of_the_key_the_one_that_is_good_for_longest_is_taken(
    private_key: rsa.RSAPrivateKey,
) -> None:
    old, good = certificate(private_key, days=-1), certificate(private_key, days=20)
    future = certificate(private_key, days=90, starts=30)
    content = b"".join(map(pem, (old, future, good, private_key)))
    assert certificate_files.pair(content, None, FILE)[1] == good


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: b"Bag Attributes\n    friendlyName: app\nKey Attributes: <No Attributes>\n" + content,
        lambda content: content + b"\n\n# the end\n",
        lambda content: content.replace(b"BEGIN CERT", b"BEGIN X509 CERT").replace(b"END CERT", b"END X509 CERT"),
        lambda content: b"-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n" + content,
    ],
    ids=["CRLF", "byte order mark", "bag attributes", "text after", "X509 CERTIFICATE", "parameters"],
)
def test_a_bundle_of_any_making_is_read(private_key: rsa.RSAPrivateKey, change: Any) -> None:
    leaf = certificate(private_key)
    assert certificate_files.pair(change(pem(private_key) + pem(leaf)), None, FILE)[1] == leaf


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_pfx_file_with_its_chain_is_read(
    private_key: rsa.RSAPrivateKey, ca_key: rsa.RSAPrivateKey, password: str | None
) -> None:
    leaf = certificate(private_key)
    content = pfx(private_key, leaf, [certificate(ca_key, title="ca")], password)
    assert certificate_files.pair(content, password, FILE)[1] == leaf


def test_an_encrypted_key_wants_its_password(private_key: rsa.RSAPrivateKey) -> None:
    content = pem(private_key, PASSWORD) + pem(certificate(private_key))
    assert certificate_files.pair(content, PASSWORD, FILE)
    assert refusal_of(content) == ": the key is encrypted: give certificate_password"
    assert refusal_of(content, "canary wrong") == ": certificate_password does not open the key: correct it"
    plain = pem(private_key) + pem(certificate(private_key))
    assert certificate_files.pair(plain, PASSWORD, FILE)


def test_a_key_of_other_certificates_is_refused(private_key: rsa.RSAPrivateKey, ca_key: rsa.RSAPrivateKey) -> None:
    two = pem(certificate(ca_key)) + pem(certificate(ca_key, title="ca"))
    assert refusal_of(pem(private_key) + two) == (
        ": the private key does not belong to any of the 2 certificates: pair them"
    )
    assert refusal_of(pfx(ca_key, None, [certificate(private_key)], None)) == (
        ": the private key does not belong to the certificate: pair them"
    )


def test_what_the_file_is_instead_is_named_with_the_one_thing_to_do(private_key: rsa.RSAPrivateKey) -> None:
    leaf = certificate(private_key)
    both = (pem(private_key) + pem(leaf)).decode()
    locked = pfx(private_key, leaf, [], PASSWORD)
    request = x509.CertificateSigningRequestBuilder().subject_name(name("app")).sign(private_key, hashes.SHA256())
    pkcs8, ssh = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.OpenSSH
    plain = private_key.private_bytes(Encoding.DER, pkcs8, NoEncryption())
    encrypted = private_key.private_bytes(Encoding.DER, pkcs8, BestAvailableEncryption(b"x"))
    elliptic = ec.generate_private_key(ec.SECP256R1())
    one_file = "put key and certificate into one PEM file"
    utf_16 = " is UTF-16 text: save it as UTF-8"
    alone = f" is a private key without its certificate in DER form: {one_file}"
    cases = {
        both.encode("utf-16"): utf_16,
        both.encode("utf-16-le"): utf_16,
        both.encode("utf-16-be"): utf_16,
        base64.encodebytes(locked): " is a PFX file encoded in base64: decode it with base64 -d",
        base64.b64encode(locked): " is a PFX file encoded in base64: decode it with base64 -d",
        locked: " is a PFX file that cannot be opened: give certificate_password, or export it again",
        leaf.public_bytes(Encoding.DER): f" is a certificate without its key in DER form: {one_file}",
        base64.b64encode(leaf.public_bytes(Encoding.DER)): (
            f" is a certificate without its key encoded in base64: {one_file}"
        ),
        plain: alone,
        encrypted: alone,
        public(private_key, Encoding.DER): f" is a public key in DER form: {one_file}",
        request.public_bytes(Encoding.DER): f" is a certificate request in DER form: {one_file}",
        pkcs7.serialize_certificates([leaf], Encoding.DER): (
            f" is a chain of certificates (PKCS#7) in DER form: {one_file}"
        ),
        pkcs7.serialize_certificates([leaf], Encoding.PEM): (
            f" holds no private key but a chain of certificates (PKCS#7): {one_file}"
        ),
        public(private_key): f" holds no private key but a public key: {one_file}",
        pem(request): f" holds no private key but a certificate request: {one_file}",
        private_key.private_bytes(Encoding.PEM, ssh, NoEncryption()) + pem(leaf): (
            " holds a key of OpenSSH: convert it with ssh-keygen -p -m PEM"
        ),
        b"ssh-rsa AAAAB3NzaC1yc2E canary": f" is a public key of OpenSSH: {one_file}",
        b"PuTTY-User-Key-File-3: ssh-rsa": f" is a key of PuTTY: {one_file}",
        b'{"clientSecret": "canary"}': f" is JSON: {one_file}",
        b"\xfe\xed\xfe\xed\0\0\0\x02": (
            f" is a Java key store (JKS): export it as PFX with keytool -importkeystore, or {one_file}"
        ),
        pem(elliptic) + pem(certificate(elliptic)): (
            ": the key is not RSA, the only kind Entra ID takes: make an RSA key"
        ),
        pem(leaf): f" holds no private key: {one_file}",
        pem(private_key): f" holds no certificate: {one_file}",
        pem(leaf) + pem(private_key)[:-40]: ": the PEM in it is cut off: export it again",
        b"canary": " cannot be opened: give a PEM or a PFX file",
        b"": " cannot be opened: give a PEM or a PFX file",
    }
    for content, fault in cases.items():
        assert refusal_of(content) == fault


@given(content=st.binary(max_size=300), begins=st.sampled_from([b"", b"\x30\x82\x02\x01\x03", b"-----BEGIN ", b"\x30"]))
def test_no_file_ever_makes_more_than_a_sentence(content: bytes, begins: bytes) -> None:
    refusal_of(begins + content)
