# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from support.machine import run_without

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._front_door import perform
from ansible_collections.mssp.defender.plugins.module_utils._operations.operation import Operation
from ansible_collections.mssp.defender.plugins.module_utils._operations.task_context import TaskContext

OPERATIONS = ("application", "consent_url", "credential", "incidents", "report", "token")


class Host:
    """A host without options."""

    params: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    check_mode = False
    run_directory: Path | None = None
    vault = None

    def warn(self, message: str) -> None:
        raise AssertionError(message)


def operation(result: Any) -> Operation:
    """Return an operation that returns the result, or raises it if it is an exception."""

    def run(_task: TaskContext) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return Operation({}, run=run)


def test_a_result_passes_through() -> None:
    assert perform(operation({"changed": True}), Host()) == {"changed": True}


def test_a_wrong_option_fails_with_its_sentence() -> None:
    result = perform(operation(OptionError("client_id is missing")), Host())
    assert result == {"failed": True, "changed": False, "msg": "client_id is missing"}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("ca_path", "/tmp/a\0b"),
        ("checkpoint", "\0"),
        ("files", ["/tmp/a", "/tmp/a\0b"]),
        ("tenants", [{"name": "contoso"}, {"name": "a\0b"}]),
        ("columns", {"na\0me": "Account"}),
    ],
)
def test_no_option_has_the_character_that_ends_a_path(option: str, value: Any) -> None:
    host = Host()
    host.params = {"tenant_id": "contoso.example", "timeout": 5, "cache": None, option: value}
    result = perform(operation({"changed": True}), host)
    assert result["failed"] is True
    assert result["msg"] == f"{option} has U+0000 NULL in it: remove that character"


def test_a_file_that_cannot_be_used_is_named() -> None:
    result = perform(operation(PermissionError(13, "Permission denied", "/reports/a")), Host())
    assert result["failed"] is True
    assert result["msg"] == "/reports/a cannot be used (Permission denied): check its path, owner and mode"


def test_an_unforeseen_error_tells_its_kind_and_place_and_not_its_text() -> None:
    result = perform(operation(KeyError("canary-secret")), Host())
    assert result["failed"] is True
    assert result["msg"].startswith("internal error (KeyError at test_front_door.py:")
    assert "canary" not in str(result)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(("library", "named"), [("msal", "msal"), ("jwt", "PyJWT[crypto]")])
def test_a_missing_library_is_one_sentence_that_names_it_and_its_interpreter(
    name: str, library: str, named: str
) -> None:
    code = f"""
from ansible_collections.mssp.defender.plugins.module_utils import _front_door
from ansible_collections.mssp.defender.plugins.action.defender_{name} import ActionModule
print(_front_door.perform(ActionModule.OPERATION, None))
"""
    message = (
        f"the Python library {named} is missing from {sys.executable}: install the collection's requirements.txt there"
    )
    assert run_without(library, code) == str({"failed": True, "changed": False, "msg": message})
