# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.mssp.defender.plugins.plugin_utils._inventory_file import NAMES, PLUGIN, REFUSED

DOCUMENTATION = r"""
name: inventory_faults
short_description: Say why sources of the inventory could not be read
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Ansible goes on without a source of the inventory that it cannot read, so that its customers are missing.
  - A file is at fault that does not exist, that is neither YAML nor JSON although its name ends in C(.yml), C(.yaml) or
    C(.json), or that configures the inventory plugin P(mssp.defender.customers#inventory) under a name that this
    does not accept, or in a way that it refused.
  - Scripts, INI files, lists of hosts and files encrypted with Ansible Vault are left alone.
options:
  _input:
    description: The sources, as in C(ansible_inventory_sources).
    type: list
    elements: str
    required: true
  thorough:
    description:
      - Whether the files in folders are looked at too, and Ansible's default inventory, which need not exist.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Go on with a whole inventory only
  ansible.builtin.assert:
    that: ansible_inventory_sources | mssp.defender.inventory_faults | length == 0
"""

RETURN = r"""
_value:
  description:
    - A sentence for each source at fault, such as
      C(/etc/mssp/customers.yml - line 3 begins with a tab, and YAML allows blanks only) with a colon after the path.
  type: list
  elements: str
"""

_OF_YAML = (".yml", ".yaml", ".json")
_BY_DEFAULT = "/etc/ansible/hosts"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def inventory_faults(sources: Iterable[str], thorough: bool = False) -> list[str]:
    named = [Path(source) for source in sources if "," not in source]
    paths = [path for path in named if thorough or str(path) != _BY_DEFAULT or path.exists()]
    found = {path: _fault(path) for each in paths for path in (_files(each) if thorough else [each])}
    return [f"{path}: {fault}" for path, fault in found.items() if fault]


def _files(path: Path) -> Iterator[Path]:
    """Yield the file, or those of a folder that Ansible takes for sources."""
    if not path.is_dir():
        yield path
        return
    for each in sorted(path.iterdir()):
        if each.name not in ("group_vars", "host_vars") and not each.name.startswith("."):
            yield from _files(each)


def _fault(path: Path) -> str | None:
    """Return what is wrong with a source, None where nothing is, or where it is no matter of this check."""
    if not path.exists():
        return "it does not exist"
    if str(path) in REFUSED:
        return REFUSED[str(path)]
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} is not UTF-8" if path.suffix in _OF_YAML else None
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if path.suffix not in _OF_YAML and PLUGIN not in text:
        return None
    return _fault_in(text, path)


def _fault_in(text: str, path: Path) -> str | None:
    if text.startswith(("#!", "$ANSIBLE_VAULT;")) or _is_ini(text):
        return None
    try:
        # nodes alone, because tags such as !vault mean something to Ansible only
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        return None if _is_json(text) else _told(error, text)
    if _configures(root) and not path.name.endswith(NAMES):
        return f"it configures {PLUGIN}, and such a file's name must end in {' or '.join(NAMES)}: rename it"
    return None


def _is_ini(text: str) -> bool:
    """Tell an INI inventory under a name for YAML, which Ansible reads as what it is."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and line[0] not in "#;"), "").startswith("[")


def _is_json(text: str) -> bool:
    """Tell JSON that YAML does not take, such as with tabs in front of its lines."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _configures(root: Any) -> bool:
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return any((key.value, value.value) == ("plugin", PLUGIN) for key, value in pairs)


def _told(error: yaml.YAMLError, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f"it is neither YAML nor JSON ({str(error).splitlines()[0]})"
    line = [*text.splitlines(), ""][min(mark.line, len(text.splitlines()))]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return f"line {mark.line + 1} begins with a tab, and YAML allows blanks only"
    return f"line {mark.line + 1} is neither YAML nor JSON ({getattr(error, 'problem', None) or 'it cannot be read'})"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"inventory_faults": inventory_faults}
