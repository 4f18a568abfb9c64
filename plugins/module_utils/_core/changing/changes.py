# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be set on an incident or alert, what of that differs from what it is, and how each API is told.

Sources: learn.microsoft.com, "Update incidents API in Microsoft Defender XDR"; "Update incident", "Update alert" and
"Create comment" of Microsoft Graph security.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..calls import Call
from ..errors import OptionError
from ..identity import permissions
from ..identity.permissions import Api
from ..reading import classifications, dialects
from ..reading.dialects import Dialect
from ..wire.pacing import GRAPH_SECURITY, XDR_UPDATE

OPEN_STATUSES = ("Active", "InProgress")
INCIDENT_STATUSES = (*OPEN_STATUSES, "Resolved")
ALERT_STATUSES = ("New", "InProgress", "Resolved")


@dataclass(frozen=True)
class Tags:
    """Custom tags to have beside those that are there, to be without, or (`only`) to have and no others."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None

    def of(self, current: Iterable[str]) -> list[str]:
        """Return the tags that are to be in the place of the current ones."""
        kept = self.only if self.only is not None else [tag for tag in current if tag not in self.remove]
        return list(dict.fromkeys((*kept, *self.add)))


@dataclass(frozen=True)
class Comment:
    """A comment that is made once. Its marker tells it, whatever the service does to the text around it."""

    text: str
    key: str | None = None

    @property
    def marker(self) -> str:
        return f"[ansible:{hashlib.sha256((self.key or self.text).encode()).hexdigest()[:8]}]"

    @property
    def marked(self) -> str:
        return f"{self.text} {self.marker}"


@dataclass(frozen=True)
class Wanted:
    """What is to be set; None leaves it as it is. An empty `assigned_to` means nobody."""

    status: str | None = None
    assigned_to: str | None = None
    classification: str | None = None
    determination: str | None = None
    tags: Tags | None = None
    comment: Comment | None = None


Value: TypeAlias = "str | list[str] | None"
"""Of a field, as the API writes it: a list for tags, None for nothing."""

Change = tuple[Value, Value]
"""What a field is, and what it is to be."""

Plan = dict[str, Change]
"""The changes that are left to make, by name of the field as in `Wanted`."""


@dataclass(frozen=True)
class Form:
    """How one API has a kind of record changed: what it calls things, which calls there are.

    `tags_field` is None where it has no tags, `comment_call` where a comment goes with the other fields. `nobody` is
    sent to take an assignment away.
    """

    noun: str
    api: Api
    dialect: Dialect
    statuses: tuple[str, ...]
    update_call: Call
    comment_call: Call | None = None
    tags_field: str | None = None
    nobody: str | None = None
    spell: Callable[[str], str] = classifications.for_graph

    @property
    def read_call(self) -> Call:
        """The call that reads a record; who may not write is told so by it already, and in check mode too."""
        return replace(self.dialect.get_call, roles=self.update_call.roles)

    def plan(self, record: Mapping[str, object], wanted: Wanted) -> Plan:
        """Return what of the wanted differs from the record as the API sent it."""
        plan: Plan = {}
        for field in ("status", "classification", "determination"):
            value, current = getattr(wanted, field), record.get(field)
            if value is not None and value != classifications.canonical(current):
                plan[field] = (_text(current), self.spell(value))
        assignee = _text(record.get("assignedTo"))
        if wanted.assigned_to is not None and wanted.assigned_to.lower() != (assignee or "").lower():
            plan["assigned_to"] = (assignee, wanted.assigned_to or None)
        if wanted.tags and self.tags_field:
            tags = _texts(record.get(self.tags_field))
            if set(wanted.tags.of(tags)) != set(tags):
                plan["tags"] = (tags, wanted.tags.of(tags))
        if wanted.comment and not _is_said(record, wanted.comment.marker):
            plan["comment"] = (None, wanted.comment.marked)
        return plan

    def shows(self, record: Mapping[str, object], plan: Plan) -> bool:
        """Tell whether an answer of the API says of every field of the plan what it is now."""
        names = {"assigned_to": "assignedTo", "tags": self.tags_field, "comment": "comments"}
        return all(names.get(field, field) in record for field in plan)

    def body(self, plan: Plan) -> dict[str, Value]:
        """Return the body that makes the changes at once, empty where they are none but a comment of its own call."""
        names = {"assigned_to": "assignedTo", "tags": self.tags_field or ""}
        body = {names.get(field, field): after for field, (_before, after) in plan.items()}
        if self.comment_call:
            body.pop("comment", None)
        if "assignedTo" in body:
            body["assignedTo"] = body["assignedTo"] or self.nobody
        return body


def comment_body(text: str) -> dict[str, str]:
    """Return the body of Microsoft Graph's own call for a comment."""
    return {"@odata.type": "microsoft.graph.security.alertComment", "comment": text}


def read_wanted(settings: Mapping[str, object], statuses: Collection[str], where: str) -> Wanted:
    """Return what the settings ask for; None and an empty comment mean that nothing is asked.

    `where` begins the sentence of an OptionError, for anything that no incident can be.
    """
    fields = ("status", "assigned_to", "classification", "determination", "comment", "comment_key")
    status, assigned_to, classification, determination, comment, key = (
        None if settings.get(field) is None else text(settings[field], where + field) for field in fields
    )
    if status is not None and status not in statuses:
        raise OptionError(f"{where}status '{status}' cannot be set: it is one of {', '.join(statuses)}")
    classifications.check(classification, determination, where)
    said, tags = (comment or "").strip(), settings.get("tags")
    return Wanted(
        status,
        assigned_to,
        classification,
        determination,
        _read_tags(tags, where) if tags is not None else None,
        Comment(said, key) if said else None,
    )


def text(value: object, where: str) -> str:
    """Return a text. Raises OptionError for anything else."""
    if not isinstance(value, str):
        raise OptionError(f"{where} is {value!r}: it must be a text")
    return value


def texts(value: object, where: str) -> tuple[str, ...]:
    """Return a list of texts, or a single one as such a list. Raises OptionError for anything else."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(item, str) and item.strip() for item in listed):
        raise OptionError(f"{where} is {value!r}: it must be a list of texts")
    return tuple(str(item) for item in listed)


def _read_tags(tags: object, where: str) -> Tags:
    given = {name: value for name, value in tags.items() if value is not None} if isinstance(tags, dict) else {}
    if not given or set(given) - {"add", "remove", "set"} or ("set" in given and len(given) > 1):
        raise OptionError(f"{where}tags must have either 'set', or 'add' and 'remove', each a list of tags")
    lists = {name: texts(value, f"{where}tags.{name}") for name, value in given.items()}
    both = sorted(set(lists.get("add", ())) & set(lists.get("remove", ())))
    if both:
        raise OptionError(f"{where}tags: '{both[0]}' cannot be added and removed at once")
    return Tags(lists.get("add", ()), lists.get("remove", ()), lists.get("set"))


def _is_said(record: Mapping[str, object], marker: str) -> bool:
    comments = record.get("comments")
    found = [comment for comment in comments if isinstance(comment, dict)] if isinstance(comments, list) else []
    return any(marker in str(comment.get("comment")) for comment in found)


def _text(value: object) -> str | None:
    """Return what a service wrote where a text belongs, as one; None for nothing."""
    return (value if isinstance(value, str) else json.dumps(value)) if value else None


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


XDR_INCIDENT = Form(
    "incident",
    permissions.XDR,
    dialects.XDR_INCIDENTS,
    INCIDENT_STATUSES,
    Call("change an incident", ("Incident.ReadWrite.All",), XDR_UPDATE, on_record=True),
    tags_field="tags",
    nobody="",
    spell=str,
)
GRAPH_INCIDENT = Form(
    "incident",
    permissions.GRAPH,
    dialects.GRAPH_INCIDENTS,
    INCIDENT_STATUSES,
    Call("change an incident", ("SecurityIncident.ReadWrite.All",), GRAPH_SECURITY, on_record=True),
    Call("comment on an incident", ("SecurityIncident.ReadWrite.All",), GRAPH_SECURITY, on_record=True),
    tags_field="customTags",
)
GRAPH_ALERT = Form(
    "alert",
    permissions.GRAPH,
    dialects.GRAPH_ALERTS,
    ALERT_STATUSES,
    Call("change an alert", ("SecurityAlert.ReadWrite.All",), GRAPH_SECURITY, on_record=True),
    Call("comment on an alert", ("SecurityAlert.ReadWrite.All",), GRAPH_SECURITY, on_record=True),
)
INCIDENT_FORMS = {form.api.name: form for form in (XDR_INCIDENT, GRAPH_INCIDENT)}
