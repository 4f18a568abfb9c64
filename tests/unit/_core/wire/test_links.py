# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.links import NextLinks, led_back

MAIN = "graph.microsoft.com"
HERE = "https://graph.proxy.example:8443/base"


def refusal_of(links: NextLinks, link: str) -> str:
    with pytest.raises(TenantError) as refused:
        links.checked(link)
    return refused.value.reason.meaning


@pytest.mark.parametrize("link", [f"{HERE}/v1.0/users?$skiptoken=a%20b", "https://GRAPH.proxy.example:8443/other"])
def test_a_link_to_the_host_that_was_asked_is_followed_as_it_is(link: str) -> None:
    assert NextLinks(HERE, MAIN).checked(link) == link


def test_the_default_port_is_the_one_left_out() -> None:
    assert NextLinks("https://here.example", MAIN).checked("https://here.example:443/a") == "https://here.example:443/a"


def test_a_link_to_the_main_host_is_asked_for_where_we_are() -> None:
    link = f"https://{MAIN}/v1.0/users?$skiptoken=abc"
    assert NextLinks(HERE, MAIN).checked(link) == f"{HERE}/v1.0/users?$skiptoken=abc"
    assert NextLinks(f"https://{MAIN}", MAIN).checked(link) == link


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/users",
        "https://graph.proxy.example/v1.0/users",
        "http://graph.proxy.example:8443/v1.0/users",
        "https://graph.proxy.example:8443@evil.example/users",
        "https://evil.example\\@graph.proxy.example:8443/users",
        "/v1.0/users",
        "https://[",
        "",
    ],
)
def test_the_token_goes_nowhere_else(link: str) -> None:
    assert refusal_of(NextLinks(HERE, MAIN), link) == (
        "graph.proxy.example:8443 sent a next page that lies on another host"
    )


def test_the_same_page_is_not_read_twice() -> None:
    links = NextLinks(HERE, MAIN)
    links.checked(f"{HERE}/a")
    links.checked(f"{HERE}/b")
    assert refusal_of(links, f"{HERE}/a").endswith("sent the same next page twice")
    assert NextLinks(HERE, MAIN).checked(f"{HERE}/a")


@pytest.mark.parametrize(
    ("address", "base_url", "reached"),
    [
        ("https://login.microsoftonline.com/t/token?a=b", "https://proxy.example", "https://proxy.example/t/token?a=b"),
        ("https://login.microsoftonline.com/t/token", "https://proxy.example:8443/entra", None),
        ("https://upstream.example:8443/entra/t/token", "https://proxy.example:8443/entra", None),
        ("https://proxy.example:8443/entra/t/token", "https://proxy.example:8443/entra", None),
        ("http://user:secret@evil.example/t/token#x", "https://proxy.example:8443/entra", None),
    ],
)
def test_an_address_is_reached_where_we_are(address: str, base_url: str, reached: str | None) -> None:
    assert led_back(address, base_url) == (reached or "https://proxy.example:8443/entra/t/token")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "token",
        "https://login.microsoftonline.com",
        "https://login.microsoftonline.com/../t",
        "https://login.microsoftonline.com/a/%2e%2E/t",
        "https://login.microsoftonline.com/a/..%5ct",
        "https://login.microsoftonline.com:port/t",
        "https://[::/t",
        "https://evil.example\\@proxy.example/t/token",
    ],
)
def test_an_address_that_leads_nowhere_is_refused(address: str) -> None:
    with pytest.raises(TenantError, match=r"proxy\.example named an address that is not one"):
        led_back(address, "https://proxy.example/entra")


def test_pages_without_anything_new_have_an_end() -> None:
    links = NextLinks(HERE, MAIN)
    for number in range(99):
        links.checked(f"{HERE}/{number}", brought_news=False)
    links.checked(f"{HERE}/news")
    for number in range(99):
        links.checked(f"{HERE}/again-{number}", brought_news=False)
    with pytest.raises(TenantError) as refused:
        links.checked(f"{HERE}/one-too-many", brought_news=False)
    assert refused.value.reason.meaning.endswith("sent 100 pages in a row without anything new")


def test_pages_that_never_stop_have_an_end() -> None:
    links = NextLinks(HERE, MAIN)
    for number in range(10_000):
        links.checked(f"{HERE}/{number}")
    assert refusal_of(links, f"{HERE}/one-too-many").endswith("sent more than 10000 pages of one answer")
