# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of triage: which incidents each of them matches, and what it sets on them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import timestamps
from ..errors import OptionError
from ..reading.normalized import Normalized, normalized
from . import changes
from .changes import Wanted

_RULE_KEYS = ("name", "match", "set")
_MATCH_KEYS = ("severity", "status", "title", "tags", "service_source", "assigned_to", "older_than")
_LISTS: dict[str, tuple[str, ...]] = {
    "status": changes.INCIDENT_STATUSES,
    "severity": ("Informational", "Low", "Medium", "High"),
    "tags": (),
    "service_source": (),
}
_TEXTS = ("title", "assigned_to", "older_than")
_SET_KEYS = ("status", "assigned_to", "classification", "determination", "tags", "comment", "comment_key")


@dataclass(frozen=True)
class Rule:
    """A rule. Every condition must hold that is not None or empty, and of a list one value is enough, but all `tags`.

    `older_than` is the age since the incident was created, in ticks.
    """

    name: str
    wanted: Wanted
    status: tuple[str, ...] = changes.OPEN_STATUSES
    severity: tuple[str, ...] = ()
    title: re.Pattern[str] | None = None
    tags: tuple[str, ...] = ()
    service_source: tuple[str, ...] = ()
    assigned_to: str | None = None
    older_than: int | None = None

    def matches(self, incident: Normalized, now: int) -> bool:
        """Tell whether an incident in the common shape (see `normalized`) is one of the rule's at `now` (ticks)."""
        return (
            incident["status"] in self.status
            and (not self.severity or incident["severity"] in self.severity)
            and (self.title is None or self.title.search(incident["title"] or "") is not None)
            and set(self.tags) <= set(incident["tags"])
            and (not self.service_source or bool(set(self.service_source) & set(incident["service_sources"])))
            and (self.assigned_to is None or self.assigned_to.lower() == (incident["assigned_to"] or "").lower())
            and (self.older_than is None or _is_older(incident["created"], now - self.older_than))
        )


@dataclass(frozen=True)
class Rules:
    """Rules in their order: the first that matches an incident is the one that counts."""

    rules: tuple[Rule, ...]

    @property
    def statuses(self) -> list[str]:
        """The states that an incident must be in for any rule to match it."""
        return [status for status in changes.INCIDENT_STATUSES if any(status in rule.status for rule in self.rules)]

    @property
    def need_alerts(self) -> bool:
        """Whether a rule looks at the incident's alerts."""
        return any(rule.service_source for rule in self.rules)

    def first_match(self, record: Mapping[str, object], now: int) -> Rule | None:
        """Return the rule for an incident as either API sends it, None where there is none."""
        incident = normalized(record)
        return next((rule for rule in self.rules if rule.matches(incident, now)), None)


def read_rules(given: Sequence[object]) -> Rules:
    """Return the rules that an operator wrote: dictionaries with `name`, `match` and `set`.

    Raises OptionError that names the rule and the key for anything that no rule can have.
    """
    if not given:
        raise OptionError("rules: there is none")
    rules = tuple(_read_rule(rule, number) for number, rule in enumerate(given, start=1))
    names = [rule.name for rule in rules]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise OptionError(f"rules: two are named '{twice[0]}': give each a name of its own")
    return Rules(rules)


def _read_rule(rule: object, number: int) -> Rule:
    if not isinstance(rule, dict) or not isinstance(name := rule.get("name"), str) or not name.strip():
        raise OptionError(f"rule {number} has no name: write a list of rules, each with name, match and set")
    where = f"rule '{name}': "
    _check_keys(rule, _RULE_KEYS, where)
    match, settings = (_mapping(rule, key, where) for key in ("match", "set"))
    _check_keys(match, _MATCH_KEYS, f"{where}match.")
    if not match:
        raise OptionError(
            f"{where}match is empty, which means all incidents: say so, with status: [Active, InProgress]"
        )
    _check_keys(settings, _SET_KEYS, f"{where}set.")
    wanted = changes.read_wanted(settings, changes.INCIDENT_STATUSES, f"{where}set.")
    where += "match."
    lists = {key: _values(match[key], choices, where + key) for key, choices in _LISTS.items() if key in match}
    texts = {key: changes.text(match[key], where + key) for key in _TEXTS if key in match}
    return Rule(
        name,
        wanted,
        status=lists.get("status", changes.OPEN_STATUSES),
        severity=lists.get("severity", ()),
        title=_pattern(texts["title"], where) if "title" in texts else None,
        tags=lists.get("tags", ()),
        service_source=_sources(lists.get("service_source", ())),
        assigned_to=texts.get("assigned_to"),
        older_than=_ticks(texts["older_than"], where) if "older_than" in texts else None,
    )


def _values(given: object, choices: Sequence[str], where: str) -> tuple[str, ...]:
    values = changes.texts(given, where)
    if not values:
        raise OptionError(f"{where} is empty: leave it out, or say what it must be")
    unknown = [value for value in values if choices and value not in choices]
    if unknown:
        raise OptionError(f"{where} has '{unknown[0]}': it is one of {', '.join(choices)}")
    return values


def _pattern(title: str, where: str) -> re.Pattern[str]:
    try:
        return re.compile(title, re.IGNORECASE)
    except re.error as error:
        raise OptionError(f"{where}title '{title}' is not a regular expression: {error}") from None


def _sources(named: Sequence[str]) -> tuple[str, ...]:
    """Return the names that incidents in the common shape have, whichever the operator knows them by."""
    return tuple(normalized({"alerts": [{"serviceSource": name} for name in named]})["service_sources"])


def _ticks(age: str, where: str) -> int:
    return int(timestamps.option_seconds(f"{where}older_than", age) * timestamps.TICKS_PER_SECOND)


def _mapping(rule: Mapping[str, object], key: str, where: str) -> dict[str, object]:
    value = rule.get(key)
    if not isinstance(value, dict):
        raise OptionError(f"{where}{key} is missing, or no dictionary")
    return value


def _check_keys(given: Mapping[str, object], known: Sequence[str], where: str) -> None:
    unknown = [str(key) for key in given if key not in known]
    if unknown:
        raise OptionError(f"{where}{unknown[0]} is not a key: there are {', '.join(known)}")


def _is_older(created: str | None, moment: int) -> bool:
    ticks = timestamps.ticks_or_none(created)
    return ticks is not None and ticks < moment
