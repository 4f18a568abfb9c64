# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the environment may say of a proxy, and what is said where it cannot be one."""

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.wire import proxies
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.proxies import Proxy, UnusableProxyError

URL = "https://api.security.microsoft.com/api/incidents"


@pytest.mark.parametrize(
    ("given", "url", "name", "has_password"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128", "proxy.example:3128", False),
        ("proxy.example:3128", "http://proxy.example:3128", "proxy.example:3128", False),
        ("proxy.example", "http://proxy.example", "proxy.example", False),
        ("user:pw@proxy.example:3128", "http://user:pw@proxy.example:3128", "proxy.example:3128", True),
        (
            " HTTP://user:p%40w@proxy.example:3128/ ",
            "http://user:p%40w@proxy.example:3128/",
            "proxy.example:3128",
            True,
        ),
        ("https://[::1]:3128", "https://[::1]:3128", "[::1]:3128", False),
        ("socks5h://user:pw@proxy.example:1080", "socks5h://user:pw@proxy.example:1080", "proxy.example:1080", True),
    ],
)
def test_a_proxy_is_taken_in_every_form_that_curl_takes(
    monkeypatch: pytest.MonkeyPatch, given: str, url: str, name: str, has_password: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", given)
    assert proxies.of(URL) == Proxy("HTTPS_PROXY", url, name, has_password)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("http://user:canary@proxy.example:80a", "a port that is not a number"),
        ("http://user:canary@proxy.example:99999", "a port that is not a number"),
        ("http://user:can#ary@proxy.example:3128", "percent-encoded"),
        ("http://user:12/canary@proxy.example:3128", "percent-encoded"),
        ("user:canary@proxy.example:80a", "a port that is not a number"),
        ("http://user:canary@:3128", "without a host"),
        ("htp://user:canary@proxy.example:3128", "by a scheme other than http, https, socks4"),
        ("http://user:can ary@proxy.example:3128", "percent-encoded"),
        ("http://user:canary@[proxy.example:3128", "a port that is not a number"),
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_what_can_be_no_proxy_is_refused_without_a_word_of_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str, why: str
) -> None:
    monkeypatch.setenv(variable, given)
    with pytest.raises(UnusableProxyError) as refused:
        proxies.of(URL)
    assert str(refused.value).startswith(f"{variable.upper()} names a proxy ")
    assert why in str(refused.value)
    assert "canary" not in str(refused.value)
    assert "ary" not in str(refused.value)


@pytest.mark.parametrize(
    "exempt", ["*", "microsoft.com", ".microsoft.com", "other.example, api.security.microsoft.com", "microsoft.com:443"]
)
def test_a_host_may_be_exempt(monkeypatch: pytest.MonkeyPatch, exempt: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:80a")
    monkeypatch.setenv("NO_PROXY", exempt)
    assert proxies.of(URL) is None


@pytest.mark.parametrize("given", ["", "  "])
def test_an_empty_variable_names_none(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", given)
    assert proxies.of(URL) is None
