# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An import points downward only: front doors, operations, the domain; and the domain knows nothing of Ansible."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.mssp.defender"
CORE = f"{COLLECTION}.plugins.module_utils._core"
OPERATIONS = f"{COLLECTION}.plugins.module_utils._operations"
MODULE_UTILS = f"{COLLECTION}.plugins.module_utils"
PLUGIN_UTILS = f"{COLLECTION}.plugins.plugin_utils"
FRONT_DOORS = tuple(f"{COLLECTION}.plugins.{kind}" for kind in ("modules", "action", "callback", "inventory"))
LIBRARIES = ("idna", "requests", "urllib3", "msal", "jwt", "cryptography", "yaml")

BASE = tuple(
    f"{CORE}.{name}"
    for name in (
        "characters",
        "clouds",
        "dependencies",
        "errors",
        "files",
        "fleet",
        "outcomes",
        "ownership",
        "showing",
        "timestamps",
        "vaults",
        "waiting",
    )
)
"""What every part of the domain speaks in."""

MAY_IMPORT = {
    f"{CORE}.dependencies": LIBRARIES,
    f"{CORE}.wire": (f"{CORE}.wire", *BASE),
    f"{CORE}.identity": (*(f"{CORE}.{name}" for name in ("identity", "wire")), *BASE),
    f"{CORE}.reading": (*(f"{CORE}.{name}" for name in ("reading", "calls", "identity", "wire")), *BASE),
    f"{CORE}.registration": (*(f"{CORE}.{name}" for name in ("registration", "graph", "identity", "wire")), *BASE),
    f"{CORE}.customers": (
        *(f"{CORE}.{name}" for name in ("customers", "graph", "identity", "wire")),
        *BASE,
    ),
    CORE: (CORE,),
    f"{OPERATIONS}.options": (CORE, f"{OPERATIONS}.operation", "ansible.module_utils"),
    OPERATIONS: (OPERATIONS, CORE),
    MODULE_UTILS: (MODULE_UTILS, "ansible.module_utils"),
    f"{PLUGIN_UTILS}._progress_bar": (PLUGIN_UTILS, "rich"),
    f"{PLUGIN_UTILS}._rich_cells": (MODULE_UTILS, "rich"),
    f"{PLUGIN_UTILS}._templates": ("jinja2",),
    PLUGIN_UTILS: (PLUGIN_UTILS, MODULE_UTILS, "ansible"),
    f"{COLLECTION}.plugins.modules": (MODULE_UTILS, "ansible.module_utils"),
    f"{COLLECTION}.plugins.action": (PLUGIN_UTILS, MODULE_UTILS, "ansible"),
    f"{COLLECTION}.plugins.callback": (PLUGIN_UTILS, "ansible"),
    f"{COLLECTION}.plugins.inventory": (PLUGIN_UTILS, MODULE_UTILS, "ansible"),
    # before a play there is no need of the libraries
    f"{COLLECTION}.plugins.filter.inventory_faults": (PLUGIN_UTILS, "yaml"),
    f"{COLLECTION}.plugins.filter": (PLUGIN_UTILS, MODULE_UTILS, "ansible"),
    f"{COLLECTION}.plugins.doc_fragments": (),
}
"""Layer to what it may import beside the standard library; the first layer that a module's name starts with counts."""

EMULATOR = ROOT / "roles" / "emulator" / "files"
FOREIGN_TO_EMULATOR = ("ansible", "ansible_collections", "msal", "requests", "azure")


def _is_under(module: str, parents: tuple[str, ...]) -> bool:
    return any(module == parent or module.startswith(f"{parent}.") for parent in parents)


def _imports(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and absolute name of every import, wherever it stands in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            origin = ".".join(filter(None, (above, node.module)))
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def _upward(source: str, module: str) -> list[str]:
    """The imports of one module that its layer may not have."""
    allowed = next(allowed for layer, allowed in MAY_IMPORT.items() if _is_under(module, (layer,)))
    return [
        f"line {line}: {name}"
        for line, name in _imports(source, module.rpartition(".")[0])
        if name.partition(".")[0] not in sys.stdlib_module_names and not _is_under(name, allowed)
    ]


def _name(path: Path) -> str:
    return ".".join((COLLECTION, *path.relative_to(ROOT).with_suffix("").parts))


PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))


def test_plugins_import_downward_only() -> None:
    found = {_name(path): _upward(path.read_text(encoding="utf-8"), _name(path)) for path in PLUGINS}
    assert {module: upward for module, upward in found.items() if upward} == {}


@pytest.mark.parametrize("layer", [CORE, OPERATIONS, PLUGIN_UTILS, *FRONT_DOORS])
def test_each_layer_has_files_to_check(layer: str) -> None:
    assert any(_is_under(_name(path), (layer,)) for path in PLUGINS)


def test_the_emulator_shares_no_code_with_its_clients() -> None:
    modules = sorted(EMULATOR.rglob("*.py"))
    found = [
        f"{path.relative_to(EMULATOR)}, line {line}: {name}"
        for path in modules
        for line, name in _imports(path.read_text(encoding="utf-8"), "defender_emulator")
        if _is_under(name, FOREIGN_TO_EMULATOR)
    ]
    assert modules
    assert found == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (f"{CORE}.tokens", "import msal"),
        (f"{CORE}.tokens", "def late():\n    from ansible.module_utils.basic import env_fallback"),
        (f"{CORE}.tokens", "from .._operations.consent import token"),
        (f"{CORE}.tokens", "from ... import plugin_utils"),
        (f"{CORE}.dependencies", "import ansible"),
        (f"{CORE}.wire.http", "from ..identity import tokens"),
        (f"{CORE}.identity.tokens", "from ..calls import Call"),
        (f"{CORE}.reading.listing", "from ..changing import updating"),
        (f"{CORE}.registration.directory", "from ..reading import pages"),
        (f"{CORE}.customers.lists", "from ansible.parsing.dataloader import DataLoader"),
        (f"{CORE}.customers.partners", "from ..registration import directory"),
        (f"{OPERATIONS}.token", "import requests"),
        (f"{OPERATIONS}.token", "from ansible.errors import AnsibleError"),
        (f"{OPERATIONS}.token", "from .._module_context import run"),
        (f"{COLLECTION}.plugins.modules.defender_token", "from ansible.plugins.action import ActionBase"),
        (f"{COLLECTION}.plugins.modules.defender_token", "from ..plugin_utils import _action"),
        (f"{COLLECTION}.plugins.action.defender_token", "from defender_emulator import app"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str) -> None:
    assert len(_upward(source, module)) == 1


def test_a_right_import_is_let_through() -> None:
    source = "from __future__ import annotations\nimport json\nfrom . import errors\nfrom .errors import Refusal"
    assert _upward(source, f"{CORE}.tokens") == []
