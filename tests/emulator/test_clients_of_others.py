# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients nobody here wrote find the emulator as they find Microsoft."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msal
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientAssertionCredential, ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, XDR_SCOPE, Caller

Consent = Callable[..., None]


def _msal(
    emulator: EmulatorProcess, credential: object, tenant: str | None = None
) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        emulator.client_id,
        client_credential=credential,
        authority=f"{emulator.url}/{tenant or emulator.tenant_id('contoso')}",
        instance_discovery=False,
        verify=emulator.ca_path,
    )


def _pem(emulator: EmulatorProcess) -> str:
    return Path(emulator.connection["certificate_path"]).read_text()


def _sha1_certificate(emulator: EmulatorProcess) -> dict[str, str]:
    certificate = x509.load_pem_x509_certificate(_pem(emulator).encode())
    return {"private_key": _pem(emulator), "thumbprint": certificate.fingerprint(hashes.SHA1()).hex()}


def _sha256_certificate(emulator: EmulatorProcess) -> dict[str, str]:
    return {"private_key": _pem(emulator), "public_certificate": _pem(emulator)}


def _pfx(emulator: EmulatorProcess) -> dict[str, str]:
    password = Path(emulator.connection["certificate_password_file"]).read_text()
    return {"private_key_pfx_path": emulator.connection["certificate_pfx_path"], "passphrase": password}


def _federated(emulator: EmulatorProcess) -> dict[str, Callable[[], str]]:
    return {"client_assertion": Path(emulator.connection["federated_token_file"]).read_text}


def _secret(emulator: EmulatorProcess) -> str:
    return emulator.client_secret


@pytest.mark.parametrize("credential", [_secret, _sha1_certificate, _sha256_certificate, _pfx, _federated])
def test_msal_gets_a_token_that_reads_incidents(
    emulator: EmulatorProcess, caller: Caller, consented: Consent, credential: Callable[[EmulatorProcess], Any]
) -> None:
    consented()
    result = _msal(emulator, credential(emulator)).acquire_token_for_client([XDR_SCOPE])
    assert result.get("token_source") == "identity_provider", result
    answer = caller.get("/api/incidents", result["access_token"])
    assert answer.status_code == 200
    assert len(answer.json()["value"]) >= 25


def test_msal_takes_the_domain_for_the_tenant(emulator: EmulatorProcess, consented: Consent) -> None:
    consented("fabrikam")
    result = _msal(emulator, _sha256_certificate(emulator), "fabrikam.example").acquire_token_for_client([XDR_SCOPE])
    assert "access_token" in result, result


def test_msal_reports_what_is_missing(emulator: EmulatorProcess) -> None:
    result = _msal(emulator, emulator.client_secret).acquire_token_for_client([XDR_SCOPE])
    assert (result["error"], result["error_codes"]) == ("invalid_client", [7000229])
    result = _msal(emulator, "wrong").acquire_token_for_client([XDR_SCOPE])
    assert (result["error"], result["error_codes"]) == ("invalid_client", [7000215])


def test_msal_does_not_find_a_tenant_that_is_none(emulator: EmulatorProcess) -> None:
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        _msal(emulator, "any", "nowhere.example")


def _azure(emulator: EmulatorProcess) -> dict[str, Any]:
    return {
        "authority": emulator.url,
        "disable_instance_discovery": True,
        "connection_verify": emulator.ca_path,
        "retry_total": 0,
    }


def test_azure_identity_with_each_credential(emulator: EmulatorProcess, caller: Caller, consented: Consent) -> None:
    consented()
    tenant, client, options = emulator.tenant_id("contoso"), emulator.client_id, _azure(emulator)
    federated_token = Path(emulator.connection["federated_token_file"])
    credentials = [
        ClientSecretCredential(tenant, client, emulator.client_secret, **options),
        CertificateCredential(tenant, client, emulator.connection["certificate_path"], **options),
        CertificateCredential(
            tenant,
            client,
            emulator.connection["certificate_pfx_path"],
            password=Path(emulator.connection["certificate_password_file"]).read_text(),
            **options,
        ),
        ClientAssertionCredential(tenant, client, federated_token.read_text, **options),
    ]
    for credential in credentials:
        token = credential.get_token(XDR_SCOPE)
        assert caller.get("/api/incidents", token.token).status_code == 200, credential


def test_azure_identity_reads_graph(emulator: EmulatorProcess, caller: Caller, consented: Consent) -> None:
    consented("contoso", "SecurityIncident.Read.All")
    credential = ClientSecretCredential(
        emulator.tenant_id("contoso"), emulator.client_id, emulator.client_secret, **_azure(emulator)
    )
    answer = caller.get("/v1.0/security/incidents", credential.get_token(GRAPH_SCOPE).token)
    assert answer.status_code == 200
    assert answer.json()["value"][0]["id"].isdigit()


def test_azure_identity_reports_refusals(emulator: EmulatorProcess) -> None:
    options = _azure(emulator)
    secret = ClientSecretCredential(emulator.tenant_id("contoso"), emulator.client_id, "wrong", **options)
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        secret.get_token(XDR_SCOPE)
    certificate = CertificateCredential(
        emulator.tenant_id("contoso"), emulator.client_id, emulator.connection["certificate_path"], **options
    )
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000229"):
        certificate.get_token(XDR_SCOPE)
    emulator.control("PATCH", "application", {"certificate_registered": False})
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        certificate.get_token(XDR_SCOPE)
