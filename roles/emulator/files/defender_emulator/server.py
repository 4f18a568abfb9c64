# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that serves: TLS, signals, the connection file, and the watch over its owner."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from defender_emulator.app import make_app
from defender_emulator.entra import identity_provider
from defender_emulator.entra import registered_at_first as first
from defender_emulator.processes import is_alive
from defender_emulator.store import Store
from defender_emulator.workspace import Connection, Workspace, write_private
from defender_emulator.world import World

_FEDERATED_TOKEN_SECONDS = 24 * 3600
# In bytes; a longer address and headers are refused before it shows which API they meant.
_LONGEST_HEAD = 1 << 20


class AlreadyServed(Exception):
    """Another process serves this directory."""


@dataclass(frozen=True)
class Options:
    """What the command line chose."""

    directory: Path
    host: str
    port: int
    tenants: int
    state: Path | None
    owner_pid: int | None
    no_application: bool


class _Protocol(H11Protocol):
    """Lets the application reach its connection, so that a fault can break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope["transport"] = transport
            await app(scope, receive, send)

        self.app = with_transport


class _Server(uvicorn.Server):
    """Announces itself when it answers, and stops when its owner has ended."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None], owner_pid: int | None) -> None:
        super().__init__(config)
        self._announce = announce
        self._owner_pid = owner_pid

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    async def on_tick(self, counter: int) -> bool:
        # Ten ticks a second; looking twice a second is enough.
        orphaned = self._owner_pid is not None and counter % 5 == 0 and not is_alive(self._owner_pid)
        if orphaned:
            self.stop()
        return await super().on_tick(counter)

    def stop(self) -> None:
        """End now, whatever connections are open."""
        # What the end cuts off is no error.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again when it is done, before the directory is tidied.
        yield


def serve(options: Options) -> None:
    """Serve until a signal comes or the owner is gone.

    Raises:
        AlreadyServed: another process serves the directory.
        OSError: the port is taken.
    """
    workspace = Workspace.open(options.directory)
    with _exclusive(workspace), _listen(options, workspace) as listener:
        # Connections inherit it. asyncio sets it for sockets of its own making only, and without it each answer
        # waits 40 ms for the client's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asyncio.run(_serve(options, workspace, listener))


def _listen(options: Options, workspace: Workspace) -> socket.socket:
    """Take the port asked for; with 0 the one of the last time, so that links handed out then still lead here."""
    if options.port == 0:
        with contextlib.suppress(OSError):
            return _create(options.host, workspace.read_port(), workspace)
    return _create(options.host, options.port, workspace)


def _create(host: str, port: int, workspace: Workspace) -> socket.socket:
    listener = socket.create_server((host, port))
    workspace.write_port(listener.getsockname()[1])
    return listener


async def _serve(options: Options, workspace: Workspace, listener: socket.socket) -> None:
    new_credentials = workspace.prepare(not options.no_application, options.host)
    port = listener.getsockname()[1]
    store = Store(options.state)
    world = World(f"https://localhost:{port}", workspace, store, options.tenants, not options.no_application)
    token = world.identity_provider.token(_FEDERATED_TOKEN_SECONDS)
    write_private(workspace.federated_token, token.encode())
    created = store.created if options.state else new_credentials

    def announce() -> None:
        workspace.write_connection(_connection(workspace, world, created))
        print(world.base_url, flush=True)

    config = uvicorn.Config(
        make_app(world),
        http=_Protocol,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
        ssl_certfile=workspace.server_certificate,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=0,
        timeout_keep_alive=60,
    )
    server = _Server(config, announce, options.owner_pid)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    try:
        await server.serve(sockets=[listener])
    finally:
        workspace.connection.unlink(missing_ok=True)
        store.close()


def _connection(workspace: Workspace, world: World, created: bool) -> Connection:
    def of_sample(value: object) -> str | None:
        return None if world.credentials.secret is None else str(value)

    return {
        "url": world.base_url,
        "ca_path": str(workspace.ca),
        "client_id": of_sample(first.SAMPLE_ID),
        "app_name": of_sample(first.SAMPLE_NAME),
        "client_secret_file": of_sample(workspace.client_secret),
        "certificate_path": of_sample(workspace.certificate),
        "certificate_pfx_path": of_sample(workspace.certificate_pfx),
        "certificate_password_file": of_sample(workspace.certificate_password),
        "publisher": first.PUBLISHER,
        "redirect_uri": world.redirect_uri,
        "registrar_client_id": first.REGISTRAR_ID,
        "registrar_secret_file": str(workspace.registrar_secret),
        "foreign_client_id": first.FOREIGN_ID,
        "federated_token_file": str(workspace.federated_token),
        "federated_issuer": identity_provider.ISSUER,
        "federated_subject": identity_provider.SUBJECT,
        "federated_audience": identity_provider.AUDIENCE,
        "home_tenant_id": world.directory.home.tenant_id,
        "home_domain": world.directory.home.domain,
        "tenants": [
            {"name": tenant.name, "tenant_id": tenant.tenant_id, "domain": tenant.domain}
            for tenant in world.directory.tenants.customers
        ],
        "pid": os.getpid(),
        "created": created,
    }


def _lock(lock: TextIO, workspace: Workspace) -> None:
    # A process that asks whether the directory is served holds the lock for a moment.
    for _turn in range(20):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return
    raise AlreadyServed(f"another emulator serves {workspace.directory}")


@contextlib.contextmanager
def _exclusive(workspace: Workspace) -> Iterator[TextIO]:
    """Hold the directory's lock, which the kernel gives back however the process ends."""
    with os.fdopen(os.open(workspace.lock, os.O_CREAT | os.O_RDWR, 0o600), "r+") as lock:
        _lock(lock, workspace)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock
