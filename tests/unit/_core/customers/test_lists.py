# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.customers import lists
from ansible_collections.mssp.defender.plugins.module_utils._core.customers.customer import Customer
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError

ONE = "44444444-4444-4444-8444-444444444441"
TWO = "44444444-4444-4444-8444-444444444442"


def written(folder: Path, content: str | bytes, name: str = "customers.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal_of(path: Path) -> str:
    with pytest.raises(OptionError) as refused:
        lists.read(path)
    return str(refused.value)


def test_a_spreadsheet_with_a_mark_semicolons_and_blank_lines_is_read(tmp_path: Path) -> None:
    text = (
        f"\ufeffName;Tenant ID;Service Level\r\n\r\nContoso Ltd.;{ONE.upper()};gold\r\nfabrikam; Fabrikam.Example ;\r\n"
    )
    assert lists.read(written(tmp_path, text)) == [
        Customer("Contoso-Ltd", "Contoso Ltd.", ONE, ("customers.csv line 3",), {"service_level": "gold"}),
        Customer("fabrikam", "fabrikam", "fabrikam.example", ("customers.csv line 4",), {}, "fabrikam.example"),
    ]


def test_the_domain_stands_in_where_there_is_no_tenant_id(tmp_path: Path) -> None:
    text = f"name,tenant_id,domain\na,{ONE},A.example\nb,,b.example\n"
    found = [(each.tenant_id, each.domain) for each in lists.read(written(tmp_path, text))]
    assert found == [(ONE, "a.example"), ("b.example", "b.example")]


def test_yaml_keeps_its_types_and_json_is_no_other(tmp_path: Path) -> None:
    yaml = lists.read(written(tmp_path, f"- name: a\n  tenant_id: {ONE}\n  seats: 25\n", "a.yml"))
    json = lists.read(written(tmp_path, f'[{{"name": "a", "tenant_id": "{ONE}", "seats": 25}}]', "a.json"))
    assert (yaml[0].variables, yaml[0].sources) == ({"seats": 25}, ("a.yml line 1",))
    assert (json[0].variables, json[0].sources) == ({"seats": 25}, ("a.json line 1",))


@pytest.mark.parametrize("name", ["NO", "007", "1e3", "0x1F", "2026-11-30", "null", "yes", "1.10"])
def test_a_name_is_taken_as_it_is_written(tmp_path: Path, name: str) -> None:
    (found,) = lists.read(written(tmp_path, f"- name: {name}\n  tenant_id: {ONE}\n", "a.yml"))
    assert (found.name, found.title) == (name, name)


def test_null_of_json_is_nothing(tmp_path: Path) -> None:
    (found,) = lists.read(
        written(tmp_path, '[{"name": "a", "tenant_id": null, "domain": "a.example", "login": null}]', "a.json")
    )
    assert (found.tenant_id, found.variables) == ("a.example", {})
    nameless = f'[{{"name": "a", "tenant_id": "{ONE}"}}, {{"name": null, "tenant_id": "{TWO}"}}]'
    assert "line 1: the name is missing" in refusal_of(written(tmp_path, nameless, "b.json"))


def test_what_is_in_the_way_of_an_id_is_named_with_its_line(tmp_path: Path) -> None:
    said = refusal_of(
        written(tmp_path, f"name,tenant_id,domain\na,{ONE}\u200b,\nb,,https://b.example/\nc,,m\u00fcnchen.example\n")
    )
    assert f"line 2: tenant_id '{ONE}\\u200b' is neither a GUID nor a domain name: give {ONE}, without U+200B" in said
    assert "line 3: tenant_id 'https://b.example/' is neither a GUID nor a domain name: give b.example" in said
    assert "give xn--mnchen-3ya.example, the form in which that domain is registered" in said


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    said = refusal_of(written(tmp_path, f"- name: [a]\n  tenant_id: {ONE}\n", "a.yml"))
    assert "line 1: name is not a text: correct it" in said


def test_two_names_of_one_file_are_refused_with_both_lines(tmp_path: Path) -> None:
    said = refusal_of(written(tmp_path, f"name,tenant_id\ncontoso,{ONE}\nContoso,{TWO}\n"))
    assert "line 3: some disks take the files of 'Contoso' and 'contoso' of line 2 for one" in said


def test_headers_can_be_others(tmp_path: Path) -> None:
    path = written(tmp_path, f"Account,Microsoft ID\nContoso,{ONE}\n")
    (found,) = lists.read(path, {"name": "Account", "tenant_id": "Microsoft ID"})
    assert (found.name, found.tenant_id, found.variables) == ("Contoso", ONE, {})


def test_faulty_lines_are_named_together_with_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, f"name,tenant_id\na,{ONE[:-1]}\n,{ONE}\nc,common\nall,{ONE}\ne,\nf,x\ng,y\n")
    said = refusal_of(path)
    assert said.startswith(f"files: {path} cannot be used: line 2: tenant_id '{ONE[:-1]}' is neither a GUID nor")
    assert "line 3: the name is missing" in said
    assert "line 4: tenant_id is 'common', which names no customer" in said
    assert "line 5: the name 'all' cannot be a host's: choose another" in said
    assert "line 6: tenant_id is empty" in said
    assert said.endswith("; and 2 lines more. Correct these lines")


def test_what_must_not_stand_in_a_line_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"name,tenant_id,domain\na,{ONE},no domain\nb,{TWO},{ONE}\n")
    said = refusal_of(path)
    assert "line 2: tenant_id 'no domain' is neither a GUID nor a domain name" in said
    assert f"line 3: '{ONE}' is not a domain: correct it" in said
    hidden = written(tmp_path, f"- name: a\n  tenant_id: {ONE}\n  login: {{password: hush}}\n", "list.yml")
    assert "line 1: 'password' cannot be in a variable: an inventory is no place for secrets" in refusal_of(hidden)


def test_a_name_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    said = refusal_of(written(tmp_path, f"name,tenant_id\na b,{ONE}\na-b,{TWO}\n"))
    assert "line 3: 'a-b' is named in line 2 already" in said


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        ("name\n", "customers.xlsx", "is not a customer list: its name must end in .csv, .tsv, .yml, .yaml, .json"),
        ("name,tenant_id\nM\xfcller,1\n".encode("latin-1"), "customers.csv", "is not UTF-8 (byte 17 of it is none)"),
        ("name,tenant_id\n", "customers.csv", "it names no customer"),
        ("[]", "customers.json", "it names no customer"),
        ("name,city\na,b\n", "customers.csv", "no column is tenant_id or domain"),
        ("", "customers.csv", "its first line must name every column"),
    ],
)
def test_a_file_that_is_no_list_is_refused_by_name(
    tmp_path: Path, content: str | bytes, name: str, sentence: str
) -> None:
    path = written(tmp_path, content, name)
    said = refusal_of(path)
    assert str(path) in said
    assert sentence in said


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    assert "missing.csv cannot be read (No such file or directory)" in refusal_of(tmp_path / "missing.csv")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    os.mkfifo(path)
    assert "customers.csv cannot be read (Not a regular file)" in refusal_of(path)
