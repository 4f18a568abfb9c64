# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: customers
short_description: One host for each customer tenant
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Makes a host of each customer, from lists in CSV or YAML, from Microsoft Graph, or from both.
  - A tenant that stands in several places becomes one host, which has the variables of all of them.
  - The configuration is a YAML file whose name ends in C(customers.yml) or C(customers.yaml).
  - >-
    Each host has C(partner_access_tenant_id), and C(partner_access_customer) with what is known of the customer, which
    is its C(name), and where known C(domain), C(sources), C(relationships) (each with C(id), C(name), C(status),
    C(ends_at) and C(roles)) and C(contract_type). Every further column of a list is a variable of its own.
  - Texts from lists and from Microsoft are never evaluated as templates.
notes:
  - Secrets come from the environment and from files only, because a configuration lies in a project.
    One that stands in it is refused, and so is a list with a column of secrets.
  - The inventory fails as a whole where a part of it cannot be read, so that no customer is missing unnoticed.
    Ansible itself goes on after that, with a warning, unless C(any_unparsed_is_failed) is set in C([inventory]).
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
  - mssp.defender._defender.connection
options:
  plugin:
    description:
      - Says that the file is for this plugin.
    type: str
    required: true
    choices: [mssp.defender.customers]
  files:
    description:
      - Customer lists, by paths relative to the configuration. CSV (C(.csv), C(.tsv)) with the names of the columns in
        the first line, or YAML or JSON (C(.yml), C(.yaml), C(.json)) with a list of mappings. All in UTF-8, or in
        UTF-16 with its mark. A first line such as C(sep=;) names the delimiter of a CSV.
      - The columns C(name), and C(tenant_id) or C(domain), make the host. An empty cell makes no variable.
      - >-
        The names of other columns become lower-case names of variables. What Ansible calls its own, such as C(tags) or
        C(port), has C(customer_) in front of it.
    type: list
    elements: str
    default: []
  columns:
    description:
      - Under which headers the lists have C(name), C(tenant_id) and C(domain), where that is not their name.
    type: dict
    default: {}
  partner:
    description:
      - Which of the partner's customers Microsoft Graph is asked for.
      - V(delegated_admin_customers) are those of delegated administration (GDAP), and need the application permission
        C(DelegatedAdminRelationship.Read.All). V(contracts) need C(Directory.Read.All).
    type: list
    elements: str
    choices: [delegated_admin_customers, contracts]
    default: []
  relationship_status:
    description:
      - Customers of delegated administration are taken who have a relationship in one of these statuses.
    type: list
    elements: str
    choices:
      - activating
      - active
      - approvalPending
      - approved
      - created
      - expired
      - expiring
      - terminated
      - terminating
      - terminationRequested
    default: [active]
  home_tenant_id:
    description:
      - The provider's own tenant, in which O(partner) and O(resolve=graph) ask Microsoft Graph.
    type: str
    env:
      - name: AZURE_TENANT_ID
  resolve:
    description:
      - How a domain in a list becomes the GUID of its tenant. V(discovery) asks the token issuer and needs no rights.
        V(graph) needs the application permission C(CrossTenantInformation.ReadBasic.All). V(none) leaves domains as
        they are, which every task understands.
      - A domain without a tenant stays as it is, with a warning. With O(strict=true) it is an error.
    type: str
    choices: [discovery, graph, none]
    default: discovery
  duplicates:
    description:
      - Whether a tenant that stands twice in the lists is one host or an error. What contradicts itself is an error
        always. Customers from Microsoft Graph complete those of the lists in any case.
    type: str
    choices: [merge, refuse]
    default: merge
  group:
    description:
      - Group of all these hosts.
    type: str
    default: customers
  concurrency:
    description:
      - How many domains are looked up at the same time.
    type: int
    default: 16
  client_id:
    env:
      - name: AZURE_CLIENT_ID
  client_secret:
    env:
      - name: AZURE_CLIENT_SECRET
  certificate_path:
    # as a path, the empty value that AWX sets would be the working directory
    type: str
    env:
      - name: AZURE_CLIENT_CERTIFICATE_PATH
  certificate_password:
    env:
      - name: AZURE_CLIENT_CERTIFICATE_PASSWORD
  federated_token_file:
    type: str
    env:
      - name: AZURE_FEDERATED_TOKEN_FILE
  ca_path:
    type: str
"""

EXAMPLES = r"""
# soc.customers.yml: the customers of a list
plugin: mssp.defender.customers
files: [lists/customers.csv]
---
# An export with headers of its own, completed by what Microsoft knows; groups by country and by contract
plugin: mssp.defender.customers
files: [lists/crm-export.csv]
columns:
  name: Account
  tenant_id: Microsoft ID
partner: [delegated_admin_customers, contracts]
home_tenant_id: 11111111-1111-4111-8111-111111111111
client_id: 22222222-2222-4222-8222-222222222222
keyed_groups:
  - key: country
    prefix: country
groups:
  resold: partner_access_customer.contract_type == 'ResellerPartner'
compose:
  contract_ends_at: partner_access_customer.relationships | map(attribute='ends_at') | max
"""

import json
import re
from pathlib import Path
from typing import Any, TypeGuard

from ansible.errors import AnsibleOptionsError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.path import unfrackpath

from ansible_collections.mssp.defender.plugins.module_utils._core.customers.customer import Customer
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.files import given_bytes
from ansible_collections.mssp.defender.plugins.module_utils._core.results import Result
from ansible_collections.mssp.defender.plugins.module_utils._front_door import check_texts, perform, told
from ansible_collections.mssp.defender.plugins.module_utils._operations import options
from ansible_collections.mssp.defender.plugins.module_utils._operations.customers.inventory import (
    OPERATION,
    InventoryResult,
)
from ansible_collections.mssp.defender.plugins.module_utils._operations.task_context import Params, TaskContext
from ansible_collections.mssp.defender.plugins.plugin_utils._inventory_draft import TENANT_ID, InventoryDraft
from ansible_collections.mssp.defender.plugins.plugin_utils._inventory_file import NAMES, PLUGIN, REFUSED
from ansible_collections.mssp.defender.plugins.plugin_utils._run_directory import run_directory
from ansible_collections.mssp.defender.plugins.plugin_utils._trust import untrusted
from ansible_collections.mssp.defender.plugins.plugin_utils._vault import RunVault

_OURS = re.compile(r"""\bplugin["']?\s*:\s*["']?mssp\.defender\.customers\b""")
_PATHS = ("certificate_path", "federated_token_file", "ca_path")
_ASKED = ("partner", "relationship_status", "home_tenant_id", "resolve", "cloud", "authority_url", "graph_url")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = PLUGIN
    inventory: InventoryData

    def verify_file(self, path: str) -> bool:
        if not super().verify_file(path) or not path.endswith(NAMES):
            return False
        try:
            return bool(_OURS.search(given_bytes(Path(path)).decode(errors="replace")))
        except OSError:
            # a pipe, or a file that went away
            return False

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        try:
            self._parse(loader, path, cache)
        except AnsibleParserError as error:
            REFUSED[path] = str(error)
            raise

    def _parse(self, loader: DataLoader, path: str, cache: bool) -> None:
        config = self._read_config_data(path)
        self._check(config, path)
        try:
            check_texts(config)
            params = self._params(config, Path(path).parent)
        except (AnsibleOptionsError, OptionError) as error:
            raise AnsibleParserError(told(OPERATION, str(error), config)) from None
        cached = self.get_option("cache")
        # answers to other questions are none to these
        key = self.get_cache_key(f"{path} {json.dumps([params[option] for option in _ASKED])}")
        answers = self._cache.get(key) if cached and cache else None
        given = {**params, "answers": answers}
        task = TaskContext(given, self.display.warning, run_directory=run_directory(), vault=RunVault.of(loader))
        result = perform(OPERATION, task)
        if not _is_whole(result):
            raise AnsibleParserError(result["msg"])
        if cached and result["answers"] != answers:
            self._cache[key] = result["answers"]
        self._fill(result["customers"])

    def _check(self, config: Params, path: str) -> None:
        """Raise AnsibleParserError for what must not, or cannot, stand in a configuration."""
        for option in config:
            if OPERATION.arguments.get(option, {}).get("no_log"):
                variable = OPERATION.arguments[option]["fallback"][1][0]
                raise AnsibleParserError(f"{option} stands in {path}: take the secret out and set {variable} instead")
            if option not in self.option_definitions:
                raise AnsibleParserError(f"{path} has an option '{option}', which there is not: correct its name")
        if config.get("group") == "ungrouped":
            raise AnsibleParserError(f"{path} has the group ungrouped, which loses hosts of other groups: name another")

    def _params(self, config: Params, folder: Path) -> Params:
        """Return the options of the operation; what is empty is not given."""
        given = [option for option, value in config.items() if value]
        closed = options.kept_from_environment(given)
        params: dict[str, Any] = {
            option: None if option in closed else self.get_option(option) for option in OPERATION.arguments
        }
        params = {option: None if value == "" else value for option, value in params.items()}
        for option in _PATHS:
            if params[option]:
                params[option] = unfrackpath(params[option], basedir=str(folder) if option in given else None)
        params["files"] = [unfrackpath(file, basedir=str(folder)) for file in params["files"]]
        return params

    def _fill(self, customers: list[Customer]) -> None:
        """Put the customers into Ansible's inventory, all of them or none. Raises AnsibleParserError."""
        # what fails in the middle would leave the customers before it, and Ansible would go on with these
        draft = self.inventory = InventoryDraft(self.inventory, customers)
        group = draft.add_group(self._sanitize_group_name(self.get_option("group") or "customers"))
        for customer in customers:
            self._add(customer, draft.add_customer(customer.name, group))
        draft.commit()

    def _add(self, customer: Customer, host: str) -> None:
        own = {TENANT_ID: customer.tenant_id, "partner_access_customer": customer.known()}
        variables = {name: untrusted(value) for name, value in {**customer.variables, **own}.items()}
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)


def _is_whole(result: Result) -> TypeGuard[InventoryResult]:
    return not result.get("failed")
