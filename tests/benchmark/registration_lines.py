# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the lines of code that registering an application takes in this collection and in azure.azcollection.

A line counts when it holds code: blank lines, comments, docstrings and the blocks DOCUMENTATION, EXAMPLES and RETURN
do not. `own` is what serves registration alone; `shared` is what that needs of the rest of the collection: here every
file that its imports reach, there the parts of azure_rm_common.py that the four modules run.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_OWN = (
    "plugins/modules/defender_application.py",
    "plugins/action/defender_application.py",
    "plugins/module_utils/_operations/provider/application.py",
    "plugins/module_utils/_core/registration/declaration.py",
)
_PEERS_OWN = (
    "azure_rm_adapplication.py",
    "azure_rm_adapplication_info.py",
    "azure_rm_adserviceprincipal.py",
    "azure_rm_adserviceprincipal_info.py",
)
_RUN_BY_PEER = {
    "AZURE_COMMON_ARGS",
    "AZURE_CREDENTIAL_ENV_MAPPING",
    "AZURE_COMMON_REQUIRED_IF",
    "AzureRMAuth",
    "AzureRMModuleBase.__init__",
    "AzureRMModuleBase.fail",
    "AzureRMModuleBase.log",
    "AzureRMModuleBase.get_msgraph_client",
}
_DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
_NAMESPACE = "ansible_collections.mssp.defender."


def of_defender() -> tuple[int, int]:
    """``(own, shared)`` of defender_application."""
    own = [ROOT / name for name in _OWN]
    reached = set(own)
    pending = list(own)
    while pending:
        for imported in _imports(pending.pop()):
            if imported not in reached:
                reached.add(imported)
                pending.append(imported)
    return sum(map(_count, own)), sum(map(_count, reached - set(own)))


def of_peer(collection: Path) -> tuple[int, int]:
    """``(own, shared)`` of azure_rm_adapplication, azure_rm_adserviceprincipal and their ``_info`` modules."""
    own = sum(_count(collection / "plugins/modules" / name) for name in _PEERS_OWN)
    common = collection / "plugins/module_utils/azure_rm_common.py"
    return own, len(_code_lines(common) & _lines_run_by_peer(common))


def _count(path: Path) -> int:
    return len(_code_lines(path))


def _code_lines(path: Path) -> set[int]:
    text = path.read_text(encoding="utf-8")
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if _is_text_for_people(node):
            lines -= _lines_of(node)
    return lines


def _is_text_for_people(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in _DOCUMENTATION for target in node.targets)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _lines_of(node: ast.AST) -> set[int]:
    return set(range(node.lineno, node.end_lineno + 1))  # type: ignore[attr-defined]


def _lines_run_by_peer(path: Path) -> set[int]:
    lines: set[int] = set()
    for name, node in _definitions(ast.parse(path.read_text(encoding="utf-8"))):
        if name in _RUN_BY_PEER or isinstance(node, ast.Import | ast.ImportFrom | ast.Try):
            lines |= _lines_of(node)
    return lines


def _definitions(module: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, node
            yield from ((f"{node.name}.{one.name}", one) for one in node.body if isinstance(one, ast.FunctionDef))
        else:
            targets = node.targets if isinstance(node, ast.Assign) else []
            yield next((target.id for target in targets if isinstance(target, ast.Name)), ""), node


def _imports(path: Path) -> Iterator[Path]:
    """The files of this collection that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module or ""
        if node.level:
            folder = path.parents[node.level - 1].joinpath(*module.split(".") if module else ())
        elif module.startswith(_NAMESPACE):
            folder = ROOT.joinpath(*module.removeprefix(_NAMESPACE).split("."))
        else:
            continue
        candidates = [folder.with_suffix(".py"), *(folder / f"{alias.name}.py" for alias in node.names)]
        yield from (candidate for candidate in candidates if candidate.is_file())
