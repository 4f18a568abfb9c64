# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to do the same work that are compared: what each is called, and the command line that does it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from order import Order

CONCURRENCY = 64
FORKS = 10
_FOLDER = Path(__file__).resolve().parent / "forms"


@dataclass(frozen=True)
class Form:
    """One way. `has_cache` tells whether it keeps tokens between runs.

    What it takes is roughly known, from a machine with 2 cores, and only decides what is worth the time: seconds to
    start and then for each customer, the calls for each, and how many customers it works on at once.
    """

    letter: str
    title: str
    command: Callable[[Order], list[str]]
    start_seconds: float
    customer_seconds: float
    calls: int = 2
    at_once: int = CONCURRENCY
    has_cache: bool = True


def _script(name: str, *options: str) -> Callable[[Order], list[str]]:
    return lambda order: [sys.executable, str(_FOLDER / name), str(order.variables), *options]


def _playbooks(*names: str) -> Callable[[Order], list[str]]:
    """Playbooks of this folder, or of the collection, over an inventory with a host for each customer."""
    found = [str(_FOLDER / name) if name.endswith(".yml") else name for name in names]
    extra = "@{}".format
    return lambda order: [_ansible(), "-i", str(order.inventory), "-e", extra(order.of_hosts), *found]


def _fleet(order: Order) -> list[str]:
    return [_ansible(), "-i", "localhost,", "-e", f"@{order.variables}", str(_FOLDER / "fleet.yml")]


def _ansible() -> str:
    return str(Path(sys.executable).parent / "ansible-playbook")


FORMS = {
    form.letter: form
    for form in (
        Form("a", "fleet: one task for all", _fleet, 1.2, 0.010),
        Form("e", "script: requests and msal", _script("bare_requests.py"), 0.4, 0.008, calls=3),
        Form("c", "ansible.builtin.uri per host", _playbooks("uri.yml"), 1.2, 0.54, at_once=FORKS, has_cache=False),
        Form("b", "a task per host, in process", _playbooks("per_host.yml"), 1.2, 0.030, at_once=FORKS),
        Form("d", "floor: debug per host", _playbooks("floor.yml"), 1.0, 0.024, calls=0, has_cache=False),
        Form("a2", "the role's playbooks", _playbooks("mssp.defender.verify", "mssp.defender.incidents"), 2.0, 0.015),
        Form("f", "script: httpx and asyncio", _script("bare_httpx.py"), 0.6, 0.010),
    )
}
"""By letter, in the order in which they take turns: those that a bar compares stand side by side."""

BELIEVING = Form(
    "g", "script: requests and msal, which checks no token", _script("bare_requests.py", "--believe"), 0.4, 0.008
)
"""For a trial alone: the least that anyone could do for a customer."""
