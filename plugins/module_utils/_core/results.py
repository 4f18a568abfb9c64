# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes that stand in results, whatever the work was. All of a result becomes JSON."""

from __future__ import annotations

from typing import TypedDict


class Diff(TypedDict, total=False):
    """A difference as Ansible shows it; the headers name the thing that differs."""

    before: object
    after: object
    before_header: str
    after_header: str


class Result(TypedDict, total=False):
    """What every task may return, and the work for each tenant. An operation adds its own keys."""

    changed: bool
    failed: bool
    msg: str
    diff: Diff | list[Diff]
    warnings: list[str]
    _ansible_no_log: bool


class Refusal(TypedDict, total=False):
    """Why a tenant is not `granted`, as in `errors.Reason`."""

    meaning: str
    remedy: str
    code: str | None
    who: str
    correlation_id: str | None
    trace_id: str | None
    final: bool


def diffs(result: Result) -> list[Diff]:
    """Return the differences that a result shows: none, one or many."""
    shown = result.get("diff", [])
    return shown if isinstance(shown, list) else [shown]
