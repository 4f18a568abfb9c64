# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of an incident or alert in Microsoft's portal, which opens in the customer's tenant.

Sources: learn.microsoft.com, "incident resource type" and "alert resource type" of Microsoft Graph security
(`incidentWebUrl`, `alertWebUrl`). Recorded: both with `?tid=` and the tenant's GUID, and the same as `incidentUri` from
the Defender XDR API, whose page does not name it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, urlencode

from ..clouds import CLOUDS, split_url
from ..wire.records import JsonObject

_HOSTS = {cloud.portal_host for cloud in CLOUDS.values() if cloud.portal_host}


@dataclass(frozen=True)
class Portal:
    """The portal of a tenant: its host, None where the cloud has none that is known, and the tenant's GUID."""

    host: str | None
    tenant_guid: str


def page_of(record: JsonObject, portal: Portal | None) -> str | None:
    """Return the address of a record's page, None where there is none.

    What the service sent is believed only where it leads to Microsoft's portal. It is given the tenant, for without it
    the portal opens in the reader's own. An incident without such a link has one made of its id.
    """
    is_alert = "title" in record
    sent = record.get("alertWebUrl") if is_alert else record.get("incidentWebUrl") or record.get("incidentUri")
    page = _checked(sent)
    if page:
        return _in_tenant(page, portal.tenant_guid) if portal else page.geturl()
    identity = record.get("incidentId") or record.get("id")
    if is_alert or not (portal and portal.host and isinstance(identity, (str, int))):
        return None
    return f"https://{portal.host}/incidents/{quote(str(identity), safe='')}?tid={portal.tenant_guid}"


def _checked(sent: object) -> SplitResult | None:
    if not isinstance(sent, str) or not (sent.isascii() and sent.isprintable()):
        return None
    page = split_url(sent)
    return page if page and page.scheme == "https" and page.netloc.lower() in _HOSTS else None


def _in_tenant(page: SplitResult, tenant_guid: str) -> str:
    query = parse_qsl(page.query, keep_blank_values=True)
    if [value.lower() for name, value in query if name == "tid"] == [tenant_guid]:
        return page.geturl()
    others = [(name, value) for name, value in query if name != "tid"]
    return page._replace(query=urlencode([*others, ("tid", tenant_guid)])).geturl()
