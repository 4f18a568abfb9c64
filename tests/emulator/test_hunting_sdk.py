# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's own client of Microsoft Graph hunts here as it does there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.security.microsoft_graph_security_run_hunting_query import (
    run_hunting_query_post_request_body as hunting,
)
from support.emulator import EmulatorProcess

from .sdk_client import tell_as_application

# The SDK's own modules use what the SDK deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning")


def test_a_hunt(emulator: EmulatorProcess, consented: Callable[..., None]) -> None:
    consented("contoso", "ThreatHunting.Read.All")

    async def story(client: GraphServiceClient) -> None:
        hunt = client.security.microsoft_graph_security_run_hunting_query
        body = hunting.RunHuntingQueryPostRequestBody(
            query="DeviceInfo | project Timestamp, DeviceName | take 2", timespan="P30D"
        )
        found = await hunt.post(body)
        assert found is not None
        assert [(column.name, column.type) for column in found.schema or []] == [
            ("Timestamp", "DateTime"),
            ("DeviceName", "String"),
        ]
        rows = [row.additional_data for row in found.results or []]
        assert [(type(row["Timestamp"]), type(row["DeviceName"])) for row in rows] == [(datetime, str)] * 2
        with pytest.raises(ODataError) as refused:
            await hunt.post(hunting.RunHuntingQueryPostRequestBody(query="DeviceInfo | takee 2"))
        error = refused.value.error
        assert error is not None
        assert (error.code, refused.value.response_status_code) == ("BadRequest", 400)
        assert str(error.message).startswith("Query could not be parsed at 'takee' on line [1,14]")

    tell_as_application(emulator, story)
