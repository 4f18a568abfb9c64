# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices and entities of an alert, as the Defender XDR API describes them.

Source: learn.microsoft.com, api-list-incidents; keys of real answers that the page lacks are included.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from defender_emulator import timestamps
from defender_emulator.defender.documents import Device, Entity, EntityDetails

_USERS = ("ada", "bruno", "chen", "dalia", "emeka", "freya", "goran", "hana")
_DEVICES = (
    ("srv-files", "WindowsServer2022", "21H2", 20348),
    ("srv-mail", "WindowsServer2019", "1809", 17763),
    ("pc-finance", "Windows11", "24H2", 26100),
    ("pc-sales", "Windows11", "23H2", 22631),
    ("pc-design", "macOS", "15.6", 24),
    ("web-shop", "Linux", "22.4", 5),
)
_FILES = ("invoice.exe", "update.dll", "readme.js", "loader.ps1", "setup.msi")


@dataclass(frozen=True)
class Scene:
    """Where and when an alert takes place. ``moment`` is in ticks."""

    rng: random.Random
    domain: str
    moment: int


def device(scene: Scene) -> Device:
    """One device."""
    rng = scene.rng
    name, platform, version, build = rng.choice(_DEVICES)
    return {
        "mdatpDeviceId": f"{rng.getrandbits(160):040x}",
        "aadDeviceId": _guid(rng) if rng.random() < 0.6 else None,
        "deviceDnsName": f"{name}{rng.randrange(1, 9)}.{scene.domain}",
        "osPlatform": platform,
        "version": version,
        "osProcessor": "x64",
        "osBuild": build,
        "healthStatus": rng.choice(("Active", "Active", "Inactive")),
        "riskScore": rng.choice(("None", "Low", "Medium", "High")),
        "rbacGroupName": rng.choice(("Servers", "Clients", None)),
        "rbacGroupId": rng.randrange(1, 99),
        "firstSeen": timestamps.write(scene.moment - rng.randrange(90 * 86400) * timestamps.SECOND),
        "tags": [],
        "defenderAvStatus": rng.choice(("Updated", "NotUpdated", "Unknown")),
        "onboardingStatus": "Onboarded",
        "vmMetadata": None,
    }


def entity(kind: str, scene: Scene, device_id: str | None) -> Entity:
    """One entity of the kind ``entityType`` names."""
    found: Entity = {"entityType": kind, **_MAKERS[kind](scene)}
    if device_id is not None and kind in ("File", "Process", "Registry"):
        found["deviceId"] = device_id
    return found


def _user(scene: Scene) -> EntityDetails:
    rng = scene.rng
    name = rng.choice(_USERS)
    return {
        "accountName": name,
        "domainName": scene.domain.partition(".")[0],
        "userSid": f"S-1-5-21-{rng.getrandbits(31)}-{rng.getrandbits(31)}-{rng.randrange(1000, 9999)}",
        "aadUserId": _guid(rng),
        "userPrincipalName": f"{name}@{scene.domain}",
    }


def _address(scene: Scene) -> EntityDetails:
    # 203.0.113.0/24 is kept for documentation (RFC 5737).
    return {"ipAddress": f"203.0.113.{scene.rng.randrange(1, 255)}"}


def _url(scene: Scene) -> EntityDetails:
    return {"url": f"https://parcel-{scene.rng.randrange(100, 999)}.example/track", "verdict": "Suspicious"}


def _file(scene: Scene) -> EntityDetails:
    return {
        "sha1": f"{scene.rng.getrandbits(160):040x}",
        "sha256": f"{scene.rng.getrandbits(256):064x}" if scene.rng.random() < 0.5 else None,
        "fileName": scene.rng.choice(_FILES),
        "filePath": "C:\\ProgramData\\Temp",
        "verdict": scene.rng.choice(("Malicious", "Suspicious", "NoThreatsFound")),
    }


def _process(scene: Scene) -> EntityDetails:
    return {
        **_file(scene),
        "processId": scene.rng.randrange(500, 60000),
        "processCommandLine": 'powershell.exe -NoProfile -Command "& { Start-Job }"',
        "processCreationTime": timestamps.write(scene.moment - 60 * timestamps.SECOND),
        "parentProcessId": scene.rng.randrange(4, 500),
        "parentProcessCreationTime": timestamps.write(scene.moment - 3600 * timestamps.SECOND, 0),
    }


def _mailbox(scene: Scene) -> EntityDetails:
    name = scene.rng.choice(_USERS)
    return {"mailboxDisplayName": name.title(), "mailboxAddress": f"{name}@{scene.domain}", "userPrincipalName": None}


def _message(scene: Scene) -> EntityDetails:
    return {
        "sender": "delivery@parcel.example",
        "recipient": f"{scene.rng.choice(_USERS)}@{scene.domain}",
        "subject": "Your parcel could not be delivered: Straße 4",
        "deliveryAction": scene.rng.choice(("Delivered", "DeliveredAsSpam", "Blocked")),
    }


def _registry(scene: Scene) -> EntityDetails:
    return {
        "registryHive": "HKEY_LOCAL_MACHINE",
        "registryKey": "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run",
        "registryValueType": "String",
        "registryValue": scene.rng.choice(_FILES),
    }


def _group(scene: Scene) -> EntityDetails:
    return {
        "securityGroupId": _guid(scene.rng),
        "securityGroupName": scene.rng.choice(("Finance", "Board", "Engineering")),
    }


_MAKERS = {
    "User": _user,
    "Ip": _address,
    "Url": _url,
    "File": _file,
    "Process": _process,
    "MailBox": _mailbox,
    "MailMessage": _message,
    "Registry": _registry,
    "SecurityGroup": _group,
}


def _guid(rng: random.Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
