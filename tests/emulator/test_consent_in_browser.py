# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The consent page in a real browser, without scripts: Accept grants, Cancel refuses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, sync_playwright
from support.emulator import EmulatorProcess

from .conftest import XDR_SCOPE, Caller, claims_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PICTURES = Path(__file__).parents[2] / ".cache" / "consent"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="not on this machine: Chromium (Debian: apt install chromium)"),
]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    PICTURES.mkdir(parents=True, exist_ok=True)
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        # Chromium asks the system's store for authorities, which a test must not change.
        context = browser.new_context(
            ignore_https_errors=True, java_script_enabled=False, viewport={"width": 900, "height": 860}
        )
        yield context.new_page()
        browser.close()


def _link(emulator: EmulatorProcess, path: str) -> str:
    query = {
        "client_id": emulator.client_id,
        "scope": XDR_SCOPE,
        "redirect_uri": emulator.connection["redirect_uri"],
        "state": "pending-1",
    }
    return f"{emulator.url}/{path}?{urlencode(query)}"


def test_accept_grants(page: Page, emulator: EmulatorProcess, caller: Caller) -> None:
    page.goto(_link(emulator, "contoso.example/v2.0/adminconsent"))
    page.screenshot(path=PICTURES / "consent.png", full_page=True)
    assert page.get_by_text("Northwind SOC").first.is_visible()
    assert page.get_by_text("Read all incidents").is_visible()
    page.get_by_role("button", name="Accept").click()
    page.wait_for_url("**/consent-result?**")
    page.screenshot(path=PICTURES / "accepted.png", full_page=True)
    assert page.get_by_role("heading", name="Thank you").is_visible()
    given = parse_qs(urlsplit(page.url).query)
    assert (given["tenant"], given["state"]) == ([emulator.tenant_id("contoso")], ["pending-1"])
    assert claims_of(caller.token())["roles"] == ["Incident.Read.All"]


def test_cancel_refuses(page: Page, emulator: EmulatorProcess, caller: Caller) -> None:
    page.goto(_link(emulator, "contoso.example/v2.0/adminconsent"))
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url("**/consent-result?**")
    page.screenshot(path=PICTURES / "cancelled.png", full_page=True)
    assert page.get_by_role("heading", name="Not granted").is_visible()
    assert caller.ask_token().json()["error_codes"] == [7000229]


def test_an_admin_of_some_tenant_chooses_it(page: Page, emulator: EmulatorProcess, caller: Caller) -> None:
    emulator.control("PATCH", "application", {"verified_publisher": False})
    page.goto(_link(emulator, "organizations/v2.0/adminconsent"))
    assert page.get_by_text("unverified").is_visible()
    page.get_by_label("You are an administrator of").select_option(emulator.tenant_id("adatum"))
    page.screenshot(path=PICTURES / "choose.png", full_page=True)
    page.get_by_role("button", name="Accept").click()
    page.wait_for_url("**/consent-result?**")
    assert caller.ask_token("adatum").status_code == 200
    assert caller.ask_token("contoso").status_code == 401
