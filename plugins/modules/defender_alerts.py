# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_alerts
short_description: List the Microsoft Defender alerts of a customer tenant
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Lists the alerts of a customer tenant (C(alerts_v2) of Microsoft Graph security) as Microsoft sends them,
    all of them, whatever is updated meanwhile.
  - Reads them by time of last update, in portions that fit a page, because paging loses what moves between two pages,
    and Microsoft Graph pages no further than 500 alerts.
  - An alert over which the service fails is left out and named, and all others arrive.
  - Needs the permission V(SecurityAlert.Read.All) of Microsoft Graph. No other API lists alerts by themselves.
  - A tenant that throttles is waited for, a stale token is renewed once, and a refusal is explained.
  - Reads only, and therefore also runs in check mode.
options:
  status:
    description:
      - Only alerts in one of these states. More than one state is filtered locally.
    type: list
    elements: str
    choices: [New, InProgress, Resolved]
    default: []
  severity:
    description:
      - Only alerts of one of these severities. More than one severity is filtered locally.
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
  - module: mssp.defender.defender_incidents
    description: Lists what alerts belong to.
  - module: mssp.defender.defender_token
    description: Tells why a tenant cannot be read.
"""

EXAMPLES = r"""
- name: High severity alerts of the last day that nobody has taken up
  mssp.defender.defender_alerts:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    status:
      - New
    severity:
      - High
    created_after: 24h
  register: untouched

- name: What is new since the last run, added to a file for each customer
  mssp.defender.defender_alerts:
    tenants:
      - name: contoso
        tenant_id: contoso.example
      - name: fabrikam
        tenant_id: fabrikam.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    checkpoint: /var/lib/mssp/alerts
    dest: /var/lib/mssp/alerts
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
alerts:
  description: The alerts as Microsoft sent them, in no promised order.
  returned: for a single tenant that is C(granted), without O(dest)
  type: list
  elements: dict
  sample:
    - id: da637551227677560813_-961444813
      title: Suspicious file
      severity: medium
      status: new
count:
  description: How many alerts were returned or written.
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
quarantined:
  description:
    - What the service fails over (HTTP 5xx) while it sends all else.
      The next run with the same O(checkpoint) tries it again.
    - C(id) is V(null) where the service does not tell it, C(updated) is the time of last update.
  returned: for a single tenant that is C(granted)
  type: list
  elements: dict
  sample:
    - id: da637551227677560814_-961444814
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
set_aside:
  description:
    - Where the file in O(dest) was put that holds incidents of the Defender XDR API, because one file never holds two
      shapes. In check mode, where it would be put.
  returned: with O(dest) and O(checkpoint), where there was such a file and something to write
  type: str
  sample: /var/lib/mssp/contoso.jsonl.xdr
dest:
  description: The file that holds the alerts.
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
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading.alerts import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
