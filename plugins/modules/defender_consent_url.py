# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_consent_url
short_description: Compute the link with which a customer consents to the application
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Computes the link that an administrator of a customer tenant opens to grant the application its permissions.
  - Only computes. No network is used, and nothing is changed anywhere. Of the connection's options only O(client_id),
    O(cloud) and O(authority_url) matter. The others are taken so that C(module_defaults) can be set for all modules.
  - Needs the role Cloud Application Administrator in the customer's tenant for the Defender XDR API,
    and Privileged Role Administrator where Microsoft Graph permissions are asked for.
options:
  form:
    description:
      - V(admin_consent) addresses one tenant, names the resource and needs O(redirect_uri).
      - V(admin_consent_v1) addresses one tenant and grants everything the registration lists.
      - V(authorize) is the link of Microsoft's partner page. It addresses no tenant and consents for whoever signs in.
    type: str
    choices: [admin_consent, admin_consent_v1, authorize]
    default: admin_consent
  redirect_uri:
    description:
      - Where the browser is sent afterwards. One of the redirect URIs that the application registers.
    type: str
  permissions:
    description:
      - Application permissions that the link is meant to grant, by API and by name.
      - They must be configured in the registration.
      - By default V(SecurityIncident.Read.All) of Microsoft Graph.
      - A link that asks for the Defender XDR API warns, once a run, that Microsoft ends it on 2027-02-01.
      - A wrong name is refused, with the nearest right one.
    type: dict
    suboptions:
      xdr:
        description: Permissions of the Defender XDR API (Microsoft Threat Protection), such as V(Incident.Read.All).
        type: list
        elements: str
        default: []
      graph:
        description: Permissions of Microsoft Graph, such as V(SecurityIncident.Read.All).
        type: list
        elements: str
        default: []
  state:
    description:
      - A C(state) of your own, passed on as it is.
      - Mutually exclusive with O(state_key).
    type: str
  state_key:
    description:
      - Random secret of at least 16 characters. It signs a C(state) that expires, and is bound to tenant and
        application.
      - The filter P(mssp.defender.consent_redirect#filter) checks the C(state) that comes back. For a tenant that is
        given by its domain the filter needs the GUID too.
    type: str
  state_lifetime:
    description:
      - Days for which a link signed with O(state_key) is good at least. It is good for twice as long at most.
      - The link stays the same in between, so that running again changes nothing.
    type: int
    default: 30
  application_name:
    description:
      - Name under which customers see the application. It is returned as it is, for the mail that the link goes into.
    type: str
  language:
    description:
      - Language of that mail, in the terms of whatever writes it, such as V(en). It is returned as it is.
    type: str
extends_documentation_fragment:
  - mssp.defender._attributes
  - mssp.defender._defender.connection
  - mssp.defender._defender.task
  - mssp.defender._defender.tenants
seealso:
  - module: mssp.defender.defender_token
    description: Proves that the consent was given.
"""

EXAMPLES = r"""
- name: Link for one customer
  mssp.defender.defender_consent_url:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    redirect_uri: https://localhost/consent-result
    state_key: "{{ lookup('ansible.builtin.env', 'CONSENT_STATE_KEY') }}"
  register: link

- name: Links for all customers at once
  mssp.defender.defender_consent_url:
    tenants:
      - name: contoso
        tenant_id: contoso.example
      - name: fabrikam
        tenant_id: fabrikam.example
    client_id: 11111111-1111-1111-1111-111111111111
    redirect_uri: https://localhost/consent-result
    permissions:
      graph:
        - SecurityIncident.Read.All
        - ThreatHunting.Read.All

- name: The link of Microsoft's partner page
  mssp.defender.defender_consent_url:
    client_id: 11111111-1111-1111-1111-111111111111
    form: authorize
"""

RETURN = r"""
url:
  description: The link for the customer's administrator. V(null) in the fleet form for a tenant whose ID is unusable.
  returned: success, for a single tenant
  type: str
  sample: https://login.microsoftonline.com/contoso.example/v2.0/adminconsent?client_id=11111111-1111-1111-1111-111111111111
state:
  description: The C(state) in the link, or V(null).
  returned: success, for a single tenant
  type: str
  sample: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln
expires_at:
  description: When a signed C(state) expires (UTC), or V(null).
  returned: success, for a single tenant
  type: str
  sample: "2027-01-15T00:00:00Z"
permissions:
  description: The permissions that the link is meant to grant, by API. With O(hosts) each customer's entry has them.
  returned: success, but for O(hosts)
  type: dict
  sample:
    graph:
      - SecurityIncident.Read.All
administrator_role:
  description:
    - The least role of the administrator who opens the link. With O(hosts) each customer's entry has it.
  returned: success, but for O(hosts)
  type: str
  sample: Privileged Role Administrator
application_name:
  description: What O(application_name) says, or V(null). With O(hosts) each customer's entry has it.
  returned: success, but for O(hosts)
  type: str
  sample: Provider SOC
language:
  description: What O(language) says, or V(null). With O(hosts) each customer's entry has it.
  returned: success, but for O(hosts)
  type: str
  sample: en
client_id:
  description: The application of the links. With O(hosts) each customer's entry has it.
  returned: with O(tenants)
  type: str
  sample: 11111111-1111-1111-1111-111111111111
failing:
  description: Why a customer of O(hosts) fails the task, by its name, because nothing could be computed for its group.
  returned: with O(tenants) or O(hosts)
  type: dict
  sample: {}
tenants:
  description: One entry for each tenant of the fleet form or of O(hosts), in the order given.
  returned: with O(tenants) or O(hosts)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the customer.
      type: str
    tenant_id:
      description: The tenant ID given.
      type: str
    url:
      description: The link, or V(null).
      type: str
    state:
      description: The C(state) in the link, or V(null).
      type: str
    expires_at:
      description: When a signed C(state) expires, or V(null).
      type: str
    msg:
      description: Why there is no link, or V(null).
      type: str
"""

from ansible_collections.mssp.defender.plugins.module_utils._module_context import run_module
from ansible_collections.mssp.defender.plugins.module_utils._operations.consent.consent_url import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
