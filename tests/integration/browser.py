# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person does with a consent link, without a browser: the page is a plain form."""

from __future__ import annotations

import re

import requests


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
