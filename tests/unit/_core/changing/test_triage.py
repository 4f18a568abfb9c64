# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.changing.changes import Tags
from ansible_collections.mssp.defender.plugins.module_utils._core.changing.triage import read_rules
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError

NOW = timestamps.ticks("2026-11-20T12:00:00Z")
XDR_RECORD = {
    "incidentId": 7,
    "incidentName": "Ransomware on SRV1",
    "createdTime": "2026-11-13T11:59:59.9999999Z",
    "status": "InProgress",
    "severity": "High",
    "assignedTo": "Ann@contoso.com",
    "tags": ["vip", "emea"],
    "alerts": [{"serviceSource": "MicrosoftDefenderForEndpoint"}, {"serviceSource": "OfficeATP"}],
}
GRAPH_RECORD = {
    "id": "7",
    "displayName": "Ransomware on SRV1",
    "createdDateTime": "2026-11-13T11:59:59.9999999Z",
    "status": "inProgress",
    "severity": "high",
    "assignedTo": "Ann@contoso.com",
    "customTags": ["vip", "emea"],
    "alerts": [{"serviceSource": "microsoftDefenderForEndpoint"}, {"serviceSource": "microsoftDefenderForOffice365"}],
}
BOTH = pytest.mark.parametrize("record", [XDR_RECORD, GRAPH_RECORD], ids=["xdr", "graph"])


def rule(match: dict[str, Any], name: str = "a", settings: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "match": match, "set": settings or {}}


@BOTH
@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ({"status": "InProgress"}, True),
        ({"status": ["Active", "Resolved"]}, False),
        ({"severity": ["High", "Medium"]}, True),
        ({"severity": "Low"}, False),
        ({"title": "^ransom.*srv1$"}, True),
        ({"title": "(?-i:ransom)"}, False),
        ({"tags": ["emea", "vip"]}, True),
        ({"tags": ["emea", "apac"]}, False),
        ({"service_source": ["OfficeATP", "other"]}, True),
        ({"service_source": "microsoftDefenderForOffice365"}, True),
        ({"service_source": "MicrosoftCloudAppSecurity"}, False),
        ({"assigned_to": "ann@contoso.com"}, True),
        ({"assigned_to": ""}, False),
        ({"older_than": "7d"}, True),
        ({"older_than": "10081m"}, False),
        ({"severity": "High", "title": "phishing"}, False),
    ],
    ids=str,
)
def test_conditions_hold_for_the_records_of_either_api(
    record: dict[str, Any], match: dict[str, Any], matches: bool
) -> None:
    found = read_rules([rule(match)]).first_match(record, NOW)
    assert (found is not None) is matches


@BOTH
def test_the_first_rule_that_matches_counts(record: dict[str, Any]) -> None:
    rules = [rule({"severity": "Low"}, "low"), rule({"severity": "High"}, "high"), rule({"tags": "vip"}, "vip")]
    found = read_rules(rules).first_match(record, NOW)
    assert found is not None
    assert found.name == "high"


def test_a_rule_without_a_status_leaves_resolved_ones_to_others() -> None:
    rules = read_rules([rule({"severity": "High"}, "open"), rule({"status": "Resolved"}, "resolved")])
    assert rules.statuses == ["Active", "InProgress", "Resolved"]
    found = rules.first_match({**XDR_RECORD, "status": "Resolved"}, NOW)
    assert found is not None
    assert found.name == "resolved"
    assert rules.first_match({**XDR_RECORD, "status": "Redirected"}, NOW) is None


def test_only_what_rules_can_match_has_to_be_read() -> None:
    assert read_rules([rule({"status": "Active"})]).statuses == ["Active"]
    assert not read_rules([rule({"status": "Active"})]).need_alerts
    assert read_rules([rule({"service_source": "x"})]).need_alerts


def test_a_rule_says_what_to_set() -> None:
    (found,) = read_rules([rule({"severity": "High"}, settings={"status": "InProgress", "tags": {"add": "x"}})]).rules
    assert (found.wanted.status, found.wanted.tags) == ("InProgress", Tags(add=("x",)))


def test_an_incident_that_lacks_all_matches_nothing_in_particular() -> None:
    rules = read_rules([rule({match: "."}) | {"name": match} for match in ("title", "tags", "service_source")])
    rules_of_age = read_rules([rule({"older_than": "1m"})])
    assert rules_of_age.first_match({"status": "Active", "createdTime": "soon"}, NOW) is None
    assert rules.first_match({"status": "Active"}, NOW) is None


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ([], "rules: there is none"),
        ([rule({"severity": "High"}), "text"], "rule 2 has no name"),
        ([{"match": {}, "set": {}}], "rule 1 has no name"),
        ([rule({"tags": "a"}), rule({"tags": "b"})], "rules: two are named 'a'"),
        ([{**rule({"tags": "a"}), "then": {}}], "rule 'a': then is not a key: there are name, match, set"),
        ([rule({"colour": "red"})], "rule 'a': match.colour is not a key: there are severity, status, title, "),
        (
            [rule({"tags": "a"}, settings={"severity": "Low"})],
            "rule 'a': set.severity is not a key: there are status, ",
        ),
        ([rule({})], "rule 'a': match is empty, which means all incidents"),
        ([{"name": "a", "match": "High", "set": {}}], "rule 'a': match is missing, or no dictionary"),
        ([{"name": "a", "match": {"tags": "a"}}], "rule 'a': set is missing, or no dictionary"),
        ([rule({"severity": []})], "rule 'a': match.severity is empty"),
        ([rule({"severity": ["high"]})], "rule 'a': match.severity has 'high': it is one of Informational, Low, "),
        ([rule({"status": "Redirected"})], "rule 'a': match.status has 'Redirected': it is one of Active, "),
        ([rule({"tags": [7]})], "rule 'a': match.tags is [7]: it must be a list of texts"),
        ([rule({"title": "("})], "rule 'a': match.title '(' is not a regular expression: missing )"),
        ([rule({"title": None})], "rule 'a': match.title is None: it must be a text"),
        ([rule({"older_than": "a week"})], "rule 'a': match.older_than 'a week' is not a duration: "),
        (
            [rule({"tags": "a"}, settings={"classification": "FalsePositive", "determination": "Malware"})],
            "rule 'a': set.determination 'Malware' does not go with classification 'FalsePositive'",
        ),
    ],
)
def test_what_is_no_rule_is_refused_by_name_and_key(rules: list[Any], sentence: str) -> None:
    with pytest.raises(OptionError, match=f"^{re.escape(sentence)}"):
        read_rules(rules)
