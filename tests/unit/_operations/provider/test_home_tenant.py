# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from support.machine import Clock
from support.operations import OperationHost
from support.scripted_entra import CLIENT, OTHER_TENANT, TENANT, ScriptedEntra, refusal, token_path
from support.scripted_graph import APP_ID, UNIQUE_NAME, application, by_key, graph_token
from support.scripted_server import Answer

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import Reason, TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import application as operation
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider.home_tenant import Home

NEW = ClientSecret("new secret")
UNKNOWN_SECRET = refusal(7000215)
NO_PRINCIPAL = refusal(7000229)


def home_of(entra: ScriptedEntra, **options: Any) -> Home:
    given = {
        "client_id": CLIENT,
        "client_secret": "canary-secret",
        "tenant_id": TENANT,
        "unique_name": UNIQUE_NAME,
        "authority_url": entra.server.url,
        "graph_url": entra.server.url,
        "ca_path": entra.server.ca_path,
        "retries": 0,
        **options,
    }
    return Home(OperationHost(operation.OPERATION, **given))


def refused(entra: ScriptedEntra, **options: Any) -> Reason:
    with pytest.raises(TenantError) as error:
        home_of(entra, **options).wait_for_token(APP_ID, NEW)
    return error.value.reason


def granting(entra: ScriptedEntra) -> Answer:
    return entra.granting(graph_token(entra))


def test_a_new_credential_is_tried_until_it_gets_a_token(entra: ScriptedEntra, clock: Clock) -> None:
    entra.server.script(token_path(), UNKNOWN_SECRET, NO_PRINCIPAL, UNKNOWN_SECRET, granting(entra))
    home_of(entra).wait_for_token(APP_ID, NEW)
    requests = entra.server.requests_to(token_path())
    assert {(request.form["client_id"], request.form["client_secret"]) for request in requests} == {
        (APP_ID, "new secret")
    }
    assert (len(requests), clock.pauses) == (4, [2, 4, 6])


def test_entra_is_not_asked_so_often_that_it_takes_it_for_an_attack(entra: ScriptedEntra, clock: Clock) -> None:
    entra.server.script(token_path(), UNKNOWN_SECRET)
    assert refused(entra, settle_wait=300).code == "AADSTS7000215"
    assert 270 <= sum(clock.pauses) <= 300
    assert len(entra.server.requests_to(token_path())) < 20
    assert max(clock.pauses) == 30


def test_without_a_wait_one_try_is_all(entra: ScriptedEntra, clock: Clock) -> None:
    entra.server.script(token_path(), UNKNOWN_SECRET)
    assert refused(entra, settle_wait=0).state == "bad_credential"
    assert (len(entra.server.requests_to(token_path())), clock.pauses) == (1, [])


@pytest.mark.parametrize(
    ("answer", "state"), [(refusal(53003, "invalid_grant", 400), "blocked"), (Answer(status=503), "unreachable")]
)
def test_a_refusal_that_waiting_does_not_mend_ends_at_once(
    entra: ScriptedEntra, clock: Clock, answer: Answer, state: str
) -> None:
    entra.server.script(token_path(), answer)
    assert (refused(entra).state, clock.pauses) == (state, [])


def test_a_token_endpoint_that_throttles_is_waited_for(entra: ScriptedEntra, clock: Clock) -> None:
    entra.server.script(token_path(), Answer(status=429, headers={"Retry-After": "7"}), granting(entra))
    home_of(entra).wait_for_token(APP_ID, NEW)
    assert [7 <= pause < 8 for pause in clock.pauses] == [True]


def test_the_home_tenant_may_be_named_by_its_domain(entra: ScriptedEntra) -> None:
    entra.publish_domain("provider.example")
    entra.server.script(token_path(), granting(entra))
    entra.server.script(by_key("applications", "uniqueName", UNIQUE_NAME), Answer(application()))
    home = home_of(entra, tenant_id="provider.example")
    assert home.tenant_guid() == TENANT
    assert home.require() == application()


def test_a_refusal_becomes_a_result_without_the_option_state(entra: ScriptedEntra) -> None:
    def work() -> dict[str, Any]:
        reason = Reason("error", "it went wrong", "fix it", code="Request_BadRequest", trace_id="t-1")
        raise TenantError(reason, {"changed": True, "diff": {}})

    assert home_of(entra).run(work) == {
        "changed": True,
        "failed": True,
        "meaning": "it went wrong",
        "remedy": "fix it",
        "code": "Request_BadRequest",
        "who": "provider",
        "correlation_id": None,
        "trace_id": "t-1",
        "final": False,
        "diff": {},
        "msg": f"tenant {TENANT}: it went wrong (Request_BadRequest); provider: fix it.",
    }


def test_the_registrar_that_gets_no_token_is_told_as_that(entra: ScriptedEntra) -> None:
    entra.server.script(token_path(), UNKNOWN_SECRET)
    home = home_of(entra)
    result = home.run(lambda: {"application": home.require()})
    assert (result["failed"], result["code"]) == (True, "AADSTS7000215")
    assert f"{CLIENT} got no token: the client secret is wrong (AADSTS7000215)" in result["msg"]


@pytest.mark.parametrize("order", [("appId", "uniqueName"), ("uniqueName", "appId")])
def test_either_name_finds_the_application(entra: ScriptedEntra, order: tuple[str, str]) -> None:
    entra.server.script(token_path(), granting(entra))
    values = {"appId": APP_ID, "uniqueName": UNIQUE_NAME}
    entra.server.script(by_key("applications", order[0], values[order[0]]), Answer(application(uniqueName=None)))
    assert home_of(entra, app_id=APP_ID).find() == application(uniqueName=None)


def test_an_application_of_another_tenant_is_named_with_its_owner(entra: ScriptedEntra) -> None:
    entra.server.script(token_path(), granting(entra))
    principal = {"id": "p1", "appOwnerOrganizationId": OTHER_TENANT}
    entra.server.script(by_key("servicePrincipals", "appId", APP_ID), Answer(principal))
    reason = home_of(entra, app_id=APP_ID, unique_name=None).no_such_application().reason
    assert reason.meaning.endswith(f"is registered in tenant {OTHER_TENANT}, and is only used in this one")
    entra.server.script(
        by_key("servicePrincipals", "appId", APP_ID), Answer({**principal, "appOwnerOrganizationId": TENANT})
    )
    reason = home_of(entra, app_id=APP_ID, unique_name=None).no_such_application().reason
    assert reason.meaning == f"application {APP_ID} is not registered in this tenant"
