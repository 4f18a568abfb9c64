# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event source: each incident and each change of a state once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.emulated_tenants import IncidentDesk
from support.emulator import EmulatorProcess
from support.event_driven import Event, Source, ids, take, until


@pytest.fixture
def source(emulator: EmulatorProcess, desk: IncidentDesk, tmp_path: Path) -> Source:
    assert desk
    return Source(emulator, tmp_path / "checkpoint", "contoso", "fabrikam")


@pytest.fixture
def polls(count_requests: Callable[[str], int]) -> Callable[[], int]:
    """Counts the polls so far that asked for incidents."""
    return lambda: count_requests("GET /api/incidents")


async def nothing_more(queue: asyncio.Queue[Event], polls: Callable[[], int]) -> None:
    """Let some more polls pass and find no event."""
    before = polls()
    await until(lambda: polls() >= before + 4)
    assert queue.empty()


def test_each_incident_and_each_change_comes_once(source: Source, desk: IncidentDesk, polls: Callable[[], int]) -> None:
    async def scenario() -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        (old,) = desk.put("contoso", {"severity": "High"})
        async with source.polling(queue):
            (first,) = await take(queue, 1)
            assert first["incident"] == desk.see("contoso", old)
            assert (first["customer"], first["api"], first["meta"]["hosts"]) == ("contoso", "xdr", "contoso")
            assert first["tenant_id"] == source.options["tenants"][0]["tenant_id"]
            (new,) = desk.put("fabrikam", {"severity": "Low"})
            assert ids(await take(queue, 1)) == [new]
            desk.change("contoso", old, status="Resolved")
            (changed,) = await take(queue, 1)
            assert (ids([changed]), changed["incident"]["status"]) == ([old], "Resolved")
            assert changed["meta"]["uuid"] != first["meta"]["uuid"]
            await nothing_more(queue, polls)

    asyncio.run(scenario())


def test_a_restart_repeats_nothing_and_loses_nothing(
    source: Source, desk: IncidentDesk, polls: Callable[[], int]
) -> None:
    async def scenario() -> None:
        before: asyncio.Queue[Event] = asyncio.Queue()
        after: asyncio.Queue[Event] = asyncio.Queue()
        old = desk.put("contoso", *[{}] * 3)
        async with source.polling(before):
            assert sorted(ids(await take(before, 3))) == old
            await nothing_more(before, polls)
        new = [*desk.put("contoso", {}), *desk.put("fabrikam", {})]
        async with source.polling(after):
            assert sorted(ids(await take(after, 2))) == sorted(new)
            await nothing_more(after, polls)

    asyncio.run(scenario())


def test_a_stop_in_the_middle_of_a_page_loses_nothing(source: Source, desk: IncidentDesk) -> None:
    """Of a page that was not taken whole all comes again: what ansible-rulebook had in memory is lost with it."""

    async def scenario() -> None:
        wanted = desk.put("contoso", *[{}] * 30)
        for taken in (10, 20):
            queue: asyncio.Queue[Event] = asyncio.Queue(1)
            async with source.polling(queue):
                assert set(ids(await take(queue, taken))) <= set(wanted)
        after: asyncio.Queue[Event] = asyncio.Queue()
        async with source.polling(after):
            assert sorted(ids(await take(after, 30))) == sorted(wanted)

    asyncio.run(scenario())


def test_a_crash_loses_nothing_and_repeats_no_more_than_a_page(
    source: Source, desk: IncidentDesk, polls: Callable[[], int], tmp_path: Path
) -> None:
    """What is on the disk in mid-page is what a crash leaves there."""
    crashed = tmp_path / "crashed"

    async def scenario() -> None:
        before: asyncio.Queue[Event] = asyncio.Queue(1)
        after: asyncio.Queue[Event] = asyncio.Queue()
        wanted = {one for _time in range(2) for one in desk.put("contoso", *[{}] * 80)}
        async with source.polling(before):
            taken = await take(before, 140)
            shutil.copytree(source.checkpoint, crashed)
        async with source.polling(after, checkpoint=str(crashed)):
            repeated = await take(after, 20)
            begun = polls()
            await until(lambda: polls() >= begun + 4)
            repeated += await take(after, after.qsize())
        assert {*ids(taken), *ids(repeated)} == wanted
        assert len(repeated) <= 100
        named = {event["meta"]["uuid"] for event in [*taken, *repeated]}
        assert len(named) == len(wanted), "the same version has the same name"

    asyncio.run(scenario())


def test_a_queue_that_nobody_reads_stops_the_reading(
    source: Source, desk: IncidentDesk, polls: Callable[[], int]
) -> None:
    async def scenario() -> None:
        for name in ("contoso", "fabrikam"):
            for _page in range(3):
                desk.put(name, *[{}] * 80)
        queue: asyncio.Queue[Event] = asyncio.Queue(5)
        async with source.polling(queue):
            await until(queue.full)
            await asyncio.sleep(1)
            stopped_at = polls()
            await asyncio.sleep(3)
            assert polls() == stopped_at
            assert stopped_at <= 4, "a page of each"
            events = await take(queue, 480)
            assert len({(event["customer"], *ids([event])) for event in events}) == 480
            await nothing_more(queue, polls)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "trouble",
    [
        {"kind": "latency", "seconds": 200},
        {"kind": "throttle", "retry_after": 100},
        {"kind": "reset"},
    ],
    ids=lambda trouble: trouble["kind"],
)
def test_one_customers_trouble_costs_no_other_its_events(
    source: Source, desk: IncidentDesk, fault: Callable[..., None], trouble: dict[str, Any]
) -> None:
    async def scenario() -> None:
        fault(tenant="fabrikam", **trouble)
        queue: asyncio.Queue[Event] = asyncio.Queue()
        async with source.polling(queue, concurrency=2):
            for _number in range(3):
                (new,) = desk.put("contoso", {})
                assert ids(await take(queue, 1)) == [new]

    asyncio.run(scenario())


def test_a_lost_consent_is_told_once_and_so_is_its_return(
    source: Source, emulator: EmulatorProcess, polls: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    emulator.control("PATCH", "application", {"token_lifetime": 60})
    consent = f"tenants/{emulator.tenant_id('fabrikam')}/consent"

    async def scenario() -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        async with source.polling(queue):
            await nothing_more(queue, polls)
            emulator.control("DELETE", consent)
            (lost,) = await take(queue, 1)
            state = lost["customer_state"]
            assert (state["customer"], state["state"], state["before"]) == ("fabrikam", "not_consented", "granted")
            assert (state["who"], state["remedy"]) == ("customer admin", "open the consent link and accept it")
            assert lost["meta"]["hosts"] == "fabrikam"
            await nothing_more(queue, polls)
        async with source.polling(queue):
            await nothing_more(queue, polls)
            emulator.control("POST", consent, {"roles": ["Incident.ReadWrite.All"]})
            (back,) = await take(queue, 1)
            state = back["customer_state"]
            assert (state["state"], state["before"], state["who"]) == ("granted", "not_consented", "nobody")

    with caplog.at_level(logging.WARNING, "mssp.defender"):
        asyncio.run(scenario())
    assert "fabrikam" in caplog.text
    assert source.options["client_secret"] not in caplog.text


def test_microsoft_going_away_and_coming_back_loses_nothing(
    source: Source, desk: IncidentDesk, emulator: EmulatorProcess, fault: Callable[..., None]
) -> None:
    async def scenario() -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        async with source.polling(queue, retries=0):
            (first,) = desk.put("contoso", {})
            assert ids(await take(queue, 1)) == [first]
            fault("reset")
            (gone,) = await take(queue, 1)
            assert (gone["outage"]["state"], gone["outage"]["is_over"]) == ("unreachable", False)
            (second,) = desk.put("contoso", {})
            emulator.control("DELETE", "faults")
            back = await take(queue, 2)
            assert [one["outage"]["is_over"] for one in back if "outage" in one] == [True]
            assert ids([one for one in back if "incident" in one]) == [second]

    asyncio.run(scenario())


def test_an_answer_that_does_not_come_keeps_nobody_from_ending(source: Source, fault: Callable[..., None]) -> None:
    async def scenario() -> float:
        fault("latency", seconds=300)
        async with source.polling(asyncio.Queue()):
            await asyncio.sleep(1)
            begun = time.monotonic()
        return time.monotonic() - begun

    assert asyncio.run(scenario()) < 200
    assert all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())


def test_the_end_leaves_no_file_but_those_of_the_customers(source: Source, desk: IncidentDesk) -> None:
    async def scenario() -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        desk.put("contoso", {})
        async with source.polling(queue):
            await take(queue, 1)
            await until(lambda: len(list(source.checkpoint.iterdir())) == 4)

    asyncio.run(scenario())
    kept = {path.name: path for path in source.checkpoint.iterdir()}
    assert set(kept) == {f"{name}.{kind}" for name in ("contoso", "fabrikam") for kind in ("checkpoint", "state")}
    assert {path.stat().st_mode & 0o777 for path in kept.values()} == {0o600}
    assert source.checkpoint.stat().st_mode & 0o777 == 0o700


def test_with_confirmations_the_checkpoint_waits_for_each(
    source: Source, desk: IncidentDesk, polls: Callable[[], int]
) -> None:
    """A page with an event that was put into the queue and not confirmed comes again after a restart."""

    async def scenario() -> None:
        wanted = desk.put("contoso", *[{}] * 3)
        for taken, confirmed in ((3, 2), (3, 3), (0, 0)):
            queue: asyncio.Queue[Event] = asyncio.Queue()
            confirmations: asyncio.Queue[Event] = asyncio.Queue()
            found: list[Event] = []
            async with source.polling(queue, feedback=True, eda_feedback_queue=confirmations):
                for number in range(taken):
                    found += await take(queue, 1)
                    assert queue.empty(), "the next one waits for the confirmation"
                    if number < confirmed:
                        await confirmations.put(found[-1])
                if taken == confirmed:
                    await nothing_more(queue, polls)
            assert sorted(ids(found)) == wanted[:taken]

    asyncio.run(scenario())


def test_graph_and_the_common_shape(source: Source, desk: IncidentDesk) -> None:
    async def scenario() -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        (new,) = desk.put("contoso", {"severity": "High"})
        desk.put("contoso", {"severity": "Low"})
        async with source.polling(queue, api="graph", severity=["High"], normalize=True):
            (event,) = await take(queue, 1)
            assert (event["api"], event["incident"]["id"], event["incident"]["severity"]) == ("graph", new, "high")
            assert event["incident"]["normalized"]["severity"] == "High"

    asyncio.run(scenario())


def test_customers_may_come_from_a_list(source: Source, desk: IncidentDesk, tmp_path: Path) -> None:
    customers = tmp_path / "customers.csv"
    customers.write_text(f"name,tenant_id\nContoso Ltd,{source.options['tenants'][0]['tenant_id']}\n")

    async def scenario() -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        desk.put("contoso", {})
        async with source.polling(queue, tenants=None, files=[str(customers)]):
            (event,) = await take(queue, 1)
            assert event["meta"]["hosts"] == "Contoso-Ltd"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"intervall": 5}, "there is no option intervall: "),
        ({"interval": 0}, "interval is 0: it must be at least 1"),
        ({"interval": "often"}, "argument 'interval' is of type"),
        ({"concurrency": 0}, "concurrency is 0: it must be at least 1"),
        ({"tenants": None}, "one of the following is required: tenants, files"),
        ({"tenants": []}, "no tenant is given: set tenants, or files with customers"),
        ({"tenants": [{"name": "a/b", "tenant_id": "a.example"}]}, "tenants: 'a/b' can be no host's name"),
        ({"files": ["/nowhere.csv"]}, "parameters are mutually exclusive: tenants|files"),
        ({"tenants": None, "files": ["/nowhere.csv"]}, "files: /nowhere.csv cannot be read"),
        ({"checkpoint": None}, "missing required arguments: checkpoint"),
        ({"checkpoint": "/dev/null/folder"}, "/dev/null/folder cannot be used (Not a directory)"),
        ({"client_id": ""}, "client_id is missing: "),
        ({"client_secret": ""}, "no credential is given"),
        ({"certificate_path": "/nowhere.pem"}, "are both given: keep one of them"),
        ({"severity": ["Severe"]}, "value of severity must be one or more of"),
        ({"backfill": "long ago"}, "backfill 'long ago' is not a time: "),
        ({"ca_path": "/nowhere.pem"}, "ca_path /nowhere.pem cannot be used"),
    ],
    ids=str,
)
def test_bad_options_are_one_sentence(source: Source, options: dict[str, Any], sentence: str) -> None:
    message = source.error(**options)
    assert sentence in message
    assert source.options["client_secret"] not in message
    assert "\n" not in message


@pytest.mark.parametrize("api", ["graph", "xdr"])
def test_an_event_has_the_page_in_the_customers_portal(
    emulator: EmulatorProcess, desk: IncidentDesk, source: Source, api: str
) -> None:
    async def scenario() -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        (identity,) = desk.put("contoso", {})
        async with source.polling(queue, api=api, normalize=True):
            (event,) = await take(queue, 1)
        page = f"https://security.microsoft.com/incidents/{identity}?tid={emulator.tenant_id('contoso')}"
        assert event["incident"]["normalized"]["url"] == page

    asyncio.run(scenario())
