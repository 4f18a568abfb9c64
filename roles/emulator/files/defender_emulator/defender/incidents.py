# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The incidents of each tenant: those it has at first, made when first asked for, and what became of them."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from defender_emulator import json_text, timestamps
from defender_emulator.defender import generator
from defender_emulator.defender.documents import GRAPH_ONLY, IncidentDocument
from defender_emulator.entra.tenants import Tenant
from defender_emulator.store import Store

_ID = re.compile(r"[0-9]{1,18}")
_KIND = "incident"
_HAS_GRAPH_ONLY = f'"{GRAPH_ONLY}":'.encode()


@dataclass(slots=True)
class Incident:
    """One incident: the fields that filters look at, and the whole as JSON in the Defender XDR API's form.

    ``created`` and ``updated`` are ticks. ``json`` is kept instead of objects because a thousand tenants are.
    """

    incident_id: int
    created: int
    updated: int
    status: str
    severity: str
    assigned_to: str | None
    classification: str
    determination: str
    json: bytes

    @classmethod
    def of(cls, document: IncidentDocument) -> Incident:
        """The incident that a document of the XDR API describes."""
        return cls(
            document["incidentId"],
            timestamps.read(document["createdTime"]),
            timestamps.read(document["lastUpdateTime"]),
            document["status"],
            document["severity"],
            document["assignedTo"],
            document["classification"],
            document["determination"],
            json_text.write(document),
        )

    @property
    def xdr_json(self) -> bytes:
        """What the Defender XDR API shows."""
        return json_text.write(xdr_form(self.document())) if _HAS_GRAPH_ONLY in self.json else self.json

    def document(self) -> IncidentDocument:
        """The whole incident in the XDR API's form, with what only Graph shows."""
        document: IncidentDocument = json.loads(self.json)
        return document


class IncidentArchive:
    """Every tenant's incidents, in no particular order, with what was changed, added and removed."""

    def __init__(self, store: Store, epoch: int) -> None:
        self._store = store
        self._epoch = epoch
        self._by_tenant: dict[str, tuple[int, dict[int, Incident]]] = {}
        # each with its place among the tenant's incidents; made when first needed after a change
        self._by_update: dict[str, list[tuple[int, Incident]]] = {}
        # None: removed
        self._changed: dict[str, dict[int, IncidentDocument | None]] = {}
        for key, document in store.all(_KIND).items():
            tenant_id, _mark, incident_id = key.partition("/")
            self._changed.setdefault(tenant_id, {})[int(incident_id)] = document

    def of(self, tenant: Tenant) -> dict[int, Incident]:
        """The tenant's incidents by id."""
        count = tenant.settings.incident_count
        if count is None:
            count = generator.usual_count(tenant)
        known = self._by_tenant.get(tenant.tenant_id)
        if known is not None and known[0] == count:
            return known[1]
        changed = self._changed.get(tenant.tenant_id, {})
        incidents = {}
        for number in range(count):
            incident_id = generator.incident_id(tenant, number)
            if incident_id not in changed:
                incidents[incident_id] = Incident.of(generator.make(tenant, number, self._epoch))
            elif document := changed[incident_id]:
                incidents[incident_id] = Incident.of(document)
        for incident_id, document in changed.items():
            if document and incident_id not in incidents:
                incidents[incident_id] = Incident.of(document)
        self._by_tenant[tenant.tenant_id] = (count, incidents)
        self._by_update.pop(tenant.tenant_id, None)
        return incidents

    def updated_between(self, tenant: Tenant, least: float, greatest: float) -> Iterable[Incident]:
        """Those of the tenant's incidents whose last update lies between, in ticks, both included; in the order of all.

        Of many incidents this finds few without looking at each.
        """
        incidents = self.of(tenant).values()
        if least == -math.inf and greatest == math.inf:
            return incidents
        if tenant.tenant_id not in self._by_update:
            self._by_update[tenant.tenant_id] = sorted(enumerate(incidents), key=_updated)
        by_update = self._by_update[tenant.tenant_id]
        first = bisect_left(by_update, least, key=_updated)
        end = bisect_right(by_update, greatest, key=_updated)
        return [incident for _place, incident in sorted(by_update[first:end])]

    def find(self, tenant: Tenant, incident_id: str) -> Incident | None:
        """The incident whose id a client wrote, if it is one."""
        return self.of(tenant).get(int(incident_id)) if _ID.fullmatch(incident_id) else None

    def save(self, tenant: Tenant, *documents: IncidentDocument) -> None:
        """Replace incidents by their changed documents, or add them."""
        incidents = {document["incidentId"]: Incident.of(document) for document in documents}
        self.of(tenant).update(incidents)
        self._by_update.pop(tenant.tenant_id, None)
        changed = self._changed.setdefault(tenant.tenant_id, {})
        with self._store.transaction():
            for document in documents:
                changed[document["incidentId"]] = document
                self._store.put(_KIND, f"{tenant.tenant_id}/{document['incidentId']}", document)

    def remove(self, tenant: Tenant, incident: Incident) -> None:
        """Forget one incident, for ever."""
        del self.of(tenant)[incident.incident_id]
        self._by_update.pop(tenant.tenant_id, None)
        self._changed.setdefault(tenant.tenant_id, {})[incident.incident_id] = None
        self._store.put(_KIND, f"{tenant.tenant_id}/{incident.incident_id}", None)


def xdr_form(document: IncidentDocument) -> dict[str, object]:
    """The document without what only Graph shows."""
    alerts = [{name: value for name, value in alert.items() if name != GRAPH_ONLY} for alert in document["alerts"]]
    return {**{name: value for name, value in document.items() if name != GRAPH_ONLY}, "alerts": alerts}


def _updated(placed: tuple[int, Incident]) -> int:
    return placed[1].updated


def change_moment(document: IncidentDocument) -> int:
    """When a change of the incident takes place, in ticks: now, and in any case after the one before."""
    return max(timestamps.now(), timestamps.read(document["lastUpdateTime"]) + 1)
