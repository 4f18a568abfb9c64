# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of advanced hunting that a tenant's incidents can fill.

Source: learn.microsoft.com, advanced-hunting-alertinfo-table, -alertevidence-table, -deviceinfo-table: some of their
columns, in their order. A text that is not known is empty, as Kusto has no null text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from defender_emulator import timestamps
from defender_emulator.defender.documents import AlertDocument, Entity
from defender_emulator.defender.incidents import Incident
from defender_emulator.kusto.values import Row, Table

_SERVICES = {
    "MicrosoftDefenderForEndpoint": "Microsoft Defender for Endpoint",
    "OfficeATP": "Microsoft Defender for Office 365",
    "MicrosoftCloudAppSecurity": "Microsoft Defender for Cloud Apps",
}
_ENTITY_TYPES = {"MailBox": "Mailbox", "Registry": "RegistryValue"}
_IMPACTED = frozenset({"Machine", "User", "MailBox"})
# A column of AlertEvidence to a key of an entity of the Defender XDR API.
_EVIDENCE = {
    "FileName": "fileName",
    "FolderPath": "filePath",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "RemoteIP": "ipAddress",
    "RemoteUrl": "url",
    "AccountName": "accountName",
    "AccountDomain": "domainName",
    "AccountSid": "userSid",
    "AccountObjectId": "aadUserId",
    "AccountUpn": "userPrincipalName",
    "DeviceId": "deviceId",
    "DeviceName": "deviceDnsName",
    "EmailSubject": "subject",
    "ProcessCommandLine": "processCommandLine",
    "RegistryKey": "registryKey",
    "RegistryValueData": "registryValue",
}
# A column of DeviceInfo to a key of a device of the Defender XDR API.
_DEVICE = {
    "DeviceId": "mdatpDeviceId",
    "DeviceName": "deviceDnsName",
    "AadDeviceId": "aadDeviceId",
    "OSPlatform": "osPlatform",
    "OSVersion": "version",
    "MachineGroup": "rbacGroupName",
    "SensorHealthState": "healthStatus",
    "OnboardingStatus": "onboardingStatus",
}


def hunting_table(name: str, incidents: list[Incident], since: int, until: int) -> Table | None:
    """The table of that name, with what happened from ``since`` to ``until`` (ticks). None when there is no such table.

    In DeviceInfo a device has a row for each alert that it was seen in.
    """
    if name not in _TABLES:
        return None
    columns, rows_of = _TABLES[name]
    alerts = (alert for incident in incidents for alert in incident.document()["alerts"])
    lasting = (alert for alert in alerts if since <= timestamps.read(alert["creationTime"]) <= until)
    types = {column: _TYPES.get(column, "String") for column in columns}
    rows = (row for alert in lasting for row in rows_of(alert))
    return Table(types, (tuple(map(_cell, types.values(), row)) for row in rows))


def _cell(kind: str, value: Any) -> Any:
    """A value as its column can hold it: a document that a test gave may have any."""
    if kind != "String" or isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


def _alert_info(alert: AlertDocument) -> Iterator[Row]:
    yield (
        alert["creationTime"],
        alert["alertId"],
        alert["title"],
        alert["category"],
        alert["severity"],
        *_origin(alert),
    )


def _alert_evidence(alert: AlertDocument) -> Iterator[Row]:
    machines: list[Entity] = [
        {"entityType": "Machine", "deviceId": device["mdatpDeviceId"], "deviceDnsName": device["deviceDnsName"]}
        for device in alert["devices"]
    ]
    for entity in (*machines, *alert["entities"]):
        kind = entity["entityType"]
        yield (
            alert["creationTime"],
            alert["alertId"],
            alert["title"],
            *_origin(alert),
            _ENTITY_TYPES.get(kind, kind),
            "Impacted" if kind in _IMPACTED else "Related",
            *(entity.get(key) for key in _EVIDENCE.values()),
        )


def _device_info(alert: AlertDocument) -> Iterator[Row]:
    for device in alert["devices"]:
        yield (alert["creationTime"], *(device.get(key) for key in _DEVICE.values()), device.get("osBuild") or 0)


def _origin(alert: AlertDocument) -> tuple[str | None, str | None, str]:
    service = alert["serviceSource"]
    return _SERVICES.get(service or "", service), alert["detectionSource"], json.dumps(alert["mitreTechniques"])


_ORIGIN = ("ServiceSource", "DetectionSource", "AttackTechniques")
_TYPES = {"Timestamp": "DateTime", "OSBuild": "Int64"}
_TABLES: dict[str, tuple[tuple[str, ...], Callable[[AlertDocument], Iterator[Row]]]] = {
    "AlertInfo": (("Timestamp", "AlertId", "Title", "Category", "Severity", *_ORIGIN), _alert_info),
    "AlertEvidence": (
        ("Timestamp", "AlertId", "Title", *_ORIGIN, "EntityType", "EvidenceRole", *_EVIDENCE),
        _alert_evidence,
    ),
    "DeviceInfo": (("Timestamp", *_DEVICE, "OSBuild"), _device_info),
}
