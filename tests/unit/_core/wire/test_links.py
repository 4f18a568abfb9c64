# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.wire.links import NextLinks

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
