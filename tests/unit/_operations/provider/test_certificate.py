# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from support.machine import Clock
from support.scripted_certificates import OTHER, CertificateRotation, listed, making
from support.scripted_entra import ScriptedEntra, token_path
from support.scripted_entra import refusal as token_refusal
from support.scripted_graph import (
    APP_ID,
    DAY,
    DENIED,
    DONE,
    applications,
    forbids,
)
from support.vaults import encrypted, keep, opened, vault

from ansible_collections.mssp.defender.plugins.module_utils._core import locks
from ansible_collections.mssp.defender.plugins.module_utils._core.registration import key_pairs
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.key_pairs import KeyPair
from ansible_collections.mssp.defender.plugins.module_utils._core.vaults import Vault

UNKNOWN_CERTIFICATE = token_refusal(700027)


@pytest.fixture(scope="module")
def pairs() -> dict[str, KeyPair]:
    """Pairs that differ in how long they are good."""
    lives = {"fresh": 170, "ending": 20, "short": 0.0001}
    return {name: key_pairs.make(name, days * DAY) for name, days in lives.items()}


@pytest.fixture
def rotation(entra: ScriptedEntra, tmp_path: Path, clock: Clock) -> CertificateRotation:
    return CertificateRotation(entra, tmp_path, clock)


def test_the_first_certificate_is_made_here_and_only_its_public_part_travels(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = pairs["fresh"]
    making(monkeypatch, fresh)
    rotation.has([OTHER], [OTHER, listed(fresh, "c-new", 0, 170)])
    result = rotation.task()
    (request,) = rotation.server.requests_to(applications(), "PATCH")
    kept, added = request.json["keyCredentials"]
    assert (kept, added["key"], added["displayName"]) == (OTHER, fresh.public, "ansible")
    assert (result["failed"], result["changed"], result["credential"]["key_id"]) == (False, True, "c-new")
    assert (rotation.kept(), rotation.next.exists()) == (fresh.public, False)
    assert stat.S_IMODE(rotation.dest.stat().st_mode) == 0o600
    everything = json.dumps(result) + "".join(sent.body for sent in rotation.server.requests)
    assert "PRIVATE KEY" not in everything
    assert fresh.credential.pem().decode()[40:80] not in everything


def test_a_key_is_made_for_the_lifetime_that_is_asked_for(
    rotation: CertificateRotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, float]] = []
    make = key_pairs.make

    def note(name: str, lifetime: float) -> KeyPair:
        asked.append((name, lifetime))
        pair = make(name, lifetime)
        rotation.has([listed(pair, "c-new", 0, 90)])
        return pair

    monkeypatch.setattr(key_pairs, "_KEY_BITS", 2048)
    monkeypatch.setattr(key_pairs, "make", note)
    rotation.task(lifetime="90d")
    assert asked == [("ansible", 90 * DAY)]


def test_a_token_is_asked_for_with_the_new_certificate(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    making(monkeypatch, pairs["fresh"])
    rotation.has([], [listed(pairs["fresh"], "c-new", 0, 170)])
    rotation.task.tokens(UNKNOWN_CERTIFICATE, rotation.good)
    rotation.task()
    tried = rotation.server.requests_to(token_path())[1:]
    assert [request.form["client_id"] for request in tried] == [APP_ID] * 2
    assert all(request.form["client_assertion"] for request in tried)
    assert rotation.clock.pauses == [2]


def test_a_certificate_that_is_not_near_its_end_stays(rotation: CertificateRotation, pairs: dict[str, KeyPair]) -> None:
    keep(pairs["fresh"], rotation.dest)
    rotation.has([OTHER, listed(pairs["fresh"], "c1", -10, 170)])
    result = rotation.task()
    assert (result["changed"], result["credential"]["key_id"], rotation.task.written()) == (False, "c1", [])


def test_a_rotation_keeps_the_last_good_one_for_the_overlap(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(pairs["ending"], rotation.dest)
    making(monkeypatch, pairs["fresh"])
    old = listed(pairs["ending"], "c1", -160, 20)
    rotation.has([OTHER, old], [OTHER, old, listed(pairs["fresh"], "c-new", 0, 170)])
    result = rotation.task()
    assert rotation.sent() == [["c-other", "c1", pairs["fresh"].public]]
    assert (result["retired"], result["credential"]["key_id"]) == ([], "c-new")
    assert rotation.kept() == pairs["fresh"].public


def test_the_last_good_one_is_retired_after_the_overlap_and_nothing_else(
    rotation: CertificateRotation, pairs: dict[str, KeyPair]
) -> None:
    keep(pairs["fresh"], rotation.dest)
    old, new = listed(pairs["ending"], "c1", -160, 20), listed(pairs["fresh"], "c2", -8, 162)
    added_meanwhile = {**OTHER, "keyId": "c-meanwhile"}
    for check_mode in (True, False):
        rotation.has([OTHER, old, new], [OTHER, old, new, added_meanwhile])
        result = rotation.task(check_mode=check_mode)
        assert [item["key_id"] for item in result["retired"]] == ["c1"]
    assert rotation.sent() == [["c-other", "c2", "c-meanwhile"]]


def test_check_mode_plans_and_makes_no_key(rotation: CertificateRotation, tmp_path: Path) -> None:
    result = rotation.task(check_mode=True)
    assert (result["changed"], result["credential"]["key_id"]) == (True, "made by Entra ID")
    assert (rotation.task.written(), list(tmp_path.iterdir())) == ([], [])


def test_a_pair_that_is_given_is_registered_as_it_is(rotation: CertificateRotation, pairs: dict[str, KeyPair]) -> None:
    keep(pairs["fresh"], rotation.dest)
    assert rotation.task(check_mode=True, generate=False)["changed"] is True
    assert rotation.sent() == []
    rotation.has([], [listed(pairs["fresh"], "c1", 0, 170)])
    result = rotation.task(generate=False)
    assert (result["changed"], result["credential"]["key_id"]) == (True, "c1")
    assert (rotation.sent(), rotation.kept()) == ([[pairs["fresh"].public]], pairs["fresh"].public)


def test_a_given_pair_near_its_end_is_warned_of(rotation: CertificateRotation, pairs: dict[str, KeyPair]) -> None:
    keep(pairs["ending"], rotation.dest)
    rotation.has([listed(pairs["ending"], "c1", -1, 20)])
    assert rotation.task(generate=False)["changed"] is False
    assert rotation.task.warnings == [
        f"the certificate in {rotation.dest} ends soon, and generate is false: put a new pair there"
    ]


def test_a_given_pair_that_has_expired_is_refused(rotation: CertificateRotation, pairs: dict[str, KeyPair]) -> None:
    keep(pairs["short"], rotation.dest)
    rotation.clock.sleep(DAY)
    sentence = f"dest {rotation.dest} holds an expired certificate: put a new pair there"
    assert rotation.task.refusal(generate=False) == sentence
    assert rotation.task.written() == []


def test_a_certificate_that_gets_no_token_is_removed_and_others_survive(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(pairs["ending"], rotation.dest)
    making(monkeypatch, pairs["fresh"])
    old, new = listed(pairs["ending"], "c1", -160, 20), listed(pairs["fresh"], "c-new", 0, 170)
    rotation.has([old], [old, new, OTHER])
    rotation.task.tokens(UNKNOWN_CERTIFICATE)
    result = rotation.task(settle_wait=5)
    assert rotation.sent() == [["c1", pairs["fresh"].public], ["c1", "c-other"]]
    assert "the new certificate got no token and was removed: " in result["msg"]
    assert "(AADSTS700027); 'ansible' (c1, good until " in result["msg"]
    assert rotation.kept() == pairs["ending"].public
    assert rotation.clock.pauses == [2]


def test_a_certificate_that_cannot_be_removed_again_is_told(
    rotation: CertificateRotation, pairs: dict[str, KeyPair]
) -> None:
    keep(pairs["fresh"], rotation.dest)
    rotation.task.tokens(UNKNOWN_CERTIFICATE)
    rotation.server.script(applications(), DONE, DENIED, method="PATCH")
    assert "got no token, and the next run tries it again: " in rotation.task(settle_wait=5)["msg"]


@pytest.mark.parametrize("registered", [True, False])
def test_an_interrupted_rotation_goes_on_with_the_pair_that_it_made(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], registered: bool
) -> None:
    keep(pairs["ending"], rotation.dest)
    keep(pairs["fresh"], rotation.next)
    old, new = listed(pairs["ending"], "c1", -160, 20), listed(pairs["fresh"], "c-new", 0, 170)
    rotation.has([old, new] if registered else [old], [old, new])
    result = rotation.task()
    assert rotation.sent() == ([] if registered else [["c1", pairs["fresh"].public]])
    assert (rotation.kept(), rotation.next.exists()) == (pairs["fresh"].public, False)
    assert result["credential"]["key_id"] == "c-new"


def test_the_pair_of_an_interrupted_run_is_on_disk_before_it_is_registered(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    making(monkeypatch, pairs["fresh"])
    rotation.server.script(applications(), DENIED, method="PATCH")
    assert "grant Application.ReadWrite.OwnedBy" in rotation.task()["msg"]
    assert (rotation.kept(rotation.next), rotation.dest.exists()) == (pairs["fresh"].public, False)
    assert stat.S_IMODE(rotation.next.stat().st_mode) == 0o600


def test_a_certificate_that_works_and_is_not_listed_is_waited_for(
    rotation: CertificateRotation, pairs: dict[str, KeyPair]
) -> None:
    keep(pairs["fresh"], rotation.dest)
    rotation.has([], [], [], [listed(pairs["fresh"], "c1", 0, 170)])
    assert rotation.task()["credential"]["key_id"] == "c1"
    assert rotation.clock.pauses == [2, 2]
    rotation.has([])
    assert "the new certificate works, but the directory does not list it yet" in rotation.task(settle_wait=10)["msg"]


def test_a_list_that_lags_behind_never_costs_the_new_certificate(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(pairs["ending"], rotation.dest)
    making(monkeypatch, pairs["fresh"])
    old, new = listed(pairs["ending"], "c1", -160, 20), listed(pairs["fresh"], "c-new", 0, 170)
    rotation.has([old], [old, new], [old])
    rotation.task(overlap="0m", settle_wait=5)
    assert all({"c-new", pairs["fresh"].public} & set(items) for items in rotation.sent())
    assert rotation.kept() == pairs["fresh"].public


def test_an_old_certificate_that_cannot_be_retired_is_told(
    rotation: CertificateRotation, pairs: dict[str, KeyPair]
) -> None:
    keep(pairs["fresh"], rotation.dest)
    rotation.has([listed(pairs["ending"], "c1", -160, 20), listed(pairs["fresh"], "c2", -8, 162)])
    rotation.server.script(applications(), DENIED, method="PATCH")
    message = rotation.task()["msg"]
    assert "the old certificate could not be retired: " in message
    assert "'ansible' (c2, good until " in message


@pytest.mark.parametrize("kind", ["mode", "link", "pipe", "owner"])
def test_a_next_pair_that_others_may_have_planted_is_never_registered(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "theirs.pem"
    keep(pairs["fresh"], elsewhere if kind == "link" else rotation.next)
    if kind == "mode":
        rotation.next.chmod(0o640)
    elif kind == "link":
        rotation.next.symlink_to(elsewhere)
    elif kind == "pipe":
        rotation.next.unlink()
        os.mkfifo(rotation.next)
    elif os.geteuid() == 0:
        os.chown(rotation.next, 4242, -1)
    else:
        pytest.skip("only root can give a file away")
    assert str(rotation.next) in rotation.task.refusal()
    assert rotation.sent() == []
    assert rotation.kept() is None


def test_a_folder_that_others_can_write_to_takes_no_key(rotation: CertificateRotation, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert rotation.task.refusal().startswith(f"dest: {tmp_path} is a folder that others can write to: take that")
    assert rotation.sent() == []


def test_a_pair_that_was_given_may_be_a_link_to_a_mounted_secret(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], tmp_path: Path
) -> None:
    (tmp_path / "..data").mkdir()
    keep(pairs["fresh"], tmp_path / "..data" / "partner.pem")
    rotation.dest.symlink_to(tmp_path / "..data" / "partner.pem")
    rotation.has([listed(pairs["fresh"], "c-new", 0, 170)])
    assert rotation.task(generate=False)["credential"]["key_id"] == "c-new"
    assert "is a symbolic link" in rotation.task.refusal()


def test_two_runs_do_not_rotate_in_one_folder_at_the_same_time(rotation: CertificateRotation) -> None:
    with locks.locked("dest", rotation.dest.parent, patience=0):
        assert rotation.task.refusal(settle_wait=10).startswith("dest: another run is changing files in ")
    assert rotation.task.written() == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"generate": False}, "dest {dest} does not exist: put key and certificate there, or leave generate on"),
        ({"dest": "/nowhere/partner.pem"}, "dest: the folder /nowhere does not exist: create it first"),
    ],
)
def test_a_file_that_could_not_keep_the_key_is_refused_before_any_request(
    rotation: CertificateRotation, options: dict[str, Any], sentence: str
) -> None:
    assert rotation.task.refusal(**options) == sentence.format(dest=rotation.dest)
    assert rotation.server.requests == []


def test_a_file_that_holds_something_else_is_refused_before_any_change(rotation: CertificateRotation) -> None:
    rotation.dest.write_text("canary")
    assert rotation.task.refusal().startswith(f"dest {rotation.dest} cannot be opened: ")
    assert rotation.task.written() == []
    assert rotation.dest.read_text() == "canary"


def test_a_rotation_leaves_the_file_encrypted_as_it_was(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(pairs["ending"], rotation.dest, "soc-pass", "soc")
    making(monkeypatch, pairs["fresh"])
    old, new = listed(pairs["ending"], "c1", -160, 20), listed(pairs["fresh"], "c-new", 0, 170)
    rotation.has([old], [old, new])
    run_vault = vault(default="another", soc="soc-pass")
    assert rotation.task(encrypt=True, vault=run_vault)["credential"]["key_id"] == "c-new"
    text = rotation.dest.read_text()
    assert text.startswith("$ANSIBLE_VAULT;1.2;AES256;soc\n")
    assert opened(text, "soc-pass") == pairs["fresh"].credential.pem().decode()
    assert stat.S_IMODE(rotation.dest.stat().st_mode) == 0o600
    rotation.has([old, new])
    assert rotation.task(encrypt=True, vault=run_vault)["changed"] is False


def test_the_pair_that_a_killed_run_leaves_is_encrypted_too(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    making(monkeypatch, pairs["fresh"])
    rotation.server.script(applications(), DENIED, DONE, method="PATCH")
    assert rotation.task(encrypt=True, vault=vault(default="pass"))["failed"]
    assert opened(rotation.next.read_text(), "pass") == pairs["fresh"].credential.pem().decode()
    rotation.has([], [listed(pairs["fresh"], "c-new", 0, 170)])
    assert rotation.task(encrypt=True, vault=vault(default="pass"))["credential"]["key_id"] == "c-new"
    assert not rotation.next.exists()


def test_a_key_that_the_run_cannot_encrypt_is_not_made(
    rotation: CertificateRotation, pairs: dict[str, KeyPair]
) -> None:
    refused = "it is to be encrypted, and this run has no vault password: run with --vault-password-file"
    assert refused in rotation.task.refusal(encrypt=True, vault=vault())
    assert "dest cannot be encrypted where this task runs: " in rotation.task.refusal(encrypt=True)
    keep(pairs["ending"], rotation.dest, "pass")
    assert "no vault password of this run opens it" in rotation.task.refusal(encrypt=True, vault=vault(default="other"))
    assert rotation.server.requests == []


@pytest.mark.parametrize("run_vault", [vault(default="pass"), vault()], ids=["a vault", "no password"])
def test_a_plain_pair_that_was_given_is_taken_whatever_encrypt_says(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], run_vault: Vault
) -> None:
    keep(pairs["fresh"], rotation.dest)
    rotation.has([listed(pairs["fresh"], "c1", -1, 170)])
    assert rotation.task(generate=False, encrypt=True, vault=run_vault)["changed"] is False
    assert rotation.task(generate=False, encrypt=True)["changed"] is False


def test_an_encrypted_pair_that_was_given_is_opened(rotation: CertificateRotation, pairs: dict[str, KeyPair]) -> None:
    rotation.dest.write_text(encrypted(pairs["fresh"].credential.pem(), "pass"))
    rotation.has([listed(pairs["fresh"], "c1", -1, 170)])
    assert rotation.task(generate=False, vault=vault(default="pass"))["credential"]["key_id"] == "c1"
    assert "is encrypted with Ansible Vault, which only a task that runs" in rotation.task.refusal(generate=False)


SHORT_KEYS = {"restrictionType": "asymmetricKeyLifetime", "state": "enabled", "maxLifetime": "P90D"}


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("is_given", [True, False])
def test_a_lifetime_that_a_policy_forbids_is_refused_before_anything_is_made(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], is_given: bool, check_mode: bool
) -> None:
    forbids(rotation.server, "keyCredentials", SHORT_KEYS)
    if is_given:
        keep(pairs["fresh"], rotation.dest)
    result = rotation.task(check_mode=check_mode)
    assert (result["failed"], result["changed"]) == (True, False)
    assert "forbids certificates that are good for more than 90d, and " in result["msg"]
    assert "provider: choose a shorter lifetime" in result["msg"]
    assert (rotation.task.written(), rotation.next.exists()) == ([], False)


def test_a_lifetime_as_long_as_the_policy_allows_is_taken(
    rotation: CertificateRotation, pairs: dict[str, KeyPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    forbids(rotation.server, "keyCredentials", SHORT_KEYS)
    making(monkeypatch, pairs["fresh"])
    rotation.has([], [listed(pairs["fresh"], "c-new", 0, 90)])
    assert rotation.task(lifetime="90d")["changed"] is True
