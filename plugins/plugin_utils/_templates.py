# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables a template depends on, so that it is worked out once for all hosts that say the same."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import nodes

_SAME_EVERYWHERE = ("env", "ansible.builtin.env", "file", "ansible.builtin.file")
"""Lookups that answer every host of a run alike."""
_READS_ANYTHING = {"vars", "hostvars", "query", "q", "now", "undef"}


def fingerprint(name: str, variables: Mapping[str, Any]) -> str | None:
    """Return a text that is the same for all hosts on which the variable comes to the same value.

    It is made of the raw values of the variable and of all that it refers to. None where that cannot be told, because a
    template chooses what it reads only when it is worked out.
    """
    values: dict[str, str] = {}
    pending = [name]
    while pending:
        each = pending.pop()
        if each in values:
            continue
        value = variables.get(each, jinja2.Undefined)
        values[each] = repr(value)
        for text in _texts(value):
            names = _names_in(text)
            if names is None:
                return None
            pending += names
    return repr(sorted(values.items()))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str) and "{" in value:
        yield str(value)


@functools.lru_cache(maxsize=1024)
def _names_in(text: str) -> frozenset[str] | None:
    """Return the variables that a template names, None where it may read others or say something else each time."""
    try:
        parsed = jinja2.Environment().parse(text)  # noqa: S701 - nothing is rendered
    except jinja2.TemplateError:
        return None
    names = {found.name for found in parsed.find_all(nodes.Name)}
    for call in parsed.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "lookup" and not _is_same_everywhere(call):
            return None
    is_random = any(found.name.rpartition(".")[2] in ("random", "shuffle") for found in parsed.find_all(nodes.Filter))
    return None if is_random or names & _READS_ANYTHING else frozenset(names - {"lookup"})


def _is_same_everywhere(call: nodes.Call) -> bool:
    first = call.args[0] if call.args else None
    return isinstance(first, nodes.Const) and first.value in _SAME_EVERYWHERE
