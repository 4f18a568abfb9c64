# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task that keeps an application's certificate, run against scripted services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.machine import Clock
from support.scripted_entra import ScriptedEntra
from support.scripted_graph import (
    DONE,
    UNIQUE_NAME,
    application,
    applications,
    by_key,
    credential,
    graph_token,
    has_principal,
)
from support.scripted_server import Answer
from support.scripted_tasks import RegistrarTask

from ansible_collections.mssp.defender.plugins.module_utils._core.registration import key_pairs
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.key_pairs import KeyPair
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import credential as operation

OTHER = credential("c-other", "another tool", -10, 100, key="b3RoZXI=", usage="Verify", type="AsymmetricX509Cert")


class CertificateRotation:
    """The application in its home tenant, a PEM file, and the task that keeps its certificate there."""

    def __init__(self, entra: ScriptedEntra, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self.server = entra.server
        self.dest = folder / "partner.pem"
        self.next = folder / ".partner.pem.next"
        self.task = RegistrarTask(
            operation.OPERATION, entra, kind="certificate", name="ansible", dest=str(self.dest), encrypt=False
        )
        has_principal(entra)
        self.server.script(by_key("applications", "uniqueName", UNIQUE_NAME), Answer(application()))
        self.server.script(applications(), DONE, method="PATCH")
        self.good = entra.granting(graph_token(entra))
        self.has()

    def has(self, *answers: list[dict[str, Any]]) -> None:
        """Let the directory list these certificates, one list for each time it is asked."""
        pages = [Answer(application(keyCredentials=items)) for items in answers or [[]]]
        self.server.script(applications(), *pages, method="GET")

    def sent(self) -> list[list[str]]:
        """Return the certificates of each list that was sent, by what identifies them here."""
        requests = self.server.requests_to(applications(), "PATCH")
        lists = [request.json["keyCredentials"] for request in requests]
        assert all(set(request.json) == {"keyCredentials"} for request in requests)
        return [[item.get("keyId") or item["key"] for item in items] for items in lists]

    def kept(self, path: Path | None = None) -> str | None:
        """Return the public part of what the file keeps."""
        pair = key_pairs.load(path or self.dest, "dest")
        return pair.public if pair else None


def listed(pair: KeyPair, key_id: str, starts: float, ends: float) -> dict[str, Any]:
    return credential(key_id, "ansible", starts, ends, key=pair.public)


def making(monkeypatch: pytest.MonkeyPatch, pair: KeyPair) -> None:
    """Let the next key that is made be this one, so that the directory can be scripted to know it."""
    monkeypatch.setattr(key_pairs, "make", lambda _name, _lifetime: pair)
