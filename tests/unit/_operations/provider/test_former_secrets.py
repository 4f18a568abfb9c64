# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.machine import Clock
from support.scripted_certificates import CertificateRotation, listed, making
from support.scripted_entra import ScriptedEntra
from support.scripted_entra import refusal as token_refusal
from support.scripted_graph import APP_ID, DAY, DENIED, DONE, UNIQUE_NAME, application, applications, by_key, credential
from support.scripted_server import Answer
from support.vaults import keep

from ansible_collections.mssp.defender.plugins.module_utils._core.registration import key_pairs
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.key_pairs import KeyPair

REMOVE = applications("/removePassword")
PORTAL = credential("s-portal", "portal", -400, -35)


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return key_pairs.make("ansible", 180 * DAY)


@pytest.fixture
def rotation(entra: ScriptedEntra, tmp_path: Path, clock: Clock) -> CertificateRotation:
    rotation = CertificateRotation(entra, tmp_path, clock)
    rotation.server.script(REMOVE, DONE, method="POST")
    return rotation


def has(rotation: CertificateRotation, pair: KeyPair, age: float, *secrets: dict[str, Any]) -> None:
    """Let the certificate in the file be in force since so many days, and these secrets be there."""
    keep(pair, rotation.dest)
    certificates = [listed(pair, "c1", -age, 180 - age)]
    found = application(keyCredentials=certificates, passwordCredentials=list(secrets))
    rotation.server.script(by_key("applications", "uniqueName", UNIQUE_NAME), Answer(found))
    rotation.has(certificates)


def removed(rotation: CertificateRotation) -> list[str]:
    return [request.json["keyId"] for request in rotation.server.requests_to(REMOVE)]


def test_a_secret_of_the_same_name_stays_for_the_overlap(
    rotation: CertificateRotation, pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    making(monkeypatch, pair)
    secret = credential("s1", "ansible", -100, 80)
    has(rotation, pair, 0, secret)
    rotation.dest.unlink()
    rotation.has([], [listed(pair, "c1", 0, 180)])
    result = rotation.task()
    assert (result["changed"], result["retired"], removed(rotation)) == (True, [], [])
    assert [item["key_id"] for item in result["diff"]["before"]["credentials"]] == ["s1"]
    (warning,) = rotation.task.warnings
    assert warning.startswith(f"application {APP_ID} still has the secret 'ansible' (s1, good until ")
    assert "is removed 7 days after that came: let all who use it go over to the certificate" in warning


def test_it_is_retired_after_the_overlap(rotation: CertificateRotation, pair: KeyPair) -> None:
    has(rotation, pair, 8, credential("s1", "ansible", -100, 80))
    for check_mode, gone in ((True, []), (False, ["s1"])):
        result = rotation.task(check_mode=check_mode)
        assert ([item["key_id"] for item in result["retired"]], result["changed"]) == (["s1"], True)
        assert (removed(rotation), rotation.task.warnings) == (gone, [])


def test_one_that_has_expired_is_retired_at_once(rotation: CertificateRotation, pair: KeyPair) -> None:
    has(rotation, pair, 1, credential("s1", "ansible", -181, -1))
    assert [item["key_id"] for item in rotation.task()["retired"]] == ["s1"]
    assert removed(rotation) == ["s1"]


@pytest.mark.parametrize(
    "secret", [PORTAL, credential("s2", "ansible", -3, 100)], ids=["of another name", "newer than the certificate"]
)
def test_a_secret_of_unknown_origin_is_told_and_left(
    rotation: CertificateRotation, pair: KeyPair, secret: dict[str, Any]
) -> None:
    has(rotation, pair, 20, secret)
    result = rotation.task()
    assert (result["changed"], result["retired"], removed(rotation)) == (False, [], [])
    (warning,) = rotation.task.warnings
    assert f"still has the secret '{secret['displayName']}' ({secret['keyId']}, good until " in warning
    assert "test 21772 counts against it, expired or not: where nobody uses it, remove it by its key_id" in warning


def test_one_that_cannot_be_retired_is_told(rotation: CertificateRotation, pair: KeyPair) -> None:
    has(rotation, pair, 8, credential("s1", "ansible", -100, 80))
    rotation.server.script(REMOVE, DENIED, method="POST")
    result = rotation.task()
    assert result["failed"]
    assert "the secret 'ansible' (s1, good until " in result["msg"]
    assert "could not be retired: " in result["msg"]
    assert "'ansible' (c1, good until " in result["msg"]
    assert result["credential"]["key_id"] == "c1"


def test_what_works_is_named_when_the_certificate_that_was_to_follow_gets_no_token(
    rotation: CertificateRotation, pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    making(monkeypatch, pair)
    has(rotation, pair, 0, credential("s1", "ansible", -100, 80))
    rotation.dest.unlink()
    rotation.has([])
    rotation.task.tokens(token_refusal(700027))
    message = rotation.task(settle_wait=5)["msg"]
    assert "; 'ansible' (s1, good until " in message
    assert removed(rotation) == []
