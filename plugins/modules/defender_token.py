# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_token
short_description: Get an app-only token for a customer tenant and prove the consent by it
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Gets an access token for a customer tenant with the application's own credential and checks every claim of it.
    The tenant, the application, the audience, the issuer, the times, and the roles that the customer granted.
  - The redirect that follows a consent can be forged. A token with its roles is the only proof of a consent.
  - The token itself is not returned, unless O(expose_token) is set.
  - Changes nothing in the tenant, and therefore also runs in check mode.
options:
  resource:
    description:
      - The API that the token is for. V(graph) is Microsoft Graph, V(xdr) is the Defender XDR API.
      - Or a resource URI, without C(/.default).
      - By default each API of O(permissions), or else V(graph).
      - Microsoft ends the Defender XDR API on 2027-02-01 (Message Center MC1220762).
        A token for it warns of that, once a run.
    type: str
  permissions:
    description:
      - The application permissions that the customer is asked for, by name. One consent covers all of them.
      - Each API has a token of its own. All of them are proven, and the outcome has the roles of all.
      - Ignored with O(resource). With O(required_roles) the first API alone is proven, by those.
    type: dict
    suboptions:
      xdr:
        description: Of the Defender XDR API, which the registration calls Microsoft Threat Protection.
        type: list
        elements: str
        default: []
      graph:
        description: Of Microsoft Graph.
        type: list
        elements: str
        default: []
  endpoint_version:
    description:
      - Version of the token endpoint. V(v1) is the one of Microsoft's partner page.
      - The version of the token that comes back is the resource's own choice.
    type: str
    choices: [v1, v2]
    default: v2
  required_roles:
    description:
      - Application permissions that the token must carry, by name. A C(ReadWrite) role covers its C(Read) twin.
      - By default those of O(permissions), or else V(SecurityIncident.Read.All) for V(graph), V(Incident.Read.All) for
        V(xdr), none for other resources.
    type: list
    elements: str
  verify_signature:
    description:
      - Whether the signature is checked against the keys that the authority publishes.
      - The signature of a Microsoft Graph token cannot be checked by anyone else. It is then reported as C(opaque).
        A token for any other API is refused where its signature cannot be checked.
    type: bool
    default: true
  expose_token:
    description:
      - Whether the token is returned in RV(access_token). The whole result then censors itself in every output.
      - The task needs C(no_log=true) where Ansible would print the token all the same. That is in a loop, when it is
        delegated to another host, and on ansible-core before 2.16.13 and from 2.17.0 to 2.17.5. There the task is
        refused without it. It cannot be used with C(async).
    type: bool
    default: false
  dest:
    description:
      - File to write the token to, with mode V(0600). For a fleet a folder, with a file C(NAME.token) for each tenant.
      - It is rewritten only when the token in it is no longer good.
      - The folder of a fleet is made where it is missing, that of a single file must exist. Nobody else may be able to
        write to it.
      - Beside it lies a hidden file C(.NAME.seal), made with the application's credential. A token that it does not
        vouch for, or that others can read or write, is not used.
    type: path
  consent_wait:
    description:
      - Seconds to wait for a consent that was given a moment ago and has not reached every server yet.
      - Applies to tenants in the state C(not_consented) or C(partial).
    type: int
    default: 0
extends_documentation_fragment:
  - mssp.defender._attributes
  - mssp.defender._defender.connection
  - mssp.defender._defender.task
  - mssp.defender._defender.tenants
seealso:
  - module: mssp.defender.defender_consent_url
    description: The link that a customer has to open first.
"""

EXAMPLES = r"""
- name: Prove that a customer has consented
  mssp.defender.defender_token:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"

- name: Wait up to five minutes for a consent that was just given
  mssp.defender.defender_token:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    certificate_path: /etc/mssp/defender.pem
    consent_wait: 300

- name: See where all customers stand
  mssp.defender.defender_token:
    tenants:
      - name: contoso
        tenant_id: contoso.example
      - name: fabrikam
        tenant_id: fabrikam.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    required_roles:
      - SecurityIncident.Read.All
  register: fleet

- name: Hand a token to another module
  mssp.defender.defender_token:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    expose_token: true
  no_log: true
  register: token
"""

RETURN = r"""
state:
  description:
    - State of the tenant.
    - One of C(granted), C(partial), C(not_consented), C(no_service), C(bad_credential), C(unknown_tenant), C(blocked),
      C(throttled), C(unreachable), C(error).
  returned: for a single tenant
  type: str
  sample: granted
msg:
  description: What happened, to which tenant, why, and who must do what.
  returned: for a single tenant, and when a fleet task fails
  type: str
  sample: >-
    contoso.example is not_consented: the application has no service principal in this tenant (AADSTS7000229);
    customer admin: open the consent link and accept it.
tenant_id:
  description: The tenant that the token is for, as GUID. As given, where there is no token.
  returned: for a single tenant
  type: str
  sample: 44444444-4444-4444-4444-444444444444
app_id:
  description: The application that the token is for.
  returned: when a token was issued
  type: str
  sample: 11111111-1111-1111-1111-111111111111
roles:
  description: The application permissions that the token carries.
  returned: when a token was issued
  type: list
  elements: str
  sample:
    - SecurityIncident.Read.All
missing_roles:
  description: Required roles that the token lacks. They make the tenant C(partial).
  returned: when a token was issued
  type: list
  elements: str
  sample: []
excess_roles:
  description: Roles that the token carries and nobody required.
  returned: when a token was issued
  type: list
  elements: str
  sample: []
audience:
  description: The API that the token is for, as the token names it.
  returned: when a token was issued
  type: str
  sample: https://graph.microsoft.com
issuer:
  description: Who issued the token.
  returned: when a token was issued
  type: str
  sample: https://sts.windows.net/44444444-4444-4444-4444-444444444444/
token_version:
  description: Version of the token, which the resource chooses.
  returned: when a token was issued
  type: str
  sample: "1.0"
issued_at:
  description: When the token was issued (UTC).
  returned: when a token was issued
  type: str
  sample: "2026-11-20T08:00:00Z"
expires_at:
  description: When the token expires (UTC).
  returned: when a token was issued
  type: str
  sample: "2026-11-20T09:10:00Z"
signature:
  description:
    - C(verified) by a key that the authority publishes, C(opaque) where only the resource can check it,
      C(skipped) where O(verify_signature) is false.
  returned: when a token was issued
  type: str
  sample: verified
from_cache:
  description: Whether the token was used before, in this run or from O(cache) or O(dest).
  returned: when a token was issued
  type: bool
  sample: false
access_token:
  description: The token itself. The result censors itself.
  returned: with O(expose_token)
  type: str
  sample: eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.c2ln
dest:
  description: The file that holds the token.
  returned: with O(dest)
  type: str
  sample: /run/mssp/contoso.token
code:
  description: The service's own code for the refusal, or V(null).
  returned: for a single tenant that is not C(granted)
  type: str
  sample: AADSTS7000229
meaning:
  description: What the refusal means.
  returned: for a single tenant that is not C(granted)
  type: str
  sample: the application has no service principal in this tenant
remedy:
  description: What has to be done.
  returned: for a single tenant that is not C(granted)
  type: str
  sample: open the consent link and accept it
who:
  description: Who has to do it, C(provider), C(customer admin) or C(nobody).
  returned: for a single tenant that is not C(granted)
  type: str
  sample: customer admin
final:
  description: Whether asking again is pointless, because Microsoft has closed the tenant or does not know it.
  returned: for a single tenant that is not C(granted)
  type: bool
  sample: false
correlation_id:
  description: Microsoft's correlation ID of the refusal, for a support case.
  returned: for a single tenant that is not C(granted), where Microsoft sent it
  type: str
  sample: 33333333-3333-3333-3333-333333333333
trace_id:
  description: Microsoft's trace ID of the refusal, for a support case.
  returned: for a single tenant that is not C(granted), where Microsoft sent it
  type: str
  sample: 22222222-2222-2222-2222-222222222222
tenants:
  description: The outcome of each tenant of the fleet form, in the order given, as for a single tenant.
  returned: with O(tenants) or O(hosts)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the customer.
      type: str
    tenant_id:
      description: The customer's tenant.
      type: str
    state:
      description: State of the tenant.
      type: str
    msg:
      description: What happened, to which tenant, why, and who must do what.
      type: str
summary:
  description: How many tenants are in each state.
  returned: with O(tenants) or O(hosts)
  type: dict
  sample:
    granted: 17
    not_consented: 2
failing:
  description: Why a customer fails the task, by its name. Those are the customers whose state O(fail_on) names.
  returned: with O(tenants) or O(hosts)
  type: dict
  sample: {}
"""

from ansible_collections.mssp.defender.plugins.module_utils._module_context import run_module
from ansible_collections.mssp.defender.plugins.module_utils._operations.consent.token import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
