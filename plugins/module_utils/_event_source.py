# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation run by Event-Driven Ansible: the step from a source plugin's arguments, and every error one sentence."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ._core import dependencies
from ._core.characters import plain
from ._core.errors import OptionError, unforeseen, unusable_file
from ._front_door import check_texts, told
from ._operations.options import kept_from_environment
from ._operations.reading.customer_poll import Event
from ._operations.reading.event_stream import Stream
from ._operations.task_context import Params, TaskContext

Queue = asyncio.Queue[Event]

_LOG = logging.getLogger("mssp.defender")
# ansible-rulebook adds it to the arguments where the rulebook says `feedback: true`
_FEEDBACK_QUEUE = "eda_feedback_queue"


class _Receiver:
    """Puts events into the queue of ansible-rulebook, one after the other where it confirms each."""

    def __init__(self, queue: Queue, confirmations: asyncio.Queue[object] | None) -> None:
        self._queue = queue
        self._confirmations = confirmations
        self._turn = asyncio.Lock()

    async def put(self, event: Event) -> None:
        if self._confirmations is None:
            await self._queue.put(event)
            return
        async with self._turn:
            await self._queue.put(event)
            await self._confirmations.get()


async def run_source(operation: Stream, queue: Queue, args: Params) -> None:
    """Check the arguments and run the operation until it is cancelled. Raises OptionError, whatever goes wrong."""
    # a variable that nobody filled in counts as not given
    options = {option: value for option, value in args.items() if value != ""}
    receiver = _Receiver(queue, options.pop(_FEEDBACK_QUEUE, None))
    if dependencies.MISSING:
        raise OptionError(
            f"the Python library {dependencies.MISSING} is missing from ansible-rulebook's Python: "
            "install the collection's requirements.txt there"
        )
    closed = kept_from_environment([option for option, value in options.items() if value])
    validator = ArgumentSpecValidator(operation.arguments, **operation.constraints)
    validated = validator.validate({**options, **dict.fromkeys(closed, "")})
    if unknown := validated.unsupported_parameters:
        known = ", ".join(sorted(operation.arguments))
        raise OptionError(f"there is no option {', '.join(map(str, unknown))}: choose from {known}")
    if validated.error_messages:
        given = {**options, **validated.validated_parameters}
        raise OptionError(told(operation, "; ".join(validated.error_messages), given))
    try:
        check_texts(validated.validated_parameters)
        with tempfile.TemporaryDirectory(prefix="mssp.defender.", ignore_cleanup_errors=True) as folder:
            await operation.run(
                TaskContext(validated.validated_parameters, _warn, run_directory=Path(folder)), receiver.put
            )
    except OptionError as error:
        raise OptionError(told(operation, str(error), validated.validated_parameters)) from None
    except OSError as error:
        raise OptionError(told(operation, unusable_file(error), validated.validated_parameters)) from None
    except Exception as error:  # noqa: BLE001 - whatever happens, the operator gets a sentence
        raise OptionError(unforeseen(error)) from None


def _warn(message: str) -> None:
    _LOG.warning("%s", plain(message))
