# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample application as a test turns it: short names for what lies in its registration."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from defender_emulator import timestamps
from defender_emulator.entra import registered_at_first as first
from defender_emulator.entra.application_credentials import certificate_entry, is_current, set_certificates
from defender_emulator.entra.applications import Application
from defender_emulator.entra.documents import KeyCredential, PasswordCredential
from defender_emulator.entra.resources import find_resource, resource_by_key
from defender_emulator.json_text import JsonObject


@dataclass
class SampleSettings:
    """``permissions`` are the application permissions asked for, by resource key."""

    permissions: dict[str, list[str]]
    secret_expired: bool
    certificate_registered: bool
    verified_publisher: bool


def read_settings(application: Application) -> SampleSettings:
    """How the registration stands."""
    permissions: dict[str, list[str]] = {"xdr": [], "graph": []}
    for app_id, role_id in application.wanted_role_ids():
        if (resource := find_resource(app_id)) and resource.has_role(role_id):
            permissions.setdefault(resource.key, []).append(resource.role(role_id).name)
    secrets = [entry for entry in application.document["passwordCredentials"] if _is_samples(entry)]
    return SampleSettings(
        permissions=permissions,
        secret_expired=not all(is_current(entry) for entry in secrets),
        certificate_registered=any(_is_samples(entry) for entry in application.document["keyCredentials"]),
        verified_publisher=application.verified_publisher is not None,
    )


def change_settings(application: Application, changes: JsonObject, certificate: str) -> None:
    """Write some settings into the registration. ``certificate`` is the sample's own, base64 of its DER form."""
    settings = SampleSettings(**{**asdict(read_settings(application)), **changes})
    document = application.document
    if "permissions" in changes:
        wanted = {resource_by_key(key): names for key, names in settings.permissions.items()}
        document["requiredResourceAccess"] = first.required_access(wanted)
    if "verified_publisher" in changes:
        document["verifiedPublisher"] = first.verified_publisher(settings.verified_publisher)
    if "secret_expired" in changes:
        shift = -60 * timestamps.SECOND if settings.secret_expired else 730 * 86400 * timestamps.SECOND
        for entry in filter(_is_samples, document["passwordCredentials"]):
            entry["endDateTime"] = timestamps.write(timestamps.now() + shift)
    if "certificate_registered" in changes:
        entries = [entry for entry in document["keyCredentials"] if not _is_samples(entry)]
        if settings.certificate_registered:
            entries.append(certificate_entry({"key": certificate, "keyId": first.SAMPLE_CERTIFICATE_ID}))
        set_certificates(application, entries)


def _is_samples(entry: KeyCredential | PasswordCredential) -> bool:
    return entry["keyId"] in (first.SAMPLE_SECRET_ID, first.SAMPLE_CERTIFICATE_ID)
