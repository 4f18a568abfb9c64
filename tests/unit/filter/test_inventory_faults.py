# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.filter.inventory_faults import FilterModule

inventory_faults = FilterModule().filters()["inventory_faults"]
TABS = "line 3 begins with a tab, and YAML allows blanks only"
NAMING = (
    "it configures mssp.defender.customers, and such a file's name must end in customers.yml or customers.yaml: "
    "rename it"
)
CONFIGURATION = "plugin: mssp.defender.customers\nfiles: [a.csv]\n"


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.yml", "customers:\n  hosts:\n\tcontoso:\n", TABS),
        ("a.yaml", "customers:\n  hosts:\n  \tcontoso: [\n", TABS),
        ("a.yml", "a: b: c\n", "line 1 is neither YAML nor JSON (mapping values are not allowed in this context)"),
        ("a.json", '{"all": {', "line 2 is neither YAML nor JSON (did not find expected node content)"),
        ("soc.yml", CONFIGURATION, NAMING),
        ("customers.cfg", CONFIGURATION, NAMING),
        ("soc.yml", f"# comment\n{CONFIGURATION}", NAMING),
        ("soc.yml", json.dumps({"files": [], "plugin": "mssp.defender.customers"}), NAMING),
    ],
)
def test_a_file_at_fault_is_named_with_the_reason(tmp_path: Path, name: str, text: str, fault: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert inventory_faults([str(path)]) == [f"{path}: {fault}"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yml", "customers:\n  hosts:\n    contoso:\n"),
        ("a.yml", ""),
        ("a.yml", "contoso\nfabrikam\n"),
        ("a.yml", "customers: {vars: {a: !vault x, b: !unsafe '{{ c }}'}}"),
        ("a.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n\t"),
        ("a.yml", "# hosts\n[customers]\ncontoso a=b c='d: e'\n"),
        ("a.json", '{\n\t"all": {"hosts": {"contoso": null}}\n}'),
        ("hosts", "[customers]\n\tcontoso a: b: c\n"),
        ("hosts.ini", "[customers]\ncontoso # plugin: mssp.defender.customers\n"),
        ("script.yml", "#!/bin/sh\n\techo a: b: c\n"),
        ("soc.customers.yml", CONFIGURATION),
        ("customers.yaml", CONFIGURATION),
        ("a.yml", f"all:\n  vars:\n    shown: |\n      {CONFIGURATION.replace(chr(10), chr(10) + '      ')}"),
    ],
)
def test_what_ansible_reads_is_left_alone(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert inventory_faults([str(path)], thorough=True) == []


def test_a_file_that_is_not_there_is_at_fault_and_a_list_of_hosts_is_no_file(tmp_path: Path) -> None:
    absent = tmp_path / "absent.yml"
    assert inventory_faults([str(absent), "contoso,fabrikam", "contoso,"]) == [f"{absent}: it does not exist"]


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes("a: ü".encode("latin-1"))
    (tmp_path / "a.cfg").write_bytes(b"\xff")
    assert inventory_faults([str(tmp_path / "a.yml"), str(tmp_path / "a.cfg")]) == [
        f"{tmp_path}/a.yml: byte 4 is not UTF-8"
    ]


def test_folders_are_looked_into_where_nobody_is_left(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    for name in ("hosts.yml", ".hidden.yml", "group_vars/all.yml"):
        (tmp_path / name).write_text("\ta: 1")
    assert inventory_faults([str(tmp_path)]) == []
    assert inventory_faults([str(tmp_path)], thorough=True) == [
        f"{tmp_path}/hosts.yml: {TABS.replace('line 3', 'line 1')}"
    ]
