# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Entra ID says no: AADSTS codes with their OAuth error, HTTP status and sentence.

Source: learn.microsoft.com, reference-error-codes; status and fields as seen in public logs.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Kind:
    """What one AADSTS code answers with. ``text`` takes the refusal's values."""

    status: int
    error: str
    text: str
    has_help_page: bool = True
    suberror: str | None = None


_TRANSIENT = "The service is temporarily unavailable. Please retry the request."
_FEDERATION = (
    "Check your federated identity credential Subject, Audience and Issuer against the presented assertion. "
    "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
)

KINDS = {
    50011: Kind(
        400,
        "invalid_request",
        "The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs configured for "
        "the application '{client_id}'.",
    ),
    50020: Kind(
        400,
        "invalid_grant",
        "User account '{upn}' from identity provider does not exist in tenant '{tenant_name}' and cannot access the "
        "application '{app_name}' in that tenant. Sign out and sign in again with a different account.",
    ),
    50027: Kind(400, "invalid_request", "JWT token is invalid or malformed."),
    50033: Kind(503, "temporarily_unavailable", _TRANSIENT),
    50196: Kind(400, "invalid_grant", "The server terminated an operation because it met a client request loop."),
    50194: Kind(
        400,
        "invalid_request",
        "Application '{client_id}'({app_name}) is not configured as a multi-tenant application. Usage of the /common "
        "endpoint is not supported for such apps. Use a tenant-specific endpoint or configure the application to be "
        "multi-tenant.",
    ),
    53003: Kind(
        400,
        "invalid_grant",
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        suberror="message_only",
    ),
    65001: Kind(
        400,
        "invalid_grant",
        "The user or administrator has not consented to use the application with ID '{client_id}' named "
        "'{app_name}'. Send an interactive authorization request for this user and resource.",
        suberror="consent_required",
    ),
    65002: Kind(
        400,
        "invalid_grant",
        "Consent between first party application '{client_id}' and first party resource '{resource_id}' must be "
        "configured via preauthorization.",
    ),
    65004: Kind(400, "invalid_grant", "User declined to consent to access the app.", suberror="cancel"),
    70001: Kind(400, "unauthorized_client", "Application with identifier '{client_id}' is disabled or was not found."),
    70003: Kind(400, "unsupported_grant_type", "The app requested an unsupported grant type '{grant_type}'."),
    70011: Kind(
        400,
        "invalid_scope",
        "The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.",
    ),
    70016: Kind(
        400,
        "authorization_pending",
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    70018: Kind(400, "bad_verification_code", "The device code is not valid."),
    70020: Kind(
        400, "expired_token", "The provided value for the input parameter 'device_code' is not valid. It has expired."
    ),
    70021: Kind(
        400,
        "invalid_request",
        "No matching federated identity record found for presented assertion. Assertion Issuer: '{issuer}'. "
        "Assertion Subject: '{subject}'. Assertion Audience: '{audience}'.",
    ),
    90002: Kind(
        400,
        "invalid_request",
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant.",
    ),
    90006: Kind(503, "temporarily_unavailable", _TRANSIENT),
    90012: Kind(503, "temporarily_unavailable", "The request has timed out. Please retry."),
    90024: Kind(503, "temporarily_unavailable", _TRANSIENT),
    90033: Kind(503, "temporarily_unavailable", "A transient error has occurred. Please try again."),
    90055: Kind(429, "temporarily_unavailable", "The server is busy: too many requests from this tenant."),
    90090: Kind(503, "temporarily_unavailable", _TRANSIENT),
    500011: Kind(
        400,
        "invalid_resource",
        "The resource principal named {resource} was not found in the tenant named {tenant_name}. This can happen if "
        "the application has not been installed by the administrator of the tenant or consented to by any user in "
        "the tenant. You might have sent your authentication request to the wrong tenant.",
    ),
    500014: Kind(
        400,
        "invalid_resource",
        "The service principal for resource '{resource}' is disabled. This indicate that a subscription within the "
        "tenant has lapsed, or that the administrator for this tenant has disabled the application.",
    ),
    530036: Kind(
        400,
        "invalid_grant",
        "Refresh token is blocked by a policy on the authentication flow (device code flow).",
    ),
    650052: Kind(
        400,
        "invalid_client",
        "The app is trying to access a service '{resource_id}' ({resource_name}) that your organization "
        "'{tenant_id}' lacks a service principal for. Contact your IT Admin to review the configuration of your "
        "service subscriptions or consent to the application in order to create the required service principal.",
    ),
    650053: Kind(
        400,
        "invalid_resource",
        "The application '{app_name}' asked for permission '{permission}' that doesn't exist on the resource "
        "'{resource_id}'. Contact the app vendor.",
    ),
    650059: Kind(
        400,
        "invalid_request",
        "Application '{client_id}'({app_name}) is a single-tenant application: it cannot be used in the directory "
        "'{tenant_name}'.",
    ),
    700016: Kind(
        400,
        "unauthorized_client",
        "Application with identifier '{client_id}' was not found in the directory '{tenant_name}'. This can happen if "
        "the application has not been installed by the administrator of the tenant or consented to by any user in "
        "the tenant. You may have sent your authentication request to the wrong tenant.",
    ),
    700021: Kind(401, "invalid_client", "Client assertion application identifier doesn't match 'client_id' parameter."),
    700022: Kind(
        400, "invalid_scope", "The provided value for scope {scope} is not valid: it names more than one resource."
    ),
    700023: Kind(
        401,
        "invalid_client",
        "Client assertion audience claim '{audience}' does not match Realm issuer. Expected '{expected}'.",
    ),
    700024: Kind(
        401,
        "invalid_client",
        "Client assertion is not within its valid time range. Current time: {now}, expiry time of assertion {expiry}.",
    ),
    700027: Kind(
        401,
        "invalid_client",
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        "[Reason - {reason}, Thumbprint of key used by client: '{thumbprint}']",
    ),
    700054: Kind(
        400, "unsupported_response_type", "response_type '{response_type}' is not enabled for the application."
    ),
    700082: Kind(
        400,
        "invalid_grant",
        "The refresh token has expired due to inactivity.",
        suberror="bad_token",
    ),
    700211: Kind(
        401,
        "invalid_client",
        "No matching federated identity record found for presented assertion issuer '{issuer}'. " + _FEDERATION,
    ),
    700212: Kind(
        401,
        "invalid_client",
        "No matching federated identity record found for presented assertion audience '{audience}'. " + _FEDERATION,
    ),
    700213: Kind(
        401,
        "invalid_client",
        "No matching federated identity record found for presented assertion subject '{subject}'. " + _FEDERATION,
    ),
    7002138: Kind(
        401,
        "invalid_client",
        "The presented assertion differs from a federated identity record in upper and lower case. " + _FEDERATION,
    ),
    900023: Kind(
        400,
        "invalid_request",
        "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
    ),
    900144: Kind(400, "invalid_request", "The request body must contain the following parameter: '{parameter}'."),
    900382: Kind(400, "invalid_request", "Confidential Client is not supported in Cross Cloud request."),
    1002012: Kind(
        400,
        "invalid_scope",
        "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI).",
        has_help_page=False,
    ),
    7000112: Kind(400, "unauthorized_client", "Application '{client_id}'({app_name}) is disabled."),
    7000215: Kind(
        401,
        "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
        "the client secret ID, for a secret added to app '{client_id}'.",
    ),
    7000218: Kind(
        401,
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    7000222: Kind(
        401,
        "invalid_client",
        "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new keys "
        "for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: "
        "https://aka.ms/certCreds.",
    ),
    7000229: Kind(
        401,
        "invalid_client",
        "The client application {client_id} is missing service principal in the tenant {tenant_id}. See instructions "
        "here: https://go.microsoft.com/fwlink/?linkid=2225119",
    ),
    900561: Kind(
        400,
        "invalid_request",
        "The endpoint only accepts POST, OPTIONS requests. Received a {method} request.",
    ),
    9001023: Kind(
        400,
        "invalid_request",
        "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or "
        "tenant-specific endpoint.",
    ),
}


class Refusal(Exception):
    """One request refused with an AADSTS code, and ``error`` in place of its own. ``values`` fill its sentence."""

    def __init__(self, code: int, error: str | None = None, **values: str) -> None:
        self.code = code
        self.kind = KINDS[code] if error is None else replace(KINDS[code], error=error)
        self.sentence = f"AADSTS{code}: {self.kind.text.format_map(_Values(values))}"
        self.trace_id = str(uuid.uuid4())
        self.time = datetime.datetime.now(datetime.timezone.utc)
        super().__init__(self.sentence)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.kind.status

    def body(self, base_url: str, correlation_id: str, error: str | None = None) -> dict[str, object]:
        """The JSON a token or discovery endpoint answers; ``error`` replaces the code's own OAuth error."""
        timestamp = self.time.strftime("%Y-%m-%d %H:%M:%SZ")
        body: dict[str, object] = {
            "error": error or self.kind.error,
            "error_description": f"{self.sentence}\r\nTrace ID: {self.trace_id}\r\n"
            f"Correlation ID: {correlation_id}\r\nTimestamp: {timestamp}",
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": self.trace_id,
            "correlation_id": correlation_id,
        }
        if self.kind.has_help_page:
            body["error_uri"] = f"{base_url}/error?code={self.code}"
        if self.kind.suberror:
            body["suberror"] = self.kind.suberror
        return body


class _Values(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return ""
