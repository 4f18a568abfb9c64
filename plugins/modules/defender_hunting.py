# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_hunting
short_description: Run an advanced hunting query in customer tenants
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Runs one query in the Kusto language (KQL) in each tenant, and returns the rows or writes those of all tenants into
    one file.
  - The query goes out byte for byte as it is given.
  - What Microsoft cut off at 100,000 rows is named so. A refusal is explained, with Microsoft's own message whole.
  - Reads only, and therefore also runs in check mode, which writes no file.
options:
  api:
    description:
      - V(graph) is Microsoft Graph security and needs the permission V(ThreatHunting.Read.All).
      - V(xdr) is the Defender XDR API and needs V(AdvancedHunting.Read.All). Microsoft ends it on 2027-02-01.
    type: str
    choices: [graph, xdr]
    default: graph
  query:
    description:
      - The query. Exactly one of O(query) and O(query_file) is needed.
      - Ansible templates what stands in a task. A query with C({{) or C({%) in it needs the tag C(!unsafe) in front of
        its text, or O(query_file), which Jinja never touches.
    type: str
  query_file:
    description:
      - File with the query, in UTF-8. Exactly one of O(query) and O(query_file) is needed.
    type: path
  timespan:
    description:
      - The time that the query looks at, a duration in ISO 8601 such as V(P7D), or two times with a slash between.
        By default 30 days, which is the most. Where the query filters by time itself, the shorter time counts.
      - Only with O(api=graph). The Defender XDR API has no such thing.
    type: str
  dest:
    description:
      - File to write the rows of all tenants to, with mode V(0600). It is a table where its name ends in C(.csv), and
        has a JSON object a line where it ends in C(.jsonl). A missing folder is made.
      - The first column is C(tenant), the name of the tenant. A table has the columns of all tenants, and nothing in
        those that a tenant does not have. Values that are lists or objects stand in it as JSON.
      - A text that a spreadsheet would take for a formula has an apostrophe before it in a CSV file.
      - The rows are then not returned.
      - Beside it lies a hidden file C(.NAME.hunt), which tells the tenants that are in it. Another run with the same
        query asks only the others and adds their rows. With another query it is refused. Remove O(dest) to begin again.
        Nobody else may be able to write to the folder.
      - One task writes it at a time. Hunt in several tenants by O(tenants), and not by a task on the host of each.
    type: path
extends_documentation_fragment:
  - mssp.defender._attributes
  - mssp.defender._defender.connection
  - mssp.defender._defender.task
  - mssp.defender._defender.tenants
  - mssp.defender._defender.pace
notes:
  - A query may take three minutes. Its answer is waited for at least 200 seconds, or O(timeout) where that is longer.
seealso:
  - module: mssp.defender.defender_incidents
    description: Lists the incidents of the same tenants.
"""

EXAMPLES = r"""
- name: Devices of one tenant
  mssp.defender.defender_hunting:
    tenant_id: contoso.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    query: DeviceInfo | summarize count() by OSPlatform
    timespan: P7D
  register: platforms

- name: Keep a query in a file
  ansible.builtin.copy:
    content: |
      AlertEvidence
      | where RemoteUrl contains "files.example"
    dest: /var/lib/mssp/download.kql
    mode: "0600"
  delegate_to: localhost

- name: Hunt in all customers, and go on where an earlier run ended
  mssp.defender.defender_hunting:
    tenants:
      - name: contoso
        tenant_id: contoso.example
      - name: fabrikam
        tenant_id: fabrikam.example
    client_id: 11111111-1111-1111-1111-111111111111
    client_secret: "{{ lookup('ansible.builtin.env', 'AZURE_CLIENT_SECRET') }}"
    query_file: /var/lib/mssp/download.kql
    dest: /var/lib/mssp/download.csv
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
    contoso.example is error: the API refused the request: Query exceeded the timeout period of 3 minutes (BadRequest);
    provider: narrow the query: filter by time and by indexed columns first.
tenant_id:
  description: The tenant ID given.
  returned: for a single tenant
  type: str
  sample: contoso.example
rows:
  description: The rows as Microsoft sent them.
  returned: for a single tenant that is C(granted), without O(dest)
  type: list
  elements: dict
  sample:
    - OSPlatform: Windows11
      count_: 17
count:
  description: How many rows were returned or written.
  returned: for a single tenant that is C(granted)
  type: int
  sample: 1
truncated:
  description: Whether these are the 100,000 rows that Microsoft returns at most.
  returned: for a single tenant that is C(granted)
  type: bool
  sample: false
schema:
  description: The columns, each with its C(name) and its C(type).
  returned: for a single tenant that was asked and is C(granted)
  type: list
  elements: dict
  sample:
    - name: OSPlatform
      type: String
    - name: count_
      type: Int64
stats:
  description: What the query cost, as the Defender XDR API tells it.
  returned: with O(api=xdr), for a single tenant that was asked and is C(granted)
  type: dict
  sample:
    ExecutionTime: 4.6
warnings:
  description: Whether rows may be missing, and which columns of O(dest) the tenant does not have.
  returned: for a single tenant that is C(granted)
  type: list
  elements: str
  sample: []
from_earlier_run:
  description: Whether the rows were there already, so that the tenant was not asked.
  returned: with O(dest), for a single tenant that is C(granted)
  type: bool
  sample: false
finished_at:
  description: When the tenant answered.
  returned: with O(dest), for a single tenant that is C(granted)
  type: str
  sample: "2026-11-23T01:00:00Z"
dest:
  description: The file that holds the rows.
  returned: with O(dest)
  type: str
  sample: /var/lib/mssp/download.csv
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
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading.hunting import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
