# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids and domains as people paste them: which one a text means, and which of its characters is in the way."""

from __future__ import annotations

import re
import string
import unicodedata
import uuid

from .characters import named
from .dependencies import idna

GUID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE | re.ASCII)
DOMAIN = re.compile(
    r"^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}$", re.IGNORECASE | re.ASCII
)
_URN = re.compile(r"^urn:uuid:", re.IGNORECASE)
_GUID_WITHIN = re.compile(r"(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])", re.IGNORECASE | re.ASCII)
# a URL or an e-mail address, with the host as its group
_ADDRESS = re.compile(
    r"(?:(?:[a-z][a-z0-9+-]*:)?//|mailto:)?(?:[^/?#@\s]*@)?([^/?#:@\s]+)(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE
)
_AROUND = "\"'`<>()[]{},;\u2018\u2019\u201c\u201d"
_IN_DOMAINS = re.compile(r"[A-Za-z0-9.-]")
# scripts that are written together with Latin letters
_BESIDE_LATIN = {"LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"}


def tenant_meant(text: str) -> str | None:
    """Return what to give in place of a text that is neither a GUID nor a domain name: the id that it means, the form
    in which a domain is registered, or the character that is in the way. None where nothing can be told.
    """
    if found := guid_meant(text):
        guid, strange = found
        return f"{guid}{_without(strange)}"
    within = guids_within(text)
    if len(within) > 1:
        return f"one id, not {len(within)} of them"
    return within.pop() if within else _domain_meant(text)


def guids_within(text: str) -> set[str]:
    """Return the GUIDs that stand in a text, such as a list of them, in lower case."""
    return set(_GUID_WITHIN.findall(text.lower()))


def guid_meant(text: str) -> tuple[str, str | None] | None:
    """Return the GUID that a text means, and the character that keeps it from being one, None for none but dashes.

    It has the digits of a GUID, but a brace, a quote or something invisible among them, or digits of another width.
    """
    pasted = _URN.sub("", text.strip())
    letters = [each for each in unicodedata.normalize("NFKC", pasted).lower() if each.isalnum()]
    try:
        guid = uuid.UUID("".join(letters)) if len(letters) == 32 and "".join(letters).isascii() else None
    except ValueError:
        guid = None
    if guid and pasted.startswith("{") and pasted.endswith("}"):
        return str(guid), "the braces"
    strange = next((each for each in pasted if not (each.isascii() and each.isalnum()) and each != "-"), None)
    return (str(guid), named(strange) if strange else None) if guid else None


def foreign_digit(text: str) -> str | None:
    """Return the letter of another script, such as a Cyrillic one, that stands for a digit of a GUID, None for none."""
    digits = unicodedata.normalize("NFKC", text.strip()).replace("-", "")
    foreign = [each for each in digits if not each.isascii() and each.isalpha()]
    is_guid = len(digits) == 32 and all(each in string.hexdigits or each in foreign for each in digits)
    return named(foreign[0]) if is_guid and foreign else None


def _domain_meant(text: str) -> str | None:
    visible = "".join(each for each in text.strip() if unicodedata.category(each) != "Cf")
    address = _ADDRESS.fullmatch(unicodedata.normalize("NFKC", visible).strip(_AROUND))
    host = address[1].rstrip(".").lower() if address else ""
    strange = next((each for each in text.strip() if not _IN_DOMAINS.match(each)), None)
    odd = next((each for each in text if unicodedata.category(each) == "Cf" or not each.isascii()), None)
    if DOMAIN.match(host):
        return f"{host}{_without(named(odd) if odd else None)}"
    if foreign := _letter_of_another_script(host):
        return f"a domain without {named(foreign)}, which stands among Latin letters"
    if registered := _registered(host):
        return f"{registered}, the form in which that domain is registered"
    return f"the customer's tenant GUID or one of its verified domains{_without(named(strange))}" if strange else None


def _registered(host: str) -> str | None:
    """Return the ASCII form of an internationalized domain (IDNA 2008), or None for what is no such domain."""
    if host.isascii():
        return None
    try:
        registered = idna.encode(host).decode()
    except (idna.IDNAError, UnicodeError):
        return None
    return registered if DOMAIN.match(registered) else None


def _letter_of_another_script(host: str) -> str | None:
    """Return a letter that only looks like those beside it, such as a Cyrillic one in a Latin word."""
    for label in host.split("."):
        scripts = {each: re.split("[ -]", unicodedata.name(each, ""))[0] for each in label if each.isalpha()}
        if "LATIN" in scripts.values():
            foreign = next((each for each, script in scripts.items() if script not in _BESIDE_LATIN), None)
            if foreign:
                return foreign
    return None


def _without(strange: str | None) -> str:
    return f", without {strange}" if strange else ""
