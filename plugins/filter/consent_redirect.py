# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible_collections.mssp.defender.plugins.module_utils._core.identity import consent

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
"""

EXAMPLES = r"""
- name: Tell what the redirect claims
  ansible.builtin.debug:
    msg: "{{ 'https://localhost/consent-result?admin_consent=True' | mssp.defender.consent_redirect }}"
"""

RETURN = r"""
_value:
  description:
    - What the redirect claims, as C(consented), C(declined), C(tenant_id), C(error) and C(error_description).
    - With O(state_key) also C(state_tenant_id), the tenant that the link was made for,
      or C(state_fault), what is wrong with the C(state).
  type: dict
"""


def consent_redirect(url: str, state_key: str | None = None, client_id: str | None = None) -> dict[str, Any]:
    return asdict(consent.read_redirect(url, state_key, client_id))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"consent_redirect": consent_redirect}
