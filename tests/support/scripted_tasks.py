# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that read records or register applications, each run against scripted services."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from support.machine import Clock
from support.operations import OperationHost
from support.scripted_entra import CLIENT, OTHER_TENANT, RESOURCE, ROLES, TENANT, ScriptedEntra, token_path
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
from support.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.registration.vars_file import VarsFile
from ansible_collections.mssp.defender.plugins.module_utils._core.vaults import Vault
from ansible_collections.mssp.defender.plugins.module_utils._operations.operation import Operation
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import (
    credential as credential_operation,
)

FLEET = [{"name": "contoso", "tenant_id": TENANT}, {"name": "fabrikam", "tenant_id": OTHER_TENANT}]
NOON = timestamps.ticks("2026-11-20T12:00:00Z")
SECOND = timestamps.TICKS_PER_SECOND


def connection_to(server: ScriptedServer) -> dict[str, Any]:
    """Return the options by which a task reaches the scripted services, and repeats nothing."""
    return {
        "client_id": CLIENT,
        "client_secret": "canary-secret",
        "authority_url": server.url,
        "xdr_url": server.url,
        "graph_url": server.url,
        "ca_path": server.ca_path,
        "retries": 0,
    }


class ReadingTask:
    """One task after the other, each in a run of its own. `warnings` are those of the last, but of an API's end."""

    def __init__(self, operation: Operation, entra: ScriptedEntra, api: str) -> None:
        self.server: ScriptedServer = entra.server
        self.server.has_no_more = True
        self.warnings: list[str] = []
        self.note_kept: Callable[[], None] = lambda: None
        self._operation = operation
        # the records of these tests are bare ones
        self._defaults: dict[str, Any] = {"normalize": False}
        if "api" in operation.arguments:
            self._defaults |= {"api": "xdr" if api == RESOURCE else "graph", "alerts": False}
        for tenant in (TENANT, OTHER_TENANT):
            self.server.script(token_path(tenant), entra.granting(entra.token(tid=tenant, aud=api, roles=ROLES)))

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {
            **connection_to(self.server),
            **self._defaults,
            **({} if "tenants" in options else {"tenant_id": TENANT}),
            **options,
        }
        host = OperationHost(self._operation, check_mode, note_kept=self.note_kept, **given)
        result: dict[str, Any] = self._operation.run(host)
        self.warnings = [warning for warning in host.warnings if "MC1220762" not in warning]
        return result

    def asked(self, path: str) -> list[dict[str, str]]:
        """The query of every request to the path, but for those that ask what lies behind a page."""
        return [request.query for request in self.server.requests_to(path) if "$skip" not in request.query]


def page(ids: Iterable[int], first: int = 0) -> Answer:
    """A page of incidents, each updated a second after the one before it."""
    moments = ((number, timestamps.render(NOON + (first + number) * SECOND)) for number in ids)
    return Answer({"value": [{"incidentId": number, "lastUpdateTime": moment} for number, moment in moments]})


CANARY = "canary-secret"


class RegistrarTask:
    """One task's options, given again and again; `defaults` are what each run of it has in common."""

    def __init__(self, operation: Operation, entra: ScriptedEntra, **defaults: Any) -> None:
        self.entra = entra
        self.server = entra.server
        self.warnings: list[str] = []
        self._operation = operation
        self._defaults = {
            "client_id": CLIENT,
            "client_secret": CANARY,
            "tenant_id": TENANT,
            "unique_name": UNIQUE_NAME,
            "authority_url": entra.server.url,
            "graph_url": entra.server.url,
            "ca_path": entra.server.ca_path,
            "retries": 0,
            **defaults,
        }
        self.tokens()

    def __call__(self, check_mode: bool = False, vault: Vault | None = None, **options: Any) -> dict[str, Any]:
        host = OperationHost(self._operation, check_mode, vault=vault, **{**self._defaults, **options})
        result: dict[str, Any] = self._operation.run(host)
        self.warnings = host.warnings
        return result

    def refusal(self, **options: Any) -> str:
        """Return the sentence for options that cannot work."""
        with pytest.raises(OptionError) as refused:
            self(**options)
        assert "canary" not in str(refused.value)
        return str(refused.value)

    def tokens(self, *answers: Answer) -> None:
        """Script the token endpoint: the registrar gets its token first, then these answers, then tokens for all."""
        good = self.entra.granting(graph_token(self.entra))
        self.server.script(token_path(), good, *answers, *([good] if not answers else []))

    def written(self) -> list[tuple[str, str]]:
        """Return method and path of every request that Graph was to change something with."""
        return [
            (request.method, request.path)
            for request in self.server.requests
            if request.method != "GET" and request.path != token_path()
        ]

    def body(self, method: str, path: str) -> Any:
        """Return what the only request of this kind carried."""
        (request,) = self.server.requests_to(path, method)
        return request.json


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
        self.task = RegistrarTask(
            credential_operation.OPERATION, entra, kind="secret", name="ansible", dest=str(self.dest), encrypt=False
        )
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
