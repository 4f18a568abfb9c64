# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks for tokens: an application with its credential, or somebody who is signed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .._core import clouds, files, locks
from .._core.dependencies import Fernet
from .._core.errors import OptionError
from .._core.identity import azure_cli, credentials, device_code
from .._core.identity.azure_cli import AzureCli
from .._core.identity.device_code import DeviceCode
from .._core.identity.discovery import Authority
from .._core.identity.token_cache import TokenCache
from .._core.identity.tokens import Source, TokenSource
from .._core.identity.trial import Trial
from .._core.wire.http import Transport
from . import options
from .task_context import TaskContext

APPLICATION, CLI = "application", "cli"
_LONGEST_SIGN_IN = 1800


class MakeSource(Protocol):
    """Makes the caller's source of tokens."""

    def __call__(self, authority: Authority, transport: Transport, cache: TokenCache) -> Source: ...


@dataclass(frozen=True)
class Caller:
    """`name` is what messages call it: an application's client id, or how somebody `is_signed_in`.

    What it keeps lies in `folder`, if anywhere, sealed by `cipher`.
    """

    name: str
    folder: Path | None
    cipher: Fernet
    source: MakeSource
    is_signed_in: bool = False


def of(task: TaskContext, variables: Mapping[str, str]) -> Caller:
    """Return who asks for tokens in this task. `variables` are the host's variables that options may be left to.

    Raises OptionError for options by which nobody could.
    """
    auth = task.params.get("auth", APPLICATION)
    if auth == APPLICATION:
        return _application(task, variables)
    # never in a folder that outlives the run, whatever the option says
    folder, cipher = task.run_directory, credentials.cipher_of(task.run_secret)
    if auth == CLI:
        return Caller(
            azure_cli.NAME, folder, cipher, lambda authority, _transport, cache: AzureCli(authority, cache), True
        )
    return Caller(device_code.NAME, folder, cipher, _by_code(task), is_signed_in=True)


def _application(task: TaskContext, variables: Mapping[str, str]) -> Caller:
    params = task.params
    client_id = clouds.check_client_id(params["client_id"], variables["client_id"])
    credential = credentials.select(
        params["client_secret"],
        params["certificate_path"],
        params["certificate_password"],
        params["federated_token_file"],
        options.names_in_messages(),
        task.warn,
        task.vault,
    )
    folder = files.private_folder("cache", Path(params["cache"])) if params.get("cache") else task.run_directory

    def source(authority: Authority, transport: Transport, cache: TokenCache) -> Source:
        return TokenSource(client_id, credential, authority, transport, cache, Trial())

    return Caller(client_id, folder, credential.cipher(), source)


def _by_code(task: TaskContext) -> MakeSource:
    program = clouds.check_app_id(task.params["sign_in_client_id"], "sign_in_client_id")
    tell: Callable[[str], None] | None = task.tell
    if tell is None:
        raise OptionError(
            "auth is device_code, and nobody could read the code here: run this in a terminal and not in a job of AWX, "
            "with async or on another host, or set auth to cli or application"
        )

    def alone() -> AbstractContextManager[None]:
        folder = task.run_directory
        return locks.locked("auth", folder, _LONGEST_SIGN_IN) if folder else nullcontext()

    def source(authority: Authority, transport: Transport, cache: TokenCache) -> Source:
        return DeviceCode(program, authority, transport, cache, tell, alone)

    return source
