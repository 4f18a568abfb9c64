# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One tenant, asked again and again: its incidents and the changes of its state as events, each once."""

from __future__ import annotations

import json
import logging
import uuid
from pathlib import Path
from typing import TypeAlias, TypedDict

from ..._core import files, timestamps
from ..._core.characters import plain
from ..._core.errors import GRANTED, NOBODY, Postponed, TenantError
from ..._core.outcomes import Outcome, Tenant
from ..._core.reading.harmless import harmless
from ..._core.reading.normalized import normalized
from ..._core.reading.portal import Portal
from ..._core.wire.records import JsonObject, Record, check_depth
from .outage_events import OF_PROVIDER, OutageEvent
from .tenant_read import ReadRequest, TenantRead

LOG = logging.getLogger("mssp.defender.incidents")

_EVENTS = uuid.uuid5(uuid.NAMESPACE_DNS, "incidents.defender.mssp")


class Meta(TypedDict, total=False):
    """What ansible-rulebook itself reads of an event: whom it is about, and what tells it from all others."""

    hosts: str
    uuid: str


class IncidentEvent(TypedDict):
    """A new version of an incident."""

    incident: JsonObject
    tenant_id: str
    customer: str
    api: str
    meta: Meta


class CustomerState(TypedDict):
    """Where a customer stands, and stood `before` if that is known; where it is granted there is no reason to tell."""

    customer: str
    tenant_id: str
    state: str
    before: str | None
    msg: str
    meaning: str | None
    remedy: str | None
    who: str
    code: str | None


class StateEvent(TypedDict):
    """A customer's new state."""

    customer_state: CustomerState
    meta: Meta


Event: TypeAlias = IncidentEvent | StateEvent | OutageEvent


class Poll:
    """What is new of one tenant since the last time, across restarts: files keep the checkpoint and the state."""

    def __init__(self, request: ReadRequest, tenant: Tenant, checkpoint: Path) -> None:
        self.tenant = tenant
        self._request = request
        self._checkpoint = checkpoint
        self._state_file = checkpoint.with_name(f"{tenant.name}.state")
        self._state = _read_state(self._state_file)
        self._read: TenantRead | None = None
        self._quarantined: set[str | None] = set()

    def step(self) -> list[IncidentEvent]:
        """Return the next events; none when the poll has come to its end.

        The caller has handed over those of the step before, which is when the checkpoint moves past them.
        Raises Postponed, and then goes on where it stopped, or TenantError.
        """
        if self._read:
            self._read.settle_part()
        read = self._read = self._read or TenantRead(self._request, self.tenant, self._checkpoint)
        try:
            for page in read.pages():
                if page:
                    return [self._event(record, read.portal) for record in page]
        except Postponed:
            read.settle_part()
            raise
        except TenantError:
            read.settle_part()
            self._read = None
            raise
        except Exception:
            # its page was not handed over: the next poll reads it again
            self._read = None
            raise
        # a checkpoint that cannot be written is tried again with the next poll, and until then nothing is read twice
        read.settle()
        self._read = None
        self._tell_quarantined({left_out.id for left_out in read.reader.quarantined})
        return []

    def change_of_state(self, outcome: Outcome[object]) -> StateEvent | None:
        """Return the event that tells of the tenant's new state; None where it is not news of the customer's."""
        if outcome.state == (self._state or GRANTED) or outcome.state in OF_PROVIDER:
            return None
        reason = outcome.reason
        state: CustomerState = {
            "customer": self.tenant.name,
            "tenant_id": self.tenant.tenant_id,
            "state": outcome.state,
            "before": self._state,
            "msg": outcome.sentence(),
            "meaning": reason.meaning if reason else None,
            "remedy": reason.remedy if reason else None,
            "who": reason.acts if reason else NOBODY,
            "code": reason.code if reason else None,
        }
        return {"customer_state": harmless(state), "meta": {"hosts": self.tenant.name}}

    def remember_state(self, outcome: Outcome[object]) -> None:
        """Keep the state, after its event has been handed over. One of the provider's leaves it as it is."""
        if outcome.state != self._state and outcome.state not in OF_PROVIDER:
            self._state = outcome.state
            files.replace_private(self._state_file, json.dumps({"state": outcome.state}) + "\n")

    def _event(self, record: Record, portal: Portal | None) -> IncidentEvent:
        dialect = self._request.dialect
        check_depth(record, dialect.records, "read it with defender_incidents and dest, and begin behind it")
        incident = {**record, "normalized": normalized(record, portal)} if self._request.normalizes else dict(record)
        # both APIs have the same ids and times, which one may write with more digits
        updated = timestamps.ticks_or_none(record.get(dialect.updated_field))
        version = (self.tenant.tenant_id, dialect.records, str(record.get(dialect.id_field)), updated)
        return {
            # ansible-rulebook hands events to playbooks as variables, which are templated
            "incident": harmless(incident),
            "tenant_id": self.tenant.tenant_id,
            "customer": self.tenant.name,
            "api": self._request.api.name,
            # an incident that comes twice in the same version, after a crash, can be told by the same name
            "meta": {"hosts": self.tenant.name, "uuid": str(uuid.uuid5(_EVENTS, json.dumps(version)))},
        }

    def _tell_quarantined(self, ids: set[str | None]) -> None:
        for identity in ids - self._quarantined:
            LOG.warning(
                "%s: incident %s cannot be read; every poll tries it again",
                self.tenant.name,
                plain(identity or "(unnamed)"),
            )
        self._quarantined = ids


def _read_state(path: Path) -> str | None:
    try:
        return str(json.loads(files.read_text(path) or "")["state"])
    except (ValueError, TypeError, KeyError):
        return None
