# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of AWX: the fields of each kind, what they point to, its roles, and what becomes of credentials.

Source: observed on AWX 24.6.1, its serializers, and its CredentialType.inject_credential, as far as our playbook needs
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import StrictUndefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

Fields = dict[str, Any]
_LAUNCH = ("limit", "variables", "job_type", "diff_mode", "job_slice_count", "credential", "inventory")

KINDS: dict[str, Fields] = {
    "organizations": {"name": "", "description": ""},
    "teams": {"name": "", "description": "", "organization": None},
    "credential_types": {
        "name": "",
        "description": "",
        "kind": "",
        "managed": False,
        "inputs": {},
        "injectors": {},
    },
    "credentials": {"name": "", "description": "", "organization": None, "credential_type": None, "inputs": {}},
    "execution_environments": {
        "name": "",
        "description": "",
        "organization": None,
        "image": "",
        "credential": None,
        "pull": "",
    },
    "projects": {
        "name": "",
        "description": "",
        "organization": None,
        "scm_type": "",
        "scm_url": "",
        "scm_branch": "",
        "credential": None,
        "default_environment": None,
        "scm_update_on_launch": False,
        "scm_update_cache_timeout": 0,
        "scm_revision": "",
    },
    "inventories": {
        "name": "",
        "description": "",
        "organization": None,
        "kind": "",
        "host_filter": None,
        "variables": "",
    },
    "inventory_sources": {
        "name": "",
        "description": "",
        "inventory": None,
        "source": "",
        "source_path": "",
        "source_project": None,
        "credential": None,
        "execution_environment": None,
        "overwrite": False,
        "overwrite_vars": False,
        "update_on_launch": False,
        "update_cache_timeout": 0,
    },
    "job_templates": {
        "name": "",
        "description": "",
        "organization": None,
        "project": None,
        "inventory": None,
        "execution_environment": None,
        "playbook": "",
        "job_type": "run",
        "job_slice_count": 1,
        "extra_vars": "",
        "survey_enabled": False,
        **{f"ask_{what}_on_launch": False for what in _LAUNCH},
    },
    "workflow_job_templates": {
        "name": "",
        "description": "",
        "organization": None,
        "allow_simultaneous": False,
        "extra_vars": "",
        "survey_enabled": False,
    },
    "workflow_job_template_nodes": {
        "identifier": "",
        "workflow_job_template": None,
        "unified_job_template": None,
        "extra_data": {},
    },
    "schedules": {
        "name": "",
        "description": "",
        "unified_job_template": None,
        "rrule": "",
        "enabled": True,
        "extra_data": {},
    },
}
"""The fields of each kind that this API knows, with their defaults; others are passed over, as AWX does."""

LAUNCHED = ("job_templates", "workflow_job_templates", "projects", "inventory_sources")
POINTS_TO = {
    "organization": ("organizations",),
    "credential_type": ("credential_types",),
    "credential": ("credentials",),
    "execution_environment": ("execution_environments",),
    "default_environment": ("execution_environments",),
    "project": ("projects",),
    "source_project": ("projects",),
    "inventory": ("inventories",),
    "workflow_job_template": ("workflow_job_templates",),
    "unified_job_template": LAUNCHED,
}
ROLES = {
    "organizations": ("admin", "execute", "read"),
    "credentials": ("admin", "use", "read"),
    "inventories": ("admin", "use", "update", "read"),
    "projects": ("admin", "use", "update", "read"),
    "job_templates": ("admin", "execute", "read"),
    "workflow_job_templates": ("admin", "execute", "read", "approval"),
    "teams": ("admin", "member", "read"),
}


ENCRYPTED = "$encrypted$"
_REFUSED_NAMES = re.compile(r"ANSIBLE_|(?:PATH|PYTHONPATH|VIRTUAL_ENV|JOB_ID|INVENTORY_ID|INVENTORY_SOURCE_ID)$")


@dataclass(frozen=True)
class Injected:
    """What a job gets of a credential: environment variables, and extra variables."""

    environment: dict[str, str]
    extra_variables: dict[str, str]


def encrypted(credential_type: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs as AWX shows them: a secret is never read again."""
    secret = {field["id"] for field in credential_type["inputs"]["fields"] if field.get("secret")}
    return {key: ENCRYPTED if key in secret and value else value for key, value in inputs.items()}


def wrong_injectors(inputs: Mapping[str, Any], injectors: Mapping[str, Any]) -> str:
    """Return AWX's words for what is wrong with the injectors, "" for nothing."""
    for name in injectors.get("env", {}):
        if _REFUSED_NAMES.match(name):
            return f"Environment variable {name} may affect Ansible configuration so its use is not allowed."
    try:
        _render(injectors, {field["id"]: "EXAMPLE" for field in inputs.get("fields", [])}, lambda name, _text: name)
    except UndefinedError as error:
        return f"an injector uses an undefined field ({error})"
    return ""


def inject(credential_type: Mapping[str, Any], inputs: Mapping[str, Any], folder: Path) -> Injected:
    """Return what a job gets. A field left empty is "" there, and its file is made with nothing in it."""

    def write(name: str, text: str) -> str:
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return str(path)

    values = {field["id"]: inputs.get(field["id"], "") for field in credential_type["inputs"]["fields"]}
    return _render(credential_type["injectors"], values, write)


def _render(injectors: Mapping[str, Any], values: Mapping[str, str], write: Callable[[str, str], str]) -> Injected:
    sandbox = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    files = {
        name: write(name, sandbox.from_string(text).render(**values))
        for name, text in ((key.removeprefix("template."), text) for key, text in injectors.get("file", {}).items())
    }
    tower = SimpleNamespace(filename=SimpleNamespace(**files))

    def rendered(section: str) -> dict[str, str]:
        texts = injectors.get(section, {}).items()
        return {name: sandbox.from_string(text).render(tower=tower, **values) for name, text in texts}

    return Injected(rendered("env"), rendered("extra_vars"))
