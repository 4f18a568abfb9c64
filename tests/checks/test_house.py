# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
# REUSE-IgnoreStart
COPYRIGHT = "# Copyright (c) 2026, mssp.defender contributors"
LICENCE = "# SPDX-License-Identifier: GPL-3.0-or-later"
# REUSE-IgnoreEnd
PLUGIN_LICENCE = "# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)"
CODE = {".py", ".yml", ".yaml", ".sh", ".toml"}
LIMITED = CODE | {".j2", ".html", ".css", ".js", ".sql"}
LONGEST_FILE = 400
# Folders of one person's machine, which mean nothing in anybody else's checkout.
MACHINE_PATH = re.compile(r"(?<![\w.~}/-])/(?:root|work|home/[a-z]|Users/[A-Za-z])[\w.-]*/")


def _checkout() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file())


FILES = _checkout()


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _is_code(path: Path) -> bool:
    generated = "changelogs" in path.relative_to(ROOT).parts
    return not generated and (path.suffix in CODE or path.name in {"Makefile", "run"}) and path.stat().st_size > 0


PROVEN_THROUGH_ANOTHER = {
    # shapes alone
    "_core/results.py": "_core/test_outcomes.py",
    "_operations/operation.py": "_operations/test_options.py",
    "_operations/task_context.py": "_operations/test_session.py",
    # the halves of work that a task does as one
    "_operations/changing/record_change.py": "_operations/changing/test_incident.py",
    "_operations/provider/rotation_result.py": "_operations/provider/test_client_secret.py",
    "_operations/reading/customer_poll.py": "_operations/reading/test_event_stream.py",
}
"""Files whose tests stand in those of a file that uses them."""


@pytest.mark.parametrize("layer", ["_core", "_operations"])
def test_each_file_of_the_inner_layers_has_its_test_file(layer: str) -> None:
    inside, mirrored = ROOT / "plugins/module_utils", ROOT / "tests/unit"
    code = {str(path.relative_to(inside)) for path in (inside / layer).rglob("*.py") if path.name != "__init__.py"}
    tests = {str(path.relative_to(mirrored)) for path in (mirrored / layer).rglob("test_*.py")}
    own = {str(Path(name).with_name(f"test_{Path(name).name}")) for name in code - set(PROVEN_THROUGH_ANOTHER)}
    assert code
    assert own == tests
    assert {test for name, test in PROVEN_THROUGH_ANOTHER.items() if name in code} <= tests


def _names_its_licence(path: Path) -> bool:
    lines = _lines(path)
    header = lines[1:] if lines[0].startswith("#!") else lines
    return header[0] == COPYRIGHT and LICENCE in header[1:3]


def test_code_names_its_licence() -> None:
    code = [path for path in FILES if _is_code(path)]
    assert code
    assert [_relative(path) for path in code if not _names_its_licence(path)] == []


@pytest.mark.parametrize("folder", ["modules", "action", "callback", "doc_fragments", "filter", "inventory"])
def test_plugins_name_the_gpl_as_ansible_wants_it(folder: str) -> None:
    plugins = [path for path in (ROOT / "plugins" / folder).glob("*.py") if path.name != "__init__.py"]
    assert [_relative(path) for path in plugins if PLUGIN_LICENCE not in _lines(path)[:4]] == []


def test_python_puts_off_its_annotations() -> None:
    sources = {_relative(path): path.read_text(encoding="utf-8") for path in FILES if path.suffix == ".py"}
    with_code = {name for name, source in sources.items() if len(ast.parse(source).body) > 1}
    assert with_code
    assert {name for name in with_code if "\nfrom __future__ import annotations\n" not in sources[name]} == set()


def test_no_file_is_too_long_to_have_one_job() -> None:
    lengths = {_relative(path): len(_lines(path)) for path in FILES if path.suffix in LIMITED}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_file_names_a_folder_of_one_machine() -> None:
    found = [
        f"{_relative(path)}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(_lines(path), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["cd /" + "root/x/y", "'/" + "work/main/plugins'", "see /" + "home/ann/.ssh/id"])
def test_a_machine_path_would_be_found(line: str) -> None:
    assert MACHINE_PATH.search(line)


def test_no_sanity_ignore_file() -> None:
    assert [_relative(path) for path in FILES if path.match("tests/sanity/ignore*")] == []


def test_shell_scripts_pass_shellcheck() -> None:
    scripts = [path for path in FILES if path.suffix == ".sh" or _relative(path) == ".ci/run"]
    assert scripts
    try:
        run = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("not on this machine: shellcheck")
    assert run.stdout == ""
    assert run.returncode == 0


@pytest.mark.parametrize("path", ["requirements.txt", "roles/emulator/files/requirements.txt"])
def test_no_library_of_a_known_fault_is_admitted(path: str) -> None:
    """PyJWT 2.10.0 takes a part of an issuer for the whole."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    (pyjwt,) = (Requirement(line) for line in lines if line.startswith("PyJWT"))
    assert [pyjwt.specifier.contains(version) for version in ("2.8.0", "2.9.0", "2.10.0", "2.10.1", "2.15.1")] == [
        True,
        True,
        False,
        True,
        True,
    ]
