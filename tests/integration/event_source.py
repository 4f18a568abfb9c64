# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source as ansible-rulebook loads it, by its path, with a queue of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import runpy
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from emulator_process import EmulatorProcess

PLUGIN = Path(
    os.environ["ANSIBLE_COLLECTIONS_PATH"],
    "ansible_collections/mssp/defender/extensions/eda/plugins/event_source/incidents.py",
)
_SECONDS = 60

Event = dict[str, Any]


class Source:
    """Polls customers of the emulator every second. What it keeps lies in `checkpoint`."""

    def __init__(self, emulator: EmulatorProcess, checkpoint: Path, *customers: str) -> None:
        self.checkpoint = checkpoint
        self.options: dict[str, Any] = {
            "tenants": [{"name": name, "tenant_id": emulator.tenant_id(name)} for name in customers],
            "checkpoint": str(checkpoint),
            "interval": 1,
            "client_id": emulator.client_id,
            "client_secret": emulator.client_secret,
            "authority_url": emulator.url,
            "graph_url": emulator.url,
            "xdr_url": emulator.url,
            "ca_path": emulator.ca_path,
        }

    @contextlib.asynccontextmanager
    async def polling(self, queue: asyncio.Queue[Event], **options: Any) -> AsyncIterator[asyncio.Task[None]]:
        """Poll until the block ends. Options win over those of the source; None leaves one out."""
        given = {name: value for name, value in {**self.options, **options}.items() if value is not None}
        main = runpy.run_path(str(PLUGIN))["main"]
        task = asyncio.create_task(main(queue, given))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def error(self, **options: Any) -> str:
        """Return the sentence with which the source ends at once."""

        async def start() -> str:
            async with self.polling(asyncio.Queue(), **options) as task:
                done, _running = await asyncio.wait([task], timeout=_SECONDS)
                return str(task.exception()) if done else "it runs"

        return asyncio.run(start())


async def take(queue: asyncio.Queue[Event], count: int) -> list[Event]:
    """Return the next events."""
    return [await asyncio.wait_for(queue.get(), _SECONDS) for _number in range(count)]


async def until(holds: Callable[[], Any]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def ids(events: list[Event]) -> list[str]:
    """Return the ids of the incidents that the events are of, in order."""
    return [str(event["incident"]["incidentId"]) for event in events]
