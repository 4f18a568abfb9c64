# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Customer lists that people keep in files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .. import clouds, files
from ..characters import visible
from ..clouds import GUID
from ..errors import OptionError
from . import columns as meanings
from . import encodings, json_rows, rows
from .customer import Customer, file_key, host_name
from .rows import Row, Table

_READERS = {
    ".csv": rows.from_csv,
    ".tsv": rows.from_csv,
    ".yml": rows.from_yaml,
    ".yaml": rows.from_yaml,
    ".json": json_rows.from_json,
}
_FAULTS_SHOWN = 5


def read(path: Path, columns: Mapping[str, str] | None = None) -> list[Customer]:
    """Return the customers of a list in the order of its lines, each name once.

    `columns` says under which header the list has `name`, `tenant_id` or `domain` where that is another one. Raises
    OptionError, which names the file and its faulty lines: half a list would be half the customers.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise OptionError(f"files: {path} is not a customer list: its name must end in {', '.join(_READERS)}")
    data = files.given_to("files", path)
    try:
        return _customers(reader(encodings.text_of(data)), columns or {}, path.name)
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
            customer = _customer(_renamed(row, named), f"{file} line {row.line}")
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


def _renamed(row: Row, named: Mapping[str, str]) -> Row:
    """Return the row with what its headers mean in place of them."""
    cells = {named[header]: cell for header, cell in row.cells.items()}
    return Row(row.line, cells, {named[header]: text for header, text in row.written.items()})


def _customer(row: Row, source: str) -> Customer:
    cells = {name: cell for name, cell in row.cells.items() if name not in meanings.OURS}
    title = _text(row, meanings.NAME) or row.written.get(meanings.NAME, "").strip()
    name = host_name(title)
    if not name:
        shown = visible(title)
        raise ValueError(f"the name '{shown}' cannot be a host's: choose another" if title else "the name is missing")
    domain = clouds.check_tenant_id(text) if (text := _text(row, meanings.DOMAIN)) else None
    if domain and GUID.match(domain):
        raise ValueError(f"'{domain}' is not a domain: correct it")
    if secret := meanings.secret_in(cells):
        raise ValueError(f"'{secret}' cannot be in a variable: {meanings.NO_PLACE}")
    tenant_id = clouds.check_tenant_id(_text(row, meanings.TENANT_ID) or domain)
    if domain is None and not GUID.match(tenant_id):
        domain = tenant_id
    return Customer(name, title, tenant_id, (source,), cells, domain)


def _text(row: Row, name: str) -> str:
    """Return a cell as it was written, empty where there is none. Raises ValueError for a list or a mapping."""
    if name not in row.cells:
        return ""
    if name not in row.written:
        raise ValueError(f"{name} is not a text: correct it")
    return row.written[name].strip()
