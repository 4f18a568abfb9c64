# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's own client of Microsoft Graph registers an application here as it does there."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.applications.applications_request_builder import ApplicationsRequestBuilder
from msgraph.generated.applications.item.add_password.add_password_post_request_body import AddPasswordPostRequestBody
from msgraph.generated.applications.item.remove_password.remove_password_post_request_body import (
    RemovePasswordPostRequestBody,
)
from msgraph.generated.models.app_role_assignment import AppRoleAssignment
from msgraph.generated.models.application import Application
from msgraph.generated.models.federated_identity_credential import FederatedIdentityCredential
from msgraph.generated.models.key_credential import KeyCredential
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_credential import PasswordCredential
from msgraph.generated.models.required_resource_access import RequiredResourceAccess
from msgraph.generated.models.resource_access import ResourceAccess
from msgraph.generated.models.service_principal import ServicePrincipal
from msgraph.generated.models.web_application import WebApplication
from support.emulator import EmulatorProcess

from .conftest import READ_INCIDENTS, XDR_APP_ID, Caller, Graph, claims_of
from .sdk_client import tell_as_registrar

# The SDK's own modules use what the SDK deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning")


def _new(emulator: EmulatorProcess) -> Application:
    return Application(
        display_name="Made by the SDK",
        unique_name="made-by-sdk",
        sign_in_audience="AzureADMultipleOrgs",
        web=WebApplication(redirect_uris=[emulator.connection["redirect_uri"]]),
        required_resource_access=[
            RequiredResourceAccess(
                resource_app_id=XDR_APP_ID, resource_access=[ResourceAccess(id=UUID(READ_INCIDENTS), type="Role")]
            )
        ],
    )


async def _made(client: GraphServiceClient, emulator: EmulatorProcess) -> Any:
    application = await client.applications.post(_new(emulator))
    assert application is not None
    return application


def test_an_application_is_made_read_changed_and_deleted(emulator: EmulatorProcess) -> None:
    async def story(client: GraphServiceClient) -> None:
        made = await _made(client, emulator)
        assert (made.unique_name, made.publisher_domain) == ("made-by-sdk", "northwind.example")
        age = datetime.now(timezone.utc) - made.created_date_time
        assert abs(age.total_seconds()) < 60
        await client.applications.by_application_id(made.id).patch(Application(notes="changed"))
        for read in (
            await client.applications.by_application_id(made.id).get(),
            await client.applications_with_app_id(made.app_id).get(),
            await client.applications_with_unique_name("made-by-sdk").get(),
        ):
            assert (read.id, read.notes) == (made.id, "changed")
            assert read.required_resource_access[0].resource_access[0].id == UUID(READ_INCIDENTS)
            assert read.web.redirect_uris == [emulator.connection["redirect_uri"]]
        await client.applications_with_unique_name("made-by-sdk").delete()
        with pytest.raises(ODataError) as gone:
            await client.applications.by_application_id(made.id).get()
        assert gone.value.response_status_code == 404
        assert gone.value.error.code == "Request_ResourceNotFound"
        assert gone.value.error.inner_error.request_id

    tell_as_registrar(emulator, story)


def test_a_list_is_paged(emulator: EmulatorProcess, graph: Graph) -> None:
    for number in range(5):
        graph.application(displayName=f"Page {number}")

    async def story(client: GraphServiceClient) -> None:
        query = ApplicationsRequestBuilder.ApplicationsRequestBuilderGetQueryParameters(
            filter="startswith(displayName,'Page')", top=2, select=["id", "displayName"], count=True
        )
        configuration = RequestConfiguration(query_parameters=query)
        configuration.headers.add("ConsistencyLevel", "eventual")
        page = await client.applications.get(configuration)
        names = [application.display_name for application in page.value]
        assert (page.odata_count, len(names)) == (5, 2)
        while page.odata_next_link:
            more = RequestConfiguration()
            more.headers.add("ConsistencyLevel", "eventual")
            page = await client.applications.with_url(page.odata_next_link).get(more)
            names += [application.display_name for application in page.value]
        assert names == [f"Page {number}" for number in range(5)]

    tell_as_registrar(emulator, story)


def test_a_secret_a_certificate_and_a_federated_credential(emulator: EmulatorProcess, caller: Caller) -> None:
    pem = Path(emulator.connection["certificate_path"]).read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    token = Path(emulator.connection["federated_token_file"]).read_text()

    async def story(client: GraphServiceClient) -> None:
        made = await _made(client, emulator)
        mine = client.applications.by_application_id(made.id)
        secret = await mine.add_password.post(
            AddPasswordPostRequestBody(password_credential=PasswordCredential(display_name="sdk"))
        )
        emulator.control("POST", f"tenants/contoso.example/consent?client_id={made.app_id}")
        answer = caller.ask_token(client_id=made.app_id, client_secret=secret.secret_text)
        assert claims_of(answer.json()["access_token"])["appid"] == made.app_id
        await mine.remove_password.post(RemovePasswordPostRequestBody(key_id=secret.key_id))
        answer = caller.ask_token(client_id=made.app_id, client_secret=secret.secret_text)
        assert answer.json()["error_codes"] == [7000215]

        key = KeyCredential(type="AsymmetricX509Cert", usage="Verify", key=der)
        await mine.patch(Application(key_credentials=[key]))
        [shown] = (await mine.get()).key_credentials
        assert (shown.key, shown.display_name) == (None, "CN=Northwind SOC")

        federated = await mine.federated_identity_credentials.post(
            FederatedIdentityCredential(
                name="sdk",
                issuer=emulator.connection["federated_issuer"],
                subject=emulator.connection["federated_subject"],
                audiences=[emulator.connection["federated_audience"]],
            )
        )
        one = mine.federated_identity_credentials.by_federated_identity_credential_id(federated.id)
        await one.patch(FederatedIdentityCredential(description="changed"))
        assert (await one.get()).description == "changed"
        answer = caller.ask_token(
            client_id=made.app_id,
            client_secret=None,
            client_assertion=token,
            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )
        assert answer.status_code == 200, answer.text
        await one.delete()
        assert (await mine.federated_identity_credentials.get()).value == []

    tell_as_registrar(emulator, story)


def test_a_service_principal_and_its_assignment(emulator: EmulatorProcess) -> None:
    async def story(client: GraphServiceClient) -> None:
        made = await _made(client, emulator)
        principal = await client.service_principals.post(ServicePrincipal(app_id=made.app_id))
        xdr = await client.service_principals_with_app_id(XDR_APP_ID).get()
        [role] = [role for role in xdr.app_roles if role.value == "Incident.Read.All"]
        assert (role.id, role.allowed_member_types) == (UUID(READ_INCIDENTS), ["Application"])
        assigned = client.service_principals.by_service_principal_id(xdr.id).app_role_assigned_to
        wanted = AppRoleAssignment(principal_id=UUID(principal.id), resource_id=UUID(xdr.id), app_role_id=role.id)
        made_assignment = await assigned.post(wanted)
        with pytest.raises(ODataError) as twice:
            await assigned.post(wanted)
        assert twice.value.error.message == "Permission being assigned already exists on the object"
        of_client = client.service_principals.by_service_principal_id(principal.id).app_role_assignments
        [found] = (await of_client.get()).value
        assert (found.id, found.principal_display_name) == (made_assignment.id, "Made by the SDK")
        await assigned.by_app_role_assignment_id(found.id).delete()
        assert (await of_client.get()).value == []
        with pytest.raises(ODataError) as denied:
            await client.organization.get()
        assert (denied.value.response_status_code, denied.value.error.code) == (403, "Authorization_RequestDenied")

    tell_as_registrar(emulator, story)
