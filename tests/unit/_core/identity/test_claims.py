# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.module_utils._core.identity import claims
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.claims import LEEWAY, Claims

TENANT = "44444444-4444-4444-8444-444444444444"
OTHER = "55555555-5555-4555-8555-555555555555"
CLIENT = "11111111-1111-4111-8111-111111111111"
RESOURCE = "https://api.security.microsoft.com"
API_ID = "8ee8fdad-f234-4243-8f3b-15c294843740"
AUTHORITY = "https://proxy.example/entra"
NOW = 1_795_340_000
V1 = {"tid": TENANT, "appid": CLIENT, "aud": RESOURCE, "iss": f"https://sts.windows.net/{TENANT}/", "ver": "1.0"}
V2 = {
    "tid": TENANT,
    "azp": CLIENT,
    "aud": API_ID,
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "ver": "2.0",
}
TIMES = {"iat": NOW, "nbf": NOW, "exp": NOW + 3600}


def unsigned(payload: str) -> str:
    header = {"alg": "RS256", "typ": "JWT"}
    parts = (json.dumps(header), payload, "signature")
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


def read(**members: Any) -> Claims:
    found = claims.read(unsigned(json.dumps(members)))
    assert found is not None
    return found


def faults(found: Claims, now: float = NOW) -> list[str]:
    return claims.faults(found, TENANT, CLIENT, claims.audiences(RESOURCE, API_ID), AUTHORITY, now)


RIGHT = read(**V2, **TIMES, roles=["Incident.Read.All"])


def test_a_v1_token_is_read() -> None:
    assert read(**V1, **TIMES, roles=["Incident.Read.All"]) == Claims(
        tenant_id=TENANT,
        app_id=CLIENT,
        roles=["Incident.Read.All"],
        audience=RESOURCE,
        issuer=f"https://sts.windows.net/{TENANT}/",
        version="1.0",
        issued_at=NOW,
        not_before=NOW,
        expires_at=NOW + 3600,
    )


def test_a_v2_token_names_the_application_as_azp() -> None:
    assert (RIGHT.app_id, RIGHT.version) == (CLIENT, "2.0")


def test_a_token_without_roles_has_none() -> None:
    assert read(**V1, **TIMES).roles == []


@given(text=st.text() | st.binary().map(lambda raw: unsigned(raw.decode("latin-1"))))
def test_what_is_no_token_reads_as_none(text: str) -> None:
    assert claims.read(text) is None


@pytest.mark.parametrize(
    "payload",
    [
        '{"exp": 1e999}',
        '{"exp": NaN}',
        '{"exp": "soon"}',
        '{"exp": null}',
        '{"roles": 7}',
        '{"roles": "ab"}',
        "[]",
        "7",
        "null",
        pytest.param('{"a":' + "[" * 200_000, id="deep"),
    ],
)
def test_claims_of_a_wrong_kind_read_as_none(payload: str) -> None:
    assert claims.read(unsigned(payload)) is None


@given(
    issued=st.integers(-3600, LEEWAY),
    life=st.integers(3600 - LEEWAY, 86400),
    form=st.sampled_from([V1, V2]),
    audience=st.sampled_from([RESOURCE, f"{RESOURCE}/", API_ID]),
)
def test_a_right_token_has_no_faults(issued: int, life: int, form: dict[str, Any], audience: str) -> None:
    begin = NOW + issued
    found = read(**{**form, "aud": audience}, iat=begin, nbf=begin, exp=begin + life)
    assert faults(found) == []


@given(wrong=st.text(max_size=40))
@pytest.mark.parametrize(
    ("name", "claim"), [("tenant_id", "tid"), ("app_id", "appid"), ("audience", "aud"), ("issuer", "iss")]
)
def test_each_single_wrong_claim_is_found(name: str, claim: str, wrong: str) -> None:
    assert any(f"({claim})" in fault for fault in faults(replace(RIGHT, **{name: wrong})))


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"app_id": OTHER}, "(appid)"),
        ({"audience": "https://graph.microsoft.com"}, "(aud)"),
        ({"audience": f"{RESOURCE}.evil.example"}, "(aud)"),
        ({"issuer": f"https://sts.windows.net/{OTHER}/"}, "(iss)"),
        ({"issuer": f"https://sts.windows.net/x{TENANT}/"}, "(iss)"),
        ({"issuer": f"https://evil.example/?{TENANT}"}, "(iss)"),
        ({"issuer": f"https://evil.example/{TENANT}/"}, "(iss)"),
        ({"issuer": f"https://login.microsoftonline.com.evil.example/{TENANT}/v2.0"}, "(iss)"),
        ({"issuer": f"https://login.microsoftonline.com@evil.example/{TENANT}/v2.0"}, "(iss)"),
        ({"issuer": f"//{TENANT}/"}, "(iss)"),
        ({"issuer": f"/{TENANT}/"}, "(iss)"),
        ({"issuer": "https://["}, "(iss)"),
        ({"expires_at": NOW - LEEWAY - 1}, "(exp)"),
        ({"not_before": NOW + LEEWAY + 1}, "(nbf)"),
    ],
)
def test_a_wrong_claim_is_the_only_fault_found(changes: dict[str, Any], claim: str) -> None:
    (fault,) = faults(replace(RIGHT, **changes))
    assert claim in fault


@pytest.mark.parametrize(
    "members", [{"scp": "user_impersonation"}, {"scp": "", "roles": ["x"]}, {"idtyp": "user"}, {"idtyp": None}]
)
@pytest.mark.parametrize("form", [V1, V2])
def test_a_token_that_acts_for_a_user_is_a_fault(form: dict[str, Any], members: dict[str, Any]) -> None:
    assert faults(read(**form, **TIMES, **members)) == [
        "it acts for a user, and not for the application alone (scp, idtyp)"
    ]


@pytest.mark.parametrize("members", [{}, {"idtyp": "app"}])
def test_a_token_of_the_application_alone_is_none(members: dict[str, str]) -> None:
    assert faults(read(**V2, **TIMES, **members)) == []


@pytest.mark.parametrize(
    "issuer",
    [
        f"https://sts.windows.net/{TENANT}/",
        f"https://login.microsoftonline.us/{TENANT}/v2.0",
        f"https://sts.chinacloudapi.cn/{TENANT}/",
        f"https://login.partner.microsoftonline.cn/{TENANT}/v2.0",
        f"https://proxy.example/entra/{TENANT}/v2.0",
    ],
)
def test_entra_id_of_every_cloud_and_the_authority_that_was_asked_are_issuers(issuer: str) -> None:
    assert faults(replace(RIGHT, issuer=issuer)) == []


def test_a_token_of_another_tenant_is_told_by_its_tid_and_its_issuer() -> None:
    found = faults(replace(RIGHT, tenant_id=OTHER))
    assert found[0] == f"it is for tenant '{OTHER}' (tid)"


def test_all_faults_are_told_at_once() -> None:
    found = faults(replace(RIGHT, app_id="", audience="", expires_at=0))
    assert [fault[-5:] for fault in found] == ["ppid)", "(aud)", "(exp)"]


@given(skew=st.integers(-300, 300))
def test_a_clock_up_to_five_minutes_off_does_no_harm(skew: int) -> None:
    assert faults(replace(RIGHT, not_before=NOW, expires_at=NOW), NOW + skew) == []


def test_the_audiences_of_a_resource_are_its_uri_with_and_without_a_slash_and_its_id() -> None:
    assert claims.audiences(RESOURCE, API_ID) == {RESOURCE, f"{RESOURCE}/", API_ID}
    assert claims.audiences(RESOURCE, None) == {RESOURCE, f"{RESOURCE}/"}


def test_an_api_uri_with_a_guid_may_be_named_by_the_guid_alone() -> None:
    assert claims.audiences(f"api://{API_ID}", None) == {f"api://{API_ID}", f"api://{API_ID}/", API_ID}
    assert "soc" not in claims.audiences("api://soc", None)


@pytest.mark.parametrize(("life", "is_fault"), [(90 * 60, False), (28 * 3600, False), (29 * 3600, True)])
def test_a_life_that_entra_id_never_gives_is_a_fault(life: int, is_fault: bool) -> None:
    found = faults(replace(RIGHT, expires_at=NOW + life))
    assert [fault.endswith("(exp)") for fault in found] == ([True] if is_fault else [])


def test_a_long_life_is_not_hidden_by_the_time_of_issue() -> None:
    """One that is missing reads as 0, and one in the future is a fault itself."""
    decade = 10 * 365 * 86400
    assert "it lives 87600 h" in faults(replace(RIGHT, expires_at=NOW + decade))[0]
    assert "(exp)" in faults(replace(RIGHT, issued_at=0))[0]
    ahead = faults(replace(RIGHT, issued_at=NOW + decade - 3600, expires_at=NOW + decade))
    assert [fault.rpartition(" ")[2] for fault in ahead] == ["(iat)"]


@pytest.mark.parametrize("claim", ["iat", "nbf", "exp"])
@pytest.mark.parametrize(
    "value", ["1795340000", "soon", "NaN", "Infinity", "1e999", "-1", "true", "null", "1" + "0" * 400]
)
def test_a_time_that_is_none_makes_a_token_that_cannot_be_read(claim: str, value: str) -> None:
    text = value if value not in ("1795340000", "soon") else f'"{value}"'
    payload = json.dumps({**V2, **TIMES, claim: "here"}).replace('"here"', text)
    assert claims.read(unsigned(payload)) is None


def test_a_time_with_a_fraction_is_one() -> None:
    assert read(**V2, **{**TIMES, "exp": NOW + 0.5}).expires_at == NOW


def test_who_is_signed_in_may_use_any_program() -> None:
    found = read(**{**V2, "azp": "another"}, **TIMES, scp="User.Read Application.ReadWrite.All", idtyp="user")
    assert found.scopes == ("User.Read", "Application.ReadWrite.All")
    audiences = claims.audiences(RESOURCE, API_ID)
    assert claims.faults(found, TENANT, None, audiences, AUTHORITY, NOW) == []
    assert len(claims.faults(found, TENANT, CLIENT, audiences, AUTHORITY, NOW)) == 2
    assert len(claims.faults(found, "another", None, audiences, AUTHORITY, NOW)) == 1
