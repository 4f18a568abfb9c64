# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is trusted: one TLS context for all connections, because reading a CA bundle costs more than many calls."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

from ..dependencies import HTTPAdapter, create_urllib3_context, requests
from ..errors import OptionError

_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Adapter(HTTPAdapter):
    """Connections that verify servers by one context. Left to itself, requests reads the CA bundle for each of them."""

    def __init__(self, context: ssl.SSLContext, connections: int) -> None:
        self._context = context
        super().__init__(pool_connections=4, pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("https:"):
            kwargs["proxy_ssl_context"] = self._context
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)

    def cert_verify(self, *_args: Any) -> None:
        """Leave the bundle to the context, which verifies whatever is asked here."""


def context(ca_path: str | None) -> ssl.SSLContext:
    """Return a context that trusts `ca_path`, or else what requests trusts: a bundle named in the environment, its own.

    Raises OptionError for a bundle that holds no CA certificates.
    """
    given = {"ca_path": ca_path} | {name: os.environ.get(name) for name in _BUNDLE_VARIABLES}
    usual = "the CA bundle", requests.utils.DEFAULT_CA_BUNDLE_PATH
    option, bundle = next(((name, path) for name, path in given.items() if path), usual)
    is_folder = Path(bundle).is_dir()
    if Path(bundle).exists() and not (is_folder or Path(bundle).is_file()):
        raise OptionError(f"{option} {bundle} cannot be used: it is not a file: give a CA bundle in PEM form")
    trusting: ssl.SSLContext = create_urllib3_context()
    try:
        trusting.load_verify_locations(None if is_folder else bundle, bundle if is_folder else None)
    except OSError as error:
        # a file without certificates is an SSLError, which is an OSError too
        why = "it does not exist" if isinstance(error, FileNotFoundError) else "it holds no readable CA certificate"
        raise OptionError(f"{option} {bundle} cannot be used: {why}: give a CA bundle in PEM form") from None
    return trusting
