# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admin consent: the link a customer's administrator opens, and the signed `state` in it.

Sources: learn.microsoft.com, "Admin consent on the Microsoft identity platform" and "Partner access through Microsoft
365 Defender APIs" (the authorize form).
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import parse_qsl, quote, urlencode

from ..clouds import split_url
from ..dependencies import jwt
from ..errors import OptionError
from ..showing import shown
from ..vaults import MARK

RETURNED = (
    *("admin_consent", "code", "tenant", "state", "scope", "session_state"),
    *("error", "error_subcode", "error_description", "error_uri"),
)
"""What a consent page adds to the redirect URI."""

FORMS = ("admin_consent", "admin_consent_v1", "authorize")

_SHORTEST_STATE_KEY = 16
_LEAST_VARIETY = 6
_LEAST_UNFORESEEN = 8
_WELL_KNOWN = re.compile(
    "passw(or[dt]|d)|kennwort|p[a@4][s$5]{2}w[o0]rd|secret|geheim|change|letmein|welcome|admin|default|example|state|key"
)
_ROWS = "01234567890 abcdefghijklmnopqrstuvwxyz qwertyuiop qwertzuiop asdfghjkl zxcvbnm yxcvbnm"
_LONGEST_REDIRECT_URI = 256
_UNSUPPORTED_IN_REDIRECT_URI = frozenset("*#!$'(),;\\\"<>`")
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# programs read a host whose last label is a number as an IP address, each in its own way
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$)({_LABEL}\.)*(?!0x|[0-9]+$){_LABEL}", re.ASCII)
_SIGNED_STATE = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


@dataclass(frozen=True)
class SignedState:
    """An OAuth `state` bound to one tenant and one application, and when it expires (seconds since 1970)."""

    value: str
    expires_at: int


def sign_state(key: str, tenant_id: str, client_id: str, lifetime: int, now: float) -> SignedState:
    """Return a state that is good for at least `lifetime` seconds and at most twice that.

    The expiry lies on a grid of `lifetime`, so a link stays the same, and a file of links unchanged, until it is due
    for renewal. Raises OptionError for a key that could be guessed.
    """
    expires_at = (int(now) // lifetime + 2) * lifetime
    payload = {"tenant": tenant_id, "app": client_id, "exp": expires_at}
    return SignedState(jwt.encode(payload, _signing_key(key), algorithm="HS256"), expires_at)


def read_state(key: str, state: str, client_id: str | None = None) -> str:
    """Return the tenant id the state was signed for.

    Raises ValueError with the reason where it is not good, and OptionError for a key that could be guessed.
    """
    signing_key = _signing_key(key)
    # the library skips what is not base64, so that a state with a text behind it would do as well
    if not _SIGNED_STATE.fullmatch(state):
        raise ValueError("the state was not signed with this key")
    try:
        payload = jwt.decode(state, signing_key, algorithms=["HS256"], options={"require": ["exp", "tenant"]})
    except jwt.ExpiredSignatureError:
        raise ValueError("the link has expired") from None
    except jwt.PyJWTError:
        raise ValueError("the state was not signed with this key") from None
    if client_id and payload.get("app") != client_id.lower():
        raise ValueError("the state belongs to another application")
    return str(payload["tenant"])


def check_redirect_uri(uri: str | None, option: str = "redirect_uri") -> str | None:
    """Return the URI, or None where none is given.

    Raises OptionError for one that Entra refuses, or that leads elsewhere than it seems to.
    Source: learn.microsoft.com, "Redirect URI (reply URL) outline and restrictions".
    """
    if not uri:
        return None
    if len(uri) > _LONGEST_REDIRECT_URI or _UNSUPPORTED_IN_REDIRECT_URI & set(uri):
        raise OptionError(
            f"{option} {shown(uri)} is not one that Entra accepts: at most {_LONGEST_REDIRECT_URI} characters, "
            "no wildcard, no fragment and none of ! $ ' ( ) , ; \\ \" < > `"
        )
    parts = split_url(uri)
    if parts is None or not _is_host(parts.hostname) or not (uri.isascii() and uri.isprintable()):
        raise OptionError(f"{option} {shown(uri)} is not a URL of plain ASCII with a host: register an https address")
    if "@" in parts.netloc:
        raise OptionError(
            f"{option} {shown(uri)} has a user name before its host, which hides where it leads: remove it"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname == "localhost"):
        raise OptionError(f"{option} {shown(uri)} must be https (http only for localhost): register an https address")
    if taken := next((name for name, _value in parse_qsl(parts.query, True) if name.lower() in RETURNED), None):
        raise OptionError(f"{option} has the query parameter {taken}, which the consent page adds itself: remove it")
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


def _unforeseen(text: str) -> int:
    """Return how many characters are neither of a well-known word nor next to the one before them in a row."""
    rest = _WELL_KNOWN.sub("", text.lower())
    return sum(before + after not in _ROWS for before, after in pairwise(f"\n{rest}"))


def _is_host(host: str | None) -> bool:
    """Tell the name of a host, or an IP address in the form that all programs read alike."""
    try:
        return bool(ipaddress.ip_address(host or ""))
    except ValueError:
        return bool(_HOST_NAME.fullmatch(host or ""))


def _signing_key(key: str) -> bytes:
    """Return the key that states are signed with. Raises OptionError for one that could be guessed."""
    text = "".join(key.split())
    if len(text) < _SHORTEST_STATE_KEY:
        raise OptionError(f"state_key is shorter than {_SHORTEST_STATE_KEY} characters: use a long random value")
    if "{{" in key or text.startswith(MARK):
        raise OptionError("state_key is a template or an encrypted text that was not resolved: give its value")
    if _unforeseen(text) < _LEAST_UNFORESEEN or text in (text + text)[1:-1]:
        raise OptionError("state_key could be guessed, because it is made of well-known parts: use a long random value")
    # one for repetition, one for runs such as 0123456789abcdef
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    if len(set(text)) < _LEAST_VARIETY or len(steps) < _LEAST_VARIETY:
        raise OptionError("state_key could be guessed, because its characters repeat: use a long random value")
    return hashlib.sha256(b"mssp.defender consent state\0" + key.encode(errors="surrogatepass")).digest()
