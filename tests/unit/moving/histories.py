# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random histories of a tenant: bursts of equal times, changes between any two requests, faults, and kills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from support.scripted_server import CUT_OFF, RESET, Answer
from unit.moving.service import ORDERS, Manner
from unit.moving.tenant import DAY, SECOND, START, Event, MovingTenant

_GAPS = (0, 1, 7, 1000, SECOND // 10, SECOND, 61 * SECOND, 3600 * SECOND)
_FIRST_GAPS = (*_GAPS, DAY)
_LATE = (0, 0, 0, 0, SECOND, 60 * SECOND, 25 * 60 * SECOND)
_KINDS = ("create", "update", "update", "update", "resolve", "redirect")
_PAGES = (1, 2, 3, 5, 10, 50)
_FAULTS = (
    Answer("", 429, {"Retry-After": "1"}),
    Answer("", 429),
    Answer("", 500),
    Answer("", 503, {"Retry-After": "2"}),
    Answer(fault=RESET),
    Answer({"value": []}, fault=CUT_OFF),
)


@dataclass(frozen=True)
class Poll:
    """What happens during one read: events, each after so many requests; after `dies_after` steps the reader is killed.

    `tidies` says that it still removes its half-written files.
    """

    events: list[tuple[int, Event]]
    dies_after: int | None
    tidies: bool


@dataclass(frozen=True)
class History:
    """A tenant's first incidents, how its service lists them, and what happens during each of the reads."""

    first: list[Event]
    manner: Manner
    page_size: int
    skew: int
    """Seconds by which the reader's clock is ahead of the service's."""
    alerts: bool
    """Whether the reader asks for the alerts of the incidents, where they do not come by themselves."""
    polls: list[Poll]
    ancient: int
    """How many incidents are older than any first read reaches back."""
    portion_seconds: float
    """How long what has been read waits to be handed over: with 0 each page is handed over at once."""

    def begin(self) -> MovingTenant:
        """Return the tenant as it is before the first read."""
        tenant = MovingTenant(START - 60 * DAY)
        tenant.happen(Event("create", 0, self.ancient))
        tenant.now = START - 20 * DAY
        for event in self.first:
            tenant.happen(event)
        return tenant


def draw(random: Random) -> History:
    """Return a random history."""
    links = random.random() < 0.5
    page_size = random.choice(_PAGES)
    manner = Manner(
        order=random.choice(ORDERS),
        links=links,
        largest=random.choice((1, 2, 3, 5, 1000, 1000)),
        longest=random.choice((300, 2000, 1_000_000, 1_000_000)),
        hides=not links and random.random() < 0.5,
        refuses=("lt",) if random.random() < 0.25 else (),
        spoiling=_few(random),
        heavy=_few(random),
        fault=faults(random.choice((0, 0, 0.05, 0.2)), random.randrange(1 << 30)),
    )
    first = [Event("create", 0)]
    first += [_event(random, page_size, _FIRST_GAPS) for _unused in range(random.randrange(16))]
    polls = [_poll(random, page_size) for _unused in range(random.randint(1, 4))]
    skew = random.choice((-100, -1, 0, 1, 100))
    alerts, ancient, portion_seconds = random.random() < 0.4, random.randrange(3), random.choice((0, 0, 60))
    return History(first, manner, page_size, skew, alerts, polls, ancient, portion_seconds)


def _event(random: Random, page_size: int, gaps: tuple[int, ...] = _GAPS) -> Event:
    kind = random.choice(_KINDS)
    count = 1 if random.random() < 0.6 else random.randint(2, min(120, 2 + 3 * page_size))
    late = random.choice(_LATE)
    return Event(kind, random.choice(gaps), count, random.randrange(40), random.choice((0, 1, 2, 7)), late)


def _poll(random: Random, page_size: int) -> Poll:
    moments = sorted(random.randrange(20) for _unused in range(random.randrange(8)))
    events = [(moment, _event(random, page_size)) for moment in moments]
    dies_after = random.randrange(30) if random.random() < 0.5 else None
    return Poll(events, dies_after, random.random() < 0.5)


def _few(random: Random) -> set[int]:
    """Return some incidents that make trouble: mostly none."""
    return {random.randint(1, 12) for _unused in range(random.choice((0, 0, 0, 0, 0, 1, 1, 2, 4)))}


def faults(rate: float, seed: int) -> Callable[[], Answer | None]:
    """Return a service that at this rate gives another answer than the right one."""
    random = Random(seed)
    return lambda: random.choice(_FAULTS) if random.random() < rate else None
