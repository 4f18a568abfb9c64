# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A caller's access to one tenant: a token, and the proof by its claims that it is what was asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from .. import errors
from ..errors import Reason, TenantError
from ..wire.patience import Patience
from . import claims, permissions, signatures
from .claims import Claims
from .token_cache import Token
from .tokens import Source


@dataclass(frozen=True)
class Target:
    """What tokens are asked for: a resource URI, its application id where known, the endpoint version (`v1`, `v2`)."""

    resource: str
    app_id: str | None = None
    version: str = "v2"


@dataclass(frozen=True)
class Proof:
    """A token for the right tenant, caller and audience. `claims` is None for one that cannot be read."""

    token: Token
    claims: Claims | None
    missing_roles: list[str]


class Access:
    """Gets and judges tokens for one tenant."""

    def __init__(
        self, source: Source, tenant_id: str, target: Target, required_roles: list[str], patience: Patience
    ) -> None:
        self._source = source
        self.tenant_id = tenant_id
        self._target = target
        self._required = required_roles
        self._patience = patience
        self.resource = target.resource
        self.accepted_audiences = claims.audiences(target.resource, target.app_id)

    def prove(self) -> Proof:
        """Return the proof from a kept token or a new one. Raises TenantError or Postponed."""
        token = self._source.cached(self.guid(), self._target.resource, self._target.version)
        proof = self.judge(token) if token else None
        # roles missing from a kept token may have been consented to since
        return proof if proof and not proof.missing_roles else self._acquire()

    def renew(self) -> Proof:
        """Return the proof from a new token, and drop the kept one that an API refused."""
        self.forget()
        return self._acquire()

    def forget(self) -> None:
        """Drop the kept token: an API refused it."""
        self._source.forget(self.guid(), self._target.resource, self._target.version)

    def judge(self, token: Token) -> Proof:
        """Return the proof a token amounts to. Raises TenantError for another tenant, application or audience."""
        found = claims.read(token.value)
        now = time.time()
        if found is None:
            return Proof(_ending(token, now + claims.LONGEST_LIFE), None, [])
        asked = self._source.authority.url
        faults = claims.faults(found, self.guid(), self._source.client_id, self.accepted_audiences, asked, now)
        if faults:
            raise TenantError(
                Reason(
                    errors.ERROR,
                    f"the token is not what was asked for: {', '.join(faults)}",
                    "check the tenant id, the cloud and this machine's clock",
                )
            )
        return Proof(_ending(token, found.expires_at), found, permissions.missing(self._required, found.roles))

    def verify_signature(self, proof: Proof) -> str:
        """Return `verified`, or `opaque` for a token for Microsoft Graph that the token endpoint handed out.

        Raises TenantError for a token that must not be trusted, nor kept.
        """
        try:
            return signatures.verify(
                proof.token.value,
                proof.claims,
                self.accepted_audiences,
                self._source.authority,
                self._patience,
                may_be_opaque=self._target.app_id == permissions.GRAPH.app_id,
            )
        except TenantError:
            self.forget()
            raise

    def _acquire(self) -> Proof:
        guid = self.guid()
        token = self._source.acquire(guid, self._target.resource, self._target.version, self._patience)
        proof = self.judge(token)
        # a token without its roles would hide the consent that is about to come
        if not proof.missing_roles:
            self._source.keep(guid, self._target.resource, self._target.version, proof.token)
        return proof

    def guid(self) -> str:
        """Return the tenant's GUID. Raises TenantError or Postponed where its domain has to be looked up for that."""
        return self._source.authority.tenant_guid(self.tenant_id, self._patience)


def _ending(token: Token, moment: float) -> Token:
    """Return the token with the earlier end, whichever of the endpoint and the token itself says so."""
    return replace(token, expires_at=min(token.expires_at, moment))
