# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import refusals

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
READER = ["Incident.Read.All", "Incident.ReadWrite.All"]


def token_refusal(code: int, error: str) -> dict[str, Any]:
    return {"error": error, "error_description": f"AADSTS{code}: text", "error_codes": [code]}


@pytest.mark.parametrize(
    ("code", "error", "state"),
    [
        (7000229, "invalid_client", "not_consented"),
        (700016, "unauthorized_client", "not_consented"),
        (65001, "invalid_grant", "not_consented"),
        (500011, "invalid_resource", "no_service"),
        (500014, "invalid_resource", "no_service"),
        (650052, "invalid_client", "no_service"),
        (7000215, "invalid_client", "bad_credential"),
        (7000222, "invalid_client", "bad_credential"),
        (700027, "invalid_client", "bad_credential"),
        (70021, "invalid_client", "bad_credential"),
        (700213, "invalid_client", "bad_credential"),
        (90002, "invalid_request", "unknown_tenant"),
        (900023, "invalid_request", "unknown_tenant"),
        (900382, "invalid_client", "unknown_tenant"),
        (53003, "invalid_grant", "blocked"),
        (7000112, "unauthorized_client", "blocked"),
    ],
)
def test_a_known_code_names_the_state_of_the_vocabulary(code: int, error: str, state: str) -> None:
    reason = refusals.of_token_endpoint(token_refusal(code, error))
    assert (reason.state, reason.code) == (state, f"AADSTS{code}")
    assert reason.meaning
    assert reason.remedy


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("invalid_client", "bad_credential"),
        ("unauthorized_client", "not_consented"),
        ("invalid_resource", "no_service"),
        ("invalid_tenant", "unknown_tenant"),
        ("something_new", "error"),
    ],
)
def test_an_unknown_code_falls_back_to_the_oauth_error(error: str, state: str) -> None:
    reason = refusals.of_token_endpoint(token_refusal(99999999, error))
    assert (reason.state, reason.code) == (state, "AADSTS99999999")


def test_the_code_is_read_from_the_description_where_no_list_comes() -> None:
    reply = {"error": "invalid_client", "error_description": "AADSTS7000229: text"}
    assert refusals.of_token_endpoint(reply).code == "AADSTS7000229"


@pytest.mark.parametrize(
    "error",
    ["invalid_grant", "interaction_required", "invalid_client", "unauthorized_client", "invalid_request", "new", None],
)
@pytest.mark.parametrize(
    "form",
    [
        {"error_codes": [5000225]},
        {"error_codes": ["5000225"]},
        {"error_codes": ["AADSTS5000225"]},
        {"error_codes": 5000225},
        {"error_codes": [99999999, 5000225]},
        {"error_codes": [[5000225]]},
        {"error_codes": {"0": 5000225}},
        {"error_description": "AADSTS 5000225: text"},
        {"error_description": "AADSTS:5000225: text"},
        {"error_codes": [], "error_description": "AADSTS5000225: text"},
        {"error_codes": [None], "error_description": "Sign-in failed (aadsts5000225): text"},
        {"error_codes": [99999999], "error_description": "AADSTS5000225: text"},
        {"error_description": "text", "error_uri": "https://login.microsoftonline.com/error?code=5000225"},
    ],
)
def test_a_code_has_one_state_in_every_form(error: str | None, form: dict[str, Any]) -> None:
    reason = refusals.of_token_endpoint({"error": error, **form})
    assert (reason.state, reason.acts, reason.final) == ("blocked", "customer admin", True)
    assert reason.code == "AADSTS5000225"


@pytest.mark.parametrize("error", ["invalid_grant", "interaction_required", "invalid_client", None])
@pytest.mark.parametrize("code", [50072, 50074, 50076, 50079, 50158, 53000, 53001, 53002, 53004, 530003])
def test_a_policy_that_demands_more_has_one_state(error: str | None, code: int) -> None:
    reason = refusals.of_token_endpoint({"error": error, "error_codes": [code]})
    assert (reason.state, reason.acts, reason.meaning) == (
        "blocked",
        "customer admin",
        "a policy of the tenant demands interaction",
    )


def deep(value: Any) -> Any:
    for _unused in range(100_000):
        value = [value]
    return value


def test_a_deep_refusal_is_read_as_far_as_it_says_something() -> None:
    codes = refusals.of_token_endpoint({"error": deep("x"), "error_codes": deep(5000225), "trace_id": deep("x")})
    assert (codes.code, codes.trace_id) == ("AADSTS5000225", None)
    for status in (400, 403, 404):
        error = {"code": deep("x"), "message": deep("x"), "target": deep("x")}
        assert refusals.of_api(status, {"error": error}, None, READER).code == str(status)


def test_what_is_not_a_code_is_not_taken_for_one() -> None:
    reply = {"error": "invalid_grant", "error_codes": [True, {}, "12", 5000225000225], "error_description": "AADSTSX"}
    assert refusals.of_token_endpoint(reply).code == "invalid_grant"


def test_a_refusal_without_any_code_is_named_by_its_oauth_error() -> None:
    reason = refusals.of_token_endpoint({"error": "invalid_client"})
    assert (reason.state, reason.code) == ("bad_credential", "invalid_client")


def test_the_ids_that_support_asks_for_are_passed_on() -> None:
    trace = "0f8fad5b-d9cb-469f-a165-70867728950e"
    reason = refusals.of_token_endpoint({**token_refusal(90002, "x"), "trace_id": trace, "correlation_id": "c-1"})
    assert (reason.trace_id, reason.correlation_id) == (trace, "c-1")


def test_text_that_could_quote_a_secret_is_never_repeated() -> None:
    quoting = "canary secret"
    reply = {"error": quoting, "error_description": quoting, "trace_id": quoting, "correlation_id": quoting}
    assert "canary" not in str(refusals.of_token_endpoint(reply).to_result())
    body = {"error": {"code": quoting, "message": quoting, "target": quoting}}
    assert "canary" not in str(refusals.of_api(403, body, [], READER).to_result())


@pytest.mark.parametrize(
    "reply",
    [
        token_refusal(90033, "invalid_request"),
        {"error": "temporarily_unavailable"},
        {"error": "server_error", "error_codes": []},
        {"error": "invalid_request", "error_description": "AADSTS50033: text"},
        token_refusal(50087, "invalid_grant"),
        token_refusal(50196, "invalid_grant"),
        token_refusal(70021, "invalid_client"),
    ],
)
def test_a_fault_of_the_service_is_worth_repeating(reply: dict[str, Any]) -> None:
    assert refusals.is_transient(reply)


@pytest.mark.parametrize("code", [7000229, 7000215, 90002, 5000225])
@pytest.mark.parametrize("error", ["invalid_client", "temporarily_unavailable"])
def test_a_refusal_is_not_worth_repeating(code: int, error: str) -> None:
    assert not refusals.is_transient(token_refusal(code, error))


@given(
    reply=st.fixed_dictionaries(
        {},
        optional={
            "error": JSON,
            "error_codes": JSON,
            "error_description": JSON | st.just("AADSTS" + "9" * 5000),
            "trace_id": JSON,
            "correlation_id": JSON,
        },
    )
)
def test_any_error_body_of_the_token_endpoint_gives_a_reason(reply: dict[str, Any]) -> None:
    refusals.is_transient(reply)
    reason = refusals.of_token_endpoint(reply)
    assert reason.state in errors.WHO_ACTS
    assert reason.code


@given(
    status=st.sampled_from([301, 400, 401, 403, 404, 409]),
    body=JSON | st.fixed_dictionaries({"error": JSON | st.fixed_dictionaries({"code": JSON, "innerError": JSON})}),
    roles=st.none() | st.lists(st.sampled_from(READER)),
)
def test_any_error_body_of_an_api_gives_a_reason(status: int, body: Any, roles: list[str] | None) -> None:
    reason = refusals.of_api(status, body, roles, READER)
    assert reason.state in errors.WHO_ACTS
    assert reason.code


@pytest.mark.parametrize("roles", [[], ["AdvancedHunting.Read.All"]])
def test_a_403_without_a_role_that_suffices_asks_for_consent_to_one(roles: list[str]) -> None:
    reason = refusals.of_api(403, {"error": {"code": "Forbidden"}}, roles, READER)
    assert (reason.state, reason.code) == ("partial", "Forbidden")
    assert "Incident.Read.All or Incident.ReadWrite.All" in reason.meaning


@pytest.mark.parametrize(
    ("code", "message", "state", "who"),
    [
        ("DisabledFeature", "Tenant feature is not enabled.", "no_service", "customer admin"),
        ("Forbidden", "Account is not provisioned.", "no_service", "customer admin"),
        ("Forbidden", "The tenant is not onboarded to the workload.", "no_service", "customer admin"),
        ("Forbidden", "Tenant has no license for this API.", "no_service", "customer admin"),
        (
            "Forbidden",
            "Missing application roles. API required roles: Alert.Read.All, application roles: Incident.Read.All.",
            "partial",
            "customer admin",
        ),
        ("UnknownError", "", "partial", "customer admin"),
        (
            "Forbidden",
            "Auth token does not contain valid permissions or user does not have valid roles",
            "blocked",
            "customer admin",
        ),
        ("Forbidden", "Access is denied by a location policy.", "blocked", "customer admin"),
        ("Forbidden", "Access from your IP location is not allowed, see your license", "blocked", "customer admin"),
        ("Forbidden", "Blocked by a Conditional Access policy.", "blocked", "customer admin"),
        ("Forbidden", "The tenant is not in the geo-location of this endpoint", "error", "provider"),
        ("Forbidden", "User is not authorized; tenant policy service unavailable", "error", "provider"),
        ("Forbidden", "The call was not permitted; the licensing service is busy", "error", "provider"),
        ("Forbidden", "A subscription of the tenant is required.", "no_service", "customer admin"),
        (
            "Forbidden",
            "The application does not have any of the required application permissions (Incident.Read.All).",
            "partial",
            "customer admin",
        ),
        ("InvalidAuthenticationToken", "Access token validation failure. Invalid audience.", "error", "provider"),
        ("DisallowedOperation", "The operation is not allowed here.", "error", "provider"),
        ("Forbidden", "", "error", "provider"),
    ],
)
@pytest.mark.parametrize("roles", [["Incident.Read.All"], None])
def test_a_403_for_a_good_token_is_told_in_microsofts_words(
    roles: list[str] | None, code: str, message: str, state: str, who: str
) -> None:
    reason = refusals.of_api(403, {"error": {"code": code, "message": message}}, roles, READER)
    assert (reason.state, reason.acts, reason.code) == (state, who, code)
    assert message.rstrip(".") in reason.meaning
    assert ("licen" in reason.remedy) == (state == "no_service" and code != "DisabledFeature")


def test_a_long_refusal_is_told_only_so_far_and_in_one_line() -> None:
    reason = refusals.of_api(403, {"error": {"code": "Forbidden", "message": "no\r\n" * 1000}}, None, READER)
    assert len(reason.meaning) < 400
    assert "\n" not in reason.meaning


@pytest.mark.parametrize(("status", "state"), [(401, "error"), (404, "error"), (400, "error")])
def test_other_refusals_of_an_api_are_errors(status: int, state: str) -> None:
    assert refusals.of_api(status, {"error": {"code": "BadRequest"}}, [], READER).state == state


@pytest.mark.parametrize(
    ("body", "trace"),
    [
        ({"error": {"code": "429", "target": "0f8fad5b"}}, "0f8fad5b"),
        ({"error": {"code": "x", "innerError": {"request-id": "7c9e6679"}}}, "7c9e6679"),
        ({"error": "text"}, None),
        (["list"], None),
    ],
)
def test_the_trace_is_read_from_either_apis_body(body: Any, trace: str | None) -> None:
    assert refusals.of_api(400, body, [], READER).trace_id == trace


CALLER = "11111111-1111-4111-8111-111111111111"


def directory_refusal(status: int, body: Any, role: str = "Application.Read.All") -> errors.Reason:
    return refusals.of_directory(status, body, "add a secret", role, CALLER)


@given(
    status=st.sampled_from([301, 400, 401, 403, 404, 409, 412]),
    body=JSON
    | st.fixed_dictionaries(
        {"error": JSON | st.fixed_dictionaries({"code": JSON, "message": JSON, "innerError": JSON})}
    ),
)
def test_any_error_body_of_the_directory_gives_a_sentence(status: int, body: Any) -> None:
    reason = directory_refusal(status, body)
    assert (reason.state, bool(reason.code)) == ("error", True)
    assert "add a secret" in reason.meaning
    assert len(reason.meaning) < 500
    assert "\n" not in reason.meaning


def test_microsofts_own_sentence_is_passed_on_as_part_of_ours() -> None:
    body = {"error": {"code": "Request_BadRequest", "message": "Two\r\n lines.", "innerError": {"request-id": "7c9e"}}}
    reason = directory_refusal(400, body)
    assert reason.meaning == "Microsoft Graph refused to add a secret: Two lines"
    assert (reason.code, reason.trace_id) == ("Request_BadRequest", "7c9e")


def test_a_sentence_of_microsofts_is_passed_on_only_so_far() -> None:
    assert len(directory_refusal(400, {"error": {"message": "long " * 1000}}).meaning) < 400


def test_a_refusal_without_a_sentence_names_its_status() -> None:
    assert directory_refusal(412, None).meaning == "Microsoft Graph refused to add a secret: HTTP 412"


def test_a_missing_right_names_what_to_grant_and_to_whom() -> None:
    reason = directory_refusal(403, None, "AppRoleAssignment.ReadWrite.All")
    assert reason.meaning == f"Microsoft Graph refused to add a secret: the caller {CALLER} lacks the right"
    assert reason.remedy == (
        f"grant AppRoleAssignment.ReadWrite.All (application permission of Microsoft Graph) to {CALLER} in this tenant"
    )


def test_another_403_of_the_directory_is_told_in_microsofts_words() -> None:
    body = {"error": {"code": "Forbidden", "message": "Access is denied by a location policy."}}
    assert directory_refusal(403, body).meaning == (
        "Microsoft Graph refused to add a secret: Access is denied by a location policy"
    )


def test_a_right_that_holds_for_owned_applications_only_names_the_owner_too() -> None:
    remedy = directory_refusal(403, None, "Application.ReadWrite.OwnedBy").remedy
    assert remedy.startswith("grant Application.ReadWrite.OwnedBy (")
    assert remedy.endswith(f", and make {CALLER} an owner of the application, or grant it Application.ReadWrite.All")


@pytest.mark.parametrize("body", [None, [], "text", {"error": "text"}, {"error": None}, {}])
def test_a_body_without_an_error_object_has_an_empty_one(body: Any) -> None:
    assert refusals.error_of(body) == {}


def test_who_is_signed_in_is_told_which_role_it_takes() -> None:
    body = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    reason = refusals.of_directory(403, body, "add a secret", "Any", "the Azure CLI", is_signed_in=True)
    assert reason.meaning == "Microsoft Graph refused to add a secret: the caller the Azure CLI lacks the right"
    assert reason.remedy.startswith("sign in as an administrator who may: Global Administrator, or both ")
