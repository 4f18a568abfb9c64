# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JWTs that anybody may have made: whatever is in them, they are malformed at worst."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import jwt

from defender_emulator.json_text import JsonObject


@contextlib.contextmanager
def malformed_at_worst() -> Iterator[None]:
    """Raise jwt.InvalidTokenError for what PyJWT does not expect: deep nesting, dates beyond all bounds, odd types."""
    try:
        yield
    except (RecursionError, OverflowError, TypeError, ValueError) as error:
        raise jwt.InvalidTokenError(str(error)) from None


def peek(value: str) -> tuple[JsonObject, JsonObject]:
    """Header and claims, of which nothing is proven. jwt.InvalidTokenError when it is no JWT."""
    with malformed_at_worst():
        return jwt.get_unverified_header(value), jwt.decode(value, options={"verify_signature": False})
