# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens of whoever is signed in to the Azure CLI on this machine: an administrator, or a pipeline.

Source: learn.microsoft.com, "az account get-access-token". What the program prints is never shown: on success that is
the token, and otherwise it names accounts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

from ..errors import TenantError
from ..wire.patience import Patience
from . import sign_in
from .discovery import Authority
from .token_cache import Token, TokenCache
from .tokens import Source, expiry

NAME = "the Azure CLI"

_PROGRAM = "az"
# it starts slowly, and may have to ask Entra ID
_LONGEST_SECONDS = 120


class AzureCli(Source):
    """Gets the tokens of the Azure CLI."""

    def __init__(self, authority: Authority, cache: TokenCache) -> None:
        super().__init__(NAME, authority, cache)

    def acquire(self, tenant_guid: str, resource: str, version: str, patience: Patience) -> Token:  # noqa: ARG002
        scope = f"{resource}/.default"
        again = f"run `az login --tenant {tenant_guid} --scope {scope}` as an administrator of this tenant"
        answer = _asked(tenant_guid, scope, again)
        token, said = answer.get("accessToken"), answer.get("expires_on")
        if not (isinstance(token, str) and token):
            raise TenantError(sign_in.no_token("it printed no token", f"update the Azure CLI, and {again}"))
        sign_in.check(token, tenant_guid, again)
        # missing before version 2.54
        return Token(token, float(said) if isinstance(said, int) else expiry(token, 0))


def _asked(tenant_guid: str, scope: str, again: str) -> dict[str, Any]:
    """Return what the program answers. Raises TenantError."""
    program = shutil.which(_PROGRAM)
    if program is None:
        remedy = "install the Azure CLI on the machine that runs this task, or set auth to device_code or application"
        raise TenantError(sign_in.no_token("there is no program az on the PATH", remedy))
    command = [program, "account", "get-access-token", "--scope", scope, "--tenant", tenant_guid, "--output", "json"]
    try:
        run = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_SECONDS,
            check=False,
            text=True,
            errors="replace",
        )
    except OSError as error:
        why = f"{program} cannot be run ({error.strerror})"
        raise TenantError(sign_in.no_token(why, "repair the installation of the Azure CLI")) from None
    except subprocess.TimeoutExpired:
        why = f"{program} did not answer within {_LONGEST_SECONDS} s"
        raise TenantError(sign_in.no_token(why, f"{again}, then run this again")) from None
    if run.returncode != 0:
        if "AADSTS" in run.stderr:
            raise TenantError(sign_in.refused({"error_description": run.stderr}, again))
        raise TenantError(sign_in.no_token(f"nobody is signed in to it, or {program} failed", again))
    try:
        answer = json.loads(run.stdout)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {}
