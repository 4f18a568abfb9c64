# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from support.machine import Clock
from support.scripted_entra import TENANT, ScriptedEntra, token_path
from support.scripted_entra import refusal as token_refusal
from support.scripted_graph import APP_ID, DENIED, DONE, NOT_FOUND, application, forbids, refusal
from support.scripted_server import CUT_OFF, Answer
from support.scripted_tasks import ADD, NAMED, NEW, REMOVE, SecretRotation, secret
from support.vaults import opened, vault

from ansible_collections.mssp.defender.plugins.module_utils._core import locks, timestamps, waiting
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.vars_file import VarsFile

UNKNOWN_SECRET = token_refusal(7000215)


@pytest.fixture
def rotation(entra: ScriptedEntra, tmp_path: Path, clock: Clock) -> SecretRotation:
    return SecretRotation(entra, tmp_path, clock)


def test_the_first_secret_is_added_proven_and_stored(rotation: SecretRotation) -> None:
    result = rotation.task(lifetime="90d")
    added = rotation.task.body("POST", ADD)["passwordCredential"]
    assert added["displayName"] == "ansible"
    ends = timestamps.ticks(added["endDateTime"]) / timestamps.TICKS_PER_SECOND
    assert abs(ends - time.time() - 90 * 24 * 3600) < 60
    assert (result["failed"], result["changed"], result["app_id"]) == (False, True, APP_ID)
    assert (result["credential"]["key_id"], result["retired"]) == ("k-new", [])
    assert (rotation.tried(), rotation.stored()) == ([NEW], NEW)
    assert stat.S_IMODE(rotation.dest.stat().st_mode) == 0o600


def test_the_file_names_the_application_and_keeps_a_record(rotation: SecretRotation) -> None:
    result = rotation.task(prefix="soc_")
    text = rotation.dest.read_text()
    assert f'soc_client_id: "{APP_ID}"\n' in text
    record = VarsFile("dest", rotation.dest, None).read("soc_credential")
    assert abs(record.pop("made") - time.time()) < 60
    assert record == {
        "app_id": APP_ID,
        "name": "ansible",
        "key_id": "k-new",
        "expires_at": result["credential"]["expires_at"],
        "previous": None,
    }


def test_the_secret_is_in_no_result_unless_asked_for(rotation: SecretRotation) -> None:
    result = rotation.task()
    assert NEW not in json.dumps(result)
    assert "_ansible_no_log" not in result
    shown = rotation.task(expose_secret=True, dest=None)
    assert (shown["secret"], shown["_ansible_no_log"]) == (NEW, True)


def test_a_secret_that_is_not_near_its_end_stays(rotation: SecretRotation) -> None:
    rotation.has(secret("k1", -100, 80))
    rotation.keeps(app_id=APP_ID, key_id="k1", previous=None, made=0)
    before = rotation.dest.read_bytes()
    result = rotation.task()
    assert (result["changed"], result["credential"]["key_id"], result["retired"]) == (False, "k1", [])
    assert "diff" not in result
    assert rotation.task.written() == []
    assert rotation.dest.read_bytes() == before


def test_a_rotation_keeps_the_last_good_one_for_the_overlap(rotation: SecretRotation) -> None:
    rotation.has(secret("k1", -160, 20), secret("k2", -100, 80, name="laptop"))
    rotation.keeps(app_id=APP_ID, key_id="k1", previous="k0", made=0)
    result = rotation.task()
    assert (result["changed"], result["retired"], rotation.removed()) == (True, [], [])
    assert (rotation.stored(), rotation.record()["previous"]) == (NEW, "k1")
    assert rotation.dest.read_text().startswith("---\nother: 1  # ours\n")
    keys = {side: [item["key_id"] for item in found["credentials"]] for side, found in result["diff"].items()}
    assert keys == {"before": ["k1"], "after": ["k1", "k-new"]}


def test_the_last_good_one_is_retired_by_a_run_after_the_overlap(rotation: SecretRotation) -> None:
    rotation.has(secret("k1", -170, 10), secret("k2", -8, 172))
    rotation.keeps(app_id=APP_ID, key_id="k2", previous="k1", made=0)
    planned = rotation.task(check_mode=True)
    assert rotation.removed() == []
    result = rotation.task()
    assert ([item["key_id"] for item in result["retired"]], rotation.removed()) == (["k1"], ["k1"])
    assert planned == result
    assert rotation.task.written() == [("POST", REMOVE)]


def test_without_an_overlap_the_old_one_goes_only_after_the_new_one_is_stored(rotation: SecretRotation) -> None:
    rotation.has(secret("k1", -160, 20))
    rotation.keeps(app_id=APP_ID, key_id="k1", previous=None, made=0)
    rotation.task.tokens(UNKNOWN_SECRET, UNKNOWN_SECRET, rotation.good)
    rotation.task(overlap="0m")
    steps = [request.path for request in rotation.server.requests if request.method == "POST"]
    assert steps == [token_path(), ADD, token_path(), token_path(), token_path(), REMOVE]
    assert (rotation.removed(), rotation.clock.pauses, rotation.stored()) == (["k1"], [2, 4], NEW)


def test_a_credential_of_the_same_name_that_nobody_knows_stays_for_the_overlap(rotation: SecretRotation) -> None:
    rotation.has(secret("from the portal", -10, 170))
    assert rotation.task()["retired"] == []
    rotation.has(secret("from the portal", -20, 160), secret("k-new", -10, 170))
    assert [item["key_id"] for item in rotation.task()["retired"]] == ["from the portal"]


def test_check_mode_plans_a_rotation_and_writes_nothing(rotation: SecretRotation, tmp_path: Path) -> None:
    rotation.has(secret("k1", -160, 20))
    result = rotation.task(check_mode=True)
    assert (result["changed"], result["credential"]["key_id"]) == (True, "made by Entra ID")
    assert rotation.task.written() == []
    assert list(tmp_path.iterdir()) == []


def test_a_new_secret_that_gets_no_token_is_removed_and_the_old_one_named(rotation: SecretRotation) -> None:
    rotation.has(secret("k1", -160, 20))
    rotation.keeps(app_id=APP_ID, key_id="k1", previous=None, made=0)
    rotation.task.tokens(UNKNOWN_SECRET)
    result = rotation.task(settle_wait=60)
    assert (result["failed"], rotation.removed(), rotation.stored()) == (True, ["k-new"], "old")
    assert result["msg"].startswith(f"tenant {TENANT}: the new secret got no token and was removed: ")
    assert "(AADSTS7000215); 'ansible' (k1, good until " in result["msg"]
    assert "is still in place" in result["msg"]
    assert 30 < sum(rotation.clock.pauses) <= 60
    assert NEW not in json.dumps(result)


@pytest.mark.parametrize(("dest", "remains"), [(True, "the next run removes it"), (False, "remove it by its key_id")])
def test_a_new_secret_that_cannot_be_removed_again_is_named(rotation: SecretRotation, dest: bool, remains: str) -> None:
    rotation.task.tokens(UNKNOWN_SECRET)
    rotation.server.script(REMOVE, DENIED, method="POST")
    result = rotation.task(**({} if dest else {"dest": None, "expose_secret": True}))
    assert "the new secret 'ansible' (k-new, good until " in result["msg"]
    assert f"got no token: {remains}: " in result["msg"]
    assert "no earlier one is known here" in result["msg"]


def test_a_secret_that_cannot_be_stored_is_removed(rotation: SecretRotation, monkeypatch: pytest.MonkeyPatch) -> None:
    write = VarsFile.write

    def fill_disk(file: VarsFile, variables: Any) -> None:
        if "partner_access_client_secret" in variables:
            raise OSError(28, "No space left on device", str(file.path))
        write(file, variables)

    monkeypatch.setattr(VarsFile, "write", fill_disk)
    result = rotation.task()
    assert (result["failed"], rotation.removed()) == (True, ["k-new"])
    assert "the new secret could not be stored and was removed: " in result["msg"]
    assert "No space left on device" in result["msg"]


def test_a_file_that_cannot_be_written_is_found_before_a_secret_is_made(
    rotation: SecretRotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_disk(file: VarsFile, _variables: Any) -> None:
        raise OSError(28, "No space left on device", str(file.path))

    monkeypatch.setattr(VarsFile, "write", fill_disk)
    with pytest.raises(OSError, match="No space left"):
        rotation.task()
    assert rotation.task.written() == []


def test_a_right_that_is_missing_leaves_the_old_secret(rotation: SecretRotation) -> None:
    rotation.has(secret("k1", -160, 20))
    rotation.keeps(app_id=APP_ID, key_id="k1", previous=None, made=0)
    rotation.server.script(ADD, DENIED, method="POST")
    result = rotation.task()
    assert "grant Application.ReadWrite.OwnedBy" in result["msg"]
    assert (rotation.stored(), rotation.removed()) == ("old", [])


def test_a_secret_that_cannot_be_retired_is_told_and_the_new_one_works(rotation: SecretRotation) -> None:
    rotation.has(secret("k1", -170, 10), secret("k2", -8, 172))
    rotation.keeps(app_id=APP_ID, key_id="k2", previous="k1", made=0)
    rotation.server.script(REMOVE, DENIED, method="POST")
    result = rotation.task()
    assert f"tenant {TENANT}: 'ansible' (k1, good until " in result["msg"]
    assert "could not be retired: " in result["msg"]
    assert "'ansible' (k2, good until " in result["msg"]
    assert result["changed"] is False


def test_what_was_retired_before_a_refusal_is_told_all_the_same(rotation: SecretRotation) -> None:
    rotation.has(secret("k0", -300, 5), secret("k1", -170, 10), secret("k2", -8, 172))
    rotation.keeps(app_id=APP_ID, key_id="k2", previous="k1", made=0)
    rotation.server.script(REMOVE, DONE, DENIED, method="POST")
    result = rotation.task()
    assert (result["failed"], result["changed"]) == (True, True)
    assert [item["key_id"] for item in result["retired"]] == ["k0"]


def test_a_secret_that_is_shown_once_is_shown_although_retiring_failed(rotation: SecretRotation) -> None:
    rotation.has(secret("k1", -160, 20))
    rotation.server.script(REMOVE, DENIED, method="POST")
    result = rotation.task(dest=None, expose_secret=True, overlap="0m")
    assert (result["failed"], result["changed"]) == (True, True)
    assert (result["secret"], result["_ansible_no_log"]) == (NEW, True)
    assert NEW not in result["msg"]


def interrupt(rotation: SecretRotation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run end by ^C after the secret was made and before it was stored."""

    def ctrl_c(_seconds: float) -> None:
        raise KeyboardInterrupt

    rotation.task.tokens(UNKNOWN_SECRET)
    with monkeypatch.context() as patch:
        patch.setattr(waiting.clock, "sleep", ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            rotation.task()
    assert "attempt" in rotation.record()
    rotation.task.tokens()


@pytest.mark.parametrize("known", [True, False], ids=["rotation", "first secret"])
def test_what_an_interrupted_run_left_behind_is_retired_by_the_next(
    rotation: SecretRotation, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    old = [secret("k1", -160, 20)]
    rotation.has(*old)
    if known:
        rotation.keeps(app_id=APP_ID, key_id="k1", previous=None, made=0)
    interrupt(rotation, monkeypatch)
    rotation.has(*old, secret("k-new", 0, 180))
    rotation.adds("k-newer")
    result = rotation.task()
    assert [item["key_id"] for item in result["retired"]] == ["k-new"]
    assert (rotation.removed(), rotation.stored()) == (["k-new"], NEW)
    assert "attempt" not in rotation.record()


def test_an_orphan_is_retired_also_when_nothing_is_due_any_more(
    rotation: SecretRotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation.has(secret("k1", -160, 20))
    rotation.keeps(app_id=APP_ID, key_id="k1", previous=None, made=0)
    interrupt(rotation, monkeypatch)
    rotation.has(secret("k1", -160, 20), secret("k-new", 0, 180))
    planned = rotation.task(check_mode=True, rotate_before="1d")
    assert "attempt" in rotation.record()
    result = rotation.task(rotate_before="1d")
    assert planned == result
    assert (result["changed"], rotation.removed(), result["credential"]["key_id"]) == (True, ["k-new"], "k1")
    assert rotation.record() == {"app_id": APP_ID, "key_id": "k1", "previous": None, "made": 0, "name": "ansible"}
    rotation.has(secret("k1", -160, 20))
    assert rotation.task(rotate_before="1d")["changed"] is False


def test_the_orphans_of_two_interrupted_runs_both_go(rotation: SecretRotation, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(rotation, monkeypatch)
    first = rotation.record()["attempt"]
    rotation.clock.sleep(3600)
    rotation.has(secret("k-new", 0, 180))
    rotation.adds("k-newer")
    interrupt(rotation, monkeypatch)
    assert rotation.record()["attempt"] == first
    rotation.has(secret("k-new", 0, 180), secret("k-newer", 1 / 24, 180))
    rotation.adds("k-newest")
    rotation.task()
    assert sorted(rotation.removed()) == ["k-new", "k-newer"]


def test_a_reply_that_was_lost_costs_no_second_rotation(rotation: SecretRotation) -> None:
    rotation.server.script(ADD, Answer({"keyId": "lost"}, fault=CUT_OFF), method="POST")
    assert rotation.task()["failed"] is True
    rotation.has(secret("lost", 0, 180))
    rotation.adds("k-new")
    assert [item["key_id"] for item in rotation.task()["retired"]] == ["lost"]


def test_a_secret_made_a_moment_ago_is_waited_for_instead_of_made_again(rotation: SecretRotation) -> None:
    rotation.keeps(app_id=APP_ID, key_id="k1", previous=None, made=int(time.time()) - 5)
    listed = Answer(application(passwordCredentials=[secret("k1", 0, 180)]))
    rotation.server.script(NAMED, Answer(application()), Answer(application()), listed, method="GET")
    assert rotation.task()["changed"] is False
    assert rotation.clock.pauses == [2, 2]


@pytest.mark.parametrize(("seconds_ago", "waits"), [(5, True), (3600, False)])
def test_a_secret_that_somebody_removed_is_replaced(rotation: SecretRotation, seconds_ago: int, waits: bool) -> None:
    rotation.keeps(app_id=APP_ID, key_id="k1", previous=None, made=int(time.time()) - seconds_ago)
    assert rotation.task(settle_wait=20)["credential"]["key_id"] == "k-new"
    assert sum(rotation.clock.pauses) <= 20
    assert bool(rotation.clock.pauses) is waits


def test_two_runs_do_not_rotate_in_one_folder_at_the_same_time(rotation: SecretRotation) -> None:
    with locks.locked("dest", rotation.dest.parent, patience=0):
        assert rotation.task.refusal(settle_wait=10).startswith("dest: another run is changing files in ")
    assert rotation.task.written() == []


def test_a_file_of_another_application_is_refused(rotation: SecretRotation) -> None:
    rotation.keeps(app_id="another", key_id="k1")
    assert rotation.task.refusal() == f"dest keeps a secret of application another: name another file for {APP_ID}"
    assert rotation.task.written() == []


def test_exposing_alone_goes_by_what_is_registered(rotation: SecretRotation) -> None:
    rotation.has(secret("k1", -100, 20), secret("k2", -3, 177))
    result = rotation.task(dest=None, expose_secret=True)
    assert (result["changed"], result["credential"]["key_id"], "secret" in result) == (False, "k2", False)


def test_an_application_that_is_not_registered_is_named(rotation: SecretRotation) -> None:
    rotation.server.script(NAMED, NOT_FOUND, method="GET")
    message = rotation.task()["msg"]
    assert "an application named 'provider-soc' is not registered in this tenant; provider: register it with" in message


def test_the_file_is_encrypted_with_the_vault_of_the_run(rotation: SecretRotation) -> None:
    run_vault = vault(prod="prod-pass")
    rotation.task(vault=run_vault, encrypt=True)
    text = rotation.dest.read_text()
    assert text.startswith("$ANSIBLE_VAULT;1.2;AES256;prod\n")
    assert f"partner_access_client_secret: !unsafe {json.dumps(NEW)}\n" in opened(text, "prod-pass")
    rotation.has(secret("k-new", 0, 180))
    assert rotation.task(vault=run_vault, encrypt=True)["changed"] is False


@pytest.mark.parametrize(
    ("content", "run_vault", "sentence"),
    [
        (None, None, "dest cannot be encrypted where this task runs: drop delegate_to and async, or set encrypt"),
        (None, vault(), "dest {dest} cannot be used: it is to be encrypted, and this run has no vault password: run"),
        ("a: 1\n", vault(prod="x"), "dest {dest} cannot be used: it is not encrypted: encrypt it with ansible-vault"),
        ("- a\n", vault(prod="x"), "dest {dest} cannot be used: it is not encrypted: "),
    ],
)
def test_a_file_that_could_not_keep_the_secret_is_refused_before_any_request(
    rotation: SecretRotation, content: str | None, run_vault: Any, sentence: str
) -> None:
    if content:
        rotation.dest.write_text(content)
    with pytest.raises(OptionError) as refused:
        rotation.task(vault=run_vault, encrypt=True)
    assert str(refused.value).startswith(sentence.format(dest=rotation.dest))
    assert rotation.server.requests == []


NO_SECRETS = {"restrictionType": "passwordAddition", "state": "enabled"}
SHORT_SECRETS = {"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": "P30D"}


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("restriction", "says"),
    [
        (
            NO_SECRETS,
            "'House rules' of this tenant forbids client secrets; provider: choose a certificate",
        ),
        (SHORT_SECRETS, "forbids client secrets that are good for more than 30d, and 180d is asked for; provider: "),
    ],
    ids=["type", "lifetime"],
)
def test_what_a_policy_forbids_is_refused_before_anything_is_made(
    rotation: SecretRotation, restriction: dict[str, str], says: str, check_mode: bool
) -> None:
    forbids(rotation.server, "passwordCredentials", restriction)
    result = rotation.task(check_mode=check_mode)
    assert (result["failed"], result["changed"]) == (True, False)
    assert says in result["msg"]
    assert (rotation.task.written(), rotation.dest.exists()) == ([], False)


def test_a_policy_that_cannot_be_read_is_explained_when_the_service_refuses(rotation: SecretRotation) -> None:
    said = "Credential lifetime exceeds the max value allowed as per assigned policy 'p1'."
    rotation.server.script(ADD, refusal(400, "CredentialInvalidLifetimeAsPerAppPolicy", said), method="POST")
    result = rotation.task()
    assert (result["failed"], result["code"]) == (True, "CredentialInvalidLifetimeAsPerAppPolicy")
    assert (
        "refused to add a secret, because an app management policy of this tenant forbids credentials" in result["msg"]
    )
    assert "policy 'p1'" in result["msg"]
    assert rotation.stored() is None
