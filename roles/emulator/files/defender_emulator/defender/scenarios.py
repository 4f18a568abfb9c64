# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of attack the emulator's incidents tell of. All names and words are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """One kind of attack: what its alerts are called, who saw them, and which evidence they carry."""

    name: str
    category: str
    severities: tuple[str, ...]
    service_source: str
    detection_source: str
    alerts: tuple[str, ...]
    description: str
    techniques: tuple[str, ...]
    evidence: tuple[str, ...]
    has_device: bool = True
    threat_family: str | None = None


SCENARIOS = (
    Scenario(
        "Ransomware activity on one endpoint",
        "Impact",
        ("High", "High", "Medium"),
        "MicrosoftDefenderForEndpoint",
        "WindowsDefenderAv",
        ("File encryption in progress", "Shadow copies deleted", "Suspicious service stopped"),
        "Many files were rewritten within seconds and their backup copies removed.",
        ("T1486", "T1490", "T1489"),
        ("File", "Process", "User"),
        threat_family="Lockvane",
    ),
    Scenario(
        "Phishing mail opened by several users",
        "InitialAccess",
        ("Medium", "Low"),
        "OfficeATP",
        "OfficeATP",
        ("Mail with a harmful link delivered", "User followed a harmful link"),
        "A mail that imitates a parcel service leads to a page that asks for passwords.",
        ("T1566.002",),
        ("MailMessage", "MailBox", "Url"),
        has_device=False,
    ),
    Scenario(
        "Sign-in from two distant places",
        "CredentialAccess",
        ("Medium", "Low", "Informational"),
        "MicrosoftCloudAppSecurity",
        "MCAS",
        ("Impossible travel", "Sign-in from an anonymous address"),
        "One account signed in from two countries within minutes.",
        ("T1078",),
        ("User", "Ip"),
        has_device=False,
    ),
    Scenario(
        "Credential dumping on a server",
        "CredentialAccess",
        ("High", "Medium"),
        "MicrosoftDefenderForEndpoint",
        "AutomatedInvestigation",
        ("Memory of the logon process read", "Known tool seen", "Unusual child process"),
        "A process read the memory in which Windows keeps credentials.",
        ("T1003.001", "T1059.001"),
        ("Process", "File", "User"),
        threat_family="Keywisp",
    ),
    Scenario(
        "Connection to a command and control server",
        "CommandAndControl",
        ("Medium", "High"),
        "MicrosoftDefenderForEndpoint",
        "CustomerTI",
        ("Beacon to a known address", "Script started from a document"),
        "A device calls the same foreign address at even intervals.",
        ("T1071.001", "T1105"),
        ("Ip", "Url", "Process"),
    ),
    Scenario(
        "Persistence through the registry",
        "Persistence",
        ("Low", "Medium"),
        "MicrosoftDefenderForEndpoint",
        "WindowsDefenderAtp",
        ("Autostart entry added", "Unsigned program at start"),
        "A program that nobody signed was set to start with Windows.",
        ("T1547.001",),
        ("Registry", "File"),
    ),
    Scenario(
        "Unwanted software installed",
        "UnwantedSoftware",
        ("Informational", "Low"),
        "MicrosoftDefenderForEndpoint",
        "WindowsDefenderAv",
        ("Unwanted software was blocked",),
        "An installer brought a program that changes the browser's start page.",
        (),
        ("File",),
        threat_family="Toolbarn",
    ),
    Scenario(
        "Mass download by one account",
        "Exfiltration",
        ("Medium", "High"),
        "MicrosoftCloudAppSecurity",
        "MCAS",
        ("Unusual number of files downloaded", "Files shared with a private address"),
        "One account fetched far more files than in the weeks before.",
        ("T1567",),
        ("User", "Ip", "SecurityGroup"),
        has_device=False,
    ),
)
