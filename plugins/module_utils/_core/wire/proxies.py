# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy that the environment names for a host, checked before it is used. Its password is never shown."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ..dependencies import requests

_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")
_SCHEMES = ("http", "https", *_SOCKS)


class UnusableProxyError(ValueError):
    """The environment names a proxy that cannot be used; the text says why, and quotes nothing of it."""

    def __init__(
        self,
        why: str,
        remedy: str = "write it as http://NAME:PORT or http://USER:PASSWORD@NAME:PORT, percent-encoded",
    ) -> None:
        super().__init__(why)
        self.remedy = remedy


@dataclass(frozen=True)
class Proxy:
    """`variable` names it, `url` is whole, `name` is its host and port alone."""

    variable: str
    url: str
    name: str
    has_password: bool

    @property
    def is_socks(self) -> bool:
        return self.url.startswith(_SOCKS)


def of(url: str) -> Proxy | None:
    """Return the proxy for the URL, None where the environment names none. Raises UnusableProxyError."""
    there = urlsplit(url)
    # with its port: NO_PROXY may name that too
    whole = f"https://{there.hostname}:{there.port or 443}/" if ":" not in str(there.hostname) else url
    found = requests.utils.get_environ_proxies(whole)
    given = requests.utils.select_proxy(whole, found)
    if not given or not given.strip():
        return None
    variable = "HTTPS_PROXY" if given == found.get("https") else "ALL_PROXY"
    address = given.strip()
    if "://" not in address:
        # as curl has it
        address = f"http://{address}"
    scheme, _unused, rest = address.partition("://")
    address = f"{scheme.lower()}://{rest}"
    if scheme.lower() not in _SCHEMES:
        raise UnusableProxyError(f"{variable} names a proxy by a scheme other than {', '.join(_SCHEMES)}")
    parts = _split(address)
    if parts is None or "@" in parts.path + parts.query + parts.fragment:
        raise UnusableProxyError(
            f"{variable} names a proxy with a port that is not a number, or with a name or password whose special "
            "characters are not percent-encoded"
        )
    if not parts.hostname:
        raise UnusableProxyError(f"{variable} names a proxy without a host")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Proxy(variable, address, f"{name}:{parts.port}" if parts.port else name, parts.password is not None)


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        # reading the port checks it
        return parts if parts.port != 0 and len(address.split()) == 1 else None
    except ValueError:
        return None
