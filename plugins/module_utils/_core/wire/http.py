# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS calls on behalf of one tenant, over connections all tenants share.

A call never sleeps: where it should be repeated later it raises `Postponed`, and the scheduler in `fleet` waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import loads
from typing import Any, NamedTuple
from urllib.parse import urlencode

from .. import errors
from ..clouds import split_url
from ..dependencies import requests, urllib3
from ..errors import Reason, TenantError
from ..waiting import clock
from . import between, bodies, certificates, deadlines, failures, proxies, throttling, tls
from .connections import Connections
from .failures import Waits
from .outages import Outages
from .patience import LONGEST_BACKOFF, Patience, call_of
from .proxies import Proxy
from .records import JsonObject

_TIMEOUTS_OF_AN_ANSWER = 10
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Reply:
    """An answer below 500 and other than 408 and 429: the status, the headers, the text."""

    status: int
    headers: Mapping[str, str]
    text: str
    host: str

    def json(self, decode: Callable[[str], Any] = loads) -> JsonObject:
        """Return the JSON object in the body, as `decode` reads it. Raises TenantError where there is none."""
        body = self.json_or_none(decode)
        if body is None:
            raise TenantError(between.reason(self.host, self.status, self.headers))
        return body

    def check_origin(self, *, of_tokens: bool = False) -> None:
        """Raise TenantError where the answer is not Microsoft's, but that of something between.

        `of_tokens` says that the token endpoint or its metadata was asked.
        """
        if self.status < 300:
            # what a change is answered with may be empty, and a page is looked at when it is decoded
            is_microsofts = self.text.lstrip(" \t\r\n")[:1] in ("", "{")
        else:
            is_microsofts = between.refuses(
                self.status, self.headers, self.json_or_none(), is_empty=not self.text.strip(), of_tokens=of_tokens
            )
        if not is_microsofts:
            raise TenantError(between.reason(self.host, self.status, self.headers))

    def json_or_none(self, decode: Callable[[str], Any] = loads) -> JsonObject | None:
        """Return the JSON object in the body, or None where there is none."""
        try:
            body = decode(self.text)
        except (ValueError, RecursionError):
            return None
        return body if isinstance(body, dict) else None


class _Request(NamedTuple):
    """A request as it goes over a connection."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class Transport:
    """The connections of one operation: TLS settings, timeouts and a pool as large as the concurrency.

    Raises OptionError for a `ca_path` that holds no CA certificates.
    """

    def __init__(self, ca_path: str | None = None, timeout: float = 30, connections: int = 1) -> None:
        self._timeout = timeout
        self._trusted = tls.trusted(ca_path)
        self._connections = Connections(self._trusted.context, connections)
        self._headers = {**requests.utils.default_headers(), "Accept-Encoding": bodies.ENCODINGS}
        self._proxies: dict[str, Proxy | None] = {}
        self._distrusted: dict[str, Reason] = {}
        self._outages = Outages()

    def send(
        self,
        method: str,
        url: str,
        patience: Patience,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, str] | bytes | None = None,
        seconds: float = 0,
    ) -> Reply:
        """Send one request that is safe to repeat, and return its reply, to which the service may take `seconds`.

        `data` are the fields of a form, or the bytes of what `headers` name. Raises Postponed (429, 5xx or a network
        failure, with patience left), or TenantError (`throttled`, `unreachable`).
        """
        host, call = _host_of(url), call_of(method, url)
        request = _Request(
            method,
            f"{url}?{urlencode(params)}" if params else url,
            {
                **self._headers,
                **(_FORM if isinstance(data, Mapping) else {}),
                **(headers or {}),
                **({"Authorization": f"Bearer {token}"} if token else {}),
            },
            urlencode(data).encode() if isinstance(data, Mapping) else data,
        )
        in_all = _TIMEOUTS_OF_AN_ANSWER * self._timeout + seconds
        waits = Waits(self._timeout, max(self._timeout, seconds), min(in_all, patience.check(host)))
        began = clock.monotonic()
        try:
            with self._outages.watched(host, patience):
                reply = self._exchange(host, request, waits, patience, call)
        finally:
            patience.spend(clock.monotonic() - began)
        # a refusal may be repeated too, and must not be so without end
        if reply.status < 400:
            patience.renew(call)
        return reply

    def _exchange(self, host: str, request: _Request, waits: Waits, patience: Patience, call: str) -> Reply:
        proxy = None
        try:
            proxy = self._proxy_for(host, request.url)
            with deadlines.answer_within(waits.answer):
                answer = self._connections.answer(*request, waits, proxy)
                text = _text_of(answer)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            reason = self._reason(error, host, waits, proxy)
            raise (TenantError(reason) if failures.is_final(error) else patience.after_failure(call, reason)) from None
        if answer.status == 429:
            asks = throttling.retry_after(answer.headers, text)
            raise patience.after_throttling(call, host, asks, throttling.quota_name(text))
        if answer.status >= 500 or answer.status == 408:
            asked = throttling.retry_after(answer.headers, "") or 0
            failure = _server_failure(host, answer.status)
            raise patience.after_failure(call, failure, min(asked, LONGEST_BACKOFF))
        return Reply(answer.status, answer.headers, text, host)

    def _proxy_for(self, host: str, url: str) -> Proxy | None:
        if host not in self._proxies:
            self._proxies[host] = proxies.of(url)
        return self._proxies[host]

    def _reason(self, error: Exception, host: str, waits: Waits, proxy: Proxy | None) -> Reason:
        refused = failures.refused_certificate(error)
        if not refused:
            return failures.reason_of(error, host, waits, proxy)
        is_proxys = proxy is not None and isinstance(error, urllib3.exceptions.ProxyError)
        address, way = (proxy.name, None) if proxy and is_proxys else (host, proxy)
        if address not in self._distrusted:
            self._distrusted[address] = certificates.distrust(refused, address, self._trusted, way)
        return self._distrusted[address]


def _host_of(url: str) -> str:
    """Return the host and port of an https URL. Raises TenantError for any other, which metadata may have named."""
    parts = split_url("/".join(url.split("/")[:3]))
    if parts and parts.scheme == "https" and parts.hostname:
        return parts.netloc
    meaning = (
        f"the address of {parts.hostname if parts else 'a host'} that metadata or a page named is not an https URL"
    )
    raise TenantError(Reason(errors.ERROR, meaning, "check authority_url and the network path to it"))


def _text_of(answer: urllib3.BaseHTTPResponse) -> str:
    """Return the body as text. The connection is used again only where the body was read to its end."""
    try:
        return bodies.text_of(bodies.read(answer), answer.headers.get("Content-Type", ""))
    except BaseException:
        answer.close()
        # its place in the pool is free for another one
        answer.release_conn()
        raise


def _server_failure(host: str, status: int) -> Reason:
    return Reason(errors.UNREACHABLE, f"{host} keeps answering HTTP {status}", "run again later", code=str(status))
