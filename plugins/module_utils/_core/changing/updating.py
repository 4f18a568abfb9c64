# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes incidents or alerts of one tenant: reads each first, sends only what differs, and says what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from .. import errors, timestamps
from ..calls import Calls
from ..characters import plain
from ..errors import OptionError, Reason, TenantError
from ..identity import refusals
from ..reading.quarantine import is_failure
from ..reading.redirects import MOST_STEPS
from ..wire import paths, records
from . import changes
from .changes import Form, Plan, Value, Wanted

CHANGED = "changed"
UNCHANGED = "unchanged"
SKIPPED = "skipped"
CONFLICT = "conflict"
NOT_FOUND = "not_found"
REFUSED = "refused"
NOT_APPLIED = "not_applied"
NOT_REACHED = "not_reached"

TROUBLES = frozenset({CONFLICT, NOT_FOUND, REFUSED, NOT_APPLIED})
"""Ends that somebody must look after, and the tenant's own end does not tell of."""

_REDIRECTED = "redirected"
_INCIDENT_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_NOT_REACHED = ("the work in this tenant ended before it", "see to the tenant first, then run again")
_UNKNOWN = ("the work in this tenant ended before it was known whether the change took effect", "run again")


@dataclass(frozen=True)
class RecordChange:
    """What to set on one record, unless it was updated after `unchanged_since` (ticks)."""

    record_id: str
    wanted: Wanted
    unchanged_since: int | None = None


class EndResult(TypedDict, total=False):
    """An end as it stands in results. Fields have the names of `Wanted`; `msg` says why something was not done."""

    result: str
    changed: bool
    before: dict[str, Value]
    after: dict[str, Value]
    msg: str


class IncidentEnd(EndResult, total=False):
    """The end of an incident's change; `redirected_from` is the id that was asked for, where it is another one."""

    incident_id: str
    redirected_from: str


class AlertEnd(EndResult, total=False):
    """The end of an alert's change."""

    alert_id: str


@dataclass(frozen=True)
class End:
    """What became of one change.

    `record_id` is the record that was worked on, another one than was asked for where that has been redirected. `plan`
    is what was changed, or would be in check mode. `meaning` and `remedy` say why it was not done.
    """

    asked: RecordChange
    end: str
    record_id: str
    plan: Plan = field(default_factory=dict)
    meaning: str = ""
    remedy: str = ""

    @property
    def before(self) -> dict[str, Value]:
        return {name: before for name, (before, _after) in self.plan.items()}

    @property
    def after(self) -> dict[str, Value]:
        return {name: after for name, (_before, after) in self.plan.items()}

    def of_incident(self) -> IncidentEnd:
        """Return the end of an incident's change as it stands in results."""
        asked = self.asked.record_id
        result: IncidentEnd = {"incident_id": self.record_id, "redirected_from": asked, **self._to_result()}
        if self.record_id == asked:
            del result["redirected_from"]
        return result

    def of_alert(self) -> AlertEnd:
        """Return the end of an alert's change as it stands in results."""
        return {"alert_id": self.record_id, **self._to_result()}

    def _to_result(self) -> EndResult:
        result: EndResult = {
            "result": self.end,
            "changed": bool(self.plan),
            "before": self.before,
            "after": self.after,
        }
        if self.meaning:
            result["msg"] = f"{self.meaning}; {self.remedy}"
        return result


def check_id(noun: str, value: str, where: str = "") -> str:
    """Return the id of a record. Raises OptionError for what can be none, and would lead a call astray."""
    value = value.strip()
    if not _is_id(noun, value):
        raise OptionError(f"{where}{noun}_id '{value}' is not the id of an {noun}: copy it from what was read")
    return value


def _is_id(noun: str, value: str) -> bool:
    return bool(_INCIDENT_ID.fullmatch(value)) if noun == "incident" else paths.is_id(value)


class Updates:
    """Makes one change after the other. After Postponed, `run` can be called again and goes on where it stopped."""

    def __init__(self, calls: Calls, form: Form, requested: Sequence[RecordChange], dry_run: bool) -> None:
        self._updates = [_Update(calls, form, asked, dry_run) for asked in requested]
        self._ends: list[End] = []

    def run(self) -> None:
        """Raises Postponed, and TenantError for what is the tenant's trouble and not that of a single record."""
        while len(self._ends) < len(self._updates):
            self._ends.append(self._updates[len(self._ends)].run())

    def ends(self) -> list[End]:
        """Return what became of each change, in the order given."""
        return [*self._ends, *(update.cut_short() for update in self._updates[len(self._ends) :])]


class _Update:
    """One change. It decides anew with each call of `run`, by what the record is then."""

    def __init__(self, calls: Calls, form: Form, asked: RecordChange, dry_run: bool) -> None:
        self._calls = calls
        self._form = form
        self._asked = asked
        self._dry_run = dry_run
        self._record_id = asked.record_id
        self._is_read = False
        self._moved_at: str | None = None
        self._has_sent = False
        self._planned: Plan = {}
        self._left: Plan = {}

    def run(self) -> End:
        self._is_read = False
        try:
            return self._run()
        except TenantError as error:
            if not self._is_of_record(error.reason):
                raise
            meaning = f"{self._name()} could not be changed: {error.reason.meaning}"
            return self._ended(REFUSED, meaning, error.reason.remedy)

    def cut_short(self) -> End:
        """Return the end of a change that the tenant's trouble came before."""
        return self._ended(NOT_REACHED, *(_UNKNOWN if self._has_sent else _NOT_REACHED))

    def _ended(self, end: str, meaning: str = "", remedy: str = "") -> End:
        """Return the end, with what has been changed by then."""
        done = {}
        if self._has_sent or self._dry_run:
            done = {name: change for name, change in self._planned.items() if name not in self._left}
        return End(self._asked, end, self._record_id, done, plain(meaning), remedy)

    def _run(self) -> End:
        record = self._find()
        if isinstance(record, End):
            return record
        self._is_read = True
        plan = self._form.plan(record, self._asked.wanted)
        self._planned = {**plan, **self._planned}
        self._left = dict(plan)
        # where our own change took effect although its answer was lost, there are no fields left to send
        if self._moved_at and plan and not (self._has_sent and not self._form.body(plan)):
            remedy = "look at it again, and repeat with that time if it is still right"
            return self._ended(CONFLICT, f"{self._name()} has been updated meanwhile, at {self._moved_at}", remedy)
        if self._dry_run:
            self._left = {}
            return self._ended(CHANGED if plan else UNCHANGED)
        unapplied = self._send(plan)
        if unapplied:
            meaning = f"{self._name()}: the service accepted the change of {', '.join(unapplied)}, and did not apply it"
            remedy = "look at it in the portal: somebody else or a rule may have set it back"
            return self._ended(NOT_APPLIED, meaning, remedy)
        return self._ended(CHANGED if self._planned else UNCHANGED)

    def _find(self) -> Mapping[str, object] | End:
        """Return the record, or the one that it has been redirected to, however often."""
        self._record_id, self._moved_at = self._asked.record_id, None
        met: set[str] = set()
        while True:
            met.add(self._record_id)
            record = self._read()
            if isinstance(record, End):
                return record
            if self._has_moved(record):
                self._moved_at = str(record.get(self._form.dialect.updated_field) or "a time it does not tell")
            target = record.get(self._form.dialect.redirect_field or "")
            if target is None and str(record.get("status")).lower() != _REDIRECTED:
                return record
            if not _is_id(self._form.noun, str(target)):
                meaning = f"{self._name()} has been redirected, and names no target"
                return self._ended(SKIPPED, meaning, "look for the incident that it has become part of")
            if str(target) in met:
                return self._ended(
                    SKIPPED, f"{self._name()} has been redirected in a circle", "look at it in the portal"
                )
            if len(met) > MOST_STEPS:
                return self._ended(SKIPPED, f"{self._name()} has been redirected too often", "look at it in the portal")
            self._record_id = str(target)

    def _read(self) -> Mapping[str, object] | End:
        form = self._form
        reply = self._calls.get(self._path(), form.read_call, headers=form.dialect.headers, accept=(400, 404))
        if reply.status == 404:
            meaning = f"{self._name()} is not in this tenant"
            return self._ended(NOT_FOUND, meaning, f"check tenant_id and {form.noun}_id")
        if reply.status == 400:
            reason = refusals.of_api(400, reply.json_or_none(), None, [])
            return self._ended(REFUSED, f"{self._name()} cannot be read: {reason.meaning}", reason.remedy)
        return reply.json(records.read_object)

    def _send(self, plan: Plan) -> Plan:
        """Send the changes, and return those that were accepted and not applied. A comment goes last, if by itself."""
        form = self._form
        alone = {"comment": plan["comment"]} if "comment" in plan and form.comment_call else {}
        together = {name: change for name, change in plan.items() if name not in alone}
        unapplied: Plan = {}
        if together:
            self._has_sent = True
            reply = self._calls.write("PATCH", self._path(), form.update_call, form.body(plan), form.dialect.headers)
            unapplied = self._unapplied(reply.json_or_none(records.read_object) or {}, together)
            self._left = {**unapplied, **alone}
        if form.comment_call and alone and not unapplied:
            self._has_sent = True
            comment = changes.comment_body(str(alone["comment"][1]))
            reply = self._calls.write("POST", f"{self._path()}/comments", form.comment_call, comment)
            said = (reply.json_or_none(records.read_object) or {}).get("value")
            self._left = unapplied = self._unapplied({"comments": said} if said else {}, alone)
        return unapplied

    def _unapplied(self, answered: Mapping[str, object], sent: Plan) -> Plan:
        """Return what of that which was sent is not so, by the service's answer, or else by the record read again.

        HTTP 200 says that a change was accepted. Only what was seen counts as changed.
        """
        form, wanted = self._form, self._asked.wanted
        is_this = str(answered.get(form.dialect.id_field, self._record_id)) == self._record_id
        if is_this and form.shows(answered, sent) and not form.plan(answered, wanted).keys() & sent.keys():
            return {}
        record = self._read()
        # what cannot be read again cannot be said to be changed
        left = sent if isinstance(record, End) else form.plan(record, wanted)
        return {name: change for name, change in sent.items() if name in left}

    def _has_moved(self, record: Mapping[str, object]) -> bool:
        """Tell whether the record was updated after the moment that the change names, or may have been."""
        if self._asked.unchanged_since is None:
            return False
        updated = timestamps.ticks_or_none(record.get(self._form.dialect.updated_field))
        return updated is None or updated > self._asked.unchanged_since

    def _is_of_record(self, reason: Reason) -> bool:
        """Tell a single record's trouble: a change of it that is refused, or a server that fails over it."""
        return is_failure(reason) or (self._is_read and reason.state == errors.ERROR)

    def _path(self) -> str:
        return f"{self._form.dialect.path}/{paths.segment(self._record_id)}"

    def _name(self) -> str:
        if self._record_id == self._asked.record_id:
            return f"{self._form.noun} {self._record_id}"
        return f"{self._form.noun} {self._record_id} (to which {self._asked.record_id} was redirected)"
