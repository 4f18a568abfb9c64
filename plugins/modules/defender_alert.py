# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_alert
short_description: Change Microsoft Defender alerts of customer tenants
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Sets status, assignment, classification and comments of one alert, or of many in many tenants.
  - Each alert is read first, and only what differs is sent. A second run changes nothing.
  - One alert's trouble costs no other alert its change, and one tenant's trouble no other tenant.
  - Works through Microsoft Graph security (C(alerts_v2)) and needs its permission V(SecurityAlert.ReadWrite.All).
options:
  tenant_id:
    description:
      - The customer's tenant, as GUID or as one of its verified domains. Never V(common). Needed with O(alert_id).
    type: str
  alert_id:
    description:
      - ID of the alert to change. Mutually exclusive with O(alerts).
    type: str
  status: &status
    description:
      - State to set.
    type: str
    choices: [New, InProgress, Resolved]
  assigned_to: &assigned_to
    description:
      - User to assign the alert to, by user principal name. An empty text takes the assignment away.
    type: str
  classification: &classification
    description:
      - What the alert has turned out to be.
    type: str
    choices: [TruePositive, InformationalExpectedActivity, FalsePositive]
  determination: &determination
    description:
      - What kind of that it is. It needs O(classification) beside it, and goes with certain ones only.
      - V(TruePositive) goes with V(MultiStagedAttack), V(MaliciousUserActivity), V(CompromisedAccount), V(Malware),
        V(Phishing), V(UnwantedSoftware) and V(Other).
      - V(InformationalExpectedActivity) goes with V(SecurityTesting), V(LineOfBusinessApplication),
        V(ConfirmedActivity) and V(Other).
      - V(FalsePositive) goes with V(Clean), V(NoEnoughDataToValidate) and V(Other).
    type: str
    choices:
      - MultiStagedAttack
      - MaliciousUserActivity
      - CompromisedAccount
      - Malware
      - Phishing
      - UnwantedSoftware
      - Other
      - SecurityTesting
      - LineOfBusinessApplication
      - ConfirmedActivity
      - Clean
      - NoEnoughDataToValidate
  comment: &comment
    description:
      - Comment to add, once. A marker such as C([ansible:0a1b2c3d]) at its end tells it when the task runs again.
    type: str
  comment_key: &comment_key
    description:
      - What the marker is made from, in place of the text of O(comment), so that the same text can be said anew
        with another key, and a new text is not said again with the same one.
    type: str
  unchanged_since: &unchanged_since
    description:
      - Change nothing if the alert has been updated after this time. Give the time of last update
        (C(lastUpdateDateTime)) of the alert as it was read.
    type: str
  alerts:
    description:
      - Many alerts, of one tenant or of many. The task's other options hold for each that does not say otherwise.
        O(alerts[].classification) and O(alerts[].determination) are taken together.
      - Tenants are worked on side by side, and the alerts of a tenant one after the other.
      - Mutually exclusive with O(alert_id).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the customer in results. The tenant ID where it is left out.
        type: str
      tenant_id:
        description:
          - The customer's tenant, as GUID or as one of its verified domains.
        type: str
        required: true
      alert_id:
        description:
          - ID of the alert to change.
        type: str
        required: true
      status: *status
      assigned_to: *assigned_to
      classification: *classification
      determination: *determination
      comment: *comment
      comment_key: *comment_key
      unchanged_since: *unchanged_since
  concurrency:
    description:
      - How many tenants are worked on at the same time.
    type: int
    default: 64
  fail_on:
    description:
      - States that make a task with O(alerts) fail when a tenant is in one of them. By default it does not fail.
    type: list
    elements: str
    choices:
      - partial
      - not_consented
      - no_service
      - bad_credential
      - unknown_tenant
      - blocked
      - throttled
      - unreachable
      - error
    default: []
notes:
  - >-
    On a customer's host, options that the task leaves out are taken from the host's variables where those are set,
    named C(partner_access_) and the option. This holds for O(tenant_id), O(client_id), the credential, O(cloud),
    O(authority_url), O(graph_url), O(xdr_url) and O(ca_path).
extends_documentation_fragment:
  - mssp.defender._attributes
  - mssp.defender._defender.connection
  - mssp.defender._defender.task
  - mssp.defender._defender.pace
seealso:
  - module: mssp.defender.defender_incident
    description: Changes incidents.
"""

EXAMPLES = r"""
- name: Close an alert as expected
  mssp.defender.defender_alert:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    alert_id: da637551227677560813_-961444813
    status: Resolved
    classification: InformationalExpectedActivity
    determination: SecurityTesting
    comment: Announced by the customer
"""

RETURN = r"""
state:
  description:
    - State of the tenant.
    - One of C(granted), C(partial), C(not_consented), C(no_service), C(bad_credential), C(unknown_tenant), C(blocked),
      C(throttled), C(unreachable), C(error).
    - C(error) also where an alert was not changed as asked. RV(alerts) says which, and why.
  returned: for a single tenant
  type: str
  sample: granted
msg:
  description: What happened, to which tenant, why, and who must do what.
  returned: for a single tenant, and when a fleet task fails
  type: str
  sample: >-
    contoso.example is error: alert da637551227677560813_-961444813 is not in this tenant;
    provider: check tenant_id and alert_id.
tenant_id:
  description: The tenant ID given.
  returned: for a single tenant
  type: str
  sample: contoso.example
alerts:
  description: What became of each alert, in the order given.
  returned: for a single tenant that is C(granted) or that it was tried in
  type: list
  elements: dict
  contains:
    alert_id:
      description: ID of the alert that was worked on.
      type: str
    result:
      description:
        - C(changed), C(unchanged) (it was so already), C(conflict) (updated meanwhile, see O(unchanged_since)),
          C(not_found), C(refused) (by the service),
          C(not_applied) (the service accepted the change, and the record is not so) or
          C(not_reached) (the tenant's trouble came before it).
      type: str
    changed:
      description: Whether something of it was changed, or would be in check mode.
      type: bool
    before:
      description: The fields that change, as they were.
      type: dict
    after:
      description: The fields that change, as they are now.
      type: dict
    msg:
      description: Why it was not changed as asked, and what to do.
      returned: for any other result than C(changed) and C(unchanged)
      type: str
code:
  description: The service's own code for the refusal, or V(null).
  returned: for a single tenant that is not C(granted)
  type: str
  sample: AADSTS7000229
meaning:
  description: What the refusal means.
  returned: for a single tenant that is not C(granted)
  type: str
  sample: alert da637551227677560813_-961444813 is not in this tenant
remedy:
  description: What has to be done.
  returned: for a single tenant that is not C(granted)
  type: str
  sample: check tenant_id and alert_id
who:
  description: Who has to do it, C(provider), C(customer admin) or C(nobody).
  returned: for a single tenant that is not C(granted)
  type: str
  sample: provider
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
  description: The outcome of each tenant, as for a single one, with its name as C(name).
  returned: with O(alerts)
  type: list
  elements: dict
  sample: []
summary:
  description: How many tenants are in each state.
  returned: with O(alerts)
  type: dict
  sample:
    granted: 17
    not_consented: 2
failing:
  description: Why a customer fails the task, by its name. Those are the customers whose state O(fail_on) names.
  returned: with O(alerts)
  type: dict
  sample: {}
"""

from ansible_collections.mssp.defender.plugins.module_utils._module_context import run_module
from ansible_collections.mssp.defender.plugins.module_utils._operations.changing.alert import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
