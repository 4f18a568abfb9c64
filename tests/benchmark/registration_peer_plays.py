# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks for azure.azcollection. They are no files, since ansible-lint knows only what is installed for all."""

from __future__ import annotations

REGISTER = """\
# The same work by azure.azcollection, which finds an application again only by an ID that somebody kept (`app_id`).
- name: Register an application
  hosts: localhost
  gather_facts: false
  module_defaults:
    group/azure.azcollection.all: "{{ azure }}"
  tasks:
    - name: Register
      azure.azcollection.azure_rm_adapplication:
        app_id: "{{ app_id | default(omit) }}"
        display_name: Provider SOC
        sign_in_audience: AzureADMultipleOrgs
        web_reply_urls:
          - https://soc.example/consent-result
        required_resource_accesses:
          - resource_app_id: 8ee8fdad-f234-4243-8f3b-15c294843740
            resource_access:
              - id: a9790345-4595-42e4-971a-ccdc79f19b7c
                type: Role
      register: registered

    - name: Open the service principal
      azure.azcollection.azure_rm_adserviceprincipal:
        app_id: "{{ app_id | default(registered.app_id) }}"
"""

READ_BACK = """\
# What azure.azcollection reads of an application that this collection registered (`app_id`).
- name: Read an application
  hosts: localhost
  gather_facts: false
  module_defaults:
    group/azure.azcollection.all: "{{ azure }}"
  tasks:
    - name: Read the application
      azure.azcollection.azure_rm_adapplication_info:
        app_id: "{{ app_id }}"

    - name: Read the service principal
      azure.azcollection.azure_rm_adserviceprincipal_info:
        app_id: "{{ app_id }}"
"""
