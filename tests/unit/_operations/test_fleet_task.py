# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError, Reason, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Counts
from ansible_collections.mssp.defender.plugins.module_utils._core.outcomes import Tenant, Work
from ansible_collections.mssp.defender.plugins.module_utils._operations import fleet_task


def params(**options: Any) -> dict[str, Any]:
    return {"tenant_id": None, "tenants": None, "concurrency": 2, "fail_on": [], "dest": None, **options}


def fleet_of(*names: str, **options: Any) -> dict[str, Any]:
    return params(tenants=[{"name": name, "tenant_id": f"{name}.com"} for name in names], **options)


def work_of(tenant: Tenant) -> Work:
    """Grants every tenant but those whose name says otherwise."""

    def work() -> dict[str, Any]:
        if tenant.name in errors.WHO_ACTS:
            raise TenantError(Reason(tenant.name, "something happened", "do something"), {"roles": []})
        return {"count": len(tenant.name), "changed": tenant.name == "changed", "diff": {"after": tenant.name}}

    return work


def run(options: dict[str, Any]) -> dict[str, Any]:
    return fleet_task.run(options, {tenant: work_of(tenant) for tenant in fleet_task.given(options)})


def test_one_tenant_is_named_by_its_id() -> None:
    assert fleet_task.given(params(tenant_id="contoso.com")) == [Tenant("contoso.com", "contoso.com")]


def test_a_fleet_keeps_its_order_and_its_names() -> None:
    assert fleet_task.given(fleet_of("b", "a")) == [Tenant("b", "b.com"), Tenant("a", "a.com")]


def test_a_tenant_without_a_name_is_named_by_its_id() -> None:
    given = fleet_task.given(params(tenants=[{"name": None, "tenant_id": "contoso.com"}]))
    assert given == [Tenant("contoso.com", "contoso.com")]


@pytest.mark.parametrize("tenant_id", [None, ""])
def test_no_tenant_is_refused(tenant_id: str | None) -> None:
    with pytest.raises(OptionError, match="no tenant is given: set tenant_id, or tenants for a fleet"):
        fleet_task.given(params(tenant_id=tenant_id))


def test_an_empty_fleet_is_a_fleet() -> None:
    assert run(params(tenants=[])) == {
        "changed": False,
        "failed": False,
        "tenants": [],
        "summary": {},
        "failing": {},
    }


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(OptionError, match="tenants names 'a' more than once: give each tenant a name of its own"):
        fleet_task.given(fleet_of("a", "b", "a"))


def test_a_granted_tenant_does_not_fail() -> None:
    result = run(params(tenant_id="changed"))
    assert (result["failed"], result["changed"], result["state"], result["count"]) == (False, True, "granted", 7)
    assert result["diff"] == {"after": "changed"}
    assert "name" not in result


@pytest.mark.parametrize("state", sorted(set(errors.WHO_ACTS) - {"granted"}))
def test_one_tenant_fails_in_any_other_state(state: str) -> None:
    result = run(params(tenant_id=state))
    assert (result["failed"], result["changed"], result["state"]) == (True, False, state)
    assert result["msg"].startswith(f"{state} is {state}: something happened; ")
    assert (result["who"], result["roles"]) == (errors.WHO_ACTS[state], [])


def test_a_fleet_reports_everybody_and_does_not_fail_unasked() -> None:
    result = run(fleet_of("contoso", "blocked", "changed"))
    assert (result["failed"], result["changed"]) == (False, True)
    assert all("changed" not in tenant for tenant in result["tenants"])
    assert result["summary"] == {"blocked": 1, "granted": 2}
    assert [(tenant["name"], tenant["state"]) for tenant in result["tenants"]] == [
        ("contoso", "granted"),
        ("blocked", "blocked"),
        ("changed", "granted"),
    ]
    assert result["diff"] == [{"after": "contoso"}, {"after": "changed"}]
    assert all("diff" not in tenant for tenant in result["tenants"])
    assert "msg" not in result


def test_no_tenant_behind_one_that_changed_keeps_a_key_of_its_own() -> None:
    result = run(fleet_of("changed", "contoso", "fabrikam"))
    assert result["changed"] is True
    assert [sorted(tenant) for tenant in result["tenants"]] == [sorted(result["tenants"][0])] * 3
    assert "changed" not in result["tenants"][0]


def test_progress_is_told_of_a_fleet_only() -> None:
    told: list[Counts] = []
    options = fleet_of("contoso", "blocked")
    fleet_task.run(options, {tenant: work_of(tenant) for tenant in fleet_task.given(options)}, told.append)
    assert [(counts.total, counts.granted) for counts in told] == [(2, 1)]
    one = params(tenant_id="contoso.com")
    fleet_task.run(one, {tenant: work_of(tenant) for tenant in fleet_task.given(one)}, told.append)
    assert len(told) == 1


def test_a_fleet_fails_on_the_states_it_is_told_to() -> None:
    names = ("contoso", "error", "blocked", "throttled")
    result = run(fleet_of(*names, fail_on=["error", "throttled"]))
    assert result["failed"] is True
    assert result["msg"].startswith("error (error.com) is error: something happened; ")
    assert result["msg"].endswith(" (and 1 more)")
    assert list(result["failing"]) == ["error", "throttled"]
    assert len(result["tenants"]) == 4


def test_a_fleet_does_not_fail_on_states_that_did_not_occur() -> None:
    assert run(fleet_of("contoso", fail_on=["error"]))["failed"] is False


def test_dest_is_one_tenants_file(tmp_path: Path) -> None:
    tenant = Tenant("contoso.com", "contoso.com")
    options = params(tenant_id="contoso.com", dest=str(tmp_path / "out"))
    assert fleet_task.file_of(options, "dest", tenant, ".token") == tmp_path / "out"
    assert fleet_task.file_of(params(tenant_id="contoso.com"), "dest", tenant, ".token") is None


def test_dest_is_a_fleets_folder(tmp_path: Path) -> None:
    options = fleet_of("contoso", dest=str(tmp_path))
    assert fleet_task.file_of(options, "dest", Tenant("contoso", "x"), ".jsonl") == tmp_path / "contoso.jsonl"


def test_a_dest_of_one_tenant_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    options = params(tenant_id="a.com", dest=str(missing / "out"))
    with pytest.raises(OptionError) as refused:
        fleet_task.file_of(options, "dest", Tenant("a", "a.com"), ".token")
    assert str(refused.value) == f"dest: the folder {missing} does not exist: create it first"


def test_a_dest_that_is_a_folder_is_refused_for_one_tenant(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^dest: "):
        fleet_task.file_of(params(tenant_id="a.com", dest=str(tmp_path)), "dest", Tenant("a", "a.com"), ".token")


@pytest.mark.parametrize("name", ["../contoso", "a/b", "..", ".hidden"])
def test_a_name_that_would_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=r"^tenants: the name '.*' cannot name a file in dest: rename it$"):
        fleet_task.file_of(fleet_of("x", dest=str(tmp_path)), "dest", Tenant(name, "x.com"), ".token")


def test_the_folder_of_a_fleet_is_made_for_its_owner_alone_but_not_in_check_mode(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "later"
    missing, tenant = fleet_of("x", dest=str(folder)), Tenant("x", "x.com")
    assert fleet_task.file_of(missing, "dest", tenant, ".jsonl", check_mode=True) == folder / "x.jsonl"
    assert not folder.parent.exists()
    assert fleet_task.file_of(missing, "dest", tenant, ".jsonl") == folder / "x.jsonl"
    assert [each.stat().st_mode & 0o777 for each in (folder, folder.parent)] == [0o700, 0o700]


def test_the_mode_of_a_folder_that_is_there_is_its_owners_choice(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert fleet_task.file_of(fleet_of("x", dest=str(tmp_path)), "dest", Tenant("x", "x.com"), ".jsonl")
    assert tmp_path.stat().st_mode & 0o777 == 0o755
