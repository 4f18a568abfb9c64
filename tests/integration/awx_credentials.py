# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWX does with credentials: it hides their secrets, checks injectors, and injects them into a job.

Source: observed on AWX 24.6.1, and its CredentialType.inject_credential.
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
