# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Microsoft's refusals mean, and who must do what: of the token endpoint, and of the APIs.

An answer that is not Microsoft's does not come this far: see `between`. Sources: learn.microsoft.com, "Microsoft Entra
authentication and authorization error codes" and "Common Microsoft Defender XDR REST API error codes".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from .. import errors
from ..errors import Reason
from . import aadsts, policy_refusals

_CODE = re.compile(r"(?:AADSTS[\s:]{0,3}|[?&]code=)([0-9]{4,9})(?![0-9])", re.IGNORECASE)
_LONGEST_MESSAGE = 300
# what a 403 says of its cause, in its code and message: phrases, for a word alone stands in sentences of any meaning
_REFUSED_ACCESS = (
    (
        re.compile("audience|InvalidAuthenticationToken|geo-?location|other region", re.IGNORECASE),
        errors.ERROR,
        "check xdr_url or graph_url, and the cloud",
    ),
    (
        re.compile("missing application roles|insufficient privileges|required application permission", re.IGNORECASE),
        errors.PARTIAL,
        "consent again, to {needed}",
    ),
    (
        re.compile("DisabledFeature|feature is not enabled", re.IGNORECASE),
        errors.NO_SERVICE,
        "enable the feature in the tenant's Defender settings",
    ),
    (
        re.compile(r"valid roles|valid permissions|\brbac\b", re.IGNORECASE),
        errors.BLOCKED,
        "give the application access in the roles of Microsoft Defender (Permissions, Roles)",
    ),
    (
        re.compile(
            r"conditional access|\b(IP|network|named|trusted|this|your) (address )?location|location policy"
            r"|\b(by|violates|against)\b[^.;]{0,40}\bpolic(y|ies)\b",
            re.IGNORECASE,
        ),
        errors.BLOCKED,
        "exempt the application from the policy of the tenant",
    ),
    (
        re.compile(
            r"\bnot (been )?(provisioned|onboarded|licen[cs]ed|subscribed)"
            r"|\b(no|not|without|lacks?|missing|requires?|needs?|invalid|expired)\b[^.;]{0,40}"
            r"\b(licen[cs]es?|subscriptions?)\b"
            r"|\b(licen[cs]e|subscription)s?\b[^.;]{0,40}\b(not|required|needed|missing|expired|invalid)\b",
            re.IGNORECASE,
        ),
        errors.NO_SERVICE,
        "license Microsoft Defender XDR for the tenant, and open security.microsoft.com there once",
    ),
)
_OTHER_STATUSES = {
    401: ("the API refused a fresh token", "check that xdr_url or graph_url and the cloud match"),
    404: ("the API knows no such record or endpoint", "check the id, the URL and the cloud"),
}
_OWNED_BY = ".OwnedBy"
# Source: learn.microsoft.com, "Application.ReadWrite.All" and "Grant tenant-wide admin consent to an application"
_SIGN_IN_AS = (
    "sign in as an administrator who may: Global Administrator, or both Application Administrator and Privileged Role "
    "Administrator, activated where the role is eligible only"
)
# how Microsoft Graph was seen to refuse a permission that is missing, with an empty message
_UNKNOWN_ERROR = "UnknownError"
_LACKS_RIGHT = ("Authorization_RequestDenied", "AccessDenied", "accessDenied", _UNKNOWN_ERROR)
_PLAIN_IDENTIFIER = re.compile(r"^[0-9A-Za-z-]{1,64}$")


def is_transient(reply: Mapping[str, object]) -> bool:
    """Tell whether the same token request may succeed a moment later."""
    code, known = _deciding(_codes(reply))
    return code in aadsts.PASSING if known else _identifier(reply.get("error")) in aadsts.PASSING_ERRORS


def of_token_endpoint(reply: Mapping[str, object]) -> Reason:
    """Return the reason for an OAuth error body (`error`, `error_description`, `error_codes`, the two ids).

    The description itself is never repeated: it can quote what was sent. A code that is not in the table falls back to
    the OAuth `error`, for Microsoft adds codes.
    """
    oauth_error = _identifier(reply.get("error")) or "an unnamed error"
    code, known = _deciding(_codes(reply))
    unknown = Reason(
        errors.ERROR, f"the token endpoint answered {oauth_error}", "look the code up, then report it with the ids"
    )
    return replace(
        known or aadsts.BY_OAUTH_ERROR.get(oauth_error) or unknown,
        code=f"AADSTS{code}" if code else oauth_error,
        correlation_id=_identifier(reply.get("correlation_id")),
        trace_id=_identifier(reply.get("trace_id")),
    )


def of_api(status: int, body: object, roles: list[str] | None, required: list[str]) -> Reason:
    """Return the reason for an API's refusal.

    `body` is the decoded reply (`{"error": {"code", "message", "target"}}` or anything else), `roles` what the token
    carried (None where it cannot be read), `required` what the call needs. Microsoft's own sentence is passed on.
    """
    error = error_of(body)
    inner = error.get("innerError")
    inner = inner if isinstance(inner, dict) else {}
    code = _identifier(error.get("code")) or str(status)
    trace = _identifier(error.get("target")) or _identifier(inner.get("request-id"))
    if status == 400:
        # whole: it may be about a filter or a query of many lines
        said = " ".join((_message(error) or "HTTP 400, without a word why").split()).rstrip(".")
        meaning = f"the API refused the request: {said}"
        return Reason(errors.ERROR, meaning, "correct what it names", code=code, trace_id=trace)
    said = _said(error)
    if status == 403:
        return replace(_forbidden(code, said, roles, required), code=code, trace_id=trace)
    meaning, remedy = _OTHER_STATUSES.get(status, (f"the API answered HTTP {status}", "correct what it names"))
    return Reason(errors.ERROR, f"{meaning}: {said}" if said else meaning, remedy, code=code, trace_id=trace)


def of_directory(status: int, body: object, call: str, role: str, caller: str, *, is_signed_in: bool = False) -> Reason:
    """Return the reason for a refusal of Microsoft Graph's directory.

    `call` says what was asked ("add a secret"), `role` is the application permission it needs at least, `caller` the
    client id that asked, or how somebody is signed in. Microsoft's own sentence is passed on: it quotes what was sent,
    which holds no secret.
    """
    error = error_of(body)
    inner = error.get("innerError")
    code = _identifier(error.get("code")) or str(status)
    trace = _identifier(inner.get("request-id")) if isinstance(inner, dict) else None
    said = _said(error)
    if status == 403 and (not said or code in _LACKS_RIGHT):
        meaning = f"Microsoft Graph refused to {call}: the caller {caller} lacks the right"
        if is_signed_in:
            return Reason(errors.ERROR, meaning, _SIGN_IN_AS, code=code, trace_id=trace)
        remedy = f"grant {role} (application permission of Microsoft Graph) to {caller} in this tenant"
        if role.endswith(_OWNED_BY):
            remedy += f", and make {caller} an owner of the application, or grant it {role.replace(_OWNED_BY, '.All')}"
        return Reason(errors.ERROR, meaning, remedy, code=code, trace_id=trace)
    if status == 401:
        meaning, remedy = f"Microsoft Graph refused the token when asked to {call}", "check graph_url and the cloud"
        return Reason(errors.ERROR, meaning, remedy, code=code, trace_id=trace)
    if named := policy_refusals.of(error):
        code, rule = named
        meaning = f"Microsoft Graph refused to {call}, because {rule.meaning}" + (f": {said}" if said else "")
        return Reason(errors.ERROR, meaning, rule.remedy, code=_identifier(code), trace_id=trace)
    meaning = f"Microsoft Graph refused to {call}: {said or f'HTTP {status}'}"
    return Reason(errors.ERROR, meaning, "correct what it names", code=code, trace_id=trace)


def error_of(body: object) -> dict[str, object]:
    """Return the `error` object of a Graph or Defender reply, empty where there is none."""
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _forbidden(code: str, said: str, roles: list[str] | None, required: list[str]) -> Reason:
    """Return what a 403 means, without code and ids: by the token's roles, then by what Microsoft says."""
    needed = " or ".join(required) or "another permission"
    consent = f"consent again, to {needed}"
    if roles is not None and not set(roles) & set(required):
        return Reason(errors.PARTIAL, f"the API demands {needed}, which the token lacks", consent)
    if not said and code == _UNKNOWN_ERROR:
        return Reason(errors.PARTIAL, "the API refused the token without a word why", consent)
    state, remedy = next(
        ((state, remedy) for words, state, remedy in _REFUSED_ACCESS if words.search(f"{code}: {said}")),
        (errors.ERROR, "read what it says, then report it with the trace id"),
    )
    return Reason(state, f"the API refused access: {said or 'without a word why'}", remedy.format(needed=needed))


def _said(error: Mapping[str, object]) -> str:
    """Return the service's own sentence as part of ours."""
    return " ".join(_message(error).split())[:_LONGEST_MESSAGE].rstrip(".")


def _message(error: Mapping[str, object]) -> str:
    message = error.get("message")
    return message if isinstance(message, str) else ""


def _codes(reply: Mapping[str, object]) -> list[int]:
    """Return the codes of a refusal, wherever it names them, in the service's own order."""
    named = [f"AADSTS{code}" for code in _leaves(reply.get("error_codes"))]
    texts = [*named, *(reply.get(member) for member in ("error_description", "error_uri"))]
    return [int(code) for text in texts if isinstance(text, str) for code in _CODE.findall(text)]


def _leaves(value: object) -> Iterator[str | int]:
    """Yield the texts and numbers in a value, however it is nested."""
    rest = [value]
    while rest:
        value = rest.pop()
        if isinstance(value, (list, dict)):
            rest.extend(reversed(list(value.values() if isinstance(value, dict) else value)))
        elif isinstance(value, (str, int)):
            yield value


def _deciding(codes: list[int]) -> tuple[int | None, Reason | None]:
    """Return the code that decides, and what it means: the first one that is in the table, or else the first."""
    known = next((code for code in codes if code in aadsts.BY_CODE), None)
    return (known, aadsts.BY_CODE[known]) if known else (next(iter(codes), None), None)


def _identifier(value: object) -> str | None:
    """Pass on a service's identifier only if it is one: free text in its place could quote a secret."""
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if _PLAIN_IDENTIFIER.match(text.replace("_", "-")) else None
