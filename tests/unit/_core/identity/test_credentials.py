# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs12
from cryptography.x509.oid import NameOID
from support.vaults import encrypted, vault

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import certificate_files, credentials
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import Certificate, ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.vaults import Vault

PASSWORD = "canary password"
ENDPOINT = "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
NAMES = {
    option: f"{option} (AZURE_{option.upper()})"
    for option in ("client_secret", "certificate_path", "certificate_password", "federated_token_file")
}


def select(warnings: list[str] | None = None, vault: Vault | None = None, **given: str | None) -> Any:
    warn = [].append if warnings is None else warnings.append
    return credentials.select(*(given.get(option) for option in NAMES), names=NAMES, warn=warn, vault=vault)


def refusal_of(run_vault: Vault | None = None, **given: str | None) -> str:
    with pytest.raises(OptionError) as refused:
        select(vault=run_vault, **given)
    assert "canary" not in str(refused.value)
    return str(refused.value)


def certificate_of(key: Any, start_days: int = -1, end_days: int = 1) -> x509.Certificate:
    now = datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "partner")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=start_days))
        .not_valid_after(now + timedelta(days=end_days))
        .sign(key, hashes.SHA256())
    )


def key_pem(key: Any, password: str | None = None, layout: str = "PKCS8") -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    content: bytes = key.private_bytes(Encoding.PEM, getattr(serialization.PrivateFormat, layout), encryption)
    return content


def certificate_pem(key: Any, **days: int) -> bytes:
    return certificate_of(key, **days).public_bytes(Encoding.PEM)


def pfx(key: Any, certificate: x509.Certificate | None, password: str | None) -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"partner", key, certificate, None, encryption)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "credential"


def secret_of(credential: Any) -> str:
    return str(credential.identifying("app", ENDPOINT)["default_body"]["client_secret"])


def assert_usable(credential: Any, key: rsa.RSAPrivateKey) -> None:
    """The key signs what the certificate verifies, which is all that MSAL does with the two."""
    assert isinstance(credential, Certificate)
    identifying = credential.identifying("app", ENDPOINT)
    assert identifying["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    signed = identifying["client_assertion"]
    header = jwt.get_unverified_header(signed)
    (der,) = map(base64.b64decode, header["x5c"])
    certificate = x509.load_der_x509_certificate(der)
    thumbprint = base64.urlsafe_b64decode(f"{header['x5t#S256']}=")
    assert thumbprint == certificate.fingerprint(hashes.SHA256())
    claims = jwt.decode(signed, certificate.public_key(), algorithms=["PS256"], audience=ENDPOINT)
    assert (claims["iss"], claims["sub"]) == ("app", "app")
    assert certificate.public_key() == key.public_key()


def test_no_credential_names_all_three() -> None:
    assert refusal_of() == (
        "no credential is given: set one of client_secret (AZURE_CLIENT_SECRET), certificate_path "
        "(AZURE_CERTIFICATE_PATH), federated_token_file (AZURE_FEDERATED_TOKEN_FILE)"
    )


def test_empty_values_and_empty_files_count_as_not_given(path: Path) -> None:
    path.touch()
    message = refusal_of(client_secret="", certificate_path=str(path), federated_token_file=str(path))
    assert message.startswith("no credential is given")
    assert select(client_secret="s", certificate_path="", certificate_password="", federated_token_file=str(path))


def test_two_credentials_are_both_named() -> None:
    message = refusal_of(client_secret="canary", certificate_path="/nowhere/app.pem")
    both = "client_secret (AZURE_CLIENT_SECRET) and certificate_path (AZURE_CERTIFICATE_PATH)"
    assert message == f"{both} are both given: keep one of them"


def test_a_password_without_a_certificate_is_refused() -> None:
    message = refusal_of(client_secret="s", certificate_password=PASSWORD)
    assert message.startswith("certificate_password (AZURE_CERTIFICATE_PASSWORD) is given without certificate_path")


def test_a_secret_goes_to_msal_and_is_not_shown() -> None:
    warnings: list[str] = []
    assert secret_of(select(warnings, client_secret="s3cret~ value")) == "s3cret~ value"
    assert "s3cret" not in repr(select(client_secret="s3cret"))
    assert warnings == []


def test_the_line_feed_of_a_secrets_file_is_left_out_and_said() -> None:
    warnings: list[str] = []
    assert secret_of(select(warnings, client_secret="canary\n")) == "canary"
    (warning,) = warnings
    assert warning.startswith("client_secret (AZURE_CLIENT_SECRET) has a line feed around it")
    assert "canary" not in warning


@pytest.mark.parametrize("blank", ["\n", " ", "\ufeff\r\n"])
def test_a_secret_of_nothing_but_blanks_counts_as_not_given(blank: str) -> None:
    warnings: list[str] = []
    with pytest.raises(OptionError, match="no credential is given"):
        select(warnings, client_secret=blank)
    assert warnings == []


@pytest.mark.parametrize("option", ["certificate_path", "federated_token_file"])
@pytest.mark.parametrize(
    "thing",
    [
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        jwt.encode({"sub": "canary"}, "canary" * 6, algorithm="HS256"),
        "canary\ncanary",
    ],
)
def test_a_path_that_is_the_thing_itself_is_refused_and_not_shown(option: str, thing: str) -> None:
    assert refusal_of(**{option: thing}) == (
        f"{option} holds a certificate, key or token itself: put it into a file and give its path"
    )


@pytest.mark.parametrize("option", ["certificate_path", "federated_token_file"])
@pytest.mark.parametrize("secret", ["canary~secret.value", "canary" * 1000, "canary\0secret"])
def test_a_secret_in_the_place_of_a_path_is_not_shown(option: str, secret: str) -> None:
    assert refusal_of(**{option: secret}).startswith(f"{option} cannot be read (")


def test_a_password_that_is_right_but_for_its_files_line_feed_is_taken_and_that_is_said(
    path: Path, private_key: rsa.RSAPrivateKey
) -> None:
    warnings: list[str] = []
    path.write_bytes(pfx(private_key, certificate_of(private_key), PASSWORD))
    read = select(warnings, certificate_path=str(path), certificate_password=f"{PASSWORD}\n")
    assert_usable(read, private_key)
    assert "certificate_password has a line feed" in warnings[0]
    path.write_bytes(pfx(private_key, certificate_of(private_key), f"{PASSWORD} "))
    assert_usable(select(warnings, certificate_path=str(path), certificate_password=f"{PASSWORD} "), private_key)
    assert len(warnings) == 1


@pytest.mark.parametrize("option", ["certificate_path", "federated_token_file"])
def test_a_file_that_is_not_there_is_named(option: str) -> None:
    assert refusal_of(**{option: "/nowhere/file"}) == (
        f"{option} /nowhere/file cannot be read (No such file or directory): correct the path or its mode"
    )


def test_a_federated_token_is_read_at_each_use(path: Path) -> None:
    first, second = (jwt.encode({"sub": name}, "x" * 32, algorithm="HS256") for name in ("first", "second"))
    path.write_text(f"{first}\n")
    credential = select(federated_token_file=str(path))
    assert credential.identifying("app", ENDPOINT)["client_assertion"] == first
    path.write_text(second)
    assert credential.identifying("app", ENDPOINT)["client_assertion"] == second


def test_a_federated_token_that_is_spoiled_in_the_middle_of_a_run_ends_the_tenant(path: Path) -> None:
    path.write_text(jwt.encode({"sub": "first"}, "x" * 32, algorithm="HS256"))
    credential = select(federated_token_file=str(path))
    path.write_text("")
    with pytest.raises(TenantError) as failed:
        credential.identifying("app", ENDPOINT)
    assert (failed.value.reason.state, failed.value.reason.acts) == ("bad_credential", "provider")
    assert failed.value.reason.meaning.startswith(f"federated_token_file {path} is empty")


@pytest.mark.parametrize("layout", ["PKCS8", "TraditionalOpenSSL"])
@pytest.mark.parametrize("password", [None, PASSWORD])
@pytest.mark.parametrize("key_first", [True, False])
def test_a_pem_file_is_read(
    path: Path, private_key: rsa.RSAPrivateKey, layout: str, password: str | None, key_first: bool
) -> None:
    parts = [key_pem(private_key, password, layout), certificate_pem(private_key)]
    path.write_bytes(b"".join(parts if key_first else reversed(parts)))
    assert_usable(select(certificate_path=str(path), certificate_password=password), private_key)


def test_a_bundle_with_the_ca_first_signs_with_the_certificate_of_the_key(
    path: Path, private_key: rsa.RSAPrivateKey
) -> None:
    ca = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(certificate_pem(ca) + certificate_pem(private_key) + key_pem(private_key))
    assert_usable(select(certificate_path=str(path)), private_key)


def test_a_pem_file_with_windows_line_ends_is_read(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes((key_pem(private_key) + certificate_pem(private_key)).replace(b"\n", b"\r\n"))
    assert_usable(select(certificate_path=str(path)), private_key)


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_pfx_file_is_read(path: Path, private_key: rsa.RSAPrivateKey, password: str | None) -> None:
    path.write_bytes(pfx(private_key, certificate_of(private_key), password))
    assert_usable(select(certificate_path=str(path), certificate_password=password), private_key)


@pytest.mark.parametrize("password", [None, PASSWORD])
@pytest.mark.parametrize("form", ["PEM", "PFX"])
def test_a_file_that_ansible_vault_has_encrypted_is_read(
    path: Path, private_key: rsa.RSAPrivateKey, form: str, password: str | None
) -> None:
    pem = key_pem(private_key, password) + certificate_pem(private_key)
    plain = pem if form == "PEM" else pfx(private_key, certificate_of(private_key), password)
    path.write_text(encrypted(plain, "vault password", "soc"))
    run_vault = vault(other="another", soc="vault password")
    assert_usable(select(vault=run_vault, certificate_path=str(path), certificate_password=password), private_key)


@pytest.mark.parametrize(
    ("run_vault", "sentence"),
    [
        (vault(default="another"), "cannot be used: no vault password of this run opens it: run with --vault-"),
        (vault(), "cannot be used: it is encrypted, and this run has no vault password: run with --vault-"),
        (None, "is encrypted with Ansible Vault, which only a task that runs on the controller can open"),
    ],
    ids=["wrong password", "no password", "no vault"],
)
def test_a_file_that_the_run_cannot_decrypt_is_refused_by_its_name(
    path: Path, private_key: rsa.RSAPrivateKey, run_vault: Vault | None, sentence: str
) -> None:
    pem = key_pem(private_key) + certificate_pem(private_key)
    path.write_text(encrypted(b"canary" + pem, "vault password"))
    assert refusal_of(run_vault, certificate_path=str(path)).startswith(f"certificate_path {path} {sentence}")


def test_a_certificate_does_not_show_its_key(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(key_pem(private_key) + certificate_pem(private_key))
    assert "BEGIN" not in repr(select(certificate_path=str(path)))


def test_a_certificate_without_its_key_is_refused(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(certificate_pem(private_key))
    assert refusal_of(certificate_path=str(path)).endswith(
        "holds no private key: put key and certificate into one PEM file"
    )


def test_a_key_without_its_certificate_is_refused(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(key_pem(private_key))
    assert refusal_of(certificate_path=str(path)).endswith(
        "holds no certificate: put key and certificate into one PEM file"
    )


def test_a_pfx_file_without_a_key_is_refused(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(pfx(None, certificate_of(private_key), None))
    assert "holds no" in refusal_of(certificate_path=str(path))


@pytest.mark.parametrize("password", ["canary wrong", None])
@pytest.mark.parametrize("format_", ["pem", "pfx"])
def test_a_wrong_or_missing_password_names_its_option(
    path: Path, private_key: rsa.RSAPrivateKey, format_: str, password: str | None
) -> None:
    certificate = certificate_of(private_key)
    pem = key_pem(private_key, PASSWORD) + certificate.public_bytes(Encoding.PEM)
    path.write_bytes(pem if format_ == "pem" else pfx(private_key, certificate, PASSWORD))
    message = refusal_of(certificate_path=str(path), certificate_password=password)
    assert str(path) in message
    assert "certificate_password" in message


def test_a_key_of_another_certificate_is_refused(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(key_pem(private_key) + certificate_pem(other))
    assert "the private key does not belong to the certificate" in refusal_of(certificate_path=str(path))


def test_an_expired_certificate_is_refused_with_its_date(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(key_pem(private_key) + certificate_pem(private_key, start_days=-9, end_days=-2))
    expired_on = datetime.now(timezone.utc) - timedelta(days=2)
    message = refusal_of(certificate_path=str(path))
    assert message.endswith(f"the certificate expired on {expired_on:%Y-%m-%d}: renew it")


def test_a_certificate_of_the_future_is_refused(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(key_pem(private_key) + certificate_pem(private_key, start_days=2, end_days=9))
    assert "is valid only from" in refusal_of(certificate_path=str(path))


@pytest.mark.parametrize("format_", ["pem", "pfx"])
def test_a_key_that_entra_does_not_take_is_refused(path: Path, format_: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certificate_of(key)
    pem = key_pem(key) + certificate.public_bytes(Encoding.PEM)
    path.write_bytes(pem if format_ == "pem" else pfx(key, certificate, None))
    message = refusal_of(certificate_path=str(path))
    assert str(path) in message
    assert "RSA" in message


@pytest.mark.parametrize(
    "content",
    [
        b"no certificate at all",
        b"\x30\x82\x00\x00",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END",
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n",
    ],
)
def test_a_damaged_file_is_refused_by_its_name(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refusal_of(certificate_path=str(path)).startswith(f"certificate_path {path}")


def test_a_pem_file_with_a_damaged_key_is_refused(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(key_pem(private_key).replace(b"M", b"N", 1) + certificate_pem(private_key))
    assert refusal_of(certificate_path=str(path)).startswith(
        f"certificate_path {path}: the private key in it is damaged"
    )


def test_what_a_credential_encrypts_only_it_can_read(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(key_pem(private_key) + certificate_pem(private_key))
    made = [ClientSecret("one"), ClientSecret("two"), select(certificate_path=str(path))]
    for writer in made:
        encrypted = writer.cipher().encrypt(b"token")
        for reader in made:
            try:
                readable = reader.cipher().decrypt(encrypted) == b"token"
            except InvalidToken:
                readable = False
            assert readable == (reader is writer)


def test_a_renewed_certificate_of_the_same_key_still_reads_its_cache(
    path: Path, private_key: rsa.RSAPrivateKey
) -> None:
    path.write_bytes(key_pem(private_key) + certificate_pem(private_key))
    encrypted = select(certificate_path=str(path)).cipher().encrypt(b"token")
    path.write_bytes(pfx(private_key, certificate_of(private_key, end_days=9), None))
    assert select(certificate_path=str(path)).cipher().decrypt(encrypted) == b"token"


@pytest.mark.parametrize("content", [b"-----BEGIN CERTIFICATE-----\n", b"no certificate"])
def test_a_file_is_named_by_the_option_it_was_given_in(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for option in ("certificate_path", "dest"):
        with pytest.raises(OptionError, match=rf"^{option} {path}"):
            credentials.parse(path, None, option)


def test_a_pair_is_parsed_and_put_together_again(path: Path, private_key: rsa.RSAPrivateKey) -> None:
    path.write_bytes(key_pem(private_key) + certificate_pem(private_key, start_days=-9, end_days=-2))
    key, certificate = credentials.parse(path, None)
    assert_usable(Certificate(key, certificate), private_key)
    start, end = certificate_files.validity(certificate)
    assert (end - start, start.utcoffset()) == (timedelta(days=7), timedelta(0))
