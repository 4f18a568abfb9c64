# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support.operations import OperationHost
from support.scripted_entra import (
    CLIENT,
    KEYS,
    METADATA,
    OTHER_TENANT,
    RESOURCE,
    TENANT,
    ScriptedEntra,
    refusal,
    token_path,
)
from support.scripted_server import Answer

from ansible_collections.mssp.defender.plugins.module_utils._core import files, timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.credentials import ClientSecret
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_cache import Token
from ansible_collections.mssp.defender.plugins.module_utils._core.identity.token_file import TokenFile
from ansible_collections.mssp.defender.plugins.module_utils._operations.consent import token

_ROGUE = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Task:
    """Runs the operation against the scripted Entra ID."""

    def __init__(self, entra: ScriptedEntra) -> None:
        self.entra = entra
        self.server = entra.server

    def __call__(self, check_mode: bool = False, run_directory: Path | None = None, **options: Any) -> dict[str, Any]:
        given = {
            "client_id": CLIENT,
            "client_secret": "canary-secret",
            "authority_url": self.server.url,
            "ca_path": self.server.ca_path,
            "retries": 0,
            **({} if "permissions" in options else {"resource": "xdr"}),
            **({} if "tenants" in options else {"tenant_id": TENANT}),
            **options,
        }
        return token.run(OperationHost(token.OPERATION, check_mode, run_directory, **given))

    def grants(self, *tokens: str) -> None:
        self.server.script(token_path(), *(self.entra.granting(value) for value in tokens))


@pytest.fixture
def task(entra: ScriptedEntra) -> Task:
    return Task(entra)


def test_a_good_token_proves_the_consent(task: Task) -> None:
    roles = ["Incident.ReadWrite.All", "AdvancedHunting.Read.All"]
    issued = int(time.time()) - 60
    task.grants(task.entra.token(roles=roles, iat=issued))
    result = task()
    assert (result["failed"], result["changed"], result["state"]) == (False, False, "granted")
    assert (result["tenant_id"], result["app_id"], result["audience"]) == (TENANT, CLIENT, RESOURCE)
    assert (result["roles"], result["missing_roles"]) == (sorted(roles), [])
    assert result["excess_roles"] == sorted(roles)
    assert (result["signature"], result["token_version"], result["from_cache"]) == ("verified", "2.0", False)
    assert result["issued_at"] == timestamps.render_seconds(issued)
    assert result["expires_at"].endswith("Z")


def test_the_token_stays_out_of_the_result(task: Task) -> None:
    secret_token = task.entra.token()
    task.grants(secret_token)
    assert secret_token not in str(task())


def test_an_exposed_token_censors_the_whole_result(task: Task) -> None:
    secret_token = task.entra.token()
    task.grants(secret_token)
    result = task(expose_token=True)
    assert (result["access_token"], result["_ansible_no_log"]) == (secret_token, True)
    assert "_ansible_no_log" not in task()


def test_missing_roles_are_partial_and_told_with_what_was_found(task: Task) -> None:
    task.grants(task.entra.token(roles=["AdvancedHunting.Read.All"]))
    result = task(required_roles=["Incident.Read.All", "AdvancedHunting.Read.All"])
    assert (result["failed"], result["state"], result["who"]) == (True, "partial", "customer admin")
    assert (result["missing_roles"], result["roles"]) == (["Incident.Read.All"], ["AdvancedHunting.Read.All"])
    assert "the token lacks Incident.Read.All" in result["msg"]


@pytest.mark.parametrize(("roles", "is_told"), [([], True), (["AdvancedHunting.Read.All"], False)])
def test_a_consent_to_delegated_permissions_alone_is_explained(task: Task, roles: list[str], is_told: bool) -> None:
    """The token carries no role at all then, and no further consent would change that."""
    task.grants(task.entra.token(roles=roles))
    result = task(required_roles=["Incident.Read.All"])
    assert (result["state"], "not a delegated one" in result["remedy"]) == ("partial", is_told)


def test_no_roles_required_are_none_missing(task: Task) -> None:
    task.grants(task.entra.token(roles=[]))
    assert task(required_roles=[])["state"] == "granted"


def test_a_refusal_is_the_outcome(task: Task) -> None:
    task.server.script(token_path(), refusal(7000229))
    result = task()
    assert (result["state"], result["code"]) == ("not_consented", "AADSTS7000229")
    assert result["msg"].startswith(f"{TENANT} is not_consented: ")
    assert "canary" not in str(result)


def test_a_fleet_gives_each_tenant_its_own_outcome(task: Task) -> None:
    task.grants(task.entra.token())
    task.server.script(token_path(OTHER_TENANT), refusal(7000222))
    tenants = [
        {"name": "contoso", "tenant_id": TENANT},
        {"name": "fabrikam", "tenant_id": OTHER_TENANT},
        {"name": "broken", "tenant_id": "common"},
    ]
    result = task(tenants=tenants)
    assert result["failed"] is False
    assert [tenant["state"] for tenant in result["tenants"]] == ["granted", "bad_credential", "unknown_tenant"]


def test_waiting_for_consent_ends_when_it_is_there(task: Task) -> None:
    granting = task.entra.granting(task.entra.token())
    without_role = task.entra.granting(task.entra.token(roles=[]))
    task.server.script(token_path(), refusal(700016, "unauthorized_client", 400), granting)
    started = time.monotonic()
    assert task(consent_wait=1)["state"] == "granted"
    assert time.monotonic() - started > 0.9
    task.server.script(token_path(), without_role, granting)
    assert task(consent_wait=1)["state"] == "granted"


def test_waiting_for_consent_ends_when_the_time_is_up(task: Task) -> None:
    task.server.script(token_path(), refusal(7000229))
    result = task(consent_wait=1)
    assert result["state"] == "not_consented"
    assert "AADSTS50011" in result["remedy"]
    assert "AADSTS50011" not in task()["remedy"]
    del task.server.requests[-1:]
    assert len(task.server.requests_to(token_path())) == 2


@pytest.mark.parametrize(
    ("code", "state", "final"),
    [
        (7000215, "bad_credential", False),
        (90002, "unknown_tenant", True),
        (5000225, "blocked", True),
        (5000224, "blocked", True),
    ],
)
def test_no_waiting_mends_a_wrong_secret_or_a_tenant_that_is_gone(
    task: Task, code: int, state: str, final: bool
) -> None:
    task.server.script(token_path(), refusal(code))
    result = task(consent_wait=60)
    assert (result["state"], result["final"]) == (state, final)
    assert len(task.server.requests_to(token_path())) == 1


def test_the_signature_can_be_left_unchecked(task: Task) -> None:
    task.grants(task.entra.token("unpublished"))
    assert task(verify_signature=False)["signature"] == "skipped"
    assert task.server.requests_to(KEYS) == []
    assert task()["state"] == "error"


def test_a_token_that_cannot_be_read_proves_no_consent(task: Task) -> None:
    task.grants("opaque")
    assert "cannot be read, so it proves no consent" in task()["msg"]


def test_the_v1_endpoint_is_used_when_asked_for(task: Task) -> None:
    task.server.script(token_path(version="v1"), task.entra.granting(task.entra.token()))
    assert task(endpoint_version="v1")["state"] == "granted"


def test_dest_holds_the_token_for_its_owner_only(task: Task, tmp_path: Path) -> None:
    good = task.entra.token()
    task.grants(good)
    dest = tmp_path / "Latest-token.txt"
    result = task(dest=str(dest))
    assert (result["changed"], result["dest"]) == (True, str(dest))
    assert (dest.read_text(), stat.S_IMODE(dest.stat().st_mode)) == (good, 0o600)
    assert good not in str(result)


def test_dest_is_left_alone_while_its_token_is_good(task: Task, tmp_path: Path) -> None:
    task.grants(task.entra.token())
    dest = tmp_path / "Latest-token.txt"
    task(dest=str(dest))
    again = task(dest=str(dest))
    assert (again["changed"], again["from_cache"]) == (False, True)
    assert len(task.server.requests_to(token_path())) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"tid": OTHER_TENANT},
        {"azp": OTHER_TENANT},
        {"aud": "https://graph.microsoft.com"},
        {"roles": []},
        {"exp": int(time.time()) + 60},
    ],
    ids=["tenant", "application", "audience", "roles", "end"],
)
def test_dest_is_replaced_when_its_token_is_no_longer_good(task: Task, tmp_path: Path, changes: dict[str, Any]) -> None:
    dest = tmp_path / "Latest-token.txt"
    files.replace_private(dest, task.entra.token(**changes))
    TokenFile(dest, ClientSecret("canary-secret").cipher()).write(Token(dest.read_text(), time.time() + 3600))
    good = task.entra.token()
    task.grants(good)
    assert task(dest=str(dest))["changed"] is True
    assert dest.read_text() == good


def forged(task: Task, how: str) -> str:
    """Return a token that says the right things of itself, which anybody can make who knows the tenant."""
    payload = jwt.decode(task.entra.token(), options={"verify_signature": False})
    decade = {"exp": int(time.time()) + 10 * 365 * 86400} if how == "for ten years" else {}
    signed_with = ("HS256", "a secret that anybody might choose") if how != "rogue key" else ("RS256", _ROGUE)
    return jwt.encode({**payload, **decade}, signed_with[1], algorithm=signed_with[0], headers={"nonce": "x"})


@pytest.mark.parametrize("how", ["for ten years", "for an hour", "rogue key"])
@pytest.mark.parametrize("resource", ["xdr", "graph"])
@pytest.mark.parametrize("verify_signature", [True, False])
def test_a_token_that_somebody_put_into_dest_is_not_granted(
    task: Task, tmp_path: Path, how: str, resource: str, verify_signature: bool
) -> None:
    """Even without a network, and with a wrong secret."""
    dest = tmp_path / "Latest-token.txt"
    dest.write_text(forged(task, how))
    dest.chmod(0o600)
    result = task(
        dest=str(dest),
        resource=resource,
        required_roles=[],
        authority_url="https://127.0.0.1:1",
        verify_signature=verify_signature,
    )
    assert (result["failed"], result["state"]) == (True, "unreachable")


def test_a_token_that_another_credential_put_into_dest_is_not_granted(task: Task, tmp_path: Path) -> None:
    task.grants(task.entra.token())
    dest = tmp_path / "Latest-token.txt"
    task(dest=str(dest))
    task.server.script(token_path(), refusal(7000215))
    assert task(dest=str(dest), client_secret="wrong")["state"] == "bad_credential"
    assert task(dest=str(dest))["from_cache"] is True


def test_a_rogue_authority_is_not_believed_for_a_nonce(task: Task) -> None:
    task.grants(forged(task, "rogue key"))
    assert "it carries a nonce" in task()["msg"]
    task.grants(forged(task, "for an hour"))
    assert "it is not signed as Entra ID signs" in task()["msg"]


@pytest.mark.parametrize(
    "resource",
    [
        "graph",
        "https://graph.microsoft.com",
        "https://Graph.microsoft.com/",
        "https://graph.microsoft.us",
        "https://dod-graph.microsoft.us/",
        "https://microsoftgraph.chinacloudapi.cn",
    ],
)
def test_a_token_for_graph_is_opaque_and_stays_in_dest(task: Task, tmp_path: Path, resource: str) -> None:
    audience = "00000003-0000-0000-c000-000000000000"
    task.grants(task.entra.token(headers={"nonce": "n"}, aud=audience, roles=["SecurityIncident.Read.All"]))
    dest = tmp_path / "Latest-token.txt"
    first, second = (task(dest=str(dest), resource=resource) for _unused in range(2))
    assert (first["state"], first["signature"], first["changed"]) == ("granted", "opaque", True)
    assert (second["signature"], second["changed"], second["from_cache"]) == ("opaque", False, True)
    assert len(task.server.requests_to(token_path())) == 1


@pytest.mark.parametrize("mode", [0o666, 0o644])
def test_a_token_file_that_others_can_use_is_replaced(task: Task, tmp_path: Path, mode: int) -> None:
    task.grants(task.entra.token(), task.entra.token(roles=["Incident.Read.All", "AdvancedHunting.Read.All"]))
    dest = tmp_path / "Latest-token.txt"
    task(dest=str(dest))
    dest.chmod(mode)
    again = task(dest=str(dest))
    assert (again["changed"], again["from_cache"]) == (True, False)
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_dest_that_is_no_file_is_left_alone(task: Task, tmp_path: Path, kind: str) -> None:
    task.grants(task.entra.token())
    dest, elsewhere = tmp_path / "Latest-token.txt", tmp_path / "elsewhere"
    elsewhere.write_text("another's")
    if kind == "link":
        dest.symlink_to(elsewhere)
    else:
        os.mkfifo(dest)
    result = task(dest=str(dest))
    assert (result["failed"], result["state"], str(dest) in result["msg"]) == (True, "error", True)
    assert elsewhere.read_text() == "another's"


def test_a_folder_of_tokens_that_others_can_write_to_is_refused(task: Task, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(OptionError, match=r"^dest: .* is a folder that others can write to: take that right"):
        task(dest=str(tmp_path / "Latest-token.txt"))
    assert task.server.requests == []


def test_the_secret_goes_to_a_reverse_proxy_and_not_past_it(task: Task) -> None:
    at = f"{task.server.url}/entra"
    microsoft = "https://login.microsoftonline.com"
    metadata = {
        "issuer": task.entra.issuers["v2"],
        "authorization_endpoint": f"{microsoft}/common/oauth2/v2.0/authorize",
        "token_endpoint": f"{microsoft}/common/oauth2/v2.0/token",
        "jwks_uri": f"{microsoft}/common/discovery/v2.0/keys",
    }
    task.server.script(f"/entra{METADATA}", Answer(metadata))
    task.server.script(f"/entra{KEYS}", Answer({"keys": [task.entra.public_key("first")]}))
    task.server.script(f"/entra{token_path()}", task.entra.granting(task.entra.token()))
    result = task(authority_url=at)
    assert (result["state"], result["signature"]) == ("granted", "verified")
    (request,) = task.server.requests_to(f"/entra{token_path()}")
    assert request.form["client_secret"] == "canary-secret"
    assert all(sent.path.startswith("/entra/") for sent in task.server.requests)


def test_no_customer_is_unknown_where_only_the_shared_metadata_fails(task: Task) -> None:
    task.server.script(METADATA, refusal(90002, "invalid_tenant", 400))
    task.entra.publish_domain(TENANT)
    task.grants(task.entra.token())
    assert task()["state"] == "granted"
    tenants = [{"name": name, "tenant_id": TENANT.replace("4444-", f"444{name}-", 1)} for name in "12"]
    task.server.script(METADATA, Answer(status=500))
    assert {tenant["state"] for tenant in task(tenants=tenants)["tenants"]} == {"unreachable"}


def test_check_mode_proves_and_writes_nothing(task: Task, tmp_path: Path) -> None:
    task.grants(task.entra.token())
    result = task(check_mode=True, dest=str(tmp_path / "Latest-token.txt"))
    assert (result["changed"], result["state"]) == (True, "granted")
    assert list(tmp_path.iterdir()) == []


def test_a_tenant_that_is_not_granted_gets_no_file(task: Task, tmp_path: Path) -> None:
    task.grants(task.entra.token(roles=[]))
    task(dest=str(tmp_path / "Latest-token.txt"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"resource": "https://api.security.microsoft.com/.default"}, "resource 'https://api.security.microsoft.com/"),
        ({"resource": "defender"}, "resource 'defender' is none: write xdr, graph, or a resource URI"),
        ({"resource": "xdr", "cloud": "china"}, "cloud 'china' has no Microsoft Threat Protection API"),
        ({"required_roles": ["Incidents.Read.All"]}, "required_roles: Microsoft Threat Protection has no application "),
        ({"dest": "/nowhere/token"}, "dest: the folder /nowhere does not exist: create it first"),
        ({"tenant_id": None}, "no tenant is given: set tenant_id"),
    ],
)
def test_bad_input_is_refused_before_any_request(task: Task, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        task(**options)
    assert str(refused.value).startswith(sentence)
    assert task.server.requests == []


def test_another_resource_is_asked_for_by_its_uri(task: Task) -> None:
    task.grants(task.entra.token(aud="api://soc", roles=["Cases.Read"]))
    result = task(resource="api://soc/", required_roles=["Cases.Read"])
    assert (result["state"], result["audience"]) == ("granted", "api://soc")
    (request,) = task.server.requests_to(token_path())
    assert request.form["scope"] == "api://soc/.default"
