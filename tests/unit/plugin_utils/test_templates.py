# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mssp.defender.plugins.plugin_utils._templates import fingerprint

CONTOSO = {"inventory_hostname": "contoso", "region": "emea", "base": "/data", "secrets": {"emea": 1, "apac": 2}}
FABRIKAM = {**CONTOSO, "inventory_hostname": "fabrikam"}


def is_worked_out_once(value: Any, **of_the_other: Any) -> bool:
    one, other = ({**variables, "wanted": value} for variables in (CONTOSO, {**FABRIKAM, **of_the_other}))
    depends_on = fingerprint("wanted", one)
    return depends_on is not None and depends_on == fingerprint("wanted", other)


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        None,
        30,
        ["a", "b"],
        {"xdr": ["Incident.Read.All"]},
        "{{ base }}/incidents",
        "{{ [base, region] | join('/') }}",
        "{{ lookup('env', 'HOME') }}",
        "{{ lookup('ansible.builtin.file', base ~ '/secret') }}",
        {"xdr": "{{ base }}"},
        "{{ [region] | mssp.defender.read_permissions }}",
        "{{ [region] is ansible.builtin.contains(region) }}",
        "{% for each in [region] %}{{ each }}{% endfor %}",
    ],
)
def test_what_says_the_same_of_both_hosts_is_worked_out_once(value: Any) -> None:
    assert is_worked_out_once(value)


@pytest.mark.parametrize(
    "value",
    [
        "{{ inventory_hostname }}",
        "{{ base }}/{{ inventory_hostname }}",
        ["{{ inventory_hostname }}"],
        {"{{ inventory_hostname }}": 1},
        # who knows what these read, or say the next time
        "{{ vars['inventory' ~ '_hostname'] }}",
        "{{ lookup('vars', 'region') }}",
        "{{ lookup('password', '/dev/null') }}",
        "{{ lookup(base, 'x') }}",
        "{{ query('env', 'HOME') }}",
        "{{ hostvars.contoso.region }}",
        "{{ now() }}",
        "{{ 99 | random }}",
        "{{ broken",
    ],
)
def test_what_may_say_something_else_is_worked_out_for_each(value: Any) -> None:
    assert not is_worked_out_once(value)


def test_what_is_referred_to_counts_however_far_away() -> None:
    nested = {"middle": "{{ secrets[region] }}"}
    assert fingerprint("wanted", {**CONTOSO, **nested, "wanted": "{{ middle }}"}) == fingerprint(
        "wanted", {**FABRIKAM, **nested, "wanted": "{{ middle }}"}
    )
    assert not is_worked_out_once("{{ secrets[region] }}", region="apac")


def test_variables_that_name_each_other_are_told_apart_all_the_same() -> None:
    circle = {"wanted": "{{ other }}", "other": "{{ wanted }}"}
    assert fingerprint("wanted", circle) == fingerprint("wanted", dict(circle))
