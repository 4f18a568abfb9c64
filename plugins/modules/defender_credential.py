# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: defender_credential
short_description: Give the application a credential, and rotate it without a gap
version_added: 0.1.0
author: mssp.defender contributors (@mssp-defender)
description:
  - Keeps one credential of an application, found by its name again. A second run changes nothing until the credential
    comes near its end.
  - A rotation adds the new credential, waits until it really gets a token, stores it, and only then retires what came
    before. The last good one stays for O(overlap). Whatever fails on the way leaves a credential that works, and the
    message says which.
  - A new private key or secret goes straight into O(dest), encrypted with Ansible Vault and the vault password that the
    run has. A key is never in the result, a secret only where O(expose_secret) asks for it.
  - Before it makes a secret or a certificate it reads the app management policies of the tenant and of the application,
    where the registrar has C(Policy.Read.All), and fails with nothing made where they forbid the O(kind) or the
    O(lifetime). Without that right the refusal of Microsoft Graph is explained.
  - One name belongs to one O(dest). Runs on one machine wait for each other. Do not let two machines rotate the same
    name at the same time.
options:
  kind:
    description:
      - V(certificate) is a key with a certificate. The key is made here, or given in O(dest), and only the public part
        travels.
      - V(federated) accepts the tokens of another identity provider. There is nothing to keep secret or to rotate, so
        it is the best choice for a workload that has an identity, such as a pipeline or a pod.
      - V(secret) is a client secret. It travels with every sign-in, and Microsoft's Zero Trust assessment counts any
        secret against an application, expired or not. Choose it only where nothing else is possible.
      - With V(certificate) a secret of the same O(name) that is older is a predecessor. It stays for O(overlap), and is
        then retired. Of other secrets there is a warning at each run, and they stay.
    type: str
    choices: [certificate, federated, secret]
    default: certificate
  name:
    description:
      - Name of the credential. Needed with O(state=present).
      - With O(state=absent) every credential of that name and O(kind) is removed. Where there is none, but one of
        another kind, a warning says so.
    type: str
  key_id:
    description:
      - ID of a single credential of that O(kind), to remove it with O(state=absent).
    type: str
  lifetime:
    description:
      - How long a new secret or certificate is good, such as V(180d). At most V(3650d).
      - Microsoft's Zero Trust assessment, and the policies it recommends, take certificates of V(180d) at most.
    type: str
    default: 180d
  rotate_before:
    description:
      - How long before its end a secret or certificate is replaced. Shorter than O(lifetime).
    type: str
    default: 30d
  overlap:
    description:
      - How long the last good secret or certificate stays after it was replaced. A later run of the task retires it.
    type: str
    default: 7d
  dest:
    description:
      - For a certificate the PEM file with key and certificate, mode V(0600), for the option C(certificate_path) of the
        other modules, encrypted or not. What is in it already is used, and replaced when it comes near its end.
        Its name must not end as that of a file of variables does.
      - For a secret the file of variables that keeps it, mode V(0600). Other lines of the file stay as they are.
        The file can lie in C(group_vars), where later runs find it by themselves.
      - It must be a file of the user who runs the task, in a folder that nobody else can write to.
        With O(generate=false) the file may be anybody's, and a symbolic link.
    type: path
  encrypt:
    description:
      - Whether O(dest) is encrypted with Ansible Vault. With V(false) only its mode protects it.
      - Encrypting needs a vault password in the run, and works on the controller only. A file stays under the vault ID
        that it has. What is encrypted is decrypted in memory alone.
      - A file that is there in the other form is refused. With O(generate=false) either form is taken.
      - Programs that have no vault, such as the event source C(mssp.defender.incidents) and tasks that run
        elsewhere, take a plain file only.
    type: bool
    default: true
  prefix:
    description:
      - With O(kind=secret), what the names of the variables in O(dest) begin with. They are C(client_id),
        C(client_secret) and C(credential), a record by which the next run knows which secret it is.
    type: str
    default: partner_access_
  generate:
    description:
      - Whether a new key and certificate are made when those in O(dest) are missing or near their end.
        With V(false) they are given, and a warning or an error asks for new ones.
    type: bool
    default: true
  issuer:
    description:
      - For a federated credential, the issuer of the tokens, case and all.
    type: str
  subject:
    description:
      - For a federated credential, the subject of the tokens, case and all.
    type: str
  audiences:
    description:
      - For a federated credential, the audience of the tokens.
    type: list
    elements: str
    default:
      - api://AzureADTokenExchange
  description:
    description:
      - For a federated credential, what it is for.
    type: str
  expose_secret:
    description:
      - Return a new secret in the result, which then hides itself from callbacks and logs.
      - The task needs C(no_log=true) where Ansible would print the secret all the same. That is in a loop, when it is
        delegated to another host, and on ansible-core before 2.16.13 and from 2.17.0 to 2.17.5. There the task is
        refused without it. It cannot be used with C(async).
      - Without O(dest) no record is kept, so that a secret whose result got lost counts as the one in force. Remove it
        by its name, and run again.
    type: bool
    default: false
  force:
    description:
      - Remove even the last credential that is good today.
    type: bool
    default: false
attributes:
  action_group:
    description: Use C(group/mssp.defender.registration) in C(module_defaults) to set defaults for this module.
    membership:
      - mssp.defender.registration
  diff_mode:
    description: Shows the credentials of that name before and after, never a secret.
    support: full
extends_documentation_fragment:
  - mssp.defender._attributes
  - mssp.defender._defender.connection
  - mssp.defender._defender.task
  - mssp.defender._defender.home
seealso:
  - module: mssp.defender.defender_application
    description: Registers the application.
"""

EXAMPLES = r"""
- name: Keep a certificate, its key encrypted with the vault password of the run
  mssp.defender.defender_credential:
    tenant_id: provider.example
    client_id: 22222222-2222-2222-2222-222222222222
    client_secret: "{{ lookup('ansible.builtin.env', 'REGISTRAR_SECRET') }}"
    unique_name: provider-soc
    name: ansible
    dest: /etc/mssp/partner.pem
    lifetime: 180d
    rotate_before: 30d
    overlap: 7d

- name: Keep a certificate for a program that has no vault
  mssp.defender.defender_credential:
    tenant_id: provider.example
    unique_name: provider-soc
    name: events
    dest: /etc/mssp/events.pem
    encrypt: false

- name: Let a pipeline in without any secret
  mssp.defender.defender_credential:
    tenant_id: provider.example
    unique_name: provider-soc
    kind: federated
    name: pipeline
    issuer: https://pipelines.example
    subject: repo:provider/soc:environment:production

- name: Keep a secret in a vaulted file of variables, where nothing else is possible
  mssp.defender.defender_credential:
    tenant_id: provider.example
    unique_name: provider-soc
    kind: secret
    name: legacy
    dest: group_vars/customers/credential.yml

- name: Remove a secret by its name
  mssp.defender.defender_credential:
    tenant_id: provider.example
    unique_name: provider-soc
    kind: secret
    name: laptop of a former colleague
    state: absent
"""

RETURN = r"""
applications:
  description:
    - What became of each application, as the other values here say it, with C(hosts), the hosts that share it,
      C(unique_name), and C(dest), the file that keeps the credential.
  returned: with O(hosts)
  type: list
  elements: dict
  sample: []
failing:
  description: Why a host fails the task, by its name.
  returned: with O(hosts)
  type: dict
  sample: {}
client_ids:
  description: Application (client) ID of each host's application, where there is one, by the host's name.
  returned: with O(hosts)
  type: dict
  sample:
    contoso: 11111111-1111-1111-1111-111111111111
app_id:
  description: Application (client) ID of the application.
  returned: success
  type: str
  sample: 11111111-1111-1111-1111-111111111111
credential:
  description: The credential in force. Never its value.
  returned: success, with O(state=present)
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    key_id:
      description: Its ID.
      type: str
    starts_at:
      description: Since when it is good (UTC), for a secret or certificate.
      type: str
    expires_at:
      description: Until when it is good (UTC), for a secret or certificate.
      type: str
    issuer:
      description: The issuer, for a federated credential.
      type: str
    subject:
      description: The subject, for a federated credential.
      type: str
    audiences:
      description: The audience, for a federated credential.
      type: list
      elements: str
    description:
      description: The description, for a federated credential that O(description) is given for.
      type: str
  sample:
    expires_at: "2027-05-21T08:00:00Z"
    key_id: 77777777-7777-7777-7777-777777777777
    name: ansible
    starts_at: "2026-11-22T08:00:00Z"
retired:
  description: Predecessors that this run removed, in the shape of RV(credential).
  returned: success, with O(state=present)
  type: list
  elements: dict
removed:
  description: The credentials that were removed, in the shape of RV(credential).
  returned: success, with O(state=absent)
  type: list
  elements: dict
secret:
  description: The new secret.
  returned: with O(expose_secret), when a secret was made
  type: str
msg:
  description: What happened, to which tenant, why, which credential still works, and who must do what.
  returned: on failure
  type: str
code:
  description: Microsoft's own code of a refusal, or V(null).
  returned: on a refusal
  type: str
meaning:
  description: What the refusal means.
  returned: on a refusal
  type: str
remedy:
  description: What to do about it.
  returned: on a refusal
  type: str
who:
  description: Who must do it.
  returned: on a refusal
  type: str
  sample: provider
final:
  description: Whether asking again is pointless, because Microsoft has closed the tenant or does not know it.
  returned: on a refusal
  type: bool
  sample: false
correlation_id:
  description: For Microsoft's support, or V(null).
  returned: on a refusal
  type: str
trace_id:
  description: For Microsoft's support, or V(null).
  returned: on a refusal
  type: str
"""

from ansible_collections.mssp.defender.plugins.module_utils._module_context import run_module
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider.credential import OPERATION


def main() -> None:
    run_module(OPERATION)


if __name__ == "__main__":
    main()
