# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change the open incidents of each tenant by rules, in one go: read, match, change."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from ..._core import files, timestamps
from ..._core.calls import Calls
from ..._core.changing import changes, triage, updating
from ..._core.changing.changes import Form, Plan
from ..._core.changing.triage import Rule, Rules
from ..._core.changing.updating import End, IncidentEnd, RecordChange, Updates
from ..._core.dependencies import yaml
from ..._core.errors import OptionError, TenantError
from ..._core.outcomes import Tenant
from ..._core.reading.dialects import Dialect
from ..._core.reading.normalized import normalized
from ..._core.reading.quarantine import QuarantinedResult
from ..._core.reading.queries import Query
from ..._core.reading.reader import Reader
from ..._core.results import Result
from ..._core.wire.records import Record
from .. import fleet_task
from ..fleet_task import TenantsResult
from ..operation import Constraints, Operation, OptionSpec
from ..options import API, CONNECTION, OF_RUN, ONE_OR_MANY, PACED, PREFIX, TENANTS
from ..reading.tenant_read import warn_of_future
from ..session import Session
from ..task_context import Params, TaskContext
from . import record_change

ARGUMENTS: dict[str, OptionSpec] = {
    **TENANTS,
    **CONNECTION,
    **PACED,
    **API,
    "rules": {"type": "list", "elements": "dict"},
    "rules_file": {"type": "path"},
    "updated_after": {"type": "str"},
}
CONSTRAINTS: Constraints = {
    "mutually_exclusive": [*ONE_OR_MANY["mutually_exclusive"], ("rules", "rules_file")],
    "required_one_of": [("rules", "rules_file")],
}
VARIABLES = record_change.VARIABLES
SETTINGS = {
    **OF_RUN,
    "api": f"{PREFIX}api",
    "rules_file": f"{PREFIX}triage_rules",
    "updated_after": f"{PREFIX}triage_updated_after",
}

# who works on an incident meanwhile is not to be disturbed: the next run looks at it again
_TROUBLES = updating.TROUBLES - {updating.CONFLICT}


class TriagedIncident(IncidentEnd):
    """What became of an incident that a rule wants to be otherwise."""

    rule: str
    title: str


class TriageResult(TenantsResult, total=False):
    """What the rules change in a tenant: how many incidents were `read`, and how many of them a rule `matched`."""

    read: int
    matched: int
    changes: list[TriagedIncident]
    quarantined: list[QuarantinedResult]


def run(task: TaskContext) -> Result:
    """Return what the rules change in each tenant. Raises OptionError before any tenant is touched."""
    params = task.params
    form = changes.INCIDENT_FORMS[params["api"]]
    now = time.time()
    session = Session(task, VARIABLES)
    since = params["updated_after"]
    warn_of_future(task, ("updated_after",), now)
    request = _TriageRequest(
        session,
        form,
        _rules(params),
        timestamps.option_ticks("updated_after", since, now) if since else None,
        int(now * timestamps.TICKS_PER_SECOND),
        task.check_mode,
    )
    session.check_api(form.api)
    work = {tenant: _Triage(request, tenant) for tenant in fleet_task.given(params)}
    return fleet_task.run(params, work, task.progress)


def _rules(params: Params) -> Rules:
    if not params["rules_file"]:
        return triage.read_rules(params["rules"])
    path = Path(params["rules_file"])
    text = files.given_text("rules_file", path)
    if yaml is None:
        raise OptionError("rules_file: this Python lacks the library PyYAML: install it, or give the rules as rules")
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}" if mark else str(error)
        raise OptionError(f"rules_file: {path} is no YAML: {' '.join(place.split())}") from None
    if not isinstance(given, list):
        raise OptionError(f"rules_file: {path} holds no list of rules: write each with name, match and set")
    return triage.read_rules(given)


@dataclass(frozen=True)
class _TriageRequest:
    """What is asked of every tenant alike. Times are ticks."""

    session: Session
    form: Form
    rules: Rules
    updated_after: int | None
    now: int
    check_mode: bool

    @property
    def dialect(self) -> Dialect:
        """The incidents, for a reader who must be allowed to change them too."""
        dialect, roles = self.form.dialect, self.form.update_call.roles
        return replace(dialect, list_call=replace(dialect.list_call, roles=roles), get_call=self.form.read_call)


@dataclass(frozen=True)
class _Match:
    """An incident that a rule changes; no more of it is kept, because a fleet has many."""

    rule: Rule
    title: str
    change: RecordChange
    plan: Plan


class _Triage:
    """One tenant's triage; called again after every wait."""

    def __init__(self, request: _TriageRequest, tenant: Tenant) -> None:
        self._request = request
        self._tenant = tenant
        self._calls: Calls | None = None
        # one after the other: most incidents of a tenant are resolved, and the service can leave those out
        self._statuses = deque(request.rules.statuses)
        self._reader: Reader | None = None
        self._found: dict[str, _Match] = {}
        self._matched: set[str] = set()
        self._read: set[str] = set()
        self._quarantined: list[QuarantinedResult] = []
        self._warnings: list[str] = []
        self._updates: Updates | None = None

    def __call__(self) -> TriageResult:
        calls = self._calls = self._calls or self._request.session.calls(self._tenant.tenant_id, self._request.form.api)
        while self._statuses:
            self._read_next(calls)
        ends = self._planned() if self._request.check_mode else self._changed(calls)
        result = self._result(ends)
        record_change.check(ends, _TROUBLES, self._request.form, result)
        return result

    def _planned(self) -> list[End]:
        return [End(m.change, updating.CHANGED, m.change.record_id, m.plan) for m in self._found.values()]

    def _changed(self, calls: Calls) -> list[End]:
        if self._updates is None:
            wanted = [match.change for match in self._found.values()]
            self._updates = Updates(calls, self._request.form, wanted, dry_run=False)
        try:
            self._updates.run()
        except TenantError as error:
            raise TenantError(error.reason, self._result(self._updates.ends())) from None
        return self._updates.ends()

    def _read_next(self, calls: Calls) -> None:
        if self._reader is None:
            query = Query(status=(self._statuses[0],), updated_after=self._request.updated_after)
            self._reader = Reader(calls, self._request.dialect, query, expands=self._request.rules.need_alerts)
        for page in self._reader.pages():
            for record in page:
                self._match(record)
        self._warnings += self._reader.warnings
        self._quarantined += [left_out.to_result() for left_out in self._reader.quarantined]
        self._statuses.popleft()
        self._reader = None

    def _match(self, record: Record) -> None:
        """Keep what is to be done about an incident, in place of what a version read earlier asked for."""
        form = self._request.form
        identity = str(record.get(form.dialect.id_field))
        self._read.add(identity)
        self._matched.discard(identity)
        self._found.pop(identity, None)
        rule = self._request.rules.first_match(record, self._request.now)
        if rule is None:
            return
        self._matched.add(identity)
        plan = form.plan(record, rule.wanted)
        if plan:
            change = RecordChange(identity, rule.wanted, _ticks(record.get(form.dialect.updated_field)))
            self._found[identity] = _Match(rule, str(normalized(record)["title"]), change, plan)

    def _result(self, ends: list[End]) -> TriageResult:
        made: list[TriagedIncident] = [
            {**end.of_incident(), "rule": match.rule.name, "title": match.title}
            for end, match in zip(ends, self._found.values(), strict=True)
        ]
        result: TriageResult = {
            "read": len(self._read),
            "matched": len(self._matched),
            "changes": made,
            "quarantined": self._quarantined,
            "warnings": self._warnings,
        }
        record_change.note_changes(result, ends, self._tenant, self._request.form.noun)
        return result


def _ticks(updated: object) -> int:
    """Return the time of an incident's last update; of one that has none every state counts as a later one."""
    return timestamps.ticks_or_none(updated) or 0


OPERATION = Operation(
    ARGUMENTS, run=run, returns=TriageResult, constraints=CONSTRAINTS, variables=VARIABLES, settings=SETTINGS
)
