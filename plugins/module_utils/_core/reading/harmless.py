# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that somebody else wrote, in a place where Ansible would take them for templates.

The titles of incidents, and the names of files, mails and devices in them, are often an attacker's choice.
"""

from __future__ import annotations

import re
from typing import Any

_TEMPLATE_BEGINS = re.compile(r"\{(?=[{%#])")


def harmless(value: Any) -> Any:
    """Return the JSON value with a blank in every `{{`, `{%` and `{#` of its texts: nothing in it is a template."""
    if isinstance(value, str):
        return _TEMPLATE_BEGINS.sub("{ ", value) if "{" in value else value
    if isinstance(value, list):
        return [harmless(item) for item in value]
    if isinstance(value, dict):
        return {name: harmless(item) for name, item in value.items()}
    return value
