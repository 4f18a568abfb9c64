# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One moving tenant at its service, and readers of it."""

from __future__ import annotations

from typing import Any

from support.scripted_entra import TENANT, ScriptedTenant
from unit.moving.service import Manner, MovingService
from unit.moving.tenant import DAY, START, MovingTenant, Version

from ansible_collections.mssp.defender.plugins.module_utils._core.reading.dialects import XDR_INCIDENTS, Dialect
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.queries import Query
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.reader import Reader
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.patience import Patience

SINCE = START - 30 * DAY
MOMENT = START - DAY


class Scene:
    """One tenant at the service, and readers of it."""

    def __init__(self, service: MovingService, scripted: ScriptedTenant) -> None:
        self.service = service
        self.tenant = MovingTenant()
        self.manner = Manner()
        self._scripted = scripted
        service.tenants = {TENANT: (self.tenant, self.manner)}

    def reader(
        self, dialect: Dialect = XDR_INCIDENTS, patience: Patience | None = None, since: int = SINCE, **options: Any
    ) -> Reader:
        query = Query(updated_after=since, **options.pop("query", {}))
        return Reader(self._scripted.calls(patience), dialect, query, **options)

    def redirect(self, incident: int, target: int, moment: int = MOMENT) -> Version:
        version = self.tenant.put(incident, moment)
        version.status, version.target = "Redirected", target
        return version

    def filters(self) -> list[str]:
        return [request.query["$filter"] for request in self.service.requests if "$filter" in request.query]


def ids(reader: Reader) -> list[str]:
    return [str(record.get("incidentId") or record.get("id")) for page in reader.pages() for record in page]
