# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links by which an API names its next page, followed only to where the token may go."""

from __future__ import annotations

import functools
from urllib.parse import unquote, urlsplit

from .. import errors
from ..clouds import split_url
from ..errors import Reason, TenantError

# filtered pages can be empty, though not for ever
_MOST_WITHOUT_NEWS = 100
_MOST_LINKS = 10_000


class NextLinks:
    """The next pages of one reading. `base_url` is the API as addressed here, `main_host` what the service calls it."""

    def __init__(self, base_url: str, main_host: str | None) -> None:
        self._base_url = base_url
        self._main_host = main_host
        self._followed: set[str] = set()
        self._without_news = 0

    def checked(self, link: str, brought_news: bool = True) -> str:
        """Return where the next page is: on the host that was asked, for the token must not go anywhere else.

        Behind a proxy or a regional host the service may name its main host; its path is then asked for where we are.
        `brought_news` says whether the page with the link had anything that was not known.
        Raises TenantError for another host, for dots that lead to another path, for a link that was followed before,
        and for links without an end.
        """
        here = urlsplit(self._base_url)
        # a backslash or a user name makes readers of addresses differ in where the host begins
        there = None if set("\\@") & set(link.partition("?")[0]) else split_url(link)
        if there and any(not unquote(part).strip(".") and part for part in there.path.split("/")):
            raise _strange(here.netloc, "sent a next page whose path climbs to another one")
        if there and there.hostname == self._main_host != here.hostname:
            link = f"{self._base_url}{there.path}?{there.query}"
            there = urlsplit(link)
        wanted = ("https", here.hostname, here.port or 443)
        if there is None or (there.scheme, there.hostname, there.port or 443) != wanted:
            raise _strange(here.netloc, "sent a next page that lies on another host")
        if link in self._followed:
            raise _strange(here.netloc, "sent the same next page twice")
        self._followed.add(link)
        self._without_news = 0 if brought_news else self._without_news + 1
        if self._without_news == _MOST_WITHOUT_NEWS:
            raise _strange(here.netloc, f"sent {_MOST_WITHOUT_NEWS} pages in a row without anything new")
        if len(self._followed) > _MOST_LINKS:
            raise _strange(here.netloc, f"sent more than {_MOST_LINKS} pages of one answer")
        return link


# all tenants share the few addresses of the metadata
@functools.lru_cache(maxsize=64)
def led_back(address: str, base_url: str) -> str:
    """Return an address that the service at `base_url` named, as it is reached from here: never on another host.

    Behind a proxy the service names itself as others call it; its path is then asked for where we are.
    Raises TenantError for a text that is no such address.
    """
    here, there = urlsplit(base_url), split_url(address)
    path = there.path if there else ""
    if not path.startswith("/") or {".", ".."} & set(unquote(path).replace("\\", "/").split("/")):
        meaning = f"{here.netloc} named an address that is not one"
        raise TenantError(Reason(errors.ERROR, meaning, "check authority_url and the network path to it"))
    if not path.startswith(f"{here.path}/"):
        path = here.path + path
    return f"{here.scheme}://{here.netloc}{path}{'?' if there and there.query else ''}{there.query if there else ''}"


def _strange(host: str, what: str) -> TenantError:
    return TenantError(Reason(errors.ERROR, f"{host} {what}", "check xdr_url or graph_url"))
