# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's own client of Microsoft Graph reads a partner's customers here as it does there."""

from __future__ import annotations

from datetime import datetime, timezone
from uuid import UUID

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.models.delegated_admin_relationship_status import DelegatedAdminRelationshipStatus
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.tenant_relationships.delegated_admin_relationships import (
    delegated_admin_relationships_request_builder as relationships,
)
from support.emulator import EmulatorProcess

from .conftest import Graph
from .sdk_client import tell_as_registrar

# The SDK's own modules use what the SDK deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning")


def test_a_partner_reads_its_customers(emulator: EmulatorProcess, graph: Graph) -> None:
    graph.may("DelegatedAdminRelationship.Read.All", "Directory.Read.All", "CrossTenantInformation.ReadBasic.All")
    emulator.control("POST", "partner-all")
    contoso = emulator.tenant_id("contoso")

    async def story(client: GraphServiceClient) -> None:
        of_partner = client.tenant_relationships
        customers = await of_partner.delegated_admin_customers.get()
        assert customers.value[0].tenant_id == contoso
        builder = relationships.DelegatedAdminRelationshipsRequestBuilder
        query = builder.DelegatedAdminRelationshipsRequestBuilderGetQueryParameters(
            filter=f"status eq 'active' and customer/tenantId eq '{contoso}'", top=300
        )
        [active] = (
            await of_partner.delegated_admin_relationships.get(RequestConfiguration(query_parameters=query))
        ).value
        assert (active.status, active.customer.display_name) == (DelegatedAdminRelationshipStatus.Active, "Contoso")
        assert (active.duration.days, active.end_date_time > datetime.now(timezone.utc)) == (730, True)
        contracts = await client.contracts.get()
        assert contracts.value[0].default_domain_name == "contoso.example"
        assert contracts.value[0].customer_id == UUID(contoso)
        found = await of_partner.find_tenant_information_by_domain_name_with_domain_name("contoso.example").get()
        assert (found.tenant_id, found.default_domain_name) == (contoso, "contoso.example")
        with pytest.raises(ODataError) as nowhere:
            await of_partner.find_tenant_information_by_tenant_id_with_tenant_id(str(UUID(int=7))).get()
        assert (nowhere.value.response_status_code, nowhere.value.error.code) == (404, "Directory_ObjectNotFound")

    tell_as_registrar(emulator, story)
