# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admin consent: the link a customer's administrator opens, the signed `state` in it, and the redirect that comes back.

Sources: learn.microsoft.com, "Admin consent on the Microsoft identity platform" and "Partner access through Microsoft
365 Defender APIs" (the authorize form).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlencode

from ..clouds import GUID, split_url
from ..dependencies import jwt
from ..errors import OptionError

FORMS = ("admin_consent", "admin_consent_v1", "authorize")

_SHORTEST_STATE_KEY = 16
_LONGEST_REDIRECT_URI = 256
_UNSUPPORTED_IN_REDIRECT_URI = frozenset("*#!$'(),;")
_DECLINED = frozenset({"consent_required", "permission_denied", "access_denied"})


@dataclass(frozen=True)
class SignedState:
    """An OAuth `state` bound to one tenant and one application, and when it expires (seconds since 1970)."""

    value: str
    expires_at: int


@dataclass(frozen=True)
class Redirect:
    """What the browser brought back. It can be forged: only a token for the tenant proves a consent.

    `consented` and `declined` are what the redirect claims, `tenant_id` the tenant it names. `state_tenant_id` is the
    tenant that the link was made for, None where no key was given or `state_fault` says what is wrong with the state.
    """

    consented: bool
    declined: bool
    tenant_id: str | None
    error: str | None
    error_description: str | None
    state_tenant_id: str | None
    state_fault: str | None


def sign_state(key: str, tenant_id: str, client_id: str, lifetime: int, now: float) -> SignedState:
    """Return a state that is good for at least `lifetime` seconds and at most twice that.

    The expiry lies on a grid of `lifetime`, so a link stays the same, and a file of links unchanged, until it is due
    for renewal. Raises OptionError for a key that could be guessed.
    """
    if len(key) < _SHORTEST_STATE_KEY:
        raise OptionError(f"state_key is shorter than {_SHORTEST_STATE_KEY} characters: use a long random value")
    expires_at = (int(now) // lifetime + 2) * lifetime
    payload = {"tenant": tenant_id, "app": client_id, "exp": expires_at}
    return SignedState(jwt.encode(payload, _signing_key(key), algorithm="HS256"), expires_at)


def read_state(key: str, state: str, client_id: str | None = None) -> str:
    """Return the tenant id the state was signed for. Raises ValueError with the reason where it is not good."""
    try:
        payload = jwt.decode(state, _signing_key(key), algorithms=["HS256"], options={"require": ["exp", "tenant"]})
    except jwt.ExpiredSignatureError:
        raise ValueError("the link has expired") from None
    except jwt.PyJWTError:
        raise ValueError("the state was not signed with this key") from None
    if client_id and payload.get("app") != client_id.lower():
        raise ValueError("the state belongs to another application")
    return str(payload["tenant"])


def check_redirect_uri(uri: str | None, option: str = "redirect_uri") -> str | None:
    """Return the URI, or None where none is given. Raises OptionError for one that Entra refuses.

    Source: learn.microsoft.com, "Redirect URI (reply URL) outline and restrictions".
    """
    if not uri:
        return None
    parts = split_url(uri)
    if parts is None or not parts.hostname:
        raise OptionError(f"{option} '{uri}' is no URL: register an https address")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname == "localhost"):
        raise OptionError(f"{option} '{uri}' must be https (http only for localhost): register an https address")
    if len(uri) > _LONGEST_REDIRECT_URI or _UNSUPPORTED_IN_REDIRECT_URI & set(uri):
        raise OptionError(
            f"{option} '{uri}' is not one Entra accepts: at most {_LONGEST_REDIRECT_URI} characters, "
            "no wildcard, no fragment and none of ! $ ' ( ) , ;"
        )
    return uri


def build_url(
    form: str,
    authority_url: str,
    tenant_id: str,
    client_id: str,
    scope: str,
    redirect_uri: str | None,
    state: str | None,
) -> str:
    """Return the consent link in one of FORMS.

    `admin_consent` (v2) needs a redirect URI and carries `scope`; `admin_consent_v1` grants what the registration
    lists; `authorize` is the form of Microsoft's partner page, which addresses no tenant. Raises OptionError where the
    redirect URI is missing.
    """
    extra = {name: value for name, value in (("redirect_uri", redirect_uri), ("state", state)) if value}
    if form == "authorize":
        path = "common/oauth2/authorize"
        query = {"prompt": "consent", "client_id": client_id, "response_type": "code", "sso_reload": "true", **extra}
    elif form == "admin_consent_v1":
        path, query = f"{tenant_id}/adminconsent", {"client_id": client_id, **extra}
    else:
        if not redirect_uri:
            raise OptionError(
                "redirect_uri is missing: the admin_consent form needs one that the application registers"
            )
        path, query = f"{tenant_id}/v2.0/adminconsent", {"client_id": client_id, "scope": scope, **extra}
    return f"{authority_url}/{path}?{urlencode(query, quote_via=quote)}"


def read_redirect(url: str, state_key: str | None = None, client_id: str | None = None) -> Redirect:
    """Return what a redirect from the consent page says.

    `error` counts first, because v2 errors still carry admin_consent=True.
    """
    query = {name: values[0] for name, values in parse_qs(url.partition("?")[2].partition("#")[0]).items()}
    error = query.get("error")
    tenant_id = query.get("tenant")
    bound_to, fault = None, None
    if state_key:
        try:
            bound_to = read_state(state_key, query.get("state", ""), client_id)
        except ValueError as reason:
            fault = str(reason)
        if bound_to and tenant_id and GUID.match(bound_to) and bound_to != tenant_id.lower():
            bound_to, fault = None, "the state belongs to another tenant"
    return Redirect(
        consented=not error and (query.get("admin_consent", "").lower() == "true" or "code" in query),
        declined=error in _DECLINED,
        tenant_id=tenant_id,
        error=error,
        error_description=query.get("error_description"),
        state_tenant_id=bound_to,
        state_fault=fault,
    )


def _signing_key(key: str) -> bytes:
    return hashlib.sha256(b"mssp.defender consent state\0" + key.encode()).digest()
