# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a token proves: its claims, its signature, its roles."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from support.emulator import EmulatorProcess
from support.operations import Tasks
from support.scripted_server import Answer, Request, ScriptedServer

_FOREIGN = "99999999-9999-4999-8999-999999999999"


@pytest.fixture(scope="module")
def foreign_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def forging_authority(
    emulator: EmulatorProcess, scripted: ScriptedServer, foreign_key: rsa.RSAPrivateKey
) -> Callable[..., None]:
    """An authority that publishes the emulator's metadata and issues tokens of its own, right but for `changes`."""
    tenant_id = emulator.tenant_id("contoso")
    kid = _get(emulator, "/common/discovery/keys")["keys"][0]["kid"]

    def forge(**changes: Any) -> None:
        now = int(time.time())
        claims = {
            "aud": "https://api.security.microsoft.com",
            "iss": f"https://sts.windows.net/{tenant_id}/",
            "iat": now - 300,
            "nbf": now - 300,
            "exp": now + 3600,
            "appid": emulator.client_id,
            "tid": tenant_id,
            "roles": ["Incident.Read.All"],
            "ver": "1.0",
            **changes,
        }
        token = jwt.encode(claims, foreign_key, algorithm="RS256", headers={"kid": kid})

        def respond(request: Request) -> Answer:
            if request.method == "POST":
                return Answer({"token_type": "Bearer", "expires_in": 3600, "access_token": token})
            metadata = requests.get(
                emulator.url + request.path, params=request.query, verify=emulator.ca_path, timeout=10
            )
            return Answer(metadata.text.replace(emulator.url, scripted.url))

        scripted.respond = respond

    return forge


def _get(emulator: EmulatorProcess, path: str) -> Any:
    return requests.get(emulator.url + path, verify=emulator.ca_path, timeout=10).json()


@pytest.mark.parametrize(
    ("changes", "blamed"),
    [
        ({"tid": _FOREIGN, "iss": f"https://sts.windows.net/{_FOREIGN}/"}, "(tid)"),
        ({"appid": _FOREIGN}, "(appid)"),
        ({"aud": "https://graph.microsoft.com"}, "(aud)"),
        ({"iss": f"https://sts.windows.net/{_FOREIGN}/"}, "(iss)"),
        ({"exp": 1_700_000_000}, "(exp)"),
        ({"nbf": 4_000_000_000, "exp": 4_000_003_600}, "(nbf)"),
    ],
    ids=["tenant", "application", "audience", "issuer", "expired", "not yet valid"],
)
def test_a_wrong_claim_is_named(
    tasks: Tasks,
    emulator: EmulatorProcess,
    scripted: ScriptedServer,
    forging_authority: Callable[..., None],
    changes: dict[str, Any],
    blamed: str,
) -> None:
    forging_authority(**changes)
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), authority_url=scripted.url)
    assert result["failed"]
    assert result["state"] == "error"
    assert re.findall(r"\((?:tid|appid|aud|iss|exp|nbf)\)", result["msg"]) == [blamed]


def test_a_right_token_of_a_wrong_key_is_not_trusted(
    tasks: Tasks, emulator: EmulatorProcess, scripted: ScriptedServer, forging_authority: Callable[..., None]
) -> None:
    forging_authority()
    tenant_id = emulator.tenant_id("contoso")
    result = tasks.token(tenant_id=tenant_id, authority_url=scripted.url)
    assert result["state"] == "error"
    assert "signature does not verify" in result["msg"]
    skipped = tasks.token(tenant_id=tenant_id, authority_url=scripted.url, verify_signature=False)
    assert skipped["state"] == "granted"
    assert skipped["signature"] == "skipped"


@pytest.mark.parametrize(("seconds", "blamed"), [(7200, "(nbf)"), (-9000, "(exp)")], ids=["fast", "slow"])
def test_a_clock_that_is_wrong_is_named(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    fault: Callable[..., None],
    seconds: int,
    blamed: str,
) -> None:
    consent("contoso")
    fault("clock_skew", seconds=seconds)
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"))
    assert result["state"] == "error"
    assert blamed in result["msg"]
    assert "clock" in result["msg"]


def test_a_clock_a_little_wrong_is_forgiven(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    consent("contoso")
    fault("clock_skew", seconds=400)
    assert tasks.token(tenant_id=emulator.tenant_id("contoso"))["state"] == "granted"


def test_an_unpublished_key_is_not_trusted(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], fault: Callable[..., None]
) -> None:
    consent("contoso")
    fault("unknown_key")
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"))
    assert result["state"] == "error"
    assert "none of those the authority publishes" in result["msg"]


@pytest.mark.parametrize("withdraw_old", [False, True])
def test_a_key_rolled_over_in_mid_run_is_fetched(
    run_of_tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    count_requests: Callable[[str], int],
    withdraw_old: bool,
) -> None:
    consent("contoso", "fabrikam")
    assert run_of_tasks.token(tenant_id=emulator.tenant_id("contoso"))["signature"] == "verified"
    fetched = count_requests("/discovery/keys")
    emulator.control("POST", "keys/rotate", {"withdraw_old": withdraw_old})
    assert run_of_tasks.token(tenant_id=emulator.tenant_id("fabrikam"))["signature"] == "verified"
    assert count_requests("/discovery/keys") == fetched + 1


def test_graph_tokens_are_never_called_verified(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]
) -> None:
    consent("contoso", roles=["SecurityIncident.Read.All"])
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), resource="graph")
    assert result["state"] == "granted", result["msg"]
    assert result["signature"] == "opaque"


def test_roles_missing_make_the_tenant_partial(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]
) -> None:
    consent("contoso")
    result = tasks.token(
        tenant_id=emulator.tenant_id("contoso"), required_roles=["Incident.Read.All", "AdvancedHunting.Read.All"]
    )
    assert result["failed"]
    assert result["state"] == "partial"
    assert result["missing_roles"] == ["AdvancedHunting.Read.All"]
    assert result["roles"] == ["Incident.Read.All"]
    assert result["who"] == "customer admin"
    assert "AdvancedHunting.Read.All" in result["msg"]


def test_a_token_without_any_role_is_partial(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]
) -> None:
    consent("contoso", roles=[])
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"))
    assert (result["state"], result["roles"]) == ("partial", [])


def test_roles_in_excess_are_listed(tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]) -> None:
    consent("contoso", roles=["Incident.Read.All", "AdvancedHunting.Read.All"])
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"))
    assert result["state"] == "granted"
    assert result["excess_roles"] == ["AdvancedHunting.Read.All"]


def test_readwrite_covers_read(tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]) -> None:
    consent("contoso", roles=["Incident.ReadWrite.All"])
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"))
    assert (result["state"], result["missing_roles"]) == ("granted", [])
