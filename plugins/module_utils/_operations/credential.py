# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep one credential of the application: made, rotated without a gap, or removed by its name."""

from __future__ import annotations

from typing import Any

from .._core import timestamps
from .._core.errors import OptionError
from .._core.registration.rotation import Plan
from . import _home
from ._certificate import CertificateRotation
from ._client_secret import SecretRotation
from ._federated import FederatedCredential
from ._home import Home
from ._host import Host
from ._removal import Removal

ARGUMENTS: dict[str, Any] = {
    **_home.ARGUMENTS,
    "kind": {"type": "str", "choices": ["secret", "certificate", "federated"], "default": "secret"},
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
CONSTRAINTS = _home.CONSTRAINTS
INVENTORY = _home.INVENTORY
EXPOSED_BY = "expose_secret"

_LONGEST_LIFETIME_DAYS = 3650
_DAY = 24 * 3600


def run(host: Host) -> dict[str, Any]:
    """Return the credential as registered, or what was removed. Raises OptionError before anything is touched."""
    params = host.params
    _check(params)
    plan = _plan(params)
    home = Home(host)
    if params["state"] == "absent":
        return home.run(Removal(host, home))
    if params["kind"] == "federated":
        return home.run(FederatedCredential(host, home))
    rotation = CertificateRotation if params["kind"] == "certificate" else SecretRotation
    return home.run(rotation(host, home, plan))


def _check(params: dict[str, Any]) -> None:
    """Raise OptionError where options do not fit together."""
    kind = params["kind"]
    if params["state"] == "absent":
        if not params["name"] and not params["key_id"]:
            raise OptionError("a credential is removed by its name or its key_id: give one of them, never all at once")
        return
    if not params["name"]:
        raise OptionError("name is missing: each credential has a name that it can be found by again")
    if params["expose_secret"] and kind != "secret":
        raise OptionError(f"expose_secret is for secrets: a {kind} credential has nothing to show")
    if kind == "secret" and not params["dest"] and not params["expose_secret"]:
        raise OptionError("dest is missing: a secret is shown only once, so name the file of variables that keeps it")
    if kind == "certificate" and not params["dest"]:
        raise OptionError("dest is missing: name the PEM file that keeps, or is to keep, the key and its certificate")
    if kind == "federated" and not (params["issuer"] and params["subject"]):
        raise OptionError("issuer and subject are missing: they say whose tokens the federated credential accepts")


def _plan(params: dict[str, Any]) -> Plan:
    seconds = {name: timestamps.option_seconds(name, params[name]) for name in ("lifetime", "rotate_before", "overlap")}
    if not 0 < seconds["lifetime"] <= _LONGEST_LIFETIME_DAYS * _DAY:
        raise OptionError(f"lifetime '{params['lifetime']}' must be between 1m and {_LONGEST_LIFETIME_DAYS}d")
    if seconds["rotate_before"] >= seconds["lifetime"]:
        raise OptionError("rotate_before must be shorter than lifetime: every run would make a new credential")
    return Plan(**seconds)
