# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute the link with which a customer's administrator consents to the application. No network is used."""

from __future__ import annotations

import time
from typing import TypedDict

from ..._core import clouds, timestamps
from ..._core.clouds import Cloud
from ..._core.errors import OptionError
from ..._core.identity import consent, permissions
from ..._core.outcomes import Tenant
from ..._core.results import Result
from .. import fleet_task
from ..operation import Constraints, Operation, OptionSpec
from ..options import CONNECTION, OF_CUSTOMER, ONE_OR_MANY, PERMISSIONS, PREFIX, TENANTS
from ..session import warn_of_retirement
from ..task_context import Params, TaskContext

ARGUMENTS: dict[str, OptionSpec] = {
    # every module of the action group takes the connection's options, so that module_defaults can be set once for all
    **TENANTS,
    **CONNECTION,
    "form": {"type": "str", "choices": list(consent.FORMS), "default": "admin_consent"},
    "redirect_uri": {"type": "str"},
    **PERMISSIONS,
    "state": {"type": "str"},
    "state_key": {"type": "str", "no_log": True},
    "state_lifetime": {"type": "int", "default": 30},
    # of the mail that the link goes into
    "application_name": {"type": "str"},
    "language": {"type": "str"},
}
CONSTRAINTS: Constraints = {"mutually_exclusive": [*ONE_OR_MANY["mutually_exclusive"], ("state", "state_key")]}
# what a link is made of: no credential and no server
_OF_LINK = ("tenant_id", "client_id", "cloud", "authority_url", "redirect_uri", "permissions", "state_key")
VARIABLES = {option: OF_CUSTOMER[option] for option in _OF_LINK}
SETTINGS = {
    "form": f"{PREFIX}consent_form",
    "application_name": f"{PREFIX}display_name",
    "language": f"{PREFIX}language",
}

_DAY = 24 * 3600


class Link(TypedDict):
    """A link, the `state` in it, and when a signed one expires."""

    url: str
    state: str | None
    expires_at: str | None


class TenantLink(TypedDict):
    """The link for one tenant of a fleet; `msg` says why there is none."""

    name: str
    tenant_id: str
    msg: str | None
    url: str | None
    state: str | None
    expires_at: str | None


class ConsentUrlResult(Result, total=False):
    """The link of one tenant, or those of a fleet and whose application they are for."""

    url: str
    state: str | None
    expires_at: str | None
    permissions: dict[str, list[str]]
    administrator_role: str
    application_name: str | None
    language: str | None
    client_id: str
    failing: dict[str, str]
    tenants: list[TenantLink]


def run(task: TaskContext) -> ConsentUrlResult:
    """Return the link of one tenant, or of all. Raises OptionError."""
    params = task.params
    link = _LinkMaker(params)
    if permissions.XDR.name in link.permissions:
        warn_of_retirement(task)
    of_mail: ConsentUrlResult = {
        "changed": False,
        "permissions": link.permissions,
        "administrator_role": permissions.administrator_role(link.permissions),
        "application_name": params["application_name"] or None,
        "language": params["language"] or None,
    }
    if params["tenants"] is None:
        tenant_id = params["tenant_id"]
        if not tenant_id and params["form"] != "authorize":
            raise OptionError("no tenant is given: set tenant_id, or tenants for a fleet")
        one = link.make(tenant_id or None)
        return {
            **of_mail,
            "url": one["url"],
            "state": one["state"],
            "expires_at": one["expires_at"],
        }
    return {
        **of_mail,
        "client_id": link.client_id,
        "failing": {},
        "tenants": [_of_fleet(task, link, tenant) for tenant in fleet_task.given(params)],
    }


class _LinkMaker:
    """Makes the links of one application."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._cloud = clouds.select(params["cloud"], params["authority_url"])
        self.client_id = clouds.check_client_id(params["client_id"], VARIABLES["client_id"])
        self._redirect_uri = consent.check_redirect_uri(params["redirect_uri"])
        self.permissions = _permissions(params["permissions"])
        self._scope = _scope(self.permissions, self._cloud)
        if params["state_lifetime"] < 1:
            raise OptionError(f"state_lifetime is {params['state_lifetime']}: it must be at least 1 day")

    def make(self, tenant_id: str | None) -> Link:
        """Return the link for one tenant; None addresses no tenant (the authorize form)."""
        checked = clouds.check_tenant_id(tenant_id, variable=VARIABLES["tenant_id"]) if tenant_id is not None else None
        state, expires_at = self._state(checked)
        url = consent.build_url(
            self._params["form"],
            self._cloud.authority_url,
            checked or "common",
            self.client_id,
            self._scope,
            self._redirect_uri,
            state,
        )
        return {"url": url, "state": state, "expires_at": expires_at}

    def _state(self, tenant_id: str | None) -> tuple[str | None, str | None]:
        key = self._params["state_key"]
        if not key:
            return self._params["state"] or None, None
        if tenant_id is None:
            raise OptionError("state_key signs a state for one tenant: give tenant_id or tenants")
        lifetime = self._params["state_lifetime"] * _DAY
        signed = consent.sign_state(key, tenant_id, self.client_id, lifetime, time.time())
        return signed.value, timestamps.render_seconds(signed.expires_at)


def _of_fleet(task: TaskContext, link: _LinkMaker, tenant: Tenant) -> TenantLink:
    try:
        clouds.check_tenant_id(tenant.tenant_id, variable=VARIABLES["tenant_id"])
    except OptionError as error:
        task.warn(f"no consent link for {tenant.name}: {error}")
        return {
            "name": tenant.name,
            "tenant_id": tenant.tenant_id,
            "msg": str(error),
            "url": None,
            "state": None,
            "expires_at": None,
        }
    return {"name": tenant.name, "tenant_id": tenant.tenant_id, "msg": None, **link.make(tenant.tenant_id)}


def _permissions(given: dict[str, list[str]] | None) -> dict[str, list[str]]:
    """Return the permissions per API that were asked for; by default what reading incidents needs."""
    if not given or not any(given.values()):
        return {permissions.DEFAULT.name: [permissions.DEFAULT.default_role]}
    return {
        name: permissions.check_roles(api, given[name], f"permissions.{name}")
        for name, api in permissions.APIS.items()
        if given.get(name)
    }


def _scope(wanted: dict[str, list[str]], cloud: Cloud) -> str:
    """One static scope is enough: `.default` grants every permission that the registration lists, of whichever API.

    It is that of Microsoft Graph where that is asked for: every tenant has it, but not every one has the other API.

    Source: learn.microsoft.com, "Admin consent on the Microsoft identity platform".
    """
    return f"{permissions.resource_of(permissions.APIS[next(iter(wanted))], cloud)}/.default"


OPERATION = Operation(
    ARGUMENTS, run=run, returns=ConsentUrlResult, constraints=CONSTRAINTS, variables=VARIABLES, settings=SETTINGS
)
