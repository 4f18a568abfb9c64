# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
from support.scripted_entra import TENANT, ScriptedEntra

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import azure_cli
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.azure_cli import AzureCli
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import cipher_of
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.discovery import Authority, Documents
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.sign_in import SCOPES
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import Token, TokenCache
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

GRAPH = "https://graph.microsoft.com"
SECRET = "canary-printed"


class Program:
    """The program `az`, alone on the PATH."""

    def __init__(self, entra: ScriptedEntra, transport: Transport, folder: Path) -> None:
        self._path = folder / "az"
        self.arguments = folder / "arguments"
        self._source = AzureCli(
            Authority(entra.cloud(), Documents(transport)), TokenCache(None, cipher_of(b"of the run"))
        )
        self.answer = {"accessToken": entra.token(scp=" ".join(SCOPES), aud=GRAPH), "tokenType": "Bearer"}

    def does(self, script: str) -> None:
        self._path.write_text(f"#!/bin/sh\n{script}\n")
        self._path.chmod(0o755)

    def prints(self, answer: object) -> None:
        quoted = shlex.quote(json.dumps(answer))
        self.does(f"printf '%s\\n' \"$@\" > {shlex.quote(str(self.arguments))}\nprintf '%s' {quoted}")

    def acquire(self) -> Token:
        return self._source.acquire(TENANT, GRAPH, "v2", Patience(0, 0))

    def fails(self) -> str:
        with pytest.raises(TenantError) as failed:
            self.acquire()
        return failed.value.reason.sentence()


@pytest.fixture
def az(entra: ScriptedEntra, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("PATH", str(tmp_path))
    return Program(entra, transport, tmp_path)


def test_it_is_asked_for_a_token_of_this_tenant(az: Program) -> None:
    az.prints({**az.answer, "expires_on": 2_000_000_000, "expiresOn": "2033-05-18 05:33:20.000000", "tenant": TENANT})
    token = az.acquire()
    assert (token.value, token.expires_at) == (az.answer["accessToken"], 2_000_000_000)
    wanted = ["account", "get-access-token", "--scope", f"{GRAPH}/.default", "--tenant", TENANT, "--output", "json"]
    assert az.arguments.read_text().splitlines() == wanted


@pytest.mark.parametrize("said", [{}, {"expires_on": None}, {"expires_on": "soon"}])
def test_an_old_one_does_not_say_when_the_token_ends(az: Program, said: dict[str, Any]) -> None:
    az.prints({**az.answer, **said})
    assert az.acquire().expires_at == pytest.approx(time.time() + 3600, abs=60)


@pytest.mark.parametrize("printed", [[], {}, None, {"accessToken": ""}, {"accessToken": 5}, "text"])
def test_an_answer_without_a_token(az: Program, printed: object) -> None:
    az.prints(printed)
    assert az.fails().startswith("it printed no token; provider: update the Azure CLI, and run `az login --tenant ")


def test_nobody_is_signed_in(az: Program) -> None:
    az.does(f"echo \"ERROR: Please run 'az login' to setup account. {SECRET}\" >&2; exit 1")
    assert "nobody is signed in to it, or " in (sentence := az.fails())
    assert SECRET not in sentence


def test_a_refusal_of_entra_id_is_told_by_its_code(az: Program) -> None:
    az.does(f"echo 'ERROR: AADSTS50076: {SECRET}' >&2; echo {SECRET}; exit 1")
    assert "(AADSTS50076); provider: run `az login" in (sentence := az.fails())
    assert SECRET not in sentence


def test_there_is_none(az: Program) -> None:
    assert az.fails().startswith("there is no program az on the PATH; provider: install the Azure CLI")


def test_one_that_cannot_be_run(az: Program) -> None:
    az.does("")
    (path := Path(az.arguments).with_name("az")).write_bytes(b"\x7fELF of another machine")
    assert f"{path} cannot be run (" in az.fails()


def test_one_that_never_answers(az: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_cli, "_LONGEST_SECONDS", 0.2)
    az.does("while :; do :; done")
    assert "did not answer within 0.2 s; provider: run `az login" in az.fails()


def test_what_it_prints_need_not_be_text(az: Program) -> None:
    az.does(r"printf '\377\376'")
    assert "it printed no token" in az.fails()
