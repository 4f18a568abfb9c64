# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the columns of a customer list mean: the customer itself, or a variable of its host."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping

NAME, TENANT_ID, DOMAIN = "name", "tenant_id", "domain"
OURS = (NAME, TENANT_ID, DOMAIN)

_IDENTIFIER = re.compile(r"^[a-z_][a-z0-9_]*$")
_NOT_IN_IDENTIFIERS = re.compile(r"[^a-z0-9_]+")
# an inventory is stored and shown in plain text, in AWX's database too
# words run together too, as in AppSecret; a secretary, a keyword and what is passwordless are none
_SECRET = re.compile(
    r"passwor[dt](?!less)|passwd|passphrase|passcode|kennwoe?rt|geheimnis|zugangsdaten|mot_?de_?passe|contrasena"
    r"|wachtwoord|connection_?string"
    r"|(?:secrets?|secret_?values?|pwd|tokens?)(?:_|$)"
    r"|(?:ssh|api|access|account|master|private|shared|secret|state|storage|encryption|signing)_?keys?(?:_|$)"
    r"|(?:^|_|client|api|access|app|user|admin)(?:pw|credentials?)(?:_|$)"
    r"|(?:^|_)(?:pin|psk|hasl?o|parola|senha)(?:_|$)"
)
# where a secret lies, or which one it is, is none
_ABOUT_A_SECRET = re.compile(r"_(?:file|path|id|url|expires|expiry)$")
NO_PLACE = "an inventory is no place for secrets, take it out of the list and give it by environment or vault"

_SET_HERE = ("partner_access_tenant_id", "partner_access_customer")
_OF_ANSIBLE = (
    "group_names",
    "groups",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "omit",
    "play_hosts",
    "playbook_dir",
    "role_name",
    "role_names",
    "role_path",
    "vars",
)

_PREFIX = "customer_"
# what a play or a task calls its own: Ansible warns of such a variable in every run, or takes it for that
_NAMES = """
    action always any_errors_fatal args async async_val become become_exe become_flags become_method become_user
    block changed_when check_mode collections connection cycler debugger delay delegate_facts delegate_to dict diff
    environment fact_path failed_when force_handlers gather_facts gather_subset gather_timeout handlers hosts
    ignore_errors ignore_unreachable item joiner lipsum local_action lookup loop loop_control loop_with
    max_fail_percentage module_defaults name namespace no_log notify now order poll port post_tasks pre_tasks q
    query range register remote_user rescue retries roles run_once serial strategy tags target tasks throttle
    timeout undef until validate_argspec vars_files vars_prompt when
"""
_RESERVED = frozenset(_NAMES.split())


def assign(headers: Iterable[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return what each header of a list stands for: a name in OURS, or a variable.

    `columns` says under which header a list has one of OURS. What Ansible calls its own, such as `tags` or `port`, has
    `customer_` in front of it. Raises ValueError with what is wrong, and what to do.
    """
    headers = list(headers)
    for own, header in columns.items():
        if own not in OURS:
            raise ValueError(f"columns names '{own}', which is none of {', '.join(OURS)}: correct it")
        if header not in headers:
            raise ValueError(f"it has no column '{header}', which columns names for {own}: correct one of them")
    renamed = {header: own for own, header in columns.items()}
    meanings: dict[str, str] = {}
    for header in headers:
        meaning = renamed.get(header) or _variable(header)
        if meaning in columns and header not in renamed:
            raise ValueError(f"its column '{header}' would be {meaning}, which columns gives to another: rename it")
        if meaning in meanings.values():
            earlier = next(other for other, known in meanings.items() if known == meaning)
            raise ValueError(f"its columns '{earlier}' and '{header}' would both be {meaning}: rename one of them")
        if reason := None if meaning in OURS else _refused(meaning):
            raise ValueError(f"its column '{header}' cannot be a variable: {reason}")
        meanings[header] = meaning
    missing = NAME if NAME not in meanings.values() else None
    if not {TENANT_ID, DOMAIN} & set(meanings.values()):
        missing = missing or f"{TENANT_ID} or {DOMAIN}"
    if missing:
        seen = ", ".join(f"'{header}'" for header in headers)
        raise ValueError(f"no column is {missing} (there are {seen}): name one so, or say in columns which it is")
    return meanings


def secret_in(value: object) -> str | None:
    """Return the first name in nested mappings that is that of a secret, or None."""
    if isinstance(value, list):
        return next(filter(None, map(secret_in, value)), None)
    if not isinstance(value, dict):
        return None
    return next((name for name in value if _is_secret(name)), None) or secret_in(list(value.values()))


def _is_secret(name: str) -> bool:
    plain = _identifier(name)
    return bool(_SECRET.search(plain)) and not _ABOUT_A_SECRET.search(plain)


def _variable(header: str) -> str:
    plain = _identifier(header)
    return f"{_PREFIX}{plain}" if plain in _RESERVED and plain not in OURS else plain


def _identifier(header: str) -> str:
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_IDENTIFIERS.sub("_", plain.strip()).strip("_")


def _refused(variable: str) -> str | None:
    if not _IDENTIFIER.match(variable) or keyword.iskeyword(variable):
        return "begin its name with a letter from a to z"
    if variable.startswith("ansible_") or variable in _OF_ANSIBLE:
        return "that name belongs to Ansible, rename the column"
    if variable in _SET_HERE:
        return f"it is set from {', '.join(OURS)}, remove the column"
    if _is_secret(variable):
        return NO_PLACE
    return None
