# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's tenants as others see and change them: the provider's own, an analyst's incidents, and consent."""

from __future__ import annotations

import base64
import re
import time
import uuid
from typing import Any

import jwt
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from support.emulator import EmulatorProcess

XDR_APP_ID = "8ee8fdad-f234-4243-8f3b-15c294843740"
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
READ_INCIDENTS = "a9790345-4595-42e4-971a-ccdc79f19b7c"
DAY = 24 * 3600

_SECONDS = 10


class HomeTenant:
    """Looks through the emulator's control interface, and calls Graph as the registrar with `requests` alone."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        self.tenant_id = emulator.home_tenant_id
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = emulator.ca_path
        self._token: str | None = None
        self._at_first = {application["appId"] for application in self._applications()}

    def applications(self) -> list[dict[str, Any]]:
        """Return what was registered since the test began."""
        return [item for item in self._applications() if item["appId"] not in self._at_first]

    def application(self) -> dict[str, Any]:
        """Return the one application that was registered."""
        found = self.applications()
        assert len(found) == 1, [item["uniqueName"] for item in found]
        return found[0]

    def secrets(self) -> list[dict[str, Any]]:
        """Return the secrets that the one application lists, oldest first; never a value."""
        return sorted(self.application()["passwordCredentials"], key=lambda item: str(item["startDateTime"]))

    def certificates(self) -> list[dict[str, Any]]:
        """Return the certificates that the one application lists."""
        return list(self.application()["keyCredentials"])

    def principals(self, app_id: str) -> list[dict[str, Any]]:
        """Return the service principals of an application in the tenant, with their `roles` by name."""
        everybody = self.emulator.control("GET", f"service-principals/{self.tenant_id}")
        return [item for item in everybody if item["appId"] == app_id]

    def roles(self, app_id: str) -> list[str]:
        """Return what an application is granted in the tenant, by name."""
        (principal,) = self.principals(app_id)
        return list(principal["roles"])

    def move(self, key_id: str, *, starts_in: float | None = None, ends_in: float | None = None) -> None:
        """Let a credential of the one application begin or end so many seconds from now."""
        dates = {"startDateTime": starts_in, "endDateTime": ends_in}
        path = f"applications/{self.application()['appId']}/credentials/{key_id}"
        changes = {name: _stamp(seconds) for name, seconds in dates.items() if seconds is not None}
        self.emulator.control("PATCH", path, changes)

    def until_requested(self, words: str) -> None:
        """Return as soon as a request whose `METHOD path` contains the words has been answered."""
        deadline = time.monotonic() + _SECONDS
        while not any(words in f"{seen['method']} {seen['path']}" for seen in self._requests()):
            assert time.monotonic() < deadline, f"nobody requested {words}"
            time.sleep(0.05)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call Graph, with the rights that the registrar has at the first call, and return the answer's JSON."""
        if self._token is None:
            answer = self.token(self.emulator.registrar_client_id, self.emulator.registrar_secret)
            self._token = str(answer.json()["access_token"])
        answer = self._session.request(
            method,
            f"{self.emulator.url}/v1.0/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=_SECONDS,
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def token(self, app_id: str, secret: str) -> requests.Response:
        """Ask for a token of Graph at home with a secret."""
        return self._token_request(app_id, {"client_secret": secret})

    def token_by_certificate(self, app_id: str, pem: bytes) -> requests.Response:
        """Ask for a token of Graph at home with key and certificate."""
        certificate = x509.load_pem_x509_certificate(pem)
        claims = {"aud": self._token_url, "iss": app_id, "sub": app_id, "jti": str(uuid.uuid4())}
        thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode()
        assertion = jwt.encode(
            {**claims, "exp": int(time.time()) + 60},
            serialization.load_pem_private_key(pem, None),
            algorithm="PS256",
            headers={"x5t#S256": thumbprint},
        )
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return self._token_request(app_id, {"client_assertion_type": kind, "client_assertion": assertion})

    def accepts(self, secret: str) -> bool:
        """Tell whether the one application gets a token with this secret."""
        return self.token(self.application()["appId"], secret).status_code == 200

    @property
    def _token_url(self) -> str:
        return f"{self.emulator.url}/{self.tenant_id}/oauth2/v2.0/token"

    def _token_request(self, app_id: str, proof: dict[str, str]) -> requests.Response:
        target = {"client_id": app_id, "scope": "https://graph.microsoft.com/.default"}
        form = {"grant_type": "client_credentials", **target, **proof}
        return self._session.post(self._token_url, data=form, timeout=_SECONDS)

    def _requests(self) -> list[dict[str, Any]]:
        return list(self.emulator.control("GET", "requests")["requests"])

    def _applications(self) -> list[dict[str, Any]]:
        return list(self.emulator.control("GET", "applications"))


def _stamp(seconds_from_now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))


WRITERS = ["Incident.ReadWrite.All", "SecurityIncident.ReadWrite.All", "SecurityAlert.ReadWrite.All"]


class IncidentDesk:
    """Opens tenants that have granted all it takes to change incidents, and have no incidents but those put there."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self._emulator = emulator

    def open(self, name: str, roles: list[str] | None = None) -> str:
        """Return the id of the tenant."""
        tenant_id = self._emulator.tenant_id(name)
        self._emulator.control("POST", f"tenants/{tenant_id}/consent", {"roles": roles or WRITERS})
        self._emulator.control("PATCH", f"tenants/{tenant_id}", {"incident_count": 0})
        return tenant_id

    def put(self, tenant: str, *incidents: dict[str, Any]) -> list[str]:
        """Add incidents (parts of documents of the Defender XDR API) and return their ids as tasks write them."""
        path = f"tenants/{self._emulator.tenant_id(tenant)}/incidents"
        ids: list[int] = self._emulator.control("POST", path, {"incidents": list(incidents)})["ids"]
        return [str(number) for number in ids]

    def change(self, tenant: str, incident_id: str, **fields: Any) -> None:
        """Change an incident as an analyst does, now."""
        self._emulator.control("PATCH", f"tenants/{self._emulator.tenant_id(tenant)}/incidents/{incident_id}", fields)

    def see(self, tenant: str, incident_id: str) -> dict[str, Any]:
        """Return an incident as it is now, as a document of the Defender XDR API."""
        documents = self._emulator.control("GET", f"tenants/{self._emulator.tenant_id(tenant)}/incidents")["incidents"]
        found: list[dict[str, Any]] = [one for one in documents if str(one["incidentId"]) == incident_id]
        assert len(found) == 1
        return found[0]


def answer_consent_page(url: str, ca_path: str, decision: str, **fields: str) -> str:
    """Open the link, press `accept` or `cancel`, and return where the browser is sent. `fields` are filled in."""
    with requests.Session() as browser:
        browser.trust_env = False
        browser.verify = ca_path
        page = browser.get(url, timeout=10)
        assert page.status_code == 200, page.text
        canary = re.search(r'name="canary" value="([^"]+)"', page.text)
        assert canary, page.text
        form = {"canary": canary[1], "decision": decision, **fields}
        answer = browser.post(page.url, data=form, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def answer_device_code(emulator: EmulatorProcess, user_code: str, decision: str = "continue", **fields: str) -> str:
    """Enter a device code in a browser, press `continue` or `cancel`, and return the page that follows."""
    with requests.Session() as browser:
        browser.trust_env = False
        browser.verify = emulator.ca_path
        where = f"{emulator.url}/devicelogin"
        page = browser.post(where, data={"user_code": user_code}, timeout=_SECONDS)
        canary = re.search(r'name="canary" value="([^"]+)"', page.text)
        assert canary, page.text
        form = {"user_code": user_code, "canary": canary[1], "decision": decision, **fields}
        return browser.post(where, data=form, timeout=_SECONDS).text
