# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public documents of the authority: OpenID metadata and signing keys, fetched once for all tenants.

Source: learn.microsoft.com, "OpenID Connect on the Microsoft identity platform": the metadata of `common` is the
template of every tenant's, so it spares one request per tenant.
"""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future
from typing import TypedDict

from .. import errors
from ..clouds import GUID, Cloud
from ..errors import Postponed, Reason, TenantError
from ..waiting import clock
from ..wire.http import Transport
from ..wire.links import led_back
from ..wire.patience import Patience, call_of
from ..wire.records import JsonObject
from . import refusals
from .safe import Safe

_SHELF_LIFE = 24 * 3600
_REFRESH_INTERVAL = 300
_SLOW = 1.0
_MEMBERS = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


class Metadata(TypedDict):
    """The part of OpenID metadata that is used here. In a template the issuer has `{tenantid}` in it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Refused(TenantError):
    """The authority answered, and not with the document."""


class Documents:
    """JSON documents by URL, kept in memory and, where a safe is given, there for other processes and later runs."""

    def __init__(self, transport: Transport, safe: Safe | None = None) -> None:
        self._transport = transport
        self._safe = safe
        self._lock = threading.Lock()
        self._fetched: dict[str, tuple[float, JsonObject]] = {}
        self._refreshed_at: dict[str, float] = {}
        self._under_way: dict[str, Future[JsonObject]] = {}
        self._failed: dict[str, tuple[float, Reason | None]] = {}

    def get(self, url: str, patience: Patience) -> JsonObject:
        """Return the document, at most 24 hours old. Raises TenantError or Postponed where it cannot be had."""
        with self._lock:
            entry = self._fetched.get(url) or self._shared(url)
            # one from the future was fetched before the clock was put right, and would never grow old
            if entry and 0 <= time.time() - entry[0] <= _SHELF_LIFE:
                self._fetched[url] = entry
                return entry[1]
        return self._fetch_once(url, patience)

    def refresh(self, url: str, patience: Patience) -> JsonObject:
        """Return the document anew, but fetch it at most every five minutes however often it is asked for."""
        with self._lock:
            due = time.time() - self._refreshed_at.get(url, 0) > _REFRESH_INTERVAL
        if due:
            self._fetch_once(url, patience)
            with self._lock:
                self._refreshed_at[url] = time.time()
        return self.get(url, patience)

    def _fetch_once(self, url: str, patience: Patience) -> JsonObject:
        """Fetch the document, or share what becomes of a fetch that another tenant has under way or has just failed."""
        with self._lock:
            until, reason = self._failed.get(url, (0.0, None))
            if reason and clock.monotonic() < until:
                raise patience.after_failure(call_of("GET", url), reason, at_least=until - clock.monotonic())
            is_first = url not in self._under_way
            fetch = self._under_way.setdefault(url, Future())
        if is_first:
            self._perform(url, patience, fetch)
        try:
            return fetch.result()
        except Postponed as wait:
            raise (wait if is_first else patience.share(call_of("GET", url), wait)) from None

    def _perform(self, url: str, patience: Patience, fetch: Future[JsonObject]) -> None:
        started = clock.monotonic()
        try:
            entry = self._fetch(url, patience)
        except BaseException as error:  # noqa: BLE001 - whatever it is, all who wait for it get it
            fetch.set_exception(error)
            took = clock.monotonic() - started
            if isinstance(error, Postponed) and took > _SLOW:
                # a server that keeps callers waiting is spared, and so are they, for as long as it kept this one
                self._failed[url] = (clock.monotonic() + took, error.error.reason)
        else:
            self._fetched[url] = entry
            fetch.set_result(entry[1])
        finally:
            with self._lock:
                del self._under_way[url]

    def _fetch(self, url: str, patience: Patience) -> tuple[float, JsonObject]:
        reply = self._transport.send("GET", url, patience)
        try:
            reply.check_origin(of_tokens=True)
            document = reply.json()
        except TenantError as error:
            raise _Refused(error.reason) from None
        if reply.status != 200:
            raise _Refused(refusals.of_token_endpoint(document))
        entry = (time.time(), document)
        if self._safe:
            self._safe.put((url,), entry)
        return entry

    def _shared(self, url: str) -> tuple[float, JsonObject] | None:
        kept = self._safe.get((url,)) if self._safe else None
        return (kept[0], kept[1]) if kept else None


class Authority:
    """The token issuer of one cloud."""

    def __init__(self, cloud: Cloud, documents: Documents) -> None:
        self._url = cloud.authority_url
        self._documents = documents
        self._without_template: set[str] = set()

    @property
    def url(self) -> str:
        return self._url

    def tenant_guid(self, tenant_id: str, patience: Patience) -> str:
        """Return the tenant's GUID, found by discovery where `tenant_id` is a domain. Raises TenantError if unknown."""
        if GUID.match(tenant_id):
            return tenant_id
        endpoint = self._metadata(tenant_id, "v2", patience)["token_endpoint"]
        segment = endpoint.partition("/oauth2/")[0].rpartition("/")[2]
        if not GUID.match(segment):
            raise TenantError(
                Reason(errors.ERROR, "the metadata of the tenant's domain names no tenant", "use its GUID")
            )
        return segment.lower()

    def metadata(self, tenant_guid: str, version: str, patience: Patience) -> Metadata:
        """Return the tenant's OpenID metadata for endpoint `version` (`v1` or `v2`), from the shared template."""
        template = json.dumps(self._template(tenant_guid, version, patience))
        tenant = template.replace("{tenantid}", tenant_guid).replace("/common/", f"/{tenant_guid}/")
        metadata: Metadata = json.loads(tenant)
        return metadata

    def signing_keys(
        self, tenant_guid: str, version: str, patience: Patience, refresh: bool = False
    ) -> tuple[str, list[JsonObject]]:
        """Return the issuer template and the published JWKs (with `kid`, and `issuer` where Microsoft sends it)."""
        metadata = self._template(tenant_guid, version, patience)
        fetch = self._documents.refresh if refresh else self._documents.get
        keys = fetch(metadata["jwks_uri"], patience).get("keys")
        return metadata["issuer"], [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []

    def _template(self, tenant_guid: str, version: str, patience: Patience) -> Metadata:
        """Return the metadata of `common`, or of the tenant itself where the authority refuses that.

        A refusal of `common` says nothing about any customer.
        """
        if version not in self._without_template:
            try:
                return self._metadata("common", version, patience)
            except _Refused:
                self._without_template.add(version)
        return self._metadata(tenant_guid, version, patience)

    def _metadata(self, tenant: str, version: str, patience: Patience) -> Metadata:
        url = f"{self._url}/{tenant}/{'v2.0/' if version == 'v2' else ''}.well-known/openid-configuration"
        document = self._documents.get(url, patience)
        if any(not isinstance(document.get(member), str) for member in _MEMBERS):
            meaning = f"{self._url} sent something that is not OpenID metadata"
            raise _Refused(Reason(errors.ERROR, meaning, "check authority_url"))
        # a secret goes to the authority that was given, whatever the metadata calls it
        return {
            "issuer": document["issuer"],
            "authorization_endpoint": led_back(document["authorization_endpoint"], self._url),
            "token_endpoint": led_back(document["token_endpoint"], self._url),
            "jwks_uri": led_back(document["jwks_uri"], self._url),
        }
