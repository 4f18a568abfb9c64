# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest
from support.machine import run_without

from ansible_collections.mssp.defender.plugins.module_utils._core import dependencies


def test_nothing_is_missing_here() -> None:
    assert dependencies.MISSING is None


def test_every_name_other_files_import_from_here_is_offered() -> None:
    folder = Path(dependencies.__file__).parent
    wanted = {
        alias.name
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "dependencies"
        for alias in node.names
    }
    assert wanted
    assert wanted <= set(dependencies.__all__)
    assert all(hasattr(dependencies, name) for name in dependencies.__all__)


@pytest.mark.parametrize(
    ("library", "named"),
    [("msal", "msal"), ("requests", "requests"), ("jwt", "PyJWT[crypto]"), ("cryptography", "PyJWT[crypto]")],
)
def test_a_missing_library_is_named_as_it_is_installed(library: str, named: str) -> None:
    assert run_without(library, "print(dependencies.MISSING)") == named


def test_yaml_is_needed_for_files_of_rules_alone() -> None:
    assert run_without("yaml", "print(dependencies.MISSING, dependencies.yaml)") == "None None"


@pytest.mark.parametrize("library", ["msal", "requests", "jwt", "cryptography"])
def test_every_file_of_the_domain_can_be_imported_without_it(library: str) -> None:
    folder = Path(dependencies.__file__).parent
    files = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py") if path.stem != "__init__")
    names = sorted(".".join(file.parts) for file in files)
    package = importlib.import_module(dependencies.__name__.rpartition(".")[0]).__name__
    code = f"import importlib\nfor name in {names}: importlib.import_module(f'{package}.{{name}}')\nprint('imported')"
    assert run_without(library, code) == "imported"
