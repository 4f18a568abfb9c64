# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An incident of the XDR API as Microsoft Graph security writes it.

Sources: learn.microsoft.com, resources/security-incident and resources/security-alert.
"""

from __future__ import annotations

from typing import Any

# Where the two APIs differ by more than the case of the first letter.
_NAMES = {
    "UnSpecified": "unknown",
    "NotAvailable": "unknown",
    "CompromisedAccount": "compromisedUser",
    "ConfirmedActivity": "confirmedUserActivity",
    "NoEnoughDataToValidate": "insufficientData",
}
_SERVICES = {
    "OfficeATP": "microsoftDefenderForOffice365",
    "MicrosoftCloudAppSecurity": "microsoftDefenderForCloudApps",
}
_EVIDENCE = {
    "User": "userEvidence",
    "Ip": "ipEvidence",
    "Url": "urlEvidence",
    "File": "fileEvidence",
    "Process": "processEvidence",
    "MailBox": "mailboxEvidence",
    "MailMessage": "analyzedMessageEvidence",
    "Registry": "registryKeyEvidence",
    "SecurityGroup": "securityGroupEvidence",
}


def enum_name(name: str) -> str:
    """The Graph spelling of an XDR enumeration member."""
    return _NAMES.get(name) or name[0].lower() + name[1:]


def graph_incident(document: dict[str, Any], tenant_id: str, with_alerts: bool) -> dict[str, Any]:
    """The Graph form of an XDR incident; alerts only when they are asked for (``$expand=alerts``)."""
    redirect = document["redirectIncidentId"]
    incident: dict[str, Any] = {
        "id": str(document["incidentId"]),
        "tenantId": tenant_id,
        "status": enum_name(document["status"]),
        "incidentWebUrl": f"https://security.microsoft.com/incidents/{document['incidentId']}?tid={tenant_id}",
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
        "description": document["alerts"][0]["description"],
        "comments": [
            {
                "comment": comment["comment"],
                "createdByDisplayName": comment["createdBy"],
                "createdDateTime": comment["createdTime"],
            }
            for comment in document["comments"]
        ],
    }
    if with_alerts:
        incident["alerts"] = [_alert(alert, tenant_id) for alert in document["alerts"]]
    return incident


def _alert(alert: dict[str, Any], tenant_id: str) -> dict[str, Any]:
    portal = "https://security.microsoft.com"
    return {
        "id": alert["alertId"],
        "providerAlertId": alert["alertId"],
        "incidentId": str(alert["incidentId"]),
        "status": enum_name(alert["status"]),
        "severity": enum_name(alert["severity"]),
        "classification": None,
        "determination": None,
        "serviceSource": _SERVICES.get(alert["serviceSource"]) or enum_name(alert["serviceSource"]),
        "detectionSource": enum_name(alert["detectionSource"]),
        "detectorId": alert["detectorId"],
        "tenantId": tenant_id,
        "title": alert["title"],
        "description": alert["description"],
        "recommendedActions": "",
        "category": alert["category"],
        "assignedTo": alert["assignedTo"],
        "alertWebUrl": f"{portal}/alerts/{alert['alertId']}?tid={tenant_id}",
        "incidentWebUrl": f"{portal}/incidents/{alert['incidentId']}?tid={tenant_id}",
        "actorDisplayName": alert["actorName"],
        "threatDisplayName": None,
        "threatFamilyName": alert["threatFamilyName"],
        "mitreTechniques": alert["mitreTechniques"],
        "createdDateTime": alert["creationTime"],
        "lastUpdateDateTime": alert["lastUpdatedTime"],
        "resolvedDateTime": alert["resolvedTime"],
        "firstActivityDateTime": alert["firstActivity"],
        "lastActivityDateTime": alert["lastActivity"],
        "comments": [],
        "systemTags": [],
        "evidence": [
            *(_device_evidence(device) for device in alert["devices"]),
            *(_evidence(entity, alert["creationTime"]) for entity in alert["entities"]),
        ],
    }


def _device_evidence(device: dict[str, Any]) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.security.deviceEvidence",
        "createdDateTime": device["firstSeen"],
        "verdict": "unknown",
        "remediationStatus": "none",
        "roles": [],
        "tags": device["tags"],
        "firstSeenDateTime": device["firstSeen"],
        "mdeDeviceId": device["mdatpDeviceId"],
        "azureAdDeviceId": device["aadDeviceId"],
        "deviceDnsName": device["deviceDnsName"],
        "osPlatform": device["osPlatform"],
        "osBuild": device["osBuild"],
        "version": device["version"],
        "healthStatus": enum_name(device["healthStatus"]),
        "riskScore": enum_name(device["riskScore"]),
        "rbacGroupId": device["rbacGroupId"],
        "rbacGroupName": device["rbacGroupName"],
        "onboardingStatus": enum_name(device["onboardingStatus"]),
        "vmMetadata": device["vmMetadata"],
    }


def _evidence(entity: dict[str, Any], created: str) -> dict[str, Any]:
    kind = entity["entityType"]
    return {
        "@odata.type": f"#microsoft.graph.security.{_EVIDENCE[kind]}",
        "createdDateTime": created,
        "verdict": enum_name(entity.get("verdict", "Unknown")),
        "remediationStatus": "none",
        "roles": [],
        "tags": [],
        **_details(kind, entity),
    }


def _details(kind: str, entity: dict[str, Any]) -> dict[str, Any]:
    if kind == "User":
        account = {"accountName": "accountName", "domainName": "domainName", "userSid": "userSid"}
        account |= {"azureAdUserId": "aadUserId", "userPrincipalName": "userPrincipalName"}
        return {"userAccount": {name: entity.get(source) for name, source in account.items()}}
    if kind in ("File", "Process"):
        file = {name: entity.get(name) for name in ("sha1", "sha256", "fileName", "filePath")}
        if kind == "File":
            return {"fileDetails": file, "mdeDeviceId": entity.get("deviceId")}
        process = {name: entity.get(name) for name in ("processId", "processCommandLine", "parentProcessId")}
        return {"imageFile": file, **process, "mdeDeviceId": entity.get("deviceId")}
    return {name: value for name, value in entity.items() if name not in ("entityType", "verdict")}
