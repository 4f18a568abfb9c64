# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's own client of Microsoft Graph, set on the emulator."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import httpx
from azure.identity import ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph_core import GraphClientFactory
from support.emulator import EmulatorProcess

from .conftest import GRAPH_SCOPE

Story = Callable[[GraphServiceClient], Awaitable[None]]


def tell_as_registrar(emulator: EmulatorProcess, story: Story) -> None:
    """Run the story with a client that is signed in at home, as the registrar."""
    _tell(emulator, story, emulator.home_tenant_id, emulator.registrar_client_id, emulator.registrar_secret)


def tell_as_application(emulator: EmulatorProcess, story: Story, tenant: str = "contoso") -> None:
    """Run the story with a client that is signed in to a customer, as the sample application."""
    _tell(emulator, story, emulator.tenant_id(tenant), emulator.client_id, emulator.client_secret)


def _tell(emulator: EmulatorProcess, story: Story, tenant_id: str, client_id: str, secret: str) -> None:
    credential = ClientSecretCredential(
        tenant_id,
        client_id,
        secret,
        authority=emulator.url,
        disable_instance_discovery=True,
        connection_verify=emulator.ca_path,
    )

    async def run() -> None:
        context = ssl.create_default_context(cafile=emulator.ca_path)
        async with httpx.AsyncClient(verify=context, trust_env=False) as plain:
            client = GraphClientFactory.create_with_default_middleware(client=plain)
            provider = AzureIdentityAuthenticationProvider(
                credential, scopes=[GRAPH_SCOPE], allowed_hosts=["localhost"]
            )
            adapter = GraphRequestAdapter(provider, client)
            adapter.base_url = f"{emulator.url}/v1.0"
            await story(GraphServiceClient(request_adapter=adapter))

    asyncio.run(run())
