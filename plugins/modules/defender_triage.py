# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_triage
short_description: Change the open incidents of customer tenants by rules
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Reads the open incidents of each tenant, finds the first rule that matches each, and makes the changes it asks for.
  - In check mode it returns the plan and changes nothing.
  - An incident that somebody updates between the reading and the change is left alone.
    The next run looks at it again.
  - Only what differs is sent, and a second run changes nothing.
options:
  rules:
    description:
      - Rules in their order. The first that matches an incident counts, and the others do not look at it.
      - Each has C(name), C(match) and C(set).
      - C(match) has one or more of these, all of which must hold.
        C(status) and C(severity), each one or more values. Without C(status), V(Active) and V(InProgress) match.
        C(title), a regular expression that is searched for in the title, in upper or lower case alike.
        C(tags), custom tags that it must have, all of them.
        C(service_source), one or more services of which an alert comes, such as C(MicrosoftDefenderForEndpoint).
        C(assigned_to), where an empty text means nobody.
        C(older_than), the time since it was created, such as V(90m), V(24h) or V(7d).
      - C(set) has C(status), C(assigned_to), C(classification), C(determination), C(tags), C(comment) and
        C(comment_key) as M(mssp.defender.defender_incident) has them.
        With nothing in it, the rule leaves its incidents alone.
      - Either this or O(rules_file).
    type: list
    elements: dict
  rules_file:
    description:
      - File with the rules, a YAML list in UTF-8, instead of O(rules).
      - Nothing in it is taken for a template.
    type: path
  api:
    description:
      - V(graph) is Microsoft Graph security, V(xdr) is the Defender XDR API.
      - V(graph) needs the permission V(SecurityIncident.ReadWrite.All), V(xdr) needs V(Incident.ReadWrite.All),
        in check mode too.
      - Microsoft ends the Defender XDR API on 2027-02-01 (Message Center MC1220762). V(xdr) warns of it, once a run.
    type: str
    choices: [graph, xdr]
    default: graph
  updated_after:
    description:
      - Look only at incidents updated at this time or later.
        An ISO 8601 time, or an age such as V(90m), V(24h) or V(7d).
    type: str
extends_documentation_fragment:
  - mssp.defender._attributes
  - mssp.defender._defender.connection
  - mssp.defender._defender.task
  - mssp.defender._defender.tenants
  - mssp.defender._defender.pace
seealso:
  - module: mssp.defender.defender_incident
    description: Changes incidents by their IDs.
"""

EXAMPLES = r"""
- name: Close what is known to be harmless, and hand the rest of the high ones to tier 2
  mssp.defender.defender_triage:
    tenants:
      - name: contoso
        tenant_id: contoso.example
      - name: fabrikam
        tenant_id: fabrikam.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    rules:
      - name: leave the red team's incidents alone
        match:
          tags: red-team
        set: {}
      - name: informational ones that nobody took for a week
        match:
          severity: Informational
          assigned_to: ""
          older_than: 7d
        set:
          status: Resolved
          classification: InformationalExpectedActivity
          determination: ConfirmedActivity
          comment: Closed by rule, nobody took it for a week
      - name: high ones
        match:
          severity: High
          assigned_to: ""
        set:
          assigned_to: soc-tier2@provider.example
          tags:
            add: [tier2]

- name: The same with rules from a file
  mssp.defender.defender_triage:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    rules_file: /etc/mssp/rules.yml
"""

RETURN = r"""
state:
  description:
    - State of the tenant.
    - One of C(granted), C(partial), C(not_consented), C(no_service), C(bad_credential), C(unknown_tenant), C(blocked),
      C(throttled), C(unreachable), C(error).
    - C(error) also where a change was refused. RV(changes) says which, and why.
  returned: for a single tenant
  type: str
  sample: granted
msg:
  description: What happened, to which tenant, why, and who must do what.
  returned: for a single tenant, and when a fleet task fails
  type: str
  sample: >-
    contoso.example is partial: the API demands Incident.ReadWrite.All, which the token lacks (403);
    customer admin: consent again, to Incident.ReadWrite.All.
tenant_id:
  description: The tenant ID given.
  returned: for a single tenant
  type: str
  sample: contoso.example
read:
  description: How many incidents were read.
  returned: for a single tenant that is C(granted)
  type: int
  sample: 120
matched:
  description: How many of them a rule matched, those included that are as it wants them already.
  returned: for a single tenant that is C(granted)
  type: int
  sample: 14
quarantined:
  description: Incidents that the service could not send, with C(id), C(updated) and C(code). No rule has seen them.
  returned: for a single tenant that is C(granted)
  type: list
  elements: dict
  sample: []
warnings:
  description: What Microsoft said about an answer that may be incomplete.
  returned: for a single tenant that is C(granted)
  type: list
  elements: str
  sample: []
changes:
  description: The incidents that a rule wants to be otherwise, and what became of each.
  returned: for a single tenant that is C(granted) or that it was tried in
  type: list
  elements: dict
  contains:
    incident_id:
      description: ID of the incident that was worked on.
      type: str
    result:
      description:
        - C(changed), C(unchanged) (somebody made it so meanwhile), C(conflict) (updated meanwhile, and left alone),
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
    rule:
      description: Name of the rule that matched it.
      type: str
    title:
      description: Title of the incident.
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
  sample: the API demands Incident.ReadWrite.All, which the token lacks
remedy:
  description: What has to be done.
  returned: for a single tenant that is not C(granted)
  type: str
  sample: consent again, to Incident.ReadWrite.All
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
  description: The outcome of each tenant, as for a single one, with its name as C(name).
  returned: with O(tenants) or O(hosts)
  type: list
  elements: dict
  sample: []
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
from ansible_collections.mssp.defender.plugins.module_utils._operations.changing.triage import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
