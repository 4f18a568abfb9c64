# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata and keys: what clients read before anything else."""

from __future__ import annotations

import pytest
from support.emulator import EmulatorProcess

from .conftest import Caller


@pytest.mark.parametrize("segment", ["id", "contoso.example"])
def test_a_tenants_metadata_names_it_by_id(caller: Caller, emulator: EmulatorProcess, segment: str) -> None:
    tenant_id = emulator.tenant_id("contoso")
    addressed = tenant_id if segment == "id" else segment
    here = f"{emulator.url}/{tenant_id}"
    v1 = caller.get(f"/{addressed}/.well-known/openid-configuration").json()
    assert v1["issuer"] == f"https://sts.windows.net/{tenant_id}/"
    assert v1["token_endpoint"] == f"{here}/oauth2/token"
    assert v1["jwks_uri"] == f"{emulator.url}/common/discovery/keys"
    v2 = caller.get(f"/{addressed}/v2.0/.well-known/openid-configuration").json()
    assert v2["issuer"] == f"{here}/v2.0"
    assert (v2["token_endpoint"], v2["jwks_uri"]) == (f"{here}/oauth2/v2.0/token", f"{here}/discovery/v2.0/keys")


@pytest.mark.parametrize("segment", ["common", "organizations"])
def test_shared_metadata_is_a_template(caller: Caller, emulator: EmulatorProcess, segment: str) -> None:
    v2 = caller.get(f"/{segment}/v2.0/.well-known/openid-configuration").json()
    assert v2["issuer"] == f"{emulator.url}/{{tenantid}}/v2.0"
    v1 = caller.get(f"/{segment}/.well-known/openid-configuration").json()
    assert v1["issuer"] == "https://sts.windows.net/{tenantid}/"
    keys = caller.get(v2["jwks_uri"].removeprefix(emulator.url)).json()["keys"]
    assert {key["issuer"] for key in keys} == {v2["issuer"]}


@pytest.mark.parametrize("segment", ["common", "organizations", "contoso.example"])
def test_only_the_keys_of_v2_name_an_issuer(caller: Caller, emulator: EmulatorProcess, segment: str) -> None:
    v1, v2 = (caller.get(f"/{segment}/{path}").json()["keys"] for path in ("discovery/keys", "discovery/v2.0/keys"))
    assert all("issuer" not in key for key in v1)
    assert v2 == [{**key, "issuer": f"{emulator.url}/{{tenantid}}/v2.0"} for key in v1]


@pytest.mark.parametrize(("segment", "code"), [("nowhere.example", 90002), ("not_a_tenant", 900023)])
@pytest.mark.parametrize("path", ["v2.0/.well-known/openid-configuration", "discovery/keys"])
def test_metadata_of_no_tenant(caller: Caller, segment: str, code: int, path: str) -> None:
    answer = caller.get(f"/{segment}/{path}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_tenant")
    assert answer.json()["error_codes"] == [code]


def test_instance_discovery_knows_this_host(caller: Caller, emulator: EmulatorProcess) -> None:
    document = caller.get("/common/discovery/instance").json()
    assert emulator.url.removeprefix("https://") in document["metadata"][0]["aliases"]
