# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.operations import OperationHost
from support.scripted_entra import CLIENT, RESOURCE, TENANT, ScriptedEntra, token_path
from support.scripted_server import Answer

from ansible_collections.mssp.defender.plugins.module_utils._core import retirement
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError, Postponed, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import permissions
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.access import Access, Target
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import XDR_INCIDENTS
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience
from ansible_collections.mssp.defender.plugins.module_utils._operations.consent import token
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import incidents
from ansible_collections.mssp.defender.plugins.module_utils._operations.session import Session


def session_of(run_directory: Path | None = None, **options: Any) -> Session:
    given = {"client_id": CLIENT, "client_secret": "canary-secret", **options}
    return Session(OperationHost(token.OPERATION, run_directory=run_directory, **given), token.VARIABLES)


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
        ({"client_id": "my app"}, "client_id 'my app' is not a GUID: "),
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
        assert type(patience.after_throttling("GET api", "api", 60)).__name__ == "Postponed"
    assert type(first.after_throttling("GET api", "api", 60)).__name__ == "TenantError"


def reading_session(entra: ScriptedEntra, run_directory: Path | None = None, **options: Any) -> Session:
    """The session of a task that reads the scripted service."""
    urls = dict.fromkeys(("authority_url", "xdr_url", "graph_url"), entra.server.url)
    given = {"client_id": CLIENT, "client_secret": "canary-secret", "ca_path": entra.server.ca_path, **urls, **options}
    return Session(OperationHost(incidents.OPERATION, run_directory=run_directory, **given), incidents.VARIABLES)


@pytest.mark.parametrize("api", [permissions.XDR, permissions.GRAPH], ids=lambda api: api.name)
def test_calls_go_to_the_api_with_a_token_for_it(entra: ScriptedEntra, api: permissions.Api) -> None:
    resource = {"xdr": RESOURCE, "graph": "https://graph.microsoft.com"}[api.name]
    entra.server.script(token_path(), entra.granting(entra.token(aud=resource)))
    entra.server.script(XDR_INCIDENTS.path, Answer({}))
    assert reading_session(entra).calls(TENANT, api).get(XDR_INCIDENTS.path, XDR_INCIDENTS.list_call).status == 200
    assert entra.server.requests_to(token_path())[0].form["scope"] == f"{resource}/.default"


def test_only_the_api_that_ends_is_said_to_be_gone(entra: ScriptedEntra) -> None:
    entra.server.script(token_path(), entra.granting(entra.token()))
    calls = reading_session(entra).calls(TENANT, permissions.XDR)
    with pytest.raises(TenantError, match="no longer serves this endpoint"):
        calls.get(XDR_INCIDENTS.path, XDR_INCIDENTS.list_call)


def test_a_malformed_tenant_gets_no_calls(entra: ScriptedEntra) -> None:
    with pytest.raises(OptionError, match="tenant_id is 'common'"):
        reading_session(entra).calls("common", permissions.XDR)


def calls_until_put_off(session: Session, most: int = 60) -> int:
    calls = session.calls(TENANT, permissions.XDR)
    for number in range(most):
        try:
            calls.get(XDR_INCIDENTS.path, XDR_INCIDENTS.list_call)
        except Postponed:
            return number
    return most


def test_a_task_keeps_below_the_documented_limit_unless_told_otherwise(entra: ScriptedEntra) -> None:
    entra.server.script(token_path(), entra.granting(entra.token()))
    entra.server.script(XDR_INCIDENTS.path, Answer({}))
    assert calls_until_put_off(reading_session(entra)) == 50
    assert calls_until_put_off(reading_session(entra, paced=False)) == 60


def test_the_tasks_of_a_run_count_their_calls_together(entra: ScriptedEntra, tmp_path: Path) -> None:
    entra.server.script(token_path(), entra.granting(entra.token()))
    entra.server.script(XDR_INCIDENTS.path, Answer({}))
    assert calls_until_put_off(reading_session(entra, tmp_path), 30) == 30
    assert calls_until_put_off(reading_session(entra, tmp_path)) == 20


def test_calls_are_counted_of_work_that_ends_in_a_wait(entra: ScriptedEntra, tmp_path: Path) -> None:
    """A job may be ended while it waits."""
    entra.server.script(token_path(), entra.granting(entra.token()))
    entra.server.script(XDR_INCIDENTS.path, *[Answer({})] * 30, Answer("", status=429, headers={"Retry-After": "9"}))
    assert calls_until_put_off(reading_session(entra, tmp_path)) == 30
    entra.server.script(XDR_INCIDENTS.path, Answer({}))
    assert calls_until_put_off(reading_session(entra, tmp_path)) == 19


def warned(api: permissions.Api, run_directory: Path | None = None) -> list[str]:
    """The warnings of one task."""
    host = OperationHost(
        incidents.OPERATION, run_directory=run_directory, client_id=CLIENT, client_secret="canary-secret"
    )
    Session(host, incidents.VARIABLES).check_api(api)
    return host.warnings


def test_a_run_is_warned_once_of_the_api_that_ends(tmp_path: Path) -> None:
    assert warned(permissions.GRAPH, tmp_path) == []
    (warning,) = warned(permissions.XDR, tmp_path)
    assert warning == retirement.warning(time.time())
    assert warned(permissions.XDR, tmp_path) == []
    another = tmp_path / "another run"
    another.mkdir()
    assert warned(permissions.XDR, another) == [warning]


def test_a_module_on_another_host_has_no_run_to_remember() -> None:
    assert len(warned(permissions.XDR)) == len(warned(permissions.XDR)) == 1


def test_the_workers_of_a_run_warn_once_however_many_start_together(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _task: warned(permissions.XDR, tmp_path), range(8)))
    assert sum(map(len, results)) == 1


def test_a_cloud_without_the_api_is_refused() -> None:
    session = session_of(cloud="china")
    with pytest.raises(OptionError, match="cloud 'china' has no Microsoft Threat Protection API"):
        session.check_api(permissions.XDR)
