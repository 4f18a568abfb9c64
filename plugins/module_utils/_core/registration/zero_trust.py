# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Microsoft's Zero Trust Assessment reads of an application: its tests 21772, 21773, 21777, 21885, 21992, 23183.

Source: the published tests of microsoft/zerotrustassessment. Of the redirect URIs their code looks at http and
azurewebsites.net, their description names URL shorteners, localhost and wildcards too, and all of it counts here.
Whether the domains resolve is another test's matter, which takes a look at DNS.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict
from urllib.parse import urlsplit

from .. import timestamps
from .directory import Application, KeyCredential, OwnPrincipal, PasswordCredential

_DAYS = 180
_DAY_TICKS = 24 * 3600 * timestamps.TICKS_PER_SECOND
_MULTI_TENANT = ("AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount")
_SHORTENERS = ("aka.ms", "bit.ly", "goo.gl", "is.gd", "ow.ly", "t.co", "t.ly", "tiny.cc", "tinyurl.com")
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Finding(TypedDict):
    """One test: `passes` is None where not all that it reads could be read, and nothing read fails it."""

    test: str
    passes: bool | None
    what: str
    remedy: str | None


def assess(application: Application, principal: OwnPrincipal | None, now: float) -> list[Finding]:
    """Judge an application and its service principal at home, which is None where it was not read.

    `now` is in seconds since 1970.
    """
    own: OwnPrincipal = principal or {}
    return [
        _secrets(application, own),
        *_certificates(application, own, now),
        _lock(application),
        *(_redirects(test, application, own) for test in ("21885", "23183")),
    ]


def _secrets(application: Application, own: OwnPrincipal) -> Finding:
    secrets = [*(application.get("passwordCredentials") or []), *(own.get("passwordCredentials") or [])]
    return _finding(
        "21772",
        "passwordCredentials" in application and "passwordCredentials" in own,
        f"it has client secrets, expired ones included: {_named(secrets)}" if secrets else None,
        "it has no client secret",
        "give it a certificate or a federated credential, and remove each secret",
    )


def _certificates(application: Application, own: OwnPrincipal, now: float) -> list[Finding]:
    keys = [*(application.get("keyCredentials") or []), *(own.get("keyCredentials") or [])]
    is_read = "keyCredentials" in application and "keyCredentials" in own
    # the tests compare days, not moments
    today = int(now * timestamps.TICKS_PER_SECOND) // _DAY_TICKS
    late = [key for key in keys if timestamps.ticks(key["endDateTime"]) // _DAY_TICKS > today + _DAYS]
    old = [key for key in keys if timestamps.ticks(key["startDateTime"]) // _DAY_TICKS < today - _DAYS]
    return [
        _finding(
            "21773",
            is_read,
            f"certificates end more than {_DAYS} days from today: {_named(late)}" if late else None,
            f"no certificate ends more than {_DAYS} days from today",
            f"replace them by certificates with a lifetime of {_DAYS}d at most",
        ),
        _finding(
            "21992",
            is_read,
            f"certificates began more than {_DAYS} days ago: {_named(old)}" if old else None,
            f"no certificate began more than {_DAYS} days ago",
            "rotate them, and remove those that nobody uses",
        ),
    ]


def _lock(application: Application) -> Finding:
    lock = application.get("servicePrincipalLockConfiguration") or {}
    is_multi_tenant = application.get("signInAudience") in _MULTI_TENANT
    is_read = "servicePrincipalLockConfiguration" in application
    return _finding(
        "21777",
        is_read,
        "its service principals are not locked" if is_read and is_multi_tenant and not lock.get("isEnabled") else None,
        "its property lock is on" if lock.get("isEnabled") else "the test asks for no lock where one tenant uses it",
        "set property_lock to true",
    )


def _redirects(test: str, application: Application, own: OwnPrincipal) -> Finding:
    """Test 21885 reads them in the provider's tenant, 23183 the same ones in each customer's."""
    platforms = (application.get("web"), application.get("spa"), application.get("publicClient"))
    uris = [uri for platform in platforms for uri in (platform or {}).get("redirectUris") or []]
    unsafe = sorted({uri for uri in [*uris, *(own.get("replyUrls") or [])] if _is_unsafe(uri)})
    return _finding(
        test,
        "web" in application and "replyUrls" in own,
        f"redirect URIs are unsafe: {', '.join(unsafe)}" if unsafe else None,
        "no redirect URI looks unsafe; whether their domains resolve was not looked at",
        "take https addresses on a domain of your own",
    )


def _finding(test: str, is_read: bool, fault: str | None, merit: str, remedy: str) -> Finding:
    if fault:
        return {"test": test, "passes": False, "what": fault, "remedy": remedy}
    return {"test": test, "passes": True if is_read else None, "what": merit if is_read else "not read", "remedy": None}


def _is_unsafe(uri: str) -> bool:
    try:
        address = urlsplit(uri)
    except ValueError:
        return True
    host = (address.hostname or "").lower()
    is_foreign = host in _SHORTENERS or f".{host}".endswith(".azurewebsites.net")
    return address.scheme == "http" or host in _LOCAL or is_foreign or "*" in uri


def _named(items: Iterable[KeyCredential | PasswordCredential]) -> str:
    return ", ".join(f"'{item.get('displayName') or ''}' ({item['keyId']})" for item in items)
