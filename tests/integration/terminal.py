# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command in a terminal of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Callable

from integration.ansible_process import Ansible

ROWS, COLUMNS = 24, 140


def in_terminal(
    ansible: Ansible,
    command: list[str],
    when: Callable[[bytes], bool] = lambda _seen: False,
    number: signal.Signals = signal.SIGINT,
    rows: int = ROWS,
    columns: int = COLUMNS,
    **environment: str,
) -> tuple[int, str]:
    """Run a command in a terminal and return its exit code and all that it wrote, control sequences and all.

    As soon as `when` is true of what was written, the command gets the signal of that number, as by Ctrl-C or kill.
    """
    terminal, inside = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        command,
        env={**ansible.environment, "TERM": "xterm", **environment},
        cwd=ansible.place,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    seen, is_told = b"", False
    try:
        # reading fails when the last process has closed the terminal
        with contextlib.suppress(OSError):
            while chunk := os.read(terminal, 1 << 16):
                seen += chunk
                if when(seen) and not is_told:
                    is_told = True
                    os.killpg(process.pid, number)
        return process.wait(timeout=10), seen.decode().replace("\r\n", "\n")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(terminal)
