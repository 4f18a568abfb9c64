# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a sweep, and what leads from one to the other.

Theory of operation
===================

A sweep meets every record of a query at least once, although records are updated between any two of its requests. Such
a record leaves its place in the service's list, all behind it move up, and a client that asks for "the next 100" misses
one.
Both APIs filter by time of last update and skip any number of records; neither promises an order, a page as long as
asked for, or a link to the next page. A sweep relies on three things, each of which it checks:

1. Time only moves forward. Read in windows of time from old to new, with an open one last: what is updated meanwhile
   moves into a window that is still to come (or to the next read), and never into one that has been read.

2. Pages overlap. The next page of a window is asked for from a few records *before* the end of the last one. If it
   begins with those (the `Trail` judges that), then it goes on where the last one ended, for records that stand still
   keep their order, however many were updated. And if none was updated, that is proof even at a service that keeps no
   order: a page that begins with none from before its place, and repeats none later, adds as many different records
   as it has new places, and as many as there are places in the list are all of them.

3. A page is the last one when something proves it: it is empty, or the service links its pages and this one has no
   link, or others were so much longer that nothing can have been left out for want of room (`Capacity`). Otherwise the
   record behind it is asked for; where there is none, and records can leave the window, the last one met must still be
   in its place, or what lay behind it could have moved up.

A window that holds more than can be skipped is divided, and so is one in which a page did not join on; what was met
already tells where to cut, and is not read again: the records that lie in a part of a window are the first ones in the
list of that part. A moment that cannot be divided any more, and all of a service that knows no end of a window, is read
again and again until two readings agree.

Where the service fails over a page (HTTP 5xx) while it is not down, a record is to blame. With `$expand`, the page is
asked for without; if that works, few records go on to be expanded one by one, and many are divided. Without, the window
is halved until it is one moment, whose records are then asked for one by one.

Phases
------

A sweep is in one phase at a time. Each makes about one request and ends in a finding; the table says which phase
follows. What a finding means for the windows (read, divided, ...) is done by the phase that makes it. There is one
transition that the table does not show: when no window is left, the sweep is over.

An exception (a wait, a lost connection, a refusal) is no finding: the sweep stays in its phase, and can go on there.
"""

from __future__ import annotations

from enum import Enum, auto


class Phase(Enum):
    """What a sweep does next."""

    SWEEPING = auto()
    """Ask for the next page of the oldest window."""
    SIMPLIFYING = auto()
    """Ask for the page over which the service fails without what was to be expanded."""
    PROBING = auto()
    """Ask for one record behind a page that nothing proves to be the last."""
    CONFIRMING = auto()
    """Ask for the last record met once more, in a window that records can leave: it must have kept its place."""
    COLLECTING = auto()
    """Read all pages of the oldest window until two readings agree."""
    ISOLATING = auto()
    """Ask for the records of one moment one by one, and leave out those over which the service fails."""
    DONE = auto()


class Finding(Enum):
    """What a phase found."""

    MORE = auto()
    """The window goes on behind what has been read of it."""
    READ = auto()
    """All of the window has been read: it is closed."""
    UNPROVEN = auto()
    """Nothing lies behind the page as far as it shows, and that is no proof."""
    ASTRAY = auto()
    """The page does not join on to the one before: the next one repeats more of it."""
    DIVIDED = auto()
    """Other windows take the place of this one: its parts, or one that has no end."""
    INDIVISIBLE = auto()
    """It cannot be read by pages that join on, and not be divided either."""
    FAILED_TO_EXPAND = auto()
    """The service fails over the page with what was to be expanded."""
    FAILED_AT_ONE_MOMENT = auto()
    """The service fails over a moment."""


_PAGED = {
    Finding.MORE: Phase.SWEEPING,
    Finding.READ: Phase.SWEEPING,
    Finding.UNPROVEN: Phase.PROBING,
    Finding.ASTRAY: Phase.SWEEPING,
    Finding.DIVIDED: Phase.SWEEPING,
    Finding.INDIVISIBLE: Phase.COLLECTING,
    Finding.FAILED_AT_ONE_MOMENT: Phase.ISOLATING,
}

TRANSITIONS: dict[Phase, dict[Finding, Phase]] = {
    Phase.SWEEPING: {**_PAGED, Finding.FAILED_TO_EXPAND: Phase.SIMPLIFYING},
    Phase.SIMPLIFYING: _PAGED,
    Phase.PROBING: {**_PAGED, Finding.UNPROVEN: Phase.CONFIRMING},
    Phase.CONFIRMING: _PAGED,
    Phase.COLLECTING: {Finding.MORE: Phase.COLLECTING, Finding.READ: Phase.SWEEPING},
    Phase.ISOLATING: {Finding.MORE: Phase.ISOLATING, Finding.READ: Phase.SWEEPING},
}
