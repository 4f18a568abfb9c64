# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator and the scratch folder that all measurements share."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import load
from forms import CONCURRENCY, FORKS, Form
from measure import Failed, Measurement, measure
from order import Order
from support.emulator import EmulatorProcess

ROOT = Path(__file__).resolve().parents[2]
_LIMIT_SECONDS = 180


class Workshop:
    """Runs forms against an emulator, all of whose tenants consent."""

    def __init__(self, place: Path, emulator: EmulatorProcess) -> None:
        self.place = place
        self.log = place / "output.txt"
        (place / "home").mkdir()
        self.emulator = emulator
        self.customers = [
            {"name": tenant["name"], "tenant_id": tenant["tenant_id"]} for tenant in emulator.connection["tenants"]
        ]
        self.emulator.control("POST", "consent-all")
        # a benchmark asks more often than a real tenant's quota allows
        self.emulator.control("PATCH", "application", {"quota_per_minute": None, "quota_per_hour": None})
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(place / "home"),
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache/collections"),
            "ANSIBLE_FORKS": str(FORKS),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "AZURE_CLIENT_SECRET": self.emulator.client_secret,
        }

    def cold_cache(self, name: str) -> Path:
        """An empty folder for tokens."""
        folder = self.place / f"cache-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    @contextmanager
    def order(self, customers: list[dict[str, str]], cache: Path) -> Iterator[Order]:
        """An order for some customers, with an empty folder for their incidents."""
        place = self.place / "order"
        place.mkdir()
        try:
            yield Order.write(place, self.emulator, customers, cache, CONCURRENCY)
        finally:
            # an interrupted process may still be writing
            shutil.rmtree(place, ignore_errors=True)

    def measure(self, form: Form, order: Order, **environment: str) -> Measurement:
        """Run a form once, and check that each customer's incidents have been written. Raises TooLong, Failed."""
        command = form.command(order)
        measurement = measure(command, self.environment | environment, self.emulator, self.log, _LIMIT_SECONDS)
        written = sum(1 for _unused in order.dest.iterdir())
        if form.calls and written != len(order.customers):
            said = self.log.read_text(errors="replace")[-4000:]
            raise Failed(f"form {form.letter} wrote {written} of {len(order.customers)} files:\n{said}")
        return measurement

    @contextmanager
    def faults(self, faults: list[dict[str, Any]]) -> Iterator[None]:
        """Let the emulator do something wrong meanwhile."""
        try:
            for fault in faults:
                self.emulator.control("POST", "faults", fault)
            yield
        finally:
            self.end_faults()

    def end_faults(self) -> None:
        """Let the emulator do nothing wrong any more."""
        self.emulator.control("DELETE", "faults")

    @contextmanager
    def no_incidents(self, customers: list[dict[str, str]]) -> Iterator[None]:
        """Let the customers have none meanwhile."""
        paths = [f"tenants/{customer['tenant_id']}" for customer in customers]
        usual = {path: self.emulator.control("GET", path)["incident_count"] for path in paths}
        try:
            for path in paths:
                self.emulator.control("PATCH", path, {"incident_count": 0})
            yield
        finally:
            for path, count in usual.items():
                self.emulator.control("PATCH", path, {"incident_count": count})
            self.make_incidents(customers)

    def latency(self, milliseconds: int) -> AbstractContextManager[None]:
        """Let each of the emulator's answers take so much longer meanwhile."""
        return self.faults([{"kind": "latency", "seconds": milliseconds / 1000}] if milliseconds else [])

    def load(self) -> load.Load:
        """A generator of load on this emulator."""
        return load.Load(self.emulator)

    def make_incidents(self, customers: list[dict[str, str]]) -> None:
        """Have the emulator make the customers' incidents, which it does when they are first asked for."""
        asyncio.run(self.load().ask_for_pages(customers))
