# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.operations import OperationHost
from support.scripted_entra import CLIENT, OTHER_TENANT, TENANT, ScriptedEntra, token_path
from support.scripted_graph import DENIED, graph_token
from support.scripted_server import Answer, ScriptedServer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations.customers import inventory

CONTRACTS = "/v1.0/contracts"


class Lists:
    """Runs the operation on one list, against the scripted server."""

    def __init__(self, server: ScriptedServer, folder: Path) -> None:
        self._server = server
        self._path = folder / "customers.csv"
        self.warnings: list[str] = []

    def run(self, text: str | None, answers: Any = None, **options: Any) -> dict[str, Any]:
        self._path.write_text(text or "")
        given = {
            "files": [str(self._path)] if text else [],
            "authority_url": self._server.url,
            "graph_url": self._server.url,
            "ca_path": self._server.ca_path,
            "retries": 0,
            **options,
        }
        host = OperationHost(inventory.OPERATION, **given)
        host.params["answers"] = answers
        result = inventory.run(host)
        self.warnings = host.warnings
        return result

    def refusal(self, text: str | None, **options: Any) -> str:
        with pytest.raises(OptionError) as refused:
            self.run(text, **options)
        return str(refused.value)

    def knows(self, domain: str, tenant_id: str | None) -> None:
        """Let the token issuer know whose tenant a domain is, or that it is nobody's."""
        path = f"/{domain}/v2.0/.well-known/openid-configuration"
        members = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        metadata = dict.fromkeys(members, f"{self._server.url}/{tenant_id}/oauth2/v2.0/x")
        refusal = {"error": "invalid_tenant", "error_description": "AADSTS90002: no such tenant"}
        self._server.script(path, Answer(metadata) if tenant_id else Answer(refusal, 400))

    def is_partner(self, entra: ScriptedEntra, *contracts: dict[str, Any]) -> dict[str, str]:
        """Let Graph know these contracts, and return the options that read them."""
        self._server.script(token_path(), entra.granting(graph_token(entra)))
        self._server.script(CONTRACTS, Answer({"value": list(contracts)}))
        return {"home_tenant_id": TENANT, "client_id": CLIENT, "client_secret": "canary-secret"}


@pytest.fixture
def lists(server: ScriptedServer, tmp_path: Path) -> Lists:
    return Lists(server, tmp_path)


def test_a_list_of_tenant_ids_needs_no_service_and_no_credential(lists: Lists, server: ScriptedServer) -> None:
    result = lists.run(f"name,tenant_id\na,{TENANT}\nb,{OTHER_TENANT}\n")
    assert [(each.name, each.tenant_id) for each in result["customers"]] == [("a", TENANT), ("b", OTHER_TENANT)]
    assert server.requests == []


def test_domains_become_their_tenants_and_duplicates_are_then_seen(lists: Lists) -> None:
    lists.knows("a.example", TENANT)
    result = lists.run(f"name,tenant_id,tier\na,a.example,\nb,{TENANT},gold\n")
    ((name, tenant_id, domain, variables),) = [
        (each.name, each.tenant_id, each.domain, each.variables) for each in result["customers"]
    ]
    assert (name, tenant_id, domain, variables) == ("a", TENANT, "a.example", {"tier": "gold"})
    assert "a (customers.csv line 2) and b (customers.csv line 3) are one tenant" in lists.warnings[0]


def test_a_domain_of_nobody_stays_with_a_warning_or_fails_if_strict(lists: Lists) -> None:
    lists.knows("a.example", None)
    result = lists.run("name,domain\na,a.example\n")
    assert [each.tenant_id for each in result["customers"]] == ["a.example"]
    (warning,) = lists.warnings
    assert warning.startswith(
        "no tenant has the domain of a (customers.csv line 2: a.example): correct the list; until"
    )
    assert "no tenant has the domain of a (customers.csv" in lists.refusal("name,domain\na,a.example\n", strict=True)


def test_domains_can_be_left_alone(lists: Lists, server: ScriptedServer) -> None:
    assert lists.run("name,domain\na,a.example\n", resolve="none")["customers"][0].tenant_id == "a.example"
    assert server.requests == []


def test_what_cannot_be_told_fails_with_a_sentence(lists: Lists, server: ScriptedServer) -> None:
    server.script("/a.example/v2.0/.well-known/openid-configuration", Answer(status=503))
    result = lists.run("name,domain\na,a.example\n")
    assert result["failed"]
    assert result["msg"] == f"{server.host} keeps answering HTTP 503 (503); provider: run again later."


def test_the_partner_completes_a_list_and_adds_to_it(lists: Lists, entra: ScriptedEntra) -> None:
    known = {"customerId": TENANT, "displayName": "Contoso", "contractType": "ResellerPartner"}
    partner = lists.is_partner(entra, known, {"customerId": OTHER_TENANT, "displayName": "Fabrikam Inc."})
    result = lists.run(f"name,tenant_id\na,{TENANT}\n", partner=["contracts"], **partner)
    found = [(each.name, each.tenant_id, each.contract_type) for each in result["customers"]]
    assert found == [("a", TENANT, "ResellerPartner"), ("Fabrikam-Inc-555555555555", OTHER_TENANT, None)]


def test_answers_are_not_asked_for_again_but_for_a_new_domain(
    lists: Lists, entra: ScriptedEntra, server: ScriptedServer
) -> None:
    lists.knows("a.example", None)
    lists.knows("b.example", TENANT)
    options = {"partner": ["contracts"], **lists.is_partner(entra, {"customerId": OTHER_TENANT, "displayName": "F"})}
    first = lists.run("name,domain\na,a.example\n", **options)
    asked = len(server.requests)
    again = lists.run("name,domain\nother,a.example\n", first["answers"], **options)
    assert len(server.requests) == asked
    assert [each.name for each in again["customers"]] == ["other", "F-555555555555"]
    assert lists.warnings != []
    lists.run("name,domain\na,a.example\nb,b.example\n", first["answers"], **options)
    assert len(server.requests_to(CONTRACTS)) == 2


@pytest.mark.parametrize("answers", [{}, [], "x", {"partners": [{"sources": []}], "domains": {}}, {"partners": [7]}])
def test_answers_of_another_version_count_as_none(lists: Lists, answers: Any) -> None:
    lists.knows("a.example", TENANT)
    assert lists.run("name,domain\na,a.example\n", answers)["customers"][0].tenant_id == TENANT


def test_graphs_refusal_says_who_must_grant_what(lists: Lists, entra: ScriptedEntra, server: ScriptedServer) -> None:
    partner = lists.is_partner(entra)
    server.script(CONTRACTS, DENIED)
    result = lists.run(None, partner=["contracts"], **partner)
    assert result == {
        "failed": True,
        "msg": f"tenant {partner['home_tenant_id']}: Microsoft Graph refused to list the contracts of the partner: "
        "the caller "
        f"{CLIENT} lacks the right (Authorization_RequestDenied); provider: grant Directory.Read.All "
        f"(application permission of Microsoft Graph) to {CLIENT} in this tenant.",
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "neither files nor partner is given"),
        ({"partner": ["contracts"], "client_id": CLIENT}, "home_tenant_id is missing, which partner needs"),
        ({"partner": ["contracts"], "home_tenant_id": TENANT}, "client_id is missing, which partner needs"),
        ({"partner": ["contracts"], "home_tenant_id": TENANT, "client_id": CLIENT}, "no credential"),
        ({"partner": ["contracts"], "home_tenant_id": "https://x.example", "client_id": CLIENT}, "give x.example"),
    ],
)
def test_missing_options_are_named(lists: Lists, options: dict[str, Any], sentence: str) -> None:
    assert sentence in lists.refusal(None, **options)


def test_graph_finds_no_tenants_in_other_clouds(lists: Lists) -> None:
    said = lists.refusal("name,domain\na,a.example\n", resolve="graph", cloud="china")
    assert said == "resolve: graph is not to be had in the cloud china: use discovery"
