# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that operations share: one table, which argument specs, environment names and documentation follow."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ansible.module_utils.basic import env_fallback

from .._core import clouds, errors
from .._core.identity import permissions
from .operation import Constraints, OptionSpec


def _from_environment(name: str, spec: OptionSpec) -> OptionSpec:
    return {**spec, "fallback": (env_fallback, [name])}


CREDENTIAL: dict[str, OptionSpec] = {
    "client_secret": _from_environment("AZURE_CLIENT_SECRET", {"type": "str", "no_log": True}),
    "certificate_path": _from_environment("AZURE_CLIENT_CERTIFICATE_PATH", {"type": "path"}),
    "certificate_password": _from_environment("AZURE_CLIENT_CERTIFICATE_PASSWORD", {"type": "str", "no_log": True}),
    "federated_token_file": _from_environment("AZURE_FEDERATED_TOKEN_FILE", {"type": "path", "no_log": False}),
}

CREDENTIAL_KINDS = (("client_secret",), ("certificate_path", "certificate_password"), ("federated_token_file",))

CONNECTION: dict[str, OptionSpec] = {
    "client_id": _from_environment("AZURE_CLIENT_ID", {"type": "str"}),
    **CREDENTIAL,
    "cloud": {"type": "str", "choices": list(clouds.CLOUDS), "default": "worldwide"},
    "authority_url": {"type": "str"},
    "graph_url": {"type": "str"},
    "xdr_url": {"type": "str"},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
    "retries": {"type": "int", "default": 3},
    "max_wait": {"type": "int", "default": 300},
    "tenant_timeout": {"type": "int", "default": 7200},
    "cache": {"type": "path"},
}

SIGN_IN: dict[str, OptionSpec] = {
    "auth": {"type": "str", "choices": ["application", "cli", "device_code"], "default": "application"},
    # Microsoft Graph Command Line Tools, which are in every tenant and may ask for any delegated permission
    "sign_in_client_id": {"type": "str", "default": "14d82eec-204b-4c2f-b7e8-296a70dab67e"},
}

TENANTS: dict[str, OptionSpec] = {
    "tenant_id": {"type": "str"},
    "hosts": {"type": "list", "elements": "str"},
    "tenants": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str"}, "tenant_id": {"type": "str"}},
    },
    "concurrency": {"type": "int", "default": 64},
    "fail_on": {
        "type": "list",
        "elements": "str",
        "choices": [state for state in errors.WHO_ACTS if state != errors.GRANTED],
        "default": [],
    },
}

PERMISSIONS: dict[str, OptionSpec] = {
    "permissions": {
        "type": "dict",
        "options": {name: {"type": "list", "elements": "str", "default": []} for name in permissions.APIS},
    },
}

API: dict[str, OptionSpec] = {
    "api": {"type": "str", "choices": list(permissions.APIS), "default": permissions.DEFAULT.name},
}

PACED: dict[str, OptionSpec] = {"paced": {"type": "bool", "default": True}}

PREFIX = "partner_access_"
"""What the name of a variable has before that of the option which it fills in."""

_HOSTS = ("cloud", "authority_url", "graph_url", "xdr_url", "ca_path")
SECRETS = (*CREDENTIAL, "state_key")
_OF_THE_LINK = ("redirect_uri", "permissions", "required_roles", "state_key")

OF_CUSTOMER: dict[str, str] = {
    option: PREFIX + option for option in ("tenant_id", "client_id", *CREDENTIAL, *_HOSTS, *_OF_THE_LINK)
}
"""Options that a task on a customer's host may leave to the host's variables, named as in the role partner_access."""

OF_RUN: dict[str, str] = {option: PREFIX + option for option in ("concurrency", "max_wait", "cache", "fail_on")}
"""Options that a task for many hosts leaves to each of them besides."""

OF_REGISTRAR: dict[str, str] = {
    "tenant_id": f"{PREFIX}home_tenant_id",
    **{option: f"{PREFIX}registrar_{option}" for option in ("client_id", *CREDENTIAL, *SIGN_IN)},
    **{option: PREFIX + option for option in _HOSTS if option != "xdr_url"},
}
"""The same for tasks in the provider's own tenant, where another application acts: the registrar."""

ONE_OR_MANY: Constraints = {"mutually_exclusive": [("tenant_id", "tenants", "hosts")]}


NOT_SET: tuple[object, ...] = (None, "", [])
"""What a variable holds that says nothing: its option counts as left out."""


def left_to_inventory(given: Collection[str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return which options the inventory may fill in, and by which variable.

    A task's own tenants and credential keep the inventory from adding more of them.
    """
    closed: set[str] = set(given)
    if "tenants" in given:
        closed.add("tenant_id")
    if closed & set(CREDENTIAL):
        closed |= set(CREDENTIAL)
    return {option: variable for option, variable in variables.items() if option not in closed}


def kept_from_environment(given: Collection[str]) -> list[str]:
    """Return the credential options that the environment must not fill in: one kind is given, another would clash."""
    chosen = [kind for kind in CREDENTIAL_KINDS if set(kind) & set(given)]
    return [option for kind in CREDENTIAL_KINDS for option in kind if chosen and kind not in chosen]


def names_in_messages() -> dict[str, str]:
    """Return how messages call each credential option: its name and its environment variable."""
    return {option: f"{option} ({spec['fallback'][1][0]})" for option, spec in CREDENTIAL.items()}
