# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import answers

DOCUMENTATION = r"""
name: consent_redirect
short_description: Read the redirect that follows a consent page
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Reads the parameters that the browser of a customer's administrator brings back, and checks the signed C(state).
  - A redirect is a hint only, for anybody can forge one. Prove the consent with M(mssp.defender.defender_token).
positional: state_key
options:
  _input:
    description: The URL that the browser was sent to.
    type: str
    required: true
  state_key:
    description: The secret that the C(state) of the link was signed with. Without it the C(state) is not checked.
    type: str
  client_id:
    description: The application that the link was made for.
    type: str
  tenant_id:
    description:
      - The customer's tenant GUID.
      - Needed for a link that was made for a domain, because the redirect names the tenant by its GUID.
        Without it such a redirect has a C(state_fault).
      - A domain cannot be compared with a link that was made for a GUID.
    type: str
"""

EXAMPLES = r"""
- name: Tell what the redirect claims
  ansible.builtin.debug:
    msg: "{{ 'https://localhost/consent-result?admin_consent=True' | mssp.defender.consent_redirect }}"

- name: Check the state of a link that was made for a domain
  ansible.builtin.debug:
    msg: "{{ url | mssp.defender.consent_redirect(key, tenant_id='44444444-4444-4444-4444-444444444444') }}"
  vars:
    url: https://localhost/consent-result?admin_consent=True&tenant=44444444-4444-4444-4444-444444444444&state=...
    key: "{{ lookup('ansible.builtin.password', '/dev/null', length=32) }}"
"""

RETURN = r"""
_value:
  description:
    - What the redirect claims, as C(consented), C(declined), C(tenant_id), C(error) and C(error_description).
    - C(declined) is true only where the administrator decided so.
    - Of any error C(code) is Microsoft's AADSTS code, or null, and C(meaning), C(remedy) and C(who) say what happened,
      what to do and who must do it.
    - With O(state_key) also C(state_tenant_id), the tenant that the link was made for, or C(state_fault), why the
      C(state) is not good, or why the redirect cannot be told to be of that tenant. Do not act on one with a fault.
  type: dict
"""


def consent_redirect(
    url: str, state_key: str | None = None, client_id: str | None = None, tenant_id: str | None = None
) -> dict[str, object]:
    optional = {"state_key": state_key, "client_id": client_id, "tenant_id": tenant_id}
    given = {"the redirect": url, **{name: value for name, value in optional.items() if value is not None}}
    odd = [name for name, value in given.items() if not isinstance(value, str)]
    if odd:
        raise AnsibleFilterError(f"consent_redirect: {odd[0]} is not text: put its value in quotes")
    try:
        return asdict(answers.read_redirect(url, state_key, client_id, tenant_id))
    except OptionError as error:
        raise AnsibleFilterError(f"consent_redirect: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"consent_redirect": consent_redirect}
