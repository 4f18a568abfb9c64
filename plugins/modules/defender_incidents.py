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
  - Lists the incidents of a customer tenant as Microsoft sends them, all of them, whatever is updated meanwhile.
  - Reads them by time of last update, in portions that fit a page, because paging loses what moves between two pages.
  - An incident over which the service fails is left out and named, and all others arrive.
  - A redirected incident is handed out and its target too, even where that lies outside of what was asked for.
  - A tenant that throttles is waited for, a stale token is renewed once, and a refusal is explained.
  - Reads only, and therefore also runs in check mode.
options:
  api:
    description:
      - V(graph) is Microsoft Graph security, V(xdr) is the Defender XDR API. Records have each API's own shape,
        to which O(normalize) adds a common one.
      - V(graph) needs the permission V(SecurityIncident.Read.All), V(xdr) needs V(Incident.Read.All).
      - Microsoft ends the Defender XDR API on 2027-02-01 (Message Center MC1220762). V(xdr) warns of it, once a run.
    type: str
    choices: [graph, xdr]
    default: graph
  alerts:
    description:
      - Whether Microsoft Graph is to send the alerts of each incident with it, which takes no further call.
        The Defender XDR API always does.
      - Where Microsoft Graph fails over an incident with many alerts, that one comes without them, and is named in
        C(quarantined).
    type: bool
    default: true
  switched_checkpoint:
    description:
      - What to do with a O(checkpoint) of the other API, after a change of O(api). The filters must be the same.
      - V(continue) goes on where that one stood. An incident has the same ID in both APIs, and those that were updated
        within the last half an hour before may come again.
      - V(restart) begins anew with O(backfill).
    type: str
    choices: [continue, restart]
    default: continue
  status:
    description:
      - Only incidents in one of these states. More than one state is filtered locally.
    type: list
    elements: str
    choices: [Active, InProgress, AwaitingAction, Resolved, Redirected]
    default: []
  severity:
    description:
      - Only incidents of one of these severities. The Defender XDR API cannot filter by it, so it is done locally.
    type: list
    elements: str
    choices: [Informational, Low, Medium, High]
    default: []
extends_documentation_fragment:
  - mssp.defender._attributes
  - mssp.defender._defender.connection
  - mssp.defender._defender.task
  - mssp.defender._defender.tenants
  - mssp.defender._defender.pace
  - mssp.defender._reading
seealso:
  - module: mssp.defender.defender_token
    description: Tells why a tenant cannot be read.
  - module: mssp.defender.defender_alerts
    description: Lists alerts by themselves.
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
    backfill: 90d

- name: As Microsoft's page on partner access has it, by the API that Microsoft ends
  mssp.defender.defender_incidents:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    api: xdr
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
    - id: "924565"
      displayName: Ransomware activity on one endpoint
      severity: medium
      status: active
count:
  description: How many incidents were returned or written.
  returned: for a single tenant that is C(granted), or that O(dest) and O(checkpoint) are given for
  type: int
  sample: 1
severities:
  description: How many of these have each severity, in the words of the API in lower case.
  returned: for a single tenant that is C(granted), or that O(dest) and O(checkpoint) are given for
  type: dict
  sample:
    medium: 1
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
redirects:
  description:
    - The redirected incidents among those handed out, which were merged into others.
    - C(target) is the incident at the end of the redirections, C(found) whether the service has it.
    - With O(limit) they are not followed, and none is named.
  returned: for a single tenant that is C(granted)
  type: list
  elements: dict
  sample:
    - id: "924565"
      target: "924521"
      found: true
quarantined:
  description:
    - What the service fails over (HTTP 5xx) while it sends all else.
      The next run with the same O(checkpoint) tries it again.
    - C(id) is V(null) where no service tells it, C(updated) is the time of last update. The Defender XDR API does not
      tell it, and Microsoft Graph is asked where the customer has granted that.
    - With O(alerts), an incident of which only the alerts cannot be read is named here and handed out without them.
  returned: for a single tenant that is C(granted)
  type: list
  elements: dict
  sample:
    - id: "924570"
      updated: "2026-11-20T15:01:02.2900000Z"
      code: "500"
complete_until:
  description:
    - The read did not finish. What was last updated before this time has been written, and O(checkpoint) has moved
      there, so that the next run goes on behind it.
  returned: for a single tenant that is not C(granted), with O(dest) and O(checkpoint)
  type: str
  sample: "2026-11-20T15:01:02.2900000Z"
warnings:
  description: What Microsoft said about an answer that may be incomplete.
  returned: for a single tenant that is C(granted)
  type: list
  elements: str
  sample: []
switched_from:
  description: The API that O(checkpoint) was of until now. In check mode, what the switch would do from it on.
  returned: for a single tenant that is C(granted), after a change of O(api)
  type: str
  sample: xdr
set_aside:
  description:
    - Where the file in O(dest) was put that holds records of the other API, because one file never holds both shapes.
    - It is the name of that file with the API behind it, and a number where that is taken. In check mode, where it
      would be put.
  returned: with O(dest) and O(checkpoint), where there was such a file and something to write
  type: str
  sample: /var/lib/mssp/contoso.jsonl.xdr
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
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading.incidents import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
