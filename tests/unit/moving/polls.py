# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the operation against moving tenants, poll after poll, in a time that passes fast, and kills it if told to."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from support.operations import OperationHost
from support.scripted_entra import CLIENT, ScriptedEntra, token_path
from unit.moving.tenant import ticks

from ansible_collections.mssp.defender.plugins.module_utils._core import fleet
from ansible_collections.mssp.defender.plugins.module_utils._core.files import Draft
from ansible_collections.mssp.defender.plugins.module_utils._core.reading import dialects, reader
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.http import Transport
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import delivery, incidents, tenant_read

FIELDS = {"xdr": ("incidentId", "lastUpdateTime"), "graph": ("id", "lastUpdateDateTime")}
ACCESS = {
    "xdr": {"aud": "https://api.security.microsoft.com", "roles": ["Incident.Read.All"]},
    "graph": {"aud": "https://graph.microsoft.com", "roles": ["SecurityIncident.Read.All"]},
}
_HASTE = 10_000


class HandedOver(NamedTuple):
    """One record as it came: its id, its time of last update (ticks), and whether its alerts came with it."""

    id: str
    updated: int
    has_alerts: bool


class Killed(BaseException):
    """The process has ended."""


class Death:
    """Ends the process after so many steps, which are requests and steps of writing. Nothing of it runs on.

    `tidies` says that half-written files are still removed, as a Ctrl-C does and a power cut does not.
    """

    def __init__(self, after: int, tidies: bool) -> None:
        self._left = after
        self._tidies = tidies

    @contextlib.contextmanager
    def awaits(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for owner, name in ((Transport, "send"), (os, "fsync"), (os, "replace")):
                patch.setattr(owner, name, self._before(getattr(owner, name)))
            patch.setattr(shutil, "copyfileobj", self._half_copied)
            if not self._tidies:
                patch.setattr(Draft, "discard", lambda _draft: None)
            yield

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Killed

    def _before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*arguments: Any, **named: Any) -> Any:
            self._step()
            return function(*arguments, **named)

        return stepping

    def _half_copied(self, source: Any, target: Any, _length: int = 0) -> None:
        content = source.read()
        target.write(content[: len(content) // 2])
        target.flush()
        self._step()
        target.write(content[len(content) // 2 :])


class Poller:
    """Reads the incidents of tenants with a checkpoint, at the pace and by the clock given (seconds since 1970)."""

    def __init__(self, moving: ScriptedEntra, folder: Path, api: str, clock: Callable[[], float]) -> None:
        self._service = moving.server
        self._folder = folder
        self._api = api
        self._clock = clock
        self.page_size: int | None = None
        self.portion_seconds: float = 60
        self.options: dict[str, Any] = {}
        for name in ("dest", "checkpoint", "run"):
            (folder / name).mkdir(mode=0o700)
        for tenant in moving.server.tenants:
            moving.server.script(token_path(tenant), moving.granting(moving.token(tid=tenant, **ACCESS[api])))

    def poll(self, death: Death | None = None) -> dict[str, dict[str, Any]]:
        """Return each tenant's outcome. Raises Killed where the death came."""
        host = OperationHost(
            incidents.OPERATION,
            run_directory=self._folder / "run",
            tenants=[{"name": tenant, "tenant_id": tenant} for tenant in self._service.tenants],
            client_id=CLIENT,
            client_secret="canary-secret",
            authority_url=self._service.url,
            xdr_url=self._service.url,
            graph_url=self._service.url,
            ca_path=self._service.ca_path,
            api=self._api,
            paced=False,
            dest=str(self._folder / "dest"),
            checkpoint=str(self._folder / "checkpoint"),
            **self.options,
        )
        dialect = dialects.INCIDENTS[self._api]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fleet, "clock", SimpleNamespace(monotonic=lambda: time.monotonic() * _HASTE))
            patch.setattr(fleet, "queue", SimpleNamespace(Queue=_HastyQueue, Empty=queue.Empty))
            patch.setattr(delivery, "_PORTION_SECONDS", self.portion_seconds)
            for module in (tenant_read, reader):
                patch.setattr(module, "time", SimpleNamespace(time=self._clock))
            if self.page_size:
                smaller = dataclasses.replace(dialect, page_size=min(self.page_size, dialect.page_size))
                patch.setitem(dialects.INCIDENTS, self._api, smaller)
            with death.awaits() if death else contextlib.nullcontext():
                result = incidents.run(host)
        return {outcome["tenant_id"]: outcome for outcome in result["tenants"]}

    def handed_over(self, tenant: str) -> list[HandedOver]:
        """Return what the tenant's file holds, in order."""
        path = self._folder / "dest" / f"{tenant}.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        records = [record for record in map(_whole, lines) if record is not None]
        identity, updated = FIELDS[self._api]
        return [HandedOver(str(record[identity]), ticks(record[updated]), "alerts" in record) for record in records]


class _HastyQueue(queue.Queue):  # type: ignore[type-arg]
    """Waits as much shorter as time passes faster."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        return super().get(block, None if timeout is None else timeout / _HASTE)


def _whole(line: str) -> dict[str, Any] | None:
    """Return the record of a line; None for one that a kill has torn, which the next read cuts away."""
    try:
        return json.loads(line)
    except ValueError:
        return None
