# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What customers are asked for, so that everything that reads can read."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.mssp.defender.plugins.filter.read_permissions import FilterModule, read_permissions
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import permissions


@pytest.mark.parametrize("apis", [["xdr", "graph"], "xdr,graph", "xdr, graph"])
def test_both_apis(apis: Any) -> None:
    assert read_permissions(apis) == {
        "xdr": ["Incident.Read.All"],
        "graph": ["SecurityIncident.Read.All", "SecurityAlert.Read.All", "ThreatHunting.Read.All"],
    }


@pytest.mark.parametrize("api", permissions.APIS.values(), ids=lambda api: str(api.name))
def test_one_api_is_asked_for_what_reads_incidents_and_never_for_writing(api: permissions.Api) -> None:
    found = read_permissions([api.name])
    assert list(found) == [api.name]
    assert api.default_role in found[api.name]
    assert permissions.check_roles(api, found[api.name], "permissions") == found[api.name]
    assert not any("ReadWrite" in role for role in found[api.name])


@pytest.mark.parametrize("apis", [[], "", ["xdr", "grpah"], "windows"])
def test_a_misspelling_does_not_ask_for_less_in_silence(apis: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="name graph, xdr or both"):
        read_permissions(apis)


def test_the_filter_is_offered() -> None:
    assert FilterModule().filters() == {"read_permissions": read_permissions}
