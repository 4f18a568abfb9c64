# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens are asked for once: within a run through its directory, between runs through `cache`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.emulator import EmulatorProcess
from support.operations import Tasks

TOKEN_REQUEST = "/oauth2/v2.0/token"
DISCOVERY = ".well-known/openid-configuration"


def test_tasks_of_a_run_share_a_token(
    run_of_tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    count_requests: Callable[[str], int],
) -> None:
    consent("contoso")
    tenant_id = emulator.tenant_id("contoso")
    assert run_of_tasks.token(tenant_id=tenant_id)["from_cache"] is False
    assert run_of_tasks.token(tenant_id=tenant_id)["from_cache"] is True
    assert run_of_tasks.incidents(tenant_id=tenant_id)["count"] > 0
    assert count_requests(TOKEN_REQUEST) == 1


def test_tasks_share_by_tenant_and_resource_only(
    run_of_tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    count_requests: Callable[[str], int],
) -> None:
    consent("contoso", "fabrikam", roles=["Incident.Read.All", "SecurityIncident.Read.All"])
    run_of_tasks.token(tenant_id=emulator.tenant_id("contoso"))
    run_of_tasks.token(tenant_id=emulator.tenant_id("contoso"), resource="graph")
    run_of_tasks.token(tenant_id=emulator.tenant_id("fabrikam"))
    assert count_requests(TOKEN_REQUEST) == 3


def test_discovery_is_asked_once_for_all_tenants(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    count_requests: Callable[[str], int],
) -> None:
    """MSAL alone would ask once for each tenant."""
    names = [tenant["name"] for tenant in emulator.connection["tenants"]]
    consent(*names)
    tenants = [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in names]
    result = tasks.token(tenants=tenants)
    assert result["summary"] == {"granted": len(names)}
    assert count_requests(TOKEN_REQUEST) == len(names)
    assert count_requests(DISCOVERY) <= 2, "the metadata of the endpoint, and of the tokens' version"
    assert count_requests("/discovery/keys") == 1
    assert count_requests("/discovery/instance") == 0


def test_discovery_is_shared_by_the_tasks_of_a_run(
    run_of_tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    count_requests: Callable[[str], int],
) -> None:
    consent("contoso", "fabrikam")
    run_of_tasks.token(tenant_id=emulator.tenant_id("contoso"))
    before = count_requests("GET ")
    run_of_tasks.token(tenant_id=emulator.tenant_id("fabrikam"))
    assert count_requests("GET ") == before


def test_a_token_without_its_roles_is_not_kept(
    run_of_tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    tmp_path: Path,
) -> None:
    """It would hide the consent that is about to come for as long as it lives."""
    consent("contoso", roles=[])
    cache = tmp_path / "cache"
    tenant_id = emulator.tenant_id("contoso")
    assert run_of_tasks.token(tenant_id=tenant_id, cache=cache)["state"] == "partial"
    assert list(cache.glob("*.token")) == []
    assert list((run_of_tasks.run_directory or tmp_path).glob("*.token")) == []
    consent("contoso")
    assert run_of_tasks.token(tenant_id=tenant_id, cache=cache)["state"] == "granted"


def test_a_kept_token_that_lacks_a_newly_required_role_is_not_used(
    run_of_tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None]
) -> None:
    consent("contoso")
    tenant_id = emulator.tenant_id("contoso")
    assert run_of_tasks.token(tenant_id=tenant_id)["state"] == "granted"
    both = ["Incident.Read.All", "AdvancedHunting.Read.All"]
    consent("contoso", roles=both)
    result = run_of_tasks.token(tenant_id=tenant_id, required_roles=both)
    assert (result["state"], result["from_cache"]) == ("granted", False)


def test_the_next_run_uses_the_cache(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    count_requests: Callable[[str], int],
    tmp_path: Path,
) -> None:
    consent("contoso")
    cache = tmp_path / "cache"
    tenant_id = emulator.tenant_id("contoso")
    exposed = tasks.token(tenant_id=tenant_id, cache=cache, expose_token=True)["access_token"]
    emulator.control("DELETE", "requests")
    assert tasks.token(tenant_id=tenant_id, cache=cache)["from_cache"] is True
    assert tasks.incidents(tenant_id=tenant_id, cache=cache)["count"] > 0
    assert count_requests(TOKEN_REQUEST) == 0

    kept = list(cache.iterdir())
    assert kept
    assert cache.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    for path in kept:
        assert exposed not in path.read_text()
        assert "eyJ" not in path.read_text(), "it must be encrypted"


def test_the_cache_is_worth_nothing_with_another_credential(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    count_requests: Callable[[str], int],
    tmp_path: Path,
) -> None:
    consent("contoso")
    cache = tmp_path / "cache"
    tenant_id = emulator.tenant_id("contoso")
    tasks.token(tenant_id=tenant_id, cache=cache)
    stranger = tasks.token(tenant_id=tenant_id, cache=cache, client_secret="the secret of somebody else")
    assert stranger["state"] == "bad_credential"
    certificate = tasks.token(
        tenant_id=tenant_id,
        cache=cache,
        client_secret=None,
        certificate_path=emulator.connection["certificate_path"],
    )
    assert (certificate["state"], certificate["from_cache"]) == ("granted", False)
    assert count_requests(TOKEN_REQUEST) == 3


def test_a_cache_others_can_read_is_refused(tasks: Tasks, emulator: EmulatorProcess, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o755)
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), cache=cache)
    assert result["failed"]
    assert "0700" in result["msg"]
    assert list(cache.glob("*.token")) == []


def test_a_damaged_cache_is_made_anew(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], tmp_path: Path
) -> None:
    consent("contoso")
    cache = tmp_path / "cache"
    tenant_id = emulator.tenant_id("contoso")
    tasks.token(tenant_id=tenant_id, cache=cache)
    for path in cache.iterdir():
        path.write_bytes(b"\xff\x00 damaged")
    assert tasks.token(tenant_id=tenant_id, cache=cache)["from_cache"] is False
    assert tasks.token(tenant_id=tenant_id, cache=cache)["from_cache"] is True


def test_a_token_about_to_expire_is_not_handed_out(
    run_of_tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    count_requests: Callable[[str], int],
) -> None:
    consent("contoso")
    emulator.control("PATCH", "application", {"token_lifetime": 200})
    tenant_id = emulator.tenant_id("contoso")
    assert run_of_tasks.token(tenant_id=tenant_id)["state"] == "granted"
    assert run_of_tasks.token(tenant_id=tenant_id)["from_cache"] is False
    assert count_requests(TOKEN_REQUEST) == 2
