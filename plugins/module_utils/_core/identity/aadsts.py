# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes with which Entra ID refuses a token: what each means, who must do what, and whether to ask again.

Source: learn.microsoft.com, "Microsoft Entra authentication and authorization error codes", and public reports of codes
that the page does not name. The same code comes with any OAuth `error`, so the code decides and not the `error`.
"""

from __future__ import annotations

from .. import errors
from ..errors import Reason

_CONSENT = "open the consent link and accept it"
_CHECK_TENANT = "correct the tenant id, or the cloud it belongs to"
_OTHER_CLOUD = Reason(
    errors.UNKNOWN_TENANT, "the tenant lies in another cloud", "use that cloud and its own registration"
)
_RESTRICTED = Reason(
    errors.UNREACHABLE,
    "the network of this machine restricts which tenants may be signed in to, and this is not one of them",
    "ask the team that runs that network's proxy to allow the tenant (tenant restrictions)",
)
_COMPARE = "compare the {0} of the token with the federated credential, upper and lower case included"
_ENABLE_APPLICATION = (
    "enable its enterprise application; where all customers answer so, the provider looks at the registration, "
    "which Microsoft may have disabled"
)
_DEFECT = "report it to the collection's authors, unless a proxy changes requests on their way"
_BUSY = Reason(
    errors.UNREACHABLE, "Microsoft's sign-in service fails for the moment", "run again later", who=errors.NOBODY
)
_INTERACTION = Reason(errors.BLOCKED, "a policy of the tenant demands interaction", "exempt the application")
_ONE_SCOPE = Reason(errors.ERROR, "the scope is not one resource followed by /.default", "correct `resource`")

BY_CODE: dict[int, Reason] = {
    # consent
    7000229: Reason(errors.NOT_CONSENTED, "the application has no service principal in this tenant", _CONSENT),
    700016: Reason(
        errors.NOT_CONSENTED, "the application was not found in this tenant", f"{_CONSENT}; check client_id too"
    ),
    700011: Reason(
        errors.NOT_CONSENTED, "the application was not found in this tenant", f"{_CONSENT}; check client_id too"
    ),
    65001: Reason(errors.NOT_CONSENTED, "nobody has consented to the application", _CONSENT),
    65004: Reason(errors.NOT_CONSENTED, "the consent was declined", _CONSENT),
    90008: Reason(errors.NOT_CONSENTED, "nobody has consented to the application", _CONSENT),
    **dict.fromkeys(
        (90094, 90093, 900941), Reason(errors.NOT_CONSENTED, "an administrator's consent is required", _CONSENT)
    ),
    90095: Reason(
        errors.NOT_CONSENTED,
        "an administrator's consent has been requested and is pending",
        "approve the request under Admin consent requests, or open the consent link",
    ),
    90099: Reason(
        errors.NOT_CONSENTED,
        "the application is not authorized in this tenant, which delegated partner administrators need",
        _CONSENT,
    ),
    501051: Reason(
        errors.NOT_CONSENTED,
        "the API admits assigned applications only, and the application is not assigned to a role of it",
        "consent again, or assign the application to the API's role",
    ),
    50105: Reason(
        errors.NOT_CONSENTED,
        "the API admits assigned callers only, and the caller is not assigned to a role of it",
        "assign the application to the API's role",
    ),
    # the API in the tenant
    500011: Reason(
        errors.NO_SERVICE, "the API has no service principal in this tenant", "license or open Microsoft Defender XDR"
    ),
    500014: Reason(
        errors.NO_SERVICE, "the API's service principal is disabled", "enable Microsoft Defender XDR for the tenant"
    ),
    650052: Reason(
        errors.NO_SERVICE,
        "the API has no service principal in this tenant, or the organization has not subscribed to it",
        "license or open Microsoft Defender XDR",
    ),
    650054: Reason(
        errors.ERROR,
        "the registration asks for an API that has been removed or is not in this tenant",
        "remove that API from the permissions of the registration",
    ),
    65005: Reason(
        errors.ERROR,
        "the registration asks for an API that does not know the application",
        "correct the API permissions of the registration",
    ),
    650056: Reason(
        errors.ERROR,
        "the registration lists no permission of the API, or nobody consented to it",
        "add the API's permissions to the registration, then have the customer consent again",
    ),
    650057: Reason(
        errors.ERROR,
        "the registration lists no permission of the API that was asked for",
        "add the API's permissions to the registration, or correct `resource`",
    ),
    650059: Reason(
        errors.ERROR, "the application is registered as single-tenant", "set its audience to AzureADMultipleOrgs"
    ),
    50194: Reason(
        errors.ERROR, "the application is registered as single-tenant", "set its audience to AzureADMultipleOrgs"
    ),
    # secret
    7000215: Reason(errors.BAD_CREDENTIAL, "the client secret is wrong", "give the secret's value, not its id"),
    70002: Reason(errors.BAD_CREDENTIAL, "the client secret is wrong", "give the secret's value, not its id"),
    7000222: Reason(errors.BAD_CREDENTIAL, "the client secret has expired", "add a new secret to the registration"),
    7000218: Reason(
        errors.BAD_CREDENTIAL, "the request carried no credential", "give a secret, certificate or federated token"
    ),
    7000232: Reason(
        errors.BAD_CREDENTIAL,
        "client_id is a managed identity, which cannot sign in with a secret or certificate",
        "give the client id of an app registration",
    ),
    700025: Reason(
        errors.BAD_CREDENTIAL,
        "the application is registered as a public client, which has no credential",
        "register it as a web application (confidential client)",
    ),
    # certificate
    700027: Reason(
        errors.BAD_CREDENTIAL, "the certificate is not one the application knows", "upload it to the registration"
    ),
    700030: Reason(
        errors.BAD_CREDENTIAL, "the certificate's subject is not authorized", "upload the right certificate"
    ),
    7000214: Reason(
        errors.BAD_CREDENTIAL, "the certificate was refused", "upload the certificate in use to the registration"
    ),
    1000502: Reason(
        errors.BAD_CREDENTIAL,
        "the certificate is outside its validity",
        "renew the certificate, or correct this machine's clock",
    ),
    50027: Reason(
        errors.BAD_CREDENTIAL,
        "the assertion is not valid, or names no certificate",
        "check the certificate or the federated token, and this machine's clock",
    ),
    50012: Reason(
        errors.BAD_CREDENTIAL,
        "the certificate or the signature of the assertion was refused",
        "upload the certificate in use to the registration",
    ),
    700024: Reason(
        errors.BAD_CREDENTIAL,
        "the assertion is outside its validity",
        "correct this machine's clock, or renew the federated token",
    ),
    # federation
    70021: Reason(
        errors.BAD_CREDENTIAL,
        "no federated credential matches the token, or it was added a moment ago",
        _COMPARE.format("issuer, subject and audience"),
    ),
    700211: Reason(errors.BAD_CREDENTIAL, "no federated credential has the token's issuer", _COMPARE.format("issuer")),
    700212: Reason(
        errors.BAD_CREDENTIAL, "no federated credential has the token's audience", _COMPARE.format("audience")
    ),
    700213: Reason(
        errors.BAD_CREDENTIAL, "no federated credential has the token's subject", _COMPARE.format("subject")
    ),
    7002131: Reason(
        errors.BAD_CREDENTIAL, "no federated credential has the token's subject", _COMPARE.format("subject")
    ),
    7002138: Reason(
        errors.BAD_CREDENTIAL,
        "a federated credential differs from the token in upper and lower case only",
        "write issuer, subject and audience of the federated credential exactly as the token has them",
    ),
    700222: Reason(
        errors.BAD_CREDENTIAL,
        "a token of Entra ID itself is not accepted as the federated token here",
        "use a token of another identity provider, or a managed identity in the application's own tenant",
    ),
    700229: Reason(
        errors.BAD_CREDENTIAL,
        "the federated token is a user's, and only an application's is accepted",
        "give a token from the client credentials flow or of a managed identity",
    ),
    700236: Reason(
        errors.BAD_CREDENTIAL,
        "a token of Entra ID itself is not accepted as the federated token here",
        "use a token of another identity provider, or a managed identity in the application's own tenant",
    ),
    # the tenant's id, and its cloud
    90002: Reason(
        errors.UNKNOWN_TENANT,
        "there is no such tenant in this cloud, or it has been deleted",
        f"{_CHECK_TENANT}; where it was right until now, take the customer off the list",
        final=True,
    ),
    900021: Reason(errors.UNKNOWN_TENANT, "the tenant id is not valid", _CHECK_TENANT),
    900023: Reason(errors.UNKNOWN_TENANT, "the tenant id is malformed", _CHECK_TENANT),
    **dict.fromkeys((90038, 900382, 900432, 90051, 1000104), _OTHER_CLOUD),
    # the tenant is gone
    5000225: Reason(
        errors.BLOCKED,
        "Microsoft has blocked the tenant because nobody used it, and deletes it 20 days later",
        "have Microsoft's support open the tenant again; otherwise the provider takes the customer off the list",
        final=True,
    ),
    5000224: Reason(
        errors.BLOCKED,
        "Microsoft has blocked the tenant for fraud, or taken it out of service",
        "ask Microsoft's support; otherwise the provider takes the customer off the list",
        final=True,
    ),
    # policies
    53003: Reason(
        errors.BLOCKED, "Conditional Access blocks the application", "exclude the application from the policy"
    ),
    **dict.fromkeys((50072, 50074, 50076, 50079, 50158, 53000, 53001, 53002, 53004, 530003), _INTERACTION),
    530032: Reason(errors.BLOCKED, "a security policy of the tenant blocks the application", "allow the application"),
    530035: Reason(errors.BLOCKED, "the tenant's security defaults block the application", "allow the application"),
    530034: Reason(
        errors.BLOCKED,
        "the tenant blocks a delegated administrator whose account is at risk in the provider's tenant",
        "clear the risk of that account in your own tenant",
        who=errors.PROVIDER,
    ),
    53011: Reason(
        errors.BLOCKED,
        "the tenant blocks an account that is at risk in its home tenant",
        "allow the account, once its home tenant has cleared the risk",
    ),
    500212: Reason(
        errors.BLOCKED,
        "the cross-tenant access settings of the home tenant do not let its accounts into this tenant",
        "allow outbound access to the tenant in your own tenant, and have the customer allow inbound access",
        who=errors.PROVIDER,
    ),
    500213: Reason(
        errors.BLOCKED,
        "the cross-tenant access settings of this tenant do not let the provider's accounts in",
        "allow inbound access for the provider's tenant, which has to allow outbound access",
    ),
    **dict.fromkeys((500021, 500022, 50002), _RESTRICTED),
    # the application is disabled
    7000112: Reason(errors.BLOCKED, "the application is disabled in this tenant", _ENABLE_APPLICATION),
    70001: Reason(errors.BLOCKED, "the application is disabled, or not in this tenant", _ENABLE_APPLICATION),
    1000031: Reason(errors.BLOCKED, "the application cannot be accessed at this time", _ENABLE_APPLICATION),
    # the request
    **dict.fromkeys((1002012, 70011, 700022), _ONE_SCOPE),
    50001: Reason(errors.ERROR, "the resource is disabled or does not exist", "correct `resource`"),
    100007: Reason(
        errors.ERROR,
        "a regional sign-in endpoint was asked, which is Microsoft's own",
        "correct authority_url, and unset MSAL_FORCE_REGION",
    ),
    9001023: Reason(errors.ERROR, "the tenant is a shared endpoint", "give the customer's own tenant id"),
    **dict.fromkeys(
        (900144, 9002313, 90014, 900561),
        Reason(errors.ERROR, "the request did not arrive as the token endpoint wants it", _DEFECT),
    ),
    # wait
    **dict.fromkeys((90033, 90006, 90012, 90024, 90090, 50033, 50087), _BUSY),
    90055: Reason(errors.THROTTLED, "the token endpoint throttles this tenant", "run again later", who=errors.NOBODY),
    50196: Reason(
        errors.THROTTLED,
        "the same request came too often within five minutes",
        "run again after five minutes, and share tokens between tasks",
        who=errors.NOBODY,
    ),
}

PASSING = frozenset({70021, 90033, 90006, 90012, 90024, 90090, 50033, 50087, 90055, 50196})
"""Codes after which the same request may succeed: a fault of Microsoft's, too many requests, a new credential."""

PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error"})

BY_OAUTH_ERROR: dict[str, Reason] = {
    "invalid_client": Reason(errors.BAD_CREDENTIAL, "the credential was refused", "check the application's credential"),
    "invalid_resource": Reason(
        errors.NO_SERVICE, "the API is not available in this tenant", "license or open the service"
    ),
    "invalid_tenant": Reason(errors.UNKNOWN_TENANT, "there is no such tenant in this cloud", _CHECK_TENANT),
    "unauthorized_client": Reason(
        errors.NOT_CONSENTED, "the application may not ask for tokens in this tenant", _CONSENT
    ),
    "consent_required": Reason(errors.NOT_CONSENTED, "consent is required", _CONSENT),
    "interaction_required": _INTERACTION,
    "invalid_scope": _ONE_SCOPE,
    "temporarily_unavailable": _BUSY,
    "server_error": _BUSY,
}
"""For codes that are not in the table, and for refusals without a code."""
