# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recipes of docs/recipes.md, as they stand there, against the emulator and a receiver."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ansible_runs import Ansible, Run
from support.scripted_server import Answer, ScriptedServer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


@pytest.fixture
def to_splunk(ansible: Ansible, scripted: ScriptedServer, consent: Callable[..., None]) -> Callable[[], Run]:
    """Runs the recipe for the HTTP Event Collector; one of the two customers has consented."""
    consent("contoso")
    plays = re.findall(r"^```yaml\n(- name: .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (play,) = [text for text in plays if "/services/collector/raw" in text]
    path = ansible.place / "splunk.yml"
    path.write_text(
        play.replace("https://splunk.example:8088", scripted.url).replace("/var/lib/mssp", str(ansible.place))
    )
    return lambda: ansible.playbook(str(path), SSL_CERT_FILE=ansible.emulator.ca_path, HEC_TOKEN="a token of Splunk")


def _sent(scripted: ScriptedServer) -> list[list[int]]:
    """The ids that each request brought."""
    lines = [request.body.splitlines() for request in scripted.requests]
    return [[json.loads(line)["id"] for line in of_one] for of_one in lines]


def test_splunk_gets_everything_once_where_nothing_fails(
    ansible: Ansible, scripted: ScriptedServer, to_splunk: Callable[[], Run]
) -> None:
    scripted.respond = lambda _request: Answer({"text": "Success", "code": 0})
    first = to_splunk()
    assert first.code == 0, first.output
    (sent,) = _sent(scripted)
    assert len(set(sent)) == len(sent) > 3
    (request,) = scripted.requests
    assert request.headers["Authorization"] == "Splunk a token of Splunk"
    assert request.query["source"] == f"{ansible.place}/splunk/contoso.jsonl"
    assert request.query["sourcetype"] == "mssp:defender:incident"
    assert "a token of Splunk" not in first.output

    changed = f"tenants/{ansible.emulator.tenant_id('contoso')}/incidents/{sent[0]}"
    ansible.emulator.control("PATCH", changed, {"severity": "High"})
    assert to_splunk().code == 0
    assert to_splunk().code == 0
    assert _sent(scripted) == [sent, [sent[0]]]


def test_what_splunk_did_not_take_is_sent_again(scripted: ScriptedServer, to_splunk: Callable[[], Run]) -> None:
    scripted.respond = lambda _request: Answer({"text": "Server is busy", "code": 9}, 503)
    assert to_splunk().code == 2
    scripted.respond = lambda _request: Answer({"text": "Success", "code": 0})
    assert to_splunk().code == 0
    refused, taken = _sent(scripted)
    assert refused == taken
