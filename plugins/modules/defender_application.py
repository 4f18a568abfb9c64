# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_application
short_description: Register the application that customers consent to
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Keeps the registration of a multi-tenant application in the provider's own tenant as declared, with its service
    principal and what it is granted there, which the portal calls I(Grant admin consent).
  - Finds the application by O(unique_name) or O(app_id), never by its display name. An application that somebody else
    made is adopted with O(app_id). When O(unique_name) is given too, it gets that name.
  - Touches only what is declared. Options left out, other APIs, delegated permissions and credentials stay as they are.
  - Locks what is sensitive of its service principals, in your tenant and in those of customers, so that nobody can give
    one of them a further credential. See O(property_lock).
  - Says who is behind the application, what weakens a customer's consent to it, and what the tests of Microsoft's Zero
    Trust Assessment read of it. None of that is a failure.
  - Before it makes an application, or opens one to other tenants, it reads the tenant's app management policies, where
    the registrar has C(Policy.Read.All), and fails with nothing made where they forbid the O(sign_in_audience). Without
    that right the refusal of Microsoft Graph is explained.
  - Credentials are the work of M(mssp.defender.defender_credential).
options:
  display_name:
    description:
      - Name that customers see on the consent page. A new application is called like its O(unique_name) without it.
    type: str
  sign_in_audience:
    description:
      - Whose accounts may use the application. Customers can consent only to V(AzureADMultipleOrgs).
    type: str
    choices: [AzureADMultipleOrgs, AzureADMyOrg, AzureADandPersonalMicrosoftAccount]
    default: AzureADMultipleOrgs
  redirect_uris:
    description:
      - Where the consent page may send the browser afterwards. The whole list of the web platform.
      - Entra takes https addresses of at most 256 characters without wildcards, and http only for localhost.
      - The task warns of an address that is taken away, in check mode too. Consent links with it end in AADSTS50011.
    type: list
    elements: str
  permissions:
    description:
      - Application permissions (app roles) that the application asks for, by API and by name. The list of an API is all
        that the application asks of it, and an API left out stays as it is.
      - Names are resolved by what the API's service principal in the tenant publishes, or by a table of this
        collection where the tenant has none. A wrong name is refused, with the nearest right one.
    type: dict
    suboptions:
      xdr:
        description: Permissions of the Defender XDR API (Microsoft Threat Protection), such as V(Incident.Read.All).
        type: list
        elements: str
      graph:
        description: Permissions of Microsoft Graph, such as V(SecurityIncident.Read.All).
        type: list
        elements: str
  grant:
    description:
      - Whether the application is granted the O(permissions) in the provider's own tenant. What is no longer declared
        is taken back there.
      - Customers have to consent themselves, and again after a permission was added.
    type: bool
    default: true
  property_lock:
    description:
      - Whether nobody may change the credentials of the application's service principals, nor the key that encrypts
        their tokens (the I(App instance property lock) of the portal, with I(All properties)). The application itself
        takes credentials all the same.
      - With V(false) the lock is left as it is, never opened, and a new application gets what Microsoft gives it, which
        since June 2026 is a lock. To open a lock, do so in the portal.
    type: bool
    default: true
  owner:
    description:
      - Application (client) ID of an application of the tenant that is made an owner of this one, so that it can change
        it with C(Application.ReadWrite.OwnedBy). That is the registrar, or V(self) for the registrar's own
        registration.
      - Only somebody who is signed in makes owners. With O(auth=application) the owners stay as they are.
      - With O(hosts) it is left to C(partner_access_registrar_client_id).
    type: str
attributes:
  action_group:
    description: Use C(group/mssp.defender.registration) in C(module_defaults) to set defaults for this module.
    membership:
      - mssp.defender.registration
  diff_mode:
    description: Shows exactly the fields that change.
    support: full
extends_documentation_fragment:
  - mssp.defender._attributes
  - mssp.defender._defender.connection
  - mssp.defender._defender.task
  - mssp.defender._defender.home
seealso:
  - module: mssp.defender.defender_credential
    description: Gives the application its credential.
  - module: mssp.defender.defender_consent_url
    description: Makes the links with which customers consent.
"""

EXAMPLES = r"""
- name: Register the application
  mssp.defender.defender_application:
    tenant_id: provider.example
    client_id: 22222222-2222-2222-2222-222222222222
    client_secret: "{{ lookup('ansible.builtin.env', 'REGISTRAR_SECRET') }}"
    unique_name: provider-soc
    display_name: Provider SOC
    redirect_uris:
      - https://soc.example/consent-result
    permissions:
      xdr:
        - Incident.Read.All
      graph:
        - SecurityIncident.Read.All
        - ThreatHunting.Read.All
  register: registered

- name: Adopt an application that was made in the portal
  mssp.defender.defender_application:
    tenant_id: provider.example
    app_id: 11111111-1111-1111-1111-111111111111
    unique_name: portal-soc

- name: Fail where one of Microsoft's tests would
  ansible.builtin.assert:
    that: registered.zero_trust | selectattr('passes', 'false') | length == 0

- name: Register the registrar itself, as who is signed in to the Azure CLI
  mssp.defender.defender_application:
    tenant_id: provider.example
    auth: cli
    unique_name: defender-registrar
    sign_in_audience: AzureADMyOrg
    permissions:
      graph:
        - Application.ReadWrite.OwnedBy
        - Application.Read.All
        - AppRoleAssignment.ReadWrite.All
    owner: self

- name: Delete the application
  mssp.defender.defender_application:
    tenant_id: provider.example
    unique_name: provider-soc
    state: absent
"""

RETURN = r"""
applications:
  description:
    - What became of each application, as the other values here say it, with C(hosts), the hosts that share it, and
      C(unique_name).
  returned: with O(hosts)
  type: list
  elements: dict
  sample: []
failing:
  description: Why a host fails the task, by its name.
  returned: with O(hosts)
  type: dict
  sample: {}
client_ids:
  description: Application (client) ID of each host's application, where there is one, by the host's name.
  returned: with O(hosts)
  type: dict
  sample:
    contoso: 11111111-1111-1111-1111-111111111111
application:
  description: The facts of the registration. In check mode the IDs of an application that is not there yet are V(null).
  returned: success, with O(state=present)
  type: dict
  contains:
    app_id:
      description: Application (client) ID, which the other modules call C(client_id).
      type: str
    object_id:
      description: Object ID of the application.
      type: str
    unique_name:
      description: The unique name, or V(null).
      type: str
    display_name:
      description: The name that customers see.
      type: str
    sign_in_audience:
      description: Whose accounts may use it.
      type: str
    redirect_uris:
      description: The redirect URIs of the web platform.
      type: list
      elements: str
    property_lock:
      description:
        - Whether all that is sensitive of its service principals is locked.
        - V(null) in check mode where the application is yet to be made, with O(property_lock=false).
      type: bool
    permissions:
      description: The application permissions it asks for, by API. One without a known name stands as its ID.
      type: dict
    service_principal_id:
      description: Object ID of its service principal in the provider's tenant.
      type: str
    granted:
      description: What is granted in the provider's tenant, by API, of the APIs that are declared.
      type: dict
    owners:
      description: Object IDs of its owners, or V(null) where they cannot be read.
      type: list
      elements: str
    notes:
      description: The notes of whoever manages it, or V(null). Customers do not see them.
      type: str
    publisher_domain:
      description: The domain that the consent page shows, or V(null).
      type: str
    verified_publisher:
      description: Name of the publisher that Microsoft has verified, or V(null).
      type: str
    home_tenant_id:
      description: The provider's tenant.
      type: str
    cloud:
      description: The cloud it is registered in.
      type: str
  sample:
    app_id: 11111111-1111-1111-1111-111111111111
    cloud: worldwide
    display_name: Provider SOC
    granted:
      xdr:
        - Incident.Read.All
    home_tenant_id: 44444444-4444-4444-4444-444444444444
    notes: null
    object_id: 55555555-5555-5555-5555-555555555555
    owners:
      - 77777777-7777-7777-7777-777777777777
    permissions:
      graph: []
      xdr:
        - Incident.Read.All
    property_lock: true
    publisher_domain: provider.example
    redirect_uris:
      - https://soc.example/consent-result
    service_principal_id: 66666666-6666-6666-6666-666666666666
    sign_in_audience: AzureADMultipleOrgs
    unique_name: provider-soc
    verified_publisher: null
remarks:
  description:
    - What weakens a customer's consent to the application. Nothing is said of what was not read, nor of an application
      for one tenant alone.
  returned: success, with O(state=present)
  type: list
  elements: dict
  contains:
    about:
      description: The value of RV(application) that shows it, V(owners), V(publisher_domain) or V(verified_publisher).
      type: str
    what:
      description: What is missing, and what follows from that.
      type: str
    remedy:
      description: What to do about it.
      type: str
  sample:
    - about: owners
      what: nobody owns the application
      remedy: make two people or service principals of your tenant its owners
zero_trust:
  description:
    - What tests of Microsoft's Zero Trust Assessment read of the application and of its service principal at home.
      Test 23183 reads the redirect URIs in customers' tenants.
    - Empty in check mode where the application is yet to be made.
  returned: success, with O(state=present)
  type: list
  elements: dict
  contains:
    test:
      description: Microsoft's number of the test.
      type: str
    passes:
      description: Whether it passes. V(null) where nothing fails it, and not all that it reads was read.
      type: bool
    what:
      description: What was found.
      type: str
    remedy:
      description: What to do about it, or V(null).
      type: str
  sample:
    - test: "21772"
      passes: false
      what: "it has client secrets, expired ones included: 'ansible' (8f0a3c52-6a0f-4b57-9d1c-1d7f0f6c8f11)"
      remedy: give it a certificate or a federated credential, and remove each secret
added_permissions:
  description:
    - Permissions, by API, that an application which was there before asks for since this run.
      Customers who consented before must consent again.
  returned: success, with O(state=present)
  type: dict
  sample:
    graph:
      - SecurityIncident.Read.All
removed:
  description: What was removed, or V(null). Microsoft keeps it for 30 days, so that it can be restored.
  returned: success, with O(state=absent)
  type: dict
  contains:
    app_id:
      description: Application (client) ID.
      type: str
    object_id:
      description: Object ID of the application.
      type: str
    unique_name:
      description: The unique name, or V(null).
      type: str
    display_name:
      description: The name that customers saw.
      type: str
msg:
  description: What happened, to which tenant, why, and who must do what. On success what follows from a change.
  returned: on failure, and where a change has a consequence
  type: str
code:
  description: Microsoft's own code of a refusal.
  returned: on a refusal
  type: str
  sample: Authorization_RequestDenied
meaning:
  description: What the refusal means.
  returned: on a refusal
  type: str
remedy:
  description: What to do about it.
  returned: on a refusal
  type: str
who:
  description: Who must do it.
  returned: on a refusal
  type: str
  sample: provider
final:
  description: Whether asking again is pointless, because Microsoft has closed the tenant or does not know it.
  returned: on a refusal
  type: bool
  sample: false
correlation_id:
  description: For Microsoft's support, or V(null).
  returned: on a refusal
  type: str
trace_id:
  description: For Microsoft's support, or V(null).
  returned: on a refusal
  type: str
"""

from ansible_collections.mssp.defender.plugins.module_utils._module_context import run_module
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider.application import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
