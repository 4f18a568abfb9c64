# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""App management policies as Graph shows them. Sources: learn.microsoft.com, tenantappmanagementpolicy-get,
appmanagementpolicy.
"""

from __future__ import annotations

from starlette.responses import Response

from defender_emulator.graph_directory import access
from defender_emulator.graph_directory.applications import find_application
from defender_emulator.graph_directory.calls import Call, list_response, object_response


async def get_default(call: Call) -> Response:
    """``GET /policies/defaultAppManagementPolicy``"""
    access.may_read_policies(call)
    return object_response(
        call, "policies/defaultAppManagementPolicy", call.directory.app_policies.default(call.tenant)
    )


async def list_of_application(call: Call) -> Response:
    """``GET /applications/{id}/appManagementPolicies``: one at most"""
    access.may_read_policies(call)
    own = call.directory.app_policies.own(find_application(call).client_id)
    return list_response(call, "policies/appManagementPolicies", [own] if own else [])
