# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_incident
short_description: Change Microsoft Defender XDR incidents of customer tenants
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Sets status, assignment, classification, tags and comments of one incident, or of many in many tenants.
  - Each incident is read first, and only what differs is sent. A second run changes nothing.
  - A redirected incident is never changed. The one that it was redirected to is changed in its place.
  - One incident's trouble costs no other incident its change, and one tenant's trouble no other tenant.
options:
  api:
    description:
      - V(graph) is Microsoft Graph security, V(xdr) is the Defender XDR API.
      - V(graph) needs the permission V(SecurityIncident.ReadWrite.All), V(xdr) needs V(Incident.ReadWrite.All).
      - Microsoft ends the Defender XDR API on 2027-02-01 (Message Center MC1220762). V(xdr) warns of it, once a run.
    type: str
    choices: [graph, xdr]
    default: graph
  tenant_id:
    description:
      - The customer's tenant, as GUID or as one of its verified domains. Never V(common). Needed with O(incident_id).
    type: str
  incident_id:
    description:
      - ID of the incident to change. Mutually exclusive with O(incidents).
    type: str
  status: &status
    description:
      - State to set.
    type: str
    choices: [Active, InProgress, Resolved]
  assigned_to: &assigned_to
    description:
      - User to assign the incident to, by user principal name. An empty text takes the assignment away.
    type: str
  classification: &classification
    description:
      - What the incident has turned out to be.
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
  tags: &tags
    description:
      - Custom tags of the incident. Give either C(set), or C(add) and C(remove).
    type: dict
    suboptions:
      add:
        description:
          - Tags to have beside those that are there.
        type: list
        elements: str
      remove:
        description:
          - Tags to be without.
        type: list
        elements: str
      set:
        description:
          - Tags to have, and no others. An empty list takes all away.
        type: list
        elements: str
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
      - Change nothing if the incident has been updated after this time. Give the time of last update
        (C(lastUpdateTime), or C(lastUpdateDateTime) of V(graph)) of the incident as it was read.
    type: str
  incidents:
    description:
      - Many incidents, of one tenant or of many. The task's other options hold for each that does not say otherwise.
        O(incidents[].classification) and O(incidents[].determination) are taken together.
      - Tenants are worked on side by side, and the incidents of a tenant one after the other.
      - Mutually exclusive with O(incident_id).
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
      incident_id:
        description:
          - ID of the incident to change.
        type: str
        required: true
      status: *status
      assigned_to: *assigned_to
      classification: *classification
      determination: *determination
      tags: *tags
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
      - States that make a task with O(incidents) fail when a tenant is in one of them. By default it does not fail.
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
  - module: mssp.defender.defender_incidents
    description: Lists incidents.
  - module: mssp.defender.defender_triage
    description: Changes incidents by rules.
"""

EXAMPLES = r"""
- name: Take an incident on
  mssp.defender.defender_incident:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    incident_id: "924565"
    status: InProgress
    assigned_to: soc-tier1@provider.example
    comment: Taken on by the night shift

- name: Close false positives of two customers, unless somebody has worked on them meanwhile
  mssp.defender.defender_incident:
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    incidents:
      - name: contoso
        tenant_id: contoso.example
        incident_id: "924566"
        unchanged_since: "2026-11-20T15:01:02.29Z"
      - name: fabrikam
        tenant_id: fabrikam.example
        incident_id: "924567"
        tags:
          add: [closed-by-rule]
    status: Resolved
    classification: FalsePositive
    determination: Clean
"""

RETURN = r"""
state:
  description:
    - State of the tenant.
    - One of C(granted), C(partial), C(not_consented), C(no_service), C(bad_credential), C(unknown_tenant), C(blocked),
      C(throttled), C(unreachable), C(error).
    - C(error) also where an incident was not changed as asked. RV(incidents) says which, and why.
  returned: for a single tenant
  type: str
  sample: granted
msg:
  description: What happened, to which tenant, why, and who must do what.
  returned: for a single tenant, and when a fleet task fails
  type: str
  sample: >-
    contoso.example is error: incident 924565 is not in this tenant; provider: check tenant_id and incident_id.
tenant_id:
  description: The tenant ID given.
  returned: for a single tenant
  type: str
  sample: contoso.example
incidents:
  description: What became of each incident, in the order given.
  returned: for a single tenant that is C(granted) or that it was tried in
  type: list
  elements: dict
  contains:
    incident_id:
      description: ID of the incident that was worked on.
      type: str
    result:
      description:
        - C(changed), C(unchanged) (it was so already), C(conflict) (updated meanwhile, see O(unchanged_since)),
          C(not_found), C(refused) (by the service), C(skipped) (redirected to nowhere),
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
    redirected_from:
      description: ID that was asked for, where the incident has been redirected to another one.
      returned: for a redirected incident
      type: str
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
  sample: incident 924565 is not in this tenant
remedy:
  description: What has to be done.
  returned: for a single tenant that is not C(granted)
  type: str
  sample: check tenant_id and incident_id
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
  returned: with O(incidents)
  type: list
  elements: dict
  sample: []
summary:
  description: How many tenants are in each state.
  returned: with O(incidents)
  type: dict
  sample:
    granted: 17
    not_consented: 2
failing:
  description: Why a customer fails the task, by its name. Those are the customers whose state O(fail_on) names.
  returned: with O(incidents)
  type: dict
  sample: {}
"""

from ansible_collections.mssp.defender.plugins.module_utils._module_context import run_module
from ansible_collections.mssp.defender.plugins.module_utils._operations.changing.incident import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
