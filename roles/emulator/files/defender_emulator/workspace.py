# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's directory: its certificate authority, the application's credentials and the connection file."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from defender_emulator import certificates
from defender_emulator.entra.application_credentials import make_secret
from defender_emulator.entra.registered_at_first import SAMPLE_NAME, Credentials


class ConnectedTenant(TypedDict):
    """One customer tenant, as a client is told of it."""

    name: str
    tenant_id: str
    domain: str


class Connection(TypedDict):
    """What clients are told: addresses, ids and paths, never a secret.

    What belongs to the sample application is None where there is none. ``created`` tells whether the credentials, or
    the state in its file, are new.
    """

    url: str
    ca_path: str
    client_id: str | None
    app_name: str | None
    client_secret_file: str | None
    certificate_path: str | None
    certificate_pfx_path: str | None
    certificate_password_file: str | None
    publisher: str
    redirect_uri: str
    registrar_client_id: str
    registrar_secret_file: str
    foreign_client_id: str
    federated_token_file: str
    federated_issuer: str
    federated_subject: str
    federated_audience: str
    home_tenant_id: str
    home_domain: str
    tenants: list[ConnectedTenant]
    pid: int
    created: bool


@dataclass(frozen=True)
class Workspace:
    """Paths below one directory (mode 0700). What is secret lies in files of mode 0600."""

    directory: Path

    @classmethod
    def open(cls, directory: Path) -> Workspace:
        """Make the directory if need be and let nobody else in."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
        return cls(directory.resolve())

    @property
    def ca(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.directory / "ca-key.pem"

    @property
    def server_certificate(self) -> Path:
        return self.directory / "server.pem"

    @property
    def client_secret(self) -> Path:
        return self.directory / "client_secret"

    @property
    def registrar_secret(self) -> Path:
        return self.directory / "registrar_secret"

    @property
    def certificate(self) -> Path:
        return self.directory / "certificate.pem"

    @property
    def certificate_pfx(self) -> Path:
        return self.directory / "certificate.pfx"

    @property
    def certificate_password(self) -> Path:
        return self.directory / "certificate_password"

    @property
    def identity_provider_key(self) -> Path:
        return self.directory / "identity_provider.pem"

    @property
    def federated_token(self) -> Path:
        return self.directory / "federated_token"

    @property
    def connection(self) -> Path:
        return self.directory / "connection.json"

    @property
    def port(self) -> Path:
        return self.directory / "port"

    @property
    def lock(self) -> Path:
        return self.directory / "emulator.lock"

    @property
    def log(self) -> Path:
        return self.directory / "emulator.log"

    def prepare(self, with_application: bool, host: str) -> bool:
        """Make what is missing of the authority and the credentials, and a fresh server certificate.

        Without the sample application its credentials are not made.

        Returns:
            True when the credentials are new.
        """
        created = not self.federated_token.exists()
        if not self.ca.exists():
            authority = certificates.make_authority()
            write_private(self.ca_key, authority.key_pem())
            write_private(self.ca, authority.certificate_pem())
        if not self.registrar_secret.exists():
            write_private(self.registrar_secret, make_secret().encode())
        if with_application:
            self._prepare_sample()
        if not self.identity_provider_key.exists():
            write_private(self.identity_provider_key, certificates.private_key_pem(certificates.make_rsa_key()))
        authority = certificates.load_pair(self.ca_key.read_bytes(), self.ca.read_bytes())
        server = certificates.make_server_certificate(authority, host)
        write_private(self.server_certificate, server.key_pem() + server.certificate_pem())
        return created

    def credentials(self, with_application: bool) -> Credentials:
        """What the first applications prove themselves with."""
        return Credentials(
            registrar_secret=self.registrar_secret.read_text(),
            secret=self.client_secret.read_text() if with_application else None,
            certificate=certificates.transport_form(self.certificate.read_bytes()) if with_application else None,
        )

    def _prepare_sample(self) -> None:
        if not self.client_secret.exists():
            write_private(self.client_secret, make_secret().encode())
        if not self.certificate_pfx.exists():
            password = secrets.token_urlsafe(18)
            pair = certificates.make_application_certificate(SAMPLE_NAME)
            write_private(self.certificate_password, password.encode())
            write_private(self.certificate, pair.key_pem() + pair.certificate_pem())
            write_private(self.certificate_pfx, pair.pfx(password))

    def write_connection(self, connection: Connection) -> None:
        """Tell clients where the emulator is."""
        write_private(self.connection, json.dumps(connection, indent=2).encode() + b"\n")

    def read_connection(self) -> Connection | None:
        """What ``write_connection`` wrote, or None."""
        try:
            connection: Connection = json.loads(self.connection.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return connection

    def write_port(self, port: int) -> None:
        """Remember the port for the next time."""
        write_private(self.port, str(port).encode())

    def read_port(self) -> int:
        """The port of the last time, or 0."""
        try:
            return int(self.port.read_text())
        except (FileNotFoundError, ValueError):
            return 0


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step, readable by its owner only."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
