# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values of options a message may show: a secret can stand in the wrong option or environment variable.

Shown are a GUID, a number, a time or an age, a path, and words, as names, permissions, domains and addresses are made
of. Anything else is told by its length alone: what Entra ID issues as a secret mixes letters, digits and marks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from .characters import visible

_DOMAIN = r"(?:[a-z0-9][a-z0-9-]{0,40}\.)+[a-z]{2,15}"
_SMALL = r"(?:(?![A-Z])[^\W\d_])"
_WORD = rf"(?:{_DOMAIN}|[^\W\d_]{{1,2}}|[^\W\d_]?{_SMALL}{{1,15}}(?:[A-Z]{_SMALL}{{2,15}})*|[A-Z]{{2,12}}|[0-9]{{1,4}})"
_HARMLESS = re.compile(
    rf"""
      (?i: [0-9a-f]{{0,12}} (?: - [0-9a-f]{{0,12}} ){{4}} )       # a GUID, also a mistyped one
    | -? [0-9]{{1,6}} (?: \.[0-9]{{1,3}} )? [a-zA-Z]?             # a number, an age
    | [0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}} (?: [T\ ] [0-9:.,+\-]{{0,24}} Z? )?      # a time
    | [./~-]* {_WORD} (?: [\ ._:/,@-]{{1,3}} {_WORD} )* [:./\[]{{0,4}}              # words
    """,
    re.VERBOSE,
)
_HARMLESS_LENGTH = 120
_SHORTEST_SECRET = 6
_LONG_NAME = 24


def shown(value: str) -> str:
    """Return how a message names this value of an option: in quotes, or by its length where it could be a secret."""
    return f"'{visible(value)}'" if _is_harmless(value) else _unseen(value)


def plain(value: str) -> str:
    """Return the same without quotes."""
    return visible(value) if _is_harmless(value) else _unseen(value)


def without_values(message: str, given: Mapping[str, object], secrets: Collection[str] = ()) -> str:
    """Return the message without those of the options given that could be a secret, wherever it quotes them.

    `secrets` names the options that hold one; their values are never shown, not even as the value of another option.
    """
    texts = {text for option, value in given.items() for text in _texts(value, option in secrets)}
    for text in sorted(texts, key=len, reverse=True):
        for form in dict.fromkeys((text, repr(text)[1:-1], text.lower())):
            message = re.sub(rf"(?P<quote>['\"]?){re.escape(form)}(?P=quote)", _unseen(text), message)
    return message


def _texts(value: object, is_secret: bool) -> Iterator[str]:
    """Yield each text in the value of an option that must not be shown, and each part of one that is a list."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(str(key), is_secret)
            # a customer's name, or a rule's
            if key != "name":
                yield from _texts(item, is_secret)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from _texts(item, is_secret)
    elif isinstance(value, str):
        for text in {value, value.strip(), *(part.strip() for part in value.split(","))}:
            if not _is_harmless(text) or (is_secret and len(text) >= _SHORTEST_SECRET):
                yield text


def _is_harmless(value: str) -> bool:
    if len(value) < _SHORTEST_SECRET or _is_path(value):
        return True
    seen = "".join(each for each in value if each.isprintable())
    has_user = "://" in seen and "@" in seen
    return len(value) <= _HARMLESS_LENGTH and not has_user and bool(_HARMLESS.fullmatch(seen))


def _is_path(value: str) -> bool:
    """Tell a path from a secret by what is there: it, or a folder that it is to lie in.

    A relative path was made absolute where the name at its end may be the secret.
    """
    path = Path(value)
    try:
        there = next((each for each in (path, *path.parents) if each.name and each.exists()), None)
    except (OSError, ValueError):
        return False
    missing = path.relative_to(there).parts if there else None
    return missing is not None and all(len(name) < _LONG_NAME or _HARMLESS.fullmatch(name) for name in missing)


def _unseen(value: str) -> str:
    return f"({len(value)} characters, not shown)"
