# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's own client of Microsoft Graph reads and changes incidents and alerts here as it does there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.security.alert import Alert
from msgraph.generated.models.security.alert_classification import AlertClassification
from msgraph.generated.models.security.alert_determination import AlertDetermination
from msgraph.generated.models.security.alert_evidence import AlertEvidence
from msgraph.generated.models.security.alert_status import AlertStatus
from msgraph.generated.models.security.incident import Incident
from msgraph.generated.models.security.incident_status import IncidentStatus
from msgraph.generated.security.alerts_v2.alerts_v2_request_builder import Alerts_v2RequestBuilder
from msgraph.generated.security.incidents.incidents_request_builder import IncidentsRequestBuilder
from support.emulator import EmulatorProcess

from .sdk_client import tell_as_application

# The SDK's own modules use what the SDK deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning")


@pytest.fixture(autouse=True)
def _granted(consented: Callable[..., None]) -> None:
    consented("contoso", "SecurityIncident.ReadWrite.All", "SecurityAlert.ReadWrite.All")


def test_incidents_are_read_to_the_last_and_one_is_changed(emulator: EmulatorProcess) -> None:
    emulator.control("PATCH", "tenants/contoso.example", {"incident_count": 70})

    async def story(client: GraphServiceClient) -> None:
        query = IncidentsRequestBuilder.IncidentsRequestBuilderGetQueryParameters(
            top=50, count=True, expand=["alerts"], orderby=["lastUpdateDateTime desc"]
        )
        page = await client.security.incidents.get(RequestConfiguration(query_parameters=query))
        incidents = list(page.value)
        assert (page.odata_count, len(incidents)) == (70, 50)
        while page.odata_next_link:
            page = await client.security.incidents.with_url(page.odata_next_link).get()
            incidents += page.value
        assert len({incident.id for incident in incidents}) == 70
        times = [incident.last_update_date_time for incident in incidents]
        assert times == sorted(times, reverse=True)
        for incident in incidents:
            assert incident.classification is not None
            assert incident.determination is not None
            assert incident.status is not None
            for alert in incident.alerts:
                assert None not in (alert.status, alert.severity, alert.service_source, alert.detection_source)
                # Each piece of evidence is of a class that the SDK knows.
                assert AlertEvidence not in map(type, alert.evidence)

        one = next(incident for incident in incidents if incident.status is IncidentStatus.Active)
        mine = client.security.incidents.by_incident_id(one.id)
        changed = await mine.patch(
            Incident(
                status=IncidentStatus.Resolved,
                assigned_to="ada@northwind.example",
                classification=AlertClassification.FalsePositive,
                determination=AlertDetermination.NotEnoughDataToValidate,
                custom_tags=["One"],
            )
        )
        for read in (changed, await mine.get()):
            assert (read.status, read.classification) == (IncidentStatus.Resolved, AlertClassification.FalsePositive)
            assert read.determination is AlertDetermination.NotEnoughDataToValidate
            assert (read.assigned_to, read.custom_tags) == ("ada@northwind.example", ["One"])
            assert read.last_update_date_time > one.last_update_date_time
        with pytest.raises(ODataError) as refused:
            await mine.patch(Incident(determination=AlertDetermination.Malware))
        assert refused.value.response_status_code == 400
        assert "does not go with the classification 'falsePositive'" in refused.value.error.message

    tell_as_application(emulator, story)


def test_alerts_are_read_and_one_is_changed(emulator: EmulatorProcess) -> None:
    async def story(client: GraphServiceClient) -> None:
        query = Alerts_v2RequestBuilder.Alerts_v2RequestBuilderGetQueryParameters(top=3, filter="status eq 'new'")
        page = await client.security.alerts_v2.get(RequestConfiguration(query_parameters=query))
        assert len(page.value) == 3
        following = await client.security.alerts_v2.with_url(page.odata_next_link).get()
        assert not {alert.id for alert in page.value} & {alert.id for alert in following.value}
        [one, *_others] = page.value
        assert one.evidence
        mine = client.security.alerts_v2.by_alert_id(one.id)
        changed = await mine.patch(
            Alert(
                status=AlertStatus.Resolved,
                classification=AlertClassification.TruePositive,
                determination=AlertDetermination.CompromisedAccount,
            )
        )
        for read in (changed, await mine.get()):
            assert (read.status, read.determination) == (AlertStatus.Resolved, AlertDetermination.CompromisedAccount)
            age = datetime.now(timezone.utc) - read.resolved_date_time
            assert abs(age.total_seconds()) < 60
        with pytest.raises(ODataError) as refused:
            await client.security.alerts_v2.get(
                RequestConfiguration(
                    query_parameters=Alerts_v2RequestBuilder.Alerts_v2RequestBuilderGetQueryParameters(top=1001)
                )
            )
        assert (refused.value.response_status_code, refused.value.error.code) == (400, "")

    tell_as_application(emulator, story)
