# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incidents and alerts of the XDR API as Microsoft Graph security writes them.

Sources: learn.microsoft.com, resources/security-incident and resources/security-alert. These pages contradict each
other on the names of determinations; those written here are Graph's metadata's, which Microsoft's SDK is made from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request

from defender_emulator.defender.alerts import AlertComments
from defender_emulator.defender.documents import GRAPH_ONLY, AlertDocument, Device, Entity, IncidentDocument
from defender_emulator.entra.tenants import Tenant
from defender_emulator.world import world_of

# Where the two APIs differ by more than the case of the first letter.
_NAMES = {
    "UnSpecified": "unknown",
    "NotAvailable": "unknown",
    "Clean": "notMalicious",
    "NoEnoughDataToValidate": "notEnoughDataToValidate",
}
# Written only for who asks for them, otherwise unknownFutureValue.
_HIDDEN = frozenset({"awaitingAction", "microsoftDefenderForCloud"})
SERVICES = {
    "OfficeATP": "microsoftDefenderForOffice365",
    "MicrosoftCloudAppSecurity": "microsoftDefenderForCloudApps",
}
DETECTION_SOURCES = {
    "WindowsDefenderAv": "antivirus",
    "WindowsDefenderAtp": "microsoftDefenderForEndpoint",
    "OfficeATP": "microsoftDefenderForOffice365",
    "MCAS": "cloudAppSecurity",
    "CustomerTI": "customTi",
}
_EVIDENCE = {
    "User": "userEvidence",
    "Ip": "ipEvidence",
    "Url": "urlEvidence",
    "File": "fileEvidence",
    "Process": "processEvidence",
    "MailBox": "mailboxEvidence",
    "MailMessage": "analyzedMessageEvidence",
    "Registry": "registryValueEvidence",
    "SecurityGroup": "securityGroupEvidence",
}


# A property of a device as evidence to one of a device of the XDR API.
DEVICE_EVIDENCE = {
    "firstSeenDateTime": "firstSeen",
    "mdeDeviceId": "mdatpDeviceId",
    "azureAdDeviceId": "aadDeviceId",
    "deviceDnsName": "deviceDnsName",
    "osPlatform": "osPlatform",
    "osBuild": "osBuild",
    "version": "version",
    "healthStatus": "healthStatus",
    "riskScore": "riskScore",
    "rbacGroupId": "rbacGroupId",
    "rbacGroupName": "rbacGroupName",
    "onboardingStatus": "onboardingStatus",
    "vmMetadata": "vmMetadata",
}


def enum_name(name: str | None) -> str:
    """The Graph spelling of an XDR enumeration member."""
    if not name:
        return "unknown"
    return _NAMES.get(name) or name[0].lower() + name[1:]


@dataclass(frozen=True)
class Writer:
    """Writes one tenant's incidents and alerts, hidden members of enumerations only for who asks for them."""

    tenant: Tenant
    comments: AlertComments
    shows_hidden: bool

    @classmethod
    def for_request(cls, request: Request, tenant: Tenant) -> Writer:
        """The writer that the request's ``Prefer`` headers ask for."""
        preferences = re.split(r"[,;\s]+", " ".join(request.headers.getlist("prefer")).lower())
        return cls(tenant, world_of(request).alert_comments, "include-unknown-enum-members" in preferences)

    def incident(self, document: IncidentDocument, *, with_alerts: bool) -> dict[str, object]:
        """The Graph form of an XDR incident; alerts only when they are asked for (``$expand=alerts``)."""
        redirect, alerts = document["redirectIncidentId"], document["alerts"]
        incident: dict[str, object] = {
            "id": str(document["incidentId"]),
            "tenantId": self.tenant.tenant_id,
            "status": self._member(enum_name(document["status"])),
            "incidentWebUrl": self._page(f"incidents/{document['incidentId']}"),
            "redirectIncidentId": None if redirect is None else str(redirect),
            "displayName": document["incidentName"],
            "createdDateTime": document["createdTime"],
            "lastUpdateDateTime": document["lastUpdateTime"],
            "assignedTo": document["assignedTo"],
            "classification": enum_name(document["classification"]),
            "determination": enum_name(document["determination"]),
            "severity": enum_name(document["severity"]),
            "customTags": document["tags"],
            "systemTags": [],
            "description": alerts[0]["description"] if alerts else None,
            "comments": incident_comments(document),
        }
        if with_alerts:
            incident["alerts"] = [self.alert(alert) for alert in alerts]
        return {**incident, **document.get(GRAPH_ONLY, {})}

    def alert(self, alert: AlertDocument) -> dict[str, object]:
        """The Graph form of an XDR alert."""
        beside = alert.get(GRAPH_ONLY, {})
        return {
            "id": alert["alertId"],
            "providerAlertId": alert["alertId"],
            "incidentId": str(alert["incidentId"]),
            "status": enum_name(alert["status"]),
            "severity": enum_name(alert["severity"]),
            "classification": enum_name(alert["classification"] or "Unknown"),
            "determination": enum_name(alert["determination"] or "NotAvailable"),
            "serviceSource": self._member(service_source(alert)),
            "detectionSource": self._member(
                DETECTION_SOURCES.get(str(alert["detectionSource"])) or enum_name(alert["detectionSource"])
            ),
            "detectorId": alert["detectorId"],
            "tenantId": self.tenant.tenant_id,
            "title": alert["title"],
            "description": alert["description"],
            "recommendedActions": "",
            "category": alert["category"],
            "assignedTo": alert["assignedTo"],
            "alertWebUrl": self._page(f"alerts/{alert['alertId']}"),
            "incidentWebUrl": self._page(f"incidents/{alert['incidentId']}"),
            "actorDisplayName": alert["actorName"],
            "threatDisplayName": None,
            "threatFamilyName": alert["threatFamilyName"],
            "mitreTechniques": alert["mitreTechniques"],
            "createdDateTime": alert["creationTime"],
            "lastUpdateDateTime": alert["lastUpdatedTime"],
            "resolvedDateTime": alert["resolvedTime"],
            "firstActivityDateTime": alert["firstActivity"],
            "lastActivityDateTime": alert["lastActivity"],
            "systemTags": [],
            "evidence": [
                *(_device_evidence(device) for device in alert["devices"]),
                *(_evidence(entity, alert["creationTime"]) for entity in alert["entities"]),
            ],
            **beside,
            "comments": [*beside.get("comments", []), *self.comments.of(self.tenant, alert["alertId"])],
        }

    def _member(self, name: str) -> str:
        return "unknownFutureValue" if name in _HIDDEN and not self.shows_hidden else name

    def _page(self, path: str) -> str:
        return f"https://security.microsoft.com/{path}?tid={self.tenant.tenant_id}"


def incident_comments(document: IncidentDocument) -> list[dict[str, str | None]]:
    """The Graph form of an XDR incident's comments."""
    return [
        {
            "comment": comment["comment"],
            "createdByDisplayName": comment["createdBy"],
            "createdDateTime": comment["createdTime"],
        }
        for comment in document["comments"]
    ]


def service_source(alert: AlertDocument) -> str:
    """The Graph spelling of the product that raised an XDR alert."""
    return SERVICES.get(str(alert["serviceSource"])) or enum_name(alert["serviceSource"])


def _device_evidence(device: Device) -> dict[str, object]:
    details = {name: device.get(ours) for name, ours in DEVICE_EVIDENCE.items()}
    return {
        "@odata.type": "#microsoft.graph.security.deviceEvidence",
        "createdDateTime": device.get("firstSeen"),
        "verdict": "unknown",
        "remediationStatus": "none",
        "roles": [],
        "tags": device.get("tags", []),
        **details,
        "healthStatus": enum_name(device.get("healthStatus")),
        "riskScore": enum_name(device.get("riskScore")),
        "onboardingStatus": enum_name(device.get("onboardingStatus")),
    }


def _evidence(entity: Entity, created: str) -> dict[str, object]:
    kind = entity["entityType"]
    return {
        "@odata.type": f"#microsoft.graph.security.{_EVIDENCE.get(kind) or enum_name(kind) + 'Evidence'}",
        "createdDateTime": created,
        "verdict": enum_name(entity.get("verdict", "Unknown")),
        "remediationStatus": "none",
        "roles": [],
        "tags": [],
        **_details(kind, entity),
    }


def _details(kind: str, entity: Entity) -> dict[str, object]:
    if kind in ("File", "Process"):
        file = {name: entity.get(name) for name in ("sha1", "sha256", "fileName", "filePath")}
        if kind == "File":
            return {"fileDetails": file, "mdeDeviceId": entity.get("deviceId")}
        return {
            "imageFile": file,
            **{name: entity.get(name) for name in ("processId", "processCommandLine", "parentProcessId")},
            "processCreationDateTime": entity.get("processCreationTime"),
            "parentProcessCreationDateTime": entity.get("parentProcessCreationTime"),
            "mdeDeviceId": entity.get("deviceId"),
        }
    if kind == "User":
        account = {name: entity.get(name) for name in ("accountName", "domainName", "userSid", "userPrincipalName")}
        return {"userAccount": {**account, "azureAdUserId": entity.get("aadUserId")}}
    if kind == "MailBox":
        return {"displayName": entity.get("mailboxDisplayName"), "primaryAddress": entity.get("mailboxAddress")}
    if kind == "MailMessage":
        return {
            "p1Sender": {"emailAddress": entity.get("sender")},
            "recipientEmailAddress": entity.get("recipient"),
            "subject": entity.get("subject"),
            "deliveryAction": enum_name(entity.get("deliveryAction") or "Unknown"),
        }
    if kind == "SecurityGroup":
        return {"securityGroupId": entity.get("securityGroupId"), "displayName": entity.get("securityGroupName")}
    return {name: value for name, value in entity.items() if name not in ("entityType", "verdict", "deviceId")}
