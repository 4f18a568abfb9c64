# Copyright (c) 2026, mssp.defender contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that modules share. The tables they describe stand in module_utils/_operations/options.py."""

    CONNECTION = r"""
requirements:
  - msal >= 1.35
  - requests
  - PyJWT[crypto] (not 2.10.0)
options:
  client_id:
    description:
      - Application (client) ID that the task acts as. An ID, not a secret.
      - Falls back to the environment variable E(AZURE_CLIENT_ID).
    type: str
  client_secret:
    description:
      - Value (not the ID) of a client secret of the application. One credential of three.
      - Falls back to the environment variable E(AZURE_CLIENT_SECRET). An empty value counts as not given.
      - A line feed, a blank or an invisible character around it is left out, with a warning.
    type: str
  certificate_path:
    description:
      - File with a certificate of the application and its private key, as PEM or PFX. One credential of three.
      - A PEM bundle may hold other certificates too. The one that belongs to the key is used.
      - The file may be encrypted with Ansible Vault. It is then decrypted in memory alone, with the vault passwords of
        the run, and only by a task that runs on the controller. A task with C(delegate_to) or C(async) is refused.
      - Falls back to the environment variable E(AZURE_CLIENT_CERTIFICATE_PATH). An empty file counts as not given.
    type: path
  certificate_password:
    description:
      - Password of the private key or the PFX file.
      - Falls back to the environment variable E(AZURE_CLIENT_CERTIFICATE_PASSWORD).
    type: str
  federated_token_file:
    description:
      - File with a token of a federated identity provider (workload identity), read at each use.
        It holds the bare JWT. One credential of three.
      - Falls back to the environment variable E(AZURE_FEDERATED_TOKEN_FILE). An empty file counts as not given.
    type: path
  cloud:
    description:
      - Microsoft cloud that the tenants belong to. An application has to be registered in each cloud separately.
    type: str
    choices: [worldwide, gcc, gcc_high, dod, china]
    default: worldwide
  authority_url:
    description:
      - Base URL of the token issuer, in place of the cloud's own, for an emulator or a proxy. Only https.
      - Token and key requests go there, whichever addresses its metadata names.
    type: str
  graph_url:
    description:
      - Base URL that Microsoft Graph requests go to, in place of the cloud's own. Only https.
      - Tokens are still asked for the cloud's own resource.
    type: str
  ca_path:
    description:
      - CA bundle that servers are verified against, a file in PEM form or a folder that C(openssl rehash) has prepared.
        It wins over E(REQUESTS_CA_BUNDLE). TLS is always verified.
    type: path
  timeout:
    description:
      - Seconds to wait for a connection, and for each part of an answer. The answer as a whole may take ten times as
        long. One that is slower, or larger than 160 MiB, ends the tenant as C(unreachable).
    type: int
    default: 30
  retries:
    description:
      - How often a call is repeated after a network failure or a server error (HTTP 5xx), with growing pauses.
    type: int
    default: 3
  max_wait:
    description:
      - Longest total time in seconds that a throttled tenant is waited for, before it is reported as C(throttled).
      - Other tenants of a fleet go on meanwhile. Reading tens of thousands of incidents takes more, because
        the Defender XDR API answers 50 such calls a minute.
    type: int
    default: 300
  tenant_timeout:
    description:
      - Longest total time in seconds that the calls in one tenant and the pauses between them may take, before it is
        reported as C(unreachable). Waiting that O(max_wait) allows does not count.
      - What was done until then stays done, and a read with a checkpoint goes on there in the next run.
    type: int
    default: 7200
"""

    TASK = r"""
options:
  xdr_url:
    description:
      - Base URL that Defender XDR requests go to, in place of the cloud's own, for example a regional host. Only https.
      - Tokens are still asked for the cloud's own resource.
    type: str
  cache:
    description:
      - Folder that keeps tokens between runs, encrypted with a key derived from the application's own credential.
        It is created with mode V(0700), and must belong to the user who runs the task.
      - It keeps Microsoft's metadata and signing keys too, for a day, encrypted with the same key.
      - Without it the tasks of one run share all this in Ansible's own private temporary directory.
      - A token that lacks a required role is never kept.
    type: path
"""

    TENANTS = r"""
notes:
  - >-
    On a customer's host, options that the task leaves out are taken from the host's variables where those are set.
    They have the names that the role P(mssp.defender.partner_access#role) uses, C(partner_access_) and the option.
    A kind of credential that the task or the host gives wins over another kind in the environment.
    This holds for O(tenant_id), O(client_id), the credential, O(cloud), O(authority_url), O(graph_url), O(xdr_url) and
    O(ca_path),
    and for C(redirect_uri), C(permissions), C(required_roles) and C(state_key) where a module has them.
    With O(hosts) it holds for every option that the role has a variable for, as each host's own variables say it.
options:
  tenant_id:
    description:
      - The customer's tenant, as GUID or as one of its verified domains. Never V(common).
      - Mutually exclusive with O(tenants) and O(hosts).
    type: str
  hosts:
    description:
      - Hosts of the play to work for in this one task, such as C(ansible_play_batch). The task needs C(run_once).
      - The hosts are grouped by application, credential and settings, each as the host's own variables say it.
        The groups are worked on one after the other, the customers of a group side by side.
      - A group that cannot be worked on gives its customers the reason and fails them, and the others go on.
      - It cannot be used with C(async), nor on another host. Mutually exclusive with O(tenant_id) and O(tenants).
    type: list
    elements: str
  tenants:
    description:
      - The fleet form. All these tenants are worked on side by side in one task.
      - Each tenant ends in an outcome of its own, and none of them spoils another.
      - Mutually exclusive with O(tenant_id) and O(hosts).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the customer, unique in the list. The tenant ID where it is left out.
          - >-
            Where the task keeps a file for each tenant, the file has this name. A tenant whose name cannot be that of
            a file, or differs from another's in nothing but case, ends in the state C(error), and the others go on.
        type: str
      tenant_id:
        description:
          - The customer's tenant, as GUID or as one of its verified domains.
        type: str
  concurrency:
    description:
      - How many tenants of a fleet are worked on at the same time.
    type: int
    default: 64
  fail_on:
    description:
      - States that make a fleet task fail when a tenant is in one of them. By default a fleet task does not fail.
      - A task for a single tenant fails on every state but C(granted).
    type: list
    elements: str
    choices:
      - partial
      - not_consented
      - no_service
      - bad_credential
      - unknown_tenant
      - blocked
      - throttled
      - unreachable
      - error
    default: []
"""

    PACE = r"""
options:
  paced:
    description:
      - Whether to stay below the number of calls that Microsoft documents for each tenant and call, before it refuses
        one. A minute's wait for that does not count towards O(max_wait).
      - V(false) is for services without those limits.
    type: bool
    default: true
"""

    HOME = r"""
options:
  tenant_id:
    description:
      - The provider's own tenant, where the application is registered, as GUID or as one of its verified domains.
    type: str
    required: true
  auth:
    description:
      - As whom the task acts in the provider's tenant.
      - V(application) is an application with a credential, the registrar.
      - V(cli) is the administrator or pipeline that is signed in to the Azure CLI (C(az login)) on the machine that
        runs the task. V(device_code) is an administrator, who is shown a code and enters it in a browser
        on any machine. That needs a terminal where somebody reads the code, and not a job of AWX.
      - With both O(client_id), the credential and O(cache) are left alone. Tasks of one run share the token, and
        nothing of it outlives the run.
      - A person's token needs the delegated permissions C(Application.ReadWrite.All) and
        C(AppRoleAssignment.ReadWrite.All) of Microsoft Graph, which that of the Azure CLI has, and the person the role
        Global Administrator, or Application Administrator and Privileged Role Administrator.
    type: str
    choices: [application, cli, device_code]
    default: application
  sign_in_client_id:
    description:
      - Program that a person signs in with, with O(auth=device_code). By default Microsoft Graph Command Line Tools.
    type: str
    default: 14d82eec-204b-4c2f-b7e8-296a70dab67e
  app_id:
    description:
      - Application (client) ID of the application to work on. At least one of O(app_id) and O(unique_name) is needed.
    type: str
  unique_name:
    description:
      - Name that belongs to no other application of the tenant, and never changes. Display names are not unique.
    type: str
  state:
    description:
      - Whether it is to be there.
    type: str
    choices: [present, absent]
    default: present
  hosts:
    description:
      - Hosts of the play, such as C(ansible_play_batch), whose applications are worked on in this one task, each once.
        The task needs C(run_once).
      - What the task leaves out, the variables of each host say, as the role P(mssp.defender.partner_access#role)
        names them. Their redirect URIs are put together. A host that declares something else of an application than
        the hosts before it fails, and the others go on.
      - The result is then RV(applications) and RV(failing).
      - It cannot be used with C(async), nor on another host.
    type: list
    elements: str
  settle_wait:
    description:
      - Longest time in seconds that one call waits until Microsoft's directory knows everywhere what was just written.
    type: int
    default: 300
notes:
  - >-
    By default the task acts as an application of its own in the provider's tenant, the registrar, and not as the
    application that customers consent to. It needs these application permissions of Microsoft Graph,
    C(Application.ReadWrite.OwnedBy) and C(Application.Read.All), and to grant permissions also
    C(AppRoleAssignment.ReadWrite.All).
    With C(OwnedBy) it works on applications that it made or owns, and C(Application.ReadWrite.All) opens all others.
  - >-
    Options that the task leaves out are taken from the host's variables where those are set, O(tenant_id) from
    C(partner_access_home_tenant_id), O(auth), O(sign_in_client_id), O(client_id) and the credential from
    C(partner_access_registrar_) and the option,
    and O(cloud), O(authority_url), O(graph_url) and O(ca_path) from C(partner_access_) and the option.
"""
