# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step from a front door (module or action) into an operation, and every error back as one sentence."""

from __future__ import annotations

import sys
from typing import Any

from ._core import dependencies, showing
from ._core.characters import named
from ._core.errors import OptionError, unforeseen, unusable_file
from ._core.results import Result
from ._operations.operation import Operation, Options
from ._operations.task_context import Params, TaskContext

_NUL = "\0"


def perform(operation: Operation, task: TaskContext) -> Result:
    """Run the operation and return its result; what goes wrong becomes `failed` and `msg`, never a traceback."""
    if dependencies.MISSING:
        return _failed(
            f"the Python library {dependencies.MISSING} is missing from {sys.executable}: "
            "install the collection's requirements.txt there"
        )
    try:
        check_texts(task.params)
        return operation.run(task)
    except OptionError as error:
        return _failed(told(operation, str(error), task.params))
    except OSError as error:
        return _failed(told(operation, unusable_file(error), task.params))
    except Exception as error:  # noqa: BLE001 - whatever happens, the operator gets a sentence
        return _failed(unforeseen(error))


def check_texts(given: Params) -> None:
    """Raise OptionError for an option with a character U+0000: no path, id or secret has one."""
    for option, value in given.items():
        if _has_nul(value):
            raise OptionError(f"{option} has {named(_NUL)} in it: remove that character")


def told(options: Options, message: str, given: Params) -> str:
    """Return a message about the options given, without those values in it that could be a secret."""
    return showing.without_values(message, given, options.secrets)


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_nul, [*value, *value.values()]))
    return any(map(_has_nul, value)) if isinstance(value, (list, tuple)) else isinstance(value, str) and _NUL in value


def _failed(message: str) -> Result:
    return {"failed": True, "changed": False, "msg": message}
