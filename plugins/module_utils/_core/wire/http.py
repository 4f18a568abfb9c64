# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS calls on behalf of one tenant, over connections all tenants share.

A call never sleeps: where it should be repeated later it raises `Postponed`, and the scheduler in `fleet` waits.
"""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import loads
from typing import Any
from urllib.parse import urlsplit

from .. import errors
from ..dependencies import requests
from ..errors import Postponed, Reason, TenantError
from . import between, pacing, throttling, tls

_FIRST_BACKOFF = 1.0
_LONGEST_BACKOFF = 30.0
_PIECE = 1 << 20


@dataclass(frozen=True)
class Reply:
    """An answer below 500 and other than 429: the status, the headers, the text."""

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

    def check_origin(self) -> None:
        """Raise TenantError where the answer is not Microsoft's, but that of something between."""
        if self.status < 300:
            # what a change is answered with may be empty, and a page is looked at when it is decoded
            is_microsofts = self.text.lstrip("\ufeff \t\r\n")[:1] in ("", "{")
        else:
            is_microsofts = between.refuses(self.status, self.headers, self.json_or_none())
        if not is_microsofts:
            raise TenantError(between.reason(self.host, self.status, self.headers))

    def json_or_none(self, decode: Callable[[str], Any] = loads) -> dict[str, Any] | None:
        """Return the JSON object in the body, or None where there is none."""
        try:
            body = decode(self.text)
        except ValueError:
            return None
        return body if isinstance(body, dict) else None


class Patience:
    """How much waiting one tenant is worth: `retries` repeats of a call, `max_wait` seconds of throttling in all."""

    def __init__(self, retries: int, max_wait: float) -> None:
        self.retries = retries
        self._left = max_wait
        self._failures = 0
        self._throttlings = 0

    def renew(self) -> None:
        """A call succeeded: the next one may be repeated anew. Time spent throttled stays spent."""
        self._failures = self._throttlings = 0

    def after_failure(self, reason: Reason, at_least: float = 0) -> Exception:
        """Return what to raise after a network or server failure: Postponed, or TenantError when patience ends."""
        if self._failures >= self.retries:
            return TenantError(reason)
        ceiling = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2**self._failures)
        self._failures += 1
        return Postponed(max(at_least, random.uniform(ceiling / 2, ceiling)), TenantError(reason))

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
        return Postponed(seconds, error) if steady else self._wait(seconds, error)

    def share(self, wait: Postponed) -> Exception:
        """Return what to raise after a call of another tenant, whose answer this one was waiting for, was postponed."""
        if wait.error.reason.state == errors.THROTTLED:
            return self._wait(wait.seconds, wait.error)
        return self.after_failure(wait.error.reason)

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
        self._ca_path = ca_path
        self._timeout = timeout
        # an adapter and no session: no cookies, no ~/.netrc, no redirects, and the environment is read once for a host
        self._adapter = tls.Adapter(tls.context(ca_path), connections)
        self._headers = requests.utils.default_headers()
        self._proxies: dict[str, dict[str, str]] = {}

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
        host = urlsplit(url).netloc
        if not url.startswith("https://"):
            meaning = f"the address of {host} that metadata or a page named is no https URL"
            raise TenantError(Reason(errors.ERROR, meaning, "check authority_url and the network path to it"))
        waits = (self._timeout, max(self._timeout, seconds))
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            request = requests.Request(
                method, url, {**self._headers, **(headers or {}), **authorization}, params=params, data=data
            )
            response = self._adapter.send(
                request.prepare(),
                timeout=waits,
                # the adapter's context verifies; for anything but None, requests 2.32.2 would put its own in that place
                verify=None,  # type: ignore[arg-type]
                proxies=self._proxies_to(host, url),
            )
            text = _whole_body(response).decode(errors="replace")
        except (requests.exceptions.RequestException, ValueError) as error:
            if _is_caused_by(error, ssl.SSLCertVerificationError):
                raise TenantError(_untrusted(host, self._ca_path)) from None
            raise patience.after_failure(_network_failure(host, error, waits)) from None
        if response.status_code == 429:
            asks = throttling.retry_after(response.headers, text)
            raise patience.after_throttling(host, asks, throttling.quota_name(text))
        if response.status_code >= 500:
            asked = throttling.retry_after(response.headers, "") or 0
            raise patience.after_failure(_server_failure(host, response.status_code), min(asked, _LONGEST_BACKOFF))
        # a refusal may be repeated too, and must not be so without end
        if response.status_code < 400:
            patience.renew()
        return Reply(response.status_code, response.headers, text, host)

    def _proxies_to(self, host: str, url: str) -> dict[str, str]:
        if host not in self._proxies:
            self._proxies[host] = requests.utils.get_environ_proxies(url)
        return self._proxies[host]


def _whole_body(response: Any) -> bytes:
    """Return the body. Raises where it is shorter than announced, which urllib3 before 2.0 does not notice."""
    # in fewer and larger pieces than `response.content`: between any two, another thread may take over
    content: bytes = b"".join(response.iter_content(_PIECE))
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and "Content-Encoding" not in response.headers and len(content) < int(announced):
        raise requests.exceptions.ChunkedEncodingError
    return content


def _untrusted(host: str, ca_path: str | None) -> Reason:
    source = f"the CA bundle ca_path ({ca_path})" if ca_path else "this machine's CA certificates"
    return Reason(
        errors.UNREACHABLE,
        f"TLS with {host} failed: its certificate does not verify against {source}",
        "set ca_path to the CA bundle that issued the certificate",
    )


def _server_failure(host: str, status: int) -> Reason:
    return Reason(errors.UNREACHABLE, f"{host} keeps answering HTTP {status}", "run again later", code=str(status))


def _network_failure(host: str, error: Exception, waits: tuple[float, float]) -> Reason:
    """Describe the failure in our own words: the library's text can hold a proxy's password.

    `waits` are the seconds allowed for the connection, and for the answer.
    """
    timeout = waits[0] if isinstance(error, requests.exceptions.ConnectTimeout) else waits[1]
    if isinstance(error, requests.exceptions.ProxyError):
        what, remedy = "the proxy could not be used", "check HTTPS_PROXY"
    elif isinstance(error, requests.exceptions.SSLError):
        what, remedy = "the TLS handshake failed", "check that the URL's port speaks TLS, and any proxy"
    elif isinstance(error, requests.exceptions.Timeout):
        what, remedy = f"no answer within {timeout:g} s", "check the network, or raise timeout"
    elif isinstance(error, requests.exceptions.ChunkedEncodingError):
        what, remedy = "the reply was cut off", "check the network and any proxy"
    elif _is_caused_by(error, socket.gaierror):
        what, remedy = "its name does not resolve", "check the host name and DNS"
    elif isinstance(error, requests.exceptions.ConnectionError):
        what, remedy = "the connection was refused or reset", "check the network and the firewall"
    else:
        what, remedy = "the request failed", "check the URL and the network"
    return Reason(errors.UNREACHABLE, f"{host} could not be reached: {what}", remedy)


def _is_caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error is not None
