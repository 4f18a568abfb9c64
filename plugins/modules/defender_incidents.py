# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_incidents
short_description: List the Microsoft Defender XDR incidents of a customer tenant
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Lists the incidents of a customer tenant with their alerts, page by page until the last, as Microsoft sends them.
  - A tenant that throttles is waited for, a stale token is renewed once, and a refusal is explained.
  - Reads only, and therefore also runs in check mode.
options:
  api:
    description:
      - V(xdr) is the Defender XDR API, V(graph) is Microsoft Graph security. Records have each API's own shape.
      - V(xdr) needs the permission V(Incident.Read.All), V(graph) needs V(SecurityIncident.Read.All).
    type: str
    choices: [xdr, graph]
    default: xdr
  status:
    description:
      - Only incidents in one of these states.
    type: list
    elements: str
    choices: [Active, InProgress, Resolved, Redirected]
    default: []
  severity:
    description:
      - Only incidents of one of these severities. The Defender XDR API cannot filter by it, so it is done locally.
    type: list
    elements: str
    choices: [Informational, Low, Medium, High]
    default: []
  assigned_to:
    description:
      - Only incidents assigned to this user.
    type: str
  created_after:
    description:
      - Only incidents created at this time or later. An ISO 8601 time, or an age such as V(90m), V(24h) or V(7d).
    type: str
  updated_after:
    description:
      - Only incidents updated at this time or later. An ISO 8601 time, or an age such as V(90m), V(24h) or V(7d).
    type: str
  filter:
    description:
      - An OData filter of your own, joined to the others by C(and).
    type: str
  limit:
    description:
      - Return at most this many incidents of a tenant. By default all.
    type: int
  newest:
    description:
      - How many incidents of a tenant are returned, those that were updated last, the newest first. By default all.
      - All are read and counted all the same. V(0) returns the count alone.
      - Mutually exclusive with O(dest) and O(checkpoint).
    type: int
  dest:
    description:
      - File to write the incidents to, one JSON object a line, with mode V(0600).
        For a fleet a folder, with one file C(NAME.jsonl) for each tenant. The folder must exist.
      - Each incident is written as the service sent it, with nothing but line breaks taken out.
      - The incidents are then not returned.
    type: path
  checkpoint:
    description:
      - File that keeps where the reading of the tenant stands. Only incidents that are new, or were updated since,
        are handed out. For a fleet a folder, with one file C(NAME.checkpoint) for each tenant. The folder must exist.
      - The first run reads all incidents, or those that O(updated_after) lets through, which later runs do not look at.
      - With O(dest) the incidents are added to the end of the file. The checkpoint moves only when they are safely
        there, or returned. A run that ends early repeats incidents and never loses one.
      - In check mode it does not move.
      - Mutually exclusive with O(limit).
    type: path
extends_documentation_fragment:
  - mssp.defender._attributes
  - mssp.defender._defender.connection
  - mssp.defender._defender.tenants
seealso:
  - module: mssp.defender.defender_token
    description: Tells why a tenant cannot be read.
"""

EXAMPLES = r"""
- name: Active incidents of the last day
  mssp.defender.defender_incidents:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    status:
      - Active
    updated_after: 24h
  register: active

- name: High severity incidents of all customers
  mssp.defender.defender_incidents:
    tenants:
      - name: contoso
        tenant_id: contoso.example
      - name: fabrikam
        tenant_id: fabrikam.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    severity:
      - High
    limit: 20

- name: What is new since the last run, added to a file for each customer
  mssp.defender.defender_incidents:
    tenants:
      - name: contoso
        tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    checkpoint: /var/lib/mssp/checkpoints
    dest: /var/lib/mssp/incidents

- name: The same tenant through Microsoft Graph
  mssp.defender.defender_incidents:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    api: graph
    severity:
      - High
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
  description: The tenant ID given.
  returned: for a single tenant
  type: str
  sample: contoso.example
incidents:
  description: The incidents as Microsoft sent them, in no promised order.
  returned: for a single tenant that is C(granted), without O(dest)
  type: list
  elements: dict
  sample:
    - incidentId: 924565
      incidentName: Ransomware activity on one endpoint
      severity: Medium
      status: Active
count:
  description: How many incidents were returned or written.
  returned: for a single tenant that is C(granted)
  type: int
  sample: 1
truncated:
  description: Whether there are more than O(limit) let through.
  returned: for a single tenant that is C(granted)
  type: bool
  sample: false
filtered_locally:
  description: Filters that were applied on this machine, because the API cannot.
  returned: for a single tenant that is C(granted)
  type: list
  elements: str
  sample:
    - severity
warnings:
  description: What Microsoft said about an answer that may be incomplete.
  returned: for a single tenant that is C(granted)
  type: list
  elements: str
  sample: []
dest:
  description: The file that holds the incidents.
  returned: with O(dest)
  type: str
  sample: /var/lib/mssp/contoso.jsonl
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
  returned: with O(tenants)
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
  returned: with O(tenants)
  type: dict
  sample:
    granted: 17
    not_consented: 2
"""

from ansible_collections.mssp.defender.plugins.module_utils._module_host import run_module
from ansible_collections.mssp.defender.plugins.module_utils._operations import incidents


def main() -> None:
    run_module(incidents)


if __name__ == "__main__":
    main()
