# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and tokens as people hand them over: with the line feed of their file, in quotes, or a thing of another kind.

What is wrong is found before anything is sent, and said without showing the text. Sources: learn.microsoft.com, "Add
credentials" (a secret has a value and an id), "Workload identity federation"; docs.github.com, "OpenID Connect".
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from datetime import datetime, timezone

from ..clouds import GUID
from ..dependencies import jwt
from ..errors import OptionError
from ..vaults import MARK
from .claims import LEEWAY

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NAMES = {"\n": "a line feed", "\r": "a carriage return", "\t": "a tab", " ": "a blank", "\ufeff": "a byte order mark"}
_QUOTES = ('""', "''", "``", "\u201c\u201d", "\u2018\u2019")
_OTHER_KINDS = (
    (MARK, "is still encrypted by ansible-vault: give it as a `!vault` value or decrypt it"),
    ("-----BEGIN ", "holds a key or a certificate: put it into a file and give certificate_path"),
)
_NO_SECRETS = (
    (re.compile(r"!vault\b.*"), "is the tag of an encrypted value without the value: give it as YAML, not as text"),
    (re.compile(r".*(\{\{|\{%).*"), "is a template that was not resolved: give it where Ansible resolves templates"),
    (re.compile(r"(\w*client_?secret)\s*[=:].*", re.IGNORECASE), "has its name in front: give the value alone"),
    (re.compile(r"\{\s*\".*\}"), "is JSON: give the value of its member alone"),
    (
        re.compile(r"([*\u2022xX.])\1+|\$encrypted\$|VALUE_SPECIFIED_IN_NO_LOG_PARAMETER|none|null", re.IGNORECASE),
        "is what is shown or written in a secret's place: give the secret's value",
    ),
    (re.compile(r"/(run|var|etc|home|mnt|opt|root|srv|tmp)/.+"), "is the path of a file: give what stands in it"),
    (re.compile(r".*(\\r)?\\n"), "ends in a backslash and an n, which stand for a line feed: remove them"),
)


def client_secret(text: str, named: str) -> tuple[str, list[str]]:
    """Return the secret that is to be sent, empty where there is none, and what to warn of.

    What cannot be seen is left out at both ends. Raises OptionError for a text that cannot be a secret's value.
    """
    secret, around = _trimmed(text)
    if kind := next((fault for begins, fault in _OTHER_KINDS if secret.startswith(begins)), None):
        raise OptionError(f"{named} {kind}")
    if kind := next((fault for form, fault in _NO_SECRETS if form.fullmatch(secret)), None):
        raise OptionError(f"{named} {kind}")
    if hidden := next(filter(_is_hidden, secret), None):
        raise OptionError(f"{named} holds {_name(hidden)} in the middle: copy the secret's value again")
    if _is_quoted(secret):
        raise OptionError(f"{named} stands in quotes: give it without them")
    if _claims(secret) is not None:
        raise OptionError(f"{named} holds a token: put it into a file and give federated_token_file")
    warnings = []
    if secret and around:
        warnings.append(f"{named} has {' and '.join(around)} around it, which was left out: remove it at the source")
    if GUID.match(secret):
        warnings.append(f"{named} looks like the ID of a secret: give the secret's value, which the portal shows once")
    return secret, warnings


def without_ends(text: str) -> str:
    """Return the text without blanks and what cannot be seen at both ends."""
    return _trimmed(text)[0]


def federated_token(content: bytes, named: str, now: float) -> str:
    """Return the token in a file. Raises OptionError for anything but a bare JWT that is valid `now`."""
    if content.startswith(UTF_16) or b"\0" in content:
        raise OptionError(f"{named} is UTF-16 text: write the token as UTF-8 without a byte order mark")
    if content.startswith(codecs.BOM_UTF8):
        raise OptionError(f"{named} begins with a byte order mark: write the token as UTF-8 without one")
    token = content.decode("utf-8", "replace").strip()
    if not token:
        raise OptionError(f"{named} is empty: correct the program that renews the token, which must write it there")
    if _is_quoted(token):
        raise OptionError(f"{named} holds a token in quotes: write the bare token")
    if token[:7].lower() == "bearer ":
        raise OptionError(f"{named} begins with the word Bearer: write the bare token")
    if token.startswith("{"):
        raise OptionError(f"{named} is JSON: write only the token in it (GitHub Actions: its member `value`)")
    _check_claims(token, named, now)
    return token


def is_token(text: str) -> bool:
    """Tell whether the text is a JWT."""
    return _claims(text.strip()) is not None


def _claims(text: str) -> dict[str, object] | None:
    try:
        claims: dict[str, object] = jwt.decode(text, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    return claims


def _check_claims(token: str, named: str, now: float) -> None:
    """Raise OptionError for a text that is not a signed JWT which is valid `now`."""
    claims = _claims(token)
    if claims is None:
        raise OptionError(f"{named} holds no JWT: write the bare token of the other identity provider there")
    if token.endswith(".") or str(jwt.get_unverified_header(token).get("alg")).lower() == "none":
        raise OptionError(f"{named} holds a token without a signature: write the one that the identity provider signed")
    expires, begins = claims.get("exp"), claims.get("nbf")
    if any(isinstance(moment, (str, list, dict, bool)) for moment in (expires, begins)):
        raise OptionError(f"{named} holds a token whose exp or nbf is not a number: have it issued anew")
    if isinstance(expires, (int, float)) and expires + LEEWAY < now:
        raise OptionError(f"{named}: the token in it expired at {_moment(expires)}: have it renewed")
    if isinstance(begins, (int, float)) and begins - LEEWAY > now:
        raise OptionError(
            f"{named}: the token in it is valid only from {_moment(begins)}: correct this machine's clock"
        )


def _trimmed(text: str) -> tuple[str, list[str]]:
    """Return the text without blanks and hidden characters at both ends, and the names of those left out."""
    start, end = 0, len(text)
    while start < end and _is_at_edge(text[start]):
        start += 1
    while end > start and _is_at_edge(text[end - 1]):
        end -= 1
    return text[start:end], sorted({_name(char) for char in text[:start] + text[end:]})


def _is_at_edge(char: str) -> bool:
    return char == " " or _is_hidden(char)


def _is_hidden(char: str) -> bool:
    """Tell a control, a formatting character or a blank other than the plain one."""
    return char != " " and unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Zs", "Zl", "Zp")


def _name(char: str) -> str:
    return _NAMES.get(char, f"an invisible character (U+{ord(char):04X})")


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] + text[-1] in _QUOTES


def _moment(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return "a time that no clock shows"
