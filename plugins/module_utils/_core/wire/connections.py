# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kept connections, straight to a host or through a proxy. All verify servers by one context and heed deadlines.

They are those of urllib3, which requests stands on too: what requests adds, such as cookies, redirects and a look at
the environment for each request, is nothing that a call here may have.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Any

from ..dependencies import HTTPSConnection, HTTPSConnectionPool, SOCKSProxyManager, requests, urllib3
from . import deadlines
from .failures import Waits
from .proxies import Proxy, UnusableProxyError

_HOSTS = 4


class _Connection(HTTPSConnection):
    """A connection that heeds the deadline of an answer from its first byte, which may be a proxy's."""

    def _new_conn(self) -> socket.socket:
        return deadlines.timed(super()._new_conn())


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class Connections:
    """Up to `most` kept connections to each host. Threads may share them."""

    def __init__(self, context: ssl.SSLContext, most: int) -> None:
        self._context = context
        self._settings: Mapping[str, Any] = {"num_pools": _HOSTS, "maxsize": most, "ssl_context": context}
        self._direct = _heeding_deadlines(urllib3.PoolManager(**self._settings))
        self._through: dict[str, urllib3.PoolManager] = {}

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, waits: Waits, proxy: Proxy | None
    ) -> urllib3.BaseHTTPResponse:
        """Send a request and return the answer, whose body is still to be read: once, and without any redirect.

        Raises urllib3's errors, and UnusableProxyError.
        """
        return self._manager(proxy).request(
            method,
            url,
            headers=headers,
            body=body,
            timeout=urllib3.Timeout(connect=waits.connection, read=waits.part),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )

    def _manager(self, proxy: Proxy | None) -> urllib3.PoolManager:
        if proxy is None:
            return self._direct
        # two threads at most make one each, and one of them is forgotten
        return self._through.setdefault(proxy.url, self._through.get(proxy.url) or self._manager_of(proxy))

    def _manager_of(self, proxy: Proxy) -> urllib3.PoolManager:
        name, password = requests.utils.get_auth_from_url(proxy.url)
        if proxy.is_socks:
            if SOCKSProxyManager is None:
                what = f"{proxy.variable} names a SOCKS proxy, and the Python library PySocks is missing"
                raise UnusableProxyError(what, "install PySocks for this Python, or name an HTTP proxy")
            manager: urllib3.PoolManager = SOCKSProxyManager(
                proxy.url, username=name or None, password=password or None, **self._settings
            )
            return manager
        authorization = urllib3.make_headers(proxy_basic_auth=f"{name}:{password}") if name else None
        through = urllib3.ProxyManager(
            proxy.url, proxy_headers=authorization, proxy_ssl_context=self._context, **self._settings
        )
        return _heeding_deadlines(through)


def _heeding_deadlines(manager: urllib3.PoolManager) -> urllib3.PoolManager:
    manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": _Pool}
    return manager
