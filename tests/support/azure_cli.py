# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program `az` that keeps somebody signed in, as the Azure CLI does, and gets its tokens from the emulator.

What it prints is what the Azure CLI prints (2.91, and as in public issues). The true one is tried in tests/azure_cli.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import requests
from support.emulated_tenants import answer_device_code
from support.emulator import EmulatorProcess

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_PROGRAM = """#!{python}
import argparse, json, pathlib, ssl, sys, time, urllib.error, urllib.parse, urllib.request

here = pathlib.Path(__file__).parent
with (here / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
parser = argparse.ArgumentParser()
parser.add_argument("command", nargs=2)
for option in ("--scope", "--tenant", "--output"):
    parser.add_argument(option, required=True)
given = parser.parse_args()
assert given.command == ["account", "get-access-token"] and given.output == "json"
kept = json.loads((here / "signed-in.json").read_text()) if (here / "signed-in.json").exists() else None
if kept is None:
    sys.exit("ERROR: Please run 'az login' to setup account.")
# who has one tenant alone gets its tokens, whatever --tenant says
tenant = kept.get("always") or given.tenant
form = dict(grant_type="refresh_token", client_id=kept["client_id"], refresh_token=kept["refresh_token"],
            scope=kept.get("scope") or given.scope)
context = ssl.create_default_context(cafile=kept["ca_path"])
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}), urllib.request.HTTPSHandler(context=context))
url = kept["url"] + "/" + tenant + "/oauth2/v2.0/token"
try:
    with opener.open(url, urllib.parse.urlencode(form).encode()) as answer:
        token = json.load(answer)
except urllib.error.HTTPError as error:
    said = json.load(error)["error_description"]
    sys.exit(f"ERROR: {{said}}\\nInteractive authentication is needed. Please run:\\naz login --scope {{given.scope}}")
ends = time.time() + token["expires_in"]
answer = dict(accessToken=token["access_token"], tokenType="Bearer", tenant=tenant, subscription=tenant,
              expiresOn=time.strftime("%Y-%m-%d %H:%M:%S.000000", time.localtime(ends)))
if not kept.get("is_old"):
    answer["expires_on"] = int(ends)
print(json.dumps(answer))
"""


class AzureCli:
    """The program in `folder`, which belongs in front of the PATH. Nobody is signed in at first."""

    def __init__(self, emulator: EmulatorProcess, folder: Path) -> None:
        self._emulator = emulator
        self.folder = folder
        folder.mkdir()
        program = folder / "az"
        program.write_text(_PROGRAM.format(python=sys.executable))
        program.chmod(0o755)

    def login(self, tenant_id: str, client_id: str = AZURE_CLI, account: str = "", **changes: Any) -> None:
        """Sign an administrator of the tenant in, or the account. `changes` to what the program keeps."""
        emulator = self._emulator
        where = f"{emulator.url}/{tenant_id}/oauth2/v2.0"
        with requests.Session() as session:
            session.trust_env, session.verify = False, emulator.ca_path
            asked = {"client_id": client_id, "scope": "https://graph.microsoft.com/User.Read.All offline_access"}
            if client_id != AZURE_CLI:
                asked["scope"] = "https://graph.microsoft.com/.default offline_access"
            code = session.post(f"{where}/devicecode", data=asked, timeout=10).json()
            answer_device_code(emulator, code["user_code"], **({"account": account} if account else {}))
            form = {"grant_type": DEVICE_CODE, "client_id": client_id, "device_code": code["device_code"]}
            answer = session.post(f"{where}/token", data=form, timeout=10).json()
        kept = {
            "url": emulator.url,
            "ca_path": emulator.ca_path,
            "client_id": client_id,
            "refresh_token": answer["refresh_token"],
            **changes,
        }
        (self.folder / "signed-in.json").write_text(json.dumps(kept))

    def calls(self) -> list[list[str]]:
        """Return the arguments of each call so far."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
