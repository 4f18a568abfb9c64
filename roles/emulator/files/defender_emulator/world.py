# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything the endpoints share during one run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from defender_emulator.certificates import load_rsa_key
from defender_emulator.control.faults import Faults
from defender_emulator.control.requests_seen import RequestsSeen
from defender_emulator.defender.alerts import AlertComments
from defender_emulator.defender.incidents import IncidentArchive
from defender_emulator.defender.quotas import Quotas
from defender_emulator.entra.device_codes import DeviceCodes
from defender_emulator.entra.directory import STORED_KINDS, Directory
from defender_emulator.entra.identity_provider import IdentityProvider
from defender_emulator.entra.signing_keys import SigningKeys
from defender_emulator.entra.tokens import TokenService

if TYPE_CHECKING:
    from starlette.requests import Request

    from defender_emulator.store import Store
    from defender_emulator.workspace import Workspace


class World:
    """One emulated Microsoft. ``base_url`` has no trailing slash."""

    def __init__(
        self, base_url: str, workspace: Workspace, store: Store, tenant_count: int, with_application: bool
    ) -> None:
        self.base_url = base_url
        self._store = store
        self._tenant_count = tenant_count
        self.credentials = workspace.credentials(with_application)
        self.signing_keys = SigningKeys(store)
        self.tokens = TokenService(base_url, self.signing_keys)
        self.identity_provider = IdentityProvider(load_rsa_key(workspace.identity_provider_key.read_bytes()))
        self.epoch = _epoch(store)
        self.faults = Faults()
        self.requests_seen = RequestsSeen()
        self.alert_comments = AlertComments(store)
        self._read()

    @property
    def port(self) -> int:
        """The port the emulator has this time."""
        return int(self.base_url.rpartition(":")[2])

    @property
    def redirect_uri(self) -> str:
        """A page to come back to after a consent, on the port the emulator has this time."""
        return f"{self.base_url}/consent-result"

    def reset(self) -> None:
        """Back to the beginning: no consent, no sign-in, no change, no fault. Keys, credential files and times stay."""
        for kind in (*STORED_KINDS, "incident"):
            self._store.clear(kind)
        self.faults.clear()
        self.requests_seen.clear()
        self.alert_comments.clear()
        self._read()

    def _read(self) -> None:
        self.directory = Directory(self._store, self._tenant_count, self.credentials)
        self.incidents = IncidentArchive(self._store, self.epoch)
        self.quotas = Quotas()
        self.device_codes = DeviceCodes()


def world_of(request: Request) -> World:
    """The world a request came to."""
    world: World = request.app.state.world
    return world


def _epoch(store: Store) -> int:
    """The moment that incident times count back from, in seconds since 1970: when the state was made."""
    epoch = store.get("clock", "epoch")
    if epoch is None:
        epoch = int(time.time())
        store.put("clock", "epoch", epoch)
    return int(epoch)
