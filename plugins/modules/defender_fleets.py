# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_fleets
short_description: Group customers so that one task can work for many
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Groups inventory hosts by the application that they are looked after with, and by further settings where asked for.
    Customers that agree in all of them are a fleet, for which one task can work.
  - The settings are the variables C(partner_access_) and the name of an option, as the role
    P(mssp.defender.partner_access#role) has them, with C(client_id), C(cloud), C(authority_url), C(graph_url),
    C(xdr_url), C(ca_path), C(redirect_uri), C(permissions) and C(required_roles) always among them.
  - Each host's variables are those that a task on it would see. It is one task for the whole play, however many hosts.
  - A credential is not compared. The first host of a fleet has it for all.
  - Changes nothing.
options:
  hosts:
    description:
      - Names of the hosts. A customer's tenant is its variable C(partner_access_tenant_id).
    type: list
    elements: str
    required: true
  settings:
    description:
      - Further variables that customers of one fleet must agree in, without C(partner_access_).
    type: list
    elements: str
    default: []
attributes:
  action_group:
    support: none
    membership: []
extends_documentation_fragment:
  - mssp.defender._attributes
notes:
  - It always runs once for all hosts, and neither with C(async) nor with C(delegate_to).
"""

EXAMPLES = r"""
- name: Group the customers by application
  mssp.defender.defender_fleets:
    hosts: "{{ ansible_play_batch }}"
  run_once: true
  register: grouped

- name: Read the incidents of each fleet
  mssp.defender.defender_incidents:
    inventory_host: "{{ item }}"
    tenants: "{{ grouped.fleets[item].tenants }}"
  loop: "{{ grouped.fleets | list }}"
  run_once: true
  register: read
"""

RETURN = r"""
fleets:
  description: The fleets, by the name of the first host of each.
  returned: success
  type: dict
  contains:
    settings:
      description: The variables that its customers agree in, without C(partner_access_), where they have them.
      type: dict
    tenants:
      description: C(name) and C(tenant_id) of each customer, for the option C(tenants) of other modules.
      type: list
      elements: dict
  sample:
    contoso:
      settings:
        client_id: 11111111-1111-1111-1111-111111111111
        cloud: worldwide
      tenants:
        - name: contoso
          tenant_id: contoso.example
        - name: fabrikam
          tenant_id: fabrikam.example
unusable:
  description: Why a host belongs to no fleet, by its name.
  returned: success
  type: dict
  sample: {}
"""

from ansible_collections.mssp.defender.plugins.module_utils._module_context import run_module
from ansible_collections.mssp.defender.plugins.module_utils._operations.fleets import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
