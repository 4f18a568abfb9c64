# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.operations import OperationHost

from ansible_collections.mssp.defender.plugins.module_utils._core.dependencies import InvalidToken
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._operations import callers
from ansible_collections.mssp.defender.plugins.module_utils._operations.callers import Caller
from ansible_collections.mssp.defender.plugins.module_utils._operations.provider import application

CLIENT = "22222222-2222-4222-8222-222222222222"


def host(run_directory: Path | None = None, run_secret: bytes = b"of the run", **options: Any) -> OperationHost:
    given = {"tenant_id": "provider.example", "unique_name": "provider-soc", "tell": lambda _message: None, **options}
    return OperationHost(application.OPERATION, run_directory=run_directory, run_secret=run_secret, **given)


def caller(task: OperationHost) -> Caller:
    return callers.of(task, application.VARIABLES)


def test_an_application_is_the_default(tmp_path: Path) -> None:
    found = caller(host(tmp_path, client_id=CLIENT, client_secret="value"))
    assert (found.name, found.is_signed_in, found.folder) == (CLIENT, False, tmp_path)
    kept = caller(host(tmp_path, client_id=CLIENT, client_secret="value", cache=str(tmp_path / "cache")))
    assert kept.folder == tmp_path / "cache"


def test_an_application_needs_its_id_and_a_credential() -> None:
    with pytest.raises(OptionError, match="client_id is missing"):
        caller(host(client_secret="value"))
    with pytest.raises(OptionError, match="no credential is given"):
        caller(host(client_id=CLIENT))


@pytest.mark.parametrize("auth", ["cli", "device_code"])
def test_who_is_signed_in_needs_neither_and_leaves_nothing_after_the_run(auth: str, tmp_path: Path) -> None:
    found = caller(host(tmp_path, auth=auth, client_secret="unused", cache=str(tmp_path / "cache")))
    assert (found.is_signed_in, found.folder) == (True, tmp_path)
    assert not (tmp_path / "cache").exists()
    sealed = found.cipher.encrypt(b"token")
    assert caller(host(auth=auth)).cipher.decrypt(sealed) == b"token"
    with pytest.raises(InvalidToken):
        caller(host(auth=auth, run_secret=b"of another run")).cipher.decrypt(sealed)


def test_a_code_needs_somebody_who_reads_it() -> None:
    with pytest.raises(OptionError, match="nobody could read the code here"):
        caller(host(auth="device_code", tell=None))


def test_a_program_is_named_by_its_id() -> None:
    with pytest.raises(OptionError, match="sign_in_client_id 'Graph' is no"):
        caller(host(auth="device_code", sign_in_client_id="Graph"))
