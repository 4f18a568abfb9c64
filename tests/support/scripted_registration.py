# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provider's tenant as the registration of an application meets it, at the scripted server."""

from __future__ import annotations

from typing import Any

from support.scripted_entra import ScriptedEntra
from support.scripted_graph import (
    API_PRINCIPAL_ID,
    APP_ID,
    CREATED,
    DONE,
    PRINCIPAL_ID,
    UNIQUE_NAME,
    application,
    applications,
    by_key,
    principal_of,
)
from support.scripted_server import Answer
from support.scripted_tasks import RegistrarTask

from ansible_collections.mssp.defender.plugins.module_utils._core.identity.permissions import GRAPH, XDR
from ansible_collections.mssp.defender.plugins.module_utils._operations.operation import Operation

READ = "Incident.Read.All"
NAMED = by_key("applications", "uniqueName", UNIQUE_NAME)
NUMBERED = by_key("applications", "appId", APP_ID)
PRINCIPAL = by_key("servicePrincipals", "appId", APP_ID)
PRINCIPALS = "/v1.0/servicePrincipals"
ASSIGNED_TO = f"{PRINCIPALS}/{API_PRINCIPAL_ID}/appRoleAssignedTo"
ASSIGNMENTS = f"{PRINCIPALS}/{PRINCIPAL_ID}/appRoleAssignments"
GRAPH_PRINCIPAL_ID = "88888888-8888-4888-8888-888888888888"


def asking(*names: str) -> list[dict[str, Any]]:
    """Return `requiredResourceAccess` for app roles of the XDR API."""
    access = [{"id": XDR.roles[name], "type": "Role"} for name in names]
    return [{"resourceAppId": XDR.app_id, "resourceAccess": access}]


class ScriptedHome:
    """The home tenant: both APIs are there, and no application, until a test registers one."""

    def __init__(self, entra: ScriptedEntra, operation: Operation) -> None:
        self.task = RegistrarTask(operation, entra)
        self.server = entra.server
        for api, principal_id in ((XDR, API_PRINCIPAL_ID), (GRAPH, GRAPH_PRINCIPAL_ID)):
            self.server.script(
                by_key("servicePrincipals", "appId", api.app_id), Answer(principal_of(api, principal_id))
            )
        self.server.script(NAMED, Answer(application(requiredResourceAccess=asking(READ)), CREATED), method="PATCH")
        self.server.script(PRINCIPALS, Answer({"id": PRINCIPAL_ID}, CREATED), method="POST")
        self.server.script(ASSIGNED_TO, Answer({"id": "a1"}, CREATED), method="POST")
        self.server.script(ASSIGNMENTS, Answer({"value": []}))
        self.server.script(applications("/owners"), Answer({"value": [{"id": "o1"}]}))

    def registers(self, *granted: str, **changes: Any) -> None:
        """Let the application be there, with a service principal that has these app roles of the XDR API."""
        found = application(**changes)
        for path in (NAMED, NUMBERED, applications()):
            self.server.script(path, Answer(found), method="GET")
        self.server.script(applications(), DONE, method="PATCH")
        self.server.script(applications(), DONE, method="DELETE")
        self.server.script(PRINCIPAL, Answer({"id": PRINCIPAL_ID}))
        held = [{"id": f"grant of {name}", "appRoleId": XDR.roles[name]} for name in granted]
        self.server.script(ASSIGNMENTS, Answer({"value": [{**each, "resourceId": API_PRINCIPAL_ID} for each in held]}))
