# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From validated options to the core's objects: the cloud, the connections, and a source of tokens."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._core import clouds, retirement
from .._core.calls import Calls
from .._core.errors import OptionError
from .._core.identity import permissions
from .._core.identity.access import Access, Target
from .._core.identity.discovery import Authority, Documents
from .._core.identity.permissions import Api
from .._core.identity.safe import Safe
from .._core.identity.token_cache import TokenCache
from .._core.identity.token_file import TokenFile
from .._core.wire.http import Transport
from .._core.wire.pacing import Pace
from .._core.wire.patience import Patience
from . import callers
from .task_context import TaskContext


def check_counts(params: Mapping[str, Any]) -> None:
    """Raise OptionError for a count that must be at least 1. An operation in a single tenant has no concurrency."""
    for option in ("concurrency", "timeout", "tenant_timeout"):
        if params.get(option, 1) < 1:
            raise OptionError(f"{option} is {params[option]}: it must be at least 1")


def warn_of_retirement(task: TaskContext) -> None:
    """Warn, once a run, that the Defender XDR API ends."""
    task.warn_once("retirement", retirement.warning(time.time()))


class Session:
    """What all tenants of one task share. `variables` are the host's variables that options may be left to.

    Raises OptionError for options that no tenant could work with.
    """

    def __init__(self, task: TaskContext, variables: Mapping[str, str]) -> None:
        params = task.params
        check_counts(params)
        self.caller = callers.of(task, variables)
        self.cloud = clouds.select(params["cloud"], params["authority_url"], params["graph_url"], params.get("xdr_url"))
        self._patience = params["retries"], params["max_wait"], params["tenant_timeout"]
        self._task = task
        self._variables = variables
        self.transport = Transport(params["ca_path"], params["timeout"], params.get("concurrency", 1))
        folder, cipher = self.caller.folder, self.caller.cipher
        self._pace = Pace(folder) if params.get("paced") else None
        self.authority = Authority(
            self.cloud, Documents(self.transport, Safe(folder, cipher, ".public", self.caller.name))
        )
        self._source = self.caller.source(self.authority, self.transport, TokenCache(folder, cipher))

    def patience(self) -> Patience:
        """Return one tenant's budget of repeats, waiting and time."""
        return Patience(*self._patience)

    def access(self, tenant_id: str, target: Target, required_roles: list[str], patience: Patience) -> Access:
        """Return the caller's access to one tenant. Raises OptionError for an id that can be none."""
        checked = clouds.check_tenant_id(tenant_id, variable=self._variables.get("tenant_id", ""))
        return Access(self._source, checked, target, required_roles, patience)

    def token_file(self, path: Path) -> TokenFile:
        """Return the file of a token, which this session's caller seals."""
        return TokenFile(path, self.caller.cipher)

    def calls(self, tenant_id: str, api: Api) -> Calls:
        """Return the way to call an API in one tenant. Raises OptionError for a cloud without it, or no tenant's id."""
        resource, base_url = self._addresses(api)
        patience = self.patience()
        access = self.access(tenant_id, Target(resource, api.app_id), [], patience)
        return Calls(base_url, access, self.transport, patience, self._pace, retires=api is permissions.XDR)

    def check_api(self, api: Api) -> None:
        """Warn, once a run, of an API that is about to end. Raises OptionError for a cloud without the API."""
        self._addresses(api)
        if api is permissions.XDR:
            warn_of_retirement(self._task)

    def _addresses(self, api: Api) -> tuple[str, str]:
        resource = permissions.resource_of(api, self.cloud)
        return resource, (self.cloud.graph_url if api is permissions.GRAPH else self.cloud.xdr_url) or resource
