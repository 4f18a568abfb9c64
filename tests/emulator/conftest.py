# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One emulator for all these tests, back to its beginning before each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from support.emulator import EmulatorProcess

XDR_SCOPE = "https://api.security.microsoft.com/.default"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"
XDR_APP_ID = "8ee8fdad-f234-4243-8f3b-15c294843740"
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
READ_INCIDENTS = "a9790345-4595-42e4-971a-ccdc79f19b7c"


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(tmp_path_factory.mktemp("emulator")) as started:
        yield started


@pytest.fixture(autouse=True)
def _no_foreign_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    # requests prefers these to the authority a client was given.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def emulator(process: EmulatorProcess) -> EmulatorProcess:
    process.control("POST", "reset")
    return process


class Caller:
    """A plain HTTPS client of one emulator."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = emulator.ca_path

    def get(self, path: str, token: str | None = None, **parameters: object) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.session.get(f"{self.emulator.url}{path}", headers=headers, params=parameters, timeout=10)

    def ask_token(self, tenant: str = "contoso", version: int = 2, **changes: str | None) -> requests.Response:
        """A token request with the secret; ``changes`` replace form fields, None leaves one out."""
        segment = next((t["tenant_id"] for t in self.emulator.connection["tenants"] if t["name"] == tenant), tenant)
        target = {"scope": XDR_SCOPE} if version == 2 else {"resource": XDR_SCOPE.removesuffix("/.default")}
        form = {"grant_type": "client_credentials", "client_id": self.emulator.client_id, **target, **changes}
        if "client_secret" not in changes:
            form["client_secret"] = self.emulator.client_secret
        path = "oauth2/v2.0/token" if version == 2 else "oauth2/token"
        return self.session.post(f"{self.emulator.url}/{segment}/{path}", data=form, timeout=10)

    def token(self, tenant: str = "contoso", scope: str = XDR_SCOPE) -> str:
        answer = self.ask_token(tenant, scope=scope)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@pytest.fixture
def caller(emulator: EmulatorProcess) -> Caller:
    return Caller(emulator)


class Graph:
    """A plain client of Microsoft Graph at home, as the registrar."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.emulator = caller.emulator
        self.sign_in()

    def sign_in(self, tenant: str | None = None, client_id: str | None = None, secret: str | None = None) -> None:
        """A new token, such as after a change of roles."""
        answer = self.caller.ask_token(
            tenant or self.emulator.home_tenant_id,
            client_id=client_id or self.emulator.registrar_client_id,
            client_secret=secret or self.emulator.registrar_secret,
            scope=GRAPH_SCOPE,
        )
        assert answer.status_code == 200, answer.text
        self.token = str(answer.json()["access_token"])

    def may(self, *roles: str) -> None:
        """Let the registrar have these app roles and no others."""
        self.emulator.control("PATCH", "registrar", {"roles": list(roles)})
        self.sign_in()

    def call(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        return self.caller.session.request(
            method,
            f"{self.emulator.url}/v1.0/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}", **headers},
            timeout=10,
        )

    def expect(self, status: int, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The answer's JSON, when its status is as expected."""
        answer = self.call(method, path, body, **headers)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def application(self, **properties: object) -> dict[str, Any]:
        """A new multi-tenant application that asks to read incidents."""
        body = {
            "displayName": "Contoso MSSP",
            "signInAudience": "AzureADMultipleOrgs",
            "web": {"redirectUris": [self.emulator.connection["redirect_uri"]]},
            "requiredResourceAccess": [
                {"resourceAppId": XDR_APP_ID, "resourceAccess": [{"id": READ_INCIDENTS, "type": "Role"}]}
            ],
            **properties,
        }
        created: dict[str, Any] = self.expect(201, "POST", "applications", body)
        return created

    def secret(self, application: dict[str, Any], **properties: object) -> dict[str, Any]:
        """A new secret of the application, with ``secretText``."""
        body = {"passwordCredential": {"displayName": "test", **properties}}
        added: dict[str, Any] = self.expect(200, "POST", f"applications/{application['id']}/addPassword", body)
        return added


@pytest.fixture
def graph(caller: Caller) -> Graph:
    return Graph(caller)


def refusal(answer: requests.Response) -> tuple[int, str]:
    """Status and error code of an answer of Graph's."""
    return answer.status_code, str(answer.json()["error"]["code"])


@pytest.fixture
def consented(emulator: EmulatorProcess) -> Callable[..., None]:
    """Grants the application in one tenant, by default what it asks for."""

    def consent(tenant: str = "contoso", *roles: str) -> None:
        body = {"roles": list(roles)} if roles else None
        emulator.control("POST", f"tenants/{emulator.tenant_id(tenant)}/consent", body)

    return consent


@pytest.fixture
def secret_file(emulator: EmulatorProcess) -> Path:
    return Path(emulator.connection["client_secret_file"])


def claims_of(token: str) -> dict[str, object]:
    claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return claims


def canary_of(page: str) -> str:
    found = re.search(r'name="canary" value="([^"]+)"', page)
    assert found, page
    return found[1]
