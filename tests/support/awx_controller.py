# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of AWX's API: it keeps the objects that `awx.awx` brings, and refuses what AWX refuses.

Source: observed on AWX 24.6.1, and its serializers.
"""

from __future__ import annotations

import itertools
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

from support.awx_objects import ENCRYPTED, KINDS, LAUNCHED, POINTS_TO, ROLES, Fields, encrypted, wrong_injectors
from support.scripted_server import Answer, Request

_RRULE = re.compile(
    r"DTSTART(?:;TZID=[\w/]+)?:\d{8}T\d{6}Z? RRULE:FREQ=(?:MINUTELY|HOURLY|DAILY|WEEKLY);INTERVAL=\d+\b"
)


PASSWORD = "right"
"""That of `admin`."""
TOKEN = "a token made by hand"
_ADMIN = f"Basic {b64encode(f'admin:{PASSWORD}'.encode()).decode()}"
_VAULT = {"fields": [{"id": "vault_password", "label": "Vault Password", "type": "string", "secret": True}]}


class Refused(Exception):
    """AWX's words, by field, for a request that it answers with 400."""


class AwxController:
    """`answer` is for a `ScriptedServer` to respond with. `playbooks` is what the project's repository holds."""

    def __init__(self, playbooks: set[str]) -> None:
        self.objects: dict[str, dict[int, Fields]] = {kind: {} for kind in KINDS}
        self.associated: dict[str, list[int]] = {}
        self.surveys: dict[int, Fields] = {}
        self.writes: list[str] = []
        self.secrets: dict[int, Fields] = {}
        self._playbooks = playbooks
        self._tokens = {0: TOKEN}
        self._numbers = itertools.count(1)
        self._add("credential_types", {"name": "Vault", "kind": "vault", "managed": True, "inputs": _VAULT})

    def named(self, kind: str, name: str) -> Fields:
        """Return the one object of that kind and name."""
        (found,) = [item for item in self.objects[kind].values() if item["name"] == name]
        return found

    def names(self, kind: str) -> list[str]:
        """Return the names of all that were made, in order; a managed one was there before."""
        return [item["name"] for item in self.objects[kind].values() if not item.get("managed")]

    def teams_with(self, role: str, kind: str, name: str) -> list[str]:
        """Return the names of the teams that hold a role on an object."""
        role_id = self._roles(kind, self.named(kind, name)["id"])[f"{role}_role"]["id"]
        return [self.objects["teams"][team]["name"] for team in self.associated.get(f"roles/{role_id}/teams", [])]

    def answer(self, request: Request) -> Answer:
        """Answer one request as AWX does."""
        path = request.path.removeprefix("/api/v2/").strip("/")
        headers = {"X-API-Product-Name": "AWX", "X-API-Product-Version": "24.6.1"}
        if path.startswith("tokens"):
            return self._sign_in_or_out(request)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self._tokens.values():
            return Answer({"detail": "Authentication credentials were not provided."}, 401, headers)
        body = request.json or {}
        if request.method != "GET":
            self.writes.append(f"{request.method} {path}")
        try:
            status, content = self._route(request.method, path.split("/"), request.query, body)
        except Refused as refusal:
            return Answer(refusal.args[0], 400, headers)
        return Answer("" if content is None else content, status, headers)

    def _sign_in_or_out(self, request: Request) -> Answer:
        if request.headers.get("Authorization") != _ADMIN:
            return Answer({"detail": "Invalid username/password."}, 401)
        if request.method == "DELETE":
            del self._tokens[int(request.path.rstrip("/").rpartition("/")[2])]
            return Answer("", 204)
        number = next(self._numbers)
        self._tokens[number] = f"token-{number}"
        return Answer({"id": number, "token": self._tokens[number]}, 201)

    def _route(self, method: str, path: list[str], query: dict[str, str], body: Fields) -> tuple[int, Any]:
        match method, path:
            case "GET", ["unified_job_templates"]:
                return 200, self._listing([item for kind in LAUNCHED for item in self.objects[kind].values()], query)
            case "GET", [kind] if kind in KINDS:
                return 200, self._listing(list(self.objects[kind].values()), query)
            case "POST", [kind] if kind in KINDS:
                return 201, self._shown(self._add(kind, body))
            case "GET", [kind, number] if kind in KINDS:
                return 200, self._shown(self.objects[kind][int(number)])
            case "PATCH", [kind, number] if kind in KINDS:
                return 200, self._shown(self._change(kind, self.objects[kind][int(number)], body))
        return self._route_below_one(method, path, query, body)

    def _route_below_one(self, method: str, path: list[str], query: dict[str, str], body: Fields) -> tuple[int, Any]:
        match method, path:
            case "POST", ["projects", number, "update"]:
                return 202, self._update_of_project(int(number))
            case "GET", ["project_updates", number]:
                return 200, self._update_of_project(int(number))
            case "GET", [_kind, number, "survey_spec"]:
                return 200, self.surveys.get(int(number), {})
            case "POST", [_kind, number, "survey_spec"]:
                return 200, self._keep_survey(int(number), body)
            case "GET", [kind, number, association]:
                return 200, self._listing(self._associated(f"{kind}/{number}/{association}"), query)
            case "POST", [kind, number, association]:
                return 204, self._associate(kind, int(number), association, body)
        raise AssertionError(f"AWX was asked for what this stand-in does not know: {method} {'/'.join(path)}")

    def _listing(self, items: list[Fields], query: dict[str, str]) -> Fields:
        wanted = {key: value for key, value in query.items() if not key.startswith("or__")}
        one_of = {key.removeprefix("or__"): value for key, value in query.items() if key.startswith("or__")}
        found = [
            self._shown(item)
            for item in items
            if all(str(item[key]) == value for key, value in wanted.items())
            and (not one_of or any(str(item[key]) == value for key, value in one_of.items()))
        ]
        return {"count": len(found), "next": None, "previous": None, "results": found}

    def _shown(self, item: Fields) -> Fields:
        url = item["url"]
        kind = url.split("/")[3]
        related = {"survey_spec": f"{url}survey_spec/", "update": f"{url}update/"}
        roles = self._roles(kind, item["id"])
        return {**item, "related": related, "summary_fields": {"object_roles": roles}}

    def _roles(self, kind: str, number: int) -> Fields:
        """A role's id is its object's, and its place among the roles of that kind."""
        names = enumerate(ROLES.get(kind, ()))
        return {f"{name}_role": {"id": number * 100 + place, "name": name.title()} for place, name in names}

    def _add(self, kind: str, body: Fields) -> Fields:
        number = next(self._numbers)
        singular = "inventory" if kind == "inventories" else kind.removesuffix("s")
        item = {"id": number, "type": singular, "url": f"/api/v2/{kind}/{number}/", **KINDS[kind]}
        self._change(kind, item, body)
        self.objects[kind][number] = item
        return item

    def _change(self, kind: str, item: Fields, body: Fields) -> Fields:
        known = {field: value for field, value in body.items() if field in KINDS[kind]}
        self._check_references(known)
        changed = {**item, **known}
        if kind == "job_templates":
            # read only there: it is the project's
            changed["organization"] = self.objects["projects"][changed["project"]]["organization"]
        self._check_unique(kind, changed)
        _RULES.get(kind, lambda _controller, _item: None)(self, changed)
        if kind == "credentials" and "inputs" in known:
            self.secrets[item["id"]] = _merged(self.secrets.get(item["id"], {}), known["inputs"])
            changed["inputs"] = encrypted(self.objects["credential_types"][changed["credential_type"]], known["inputs"])
        item.update(changed)
        return item

    def _check_references(self, body: Fields) -> None:
        for field, kinds in POINTS_TO.items():
            number = body.get(field)
            if number is not None and not any(number in self.objects[kind] for kind in kinds):
                raise Refused({field: [f'Invalid pk "{number}" - object does not exist.']})

    def _check_unique(self, kind: str, changed: Fields) -> None:
        identity = ("name", "organization", "identifier", "workflow_job_template", "inventory", "credential_type")
        keys = [key for key in identity if key in changed and not (kind == "job_templates" and key == "inventory")]
        for other in self.objects[kind].values():
            if other["id"] != changed["id"] and all(other[key] == changed[key] for key in keys):
                raise Refused({"__all__": [f"{kind} with this {' and '.join(keys)} already exists."]})

    def _update_of_project(self, number: int) -> Fields:
        project = self.objects["projects"][number]
        project["scm_revision"] = "4f1a8c0"
        url = f"/api/v2/project_updates/{number}/"
        done = {"status": "successful", "failed": False, "finished": "2026-11-23T05:00:00Z", "elapsed": 1.0}
        return {"id": number, "url": url, "scm_revision": "4f1a8c0", "event_processing_finished": True, **done}

    def _keep_survey(self, number: int, survey: Fields) -> Fields:
        for key in ("name", "description", "spec"):
            if key not in survey:
                raise Refused({"error": f"'{key}' missing from survey spec."})
        for question in survey["spec"]:
            for key in ("type", "question_name", "variable", "required"):
                if key not in question:
                    raise Refused({"error": f"'{key}' missing from survey question."})
        self.surveys[number] = survey
        return {}

    def _associated(self, place: str) -> list[Fields]:
        everything = {number: item for kind in self.objects.values() for number, item in kind.items()}
        return [everything[number] for number in self.associated.get(place, [])]

    def _associate(self, kind: str, number: int, association: str, body: Fields) -> None:
        there = self.associated.setdefault(f"{kind}/{number}/{association}", [])
        if body.get("disassociate"):
            there.remove(body["id"])
            return
        if association == "credentials":
            types = [self.objects["credentials"][one]["credential_type"] for one in [*there, body["id"]]]
            if len(set(types)) < len(types):
                raise Refused({"error": "Cannot assign multiple credentials of one type."})
        there.append(body["id"])

    def questions(self, number: int) -> Iterator[str]:
        """The variables that a template's survey asks for."""
        yield from (question["variable"] for question in self.surveys.get(number, {}).get("spec", []))

    def has_playbook(self, name: str) -> bool:
        """Whether the project's repository holds it."""
        return name in self._playbooks


def _merged(before: Fields, now: Fields) -> Fields:
    return {key: before.get(key) if value == ENCRYPTED else value for key, value in now.items()}


def _check_credential_type(_controller: AwxController, item: Fields) -> None:
    if item["kind"] not in {"cloud", "net"} and not item["managed"]:
        raise Refused({"kind": [f'"{item["kind"]}" is not a valid choice.']})
    if wrong := wrong_injectors(item["inputs"], item["injectors"]):
        raise Refused({"injectors": [wrong]})


def _check_credential(controller: AwxController, item: Fields) -> None:
    known = {
        field["id"] for field in controller.objects["credential_types"][item["credential_type"]]["inputs"]["fields"]
    }
    if strangers := set(item["inputs"]) - known:
        raise Refused({"inputs": [f"Additional properties are not allowed ({sorted(strangers)} were unexpected)"]})


def _check_project(_controller: AwxController, item: Fields) -> None:
    if item["scm_type"] == "git" and not item["scm_url"]:
        raise Refused({"scm_url": ["This field may not be blank."]})
    if not item["scm_type"] and item["scm_update_on_launch"]:
        raise Refused({"detail": "Update options must be set to false for manual projects."})


def _check_inventory_source(controller: AwxController, item: Fields) -> None:
    if not controller.objects["projects"][item["source_project"]]["scm_type"]:
        raise Refused({"source_project": ["Cannot use manual project for SCM-based inventory."]})
    kind = controller.objects["credential_types"][
        controller.objects["credentials"][item["credential"]]["credential_type"]
    ]
    if kind["kind"] == "vault":
        raise Refused(
            {"credential": ["Credentials of type insights and vault are disallowed for scm inventory sources."]}
        )


def _check_job_template(controller: AwxController, item: Fields) -> None:
    if not controller.objects["projects"][item["project"]]["scm_revision"]:
        raise Refused({"playbook": ["The project has never been updated."]})
    if not controller.has_playbook(item["playbook"]):
        raise Refused({"playbook": ["Playbook not found for project."]})
    if not isinstance(item["extra_vars"], str):
        raise Refused({"extra_vars": ["Not a valid string."]})


def _check_node(controller: AwxController, item: Fields) -> None:
    template = controller.objects["job_templates"][item["unified_job_template"]]
    asked = set(controller.questions(template["id"])) if template["survey_enabled"] else set()
    if set(item["extra_data"]) - asked and not template["ask_variables_on_launch"]:
        raise Refused({"extra_data": [f"Variables {sorted(item['extra_data'])} are not allowed on launch."]})


def _check_schedule(_controller: AwxController, item: Fields) -> None:
    if not _RRULE.match(item["rrule"]):
        raise Refused({"rrule": ["Valid DTSTART required in rrule. Value should start with: DTSTART:YYYYMMDDTHHMMSSZ"]})


_RULES: dict[str, Callable[[AwxController, Fields], None]] = {
    "credential_types": _check_credential_type,
    "credentials": _check_credential,
    "projects": _check_project,
    "inventory_sources": _check_inventory_source,
    "job_templates": _check_job_template,
    "workflow_job_template_nodes": _check_node,
    "schedules": _check_schedule,
}
