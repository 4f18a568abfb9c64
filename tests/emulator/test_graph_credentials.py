# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets, certificates and federated credentials made through Graph, and the tokens they get."""

from __future__ import annotations

import base64
import datetime
import hashlib
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from support.emulator import EmulatorProcess

from .conftest import Caller, Graph, claims_of, refusal

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Certificate:
    """A self-signed certificate with its key, good for a year."""

    def __init__(self, name: str = "soc") -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(subject, subject, self.key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=365))
        self.der = builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def credential(self, **properties: object) -> dict[str, Any]:
        key = base64.b64encode(self.der).decode()
        return {"type": "AsymmetricX509Cert", "usage": "Verify", "key": key, **properties}

    def assertion(self, emulator: EmulatorProcess, client_id: str) -> str:
        claims = {
            "aud": f"{emulator.url}/{emulator.tenant_id('contoso')}/oauth2/v2.0/token",
            "iss": client_id,
            "sub": client_id,
            "jti": str(uuid.uuid4()),
            "exp": time.time() + 600,
        }
        thumbprint = base64.urlsafe_b64encode(hashlib.sha256(self.der).digest()).decode()
        return jwt.encode(claims, self.key, "PS256", headers={"x5t#S256": thumbprint})

    def proof(self, object_id: str, **changes: object) -> str:
        now = int(time.time())
        audience = "00000002-0000-0000-c000-000000000000"
        claims = {"aud": audience, "iss": object_id, "nbf": now, "exp": now + 600, **changes}
        return jwt.encode(claims, self.key, "RS256")


class Client:
    """One application made through Graph, present in contoso, and its token requests."""

    def __init__(self, graph: Graph, **properties: object) -> None:
        self.graph = graph
        self.document = graph.application(**properties)
        self.client_id = self.document["appId"]
        self.path = f"applications/{self.document['id']}"
        graph.emulator.control("POST", f"tenants/contoso.example/consent?client_id={self.client_id}")

    def ask(self, secret: str | None = None, assertion: str | None = None) -> requests.Response:
        return self.graph.caller.ask_token(
            client_id=self.client_id,
            client_secret=secret,
            client_assertion=assertion,
            client_assertion_type=ASSERTION_TYPE if assertion else None,
        )

    def code(self, secret: str | None = None, assertion: str | None = None) -> int:
        """The AADSTS number of the refusal; 0 for a token."""
        answer = self.ask(secret, assertion)
        return 0 if answer.status_code == 200 else int(answer.json()["error_codes"][0])

    def sign(self, certificate: Certificate) -> str:
        return certificate.assertion(self.graph.emulator, self.client_id)

    def age(self, key_id: str, **dates: str) -> None:
        path = f"applications/{self.client_id}/credentials/{key_id}"
        self.graph.emulator.control("PATCH", path, dates)


@pytest.fixture
def client(graph: Graph) -> Client:
    return Client(graph)


def test_a_secret_is_shown_once_and_gets_a_token(client: Client, graph: Graph) -> None:
    added = graph.secret(client.document, displayName="ansible")
    assert added["secretText"].startswith(added["hint"])
    assert 16 <= len(added["secretText"]) <= 64
    claims = claims_of(client.ask(added["secretText"]).json()["access_token"])
    assert (claims["appid"], claims["roles"]) == (client.client_id, ["Incident.Read.All"])
    [shown] = graph.expect(200, "GET", client.path)["passwordCredentials"]
    assert {**shown, "@odata.context": added["@odata.context"]} == {**added, "secretText": None}
    for other in (added["keyId"], f"{added['secretText']}x", graph.emulator.client_secret):
        assert client.code(other) == 7000215


def test_a_secret_lasts_two_years_unless_told(client: Client, graph: Graph) -> None:
    def year(text: str) -> int:
        return int(text[:4])

    added = graph.secret(client.document)
    assert year(added["endDateTime"]) - year(added["startDateTime"]) == 2
    added = graph.secret(client.document, endDateTime="2099-05-01T00:00:00Z")
    assert added["endDateTime"] == "2099-05-01T00:00:00Z"
    for dates in ({"endDateTime": "2020-01-01T00:00:00Z"}, {"endDateTime": "soon"}):
        answer = graph.call("POST", f"{client.path}/addPassword", {"passwordCredential": dates})
        assert refusal(answer) == (400, "Request_BadRequest")
    assert graph.expect(200, "POST", f"{client.path}/addPassword")["displayName"] is None


def test_two_secrets_work_side_by_side_until_one_is_removed(client: Client, graph: Graph) -> None:
    old, new = graph.secret(client.document), graph.secret(client.document)
    assert (client.code(old["secretText"]), client.code(new["secretText"])) == (0, 0)
    graph.expect(204, "POST", f"{client.path}/removePassword", {"keyId": old["keyId"]})
    assert (client.code(old["secretText"]), client.code(new["secretText"])) == (7000215, 0)
    again = graph.call("POST", f"{client.path}/removePassword", {"keyId": old["keyId"]})
    assert refusal(again) == (400, "Request_BadRequest")
    graph.expect(400, "POST", f"{client.path}/removePassword", {})


def test_an_aged_secret(client: Client, graph: Graph) -> None:
    added = graph.secret(client.document)
    client.age(added["keyId"], endDateTime="2026-01-01T00:00:00Z")
    assert client.code(added["secretText"]) == 7000222
    client.age(added["keyId"], startDateTime="2098-01-01T00:00:00Z", endDateTime="2099-01-01T00:00:00Z")
    assert client.code(added["secretText"]) == 7000215


def test_certificates_are_replaced_by_patch(client: Client, graph: Graph) -> None:
    first, second = Certificate("first"), Certificate("second")
    assert client.code(assertion=client.sign(first)) == 700027
    graph.expect(204, "PATCH", client.path, {"keyCredentials": [first.credential(displayName="CN=first")]})
    assert client.code(assertion=client.sign(first)) == 0
    [shown] = graph.expect(200, "GET", client.path)["keyCredentials"]
    assert (shown["key"], shown["displayName"]) == (None, "CN=first")
    assert base64.b64decode(shown["customKeyIdentifier"]) == hashlib.sha1(first.der).digest()
    kept = graph.expect(200, "GET", f"{client.path}?$select=keyCredentials")["keyCredentials"]
    assert base64.b64decode(kept[0]["key"]) == first.der
    graph.expect(204, "PATCH", client.path, {"keyCredentials": [*kept, second.credential()]})
    assert (client.code(assertion=client.sign(first)), client.code(assertion=client.sign(second))) == (0, 0)
    both = graph.expect(200, "GET", f"{client.path}?$select=keyCredentials")["keyCredentials"]
    assert (both[0], both[1]["displayName"]) == (kept[0], "CN=second")
    graph.expect(204, "PATCH", client.path, {"keyCredentials": both[1:]})
    assert (client.code(assertion=client.sign(first)), client.code(assertion=client.sign(second))) == (700027, 0)


def test_a_certificate_may_have_line_breaks_and_a_known_one_no_key(client: Client, graph: Graph) -> None:
    first, second = Certificate("first"), Certificate("second")
    broken = base64.encodebytes(first.der).decode()
    assert broken.count("\n") > 5
    graph.expect(204, "PATCH", client.path, {"keyCredentials": [first.credential(key=broken.replace("\n", "\r\n"))]})
    assert client.code(assertion=client.sign(first)) == 0
    [kept] = graph.expect(200, "GET", f"{client.path}?$select=keyCredentials")["keyCredentials"]
    assert kept["key"] == base64.b64encode(first.der).decode()
    # as the Azure CLI appends one: what it read goes back without its key, or with other line breaks
    for known in ({**kept, "key": None}, {**kept, "key": broken}):
        graph.expect(204, "PATCH", client.path, {"keyCredentials": [known, second.credential()]})
        assert (client.code(assertion=client.sign(first)), client.code(assertion=client.sign(second))) == (0, 0)


def test_a_new_application_takes_a_certificate_with_line_breaks(graph: Graph) -> None:
    certificate = Certificate()
    broken = certificate.credential(key=base64.encodebytes(certificate.der).decode())
    path = f"applications/{graph.application(keyCredentials=[broken])['id']}?$select=keyCredentials"
    [kept] = graph.expect(200, "GET", path)["keyCredentials"]
    assert base64.b64decode(kept["key"]) == certificate.der


def test_a_certificate_that_cannot_be(client: Client, graph: Graph) -> None:
    certificate = Certificate()
    twice = certificate.credential(keyId=str(uuid.uuid4()))
    for wrong in (
        [certificate.credential(key=None)],
        [certificate.credential(endDateTime="2099-01-01T00:00:00Z")],
        [certificate.credential(type="Symmetric")],
        [certificate.credential(keyId="x")],
        [certificate.credential(endDateTime=7)],
        [twice, twice],
        None,
    ):
        answer = graph.call("PATCH", client.path, {"keyCredentials": wrong})
        assert refusal(answer) == (400, "Request_BadRequest"), wrong


def test_an_aged_certificate(client: Client, graph: Graph) -> None:
    certificate = Certificate()
    graph.expect(204, "PATCH", client.path, {"keyCredentials": [certificate.credential()]})
    [shown] = graph.expect(200, "GET", client.path)["keyCredentials"]
    client.age(shown["keyId"], endDateTime="2026-01-01T00:00:00Z")
    answer = client.ask(assertion=client.sign(certificate))
    assert (answer.status_code, answer.json()["error_codes"]) == (401, [700027])
    assert "The key used is expired." in answer.json()["error_description"]
    # An expired one can be kept beside its successor.
    new = Certificate("new")
    kept = graph.expect(200, "GET", f"{client.path}?$select=keyCredentials")["keyCredentials"]
    graph.expect(204, "PATCH", client.path, {"keyCredentials": [*kept, new.credential()]})
    assert (client.code(assertion=client.sign(new)), client.code(assertion=client.sign(certificate))) == (0, 700027)


def test_a_young_certificate_is_unknown_and_an_old_one_beside_it_is_not(client: Client, graph: Graph) -> None:
    old, new = Certificate("old"), Certificate("new")
    graph.expect(204, "PATCH", client.path, {"keyCredentials": [old.credential()]})
    time.sleep(1.1)
    graph.emulator.control("POST", "faults", {"kind": "credential_lag", "seconds": 1})
    kept = graph.expect(200, "GET", f"{client.path}?$select=keyCredentials")["keyCredentials"]
    graph.expect(204, "PATCH", client.path, {"keyCredentials": [*kept, new.credential()]})
    assert (client.code(assertion=client.sign(new)), client.code(assertion=client.sign(old))) == (700027, 0)
    time.sleep(1.1)
    assert client.code(assertion=client.sign(new)) == 0


def test_a_key_is_added_and_removed_by_proof_of_another(client: Client, graph: Graph) -> None:
    old, new, object_id = Certificate("old"), Certificate("new"), client.document["id"]
    body = {"keyCredential": new.credential(), "passwordCredential": None, "proof": old.proof(object_id)}
    # Without a first certificate nothing can be proven.
    assert refusal(graph.call("POST", f"{client.path}/addKey", body)) == (401, "Authentication_MissingOrMalformed")
    graph.expect(204, "PATCH", client.path, {"keyCredentials": [old.credential()]})
    now = int(time.time())
    for proof in (
        new.proof(object_id),
        old.proof(client.client_id),
        old.proof(object_id, aud="somebody"),
        old.proof(object_id, exp=now + 3600),
        old.proof(object_id, exp=now - 3600, nbf=now - 4000),
        None,
    ):
        refused = graph.call("POST", f"{client.path}/addKey", {**body, "proof": proof})
        assert refusal(refused) == (401, "Authentication_MissingOrMalformed")
    added = graph.expect(200, "POST", f"{client.path}/addKey", body)
    assert client.code(assertion=client.sign(new)) == 0
    removal = {"keyId": added["keyId"], "proof": old.proof(object_id)}
    graph.expect(204, "POST", f"{client.path}/removeKey", removal)
    assert (client.code(assertion=client.sign(new)), client.code(assertion=client.sign(old))) == (700027, 0)
    graph.expect(400, "POST", f"{client.path}/removeKey", removal)


def _federation(emulator: EmulatorProcess, **changes: object) -> dict[str, Any]:
    connection = emulator.connection
    return {
        "name": "pipelines",
        "issuer": connection["federated_issuer"],
        "subject": connection["federated_subject"],
        "audiences": [connection["federated_audience"]],
        **changes,
    }


def test_a_federated_credential_trusts_the_pipelines_token(client: Client, graph: Graph) -> None:
    token = Path(graph.emulator.connection["federated_token_file"]).read_text()
    path = f"{client.path}/federatedIdentityCredentials"
    assert client.code(assertion=token) == 70021
    wrong = {"issuer": "https://other.example", "subject": "repo:other", "audiences": ["api://other"]}
    created = graph.expect(201, "POST", path, _federation(graph.emulator, **wrong, description="x"))
    assert created["description"] == "x"
    for name, right, code in (("issuer", 700211, 700213), ("subject", 700213, 700212), ("audiences", 700212, 0)):
        assert client.code(assertion=token) == right
        graph.expect(204, "PATCH", f"{path}/pipelines", {name: _federation(graph.emulator)[name]})
        assert client.code(assertion=token) == code
    read = graph.expect(200, "GET", f"{path}/{created['id']}")
    assert read["subject"] == graph.emulator.connection["federated_subject"]
    assert [entry["id"] for entry in graph.expect(200, "GET", path)["value"]] == [created["id"]]
    graph.expect(204, "DELETE", f"{path}/pipelines")
    graph.expect(404, "GET", f"{path}/pipelines")
    assert client.code(assertion=token) == 70021


def test_a_federated_credential_of_an_issuer_that_nobody_reaches(client: Client, graph: Graph) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    credential = _federation(graph.emulator, issuer="https://other.example")
    graph.expect(201, "POST", f"{client.path}/federatedIdentityCredentials", credential)
    claims = {"iss": "https://other.example", "sub": credential["subject"], "aud": credential["audiences"][0]}
    token = jwt.encode({**claims, "exp": time.time() + 60}, other, "RS256")
    assert client.code(assertion=token) == 700027


def test_federated_credentials_that_cannot_be(client: Client, graph: Graph) -> None:
    path, emulator = f"{client.path}/federatedIdentityCredentials", graph.emulator
    for change in (
        {"name": "ab"},
        {"name": "x" * 121},
        {"name": "a b c"},
        {"name": None},
        {"issuer": ""},
        {"subject": "x" * 601},
        {"audiences": []},
        {"audiences": ["a", "b"]},
        {"audiences": ["x" * 601]},
        {"audiences": "a"},
    ):
        answer = graph.call("POST", path, _federation(emulator, **change))
        assert refusal(answer) == (400, "Request_BadRequest"), change
    graph.expect(201, "POST", path, _federation(emulator))
    taken = (409, "Request_MultipleObjectsWithSameKeyValue")
    assert refusal(graph.call("POST", path, _federation(emulator, subject="other"))) == taken
    assert refusal(graph.call("POST", path, _federation(emulator, name="other"))) == taken
    graph.expect(400, "PATCH", f"{path}/pipelines", {"name": "renamed"})
    for number in range(19):
        graph.expect(201, "POST", path, _federation(emulator, name=f"more-{number}", subject=f"s{number}"))
    assert refusal(graph.call("PATCH", f"{path}/more-1", {"subject": "s2"})) == taken
    one_too_many = graph.call("POST", path, _federation(emulator, name="more-20", subject="s20"))
    assert refusal(one_too_many) == (400, "Directory_QuotaExceeded")


def test_a_single_tenant_application_stays_at_home(graph: Graph, caller: Caller) -> None:
    client = Client(graph, signInAudience="AzureADMyOrg")
    secret = graph.secret(client.document)["secretText"]
    assert client.code(secret) == 700016
    graph.expect(201, "POST", "servicePrincipals", {"appId": client.client_id})
    home = caller.ask_token(graph.emulator.home_tenant_id, client_id=client.client_id, client_secret=secret)
    assert home.status_code == 200
