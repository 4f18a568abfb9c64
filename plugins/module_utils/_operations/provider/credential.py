# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep one credential of the application: made, rotated without a gap, or removed by its name."""

from __future__ import annotations

from ..._core import timestamps
from ..._core.errors import OptionError
from ..._core.registration.rotation import Plan
from ..._core.results import Result
from ..operation import Operation, OptionSpec
from ..options import PREFIX
from ..task_context import Params, TaskContext
from . import home_tenant
from .certificate import CertificateRotation
from .client_secret import SecretRotation
from .federated import FederatedCredential
from .home_tenant import Home
from .removal import Removal
from .rotation_result import RotationResult

ARGUMENTS: dict[str, OptionSpec] = {
    **home_tenant.ARGUMENTS,
    "kind": {"type": "str", "choices": ["certificate", "federated", "secret"], "default": "certificate"},
    "name": {"type": "str"},
    "key_id": {"type": "str", "no_log": False},
    "lifetime": {"type": "str", "default": "180d"},
    "rotate_before": {"type": "str", "default": "30d"},
    "overlap": {"type": "str", "default": "7d"},
    "dest": {"type": "path"},
    "encrypt": {"type": "bool", "default": True},
    "prefix": {"type": "str", "default": "partner_access_"},
    "generate": {"type": "bool", "default": True},
    "issuer": {"type": "str"},
    "subject": {"type": "str"},
    "audiences": {"type": "list", "elements": "str", "default": ["api://AzureADTokenExchange"]},
    "description": {"type": "str"},
    "expose_secret": {"type": "bool", "default": False, "no_log": False},
    "force": {"type": "bool", "default": False},
}
CONSTRAINTS = home_tenant.CONSTRAINTS
VARIABLES = home_tenant.VARIABLES
_EXPOSED_BY = "expose_secret"

_LONGEST_LIFETIME_DAYS = 3650
# Ansible stops at a key among the variables of a group
_VARIABLES = (".yml", ".yaml", ".json")
_DAY = 24 * 3600


def run(task: TaskContext) -> Result:
    """Return the credential as registered, or what was removed. Raises OptionError before anything is touched."""
    params = task.params
    _check(params)
    if _encrypts(params) and task.vault is None:
        raise OptionError(
            "dest cannot be encrypted where this task runs: drop delegate_to and async, or set encrypt to false"
        )
    plan = _plan(params)
    home = Home(task)
    if params["state"] == "absent":
        return home.run(Removal(task, home))
    if params["kind"] == "federated":
        return home.run(FederatedCredential(task, home))
    rotation = CertificateRotation if params["kind"] == "certificate" else SecretRotation
    return home.run(rotation(task, home, plan))


def _check(params: Params) -> None:
    """Raise OptionError where options do not fit together."""
    kind = params["kind"]
    if params["state"] == "absent":
        if not params["name"] and not params["key_id"]:
            raise OptionError("a credential is removed by its name or its key_id: give one of them, never all at once")
        return
    if not params["name"]:
        raise OptionError("name is missing: each credential has a name that it can be found by again")
    if params["expose_secret"] and kind != "secret":
        raise OptionError(f"expose_secret is for secrets: a {kind} credential has nothing to show: set kind to secret")
    if kind == "secret" and not params["dest"] and not params["expose_secret"]:
        raise OptionError("dest is missing: a secret is shown only once, so name the file of variables that keeps it")
    if kind == "certificate" and not params["dest"]:
        raise OptionError("dest is missing: name the PEM file that keeps, or is to keep, the key and its certificate")
    if kind == "certificate" and params["dest"].endswith(_VARIABLES):
        meant = "name a .pem file, or set kind to secret"
        raise OptionError(f"dest is named like a file of variables, which Ansible loads: {meant}")
    if kind == "federated" and not (params["issuer"] and params["subject"]):
        raise OptionError("issuer and subject are missing: they say whose tokens the federated credential accepts")


def _encrypts(params: Params) -> bool:
    """Tell whether this task may have to encrypt a file."""
    keeps = params["kind"] == "secret" or (params["kind"] == "certificate" and params["generate"])
    return bool(params["state"] == "present" and keeps and params["dest"] and params["encrypt"])


def _plan(params: Params) -> Plan:
    seconds = {name: timestamps.option_seconds(name, params[name]) for name in ("lifetime", "rotate_before", "overlap")}
    if not 0 < seconds["lifetime"] <= _LONGEST_LIFETIME_DAYS * _DAY:
        raise OptionError(f"lifetime '{params['lifetime']}' must be between 1m and {_LONGEST_LIFETIME_DAYS}d")
    if seconds["rotate_before"] >= seconds["lifetime"]:
        raise OptionError("rotate_before must be shorter than lifetime: every run would make a new credential")
    return Plan(**seconds)


OPERATION = Operation(
    ARGUMENTS,
    run=run,
    returns=RotationResult,
    constraints=CONSTRAINTS,
    variables=VARIABLES,
    settings={
        "unique_name": f"{PREFIX}unique_name",
        **{
            option: f"{PREFIX}credential_{option}"
            for option in ("kind", "name", "dest", "encrypt", "lifetime", "rotate_before", "overlap")
        },
    },
    only_with="dest",
    exposed_by=_EXPOSED_BY,
)
