# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the table of forms does not show: a throttled tenant beside others, a long stream, answers without incidents,
the size of a result."""

from __future__ import annotations

import json
import statistics
import threading
from dataclasses import dataclass, replace

from forms import BELIEVING, FORMS
from measure import Measurement
from order import Order
from workshop import ROOT, Workshop

_FLEET = FORMS["a"]
# the pace that keeps below Microsoft's limits would make hours of a hundred thousand incidents
_UNPACED = replace(_FLEET, command=lambda order: [*_FLEET.command(order), "-e", '{"paced": false}'])
_THROTTLED_SECONDS = 20
_EVERY = 20
_FEW_INCIDENTS = 100


@dataclass(frozen=True)
class Throttling:
    """When the tenants that nothing ailed had finished, in seconds after the start: alone, and beside throttled ones.

    `whole_seconds` is how long the process with throttled tenants took in all.
    """

    tenants: int
    throttled: int
    undisturbed_seconds: float
    disturbed_seconds: float
    whole_seconds: float


@dataclass(frozen=True)
class Stream:
    """Peak memory of a process that writes few incidents of one tenant to a file, and of one that writes many."""

    few: int
    many: int
    mean_bytes: float
    few_mb: float
    many_mb: float
    seconds: float


@dataclass(frozen=True)
class Empty:
    """What whole processes take for tenants without incidents: the fleet, and a script that believes every token."""

    tenants: int
    fleet_seconds: float
    script_seconds: float


def empty(workshop: Workshop, size: int, runs: int) -> Empty:
    """Run the fleet and the script in turn, for tenants without incidents."""
    customers = workshop.customers[:size]
    fleet, script = [], []
    with workshop.no_incidents(customers):
        for _unused in range(runs):
            for form, seconds in ((_FLEET, fleet), (BELIEVING, script)):
                with workshop.order(customers, workshop.cold_cache("empty")) as order:
                    seconds.append(workshop.measure(form, order).seconds)
    return Empty(size, statistics.median(fleet), statistics.median(script))


def throttle(workshop: Workshop, size: int, runs: int) -> Throttling:
    """Run the fleet with and without 5 % of its tenants answering 429 for the first 20 seconds."""
    customers = workshop.customers[:size]
    ailing = customers[::_EVERY]
    alone, beside, whole = [], [], []
    for _unused in range(runs):
        with workshop.order(customers, workshop.cold_cache("throttle")) as order:
            measurement = workshop.measure(_FLEET, order)
            alone.append(_others_finished(order, measurement, ailing))
        with workshop.order(customers, workshop.cold_cache("throttle")) as order:
            measurement = _measure_throttled(workshop, order, ailing)
            beside.append(_others_finished(order, measurement, ailing))
            whole.append(measurement.seconds)
    return Throttling(size, len(ailing), statistics.median(alone), statistics.median(beside), statistics.median(whole))


def stream(workshop: Workshop, many: int) -> Stream:
    """Run the fleet for a single tenant: with few incidents, then with many."""
    customer = workshop.customers[0]
    path = f"tenants/{customer['tenant_id']}"
    usual = workshop.emulator.control("GET", path)["incident_count"]
    peaks = []
    for count in (_FEW_INCIDENTS, many):
        workshop.emulator.control("PATCH", path, {"incident_count": count})
        # the emulator makes them at the first request, and a task would not wait so long
        workshop.make_incidents([customer])
        with workshop.order([customer], workshop.cold_cache("stream")) as order:
            measurement = workshop.measure(_UNPACED, order)
            file = order.dest / f"{customer['name']}.jsonl"
            size = file.stat().st_size
            with file.open("rb") as lines:
                written = sum(1 for _unused in lines)
        peaks.append(measurement.peak_mb)
    workshop.emulator.control("PATCH", path, {"incident_count": usual})
    return Stream(_FEW_INCIDENTS, written, size / written, peaks[0], peaks[1], measurement.seconds)


def result_characters(workshop: Workshop, size: int) -> dict[str, int]:
    """The length in JSON of each task's result, as callbacks see it, by the task's name."""
    record = workshop.place / "results.jsonl"
    with workshop.order(workshop.customers[:size], workshop.cold_cache("result")) as order:
        workshop.measure(
            _FLEET,
            order,
            ANSIBLE_CALLBACK_PLUGINS=str(ROOT / "tests/support/callback_plugins"),
            RECORDER_FILE=str(record),
        )
    entries = [json.loads(line) for line in record.read_text().splitlines()]
    return {entry["task"]: len(json.dumps(entry["result"])) for entry in entries}


def _measure_throttled(workshop: Workshop, order: Order, ailing: list[dict[str, str]]) -> Measurement:
    throttle = {"kind": "throttle", "path": "/api/incidents", "retry_after": _THROTTLED_SECONDS}
    relief = threading.Timer(_THROTTLED_SECONDS, workshop.end_faults)
    with workshop.faults([throttle | {"tenant": customer["tenant_id"]} for customer in ailing]):
        relief.start()
        try:
            return workshop.measure(_FLEET, order)
        finally:
            relief.cancel()


def _others_finished(order: Order, measurement: Measurement, ailing: list[dict[str, str]]) -> float:
    """When the last of the others had its file, which takes its place when the tenant is done."""
    names = {f"{customer['name']}.jsonl" for customer in ailing}
    finished = [file.stat().st_ctime for file in order.dest.iterdir() if file.name not in names]
    return max(finished) - measurement.started_at
