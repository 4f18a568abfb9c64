# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get an app-only token for each tenant and prove by its claims that the customer's consent is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..._core import errors, timestamps
from ..._core.clouds import Cloud
from ..._core.errors import OptionError, Postponed, Reason, TenantError
from ..._core.identity import claims, permissions, signatures
from ..._core.identity.access import Access, Proof, Target
from ..._core.identity.token_file import TokenFile
from ..._core.outcomes import Tenant
from ..._core.waiting import clock
from .. import fleet_task
from ..operation import Constraints, Operation, OptionSpec
from ..options import CONNECTION, OF_CUSTOMER, ONE_OR_MANY, TENANTS
from ..session import Session
from ..task_context import TaskContext

ARGUMENTS: dict[str, OptionSpec] = {
    **TENANTS,
    **CONNECTION,
    "resource": {"type": "str", "default": "xdr"},
    "endpoint_version": {"type": "str", "choices": ["v1", "v2"], "default": "v2"},
    "required_roles": {"type": "list", "elements": "str"},
    "verify_signature": {"type": "bool", "default": True},
    "expose_token": {"type": "bool", "default": False, "no_log": False},
    "dest": {"type": "path"},
    "consent_wait": {"type": "int", "default": 0},
}
CONSTRAINTS: Constraints = ONE_OR_MANY
VARIABLES = OF_CUSTOMER
_EXPOSED_BY = "expose_token"

# Entra ID refuses a request that comes 15 times within five minutes (AADSTS50196)
_FIRST_POLL_SECONDS = 5
_LONGEST_POLL_SECONDS = 30
_MENDED_BY_CONSENT = (errors.NOT_CONSENTED, errors.PARTIAL)


def run(task: TaskContext) -> dict[str, Any]:
    """Return the outcome of one tenant, or of all. Raises OptionError before any tenant is touched."""
    params = task.params
    session = Session(task, VARIABLES)
    target, required = _target(params, session.cloud)
    work = {
        tenant: _TokenWork(
            session,
            tenant,
            target,
            required,
            params,
            fleet_task.file_of(params, "dest", tenant, ".token", task.check_mode, is_read_back=True),
            task.check_mode,
        )
        for tenant in fleet_task.given(params, "dest")
    }
    result = fleet_task.run(params, work, task.progress)
    if params["expose_token"]:
        result["_ansible_no_log"] = True
    return result


class _TokenWork:
    """One tenant's token, from the file, the cache or Entra ID; called again after every wait."""

    def __init__(
        self,
        session: Session,
        tenant: Tenant,
        target: Target,
        required: list[str],
        params: dict[str, Any],
        dest: Path | None,
        check_mode: bool,
    ) -> None:
        self._session = session
        self._tenant = tenant
        self._target = target
        self._required = required
        self._params = params
        self._dest = session.token_file(dest) if dest else None
        self._check_mode = check_mode
        self._patience = session.patience()
        self._deadline: float | None = None
        self._poll_seconds = 0

    def __call__(self) -> dict[str, Any]:
        if self._deadline is None:
            self._deadline = clock.monotonic() + self._params["consent_wait"]
        try:
            return self._prove()
        except TenantError as error:
            left = self._deadline - clock.monotonic()
            if error.reason.state not in _MENDED_BY_CONSENT or error.reason.final:
                raise
            if left > 0:
                self._poll_seconds = min(_LONGEST_POLL_SECONDS, self._poll_seconds + _FIRST_POLL_SECONDS)
                raise Postponed(min(self._poll_seconds, left), error) from None
            raise self._waited_in_vain(error) from None

    def _waited_in_vain(self, error: TenantError) -> TenantError:
        """Return the error with what may have kept a consent from coming: Entra ID shows that in the browser only."""
        if not self._params["consent_wait"]:
            return error
        remedy = (
            f"{error.reason.remedy}; if Microsoft's page showed an error instead, such as AADSTS50011 or 7000112, "
            "the provider corrects the redirect URI in the registration, or finds out who disabled the application"
        )
        return TenantError(replace(error.reason, remedy=remedy), error.details)

    def _prove(self) -> dict[str, Any]:
        access = self._session.access(self._tenant.tenant_id, self._target, self._required, self._patience)
        proof = self._from_dest(access) or access.prove()
        if proof.claims is None:
            raise TenantError(
                Reason(errors.ERROR, "the token cannot be read, so it proves no consent", "call the API itself")
            )
        signature = access.verify_signature(proof) if self._params["verify_signature"] else signatures.SKIPPED
        details = _details(proof, proof.claims, self._required, signature)
        if proof.missing_roles:
            lacking = ", ".join(proof.missing_roles)
            remedy = f"open the consent link again, so that {lacking} is granted"
            raise TenantError(Reason(errors.PARTIAL, f"the token lacks {lacking}", remedy), details)
        if self._params["expose_token"]:
            details["access_token"] = proof.token.value
        if self._dest:
            details |= self._write(self._dest, proof)
        return details

    def _from_dest(self, access: Access) -> Proof | None:
        """Return the proof that the token in `dest` still amounts to, or None where it is no longer good."""
        token = self._dest.read() if self._dest else None
        if token is None:
            return None
        try:
            proof = access.judge(token)
            if self._params["verify_signature"]:
                access.verify_signature(proof)
        except TenantError:
            return None
        return proof if proof.claims and proof.token.is_fresh() and not proof.missing_roles else None

    def _write(self, dest: TokenFile, proof: Proof) -> dict[str, Any]:
        name = str(dest.path)
        if not dest.write(proof.token, dry_run=self._check_mode):
            return {"changed": False, "dest": name}
        until = timestamps.render_seconds(proof.token.expires_at)
        after = f"a token for {self._tenant.name}, good until {until}\n"
        diff = {"before_header": name, "after_header": name, "before": "", "after": after}
        return {"changed": True, "dest": name, "diff": diff}


def _target(params: dict[str, Any], cloud: Cloud) -> tuple[Target, list[str]]:
    """Return what tokens are asked for and which roles they must carry."""
    resource, version = params["resource"], params["endpoint_version"]
    api = permissions.APIS.get(resource)
    if api is not None:
        wanted = params["required_roles"] if params["required_roles"] is not None else [api.default_role]
        roles = permissions.check_roles(api, wanted, "required_roles")
        return Target(permissions.resource_of(api, cloud), api.app_id, version), roles
    if not resource.startswith(("https://", "api://")) or resource.endswith(".default"):
        raise OptionError(
            f"resource '{resource}' is none: write xdr, graph, or a resource URI (https:// or api://) without /.default"
        )
    known = permissions.api_of(resource)
    return Target(resource.rstrip("/"), known.app_id if known else None, version), params["required_roles"] or []


def _details(proof: Proof, found: claims.Claims, required: list[str], signature: str) -> dict[str, Any]:
    return {
        "tenant_id": found.tenant_id,
        "app_id": found.app_id,
        "roles": sorted(found.roles),
        "missing_roles": proof.missing_roles,
        "excess_roles": permissions.excess(required, found.roles),
        "audience": found.audience,
        "issuer": found.issuer,
        "token_version": found.version,
        "issued_at": timestamps.render_seconds(found.issued_at),
        "expires_at": timestamps.render_seconds(proof.token.expires_at),
        "signature": signature,
        "from_cache": proof.token.from_cache,
    }


OPERATION = Operation(ARGUMENTS, run=run, constraints=CONSTRAINTS, variables=VARIABLES, exposed_by=_EXPOSED_BY)
