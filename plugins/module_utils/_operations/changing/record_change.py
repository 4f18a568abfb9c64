# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks that change incidents or alerts share: their options, the work in each tenant, the shape of the result."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..._core import errors, timestamps
from ..._core.changing import changes, updating
from ..._core.changing.changes import Form
from ..._core.changing.updating import End, RecordChange, Updates
from ..._core.errors import OptionError, Reason, TenantError
from ..._core.outcomes import Tenant
from ..._core.reading import classifications
from ..._core.results import Diff, Result
from .. import fleet_task
from ..operation import Constraints, OptionSpec
from ..options import CONNECTION, OF_CUSTOMER, PACED, TENANTS
from ..session import Session
from ..task_context import Params, TaskContext

VARIABLES = OF_CUSTOMER

_TAGS: dict[str, OptionSpec] = {name: {"type": "list", "elements": "str"} for name in ("add", "remove", "set")}
_PAIR = ("classification", "determination")

Told = Callable[[list[End]], Result]
"""Returns what the ends come to, as it stands in results."""


def arguments(noun: str, statuses: Collection[str], has_tags: bool) -> dict[str, OptionSpec]:
    """Return the argument spec of a task that changes records of this kind, one or many."""
    settings: dict[str, OptionSpec] = {
        "status": {"type": "str", "choices": list(statuses)},
        "assigned_to": {"type": "str"},
        "classification": {"type": "str", "choices": list(classifications.DETERMINATIONS)},
        "determination": {"type": "str", "choices": list(classifications.ALL_DETERMINATIONS)},
        **({"tags": {"type": "dict", "options": _TAGS}} if has_tags else {}),
        "comment": {"type": "str"},
        "comment_key": {"type": "str", "no_log": False},
        "unchanged_since": {"type": "str"},
    }
    one: dict[str, OptionSpec] = {"name": {"type": "str"}, "tenant_id": {"type": "str", "required": True}}
    record_id = f"{noun}_id"
    return {
        "tenant_id": TENANTS["tenant_id"],
        record_id: {"type": "str"},
        f"{noun}s": {
            "type": "list",
            "elements": "dict",
            "options": {**one, record_id: {"type": "str", "required": True}, **settings},
        },
        **settings,
        "concurrency": TENANTS["concurrency"],
        "fail_on": TENANTS["fail_on"],
        **CONNECTION,
        **PACED,
    }


def constraints(noun: str) -> Constraints:
    one_of = (f"{noun}_id", f"{noun}s")
    return {"mutually_exclusive": [one_of], "required_one_of": [one_of]}


def run(task: TaskContext, form: Form, told: Told) -> Result:
    """Make the changes that the task asks for. Raises OptionError before any tenant is touched."""
    params = task.params
    session = Session(task, VARIABLES)
    session.check_api(form.api)
    many = params[f"{form.noun}s"]
    requested: dict[Tenant, list[RecordChange]] = {}
    for number, item in enumerate([params] if many is None else many, start=1):
        where = "" if many is None else f"{form.noun}s, item {number}: "
        tenant = Tenant(item.get("name") or item["tenant_id"] or "", item["tenant_id"] or "")
        requested.setdefault(tenant, []).append(_read_change(item, params, form, where))
    _check_names(requested, form)
    work = {
        tenant: _TenantChanges(session, form, told, tenant, wanted_changes, task.check_mode)
        for tenant, wanted_changes in requested.items()
    }
    return fleet_task.run({**params, "tenants": many}, work, task.progress)


class _TenantChanges:
    """One tenant's changes, one after the other; called again after every wait."""

    def __init__(
        self, session: Session, form: Form, told: Told, tenant: Tenant, requested: list[RecordChange], check_mode: bool
    ) -> None:
        self._session = session
        self._form = form
        self._told = told
        self._tenant = tenant
        self._requested = requested
        self._check_mode = check_mode
        self._updates: Updates | None = None

    def __call__(self) -> Result:
        if self._updates is None:
            calls = self._session.calls(self._tenant.tenant_id, self._form.api)
            self._updates = Updates(calls, self._form, self._requested, self._check_mode)
        try:
            self._updates.run()
        except TenantError as error:
            raise TenantError(error.reason, self._result(self._updates.ends())) from None
        ends = self._updates.ends()
        result = self._result(ends)
        check(ends, updating.TROUBLES, self._form, result)
        return result

    def _result(self, ends: list[End]) -> Result:
        result = self._told(ends)
        note_changes(result, ends, self._tenant, self._form.noun)
        return result


def check(ends: list[End], troubles: Collection[str], form: Form, result: Result) -> None:
    """Raise TenantError, with the result, where some of the changes ended in one of the troubles."""
    found = [end for end in ends if end.end in troubles]
    if not found:
        return
    first = found[0]
    meaning = first.meaning
    if len(ends) > 1:
        were = "was" if len(found) == 1 else "were"
        meaning = f"{len(found)} of {len(ends)} {form.noun}s {were} not changed as asked, the first: {meaning}"
    raise TenantError(Reason(errors.ERROR, meaning, first.remedy), result)


def note_changes(result: Result, ends: list[End], tenant: Tenant, noun: str) -> None:
    """Add whether records changed to a tenant's result, and a difference for each that did."""
    changed = [end for end in ends if end.plan]
    result["changed"] = bool(changed)
    if changed:
        result["diff"] = [_diff(end, f"{tenant.name} {noun} {end.record_id}") for end in changed]


def _diff(end: End, header: str) -> Diff:
    return {"before_header": header, "after_header": header, "before": end.before, "after": end.after}


def _read_change(item: Params, params: Params, form: Form, where: str) -> RecordChange:
    """Return the change of one record; what it does not say of itself, the task's own options say."""
    settings = {name: item[name] if item[name] is not None else params[name] for name in _settings(form)}
    if any(item[name] is not None for name in _PAIR):
        # half of a pair goes with nothing but what stands beside it
        settings |= {name: item[name] for name in _PAIR}
    wanted = changes.read_wanted(settings, form.statuses, where)
    if wanted == changes.Wanted():
        tags = ", tags" if form.tags_field else ""
        raise OptionError(f"{where}nothing is to be set: give status, assigned_to, classification{tags} or comment")
    since = settings["unchanged_since"]
    try:
        moment = timestamps.ticks(since) if since else None
    except ValueError:
        raise OptionError(
            f"{where}unchanged_since '{since}' is not a time: give the {form.dialect.updated_field} that was read"
        ) from None
    return RecordChange(updating.check_id(form.noun, item[f"{form.noun}_id"], where), wanted, moment)


def _settings(form: Form) -> list[str]:
    tags = ["tags"] if form.tags_field else []
    return ["status", "assigned_to", *_PAIR, *tags, "comment", "comment_key", "unchanged_since"]


def _check_names(tenants: Collection[Tenant], form: Form) -> None:
    """Raise OptionError for a name that means two tenants: results are told apart by it."""
    if twice := fleet_task.named_twice(tenants):
        raise OptionError(
            f"{form.noun}s: the name '{twice[0]}' stands for more than one tenant_id: correct one of them"
        )
