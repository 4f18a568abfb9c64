# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory of customers from lists: what becomes a host, what is refused, and what is never evaluated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.ansible_runs import Ansible
from support.inventories import CustomerInventory

ONE = "44444444-4444-4444-8444-444444444441"
TWO = "44444444-4444-4444-8444-444444444442"
LIST = f"\ufeffName;Tenant ID;Country;Service Level\r\n\r\nContoso Ltd.;{ONE};AT;gold\r\nfabrikam;{TWO};;\r\n"


@pytest.fixture
def customers(ansible: Ansible) -> CustomerInventory:
    return CustomerInventory(ansible)


def test_a_list_becomes_hosts_groups_and_variables(customers: CustomerInventory) -> None:
    customers.file("lists/customers.csv", LIST)
    source = customers.config(
        files=["lists/customers.csv"],
        keyed_groups=[{"key": "country", "prefix": "country"}],
        groups={"golden": "service_level | default('') == 'gold'"},
        compose={"partner_access_cloud": "'gcc' if country | default('') == 'US' else 'worldwide'"},
    )
    listing = customers.read(source)
    assert listing.code == 0, listing.output
    assert listing.hosts == {
        "Contoso-Ltd": {
            "country": "AT",
            "service_level": "gold",
            "partner_access_cloud": "worldwide",
            "partner_access_tenant_id": ONE,
            "partner_access_customer": {"name": "Contoso Ltd.", "sources": ["customers.csv line 3"]},
        },
        "fabrikam": {
            "partner_access_cloud": "worldwide",
            "partner_access_tenant_id": TWO,
            "partner_access_customer": {"name": "fabrikam", "sources": ["customers.csv line 4"]},
        },
    }
    assert listing.group("customers") == {"Contoso-Ltd", "fabrikam"}
    assert listing.group("country_AT") == listing.group("golden") == {"Contoso-Ltd"}
    # nothing about it is noise
    assert "WARNING" not in listing.output


def test_the_graph_of_an_inventory_with_a_group_of_its_own(customers: CustomerInventory) -> None:
    customers.file("a.yml", f"- name: contoso\n  tenant_id: {ONE}\n")
    source = customers.config("my_customers.yaml", files=["a.yml"], group="managed tenants")
    run = customers.ansible.run(["ansible-inventory", "--graph", "-i", str(source)], {})
    assert [line.strip() for line in run.output.splitlines() if "managed" in line or "contoso" in line] == [
        "|--@managed_tenants:",
        "|  |--contoso",
    ]


def test_an_inventory_of_hosts_under_the_same_name_is_left_to_ansible(customers: CustomerInventory) -> None:
    source = customers.file(
        "customers.yml", f"customers: {{hosts: {{contoso: {{partner_access_tenant_id: {ONE}}}}}}}\n"
    )
    enabled = "mssp.defender.customers,auto,yaml"
    for plugins in ("host_list,script,auto,yaml,ini,toml", enabled):
        listing = customers.read(source, ANSIBLE_INVENTORY_ENABLED=plugins)
        assert listing.tenants() == {"contoso": ONE}
        assert "WARNING" not in listing.output


HARMFUL = [
    "{{ lookup('ansible.builtin.pipe', 'touch harm') }}",
    "{% set x = lookup('ansible.builtin.pipe', 'touch harm') %}",
    "lookup('ansible.builtin.pipe', 'touch harm')",
    "#jinja2: variable_start_string: '['",
    "{{ undefined_variable }}",
]


@pytest.fixture
def harmful(customers: CustomerInventory) -> dict[str, Any]:
    """Options of an inventory in which everything that can be text is harmful."""
    customers.file(
        "a.json", json.dumps([{"name": HARMFUL[0], "tenant_id": ONE, "notes": HARMFUL, "by_key": {HARMFUL[0]: 1}}])
    )
    cached = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(customers.place / "c")}
    return {"files": ["a.json"], "compose": {"first": "notes[0]", "title": "partner_access_customer.name"}, **cached}


TELL = """
- name: Tell
  ansible.builtin.copy:
    content: "{{ {'notes': notes, 'first': first, 'title': title, 'keys': by_key | list, 'item': item} | to_json }}"
    dest: "{{ playbook_dir }}/told.json"
  delegate_to: localhost
  vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  loop: "{{ notes[:1] }}"
- name: Judge
  ansible.builtin.debug:
    msg: evaluated
  when: notes[2] == '' or notes[2] is match('harm')
"""


def test_no_text_of_a_list_is_ever_evaluated(customers: CustomerInventory, harmful: dict[str, Any]) -> None:
    source = customers.config(**harmful)
    told = customers.place / "told.json"
    for _round in range(2):
        run = customers.play(source, TELL)
        assert run.code == 0, run.output
        assert json.loads(told.read_text()) == {
            "notes": HARMFUL,
            "first": HARMFUL[0],
            "title": HARMFUL[0],
            "keys": [HARMFUL[0]],
            "item": HARMFUL[0],
        }
        told.unlink()
    assert list(customers.place.rglob("harm")) == []


def test_what_the_inventory_prints_can_be_read_again_and_is_still_not_evaluated(
    customers: CustomerInventory, harmful: dict[str, Any]
) -> None:
    """AWX keeps what ansible-inventory printed, and gives it to jobs as an inventory."""
    listing = customers.read(customers.config(**harmful))
    assert listing.hosts["lookup-ansible.builtin.pipe-touch-harm"]["notes"] == HARMFUL
    stored = customers.file("stored.py", f"#!/bin/sh\ncat <<'END'\n{json.dumps(listing.inventory)}\nEND\n")
    stored.chmod(0o755)
    run = customers.play(stored, TELL)
    assert run.code == 0, run.output
    assert json.loads((customers.place / "told.json").read_text())["notes"] == HARMFUL
    assert list(customers.place.rglob("harm")) == []


def test_plain_text_is_printed_plainly_for_those_who_store_it(customers: CustomerInventory) -> None:
    customers.file("a.csv", f"name,tenant_id,city\nMüller & Co,{ONE},St. Pölten/West\n")
    listing = customers.read(customers.config(files=["a.csv"]))
    assert "__ansible_unsafe" not in json.dumps(listing.inventory)


def test_extra_variables_can_take_part(customers: CustomerInventory) -> None:
    customers.file("a.csv", f"name,tenant_id\ncontoso,{ONE}\n")
    source = customers.config(files=["a.csv"], use_extra_vars=True, compose={"region": "wanted"})
    assert customers.read(source, extra="wanted=emea").hosts["contoso"]["region"] == "emea"


def test_what_awx_leaves_empty_is_not_given(customers: CustomerInventory) -> None:
    customers.file("a.csv", f"name,tenant_id\ncontoso,{ONE}\n")
    names = ("CLIENT_ID", "TENANT_ID", "CLIENT_SECRET", "CLIENT_CERTIFICATE_PATH", "CLIENT_CERTIFICATE_PASSWORD")
    empty = {f"AZURE_{name}": "" for name in (*names, "FEDERATED_TOKEN_FILE")}
    assert customers.read(customers.config(files=["a.csv"], ca_path=""), **empty).tenants() == {"contoso": ONE}
    said = customers.read(customers.config(partner=["contracts"]), **empty)
    assert said.code != 0
    assert said.says("home_tenant_id is missing, which partner needs: give it, or set AZURE_TENANT_ID")


CANARY = "canary-in-the-project"
BAD_CONFIGURATIONS: list[tuple[dict[str, Any], str]] = [
    ({"client_secret": CANARY}, "client_secret stands in {config}: take the secret out and set AZURE_CLIENT_SECRET"),
    ({"certificate_password": CANARY}, "take the secret out and set AZURE_CLIENT_CERTIFICATE_PASSWORD instead"),
    ({"file": ["a.csv"]}, "{config} has an option 'file', which there is not: correct its name"),
    ({"group": "ungrouped"}, "{config} has the group ungrouped, which loses hosts of other groups: name another"),
    ({"files": []}, "neither files nor partner is given: say where the customers are to be read"),
    ({"files": ["missing.csv"]}, "missing.csv cannot be read (No such file or directory)"),
    ({"columns": {"name": "Kunde"}}, "a.csv cannot be used: it has no column 'Kunde', which columns names for name"),
    ({"partner": ["everybody"]}, "everybody"),
    ({"concurrency": 0}, "concurrency is 0: it must be at least 1"),
    ({"ca_path": "a.csv", "files": ["domain.csv"]}, "it holds no readable CA certificate"),
    ({"authority_url": "http://login.example", "files": ["domain.csv"]}, "is not an https URL"),
    ({"resolve": "graph", "files": ["domain.csv"]}, "home_tenant_id is missing, which resolve needs"),
]
BAD_LISTS: list[tuple[str | bytes, str]] = [
    (f"name;tenant_id\na;{ONE[:-1]}\n", f"line 2: tenant_id '{ONE[:-1]}' is neither a GUID nor a domain name"),
    (f"name,tenant_id\na,{ONE}\n\na,{TWO}\n", "line 4: 'a' is named in line 2 already"),
    (f"name,tenant_id,ansible_host\na,{ONE},x\n", "its column 'ansible_host' cannot be a variable: that name belongs"),
    (f"name,tenant_id,Client Secret\na,{ONE},{CANARY}\n", "an inventory is no place for secrets"),
    ("name,city\na,b\n", "no column is tenant_id or domain (there are 'name', 'city')"),
    (f'name,tenant_id\n"a,{ONE}\nb,{TWO}\n', "it is not CSV from line 2 on"),
    (f"name,tenant_id\nMüller,{ONE}\n".encode("latin-1"), "is not UTF-8 (byte 17 of it is none): save it as UTF-8"),
]


def test_what_cannot_be_used_is_refused_as_a_whole_with_one_sentence(customers: CustomerInventory) -> None:
    customers.file("a.csv", f"name,tenant_id\ncontoso,{ONE}\n")
    customers.file("domain.csv", "name,domain\ncontoso,contoso.example\n")
    sentences = []
    sources = []
    for number, (options, sentence) in enumerate(BAD_CONFIGURATIONS):
        sources.append(customers.config(f"{number}.customers.yml", **{"files": ["a.csv"], **options}))
        sentences.append(sentence.format(config=sources[-1]))
    for number, (content, sentence) in enumerate(BAD_LISTS):
        path = customers.file(f"bad_{number}.csv", content)
        sources.append(customers.config(f"list_{number}.customers.yml", files=[path.name]))
        sentences += [sentence, f"files: {path} "]
    listing = customers.read(*sources, ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="false")
    assert [sentence for sentence in sentences if not listing.says(sentence)] == []
    assert listing.hosts == {}
    assert "Traceback" not in listing.output
    assert CANARY not in listing.output


def test_a_list_that_cannot_be_used_fails_the_run_where_ansible_is_told_to(customers: CustomerInventory) -> None:
    assert customers.read(customers.config(files=["missing.csv"])).code != 0


@pytest.mark.parametrize("duplicates", ["merge", "refuse"])
def test_a_tenant_in_two_lists_is_merged_or_refused_by_name(customers: CustomerInventory, duplicates: str) -> None:
    customers.file("a.csv", f"name,tenant_id,tier\ncontoso,{ONE},gold\n")
    customers.file("b.yml", f"- name: contoso ag\n  tenant_id: {ONE}\n  city: Wien\n")
    listing = customers.read(customers.config(files=["a.csv", "b.yml"], duplicates=duplicates))
    assert listing.says(f"contoso (a.csv line 2) and contoso-ag (b.yml line 1) are one tenant, {ONE}: ")
    if duplicates == "refuse":
        assert listing.code != 0
        assert listing.says("remove one of them, or set duplicates to merge")
    else:
        assert (listing.hosts["contoso"]["tier"], listing.hosts["contoso"]["city"]) == ("gold", "Wien")


def test_a_strict_inventory_fails_on_an_expression_that_cannot_be(customers: CustomerInventory) -> None:
    customers.file("a.csv", f"name,tenant_id\ncontoso,{ONE}\n")
    options = {"files": ["a.csv"], "compose": {"x": "no_such_variable.y"}}
    assert customers.read(customers.config(**options)).code == 0
    assert customers.read(customers.config(**options, strict=True)).code != 0


THREE = f"name,tenant_id,tier\n{{}},{ONE},gold\nfabrikam,{TWO},gold\ncontoso,{ONE[:-1]}3,silver\n"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("customers", {}),
        ("ours", {"group": "ours"}),
        ("gold", {"groups": {"gold": "tier == 'gold'"}}),
        ("Silver", {"groups": {"Silver": "tier == 'silver'"}}),
        ("tier_gold", {"keyed_groups": [{"key": "tier", "prefix": "tier"}]}),
        ("tiers", {"keyed_groups": [{"key": "tier", "parent_group": "tiers"}]}),
        # the second source of the run
        ("machines", {}),
    ],
)
def test_a_customer_with_the_name_of_a_group_is_refused_with_both(
    customers: CustomerInventory, name: str, options: dict[str, Any]
) -> None:
    """Of the group, Ansible would find that host alone."""
    machines = customers.file("machines.yml", "machines: {hosts: {vm: {}}}\n")
    customers.file("a.csv", THREE.format(name))
    source = customers.config(files=["a.csv"], **options)
    listing = customers.read(machines, source, ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="false")
    assert set(listing.hosts) <= {"vm"}
    assert listing.says(f"'{name}' is the customer of a.csv line 2 and also a group, and Ansible would work for that")


@pytest.mark.parametrize("is_first", [True, False])
def test_a_host_of_another_source_does_not_hide_the_customers(customers: CustomerInventory, is_first: bool) -> None:
    machines = customers.file("machines.yml", "ungrouped: {hosts: {customers: {}}}\n")
    customers.file("a.csv", THREE.format("tailspin"))
    sources = [machines, customers.config(files=["a.csv"])]
    inventory = [argument for source in sources[:: 1 if is_first else -1] for argument in ("-i", str(source))]
    run = customers.ansible.run(["ansible-playbook", *inventory, "mssp.defender.verify"], {})
    assert run.code != 0
    said = (
        "'customers' is a host of another source and also a group" if is_first else "has both a host and a group called"
    )
    assert "".join(said.split()) in "".join(run.output.split())


@pytest.mark.parametrize("has_others", [True, False])
def test_a_play_of_ones_own_does_not_take_a_host_for_its_group(customers: CustomerInventory, has_others: bool) -> None:
    """Sources that are read after the customers can bring in a group with the name of one."""
    customers.file("a.csv", THREE.format("tailspin"))
    group = customers.file("z.ini", f"[contoso]\ncontoso\n{'x1' if has_others else ''}\n")
    play = customers.file(
        "play.yml",
        """
- hosts: contoso
  gather_facts: false
  tasks:
    - mssp.defender.defender_consent_url:
        hosts: "{{ ansible_play_batch }}"
        client_id: 44444444-4444-4444-8444-444444444444
        redirect_uri: https://soc.example/consented
      run_once: true
""",
    )
    source = customers.config(files=["a.csv"])
    run = customers.ansible.run(["ansible-playbook", "-i", str(source), "-i", str(group), str(play)], {})
    said = "both a host and a group called contoso, and this play works for that host without x1 of the group"
    assert ("".join(said.split()) in "".join(run.output.split())) is has_others
    assert (run.code != 0) is has_others


def test_a_customer_that_another_source_has_otherwise_is_refused_with_both(customers: CustomerInventory) -> None:
    other = customers.file("other.yml", f"all: {{hosts: {{contoso: {{partner_access_tenant_id: {TWO}}}}}}}\n")
    customers.file("a.csv", THREE.format("tailspin"))
    source = customers.config(files=["a.csv"])
    listing = customers.read(other, source, ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="false")
    assert listing.tenants() == {"contoso": TWO}
    assert listing.says(f"another source of the inventory has a customer of that name with tenant {TWO}: rename one")


def test_what_other_sources_know_of_a_customer_stays_and_takes_part(customers: CustomerInventory) -> None:
    other = customers.file("other.yml", "all: {hosts: {contoso: {region: emea}}}\n")
    customers.file("a.csv", THREE.format("tailspin"))
    source = customers.config(files=["a.csv"], keyed_groups=[{"key": "region", "prefix": "region"}])
    listing = customers.read(other, source)
    assert (listing.code, listing.group("region_emea")) == (0, {"contoso"})
    assert listing.group("customers") == {"tailspin", "fabrikam", "contoso"}
    assert listing.hosts["contoso"]["region"] == "emea"


def test_an_inventory_that_fails_at_its_last_customer_leaves_none(customers: CustomerInventory) -> None:
    customers.file("a.csv", f"name,tenant_id,tier\ncontoso,{ONE},gold\nfabrikam,{TWO},\n")
    source = customers.config(files=["a.csv"], strict=True, keyed_groups=[{"key": "tier"}])
    listing = customers.read(source, ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="false")
    assert listing.says("Could not generate group for host fabrikam")
    assert listing.hosts == {}


def test_no_expression_gives_a_customer_the_tenant_of_another(customers: CustomerInventory) -> None:
    customers.file("a.csv", THREE.format("tailspin"))
    source = customers.config(files=["a.csv"], compose={"partner_access_tenant_id": f"'{TWO}'"})
    listing = customers.read(source)
    assert listing.code != 0
    assert listing.says("compose gives tailspin another tenant than its own: take partner_access_tenant_id out of it")


def test_names_and_columns_of_a_yaml_list_are_taken_as_written(customers: CustomerInventory) -> None:
    """Ansible warns in every run of a variable that has the name of a keyword."""
    customers.file(
        "a.yml",
        f"- name: NO\n  tenant_id: {ONE}\n  country: NO\n  tags: [a]\n  port: 8443\n  when: 12:30\n"
        f"- name: 007\n  tenant_id: {TWO}\n  country: AT\n",
    )
    source = customers.config(files=["a.yml"], keyed_groups=[{"key": "country", "prefix": "country"}])
    listing = customers.read(source)
    assert listing.tenants() == {"NO": ONE, "007": TWO}
    assert listing.group("country_NO") == {"NO"}
    columns = {name: value for name, value in listing.hosts["NO"].items() if name.startswith("customer_")}
    assert columns == {"customer_tags": ["a"], "customer_port": 8443, "customer_when": "12:30"}
    run = customers.play(source, "- ansible.builtin.debug: {var: customer_tags}")
    assert run.code == 0
    assert "reserved name" not in f"{listing.output}{run.output}"
