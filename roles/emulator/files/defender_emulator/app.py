# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which path is answered by what: authority, Graph, XDR API and control share one host."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from defender_emulator.control.api import CONTROL_ROUTES
from defender_emulator.control.interference import Interference
from defender_emulator.defender import graph_alerts, graph_incidents, hunting, xdr
from defender_emulator.entra import consent_endpoints, device_endpoints, discovery, token_endpoint
from defender_emulator.graph_directory.routes import DIRECTORY_ROUTES
from defender_emulator.graph_paths import OneGraphPath
from defender_emulator.unserved import HANDLERS
from defender_emulator.world import World

_AUTHORITY = [
    Route("/common/discovery/instance", discovery.instance),
    Route("/{tenant}/.well-known/openid-configuration", discovery.metadata_v1),
    Route("/{tenant}/v2.0/.well-known/openid-configuration", discovery.metadata_v2),
    Route("/{tenant}/discovery/keys", discovery.keys_v1),
    Route("/{tenant}/discovery/v2.0/keys", discovery.keys_v2),
    Route("/{tenant}/oauth2/token", token_endpoint.token_v1, methods=["GET", "POST"]),
    Route("/{tenant}/oauth2/v2.0/token", token_endpoint.token_v2, methods=["GET", "POST"]),
    Route("/{tenant}/oauth2/v2.0/devicecode", device_endpoints.device_code, methods=["POST"]),
    Route("/devicelogin", device_endpoints.device_login, methods=["GET", "POST"]),
    Route("/{tenant}/adminconsent", consent_endpoints.admin_consent_v1, methods=["GET", "POST"]),
    Route("/{tenant}/v2.0/adminconsent", consent_endpoints.admin_consent_v2, methods=["GET", "POST"]),
    Route("/{tenant}/oauth2/authorize", consent_endpoints.authorize, methods=["GET", "POST"]),
    Route("/{tenant}/oauth2/v2.0/authorize", consent_endpoints.authorize, methods=["GET", "POST"]),
    Route("/consent-result", consent_endpoints.result),
]
_XDR = [
    Route("/api/incidents", xdr.list_incidents),
    Route("/api/incidents/{incident_id}", xdr.get_incident),
    Route("/api/incidents/{incident_id}", xdr.update_incident, methods=["PATCH"]),
]
_HUNTING = [
    Route("/api/advancedhunting/run", hunting.run_xdr, methods=["POST"]),
    Route("/v1.0/security/runHuntingQuery", hunting.run_graph, methods=["POST"]),
    # Microsoft's SDKs write the action with its namespace.
    Route("/v1.0/security/microsoft.graph.security.runHuntingQuery", hunting.run_graph, methods=["POST"]),
]
_GRAPH = [
    Route("/v1.0/security/incidents", graph_incidents.list_incidents),
    Route("/v1.0/security/incidents/{incident_id}", graph_incidents.get_incident),
    Route("/v1.0/security/incidents/{incident_id}", graph_incidents.update_incident, methods=["PATCH"]),
    Route("/v1.0/security/incidents/{incident_id}/alerts", graph_alerts.list_alerts_of_incident),
    Route("/v1.0/security/incidents/{incident_id}/comments", graph_incidents.add_comment, methods=["POST"]),
    Route("/v1.0/security/alerts_v2", graph_alerts.list_alerts),
    Route("/v1.0/security/alerts_v2/{alert_id}", graph_alerts.get_alert),
    Route("/v1.0/security/alerts_v2/{alert_id}", graph_alerts.update_alert, methods=["PATCH"]),
    Route("/v1.0/security/alerts_v2/{alert_id}/comments", graph_alerts.add_comment, methods=["POST"]),
]


# Fixed paths first: an authority path starts with any tenant.
ROUTES = [*CONTROL_ROUTES, *_XDR, *_GRAPH, *_HUNTING, *DIRECTORY_ROUTES, *_AUTHORITY]


def make_app(world: World) -> Starlette:
    """The whole emulator as one ASGI application."""
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(OneGraphPath), Middleware(Interference, routes=ROUTES)],
        exception_handlers=HANDLERS,
    )
    # A path with a slash too many is not served, rather than led elsewhere.
    app.router.redirect_slashes = False
    app.state.world = world
    return app
