# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``GET /organization``: the tenant itself. Source: learn.microsoft.com, organization-list."""

from __future__ import annotations

from starlette.responses import Response

from defender_emulator.graph_directory import access
from defender_emulator.graph_directory.calls import Call
from defender_emulator.graph_directory.queries import answer_list


async def list_organization(call: Call) -> Response:
    """A list of one."""
    access.may_read_organization(call)
    tenant = call.tenant
    domain = {
        "capabilities": "Email, OfficeCommunicationsOnline",
        "isDefault": True,
        "isInitial": True,
        "name": tenant.domain,
        "type": "Managed",
    }
    document = {
        "id": tenant.tenant_id,
        "deletedDateTime": None,
        "displayName": tenant.title,
        "tenantType": "AAD",
        "verifiedDomains": [domain],
    }
    return answer_list(call, "organization", "organization", [document], {})
