# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Customer lists that people keep in files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .. import clouds, files
from ..clouds import GUID
from ..errors import OptionError
from . import columns as meanings
from . import rows
from .customer import Customer, file_key, host_name
from .rows import Table

_READERS = {
    ".csv": rows.from_csv,
    ".tsv": rows.from_csv,
    ".yml": rows.from_yaml,
    ".yaml": rows.from_yaml,
    ".json": rows.from_yaml,
}
_FAULTS_SHOWN = 5


def read(path: Path, columns: Mapping[str, str] | None = None) -> list[Customer]:
    """Return the customers of a list in the order of its lines, each name once.

    `columns` says under which header the list has `name`, `tenant_id` or `domain` where that is another one. Raises
    OptionError, which names the file and its faulty lines: half a list would be half the customers.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise OptionError(f"files: {path} is no customer list: its name must end in {', '.join(_READERS)}")
    try:
        return _customers(reader(files.given_text("files", path)), columns or {}, path.name)
    except ValueError as error:
        raise OptionError(f"files: {path} cannot be used: {error}") from None


def _customers(table: Table, columns: Mapping[str, str], file: str) -> list[Customer]:
    """Return the customers that the rows are. Raises ValueError with the faulty lines, and for no row at all."""
    if not table.rows:
        raise ValueError("it names no customer: add some, or take it out of files")
    named = meanings.assign(table.headers, columns)
    customers: dict[str, Customer] = {}
    lines: dict[str, int] = {}
    faults = []
    for row in table.rows:
        try:
            customer = _customer({named[header]: cell for header, cell in row.cells.items()}, f"{file} line {row.line}")
        except (ValueError, OptionError) as error:
            faults.append(f"line {row.line}: {error}")
            continue
        key = file_key(customer.name)
        if (other := customers.get(key)) and other.name == customer.name:
            faults.append(f"line {row.line}: '{customer.name}' is named in line {lines[key]} already")
        elif other:
            both = f"'{customer.name}' and '{other.name}' of line {lines[key]}"
            faults.append(f"line {row.line}: some disks take the files of {both} for one")
        else:
            customers[key] = customer
            lines[key] = row.line
    if faults:
        more = f"; and {len(faults) - _FAULTS_SHOWN} lines more" if len(faults) > _FAULTS_SHOWN else ""
        raise ValueError(f"{'; '.join(faults[:_FAULTS_SHOWN])}{more}. Correct these lines")
    return list(customers.values())


def _customer(cells: dict[str, object], source: str) -> Customer:
    title = str(cells.pop(meanings.NAME, "")).strip()
    name = host_name(title)
    if not name:
        raise ValueError(f"the name '{title}' cannot be a host's: choose another" if title else "the name is missing")
    domain = str(cells.pop(meanings.DOMAIN, "")).strip().lower() or None
    if domain and (GUID.match(domain) or clouds.check_tenant_id(domain) != domain):
        raise ValueError(f"'{domain}' is no domain: correct it")
    if secret := meanings.secret_in(cells):
        raise ValueError(f"'{secret}' cannot be in a variable: {meanings.NO_PLACE}")
    tenant_id = clouds.check_tenant_id(str(cells.pop(meanings.TENANT_ID, "")) or domain)
    if domain is None and not GUID.match(tenant_id):
        domain = tenant_id
    return Customer(name, title, tenant_id, (source,), dict(cells), domain)
