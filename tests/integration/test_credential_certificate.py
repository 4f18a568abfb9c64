# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate: its key is made here, or given, only the public part travels, and others' certificates survive."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from support.emulated_tenants import DAY, HomeTenant
from support.emulator import EmulatorProcess
from support.operations import Tasks

NAME = "northwind-soc"
OF_TASK: dict[str, Any] = {"unique_name": NAME, "kind": "certificate", "name": "ansible", "encrypt": False}

Writes = Callable[[], list[str]]

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    return tmp_path / "partner.pem"


@pytest.fixture
def proof(tasks: Tasks, emulator: EmulatorProcess, registered: dict[str, Any]) -> Callable[[Path], str]:
    """Asks for a token with the pair in a file and returns the state."""

    def ask(path: Path) -> str:
        result = tasks.token(
            tenant_id=emulator.home_tenant_id,
            client_id=registered["app_id"],
            client_secret=None,
            certificate_path=str(path),
            required_roles=["Incident.Read.All"],
        )
        return str(result["state"])

    return ask


def _given(path: Path, days: float) -> str:
    """Put a new pair, such as a company's own authority hands out, at the path; return its public part."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "given")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=300))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    path.chmod(0o600)
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def _public(path: Path) -> str:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def test_it_is_made_here(
    tasks: Tasks, home: HomeTenant, pem: Path, writes: Writes, proof: Callable[[Path], str]
) -> None:
    writes()
    planned = tasks.credential(**OF_TASK, dest=str(pem), check_mode=True)
    assert planned["changed"]
    assert writes() == []
    assert list(pem.parent.iterdir()) == []

    result = tasks.credential(**OF_TASK, dest=str(pem))
    assert (result["failed"], result["changed"]) == (False, True), result
    assert len(writes()) == 1, "one PATCH"
    assert pem.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in pem.parent.iterdir()] == ["partner.pem"]
    (listed,) = home.certificates()
    assert listed["key"] == _public(pem)
    assert listed["displayName"] == "ansible"
    assert listed["keyId"] == result["credential"]["key_id"]
    assert proof(pem) == "granted"
    assert "PRIVATE" not in str(home.applications())

    before = pem.read_bytes()
    again = tasks.credential(**OF_TASK, dest=str(pem))
    assert (again["changed"], again["credential"]) == (False, result["credential"])
    assert writes() == []
    assert pem.read_bytes() == before


@pytest.mark.parametrize("generate", [True, False])
def test_it_is_given(
    tasks: Tasks, home: HomeTenant, pem: Path, proof: Callable[[Path], str], writes: Writes, generate: bool
) -> None:
    """The pair in the file is registered as it is."""
    public = _given(pem, days=200)
    before = pem.read_bytes()
    writes()
    planned = tasks.credential(**OF_TASK, dest=str(pem), generate=generate, check_mode=True)
    assert planned["changed"]
    assert writes() == []
    result = tasks.credential(**OF_TASK, dest=str(pem), generate=generate)
    assert (result["failed"], result["changed"]) == (False, True), result
    assert [item["key"] for item in home.certificates()] == [public]
    assert pem.read_bytes() == before
    assert proof(pem) == "granted"
    assert tasks.credential(**OF_TASK, dest=str(pem), generate=generate)["changed"] is False


def test_what_is_given_is_not_replaced_near_its_end(
    tasks: Tasks, home: HomeTenant, pem: Path, proof: Callable[[Path], str]
) -> None:
    """A warning asks for a new one; with an expired one it is an error; a new pair in the file rotates."""
    public = _given(pem, days=5)
    result = tasks.credential(**OF_TASK, dest=str(pem), generate=False)
    assert (result["failed"], result["changed"]) == (False, True)
    assert any("ends soon" in warning and str(pem) in warning for warning in result["warnings"])
    again = tasks.credential(**OF_TASK, dest=str(pem), generate=False)
    assert again["changed"] is False
    assert any("put a new pair there" in warning for warning in again["warnings"])
    assert [item["key"] for item in home.certificates()] == [public]

    newer = _given(pem, days=200)
    rotated = tasks.credential(**OF_TASK, dest=str(pem), generate=False)
    assert rotated["changed"]
    assert sorted(item["key"] for item in home.certificates()) == sorted([public, newer]), "both, for the overlap"
    assert proof(pem) == "granted"

    _given(pem, days=-1)
    expired = tasks.credential(**OF_TASK, dest=str(pem), generate=False)
    assert expired["failed"]
    assert "expired" in expired["msg"]
    assert str(pem) in expired["msg"]
    absent = tasks.credential(**OF_TASK, dest=str(pem.with_name("absent.pem")), generate=False)
    assert absent["failed"]
    assert "does not exist" in absent["msg"]


def test_rotation_overlaps(
    tasks: Tasks, home: HomeTenant, pem: Path, proof: Callable[[Path], str], writes: Writes
) -> None:
    """Whoever still has the old pair gets tokens until a later run retires it."""
    task = {**OF_TASK, "dest": str(pem)}
    first = tasks.credential(**task, lifetime="20d", rotate_before="10d")["credential"]
    old = pem.with_name("copy.pem")
    old.write_bytes(pem.read_bytes())
    result = tasks.credential(**task)
    assert (result["changed"], result["retired"]) == (True, []), result
    assert _public(pem) != _public(old)
    assert proof(pem) == proof(old) == "granted"
    assert {item["keyId"] for item in home.certificates()} == {first["key_id"], result["credential"]["key_id"]}
    assert tasks.credential(**task)["changed"] is False

    home.move(result["credential"]["key_id"], starts_in=-8 * DAY)
    writes()
    assert [item["key_id"] for item in tasks.credential(**task, check_mode=True)["retired"]] == [first["key_id"]]
    assert writes() == []
    retiring = tasks.credential(**task)
    assert [item["key_id"] for item in retiring["retired"]] == [first["key_id"]]
    assert proof(pem) == "granted"
    assert proof(old) == "bad_credential"
    assert tasks.credential(**task)["changed"] is False


def test_certificates_of_others_survive(tasks: Tasks, home: HomeTenant, pem: Path) -> None:
    """PATCH replaces the whole list: what others registered is sent along, with its public part."""
    others = [
        {"type": "AsymmetricX509Cert", "usage": "Verify", "displayName": name, "key": _given(pem, days=100)}
        for name in ("portal", "pipeline")
    ]
    home.call("PATCH", f"applications/{home.application()['id']}", {"keyCredentials": others})
    pem.unlink()
    before = home.certificates()
    task = {**OF_TASK, "dest": str(pem), "overlap": "0m"}
    tasks.credential(**task, lifetime="20d", rotate_before="10d")
    result = tasks.credential(**task)
    assert len(result["retired"]) == 1
    assert [item for item in home.certificates() if item["displayName"] != "ansible"] == before
    assert len(home.certificates()) == 3


def test_one_that_somebody_removed_is_registered_again(
    tasks: Tasks, home: HomeTenant, pem: Path, proof: Callable[[Path], str]
) -> None:
    tasks.credential(**OF_TASK, dest=str(pem))
    home.call("PATCH", f"applications/{home.application()['id']}", {"keyCredentials": []})
    before = pem.read_bytes()
    result = tasks.credential(**OF_TASK, dest=str(pem))
    assert result["changed"]
    assert pem.read_bytes() == before
    assert proof(pem) == "granted"


def test_what_gets_no_token_is_taken_back(
    tasks: Tasks, home: HomeTenant, pem: Path, fault: Callable[..., None], proof: Callable[[Path], str]
) -> None:
    """The old pair stays in the file and works; the sentence says so."""
    task = {**OF_TASK, "dest": str(pem)}
    first = tasks.credential(**task, lifetime="20d", rotate_before="10d")["credential"]
    before = pem.read_bytes()
    listed = home.certificates()
    fault("credential_lag", seconds=1000)
    result = tasks.credential(**task, settle_wait=2)
    assert result["failed"]
    for words in ("certificate got no token", "was removed", "AADSTS700027", first["key_id"], "still in place"):
        assert words in result["msg"], result["msg"]
    assert pem.read_bytes() == before
    assert home.certificates() == listed
    home.emulator.control("DELETE", "faults")
    assert proof(pem) == "granted"
    assert tasks.credential(**task)["changed"], "the next run goes on"
    assert proof(pem) == "granted"
    assert [path.name for path in pem.parent.iterdir()] == ["partner.pem"]


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda path: path.write_text("no certificate"), ["dest", "partner.pem"]),
        (lambda path: path.write_text(""), ["dest", "partner.pem"]),
        (lambda path: path.mkdir(), ["dest"]),
    ],
    ids=["garbage", "empty", "folder"],
)
def test_a_file_that_holds_no_pair(
    tasks: Tasks, home: HomeTenant, pem: Path, writes: Writes, prepare: Callable[[Path], object], says: list[str]
) -> None:
    """It is not overwritten: nobody knows what it is."""
    prepare(pem)
    writes()
    result = tasks.credential(**OF_TASK, dest=str(pem))
    assert (result["failed"], result["changed"]) == (True, False)
    for words in says:
        assert words in result["msg"], result["msg"]
    assert writes() == []
    assert home.certificates() == []


def test_a_missing_folder(tasks: Tasks, pem: Path, writes: Writes) -> None:
    writes()
    result = tasks.credential(**OF_TASK, dest=str(pem.parent / "absent" / "partner.pem"))
    assert result["failed"]
    assert "does not exist" in result["msg"]
    assert writes() == []
