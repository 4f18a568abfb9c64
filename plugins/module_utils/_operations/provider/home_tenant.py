# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provider's own tenant, where the application is registered: how to reach its directory, and what to answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ..._core import clouds, errors, waiting
from ..._core.clouds import Cloud
from ..._core.errors import OptionError, Reason, TenantError
from ..._core.graph import Graph
from ..._core.identity import permissions
from ..._core.identity.access import Target
from ..._core.identity.credentials import Credential
from ..._core.identity.token_cache import TokenCache
from ..._core.identity.tokens import TokenSource
from ..._core.registration.directory import Application, Directory
from ..._core.results import Refusal, Result
from ..._core.showing import shown
from ..operation import Constraints, OptionSpec
from ..options import CONNECTION, OF_REGISTRAR, SIGN_IN
from ..session import Session
from ..task_context import TaskContext

T = TypeVar("T")

ARGUMENTS: dict[str, OptionSpec] = {
    **CONNECTION,
    **SIGN_IN,
    "tenant_id": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str"},
    "app_id": {"type": "str"},
    "unique_name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "settle_wait": {"type": "int", "default": 300},
}
CONSTRAINTS: Constraints = {"required_one_of": [("app_id", "unique_name")]}
VARIABLES = OF_REGISTRAR

_LONGEST_UNIQUE_NAME = 256
# a new secret is refused for 4 to 18 seconds; Entra ID refuses a request that comes 15 times within five minutes
_FIRST_POLL_SECONDS = 2
_LONGEST_POLL_SECONDS = 30
# a typing error should not cost minutes
_LONGEST_AWAITED_SECONDS = 20
_PASSING = (errors.BAD_CREDENTIAL, errors.NOT_CONSENTED)


class RefusedResult(Result, Refusal, total=False):
    """What a task in the provider's tenant returns where Microsoft refuses something."""


class SharedResult(Result, total=False):
    """What became of an application that `hosts` share, with what the operation returned for it.

    `dest` is the file that keeps its credential, in a task that keeps one.
    """

    hosts: list[str]
    unique_name: str | None
    dest: str


class RegistrarResult(RefusedResult, total=False):
    """What a task in the provider's tenant returns, in all its forms: for one application, and for those of hosts.

    `failing` says why a host fails the task, and `client_ids` the ID of its application, by the host's name.
    """

    applications: list[SharedResult]
    failing: dict[str, str]
    client_ids: dict[str, str]


class Home:
    """The home tenant as seen by the caller of the task. Raises OptionError for options that cannot work."""

    def __init__(self, task: TaskContext) -> None:
        params = task.params
        self._app_id = clouds.check_app_id(params["app_id"]) if params["app_id"] else None
        self._unique_name = _check_unique_name(params["unique_name"]) if params["unique_name"] else None
        if not self._app_id and not self._unique_name:
            raise OptionError("app_id and unique_name are both empty: one of them must say which application is meant")
        self.session = Session(task, VARIABLES)
        self.cloud: Cloud = self.session.cloud
        self.settle_seconds: int = params["settle_wait"]
        self._tenant = clouds.check_tenant_id(params["tenant_id"])
        self.patience = self.session.patience()
        target = Target(permissions.resource_of(permissions.GRAPH, self.cloud), permissions.GRAPH.app_id)
        graph = Graph(
            self.cloud.graph_url,
            self.session.transport,
            self.session.access(self._tenant, target, [], self.patience),
            self.patience,
            self.session.caller.name,
            self.settle_seconds,
            is_signed_in=self.session.caller.is_signed_in,
        )
        self.directory = Directory(graph)

    def tenant_guid(self) -> str:
        """Return the tenant's id, looked up where a domain was given."""
        return waiting.wait_out(self.session.authority.tenant_guid, self._tenant, self.patience)

    def find(self) -> Application | None:
        """Return the application that the task names, or None.

        Raises TenantError where its two names belong to two applications.
        """
        by_id = self.directory.application("appId", self._app_id) if self._app_id else None
        by_name = self.directory.application("uniqueName", self._unique_name) if self._unique_name else None
        if self._app_id and by_name and by_name["appId"] != self._app_id:
            raise _conflict(f"the unique name '{self._unique_name}' belongs to application {by_name['appId']}")
        if by_id and self._unique_name and by_id.get("uniqueName") not in (None, self._unique_name):
            raise _conflict(f"application {self._app_id} has the unique name '{by_id['uniqueName']}' already")
        return by_id or by_name

    def require(self) -> Application:
        """Return the application that the task names, which may have been made a moment ago.

        Raises TenantError where there is none.
        """
        application = self.find()
        if application is None and not self._owner_elsewhere():
            application = self._awaited(self.find)
        if application is None:
            raise self.no_such_application()
        return application

    def check_principal(self, app_id: str, remedy: str = "run defender_application first, which makes it") -> str:
        """Return the object id of the application's service principal, without which it gets no token here.

        Raises TenantError where there is none.
        """
        principal = self._awaited(lambda: self.directory.service_principal(app_id))
        if principal is None:
            meaning = f"application {app_id} has no service principal in this tenant"
            raise TenantError(Reason(errors.ERROR, meaning, remedy))
        return str(principal["id"])

    def _awaited(self, read: Callable[[], T | None]) -> T | None:
        """Return what is read, after a while for an object that the directory may not know everywhere yet."""
        seconds = min(self.settle_seconds, _LONGEST_AWAITED_SECONDS)
        return waiting.until(read, seconds, itertools.repeat(_FIRST_POLL_SECONDS))

    def no_such_application(self) -> TenantError:
        """Return the error for an application that is not registered here, and say where it is if that shows."""
        label = f"application {self._app_id}" if self._app_id else f"an application named '{self._unique_name}'"
        if owner := self._owner_elsewhere():
            why = f"{label} is registered in tenant {owner}, and is only used in this one"
            return TenantError(Reason(errors.ERROR, why, "run the task with that tenant's id and credential"))
        remedy = "correct app_id or tenant_id" if self._app_id else "register it with defender_application first"
        return TenantError(Reason(errors.ERROR, f"{label} is not registered in this tenant", remedy))

    def _owner_elsewhere(self) -> str | None:
        """Return the other tenant that the application is registered in, where that shows."""
        principal = self.directory.service_principal(self._app_id) if self._app_id else None
        owner = principal.get("appOwnerOrganizationId") if principal else None
        return owner if owner != self.tenant_guid() else None

    def wait_for_token(self, app_id: str, credential: Credential) -> None:
        """Return when the application gets a token with this credential, which takes a while after it was added.

        Raises TenantError with the last refusal when it never does.
        """
        resource = permissions.resource_of(permissions.GRAPH, self.cloud)
        tenant = self.tenant_guid()
        nothing_kept = TokenCache(None, credential.cipher())
        source = TokenSource(app_id, credential, self.session.authority, self.session.transport, nothing_kept)
        for _try in waiting.tries(self.settle_seconds, waiting.growing(_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS)):
            try:
                waiting.wait_out(source.acquire, tenant, resource, "v2", self.patience)
                return
            except TenantError as error:
                if error.reason.state not in _PASSING:
                    raise
                refusal = error.reason
        remedy = "run again later, or raise settle_wait"
        raise TenantError(replace(refusal, remedy=remedy, who=errors.PROVIDER))

    def run(self, work: Callable[[], Result]) -> Result:
        """Do the work and return the task's result; a refusal becomes `failed` with its reason."""
        try:
            return {"changed": False, "failed": False, **work()}
        except TenantError as error:
            msg = f"tenant {self._tenant}: {error.reason.sentence()}"
            refused: RefusedResult = {
                "changed": False,
                "failed": True,
                **error.reason.to_result(),
                **error.details,
                "msg": msg,
            }
            return refused


def _check_unique_name(name: str) -> str:
    if len(name) > _LONGEST_UNIQUE_NAME or name != name.strip():
        raise OptionError(f"unique_name {shown(name)} is too long, or has blanks around it: choose a short name")
    return name


def _conflict(why: str) -> TenantError:
    meaning = f"app_id and unique_name name two applications: {why}"
    return TenantError(Reason(errors.ERROR, meaning, "correct one of them"))
