# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device codes under way: asked for by a program, entered by a person in a browser, and redeemed by the program.

They are kept in memory, as are the refresh tokens that come of them: a program signs in again after a restart.
Source: learn.microsoft.com, v2-oauth2-device-code; the number of an expired code as seen in public logs.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from defender_emulator.entra.public_clients import PublicClient, WantedScopes
from defender_emulator.entra.refusals import Refusal
from defender_emulator.entra.tenants import Tenant
from defender_emulator.entra.users import User

# No vowels and no digits that could be taken for letters.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_USER_CODE_LENGTH = 9


@dataclass
class DeviceCode:
    """``tenant`` is None where anybody may sign in. ``user`` is who approved, ``is_declined`` that somebody did not."""

    value: str
    user_code: str
    client: PublicClient
    tenant: Tenant | None
    scopes: WantedScopes
    expires_at: float
    user: User | None = None
    is_declined: bool = False


@dataclass(frozen=True)
class SignedIn:
    """Who uses which program."""

    client: PublicClient
    user: User


class DeviceCodes:
    """All codes and refresh tokens, by their values."""

    def __init__(self) -> None:
        self._codes: dict[str, DeviceCode] = {}
        self._refresh_tokens: dict[str, SignedIn] = {}

    def issue(self, client: PublicClient, tenant: Tenant | None, scopes: WantedScopes, lifetime: float) -> DeviceCode:
        """A new code, good for ``lifetime`` seconds."""
        user_code = "".join(secrets.choice(_LETTERS) for _number in range(_USER_CODE_LENGTH))
        code = DeviceCode(secrets.token_urlsafe(96), user_code, client, tenant, scopes, time.time() + lifetime)
        self._codes[code.value] = code
        return code

    def entered(self, user_code: str) -> DeviceCode | None:
        """The code that a person entered, while it is good and nobody has answered it."""
        wanted = user_code.strip().upper()
        for code in self._codes.values():
            if code.user_code == wanted and code.expires_at > time.time() and not (code.user or code.is_declined):
                return code
        return None

    def redeem(self, value: str, client_id: str) -> tuple[User, WantedScopes]:
        """Who approved, and what the token is for; the code is used up.

        Raises:
            Refusal: 70016 while nobody has answered, 65004 where somebody declined, 70020 when it has expired, 70018
                for a code that is not known, or not this client's.
        """
        code = self._codes.get(value)
        if code is None or code.client.client_id != client_id:
            raise Refusal(70018)
        if code.user is None and not code.is_declined:
            raise Refusal(70016 if code.expires_at > time.time() else 70020)
        del self._codes[value]
        if code.user is None:
            raise Refusal(65004, error="authorization_declined")
        return code.user, code.scopes

    def add_refresh_token(self, client: PublicClient, user: User) -> str:
        """A token by which the program signs the person in again."""
        value = f"1.{secrets.token_urlsafe(96)}"
        self._refresh_tokens[value] = SignedIn(client, user)
        return value

    def signed_in(self, refresh_token: str, client_id: str) -> SignedIn:
        """Whose refresh token it is.

        Raises:
            Refusal: 700082, it is not good for this client, or any more.
        """
        found = self._refresh_tokens.get(refresh_token)
        if found is None or found.client.client_id != client_id:
            raise Refusal(700082)
        return found
