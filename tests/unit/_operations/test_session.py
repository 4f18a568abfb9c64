# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from unit.operation_host import OperationHost
from unit.scripted_entra import CLIENT, RESOURCE, TENANT, ScriptedEntra, token_path

from ansible_collections.mssp.defender.plugins.module_utils._core.access import Access, Target
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.http import Patience
from ansible_collections.mssp.defender.plugins.module_utils._operations import token
from ansible_collections.mssp.defender.plugins.module_utils._operations._session import Session


def session_of(run_directory: Path | None = None, **options: Any) -> Session:
    given = {"client_id": CLIENT, "client_secret": "canary-secret", **options}
    return Session(OperationHost(token, run_directory=run_directory, **given), token.INVENTORY)


def refusal_of(**options: Any) -> str:
    with pytest.raises(OptionError) as refused:
        session_of(**options)
    assert "canary" not in str(refused.value)
    return str(refused.value)


def access_with(entra: ScriptedEntra, run_directory: Path | None = None, **options: Any) -> Access:
    urls = {"authority_url": entra.server.url, "ca_path": entra.server.ca_path}
    session = session_of(run_directory, **urls, **options)
    return session.access(TENANT, Target(RESOURCE), ["Incident.Read.All"], Patience(0, 0))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"client_id": None},
            (
                "client_id is missing: give the application (client) ID in the option, in the host's variable "
                "partner_access_client_id or in AZURE_CLIENT_ID"
            ),
        ),
        ({"client_id": "my app"}, "client_id 'my app' is no GUID: "),
        ({"client_secret": None}, "no credential is given: set one of client_secret (AZURE_CLIENT_SECRET), "),
        ({"certificate_path": "/nowhere"}, "client_secret (AZURE_CLIENT_SECRET) and certificate_path ("),
        ({"authority_url": "http://localhost"}, "authority_url 'http://localhost' is not an https URL: "),
        ({"graph_url": "http://localhost"}, "graph_url 'http://localhost' is not an https URL: "),
        ({"xdr_url": "localhost"}, "xdr_url 'localhost' is not an https URL: "),
        ({"ca_path": "/nowhere/ca.pem"}, "ca_path /nowhere/ca.pem "),
        ({"concurrency": 0}, "concurrency is 0: it must be at least 1"),
        ({"timeout": -1}, "timeout is -1: it must be at least 1"),
        ({"cache": "/nowhere/cache"}, "cache: the folder /nowhere does not exist: create it first"),
    ],
)
def test_options_no_tenant_could_work_with_are_refused_with_one_sentence(
    options: dict[str, Any], sentence: str
) -> None:
    assert refusal_of(**options).startswith(sentence)


def test_empty_environment_variables_count_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLIENT_CERTIFICATE_PATH", "CLIENT_CERTIFICATE_PASSWORD", "FEDERATED_TOKEN_FILE", "CLIENT_SECRET"):
        monkeypatch.setenv(f"AZURE_{name}", "")
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    assert session_of(client_id=None).cloud.name == "worldwide"
    assert refusal_of(client_secret=None).startswith("no credential is given")
    monkeypatch.setenv("AZURE_CLIENT_ID", "")
    assert refusal_of(client_id=None).startswith("client_id is missing")


def test_a_malformed_tenant_is_refused_before_any_request(entra: ScriptedEntra) -> None:
    session = session_of(authority_url=entra.server.url, ca_path=entra.server.ca_path)
    with pytest.raises(OptionError, match="tenant_id is 'common', which names no customer"):
        session.access("common", Target(RESOURCE), [], session.patience())
    assert entra.server.requests == []


def test_tasks_of_one_run_share_tokens(entra: ScriptedEntra, tmp_path: Path) -> None:
    entra.server.script(token_path(), entra.granting(entra.token()))
    assert access_with(entra, tmp_path).prove().token.from_cache is False
    assert access_with(entra, tmp_path).prove().token.from_cache is True
    assert access_with(entra, None).prove().token.from_cache is False
    assert access_with(entra, tmp_path, client_secret="rotated").prove().token.from_cache is False


def test_a_cache_outlives_the_run_in_a_private_folder(entra: ScriptedEntra, tmp_path: Path) -> None:
    entra.server.script(token_path(), entra.granting(entra.token()))
    cache = tmp_path / "cache"
    access_with(entra, cache=str(cache)).prove()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert access_with(entra, cache=str(cache)).prove().token.from_cache is True


def test_a_later_run_asks_for_nothing_that_the_cache_has(entra: ScriptedEntra, tmp_path: Path) -> None:
    entra.server.script(token_path(), entra.granting(entra.token()))
    cache = str(tmp_path / "cache")
    for run in ("first", "second"):
        (tmp_path / run).mkdir()
        access = access_with(entra, tmp_path / run, cache=cache)
        assert access.verify_signature(access.prove()) == "verified"
    assert len(entra.server.requests) == 3


def test_each_tenant_has_patience_of_its_own() -> None:
    session = session_of(retries=0, max_wait=100)
    first, second = session.patience(), session.patience()
    for patience in (first, second):
        assert type(patience.after_throttling("api", 60)).__name__ == "Postponed"
    assert type(first.after_throttling("api", 60)).__name__ == "TenantError"
