# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of objects in AWX: their fields, what these point to, and the roles that each kind has.

Source: the serializers of AWX 24.6.1, as far as our playbook needs them.
"""

from __future__ import annotations

from typing import Any

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
