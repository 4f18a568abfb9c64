# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every list call does with its records: choose, order, cut a page; and the faults that strike there."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, TypeVar

from starlette.requests import Request

from defender_emulator import timestamps
from defender_emulator.control.faults import Fault
from defender_emulator.defender.bearer import ApiError
from defender_emulator.defender.incidents import change_moment
from defender_emulator.entra.service_settings import ServiceSettings
from defender_emulator.entra.tenants import Tenant
from defender_emulator.odata import ALL_OPERATORS, Field, QueryError, parse_filter, parse_number
from defender_emulator.world import world_of


class Record(Protocol):
    """What can be listed: an incident, or an alert of one. Moments are in ticks."""

    incident_id: int
    created: int
    updated: int


R = TypeVar("R", bound=Record)


def choose(
    records: Iterable[R],
    options: Mapping[str, str],
    fields: Mapping[str, Field[R]],
    settings: ServiceSettings,
    operators: Collection[str] = ALL_OPERATORS,
) -> list[R]:
    """The records that ``$filter`` lets through, in the order that the settings say."""
    chosen = list(records)
    if "$filter" in options:
        matches = parse_filter(options["$filter"], fields, operators)
        chosen = [record for record in chosen if matches(record)]
    if settings.incident_order == "shuffled":
        random.shuffle(chosen)
    elif settings.incident_order != "generated":
        chosen.sort(key=lambda record: record.updated, reverse=settings.incident_order == "newest_first")
    return chosen


def cut(records: list[R], skip: int, top: int, settings: ServiceSettings) -> tuple[list[R], int | None]:
    """One page, and where the next one starts: None when there is none."""
    size = top if settings.max_page is None else min(top, settings.max_page)
    end = skip + size
    return records[skip:end], end if size and end < len(records) else None


def check_options(options: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse a system option that the call does not take."""
    for name in options:
        if name.startswith("$") and name not in known:
            raise QueryError(f"The query option '{name}' is not supported.")


def limited(options: Mapping[str, str], name: str, default: int, limit: int) -> int:
    """``$top`` or ``$skip``, refused above the limit."""
    number = parse_number(options, name, default)
    if number > limit:
        raise QueryError(
            f"The limit of '{limit}' for {name[1:].title()} query has been exceeded. "
            f"The value from the incoming request is '{number}'."
        )
    return number


def refuse_poison(request: Request, tenant: Tenant, records: Collection[Record], *, expanded: bool = False) -> None:
    """500 when one of the records is what a ``poison`` fault names."""
    ids = {record.incident_id for record in records}

    def strikes(fault: Fault) -> bool:
        return fault.incident_id in ids and (expanded or not fault.expand_only)

    if world_of(request).faults.take("poison", request.url.path, tenant.tenant_id, where=strikes):
        raise ApiError(500, "InternalServerError", "An error has occurred.")


def is_lost(request: Request, tenant: Tenant) -> bool:
    """Whether a ``not_applied`` fault lets a change be answered as if it had been made."""
    return world_of(request).faults.take("not_applied", request.url.path, tenant.tenant_id) is not None


def churn(request: Request, tenant: Tenant) -> None:
    """After a page was made: what a ``churn`` fault changes, the next incidents in turn, each with its first alert."""
    world = world_of(request)
    fault = world.faults.take("churn", request.url.path, tenant.tenant_id)
    if fault is None:
        return
    incidents = sorted(world.incidents.of(tenant).values(), key=lambda incident: incident.incident_id)
    if not incidents:
        return
    first = (fault.struck - 1) * fault.count
    changed = {}
    for number in range(first, first + fault.count):
        document = incidents[number % len(incidents)].document()
        moment = timestamps.write(change_moment(document))
        document["lastUpdateTime"] = moment
        for alert in document["alerts"][:1]:
            alert["lastUpdatedTime"] = moment
        changed[document["incidentId"]] = document
    world.incidents.save(tenant, *changed.values())
