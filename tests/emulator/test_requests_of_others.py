# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Token requests letter by letter as public clients send them, which no library here would send."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
import requests
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE, XDR_SCOPE, Caller

Consent = Callable[..., None]
MTP_SCOPE = "https://security.microsoft.com/mtp/.default"


def _form(emulator: EmulatorProcess, **target: str) -> dict[str, str]:
    return {
        "client_id": emulator.client_id,
        "client_secret": emulator.client_secret,
        "grant_type": "client_credentials",
        **target,
    }


def _post(caller: Caller, body: bytes, headers: dict[str, str], path: str = "oauth2/v2.0/token") -> requests.Response:
    # requests adds no Content-Type to a body of bytes
    url = f"{caller.emulator.url}/{caller.emulator.tenant_id('contoso')}/{path}"
    return caller.session.post(url, data=body, headers=headers, timeout=10)


CONTENT_TYPES = {
    "msticpy, Splunk SOAR": None,
    "usual": "application/x-www-form-urlencoded",
    "with a charset": "application/x-www-form-urlencoded; charset=utf-8",
    "text": "text/plain",
    "empty": "",
}


@pytest.mark.parametrize("client", CONTENT_TYPES)
@pytest.mark.parametrize("version", [1, 2])
def test_a_form_is_a_form_whatever_it_is_called(
    caller: Caller, emulator: EmulatorProcess, consented: Consent, client: str, version: int
) -> None:
    consented()
    label = CONTENT_TYPES[client]
    headers = {} if label is None else {"Content-Type": label}
    target = {"scope": XDR_SCOPE} if version == 2 else {"resource": "https://api.security.microsoft.com"}
    path = "oauth2/v2.0/token" if version == 2 else "oauth2/token"
    answer = _post(caller, urlencode(_form(emulator, **target)).encode(), headers, path)
    assert answer.status_code == 200, answer.text
    assert caller.get("/api/incidents", answer.json()["access_token"]).status_code == 200


@pytest.mark.parametrize("kind", ["json", "json in a form", "parts", "query"])
def test_a_body_that_is_no_form_has_no_parameters(
    caller: Caller, emulator: EmulatorProcess, consented: Consent, kind: str
) -> None:
    consented()
    form = _form(emulator, scope=XDR_SCOPE)
    url = f"{emulator.url}/{emulator.tenant_id('contoso')}/oauth2/v2.0/token"
    sent: dict[str, dict[str, object]] = {
        "json": {"json": form},
        "json in a form": {
            "data": requests.Request("POST", url, json=form).prepare().body,
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
        "parts": {"files": {name: (None, value) for name, value in form.items()}},
        "query": {"params": form},
    }
    answer = caller.session.post(url, timeout=10, **sent[kind])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert answer.json()["error_codes"] == [900144]
    assert "'grant_type'" in answer.json()["error_description"]


def test_a_token_endpoint_wants_a_post(caller: Caller, emulator: EmulatorProcess) -> None:
    answer = caller.get(f"/{emulator.tenant_id('contoso')}/oauth2/v2.0/token")
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [900561])
    assert "Received a GET request" in answer.json()["error_description"]


@pytest.mark.parametrize(
    "scope",
    [
        f"offline_access {MTP_SCOPE}",
        f"{XDR_SCOPE} openid profile offline_access",
        f"openid profile {GRAPH_SCOPE} email offline_access",
        f"{XDR_SCOPE} {XDR_SCOPE}",
    ],
    ids=["Cortex XSOAR", "the Java identity library", "any order", "twice"],
)
def test_openid_scopes_are_taken_beside_that_of_an_api(caller: Caller, consented: Consent, scope: str) -> None:
    consented()
    answer = caller.ask_token(scope=scope)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"token_type", "expires_in", "ext_expires_in", "access_token"}


def test_the_answer_to_a_consent_page_needs_no_label(caller: Caller, emulator: EmulatorProcess) -> None:
    link = {
        "client_id": emulator.client_id,
        "scope": XDR_SCOPE,
        "redirect_uri": emulator.connection["redirect_uri"],
        "state": "s",
    }
    path = f"/{emulator.tenant_id('contoso')}/v2.0/adminconsent?{urlencode(link)}"
    page = caller.get(path).text
    canary = page.partition('name="canary" value="')[2].partition('"')[0]
    body = urlencode({"canary": canary, "decision": "accept"}).encode()
    answer = caller.session.post(f"{emulator.url}{path}", data=body, timeout=10, allow_redirects=False)
    assert answer.status_code == 302
    assert "admin_consent=True" in answer.headers["Location"]
