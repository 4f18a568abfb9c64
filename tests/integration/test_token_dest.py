# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The token in a file: private, and rewritten only when the token in it is no longer good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.emulator import EmulatorProcess
from support.operations import Tasks

TOKEN_REQUEST = "/oauth2/v2.0/token"


def test_file_is_private_and_stays_while_its_token_is_good(
    tasks: Tasks,
    emulator: EmulatorProcess,
    consent: Callable[..., None],
    count_requests: Callable[[str], int],
    tmp_path: Path,
) -> None:
    consent("contoso")
    dest = tmp_path / "Latest-token.txt"
    tenant_id = emulator.tenant_id("contoso")
    first = tasks.token(tenant_id=tenant_id, dest=dest)
    written = dest.read_text()
    assert first["changed"] is True
    assert dest.stat().st_mode & 0o777 == 0o600
    assert written.count(".") == 2
    assert written not in str(first), "the result and its diff must not hold the token"
    assert first["diff"]["after"]

    second = tasks.token(tenant_id=tenant_id, dest=dest)
    assert (second["changed"], second["from_cache"]) == (False, True)
    assert "diff" not in second
    assert dest.read_text() == written
    assert count_requests(TOKEN_REQUEST) == 1


@pytest.mark.parametrize("content", ["", "no token at all", "eyJhbGciOiJub25lIn0.e30.", "\x00\ufffd"])
def test_file_without_a_good_token_is_rewritten(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], tmp_path: Path, content: str
) -> None:
    consent("contoso")
    dest = tmp_path / "Latest-token.txt"
    dest.write_text(content)
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), dest=dest)
    assert result["changed"] is True
    assert dest.read_text().count(".") == 2
    assert dest.stat().st_mode & 0o777 == 0o600


def test_token_of_another_tenant_is_replaced(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], tmp_path: Path
) -> None:
    consent("contoso", "fabrikam")
    dest = tmp_path / "Latest-token.txt"
    tasks.token(tenant_id=emulator.tenant_id("fabrikam"), dest=dest)
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), dest=dest)
    assert result["changed"] is True
    assert result["tenant_id"] == emulator.tenant_id("contoso")


def test_token_that_lacks_a_role_is_replaced(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], tmp_path: Path
) -> None:
    consent("contoso")
    dest = tmp_path / "Latest-token.txt"
    tasks.token(tenant_id=emulator.tenant_id("contoso"), dest=dest)
    both = ["Incident.Read.All", "AdvancedHunting.Read.All"]
    consent("contoso", roles=both)
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), dest=dest, required_roles=both)
    assert (result["changed"], result["roles"]) == (True, sorted(both))


def test_check_mode_writes_nothing_and_tells_the_same(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], tmp_path: Path
) -> None:
    consent("contoso")
    dest = tmp_path / "Latest-token.txt"
    result = tasks.token(tenant_id=emulator.tenant_id("contoso"), dest=dest, check_mode=True)
    assert (result["state"], result["changed"]) == ("granted", True)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_tenant_leaves_the_file_as_it_was(tasks: Tasks, emulator: EmulatorProcess, tmp_path: Path) -> None:
    dest = tmp_path / "Latest-token.txt"
    dest.write_text("kept")
    assert tasks.token(tenant_id=emulator.tenant_id("contoso"), dest=dest)["failed"]
    assert dest.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [dest]


def test_fleet_writes_one_file_a_tenant(
    tasks: Tasks, emulator: EmulatorProcess, consent: Callable[..., None], tmp_path: Path
) -> None:
    consent("contoso", "fabrikam")
    tenants = [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in ("contoso", "fabrikam", "wingtip")]
    result = tasks.token(tenants=tenants, dest=tmp_path)
    assert result["changed"] is True
    tokens = ["contoso.token", "fabrikam.token"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*(f".{name}.seal" for name in tokens), *tokens]
    again = tasks.token(tenants=tenants, dest=tmp_path)
    assert again["changed"] is False
    assert again["summary"] == {"granted": 2, "not_consented": 1}


@pytest.mark.parametrize("name", ["../outside", "a/b", ".hidden"])
def test_a_name_cannot_leave_the_folder(tasks: Tasks, emulator: EmulatorProcess, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    result = tasks.token(tenants=[{"name": name, "tenant_id": emulator.tenant_id("contoso")}], dest=folder)
    (tenant,) = result["tenants"]
    assert tenant["state"] == "error"
    assert f"no file can have the name '{name}'" in tenant["msg"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
