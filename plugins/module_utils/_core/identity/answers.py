# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The redirect that comes back from a consent page: what it claims, and whether it is of the tenant it should be of.

Sources: learn.microsoft.com, "Admin consent on the Microsoft identity platform" and "Microsoft Entra authentication
and authorization error codes".
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from .. import errors
from ..clouds import GUID, check_client_id, check_tenant_id
from . import aadsts, refusals
from .consent import RETURNED, read_state

_ANOTHER_TENANT = "the state belongs to another tenant"

_DECLINED = "the administrator declined"
_OPEN_AGAIN = "open the link again, in a private window, as an administrator of the tenant that it was made for"
_PAGE_ERRORS = {
    "AADSTS65004": (_DECLINED, "ask why, and open the link again"),
    "AADSTS50020": ("the account that signed in belongs to another tenant", _OPEN_AGAIN),
    "AADSTS65001": ("the account that signed in may not consent for the tenant", _OPEN_AGAIN),
    **dict.fromkeys(
        ("AADSTS90094", "AADSTS90093", "AADSTS900941"),
        ("the account that signed in may not consent for the tenant", _OPEN_AGAIN),
    ),
    "AADSTS90095": ("the account that signed in could only ask an administrator to consent", _OPEN_AGAIN),
}
_GIVE_GUID = "give the customer's tenant GUID as tenant_id"


@dataclass(frozen=True)
class Redirect:
    """What the browser brought back. It can be forged: only a token for the tenant proves a consent.

    `consented` and `declined` are what the redirect claims, `tenant_id` the tenant it names. `declined` is the
    customer's decision alone; of any error `code`, `meaning`, `remedy` and `who` say what happened and who must act.
    `state_tenant_id` is the tenant that the link was made for, None where no key was given or `state_fault` says what
    is wrong with the state, or with a redirect that cannot be compared with it.
    """

    consented: bool = False
    declined: bool = False
    tenant_id: str | None = None
    error: str | None = None
    error_description: str | None = None
    code: str | None = None
    meaning: str | None = None
    remedy: str | None = None
    who: str | None = None
    state_tenant_id: str | None = None
    state_fault: str | None = None


def read_redirect(
    url: str, state_key: str | None = None, client_id: str | None = None, tenant_id: str | None = None
) -> Redirect:
    """Return what a redirect from the consent page says.

    `tenant_id` is the customer's GUID: a redirect names the tenant by it, so a state that was signed for a domain can
    be compared with nothing else. `error` counts first, because v2 errors still carry admin_consent=True.
    Raises OptionError for a key that could be guessed, and for a `tenant_id` or `client_id` that is none.
    """
    customer = check_tenant_id(tenant_id) if tenant_id and tenant_id.strip() else None
    client_id = check_client_id(client_id, "") if client_id and client_id.strip() else None
    given = parse_qsl(url.partition("#")[0].partition("?")[2], keep_blank_values=True)
    query = dict(given)
    repeated = next((name for name in RETURNED if sum(name == each for each, _value in given) > 1), None)
    if repeated:
        # which of the two counts, the next reader may see otherwise
        return Redirect(state_fault=f"the redirect has more than one {repeated}")
    bound_to, fault = None, None
    if state_key:
        try:
            bound_to = read_state(state_key, query.get("state", ""), client_id)
            fault = _tenant_fault(query, bound_to.lower(), customer)
        except ValueError as reason:
            fault = str(reason)
    code, meaning, remedy, who = _explain(query) if "error" in query else (None, None, None, None)
    return Redirect(
        consented="error" not in query and query.get("admin_consent", str("code" in query)).lower() == "true",
        declined=meaning == _DECLINED,
        tenant_id=query.get("tenant"),
        error=query.get("error"),
        error_description=query.get("error_description"),
        code=code,
        meaning=meaning,
        remedy=remedy,
        who=who,
        state_tenant_id=None if fault else bound_to,
        state_fault=fault,
    )


def _explain(query: dict[str, str]) -> tuple[str | None, str, str, str]:
    """Return the code, the meaning, the remedy and who acts, for a redirect with an `error`.

    The AADSTS code counts; v1 cancels without one, as access_denied with the subcode cancel, or permission_denied.
    """
    error = query["error"]
    reason = refusals.of_token_endpoint(query)
    code = reason.code if (reason.code or "").startswith("AADSTS") else None
    cancelled = query.get("error_subcode") == "cancel" or error == "permission_denied"
    if code is None and cancelled:
        return (None, *_PAGE_ERRORS["AADSTS65004"], errors.CUSTOMER_ADMIN)
    if code in _PAGE_ERRORS:
        return (code, *_PAGE_ERRORS[code], errors.CUSTOMER_ADMIN)
    if code is None and error not in aadsts.PASSING_ERRORS:
        return None, "the consent page reported an error without a code", _OPEN_AGAIN, errors.CUSTOMER_ADMIN
    return code, reason.meaning, reason.remedy, reason.acts


def _tenant_fault(query: dict[str, str], bound_to: str, customer: str | None) -> str | None:
    """Return why the redirect is not of the tenant that the state was signed for, or None where it is.

    An error comes back without the tenant, a consent never does, and it names the tenant by its GUID.
    """
    customers = {bound_to, customer or bound_to}
    guids = {each for each in customers if GUID.match(each)}
    if len(guids) == 2 or (len(customers) == 2 and not guids):
        return _ANOTHER_TENANT
    if customer and guids == {bound_to} != {customer}:
        return f"tenant_id is a domain, which cannot be compared with the tenant of the link: {_GIVE_GUID}"
    named = query.get("tenant", "").lower()
    if not named:
        return None if "error" in query else "the redirect names no tenant"
    if not GUID.match(named):
        return "the tenant that the redirect names is not a GUID, as Microsoft sends it"
    if not guids:
        return "the link was made for a domain, which cannot be compared with the tenant of the redirect: " + _GIVE_GUID
    return None if named in guids else _ANOTHER_TENANT
