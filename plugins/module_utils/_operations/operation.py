# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a front door knows of an operation: its options, what the inventory says of them, and how it is run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from .._core.results import Result
from .task_context import TaskContext


class OptionSpec(TypedDict, total=False):
    """One option as Ansible's argument specs describe it."""

    type: str
    elements: str
    required: bool
    default: Any
    choices: Collection[str]
    no_log: bool
    options: Mapping[str, OptionSpec]
    fallback: tuple[Callable[[str], str], list[str]]


class Constraints(TypedDict, total=False):
    """Which options exclude each other, and of which one must be given."""

    mutually_exclusive: list[tuple[str, ...]]
    required_one_of: list[tuple[str, ...]]


@dataclass(frozen=True)
class Options:
    """The options of a thing that can be asked."""

    arguments: Mapping[str, OptionSpec]
    constraints: Constraints = field(default_factory=Constraints)

    @property
    def secrets(self) -> frozenset[str]:
        """The options whose values must never be shown."""
        return frozenset(option for option, spec in self.arguments.items() if spec.get("no_log"))


@dataclass(frozen=True)
class Operation(Options):
    """What one module does. `run` raises OptionError, or OSError for a file; the front door makes a sentence of either.

    `returns` is the shape of its result in all forms that this has, as the module documents it.

    `variables` maps options to the variables of a host that they may be left to; those of `settings` are left to each
    host where a task works for many. `only_with` names an option without which such a host is left alone; `exposed_by`
    the one that puts a secret into the result, "" for none.
    """

    run: Callable[[TaskContext], Result] = field(kw_only=True)
    returns: type[Result] = Result
    variables: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    only_with: str = ""
    exposed_by: str = ""
