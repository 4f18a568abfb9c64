# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application at home, a file of variables, and the task that keeps the application's secret there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from unit.clock import Clock
from unit.registrar_task import CANARY, RegistrarTask
from unit.scripted_entra import ScriptedEntra, token_path
from unit.scripted_graph import (
    DONE,
    UNIQUE_NAME,
    application,
    applications,
    by_key,
    credential,
    graph_token,
    has_principal,
)
from unit.scripted_server import Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.registration.vars_file import VarsFile
from ansible_collections.mssp.defender.plugins.module_utils._operations import credential as operation

NAMED = by_key("applications", "uniqueName", UNIQUE_NAME)
ADD = applications("/addPassword")
REMOVE = applications("/removePassword")
NEW = "new secret {{ of }} Microsoft's"


def secret(key_id: str, starts: float, ends: float, name: str = "ansible") -> dict[str, Any]:
    return credential(key_id, name, starts, ends)


class SecretRotation:
    """All that one rotation touches, scripted so that it succeeds unless a test says otherwise."""

    def __init__(self, entra: ScriptedEntra, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self.server = entra.server
        self.dest = folder / "credential.yml"
        self.task = RegistrarTask(operation, entra, name="ansible", dest=str(self.dest), encrypt=False)
        has_principal(entra)
        self.has()
        self.adds("k-new")
        self.server.script(REMOVE, DONE, method="POST")
        self.good = entra.granting(graph_token(entra))

    def has(self, *secrets: dict[str, Any]) -> None:
        for path in (NAMED, applications()):
            self.server.script(path, Answer(application(passwordCredentials=list(secrets))), method="GET")

    def adds(self, key_id: str, days: float = 180) -> None:
        self.server.script(ADD, Answer({**secret(key_id, 0, days), "secretText": NEW}), method="POST")

    def keeps(self, **record: Any) -> None:
        """Let the file keep a secret with this record beside it."""
        lines = f'partner_access_client_secret: !unsafe "old"\npartner_access_credential: {json.dumps(record)}\n'
        self.dest.write_text(f"---\nother: 1  # ours\n{lines}")
        self.dest.chmod(0o600)

    def record(self) -> dict[str, Any]:
        return VarsFile("dest", self.dest, None).read("partner_access_credential")

    def stored(self) -> str | None:
        """Return the secret in the file, as it stands there, or None."""
        found = re.search(r"^partner_access_client_secret: !unsafe (.*)$", self.dest.read_text(), re.MULTILINE)
        return json.loads(found[1]) if found else None

    def removed(self) -> list[str]:
        return [request.json["keyId"] for request in self.server.requests_to(REMOVE)]

    def tried(self) -> list[str]:
        """Return the secrets that a token was asked for with, but for the registrar's own."""
        secrets = [request.form["client_secret"] for request in self.server.requests_to(token_path())]
        return [value for value in secrets if value != CANARY]
