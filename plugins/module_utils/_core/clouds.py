# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's clouds: which hosts issue tokens and serve the APIs, and what each API is called in a token."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from . import written_ids
from .errors import OptionError
from .showing import shown

GUID, DOMAIN = written_ids.GUID, written_ids.DOMAIN
_BLANK = re.compile(r"\s")
# what programs differ over when they read the host of a URL is not in one: a backslash, a percent sign, other scripts
_AUTHORITY = re.compile(r"[\w.:\[\]@!$&'()*+,;=~-]*", re.ASCII)
SHARED_TENANTS = ("common", "organizations", "consumers")


@dataclass(frozen=True)
class Cloud:
    """Base URLs without a trailing slash, and the resource URIs that tokens are asked for.

    A replaced URL changes where requests go, never the resource: the XDR API accepts only the audience of its main
    host. `xdr_url`, `xdr_resource` and `portal_host`, of Defender's portal, are None where Microsoft documents no such
    thing.
    """

    name: str
    authority_url: str
    graph_url: str
    graph_resource: str
    xdr_url: str | None
    xdr_resource: str | None
    portal_host: str | None


def _cloud(name: str, authority: str, graph: str, xdr: str | None, portal: str | None) -> Cloud:
    xdr_url = f"https://{xdr}" if xdr else None
    return Cloud(name, f"https://{authority}", f"https://{graph}", f"https://{graph}", xdr_url, xdr_url, portal)


CLOUDS = {
    cloud.name: cloud
    for cloud in (
        _cloud(
            "worldwide",
            "login.microsoftonline.com",
            "graph.microsoft.com",
            "api.security.microsoft.com",
            "security.microsoft.com",
        ),
        _cloud(
            "gcc",
            "login.microsoftonline.com",
            "graph.microsoft.com",
            "api-gcc.security.microsoft.us",
            "security.microsoft.com",
        ),
        _cloud(
            "gcc_high",
            "login.microsoftonline.us",
            "graph.microsoft.us",
            "api-gov.security.microsoft.us",
            "security.microsoft.us",
        ),
        _cloud(
            "dod",
            "login.microsoftonline.us",
            "dod-graph.microsoft.us",
            "api-gov.security.microsoft.us",
            "security.apps.mil",
        ),
        _cloud("china", "login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn", None, None),
    )
}
"""Sources: learn.microsoft.com, "National clouds", "Microsoft Graph deployments", "Defender XDR for US Government"."""


def select(
    name: str, authority_url: str | None = None, graph_url: str | None = None, xdr_url: str | None = None
) -> Cloud:
    """Return the named cloud, with the given base URLs in place of its own.

    Raises OptionError when a URL is not https or carries more than a scheme, a host and a path.
    """
    given = {"authority_url": authority_url, "graph_url": graph_url, "xdr_url": xdr_url}
    return replace(CLOUDS[name], **{option: _base_url(option, url) for option, url in given.items() if url})


def check_tenant_id(tenant_id: str | None, option: str = "tenant_id", variable: str = "") -> str:
    """Return the tenant id in lower case: a GUID or a verified domain, without the dot that may end one.

    `variable` is the host's variable that may hold it, "" for none.
    Raises OptionError for anything else, `common` and the like above all: they address no customer.
    """
    wanted = "give the customer's tenant GUID or one of its verified domains"
    if not tenant_id or not tenant_id.strip():
        where = f", on its host as {variable}" if variable else ""
        raise OptionError(f"{option} is empty: {wanted}{where}")
    tenant_id = tenant_id.strip().removesuffix(".").lower()
    if tenant_id in SHARED_TENANTS:
        raise OptionError(f"{option} is '{tenant_id}', which names no customer: {wanted}")
    if not GUID.match(tenant_id) and not DOMAIN.match(tenant_id):
        meant = written_ids.tenant_meant(tenant_id)
        if meant:
            wanted = f"give {meant}"
        raise OptionError(f"{option} {shown(tenant_id)} is neither a GUID nor a domain name: {wanted}")
    return tenant_id


def check_client_id(client_id: str | None, variable: str) -> str:
    """Return the application (client) id in lower case.

    Raises OptionError when it is no GUID, or missing, and then names the host's variable that could give it.
    """
    if not client_id:
        raise OptionError(
            "client_id is missing: give the application (client) ID in the option, in the host's variable "
            f"{variable} or in AZURE_CLIENT_ID"
        )
    return _application_id("client_id", client_id)


def check_app_id(app_id: str, option: str = "app_id") -> str:
    """Return an application's ID in lower case. Raises OptionError, naming the option, for a value that is no GUID."""
    return _application_id(option, app_id)


def split_url(url: str) -> SplitResult | None:
    """Return the parts of a URL, or None for a text that is none, or whose host two programs could read differently."""
    try:
        parts = urlsplit(url)
        # reading the port checks it
        is_clear = parts.port != 0 and not _BLANK.search(url) and _AUTHORITY.fullmatch(parts.netloc)
        return parts if is_clear else None
    except ValueError:
        return None


def _application_id(option: str, value: str) -> str:
    if (meant := written_ids.guid_meant(value)) and meant[1]:
        raise OptionError(f"{option} has {meant[1]} in its GUID: give the GUID alone")
    if (several := len(written_ids.guids_within(value))) > 1:
        raise OptionError(f"{option} has {several} GUIDs: give one")
    if foreign := written_ids.foreign_digit(value):
        raise OptionError(f"{option} has {foreign} in its GUID: copy the application (client) ID of the registration")
    if not GUID.match(value.strip()):
        raise OptionError(
            f"{option} {shown(value)} is not a GUID: copy the application (client) ID of the registration"
        )
    return value.strip().lower()


def _base_url(option: str, url: str) -> str:
    parts = split_url(url)
    if parts is None or parts.scheme != "https" or not parts.hostname:
        raise OptionError(f"{option} {shown(url)} is not an https URL: tokens and secrets travel over https only")
    if "?" in url or "#" in url or "@" in parts.netloc:
        raise OptionError(
            f"{option} must be a base URL of scheme, host and path, without credentials, query or fragment"
        )
    return url.rstrip("/")
