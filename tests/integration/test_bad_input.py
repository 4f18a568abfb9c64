# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input gives one clear sentence that names the option and the remedy, never a traceback or half a file."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from support.ansible_runs import Ansible

CREDENTIALS = ["client_secret (AZURE_CLIENT_SECRET)", "certificate_path (AZURE_CLIENT_CERTIFICATE_PATH)"]


@dataclass(frozen=True)
class Case:
    """Options and environment that are wrong, and the words that the sentence must have.

    `{name}` in an option or a variable stands for a file of the fixture `files`; None takes it away.
    """

    name: str
    says: list[str]
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str | None] = field(default_factory=dict)
    module: str = "defender_token"
    fault: dict[str, Any] | None = None


def _by_certificate(file: str, **options: str) -> dict[str, Any]:
    return {"certificate_path": f"{{{file}}}", **options}


_NO_SECRET: dict[str, str | None] = {"AZURE_CLIENT_SECRET": None}
CASES = [
    Case("no credential", ["no credential is given", *CREDENTIALS], environment=_NO_SECRET),
    Case(
        "two credentials",
        [*CREDENTIALS, "both given", "keep one"],
        environment={"AZURE_CLIENT_CERTIFICATE_PATH": "{certificate}"},
    ),
    Case(
        "empty environment values",
        ["no credential is given", *CREDENTIALS],
        environment={
            "AZURE_CLIENT_SECRET": "",
            "AZURE_CLIENT_CERTIFICATE_PATH": "{empty}",
            "AZURE_CLIENT_CERTIFICATE_PASSWORD": "",
            "AZURE_FEDERATED_TOKEN_FILE": "",
        },
    ),
    Case("no application", ["client_id", "AZURE_CLIENT_ID"], {"client_id": ""}, {"AZURE_CLIENT_ID": ""}),
    Case("application that is no GUID", ["client_id", "GUID"], {"client_id": "Northwind SOC"}),
    Case(
        "certificate without its key",
        ["certificate_path", "no private key"],
        _by_certificate("without_key"),
        _NO_SECRET,
    ),
    Case("certificate of another key", ["certificate_path", "pair"], _by_certificate("unpaired"), _NO_SECRET),
    Case(
        "wrong password of a PFX",
        ["certificate_path", "certificate_password"],
        _by_certificate("pfx", certificate_password="wrong password"),
        _NO_SECRET,
    ),
    Case(
        "wrong password of a PEM",
        ["certificate_path", "certificate_password"],
        _by_certificate("encrypted", certificate_password="wrong password"),
        _NO_SECRET,
    ),
    Case(
        "password missing", ["certificate_path", "give certificate_password"], _by_certificate("encrypted"), _NO_SECRET
    ),
    Case("expired certificate", ["certificate_path", "expired on", "renew"], _by_certificate("expired"), _NO_SECRET),
    Case("key that is not RSA", ["certificate_path", "RSA"], _by_certificate("elliptic"), _NO_SECRET),
    Case("no certificate at all", ["certificate_path", "absent.pem"], _by_certificate("absent"), _NO_SECRET),
    Case("http authority", ["authority_url", "https"], {"authority_url": "http://localhost:1"}),
    Case("http API", ["xdr_url", "https"], {"xdr_url": "http://localhost:1"}, module="defender_incidents"),
    Case("common as tenant", ["tenant_id", "common", "GUID", "domain"], {"tenant_id": "common"}),
    Case("malformed GUID", ["tenant_id", "neither a GUID nor a domain"], {"tenant_id": "c7493925-5fb8-57dc-9429-f8c9"}),
    Case("no tenant", ["tenant_id", "tenants"], {"tenant_id": ""}),
    Case(
        "tenant in another cloud",
        ["another cloud", "AADSTS900382", "provider:"],
        fault={"kind": "token_error", "code": 900382},
    ),
    Case(
        "unknown role",
        ["required_roles", "did you mean SecurityIncident.Read.All"],
        {"required_roles": ["SecurityIncidents.Read.All"]},
    ),
    Case(
        "unknown permission",
        ["permissions.xdr", "did you mean Incident.Read.All"],
        {"permissions": {"xdr": ["Incidents.Read.All"]}},
        module="defender_consent_url",
    ),
    Case("redirect missing", ["redirect_uri"], {"redirect_uri": ""}, module="defender_consent_url"),
    Case(
        "short state key",
        ["state_key", "long random"],
        {"state_key": "short"},
        module="defender_consent_url",
    ),
    Case(
        "unreachable host",
        ["localhost:1", "could not be reached", "check the network"],
        {"authority_url": "https://localhost:1", "retries": 0},
    ),
    Case("TLS failure", ["TLS", "ca_path"], {"ca_path": "{foreign_ca}"}),
    Case("no such CA bundle", ["ca_path", "absent.pem", "does not exist"], {"ca_path": "{absent}"}),
    Case("CA bundle that is none", ["ca_path"], {"ca_path": "{nonsense}"}),
    Case(
        "truncated reply",
        ["cut off", "check the network"],
        {"retries": 0},
        fault={"kind": "truncate", "path": "/token"},
    ),
    Case("reply that is no JSON", ["JSON", "proxy"], fault={"kind": "not_json", "path": "/token"}),
    Case(
        "list that is no JSON",
        ["JSON", "proxy"],
        module="defender_incidents",
        fault={"kind": "not_json", "path": "/v1.0/security/incidents"},
    ),
    Case("folder of dest missing", ["dest", "does not exist", "create it"], {"dest": "{absent}/token"}),
    Case(
        "folder of dest missing for incidents",
        ["dest", "does not exist", "create it"],
        {"dest": "{absent}/incidents.jsonl"},
        module="defender_incidents",
    ),
    Case("dest that is a folder", ["dest"], {"dest": "{folder}"}),
    Case("cache in a missing folder", ["cache", "does not exist"], {"cache": "{absent}/cache"}),
    Case(
        "time that is none",
        ["updated_after", "24h"],
        {"updated_after": "yesterday"},
        module="defender_incidents",
    ),
    Case(
        "limit and checkpoint",
        ["limit", "checkpoint", "mutually exclusive"],
        {"limit": 1, "checkpoint": "{folder}/kept"},
        module="defender_incidents",
    ),
    Case(
        "checkpoint in a missing folder",
        ["checkpoint", "does not exist", "create it"],
        {"checkpoint": "{absent}/kept"},
        module="defender_incidents",
    ),
    Case("limit of nothing", ["limit", "at least 1"], {"limit": 0}, module="defender_incidents"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates and the like, each wrong in its own way. `absent` does not exist."""
    folder = tmp_path_factory.mktemp("files")
    key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _unused in range(2))
    elliptic = ec.generate_private_key(ec.SECP256R1())
    encoding, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    plain, curve = (each.private_bytes(encoding, pkcs8, serialization.NoEncryption()) for each in (key, elliptic))
    encrypted = key.private_bytes(encoding, pkcs8, serialization.BestAvailableEncryption(b"the right password"))
    contents = {
        "empty": b"",
        "nonsense": b"neither a certificate nor a key\n",
        "without_key": _certificate(key),
        "unpaired": plain + _certificate(other),
        "encrypted": encrypted + _certificate(key),
        "expired": plain + _certificate(key, days_left=-1),
        "elliptic": curve + _certificate(elliptic),
        "foreign_ca": _certificate(other),
    }
    for name, content in contents.items():
        (folder / f"{name}.pem").write_bytes(content)
    return {"absent": folder / "absent.pem", **{name: folder / f"{name}.pem" for name in contents}}


def _certificate(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, days_left: int = 30) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bad input")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days_left))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _filled(value: Any, files: dict[str, Path]) -> Any:
    return value.format_map(files) if isinstance(value, str) and "{" in value else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(
    ansible: Ansible,
    consent: Callable[..., None],
    fault: Callable[..., None],
    files: dict[str, Path],
    case: Case,
) -> None:
    consent("contoso")
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    folder = ansible.place / "folder"
    folder.mkdir()
    known = {
        **files,
        "folder": folder,
        "certificate": Path(ansible.emulator.connection["certificate_path"]),
        "pfx": Path(ansible.emulator.connection["certificate_pfx_path"]),
    }
    if case.fault:
        fault(**case.fault)
    options = {name: _filled(value, known) for name, value in case.options.items()}
    environment = {name: _filled(value, known) for name, value in case.environment.items()}
    before = sorted(ansible.place.rglob("*"))

    arguments = ["-a", json.dumps(options)] if options else []
    run = ansible.ad_hoc(f"mssp.defender.{case.module}", *arguments, "-vvv", **environment)
    result = run.result(case.module)
    assert run.code == 2, run.output
    assert [words for words in case.says if words not in result["msg"]] == [], result["msg"]
    assert "\n" not in result["msg"]
    assert "Traceback" not in run.output
    assert "internal error" not in run.output
    assert result["changed"] is False
    assert [path for path in sorted(ansible.place.rglob("*")) if path.name != "inventory.json"] == before


@pytest.mark.parametrize("library", ["msal", "requests", "jwt"])
def test_library_missing(ansible: Ansible, library: str) -> None:
    """The sentence names the interpreter, in process and for a real module alike."""
    ansible.customers = {"contoso": ansible.customers["contoso"]}
    broken = ansible.place / "broken"
    broken.mkdir()
    (broken / f"{library}.py").write_text(f"raise ModuleNotFoundError('No module named {library}', name='{library}')\n")
    play = ansible.play(
        """
        - name: In process
          mssp.defender.defender_token: &token
            tenant_id: "{{ partner_access_tenant_id }}"
          ignore_errors: true
        - name: Delegated
          mssp.defender.defender_token: *token
          delegate_to: worker
          ignore_errors: true
        """
    )
    run = ansible.playbook(play, "-vvv", PYTHONPATH=str(broken))
    assert run.code == 0, run.output
    for task in ("In process", "Delegated"):
        message = run.result(task)["msg"]
        assert f"{'PyJWT' if library == 'jwt' else library}" in message
        assert "requirements.txt" in message
        assert "python" in message
    assert "Traceback" not in run.output
