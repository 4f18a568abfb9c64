# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from support.machine import Clock
from support.scripted_entra import OTHER_TENANT, TENANT, ScriptedEntra, refusal, token_path
from support.scripted_server import Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Postponed, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import cipher_of
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.device_code import DeviceCode
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.sign_in import SCOPES
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import Token, TokenCache
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

PROGRAM = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
GRAPH = "https://graph.microsoft.com"
CODES = f"/{TENANT}/oauth2/v2.0/devicecode"
FLOW: dict[str, Any] = {
    "device_code": "device-code",
    "user_code": "BCDFGHJKL",
    "verification_uri": "https://login.example/device",
    "expires_in": 900,
    "interval": 5,
    "message": "a message that nobody should need",
}
PENDING = refusal(70016, "authorization_pending", 400)


def unnumbered(error: object) -> Answer:
    """Return a refusal without an AADSTS code."""
    return Answer({"error": error, "error_description": "a text", "trace_id": "trace-1"}, 400)


SLOW_DOWN = unnumbered("slow_down")


class Desk:
    """A source of tokens, and what it told."""

    def __init__(self, entra: ScriptedEntra, transport: Transport, folder: Path | None) -> None:
        self.entra = entra
        self.told: list[str] = []
        authority = Authority(entra.cloud(), Documents(transport))
        cache = TokenCache(folder, cipher_of(b"of the run"))
        self.source = DeviceCode(PROGRAM, authority, transport, cache, self.told.append, contextlib.nullcontext)

    def script(self, *polls: Answer, **flow: Any) -> None:
        self.entra.server.script(CODES, Answer({**FLOW, **flow}))
        self.entra.server.script(token_path(), *polls)

    def acquire(self, patience: Patience | None = None) -> Token:
        return self.source.acquire(TENANT, GRAPH, "v2", patience or Patience(0, 0))

    def fails(self, *polls: Answer, **flow: Any) -> str:
        self.script(*polls, **flow)
        with pytest.raises(TenantError) as failed:
            self.acquire()
        return failed.value.reason.sentence()

    def granted(self, **changes: Any) -> Answer:
        claims = {"scp": " ".join(SCOPES), "idtyp": "user", "aud": GRAPH, "roles": [], **changes}
        return self.entra.granting(self.entra.token(**claims))


@pytest.fixture
def desk(entra: ScriptedEntra, transport: Transport, tmp_path: Path, clock: Clock) -> Desk:
    assert clock.pauses == []
    return Desk(entra, transport, tmp_path)


def test_a_person_is_told_and_waited_for(desk: Desk, clock: Clock) -> None:
    desk.script(PENDING, SLOW_DOWN, PENDING, desk.granted())
    token = desk.acquire()
    assert token.is_fresh()
    (message,) = desk.told
    assert message == (
        f"Sign in as an administrator of tenant {TENANT}: open https://login.example/device in a browser and enter the "
        "code BCDFGHJKL within 15 minutes."
    )
    # a service that is asked too often is asked more rarely from then on
    assert clock.pauses == [5, 10, 10]
    (start,) = desk.entra.server.requests_to(CODES)
    assert start.form == {"client_id": PROGRAM, "scope": " ".join(sorted(f"{GRAPH}/{scope}" for scope in SCOPES))}
    polls = desk.entra.server.requests_to(token_path())
    assert {(poll.form["device_code"], poll.form["client_id"]) for poll in polls} == {("device-code", PROGRAM)}


def test_the_token_is_kept_for_the_next_task_and_not_without_a_folder(
    desk: Desk, entra: ScriptedEntra, transport: Transport
) -> None:
    desk.script(desk.granted())
    first = desk.acquire()
    assert desk.acquire().value == first.value
    assert len(desk.told) == 1
    alone = Desk(entra, transport, None)
    alone.acquire()
    alone.acquire()
    assert len(alone.told) == 2


def test_a_failure_in_between_costs_no_second_code(desk: Desk) -> None:
    desk.script(Answer("", 503), PENDING, desk.granted())
    desk.acquire(Patience(2, 0))
    assert len(desk.told) == 1


@pytest.mark.parametrize(
    "polls",
    [[PENDING], [PENDING, refusal(70020, "expired_token", 400)], [unnumbered("expired_token")]],
)
def test_a_code_that_nobody_enters(desk: Desk, clock: Clock, polls: list[Answer]) -> None:
    assert desk.fails(*polls).startswith(
        "nobody entered the code within 15 minutes; provider: run this again, and sign"
    )
    assert sum(clock.pauses) <= 900


@pytest.mark.parametrize(
    ("poll", "words"),
    [
        (refusal(65004, "authorization_declined", 400), "the sign-in was declined in the browser (AADSTS65004)"),
        (unnumbered("authorization_declined"), "declined in the browser (authorization_declined)"),
        (refusal(70018, "bad_verification_code", 400), "does not know the device code any more (AADSTS70018)"),
        (refusal(53003, "invalid_grant", 400), "(Conditional Access) blocks this way to sign in (AADSTS53003)"),
        (refusal(530036, "invalid_grant", 400), "(Conditional Access) blocks this way to sign in (AADSTS530036)"),
        (refusal(50020, "invalid_grant", 400), "who is signed in does not belong to this tenant (AADSTS50020)"),
        (refusal(65001, "invalid_grant", 400), "nobody has consented to what this program asks for (AADSTS65001)"),
        (refusal(7000218, "invalid_client", 401), "the request carried no credential (AADSTS7000218)"),
        (unnumbered(""), "the token endpoint answered an unnamed error"),
        (refusal(16000, "interaction_required", 400), "a policy of the tenant demands interaction (AADSTS16000)"),
        (Answer({"token_type": "Bearer"}), "the token endpoint sent no token"),
    ],
)
def test_a_refusal_ends_the_wait(desk: Desk, clock: Clock, poll: Answer, words: str) -> None:
    sentence = desk.fails(poll)
    assert words in sentence
    assert "; provider: " in sentence
    assert "nobody should parse" not in sentence
    assert clock.pauses == []


@pytest.mark.parametrize("gone", ["device_code", "user_code", "verification_uri"])
@pytest.mark.parametrize("value", [None, 5, ""])
def test_an_answer_that_lacks_a_part_is_no_device_code(desk: Desk, gone: str, value: object) -> None:
    assert re.match(
        "Entra ID sent no device code|the token endpoint sent no token", desk.fails(PENDING, **{gone: value})
    )
    assert desk.told == []


@pytest.mark.parametrize(("said", "pause"), [("7", 7), (None, 5), ("soon", 5), (-1, 5), (0, 1), (10**9, 900)])
def test_an_odd_interval_is_none(desk: Desk, clock: Clock, said: object, pause: int) -> None:
    desk.fails(PENDING, refusal(70018, "bad_verification_code", 400), interval=said)
    assert clock.pauses[:1] in ([pause], [])


def test_no_code_is_handed_out(desk: Desk) -> None:
    desk.entra.server.script(CODES, refusal(700016, "unauthorized_client", 400))
    with pytest.raises(TenantError) as failed:
        desk.acquire()
    assert "the application was not found in this tenant (AADSTS700016)" in failed.value.reason.sentence()


def test_a_service_that_fails_before_there_is_a_code_is_asked_later(desk: Desk) -> None:
    desk.entra.server.script(CODES, Answer("", 503))
    with pytest.raises(Postponed):
        desk.acquire(Patience(1, 0))
    assert desk.told == []


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"scp": SCOPES[0]}, f"its token lacks {SCOPES[1]} (scp); provider: "),
        ({"scp": "User.Read"}, f"its token lacks {' and '.join(SCOPES)} (scp); provider: "),
        ({"tid": OTHER_TENANT}, f"it is signed in to tenant {OTHER_TENANT}, not to this one; provider: "),
    ],
)
def test_a_token_that_is_of_no_use_is_not_kept(desk: Desk, claims: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in desk.fails(desk.granted(**claims))
    assert list(tmp_path.glob("*.token")) == []


def test_what_the_service_says_cannot_act_on_the_terminal(desk: Desk) -> None:
    desk.script(desk.granted(), user_code="AB\x1b[2J", verification_uri="https://x\u202e")
    desk.acquire()
    assert desk.told[0].isprintable()
