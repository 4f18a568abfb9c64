# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From validated options to the core's objects: the cloud, the connections, and a source of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .. import _options
from .._core import clouds, credentials, files
from .._core.access import Access, Target
from .._core.discovery import Authority, Documents
from .._core.errors import OptionError
from .._core.http import Patience, Transport
from .._core.token_cache import TokenCache
from .._core.tokens import TokenSource
from ._host import Host


class Session:
    """What all tenants of one task share. `variables` are the host's variables that options may be left to.

    Raises OptionError for options that no tenant could work with.
    """

    def __init__(self, host: Host, variables: Mapping[str, str]) -> None:
        params = host.params
        # an operation in a single tenant has no concurrency
        concurrency = params.get("concurrency", 1)
        for option, value in (("concurrency", concurrency), ("timeout", params["timeout"])):
            if value < 1:
                raise OptionError(f"{option} is {value}: it must be at least 1")
        self.client_id = clouds.check_client_id(params["client_id"], variables["client_id"])
        self.cloud = clouds.select(params["cloud"], params["authority_url"], params["graph_url"], params["xdr_url"])
        credential = credentials.select(
            params["client_secret"],
            params["certificate_path"],
            params["certificate_password"],
            params["federated_token_file"],
            _options.names_in_messages(),
        )
        self._retries, self._max_wait = params["retries"], params["max_wait"]
        self.transport = Transport(params["ca_path"], params["timeout"], concurrency)
        folder = files.private_folder("cache", Path(params["cache"])) if params["cache"] else host.run_directory
        self.authority = Authority(self.cloud, Documents(self.transport, folder))
        self._source = TokenSource(
            self.client_id, credential, self.authority, self.transport, TokenCache(folder, credential.cipher())
        )

    def patience(self) -> Patience:
        """Return one tenant's budget of repeats and waiting."""
        return Patience(self._retries, self._max_wait)

    def access(self, tenant_id: str, target: Target, required_roles: list[str], patience: Patience) -> Access:
        """Return the application's access to one tenant. Raises OptionError for an id that can be none."""
        return Access(self._source, clouds.check_tenant_id(tenant_id), target, required_roles, patience)
