# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: ``python -m defender_emulator serve|start|stop --directory DIR``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

_REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"

try:
    from defender_emulator import lifecycle, server
except ImportError as error:
    sys.exit(
        f"The emulator needs the Python package '{error.name}', which {sys.executable} lacks: "
        f"run {sys.executable} -m pip install -r {_REQUIREMENTS}"
    )


def main() -> None:
    """Run one command; a failure is one sentence on stderr."""
    arguments = _parser().parse_args()
    try:
        if arguments.command == "stop":
            stopped = lifecycle.stop(arguments.directory)
            print(json.dumps({"stopped": stopped}))
        elif arguments.command == "start":
            print(json.dumps(lifecycle.start(arguments.directory, _serve_arguments(arguments)), indent=2))
        else:
            server.serve(_options(arguments))
    except (lifecycle.LifecycleError, server.AlreadyServed, OSError) as error:
        sys.exit(f"defender_emulator: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="defender_emulator", description="An offline Microsoft for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("serve", "serve in the foreground"),
        ("start", "serve in the background, unless one serves the directory already; print the connection"),
        ("stop", "stop the one that serves the directory"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--directory", type=Path, required=True, help="credentials, CA and connection.json")
        if name == "stop":
            continue
        command.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
        command.add_argument(
            "--port", type=int, default=0, help="port; 0 takes the last one again, or a free one (%(default)s)"
        )
        command.add_argument("--tenants", type=_count, default=5, help="number of customer tenants (%(default)s)")
        command.add_argument("--state", type=Path, help="SQLite file that keeps consents and changes between runs")
        command.add_argument(
            "--no-application", action="store_true", help="no sample application: only the registrar is registered"
        )
        command.add_argument("--owner-pid", type=int, help="stop when this process has ended")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 10000:
        raise argparse.ArgumentTypeError("must be from 1 to 10000")
    return number


def _options(arguments: argparse.Namespace) -> server.Options:
    return server.Options(
        directory=arguments.directory,
        host=arguments.host,
        port=arguments.port,
        tenants=arguments.tenants,
        state=arguments.state,
        owner_pid=arguments.owner_pid,
        no_application=arguments.no_application,
    )


def _serve_arguments(arguments: argparse.Namespace) -> list[str]:
    parts = []
    for name, value in vars(_options(arguments)).items():
        if value is True:
            parts.append(_flag(name))
        elif value is not None and value is not False:
            parts += [_flag(name), str(value)]
    return parts


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


if __name__ == "__main__":
    main()
