# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What weakens the consent of a customer, who decides by what the consent page and the application say of their owner.

Sources: learn.microsoft.com, "Configure an application's publisher domain", "Publisher verification overview".
"""

from __future__ import annotations

from typing import TypedDict

from .directory import Application

_FIRST_DOMAIN = ".onmicrosoft.com"


class Remark(TypedDict):
    """One weakness: `about` is the field of the result that shows it."""

    about: str
    what: str
    remedy: str


def of(application: Application, owners: list[str] | None) -> list[Remark]:
    """Return what weakens a consent to the application. Nothing is said of what was not read."""
    if application.get("signInAudience") == "AzureADMyOrg":
        return []
    found: list[Remark] = []
    if owners == []:
        what, remedy = "nobody owns the application", "make two people or service principals of your tenant its owners"
        found.append({"about": "owners", "what": what, "remedy": remedy})
    domain = application.get("publisherDomain") or ""
    if "publisherDomain" in application and (not domain or domain.lower().endswith(_FIRST_DOMAIN)):
        shown = f"shows {domain}" if domain else "shows no domain"
        what = f"the consent page {shown} as the publisher's, which says nothing of who you are"
        remedy = "choose a verified domain of yours (Branding & properties, Publisher domain)"
        found.append({"about": "publisher_domain", "what": what, "remedy": remedy})
    if "verifiedPublisher" in application and not verified_publisher(application):
        what = "the consent page calls the publisher unverified, which makes whoever reads it doubt"
        remedy = "verify the publisher with your Partner One ID, signed in with MFA: no application can do that"
        found.append({"about": "verified_publisher", "what": what, "remedy": remedy})
    return found


def verified_publisher(application: Application) -> str | None:
    """Return the name of the publisher that Microsoft has verified, if it has."""
    return (application.get("verifiedPublisher") or {}).get("displayName")
