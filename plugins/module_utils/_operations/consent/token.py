# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get an app-only token for each tenant and prove by its claims that the customer's consent is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..._core import errors, timestamps
from ..._core.clouds import Cloud
from ..._core.errors import OptionError, Postponed, Reason, TenantError
from ..._core.identity import claims, permissions, signatures
from ..._core.identity.access import Access, Proof, Target
from ..._core.identity.permissions import Api
from ..._core.identity.token_file import TokenFile
from ..._core.outcomes import Tenant
from ..._core.results import Diff, Result
from ..._core.waiting import clock
from .. import fleet_task
from ..fleet_task import TenantsResult
from ..operation import Constraints, Operation, OptionSpec
from ..options import CONNECTION, OF_CUSTOMER, OF_RUN, ONE_OR_MANY, PERMISSIONS, PREFIX, TENANTS
from ..session import Session
from ..task_context import Params, TaskContext

ARGUMENTS: dict[str, OptionSpec] = {
    **TENANTS,
    **CONNECTION,
    "resource": {"type": "str"},
    **PERMISSIONS,
    "endpoint_version": {"type": "str", "choices": ["v1", "v2"], "default": "v2"},
    "required_roles": {"type": "list", "elements": "str"},
    "verify_signature": {"type": "bool", "default": True},
    "expose_token": {"type": "bool", "default": False, "no_log": False},
    "dest": {"type": "path"},
    "consent_wait": {"type": "int", "default": 0},
}
CONSTRAINTS: Constraints = ONE_OR_MANY
# one token proves one API; a task for hosts proves all that a customer is asked for
VARIABLES = {option: variable for option, variable in OF_CUSTOMER.items() if option != "permissions"}
SETTINGS = {**OF_RUN, **{option: PREFIX + option for option in ("resource", "permissions", "consent_wait")}}
_EXPOSED_BY = "expose_token"

# Entra ID refuses a request that comes 15 times within five minutes (AADSTS50196)
_FIRST_POLL_SECONDS = 5
_LONGEST_POLL_SECONDS = 30


class TokenResult(TenantsResult, total=False):
    """What a token proves, and where it is; `tenant_id` is the GUID that it names."""

    app_id: str
    roles: list[str]
    missing_roles: list[str]
    excess_roles: list[str]
    audience: str
    issuer: str
    token_version: str
    issued_at: str
    expires_at: str
    signature: str
    from_cache: bool
    access_token: str
    dest: str


def run(task: TaskContext) -> Result:
    """Return the outcome of one tenant, or of all. Raises OptionError before any tenant is touched."""
    params = task.params
    session = Session(task, VARIABLES)
    asked = _asked(params, session.cloud)
    for api in (one.api for one in asked if one.api):
        session.check_api(api)
    work = {
        tenant: _TokenWork(
            session,
            tenant,
            asked,
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


@dataclass(frozen=True)
class _Asked:
    """One token: the API and what else it is for, and the roles that it must carry."""

    api: Api | None
    target: Target
    required: list[str]


class _TokenWork:
    """One tenant's tokens, from the file, the cache or Entra ID; called again after every wait."""

    def __init__(
        self,
        session: Session,
        tenant: Tenant,
        asked: list[_Asked],
        params: Params,
        dest: Path | None,
        check_mode: bool,
    ) -> None:
        self._session = session
        self._tenant = tenant
        self._asked = asked
        self._proven: list[TokenResult] = []
        self._params = params
        self._dest = session.token_file(dest) if dest else None
        self._check_mode = check_mode
        self._patience = session.patience()
        self._deadline: float | None = None
        self._poll_seconds = 0

    def __call__(self) -> TokenResult:
        if self._deadline is None:
            self._deadline = clock.monotonic() + self._params["consent_wait"]
        try:
            for asked in self._asked[len(self._proven) :]:
                self._proven.append(self._prove(asked))
        except TenantError as error:
            left = self._deadline - clock.monotonic()
            if error.reason.state not in errors.FIXED_BY_CONSENT or error.reason.final:
                raise
            if left > 0:
                self._poll_seconds = min(_LONGEST_POLL_SECONDS, self._poll_seconds + _FIRST_POLL_SECONDS)
                raise Postponed(min(self._poll_seconds, left), error) from None
            raise self._waited_in_vain(error) from None
        return _together(self._proven)

    def _waited_in_vain(self, error: TenantError) -> TenantError:
        """Return the error with what may have kept a consent from coming: Entra ID shows that in the browser only."""
        if not self._params["consent_wait"]:
            return error
        remedy = (
            f"{error.reason.remedy}; if Microsoft's page showed an error instead, such as AADSTS50011 or 7000112, "
            "the provider corrects the redirect URI in the registration, or finds out who disabled the application"
        )
        return TenantError(replace(error.reason, remedy=remedy), error.details)

    def _prove(self, asked: _Asked) -> TokenResult:
        access = self._session.access(self._tenant.tenant_id, asked.target, asked.required, self._patience)
        proof = self._from_dest(access) or access.prove()
        if proof.claims is None:
            raise TenantError(
                Reason(errors.ERROR, "the token cannot be read, so it proves no consent", "call the API itself")
            )
        signature = access.verify_signature(proof) if self._params["verify_signature"] else signatures.SKIPPED
        details = _details(proof, proof.claims, asked.required, signature)
        if proof.missing_roles:
            lacking = ", ".join(proof.missing_roles)
            remedy = f"open the consent link again, so that {lacking} is granted"
            if not proof.claims.roles:
                # a consent to delegated permissions looks like this, and so it would after every other one
                remedy += (
                    "; if it stays so, the provider registers it as an application permission, not a delegated one"
                )
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

    def _write(self, dest: TokenFile, proof: Proof) -> TokenResult:
        name = str(dest.path)
        if not dest.write(proof.token, dry_run=self._check_mode):
            return {"changed": False, "dest": name}
        until = timestamps.render_seconds(proof.token.expires_at)
        after = f"a token for {self._tenant.name}, good until {until}\n"
        diff: Diff = {"before_header": name, "after_header": name, "before": "", "after": after}
        return {"changed": True, "dest": name, "diff": diff}


def _asked(params: Params, cloud: Cloud) -> list[_Asked]:
    """Return the token of `resource`, or else one for each API of `permissions`. Raises OptionError.

    `required_roles` are those of one API: of the first that is asked for.
    """
    version, required = params["endpoint_version"], params["required_roles"]
    if params["resource"]:
        return [_of_resource(params["resource"], required, cloud, version)]
    wanted = {name: roles for name, roles in (params["permissions"] or {}).items() if roles}
    apis = [api for name, api in permissions.APIS.items() if name in wanted] or [permissions.DEFAULT]
    if required is not None:
        apis = apis[:1]
    if len(apis) > 1 and (params["dest"] or params["expose_token"]):
        option = "dest" if params["dest"] else "expose_token"
        raise OptionError(f"{option} is for one token, and permissions ask for two: say by resource which is meant")
    return [_of_api(api, wanted.get(api.name) if required is None else required, cloud, version) for api in apis]


def _of_api(api: Api, required: list[str] | None, cloud: Cloud, version: str) -> _Asked:
    wanted = [api.default_role] if required is None else required
    target = Target(permissions.resource_of(api, cloud), api.app_id, version)
    return _Asked(api, target, permissions.check_roles(api, wanted, "required_roles"))


def _of_resource(resource: str, required: list[str] | None, cloud: Cloud, version: str) -> _Asked:
    if resource in permissions.APIS:
        return _of_api(permissions.APIS[resource], required, cloud, version)
    if not resource.startswith(("https://", "api://")) or resource.endswith(".default"):
        raise OptionError(
            f"resource '{resource}' is none: write xdr, graph, or a resource URI (https:// or api://) without /.default"
        )
    known = permissions.api_of(resource)
    target = Target(resource.rstrip("/"), known.app_id if known else None, version)
    return _Asked(known, target, required or [])


def _together(proven: list[TokenResult]) -> TokenResult:
    """Return what several tokens prove: the first one's details, with the roles of all."""
    if len(proven) == 1:
        return proven[0]
    return {
        **proven[0],
        "roles": sorted({role for each in proven for role in each["roles"]}),
        "excess_roles": sorted({role for each in proven for role in each["excess_roles"]}),
    }


def _details(proof: Proof, found: claims.Claims, required: list[str], signature: str) -> TokenResult:
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


OPERATION = Operation(
    ARGUMENTS,
    run=run,
    returns=TokenResult,
    constraints=CONSTRAINTS,
    variables=VARIABLES,
    settings=SETTINGS,
    exposed_by=_EXPOSED_BY,
)
