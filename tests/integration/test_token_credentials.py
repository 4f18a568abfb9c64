# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every credential opens both token endpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulator import EmulatorProcess
from support.operations import Tasks


def _credential(emulator: EmulatorProcess, kind: str) -> dict[str, Any]:
    """The options of one credential, and `client_secret: None` where that is another one."""
    files = emulator.connection
    password = Path(files["certificate_password_file"]).read_text()
    return {
        "secret": {},
        "PEM": {"client_secret": None, "certificate_path": files["certificate_path"]},
        "PFX": {
            "client_secret": None,
            "certificate_path": files["certificate_pfx_path"],
            "certificate_password": password,
        },
        "federated": {"client_secret": None, "federated_token_file": files["federated_token_file"]},
    }[kind]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("kind", ["secret", "PEM", "PFX", "federated"])
def test_credential_is_accepted(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], kind: str, version: str
) -> None:
    consent("contoso")
    result = tasks.token(
        tenant_id=emulator.tenant_id("contoso"), endpoint_version=version, **_credential(emulator, kind)
    )
    assert result["state"] == "granted", result["msg"]
    (request,) = [r for r in emulator.control("GET", "requests")["requests"] if r["path"].endswith("/token")]
    assert request["credential"] == ("client_secret" if kind == "secret" else "client_assertion")
    assert request["path"].endswith("/oauth2/token" if version == "v1" else "/oauth2/v2.0/token")


@pytest.mark.parametrize("kind", ["PEM", "federated"])
def test_assertion_is_addressed_to_a_tenant_given_by_its_domain(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], kind: str
) -> None:
    consent("contoso")
    result = tasks.token(tenant_id="contoso.example", **_credential(emulator, kind))
    assert result["state"] == "granted", result["msg"]
    assert result["tenant_id"] == emulator.tenant_id("contoso")


def test_federated_token_is_read_at_each_use(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], tmp_path: Path
) -> None:
    """A sidecar renews the file while a run goes on."""
    consent("contoso")
    token_file = tmp_path / "federated_token"
    options = {"tenant_id": emulator.tenant_id("contoso"), "client_secret": None, "federated_token_file": token_file}
    token_file.write_text("stale.token.here")
    stale = tasks.token(**options)
    assert stale["failed"]
    assert "holds no JWT" in stale["msg"]
    token_file.write_text(Path(emulator.connection["federated_token_file"]).read_text() + "\n")
    assert tasks.token(**options)["state"] == "granted"


@pytest.mark.parametrize("version", [1, 2])
def test_both_token_versions_are_understood(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], version: int
) -> None:
    """The resource chooses the version of its tokens, whichever endpoint is asked."""
    consent("contoso")
    emulator.control("PATCH", "application", {"token_version": version})
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"))
    assert result["state"] == "granted", result["msg"]
    assert result["token_version"] == f"{version}.0"
    assert result["signature"] == "verified"
    assert result["app_id"] == emulator.client_id


def test_result_tells_all_about_the_token_and_not_the_token(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]
) -> None:
    consent("contoso")
    tenant_id = emulator.tenant_id("contoso")
    result = tasks.token(tenant_id=tenant_id)
    assert result["tenant_id"] == tenant_id
    assert result["roles"] == ["Incident.Read.All"]
    assert result["missing_roles"] == result["excess_roles"] == []
    assert result["audience"] == "https://api.security.microsoft.com"
    assert result["issuer"] == f"https://sts.windows.net/{tenant_id}/"
    assert result["issued_at"] < result["expires_at"]
    assert result["from_cache"] is False
    assert result["changed"] is False
    assert "eyJ" not in str(result)


def test_resource_may_be_a_uri(tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]) -> None:
    consent("contoso")
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), resource="https://api-eu.security.microsoft.com")
    assert result["state"] == "granted", result["msg"]
    assert result["audience"] == "https://api-eu.security.microsoft.com"
