# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An incident as the store keeps it: in the Defender XDR API's form, and beside it what Microsoft Graph alone shows.

Times are ISO 8601 texts, as the API writes them. A document that a test gave may have further members, which are kept.
Source: learn.microsoft.com, api-list-incidents; keys of real answers that the page lacks are included.
"""

from __future__ import annotations

from typing import Final, TypedDict

from defender_emulator.json_text import JsonObject

GRAPH_ONLY: Final = "graph_only"


class Comment(TypedDict):
    """A comment on an incident."""

    comment: str | None
    createdBy: str | None
    createdTime: str | None


class Device(TypedDict, total=False):
    """A device that an alert was seen on. ``mdatpDeviceId`` is the id that other tables know it by."""

    mdatpDeviceId: str | None
    aadDeviceId: str | None
    deviceDnsName: str | None
    osPlatform: str | None
    version: str | None
    osProcessor: str
    osBuild: int | None
    healthStatus: str | None
    riskScore: str | None
    rbacGroupName: str | None
    rbacGroupId: int
    firstSeen: str | None
    tags: list[str]
    defenderAvStatus: str
    onboardingStatus: str | None
    vmMetadata: JsonObject | None


class EntityDetails(TypedDict, total=False):
    """What an entity has by its kind: a file a hash, a user an account, and so on."""

    verdict: str | None
    deviceId: str | None
    deviceDnsName: str | None
    accountName: str
    domainName: str
    userSid: str
    aadUserId: str
    userPrincipalName: str | None
    ipAddress: str
    url: str
    sha1: str
    sha256: str | None
    fileName: str
    filePath: str
    processId: int
    processCommandLine: str
    processCreationTime: str
    parentProcessId: int
    parentProcessCreationTime: str
    mailboxDisplayName: str
    mailboxAddress: str
    sender: str
    recipient: str
    subject: str
    deliveryAction: str | None
    registryHive: str
    registryKey: str
    registryValueType: str
    registryValue: str
    securityGroupId: str
    securityGroupName: str


class Entity(EntityDetails):
    """Something that an alert is about, of the kind ``entityType``."""

    entityType: str


class _BesideXdr(TypedDict, total=False):
    """``graph_only`` is what Microsoft Graph alone shows of the incident or alert."""

    graph_only: JsonObject


class AlertDocument(_BesideXdr):
    """One alert of an incident."""

    alertId: str
    incidentId: int
    serviceSource: str | None
    creationTime: str
    lastUpdatedTime: str
    resolvedTime: str | None
    firstActivity: str | None
    lastActivity: str | None
    title: str | None
    description: str | None
    category: str | None
    status: str | None
    severity: str | None
    investigationId: int | None
    investigationState: str | None
    classification: str | None
    determination: str | None
    detectionSource: str | None
    detectorId: str | None
    assignedTo: str | None
    actorName: str | None
    threatFamilyName: str | None
    mitreTechniques: list[str] | None
    devices: list[Device]
    entities: list[Entity]


class IncidentDocument(_BesideXdr):
    """One incident with its alerts. ``redirectIncidentId`` is the incident that it was merged into."""

    incidentId: int
    redirectIncidentId: int | None
    incidentName: str
    createdTime: str
    lastUpdateTime: str
    assignedTo: str | None
    classification: str
    determination: str
    status: str
    severity: str
    tags: list[str]
    comments: list[Comment]
    alerts: list[AlertDocument]


class Changes(TypedDict, total=False):
    """What a client can set of an alert."""

    status: str
    classification: str
    determination: str
    assignedTo: str | None


class IncidentChanges(Changes, total=False):
    """What a client can set of an incident."""

    tags: list[str]
