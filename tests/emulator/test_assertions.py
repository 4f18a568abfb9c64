# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Client assertions made by hand, right and wrong."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from support.emulator import EmulatorProcess

from .conftest import Caller, claims_of

Consent = Callable[..., None]


def _certificate_assertion(
    emulator: EmulatorProcess, algorithm: str = "PS256", key: rsa.RSAPrivateKey | None = None, **changes: object
) -> str:
    pem = Path(emulator.connection["certificate_path"]).read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    # MSAL leaves the padding on.
    if algorithm == "PS256":
        thumbprint = {"x5t#S256": base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode()}
    else:
        thumbprint = {"x5t": base64.urlsafe_b64encode(hashlib.sha1(der).digest()).decode()}
    claims = {
        "aud": f"{emulator.url}/{emulator.tenant_id('contoso')}/oauth2/v2.0/token",
        "iss": emulator.client_id,
        "sub": emulator.client_id,
        "jti": str(uuid.uuid4()),
        "iat": time.time(),
        "exp": time.time() + 600,
        **changes,
    }
    return jwt.encode(claims, key or load_pem_private_key(pem, None), algorithm, headers=thumbprint)


def _ask(caller: Caller, assertion: str, segment: str = "contoso") -> requests.Response:
    return caller.ask_token(
        segment,
        client_secret=None,
        client_assertion=assertion,
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    )


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_a_certificate_assertion(caller: Caller, emulator: EmulatorProcess, consented: Consent, algorithm: str) -> None:
    consented()
    assertion = _certificate_assertion(emulator, algorithm)
    for _turn in range(2):
        answer = _ask(caller, assertion)
        assert answer.status_code == 200, answer.text
    assert claims_of(answer.json()["access_token"])["appidacr"] == "2"


def test_the_audience_may_be_the_endpoint_as_addressed(
    caller: Caller, emulator: EmulatorProcess, consented: Consent
) -> None:
    consented()
    audience = f"{emulator.url}/contoso.example/oauth2/v2.0/token"
    assertion = _certificate_assertion(emulator, aud=audience)
    assert _ask(caller, assertion, "contoso.example").status_code == 200
    assert _ask(caller, assertion).json()["error_codes"] == [700023]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": time.time() - 3600}, 700024),
        ({"nbf": time.time() + 3600}, 700024),
        ({"aud": "https://login.example/token"}, 700023),
        ({"sub": "somebody"}, 700021),
        ({"exp": "soon"}, 50027),
    ],
)
def test_a_certificate_assertion_that_is_wrong(
    caller: Caller, emulator: EmulatorProcess, consented: Consent, changes: dict[str, object], code: int
) -> None:
    consented()
    assert _ask(caller, _certificate_assertion(emulator, **changes)).json()["error_codes"] == [code]


def test_a_certificate_assertion_of_another_tenant(
    caller: Caller, emulator: EmulatorProcess, consented: Consent
) -> None:
    consented("fabrikam")
    assert _ask(caller, _certificate_assertion(emulator), "fabrikam").json()["error_codes"] == [700023]


def test_a_key_that_is_not_the_registered_one(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> None:
    consented()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    answer = _ask(caller, _certificate_assertion(emulator, key=other))
    assert (answer.status_code, answer.json()["error_codes"]) == (401, [700027])
    emulator.control("PATCH", "application", {"certificate_registered": False})
    answer = _ask(caller, _certificate_assertion(emulator))
    assert "The key was not found." in answer.json()["error_description"]


def _federated_claims(emulator: EmulatorProcess) -> dict[str, object]:
    return claims_of(Path(emulator.connection["federated_token_file"]).read_text())


def test_the_federated_token(caller: Caller, emulator: EmulatorProcess, consented: Consent) -> None:
    consented()
    token = Path(emulator.connection["federated_token_file"]).read_text()
    answer = _ask(caller, token)
    assert answer.status_code == 200, answer.text
    assert claims_of(token)["exp"] > time.time() + 23 * 3600


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://tokens.example"}, 700211),
        ({"aud": "api://somebody"}, 700212),
        ({"sub": "repo:southwind/soc:environment:production"}, 700213),
        ({"sub": "REPO:northwind/soc:environment:production"}, 7002138),
        ({}, 700027),
    ],
)
def test_a_federated_token_of_somebody_else(
    caller: Caller, emulator: EmulatorProcess, consented: Consent, changes: dict[str, object], code: int
) -> None:
    consented()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode({**_federated_claims(emulator), **changes}, other, "RS256")
    answer = _ask(caller, token)
    assert (answer.status_code, answer.json()["error_codes"]) == (401, [code])
