# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Poll a fleet for ever, and hand over what is new as events.

One event loop keeps the time of all tenants. Calls are made in threads, at most `concurrency` at once; whoever waits,
for its next poll or because it is throttled, holds none. A tenant reads its next page when its last one has been handed
over, so a receiver that takes nothing stops the reading, and no more than `concurrency` pages are in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..._core.characters import visible
from ..._core.customers import lists
from ..._core.customers.customer import host_name
from ..._core.errors import OptionError, Postponed
from ..._core.identity import permissions
from ..._core.outcomes import Outcome, R_co, Tenant, Work, outcome_of
from ..._core.reading import dialects
from .. import fleet_task
from ..operation import Constraints, Options, OptionSpec
from ..session import Session
from ..task_context import Params, TaskContext
from . import incidents
from .customer_poll import LOG, Event, IncidentEvent, Poll
from .outage_events import Outages
from .tenant_read import read_request

T = TypeVar("T")
Put = Callable[[Event], Awaitable[None]]

_OF_TASKS = ("tenant_id", "hosts", "fail_on", "created_after", "updated_after", "limit", "newest", "dest")
ARGUMENTS: dict[str, OptionSpec] = {
    **{option: spec for option, spec in incidents.ARGUMENTS.items() if option not in _OF_TASKS},
    "files": {"type": "list", "elements": "path"},
    "checkpoint": {"type": "path", "required": True},
    "backfill": {"type": "str", "default": "1h"},
    "interval": {"type": "int", "default": 60},
    "feedback": {"type": "bool", "default": False},
}
CONSTRAINTS: Constraints = {"mutually_exclusive": [("tenants", "files")], "required_one_of": [("tenants", "files")]}

_LAST_CALLS_SECONDS = 2
# a tenant that Microsoft has closed or does not know is asked once a day, in case it is opened again
_GONE_SECONDS = 24 * 3600


async def run(task: TaskContext, put: Put) -> None:
    """Poll until cancelled. `put` takes an event, and returns when it is safe with whoever receives it.

    Raises OptionError before any tenant is touched.
    """
    polls = _polls(task)
    interval = task.params["interval"]
    desk = _Desk(task.params["concurrency"], put)
    begun = asyncio.get_running_loop().time()
    watches = [
        asyncio.create_task(desk.watch(poll, interval, begun + interval * place / len(polls)))
        for place, poll in enumerate(polls)
    ]
    try:
        await asyncio.gather(*watches)
    finally:
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        await desk.close()


def _polls(task: TaskContext) -> list[Poll]:
    """Return a poll for each tenant. Raises OptionError."""
    params = {**task.params, "tenants": _customers(task.params)}
    if params["interval"] < 1:
        raise OptionError(f"interval is {params['interval']}: it must be at least 1")
    if not params["client_id"]:
        raise OptionError("client_id is missing: give the application (client) ID in the option or in AZURE_CLIENT_ID")
    if not params["tenants"]:
        raise OptionError("no tenant is given: set tenants, or files with customers")
    tenants = fleet_task.given(params, "checkpoint")
    for tenant in tenants:
        # the name goes to ansible-playbook as a limit, and '*' would be every host
        if host_name(tenant.name) != tenant.name:
            raise OptionError(
                f"tenants: '{visible(tenant.name)}' can be no host's name: take that of its host in the inventory"
            )
        if tenant.fault:
            raise OptionError(f"tenants: {tenant.fault.meaning}: {tenant.fault.remedy}")
    session = Session(task, incidents.VARIABLES)
    Path(params["checkpoint"]).mkdir(mode=0o700, parents=True, exist_ok=True)
    api = params["api"]
    request = read_request(task, session, permissions.APIS[api], dialects.INCIDENTS[api], keeps_beginning=True)
    checkpoints = {
        tenant: fleet_task.file_of(params, "checkpoint", tenant, ".checkpoint", is_read_back=True) for tenant in tenants
    }
    return [Poll(request, tenant, path) for tenant, path in checkpoints.items() if path]


def _customers(params: Params) -> list[dict[str, str]] | None:
    """Return the customers of the files, or else those that are named. Raises OptionError for a file."""
    if not params["files"]:
        named: list[dict[str, str]] | None = params["tenants"]
        return named
    listed = [one for path in params["files"] for one in lists.read(Path(path))]
    return [{"name": one.name, "tenant_id": one.tenant_id} for one in listed]


class _Desk:
    """Makes the calls of all tenants, and hands over what they bring."""

    def __init__(self, concurrency: int, put: Put) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._put = put
        self._calls: set[asyncio.Future[Any]] = set()
        self._outages = Outages()

    async def watch(self, poll: Poll, interval: float, due: float) -> None:
        """Poll a tenant now, and then whenever it is due (loop time): each at a moment of its own in the interval."""
        loop = asyncio.get_running_loop()
        while True:
            outcome = await self._poll(poll)
            await self._tell_state(poll, outcome)
            if outcome.reason and outcome.reason.final:
                due = max(due, loop.time()) + _GONE_SECONDS
            due += interval * math.ceil(max(0.0, loop.time() - due) / interval)
            await asyncio.sleep(due - loop.time())

    async def close(self) -> None:
        """Let calls that are about to end do so. The others cannot keep the process, and touch nothing."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=_LAST_CALLS_SECONDS)

    async def _poll(self, poll: Poll) -> Outcome[list[IncidentEvent]]:
        while True:
            async with self._slots:
                ended = await self._read(poll)
            if isinstance(ended, Outcome):
                return ended
            await asyncio.sleep(ended.seconds)

    async def _read(self, poll: Poll) -> Outcome[list[IncidentEvent]] | Postponed:
        """Hand over what there is to read, until the poll is over or has to wait."""
        while True:
            ended = await self._in_thread(functools.partial(_attempt, poll.tenant, poll.step))
            events = ended.result if isinstance(ended, Outcome) else None
            if not events:
                return ended
            # a page of which not all was taken comes again as a whole after a restart
            for event in events:
                await self._put(event)

    async def _tell_state(self, poll: Poll, outcome: Outcome[object]) -> None:
        change = poll.change_of_state(outcome)
        events: list[Event] = [*self._outages.news(outcome), *([change] if change else [])]
        if events:
            LOG.warning("%s", outcome.sentence())
        for event in events:
            await self._put(event)
        kept = await self._in_thread(functools.partial(_attempt, poll.tenant, lambda: poll.remember_state(outcome)))
        if isinstance(kept, Outcome) and kept.reason:
            LOG.warning("%s", kept.sentence())

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """Return what the call returns. Its thread is a daemon, so that no answer that is late keeps the process."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            result = call()
            # the loop may have ended, and nobody waits any more
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(answer.set_result, result)

        threading.Thread(target=work, daemon=True).start()
        self._calls.add(answer)
        answer.add_done_callback(self._calls.discard)
        return await asyncio.shield(answer)


def _attempt(tenant: Tenant, work: Work[R_co]) -> Outcome[R_co] | Postponed:
    try:
        return outcome_of(tenant, work)
    except Postponed as wait:
        return wait


@dataclass(frozen=True)
class Stream(Options):
    """What an event source does, for as long as it runs."""

    run: Callable[[TaskContext, Put], Awaitable[None]] = field(kw_only=True)


STREAM = Stream(ARGUMENTS, CONSTRAINTS, run=run)
