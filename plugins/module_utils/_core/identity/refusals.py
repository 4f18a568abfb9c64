# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Microsoft's refusals mean, and who must do what: AADSTS codes of the token endpoint, HTTP errors of the APIs.

Sources: learn.microsoft.com, "Microsoft Entra authentication and authorization error codes" and "Common Microsoft
Defender XDR REST API error codes". Numbers and texts may change, so an unknown code falls back to the OAuth `error`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import errors
from ..errors import Reason

_CONSENT = "open the consent link and accept it"
_CHECK_TENANT = "correct the tenant id, or the cloud it belongs to"

_TOKEN_REFUSALS: dict[int, tuple[str, str, str]] = {
    7000229: (errors.NOT_CONSENTED, "the application has no service principal in this tenant", _CONSENT),
    700016: (errors.NOT_CONSENTED, "the application was not found in this tenant", f"{_CONSENT}; check client_id too"),
    65001: (errors.NOT_CONSENTED, "nobody has consented to the application", _CONSENT),
    65004: (errors.NOT_CONSENTED, "the consent was declined", _CONSENT),
    90094: (errors.NOT_CONSENTED, "an administrator's consent is required", _CONSENT),
    500011: (
        errors.NO_SERVICE,
        "the API has no service principal in this tenant",
        "license or open Microsoft Defender XDR",
    ),
    500014: (
        errors.NO_SERVICE,
        "the API's service principal is disabled",
        "enable Microsoft Defender XDR for the tenant",
    ),
    650052: (
        errors.NO_SERVICE,
        "the organisation has not subscribed to the API",
        "license or open Microsoft Defender XDR",
    ),
    7000215: (errors.BAD_CREDENTIAL, "the client secret is wrong", "give the secret's value, not its id"),
    7000222: (errors.BAD_CREDENTIAL, "the client secret has expired", "add a new secret to the registration"),
    7000218: (
        errors.BAD_CREDENTIAL,
        "the request carried no credential",
        "give a secret, certificate or federated token",
    ),
    700027: (
        errors.BAD_CREDENTIAL,
        "the certificate is not one the application knows",
        "upload it to the registration",
    ),
    700030: (errors.BAD_CREDENTIAL, "the certificate's subject is not authorised", "upload the right certificate"),
    70021: (errors.BAD_CREDENTIAL, "no federated credential matches the token", "compare issuer, subject and audience"),
    700211: (
        errors.BAD_CREDENTIAL,
        "no federated credential has the token's issuer",
        "compare the issuer, case and all",
    ),
    700212: (
        errors.BAD_CREDENTIAL,
        "no federated credential has the token's audience",
        "compare the audience, case and all",
    ),
    700213: (
        errors.BAD_CREDENTIAL,
        "no federated credential has the token's subject",
        "compare the subject, case and all",
    ),
    700024: (
        errors.BAD_CREDENTIAL,
        "the assertion is outside its validity",
        "correct this machine's clock or the token file",
    ),
    90002: (errors.UNKNOWN_TENANT, "there is no such tenant in this cloud", _CHECK_TENANT),
    900021: (errors.UNKNOWN_TENANT, "the tenant id is not valid", _CHECK_TENANT),
    900023: (errors.UNKNOWN_TENANT, "the tenant id is malformed", _CHECK_TENANT),
    900382: (errors.UNKNOWN_TENANT, "the tenant lies in another cloud", "use that cloud and its own registration"),
    90038: (errors.UNKNOWN_TENANT, "the tenant lies in another cloud", "use that cloud and its own registration"),
    53003: (errors.BLOCKED, "Conditional Access blocks the application", "exclude the application from the policy"),
    530032: (errors.BLOCKED, "a security policy of the tenant blocks the application", "allow the application"),
    7000112: (errors.BLOCKED, "the application is disabled in this tenant", "enable its enterprise application"),
    650059: (errors.ERROR, "the application is registered as single-tenant", "set its audience to AzureADMultipleOrgs"),
    1002012: (errors.ERROR, "the scope is not a resource followed by /.default", "correct `resource`"),
    70011: (errors.ERROR, "the scope is not valid", "correct `resource`"),
    50196: (errors.ERROR, "the same request came too often", "share tokens between tasks and wait five minutes"),
}

_BY_OAUTH_ERROR: dict[str, tuple[str, str, str]] = {
    "invalid_client": (errors.BAD_CREDENTIAL, "the credential was refused", "check the application's credential"),
    "invalid_resource": (errors.NO_SERVICE, "the API is not available in this tenant", "license or open the service"),
    "invalid_tenant": (errors.UNKNOWN_TENANT, "there is no such tenant in this cloud", _CHECK_TENANT),
    "unauthorized_client": (errors.NOT_CONSENTED, "the application may not ask for tokens in this tenant", _CONSENT),
    "consent_required": (errors.NOT_CONSENTED, "consent is required", _CONSENT),
    "interaction_required": (errors.BLOCKED, "a policy of the tenant demands interaction", "exempt the application"),
}

TRANSIENT_CODES = frozenset({90006, 90012, 90024, 90033, 90055, 90090, 50033})
_TRANSIENT_ERRORS = frozenset({"temporarily_unavailable", "server_error"})
_LEADING_CODE = re.compile(r"AADSTS(\d{4,9})")
_LONGEST_MESSAGE = 300
_OWNED_BY = ".OwnedBy"
_PLAIN_IDENTIFIER = re.compile(r"^[0-9A-Za-z-]{1,64}$")


def is_transient(reply: Mapping[str, Any]) -> bool:
    """Tell whether a refused token request is worth repeating: Microsoft's own fault, not the caller's."""
    return bool(TRANSIENT_CODES & set(_codes(reply))) or _identifier(reply.get("error")) in _TRANSIENT_ERRORS


def of_token_endpoint(reply: Mapping[str, Any]) -> Reason:
    """Return the reason for an OAuth error body (`error`, `error_description`, `error_codes`, the two ids).

    The description itself is never repeated: it can quote what was sent.
    """
    codes = _codes(reply)
    oauth_error = _identifier(reply.get("error")) or "an unnamed error"
    known = next((_TOKEN_REFUSALS[code] for code in codes if code in _TOKEN_REFUSALS), None)
    state, meaning, remedy = (
        known
        or _BY_OAUTH_ERROR.get(oauth_error)
        or (errors.ERROR, f"the token endpoint answered {oauth_error}", "look the code up, then report it with the ids")
    )
    return Reason(
        state=state,
        meaning=meaning,
        remedy=remedy,
        code=f"AADSTS{codes[0]}" if codes else oauth_error,
        correlation_id=_identifier(reply.get("correlation_id")),
        trace_id=_identifier(reply.get("trace_id")),
    )


def of_api(status: int, body: Any, roles: list[str] | None, required: list[str]) -> Reason:
    """Return the reason for an API's refusal.

    `body` is the decoded reply (`{"error": {"code", "message", "target"}}` or anything else), `roles` what the token
    carried (None where it cannot be read), `required` what the call needs.
    """
    error = error_of(body)
    inner = error.get("innerError")
    inner = inner if isinstance(inner, dict) else {}
    code = _identifier(error.get("code")) or str(status)
    trace = _identifier(error.get("target")) or _identifier(inner.get("request-id"))
    if status == 400:
        # whole: it may be about a filter or a query of many lines
        said = " ".join(str(error.get("message") or "HTTP 400, without a word why").split()).rstrip(".")
        meaning = f"the API refused the request: {said}"
        return Reason(errors.ERROR, meaning, "correct what it names", code=code, trace_id=trace)
    state, meaning, remedy = _api_meaning(status, roles, required)
    return Reason(state=state, meaning=meaning, remedy=remedy, code=code, trace_id=trace)


def of_directory(status: int, body: Any, call: str, role: str, caller: str) -> Reason:
    """Return the reason for a refusal of Microsoft Graph's directory.

    `call` says what was asked ("add a secret"), `role` is the application permission it needs at least, `caller` the
    client id that asked. Microsoft's own sentence is passed on: it quotes what was sent, which holds no secret.
    """
    error = error_of(body)
    inner = error.get("innerError")
    code = _identifier(error.get("code")) or str(status)
    trace = _identifier(inner.get("request-id")) if isinstance(inner, dict) else None
    if status == 403:
        meaning = f"Microsoft Graph refused to {call}: the caller {caller} lacks the right"
        remedy = f"grant {role} (application permission of Microsoft Graph) to {caller} in this tenant"
        if role.endswith(_OWNED_BY):
            remedy += f", and make {caller} an owner of the application, or grant it {role.replace(_OWNED_BY, '.All')}"
        return Reason(errors.ERROR, meaning, remedy, code=code, trace_id=trace)
    if status == 401:
        meaning, remedy = f"Microsoft Graph refused the token when asked to {call}", "check graph_url and the cloud"
        return Reason(errors.ERROR, meaning, remedy, code=code, trace_id=trace)
    said = " ".join(str(error.get("message") or f"HTTP {status}").split())[:_LONGEST_MESSAGE].rstrip(".")
    meaning = f"Microsoft Graph refused to {call}: {said}"
    return Reason(errors.ERROR, meaning, "correct what it names", code=code, trace_id=trace)


def error_of(body: Any) -> dict[str, Any]:
    """Return the `error` object of a Graph or Defender reply, empty where there is none."""
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _api_meaning(status: int, roles: list[str] | None, required: list[str]) -> tuple[str, str, str]:
    needed = " or ".join(required) or "another permission"
    if status == 401:
        return errors.ERROR, "the API refused a fresh token", "check that xdr_url or graph_url and the cloud match"
    if status == 403 and roles is not None and not set(roles) & set(required):
        return errors.PARTIAL, f"the API demands {needed}, which the token lacks", f"consent again, to {needed}"
    if status == 403:
        return (
            errors.NO_SERVICE,
            "the API refused a token that carries the right role",
            "check the tenant's Defender XDR licence and that the service has been opened once",
        )
    if status == 404:
        return errors.ERROR, "the API knows no such record or endpoint", "check the id, the URL and the cloud"
    return (
        errors.ERROR,
        f"the API answered HTTP {status}",
        "check the filter, then report it with the trace id",
    )


def _codes(reply: Mapping[str, Any]) -> list[int]:
    codes = reply.get("error_codes")
    listed = [code for code in codes if isinstance(code, int)] if isinstance(codes, list) else []
    named = _LEADING_CODE.match(str(reply.get("error_description") or ""))
    return listed or ([int(named[1])] if named else [])


def _identifier(value: Any) -> str | None:
    """Pass on a service's identifier only if it is one: free text in its place could quote a secret."""
    text = str(value) if value is not None else ""
    return text if _PLAIN_IDENTIFIER.match(text.replace("_", "-")) else None
