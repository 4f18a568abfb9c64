# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the application's registration as declared: its settings, its service principal, its grants at home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypedDict

from ..._core import clouds, errors
from ..._core.characters import plain
from ..._core.errors import Reason, TenantError
from ..._core.identity import consent, permissions
from ..._core.identity.permissions import APIS, ServicePrincipal
from ..._core.registration import declaration
from ..._core.registration.declaration import Declared, Described
from ..._core.registration.directory import Application, OwnPrincipal
from ..._core.registration.remarks import Remark
from ..._core.registration.zero_trust import Finding
from ..._core.results import Result
from ..operation import Operation, OptionSpec
from ..options import PREFIX
from ..task_context import TaskContext
from . import home_tenant, standing
from .home_tenant import Home, RegistrarResult
from .standing import Behind

ITSELF = "self"
"""The owner of the registrar's own registration."""

ARGUMENTS: dict[str, OptionSpec] = {
    **home_tenant.ARGUMENTS,
    "display_name": {"type": "str"},
    "sign_in_audience": {
        "type": "str",
        "choices": list(declaration.AUDIENCES),
        "default": declaration.AUDIENCES[0],
    },
    "redirect_uris": {"type": "list", "elements": "str"},
    "permissions": {
        "type": "dict",
        "options": {name: {"type": "list", "elements": "str"} for name in APIS},
    },
    "grant": {"type": "bool", "default": True},
    "property_lock": {"type": "bool", "default": True},
    "owner": {"type": "str"},
}
CONSTRAINTS = home_tenant.CONSTRAINTS
VARIABLES = home_tenant.VARIABLES


class RegisteredApplication(Described, Behind):
    """The facts of a registration; what only a real run would know is None in check mode."""

    app_id: str | None
    object_id: str | None
    unique_name: str | None
    service_principal_id: str | None
    granted: dict[str, list[str]]
    home_tenant_id: str
    cloud: str


class RemovedApplication(TypedDict):
    """What can be told of an application that is gone."""

    app_id: str
    object_id: str
    unique_name: str | None
    display_name: str | None


class ApplicationResult(RegistrarResult, total=False):
    """The application as registered, and what it asks for since this run; or what was removed."""

    application: RegisteredApplication
    remarks: list[Remark]
    zero_trust: list[Finding]
    added_permissions: dict[str, list[str]]
    removed: RemovedApplication | None


def run(task: TaskContext) -> Result:
    """Return the facts of the application, or what was removed. Raises OptionError before anything is touched."""
    params = task.params
    for uri in params["redirect_uris"] or []:
        consent.check_redirect_uri(uri, "redirect_uris")
    home = Home(task)
    if params["owner"] and params["owner"] != ITSELF:
        clouds.check_app_id(params["owner"], "owner")
    if params["state"] == "absent":
        return home.run(lambda: _remove(home, task.check_mode))
    return home.run(_Registration(task, home))


def _remove(home: Home, check_mode: bool) -> ApplicationResult:
    application = home.find()
    if application is None:
        return {"removed": None}
    if not check_mode:
        home.directory.delete_application(application["id"])
    removed: RemovedApplication = {
        "app_id": application["appId"],
        "object_id": application["id"],
        "unique_name": application.get("uniqueName"),
        "display_name": application.get("displayName"),
    }
    return {
        "changed": True,
        "msg": f"{'would remove' if check_mode else 'removed'} application {removed['app_id']} "
        f"({removed['display_name']}) and its service principal",
        "removed": removed,
        "diff": {"before": removed, "after": {}},
    }


class _Registration:
    """One run of the task, step by step; `_before` and `_after` hold what changed, in the operator's words."""

    def __init__(self, task: TaskContext, home: Home) -> None:
        self._task = task
        self._params = task.params
        self._home = home
        self._directory = home.directory
        self._before: dict[str, object] = {}
        self._after: dict[str, object] = {}
        self._roles: dict[str, Mapping[str, str]] = {}
        self._resources: dict[str, ServicePrincipal | None] = {}
        self._known: dict[str, Mapping[str, str]] = {}

    def __call__(self) -> ApplicationResult:
        try:
            return self._register()
        except TenantError as error:
            # what came before the refusal is changed all the same
            self._tell_changes(error.details)
            raise

    def _register(self) -> ApplicationResult:
        self._resolve_permissions()
        declared = Declared(
            self._params["display_name"],
            self._params["sign_in_audience"],
            self._params["redirect_uris"],
            self._roles,
            self._params["property_lock"],
        )
        found = self._home.find()
        if found is None and self._params["app_id"]:
            raise self._home.no_such_application()
        application = self._create(declared) if found is None else self._update(found, declared)
        principal = self._service_principal(application)
        principal_id = principal["id"] if principal else None
        granted = self._grant(principal_id)
        self._hand_over(application, principal_id)
        behind, judged = standing.read(self._directory, application, principal)
        described = declaration.describe(application, self._known)
        added = self._added_permissions(found, described["permissions"])
        result: ApplicationResult = {
            "application": {
                "app_id": application.get("appId"),
                "object_id": application.get("id"),
                "unique_name": application.get("uniqueName"),
                **described,
                "service_principal_id": principal_id,
                "granted": granted,
                **behind,
                "home_tenant_id": self._home.tenant_guid(),
                "cloud": self._home.cloud.name,
            },
            "remarks": judged["remarks"],
            "zero_trust": judged["zero_trust"],
            "added_permissions": added,
        }
        if added:
            result["msg"] = _consent_again(added, self._task.check_mode)
        self._tell_changes(result)
        return result

    def _resolve_permissions(self) -> None:
        """Turn names into ids, by what each API's service principal publishes, or else by our own table."""
        wanted = {api: names for api, names in (self._params["permissions"] or {}).items() if names is not None}
        for api in wanted:
            self._resources[api] = self._directory.service_principal(APIS[api].app_id)
        for name, api in APIS.items():
            principal = self._resources.get(name)
            known = permissions.published(principal) if principal else permissions.offline(api)
            self._known[name] = {**api.roles, **known.roles}
            if name in wanted:
                self._roles[name] = permissions.resolve(api, wanted[name], f"permissions.{name}", known)

    def _create(self, declared: Declared) -> Application:
        unique_name = self._params["unique_name"]
        body = declaration.creation(unique_name, declared)
        application: Application | None = {**body, "uniqueName": unique_name}
        self._directory.app_policies(None).check_audience(body["signInAudience"])
        if not self._task.check_mode:
            application = self._created(unique_name, body)
        if application is None:
            # another run made it a moment ago, and this one has changed it
            application = self._directory.application("uniqueName", unique_name, settle=True)
        if application is None:
            meaning = f"'{unique_name}' was created by another run a moment ago, and cannot be read yet"
            raise TenantError(Reason(errors.ERROR, meaning, "run again later, or raise settle_wait"))
        after = self._fields(application)
        self._note({}, {field: value for field, value in after.items() if value})
        return application

    def _created(self, unique_name: str, body: Application) -> Application | None:
        try:
            return self._directory.create_application(unique_name, body)
        except TenantError as error:
            # a cloud or a policy may not take it
            is_about_lock = "servicePrincipalLockConfiguration" in error.reason.meaning
            raise _or_without_lock(error) if is_about_lock else error from None

    def _update(self, found: Application, declared: Declared) -> Application:
        changes = declaration.changes(found, declared)
        if self._params["unique_name"] and not found.get("uniqueName"):
            changes["uniqueName"] = self._params["unique_name"]
        lock: Application = {}
        if "servicePrincipalLockConfiguration" in changes:
            lock["servicePrincipalLockConfiguration"] = changes.pop("servicePrincipalLockConfiguration")
        if "signInAudience" in changes:
            self._directory.app_policies(found).check_audience(changes["signInAudience"])
        changed = self._change(found, changes, "change the application")
        self._warn_of_broken_links(found, changed)
        try:
            # by itself, so that a refusal is about nothing else
            return self._change(changed, lock, "set the property lock of the application")
        except TenantError as error:
            raise _or_without_lock(error) from None

    def _change(self, found: Application, changes: Application, purpose: str) -> Application:
        if changes and not self._task.check_mode:
            self._directory.update_application(found["id"], changes, purpose)
        changed: Application = {**found, **changes}
        before, after = self._fields(found), self._fields(changed)
        differing = [field for field in before if before[field] != after[field]]
        self._note({field: before[field] for field in differing}, {field: after[field] for field in differing})
        return changed

    def _warn_of_broken_links(self, found: Application, changed: Application) -> None:
        """Say which consent links end in an error now: Entra ID redirects to registered addresses only."""
        gone = sorted(set(declaration.redirect_uris(found)) - set(declaration.redirect_uris(changed)))
        if gone:
            self._task.warn(
                f"the application loses the redirect URI {plain(', '.join(gone))}: consent links that name it, those "
                "mailed already too, end in AADSTS50011. Mail new links, or keep it in redirect_uris for a while"
            )

    def _service_principal(self, application: Application) -> OwnPrincipal | None:
        """Return the application's service principal at home; None while it is only planned."""
        app_id = application.get("appId")
        principal = self._directory.whole_service_principal(app_id) if app_id else None
        if principal is None:
            if not self._task.check_mode:
                principal = self._directory.create_service_principal(str(app_id))
            self._note({"service_principal": False}, {"service_principal": True})
        return principal

    def _hand_over(self, application: Application, principal_id: str | None) -> None:
        """Make the registrar an owner, so that it can go on by itself with what somebody signed in has made.

        Nobody else may: with `Application.ReadWrite.OwnedBy` no application makes owners.
        """
        owner = self._params["owner"]
        if not owner or not self._home.session.caller.is_signed_in:
            return
        remedy = "correct owner, which is left to partner_access_registrar_client_id"
        owner_id = principal_id if owner == ITSELF else self._home.check_principal(owner.lower(), remedy)
        object_id = application.get("id")
        if not object_id or owner_id not in self._directory.owners(object_id):
            if object_id and owner_id and not self._task.check_mode:
                self._directory.add_owner(object_id, owner_id)
            self._note({"owner": None}, {"owner": owner})

    def _grant(self, principal_id: str | None) -> dict[str, list[str]]:
        """Grant what is declared and take back what no longer is; return what is granted of the declared APIs."""
        held = self._directory.assignments(principal_id) if principal_id else []
        granted: dict[str, list[str]] = {}
        for api, roles in self._roles.items():
            resource = self._resources[api]
            if resource is None:
                self._task.warn(f"this tenant has no {APIS[api].title}, so nothing of it can be granted here")
                granted[api] = []
                continue
            assignments = {item["appRoleId"]: item["id"] for item in held if item["resourceId"] == resource["id"]}
            if self._params["grant"]:
                self._settle_grants(api, principal_id, resource["id"], assignments, roles)
            ids = set(roles.values()) if self._params["grant"] else set(assignments)
            granted[api] = declaration.named(ids, self._known[api])
        return granted

    def _settle_grants(
        self,
        api: str,
        principal_id: str | None,
        resource_id: str,
        assignments: Mapping[str, str],
        roles: Mapping[str, str],
    ) -> None:
        wanted, held = set(roles.values()), set(assignments)
        try:
            for role_id in wanted - held:
                if principal_id and not self._task.check_mode:
                    self._directory.assign(principal_id, resource_id, role_id)
                held.add(role_id)
            for role_id in held - wanted:
                if not self._task.check_mode:
                    self._directory.unassign(resource_id, assignments[role_id])
                held.remove(role_id)
        finally:
            before, after = (declaration.named(ids, self._known[api]) for ids in (set(assignments), held))
            if before != after:
                self._note({f"granted.{api}": before}, {f"granted.{api}": after})

    def _added_permissions(
        self, found: Application | None, permissions_now: Mapping[str, list[str]]
    ) -> dict[str, list[str]]:
        """Return what an application that customers may know already asks for since this run."""
        if found is None:
            return {}
        before = declaration.describe(found, self._known)["permissions"]
        added = {api: sorted(set(names) - set(before[api])) for api, names in permissions_now.items()}
        return {api: names for api, names in added.items() if names}

    def _fields(self, application: Application) -> dict[str, object]:
        """Return the application field by field, as a difference shows it."""
        described = declaration.describe(application, self._known)
        by_api = {f"permissions.{api}": names for api, names in described["permissions"].items()}
        others = {name: value for name, value in described.items() if name != "permissions"}
        return {"unique_name": application.get("uniqueName"), **others, **by_api}

    def _note(self, before: Mapping[str, object], after: Mapping[str, object]) -> None:
        self._before.update(before)
        self._after.update(after)

    def _tell_changes(self, result: Result) -> None:
        result["changed"] = self._before != self._after
        if result["changed"]:
            result["diff"] = {"before": self._before, "after": self._after}


def _consent_again(added: Mapping[str, list[str]], check_mode: bool) -> str:
    names = ", ".join(name for api in added.values() for name in api)
    if check_mode:
        return f"customers who consented before would have to consent again, to {names}"
    return f"customers who consented before must consent again, to {names}: hand out the links with onboard"


def _or_without_lock(error: TenantError) -> TenantError:
    remedy = f"{error.reason.remedy}, or set property_lock to false, which leaves the lock as it is"
    return TenantError(replace(error.reason, remedy=remedy), error.details)


OPERATION = Operation(
    ARGUMENTS,
    run=run,
    returns=ApplicationResult,
    constraints=CONSTRAINTS,
    variables=VARIABLES,
    settings={
        **{option: PREFIX + option for option in ("unique_name", "display_name", "permissions", "property_lock")},
        "redirect_uris": f"{PREFIX}redirect_uri",
        "owner": f"{PREFIX}registrar_client_id",
    },
)
