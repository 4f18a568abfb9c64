# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS calls on behalf of one tenant, over connections all tenants share.

A call never sleeps: where it should be repeated later it raises `Postponed`, and the scheduler in `fleet` waits.
"""

from __future__ import annotations

import math
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import loads
from typing import Any

from .. import errors
from ..clouds import split_url
from ..dependencies import CertificateError, requests, urllib3
from ..errors import Postponed, Reason, TenantError
from . import between, bodies, certificates, deadlines, failures, pacing, proxies, throttling, tls
from .failures import Waits
from .outages import Outages
from .proxies import Proxy

_FIRST_BACKOFF = 1.0
_LONGEST_BACKOFF = 30.0
_TIMEOUTS_OF_AN_ANSWER = 10


@dataclass(frozen=True)
class Reply:
    """An answer below 500 and other than 408 and 429: the status, the headers, the text."""

    status: int
    headers: Mapping[str, str]
    text: str
    host: str

    def json(self, decode: Callable[[str], Any] = loads) -> dict[str, Any]:
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

    def json_or_none(self, decode: Callable[[str], Any] = loads) -> dict[str, Any] | None:
        """Return the JSON object in the body, or None where there is none."""
        try:
            body = decode(self.text)
        except (ValueError, RecursionError):
            return None
        return body if isinstance(body, dict) else None


class Patience:
    """How much waiting one tenant is worth: `retries` repeats of a call, `max_wait` seconds of throttling in all, and
    `seconds` for everything else: its calls, and the pauses between them."""

    def __init__(self, retries: int, max_wait: float, seconds: float = math.inf) -> None:
        self.retries = retries
        self._left = max_wait
        self._seconds = seconds
        self._seconds_left = seconds
        self._failures = 0
        self._throttlings = 0

    def check(self, host: str) -> float:
        """Return the seconds that are left for calls. Raises TenantError where there are none."""
        if self._seconds_left <= 0:
            meaning = f"the {self._seconds:g} s of tenant_timeout were over before {host} had answered everything"
            remedy = "run again, look for what makes this tenant so slow, or raise tenant_timeout"
            raise TenantError(Reason(errors.UNREACHABLE, meaning, remedy))
        return self._seconds_left

    def spend(self, seconds: float) -> None:
        """A call, or a pause before one, took that long."""
        self._seconds_left -= seconds

    def renew(self) -> None:
        """A call succeeded: the next one may be repeated anew. Time spent throttled stays spent."""
        self._failures = self._throttlings = 0

    def after_failure(self, reason: Reason, at_least: float = 0) -> Exception:
        """Return what to raise after a network or server failure: Postponed, or TenantError when patience ends."""
        if self._failures >= self.retries:
            return TenantError(reason)
        ceiling = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2**self._failures)
        self._failures += 1
        return self._pause(max(at_least, random.uniform(ceiling / 2, ceiling)), TenantError(reason))

    def after_throttling(
        self, host: str, seconds: float | None, quota: str | None = None, reason: Reason | None = None
    ) -> Exception:
        """Return what to raise after a 429 that asks for `seconds` and names the `quota` (None: it does not tell).

        `reason` is given where another status than 429 said so.
        """
        if seconds is not None:
            seconds = max(seconds, _FIRST_BACKOFF)
        else:
            seconds = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2**self._throttlings)
            self._throttlings += 1
        wait = seconds + random.uniform(0, min(1.0, seconds / 10))
        named = f" ({quota})" if quota else ""
        told = reason or Reason(
            errors.THROTTLED,
            f"{host} throttles this tenant{named} and asks to wait {seconds:.0f} s",
            f"run again after {seconds:.0f} s, or raise max_wait",
            code="429",
        )
        return self._wait(wait, TenantError(told))

    def pace(self, seconds: float, quota: pacing.Quota, host: str) -> Exception:
        """Return what to raise where our own pace puts a call off by `seconds`.

        To wait for the next minute is steady work; to wait for the hourly quota is taken from `max_wait` like a 429.
        """
        steady = seconds <= pacing.MINUTE
        window, calls = ("minute", quota.per_minute) if steady else ("hourly", quota.per_hour)
        free_at = time.strftime("%H:%M:%S UTC", time.gmtime(time.time() + seconds))
        error = TenantError(
            Reason(
                errors.THROTTLED,
                f"the {window} quota of {calls} {quota.call} calls at {host} is used up until {free_at}",
                f"run again after {seconds:.0f} s, or raise max_wait",
            )
        )
        return self._pause(seconds, error) if steady else self._wait(seconds, error)

    def share(self, wait: Postponed) -> Exception:
        """Return what to raise after a call of another tenant, whose answer this one was waiting for, was postponed."""
        if wait.error.reason.state == errors.THROTTLED:
            return self._wait(wait.seconds, wait.error)
        return self.after_failure(wait.error.reason)

    def _pause(self, seconds: float, error: TenantError) -> Postponed:
        self.spend(seconds)
        return Postponed(seconds, error)

    def _wait(self, seconds: float, error: TenantError) -> Exception:
        if seconds > self._left:
            return error
        self._left -= seconds
        return Postponed(seconds, error)


class Transport:
    """The connections of one operation: TLS settings, timeouts and a pool as large as the concurrency.

    Raises OptionError for a `ca_path` that holds no CA certificates.
    """

    def __init__(self, ca_path: str | None = None, timeout: float = 30, connections: int = 1) -> None:
        self._timeout = timeout
        self._trusted = tls.trusted(ca_path)
        # an adapter and no session: no cookies, no ~/.netrc, no redirects, and the environment is read once for a host
        self._adapter = tls.Adapter(self._trusted.context, connections)
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
        data: Any = None,
        seconds: float = 0,
    ) -> Reply:
        """Send one request that is safe to repeat, and return its reply, to which the service may take `seconds`.

        Raises Postponed (429, 5xx or a network failure, with patience left), or TenantError (`throttled`,
        `unreachable`).
        """
        host = _host_of(url)
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        request = requests.Request(
            method, url, {**self._headers, **(headers or {}), **authorization}, params=params, data=data
        )
        in_all = _TIMEOUTS_OF_AN_ANSWER * self._timeout + seconds
        waits = Waits(self._timeout, max(self._timeout, seconds), min(in_all, patience.check(host)))
        began = time.monotonic()
        try:
            with self._outages.watched(host, patience):
                reply = self._exchange(host, request, waits, patience)
        finally:
            patience.spend(time.monotonic() - began)
        # a refusal may be repeated too, and must not be so without end
        if reply.status < 400:
            patience.renew()
        return reply

    def _exchange(self, host: str, request: Any, waits: Waits, patience: Patience) -> Reply:
        proxy = None
        try:
            proxy = self._proxy_for(host, request.url)
            with deadlines.answer_within(waits.answer):
                response = self._adapter.send(
                    request.prepare(),
                    stream=True,
                    timeout=(waits.connection, waits.part),
                    # the adapter's context verifies; for anything but None, requests 2.32.2 would put its own there
                    verify=None,  # type: ignore[arg-type]
                    proxies={"https": proxy.url} if proxy else {},
                )
                text = _text_of(response)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise self._failure(error, host, waits, proxy, patience) from None
        if response.status_code == 429:
            asks = throttling.retry_after(response.headers, text)
            raise patience.after_throttling(host, asks, throttling.quota_name(text))
        if response.status_code >= 500 or response.status_code == 408:
            asked = throttling.retry_after(response.headers, "") or 0
            raise patience.after_failure(_server_failure(host, response.status_code), min(asked, _LONGEST_BACKOFF))
        return Reply(response.status_code, response.headers, text, host)

    def _proxy_for(self, host: str, url: str) -> Proxy | None:
        if host not in self._proxies:
            self._proxies[host] = proxies.of(url)
        return self._proxies[host]

    def _failure(self, error: Exception, host: str, waits: Waits, proxy: Proxy | None, patience: Patience) -> Exception:
        refused = failures.cause(error, ssl.SSLCertVerificationError) or failures.cause(error, CertificateError)
        if refused:
            is_proxys = proxy is not None and isinstance(error, requests.exceptions.ProxyError)
            address, way = (proxy.name, None) if proxy and is_proxys else (host, proxy)
            if address not in self._distrusted:
                self._distrusted[address] = certificates.distrust(refused, address, self._trusted, way)
            return TenantError(self._distrusted[address])
        reason = failures.reason_of(error, host, waits, proxy)
        return TenantError(reason) if failures.is_final(error) else patience.after_failure(reason)


def _host_of(url: str) -> str:
    """Return the host and port of an https URL. Raises TenantError for any other, which metadata may have named."""
    parts = split_url("/".join(url.split("/")[:3]))
    if parts and parts.scheme == "https" and parts.hostname:
        return parts.netloc
    meaning = (
        f"the address of {parts.hostname if parts else 'a host'} that metadata or a page named is not an https URL"
    )
    raise TenantError(Reason(errors.ERROR, meaning, "check authority_url and the network path to it"))


def _text_of(response: Any) -> str:
    """Return the body as text. The connection is used again only where the body was read to its end."""
    try:
        return bodies.text_of(bodies.read(response), response.headers.get("Content-Type", ""))
    except BaseException:
        response.close()
        raise


def _server_failure(host: str, status: int) -> Reason:
    return Reason(errors.UNREACHABLE, f"{host} keeps answering HTTP {status}", "run again later", code=str(status))
