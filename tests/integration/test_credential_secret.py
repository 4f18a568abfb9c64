# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client secret is made once, goes straight into its file, and is replaced when it comes near its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import DAY, HomeTenant
from support.operations import Tasks
from support.vaults import VAULT_PASSWORD, CredentialFile, vault

NAME = "northwind-soc"
OF_TASK: dict[str, Any] = {"unique_name": NAME, "kind": "secret", "name": "ansible"}

Writes = Callable[[], list[str]]

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def kept(tmp_path: Path) -> CredentialFile:
    return CredentialFile(tmp_path / "credential.yml")


def _days_left(credential: dict[str, Any]) -> float:
    """How many days a credential in a result is still good."""
    ends = time.strptime(credential["expires_at"], "%Y-%m-%dT%H:%M:%SZ")
    return (time.mktime(ends) - time.mktime(time.gmtime())) / DAY


def test_a_secret_is_made_once(
    tasks: Tasks, home: HomeTenant, registered: dict[str, Any], kept: CredentialFile, writes: Writes
) -> None:
    writes()
    result = tasks.credential(**OF_TASK, dest=str(kept.path))
    assert (result["failed"], result["changed"], result["retired"]) == (False, True, []), result
    assert writes() == ["POST addPassword"]
    (listed,) = home.secrets()
    assert listed["displayName"] == "ansible"
    assert result["app_id"] == registered["app_id"]
    assert result["credential"]["key_id"] == listed["keyId"]
    assert result["credential"]["name"] == "ansible"
    assert 179 < _days_left(result["credential"]) < 181
    assert result["diff"] == {"before": {"credentials": []}, "after": {"credentials": [result["credential"]]}}

    assert kept.is_encrypted
    assert kept.path.stat().st_mode & 0o777 == 0o600
    variables = kept.variables()
    assert set(variables) == {
        "partner_access_client_id",
        "partner_access_client_secret",
        "partner_access_credential",
    }
    assert variables["partner_access_client_id"] == registered["app_id"]
    assert home.accepts(kept.secret)
    assert kept.secret not in str(result)
    assert [path.name for path in kept.path.parent.iterdir()] == ["credential.yml"], "nothing half-written"

    before = kept.path.read_bytes()
    again = tasks.credential(**OF_TASK, dest=str(kept.path))
    assert (again["failed"], again["changed"]) == (False, False)
    assert again["credential"] == result["credential"]
    assert "diff" not in again
    assert writes() == []
    assert kept.path.read_bytes() == before


def test_check_mode_makes_no_secret(tasks: Tasks, home: HomeTenant, kept: CredentialFile, writes: Writes) -> None:
    writes()
    planned = tasks.credential(**OF_TASK, dest=str(kept.path), check_mode=True)
    assert (planned["failed"], planned["changed"]) == (False, True)
    assert [item["name"] for item in planned["diff"]["after"]["credentials"]] == ["ansible"]
    assert writes() == []
    assert home.secrets() == []
    assert not kept.path.exists()


LINES = """---
# Kim looks after this file
other: "{{ templated }}"   # a remark

a_list:
- 1
-  two
a_map: {x: 1}
block: |
  keep   this
    indentation

"quoted_name": ja
last: без конца"""


def test_other_lines_survive_byte_for_byte(tasks: Tasks, home: HomeTenant, kept: CredentialFile) -> None:
    """Also over a rotation; the variables are set at the end, and later where they stand."""
    kept.write(LINES)
    tasks.credential(**OF_TASK, dest=str(kept.path))
    assert kept.text.startswith(f"{LINES}\npartner_access_")
    added = kept.text.removeprefix(f"{LINES}\n")
    kept.write(f"---\n{added}{LINES.removeprefix('---')}\n")
    rotated = tasks.credential(**OF_TASK, dest=str(kept.path), lifetime="20d", rotate_before="19d")
    assert rotated["changed"] is False
    rotated = tasks.credential(**OF_TASK, dest=str(kept.path), lifetime="400d", rotate_before="200d")
    assert rotated["changed"]
    assert kept.text.endswith(f"{LINES.removeprefix('---')}\n")
    assert kept.text.count("partner_access_client_secret:") == 1
    assert kept.variables()["last"] == "без конца"
    assert home.accepts(kept.secret)


def test_a_vault_id_is_kept(tasks: Tasks, kept: CredentialFile) -> None:
    tasks.vault = vault(soc=VAULT_PASSWORD)
    kept.write("other: 1\n", vault_id="soc")
    assert tasks.credential(**OF_TASK, dest=str(kept.path))["changed"]
    assert kept.path.read_text().splitlines()[0].split(";")[-1] == "soc"
    assert kept.variables()["other"] == 1


def test_a_plain_file_on_demand(tasks: Tasks, home: HomeTenant, kept: CredentialFile) -> None:
    """Without any vault, and its mode is 0600 even where it was not before."""
    tasks.vault = None
    kept.path.write_text("other: 1\n")
    kept.path.chmod(0o644)
    result = tasks.credential(**OF_TASK, dest=str(kept.path), encrypt=False)
    assert result["changed"], result
    assert not kept.is_encrypted
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert kept.variables()["other"] == 1
    assert home.accepts(kept.secret)
    assert tasks.credential(**OF_TASK, dest=str(kept.path), encrypt=False)["changed"] is False


def test_a_prefix_of_ones_own(tasks: Tasks, home: HomeTenant, kept: CredentialFile) -> None:
    assert tasks.credential(**OF_TASK, dest=str(kept.path), prefix="soc_")["changed"]
    assert set(kept.variables()) == {"soc_client_id", "soc_client_secret", "soc_credential"}
    assert tasks.credential(**OF_TASK, dest=str(kept.path), prefix="soc_")["changed"] is False
    assert home.accepts(str(kept.variables()["soc_client_secret"]))


def test_a_link_to_the_file_stays_a_link(tasks: Tasks, kept: CredentialFile, tmp_path: Path) -> None:
    kept.write("other: 1\n")
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.yml"
    link.symlink_to(kept.path)
    assert tasks.credential(**OF_TASK, dest=str(link))["changed"]
    assert link.is_symlink()
    assert kept.variables()["other"] == 1
    assert kept.secret


def test_rotation_overlaps(tasks: Tasks, home: HomeTenant, kept: CredentialFile, writes: Writes) -> None:
    """The last good one stays for the overlap, and a later run retires it."""
    task = {**OF_TASK, "dest": str(kept.path)}
    first = tasks.credential(**task)["credential"]
    old = kept.secret
    home.move(first["key_id"], ends_in=29 * DAY)
    writes()

    planned = tasks.credential(**task, check_mode=True)
    assert planned["changed"]
    assert writes() == []
    assert kept.secret == old

    result = tasks.credential(**task)
    assert (result["changed"], result["retired"]) == (True, [])
    assert writes() == ["POST addPassword"]
    assert kept.secret != old
    assert home.accepts(kept.secret)
    assert home.accepts(old), "the last good one stays"
    assert [item["key_id"] for item in result["diff"]["before"]["credentials"]] == [first["key_id"]]
    assert [item["key_id"] for item in result["diff"]["after"]["credentials"]] == [
        first["key_id"],
        result["credential"]["key_id"],
    ]
    assert tasks.credential(**task)["changed"] is False, "within the overlap nothing changes"

    home.move(result["credential"]["key_id"], starts_in=-8 * DAY)
    before = kept.path.read_bytes()
    planned = tasks.credential(**task, check_mode=True)
    writes()
    assert [item["key_id"] for item in planned["retired"]] == [first["key_id"]]
    assert len(home.secrets()) == 2
    retiring = tasks.credential(**task)
    assert retiring["changed"]
    assert [item["key_id"] for item in retiring["retired"]] == [first["key_id"]]
    assert writes() == ["POST removePassword"]
    assert not home.accepts(old)
    assert home.accepts(kept.secret)
    assert kept.path.read_bytes() == before, "retiring writes no file"
    assert tasks.credential(**task)["changed"] is False


def test_without_overlap_the_old_one_goes_at_once(tasks: Tasks, home: HomeTenant, kept: CredentialFile) -> None:
    task = {**OF_TASK, "dest": str(kept.path), "overlap": "0m"}
    first = tasks.credential(**task)["credential"]
    home.move(first["key_id"], ends_in=DAY)
    result = tasks.credential(**task)
    assert [item["key_id"] for item in result["retired"]] == [first["key_id"]]
    assert [item["keyId"] for item in home.secrets()] == [result["credential"]["key_id"]]
    assert home.accepts(kept.secret)


def test_an_expired_secret_is_replaced_and_removed(tasks: Tasks, home: HomeTenant, kept: CredentialFile) -> None:
    task = {**OF_TASK, "dest": str(kept.path)}
    first = tasks.credential(**task)["credential"]
    home.move(first["key_id"], starts_in=-9 * DAY, ends_in=-DAY)
    result = tasks.credential(**task)
    assert [item["key_id"] for item in result["retired"]] == [first["key_id"]]
    assert home.accepts(kept.secret)


def test_a_secret_that_somebody_removed_is_made_again(tasks: Tasks, home: HomeTenant, kept: CredentialFile) -> None:
    """The record says which one it was: after a while its absence is no lag."""
    task = {**OF_TASK, "dest": str(kept.path), "settle_wait": 3}
    made = tasks.credential(**task)
    home.call(
        "POST", f"applications/{home.application()['id']}/removePassword", {"keyId": made["credential"]["key_id"]}
    )
    again = tasks.credential(**task)
    assert again["changed"], again
    assert again["credential"]["key_id"] != made["credential"]["key_id"]
    assert home.accepts(kept.secret)


def test_secrets_of_other_names_are_left_alone(tasks: Tasks, home: HomeTenant, kept: CredentialFile) -> None:
    others = f"applications/{home.application()['id']}/addPassword"
    for name in ("portal", "Ansible", "ansible 2", None):
        home.call("POST", others, {"passwordCredential": {"displayName": name}})
    task = {**OF_TASK, "dest": str(kept.path), "overlap": "0m"}
    first = tasks.credential(**task)["credential"]["key_id"]
    home.move(first, ends_in=DAY)
    tasks.credential(**task)
    names = [item["displayName"] for item in home.secrets()]
    assert sorted(map(str, names)) == ["Ansible", "None", "ansible", "ansible 2", "portal"]


def test_two_names_in_two_files(tasks: Tasks, home: HomeTenant, kept: CredentialFile, tmp_path: Path) -> None:
    other = CredentialFile(tmp_path / "other.yml")
    tasks.credential(**OF_TASK, dest=str(kept.path))
    tasks.credential(unique_name=NAME, kind="secret", name="pipeline", dest=str(other.path))
    assert sorted(str(item["displayName"]) for item in home.secrets()) == ["ansible", "pipeline"]
    assert home.accepts(kept.secret)
    assert home.accepts(other.secret)
    for task in ({**OF_TASK, "dest": str(kept.path)}, {**OF_TASK, "name": "pipeline", "dest": str(other.path)}):
        assert tasks.credential(**task)["changed"] is False


def test_an_exposed_secret_is_the_one_in_the_file(tasks: Tasks, home: HomeTenant, kept: CredentialFile) -> None:
    result = tasks.credential(**OF_TASK, dest=str(kept.path), expose_secret=True)
    assert result["secret"] == kept.secret
    assert result["_ansible_no_log"] is True
    again = tasks.credential(**OF_TASK, dest=str(kept.path), expose_secret=True)
    assert "secret" not in again, "it is shown only when it was made"
    alone = tasks.credential(unique_name=NAME, kind="secret", name="by hand", expose_secret=True)
    assert home.accepts(alone["secret"])
    assert tasks.credential(unique_name=NAME, kind="secret", name="by hand", expose_secret=True)["changed"] is False
