# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running emulator for tests, started the way users start it: through its command line."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

FILES = Path(__file__).resolve().parents[2] / "roles" / "emulator" / "files"
_START_SECONDS = 30


def emulator_command(command: str, directory: Path, *arguments: str) -> list[str]:
    """The command line of the emulator."""
    return [sys.executable, "-m", "defender_emulator", command, "--directory", str(directory), *arguments]


def emulator_environment() -> dict[str, str]:
    """This process's environment with the emulator's package on the import path."""
    return {**os.environ, "PYTHONPATH": str(FILES)}


class EmulatorProcess:
    """``with EmulatorProcess(directory, "--tenants", "3") as emulator:`` serves until the block ends.

    It ends with its owner too, however that ends; Ctrl-C is for the owner alone. ``connection`` is the content of
    connection.json.
    """

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        command = emulator_command("serve", directory, "--owner-pid", str(os.getpid()), *arguments)
        # a pipe that nobody reads would fill, and stop the emulator
        self._output = tempfile.NamedTemporaryFile(prefix="emulator-")  # noqa: SIM115 - until it stops
        self._errors = tempfile.NamedTemporaryFile(prefix="emulator-")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, env=emulator_environment(), stdout=self._output, stderr=self._errors, start_new_session=True
        )
        self.connection = self._wait_for_connection()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca_path)),
        )

    @property
    def output(self) -> str:
        """What it printed so far, until it is stopped."""
        return Path(self._output.name).read_text()

    @property
    def errors(self) -> str:
        """What it complained of so far, until it is stopped."""
        return Path(self._errors.name).read_text()

    @property
    def url(self) -> str:
        """The base URL for authority_url, graph_url and xdr_url."""
        return str(self.connection["url"])

    @property
    def ca_path(self) -> str:
        """The CA certificate that clients must trust."""
        return str(self.connection["ca_path"])

    @property
    def client_id(self) -> str:
        """The application."""
        return str(self.connection["client_id"])

    @property
    def client_secret(self) -> str:
        """The application's secret."""
        return Path(self.connection["client_secret_file"]).read_text()

    @property
    def home_tenant_id(self) -> str:
        """The provider's own tenant."""
        return str(self.connection["home_tenant_id"])

    @property
    def registrar_client_id(self) -> str:
        """The application that may register others at home."""
        return str(self.connection["registrar_client_id"])

    @property
    def registrar_secret(self) -> str:
        """The registrar's secret."""
        return Path(self.connection["registrar_secret_file"]).read_text()

    def tenant_id(self, name: str) -> str:
        """The tenant of that name, such as ``contoso``."""
        return next(str(tenant["tenant_id"]) for tenant in self.connection["tenants"] if tenant["name"] == name)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call ``/_emulator/<path>`` and return its JSON; AssertionError when it is refused."""
        request = urllib.request.Request(
            f"{self.url}/_emulator/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=30) as response:
                content = response.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(content) if content else None

    def stop(self) -> None:
        """End the process and wait for it."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self._output.close()
            self._errors.close()

    def __enter__(self) -> EmulatorProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_for_connection(self) -> dict[str, Any]:
        path = self.directory / "connection.json"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                errors = self.errors
                self.stop()
                raise AssertionError(f"the emulator ended at once: {errors}")
            if path.exists():
                connection: dict[str, Any] = json.loads(path.read_text())
                if connection["pid"] == self.process.pid:
                    return connection
            time.sleep(0.02)
        self.stop()
        raise AssertionError(f"the emulator did not start within {_START_SECONDS} seconds")
