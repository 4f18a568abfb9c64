# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three consent links, answered by hand: which page, which redirect, what is granted."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from support.emulator import EmulatorProcess

from .conftest import XDR_SCOPE, Caller, canary_of, claims_of

Consent = Callable[..., None]


class Link:
    """One consent link and a browser without scripts."""

    def __init__(self, caller: Caller, path: str, **parameters: str | None) -> None:
        emulator = caller.emulator
        self.caller = caller
        query = {
            "client_id": emulator.client_id,
            "redirect_uri": emulator.connection["redirect_uri"],
            "state": "abc 1&2",
            **parameters,
        }
        kept = {name: value for name, value in query.items() if value is not None}
        self.url = f"{emulator.url}/{path}?{urlencode(kept)}"

    def open(self) -> requests.Response:
        return self.caller.session.get(self.url, timeout=10)

    def answer(self, decision: str, **fields: str) -> tuple[str, dict[str, str]]:
        """Where the browser is sent, and with which parameters."""
        page = self.open()
        assert page.status_code == 200, page.text
        form = {"canary": canary_of(page.text), "decision": decision, **fields}
        answer = self.caller.session.post(self.url, data=form, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        location = urlsplit(answer.headers["location"])
        return f"{location.scheme}://{location.netloc}{location.path}", dict(parse_qsl(location.query))


def test_v2_accept(caller: Caller, emulator: EmulatorProcess) -> None:
    tenant_id = emulator.tenant_id("contoso")
    where, given = Link(caller, f"{tenant_id}/v2.0/adminconsent", scope=XDR_SCOPE).answer("accept")
    assert where == emulator.connection["redirect_uri"]
    assert given == {"admin_consent": "True", "tenant": tenant_id, "scope": XDR_SCOPE, "state": "abc 1&2"}
    assert claims_of(caller.token())["roles"] == ["Incident.Read.All"]
    assert caller.ask_token("fabrikam").json()["error_codes"] == [7000229]


def test_v2_cancel_says_admin_consent_all_the_same(caller: Caller) -> None:
    _where, given = Link(caller, "contoso.example/v2.0/adminconsent", scope=XDR_SCOPE).answer("cancel")
    assert given.pop("error_description").startswith("AADSTS65004: ")
    assert given.pop("error_uri").endswith("/error?code=65004")
    assert given == {"error": "access_denied", "admin_consent": "True", "state": "abc 1&2"}
    assert caller.ask_token().json()["error_codes"] == [7000229]


def test_v1_accept_and_cancel(caller: Caller, emulator: EmulatorProcess) -> None:
    tenant_id = emulator.tenant_id("tailspin")
    link = Link(caller, "tailspin.example/adminconsent")
    _where, given = link.answer("cancel")
    cancelled = {"error": "permission_denied", "error_description": "The admin canceled the request"}
    assert given == {**cancelled, "state": "abc 1&2"}
    _where, given = link.answer("accept")
    assert given == {"admin_consent": "True", "tenant": tenant_id, "state": "abc 1&2"}
    assert caller.ask_token("tailspin").status_code == 200


def test_v1_with_nothing_but_the_client_asks_whose_admin(caller: Caller, emulator: EmulatorProcess) -> None:
    link = Link(caller, "common/adminconsent", redirect_uri=None, state=None)
    assert "<select" in link.open().text
    where, given = link.answer("accept", tenant=emulator.tenant_id("wingtip"))
    assert where == emulator.connection["redirect_uri"]
    assert given == {"admin_consent": "True", "tenant": emulator.tenant_id("wingtip")}
    assert caller.ask_token("wingtip").status_code == 200


def test_the_authorize_link(caller: Caller, emulator: EmulatorProcess) -> None:
    query = f"prompt=consent&client_id={emulator.client_id}&response_type=code&sso_reload=true"
    link = Link(caller, "common/oauth2/authorize")
    link.url = f"{emulator.url}/common/oauth2/authorize?{query}"
    _where, given = link.answer("cancel", tenant=emulator.tenant_id("contoso"))
    assert (given["error"], given["error_subcode"]) == ("access_denied", "cancel")
    assert given["error_description"].startswith("AADSTS65004")
    _where, given = link.answer("accept", tenant=emulator.tenant_id("contoso"))
    assert set(given) == {"code", "session_state"}
    assert claims_of(caller.token())["roles"] == ["Incident.Read.All"]


@pytest.mark.parametrize("path", ["oauth2/authorize", "oauth2/v2.0/authorize"])
def test_authorize_without_prompt_grants_the_organization_nothing(caller: Caller, path: str) -> None:
    _where, given = Link(caller, f"contoso.example/{path}", response_type="code").answer("accept")
    assert given["state"] == "abc 1&2"
    assert "roles" not in claims_of(caller.token())


def test_consent_again_grants_and_revokes(caller: Caller, emulator: EmulatorProcess) -> None:
    link = Link(caller, "contoso.example/v2.0/adminconsent", scope=XDR_SCOPE)
    link.answer("accept")
    permissions = {"xdr": ["Incident.ReadWrite.All", "AdvancedHunting.Read.All"]}
    emulator.control("PATCH", "application", {"permissions": permissions})
    assert claims_of(caller.token())["roles"] == ["Incident.Read.All"]
    link.answer("accept")
    assert claims_of(caller.token())["roles"] == permissions["xdr"]


def test_the_page_says_who_wants_what(caller: Caller, emulator: EmulatorProcess) -> None:
    link = Link(caller, "contoso.example/v2.0/adminconsent", scope=XDR_SCOPE)
    page = link.open()
    told = ("Northwind SOC", "Northwind Security", "verified publisher", emulator.client_id, "contoso.example")
    for text in (*told, "Read all incidents", "Incident.Read.All", "Microsoft Threat Protection", "take this back"):
        assert text in page.text, text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    emulator.control("PATCH", "application", {"verified_publisher": False})
    assert "unverified" in link.open().text


# path, parameters -> AADSTS number on the page
WRONG_LINKS = {
    "another redirect": ("contoso.example/adminconsent", {"redirect_uri": "https://evil.example/x"}, 50011),
    "redirect with another path": ("contoso.example/adminconsent", {"redirect_uri": "https://localhost/X"}, 50011),
    "unencrypted redirect": (
        "contoso.example/adminconsent",
        {"redirect_uri": "http://localhost/consent-result"},
        50011,
    ),
    "unknown tenant": ("nowhere.example/adminconsent", {}, 90002),
    "unknown app": ("contoso.example/adminconsent", {"client_id": "somebody"}, 700016),
    "v2 for common": ("common/v2.0/adminconsent", {"scope": XDR_SCOPE}, 900023),
    "v2 without scope": ("contoso.example/v2.0/adminconsent", {}, 900144),
    "v2 without redirect": ("contoso.example/v2.0/adminconsent", {"scope": XDR_SCOPE, "redirect_uri": None}, 900144),
    "v2 with one permission": (
        "contoso.example/v2.0/adminconsent",
        {"scope": "https://api.security.microsoft.com/Incident.Read.All"},
        70011,
    ),
    "no client": ("contoso.example/adminconsent", {"client_id": None}, 900144),
    "other response": ("contoso.example/oauth2/authorize", {"response_type": "token"}, 700054),
}


@pytest.mark.parametrize("name", WRONG_LINKS)
def test_a_wrong_link(caller: Caller, name: str) -> None:
    path, parameters, code = WRONG_LINKS[name]
    page = Link(caller, path, **parameters).open()
    assert page.status_code == 400
    assert f"AADSTS{code}" in page.text
    assert "<form" not in page.text


def test_any_port_of_localhost_will_do(caller: Caller) -> None:
    link = Link(caller, "contoso.example/adminconsent", redirect_uri="https://localhost:1/consent-result")
    assert link.answer("accept")[0] == "https://localhost:1/consent-result"


def test_a_tenant_without_the_service(caller: Caller, emulator: EmulatorProcess) -> None:
    emulator.control("PATCH", f"tenants/{emulator.tenant_id('contoso')}", {"service_present": False})
    page = Link(caller, "contoso.example/v2.0/adminconsent", scope=XDR_SCOPE).open()
    assert "AADSTS650052" in page.text
    link = Link(caller, "organizations/v2.0/adminconsent", scope=XDR_SCOPE)
    form = {"canary": canary_of(link.open().text), "decision": "accept", "tenant": emulator.tenant_id("contoso")}
    answer = caller.session.post(link.url, data=form, allow_redirects=False, timeout=10)
    assert (answer.status_code, "AADSTS650052" in answer.text) == (400, True)
    assert caller.ask_token().json()["error_codes"] == [7000229]


@pytest.mark.parametrize("canary", ["", "9999999999.deadbeef", "no", "é.é"])
def test_an_answer_that_the_page_did_not_send(caller: Caller, canary: str) -> None:
    link = Link(caller, "contoso.example/adminconsent")
    form = {"canary": canary, "decision": "accept"}
    assert caller.session.post(link.url, data=form, allow_redirects=False, timeout=10).status_code == 400
    # A page's answer counts for its own link alone.
    form["canary"] = canary_of(Link(caller, "fabrikam.example/adminconsent").open().text)
    assert caller.session.post(link.url, data=form, allow_redirects=False, timeout=10).status_code == 400
    assert caller.ask_token().json()["error_codes"] == [7000229]


def test_the_result_page_shows_what_it_was_handed_and_runs_nothing(caller: Caller) -> None:
    page = caller.get("/consent-result", admin_consent="True", tenant="<script>alert(1)</script>")
    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text
    assert "Not granted" in caller.get("/consent-result", admin_consent="True", error="consent_required").text
