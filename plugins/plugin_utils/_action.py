# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run an operation inside the worker process of ansible-core, without a module, a connection or a second interpreter.

With `_vault.py` the only file that touches core's private interfaces. Seen working on ansible-core 2.16 to 2.21.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible import constants
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_list
from ansible.module_utils.compat.version import LooseVersion
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible.release import __version__
from ansible.template import Templar
from ansible.utils.path import unfrackpath

from ansible_collections.mssp.defender.plugins.module_utils import _for_hosts, _for_registrations
from ansible_collections.mssp.defender.plugins.module_utils._core import showing
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.fleet import Progress
from ansible_collections.mssp.defender.plugins.module_utils._core.results import Result
from ansible_collections.mssp.defender.plugins.module_utils._front_door import perform, told
from ansible_collections.mssp.defender.plugins.module_utils._operations import known_variables
from ansible_collections.mssp.defender.plugins.module_utils._operations.operation import Operation
from ansible_collections.mssp.defender.plugins.module_utils._operations.options import (
    NOT_SET,
    kept_from_environment,
    left_to_inventory,
)
from ansible_collections.mssp.defender.plugins.module_utils._operations.task_context import Params, TaskContext
from ansible_collections.mssp.defender.plugins.plugin_utils._kept import noted
from ansible_collections.mssp.defender.plugins.plugin_utils._operator import teller
from ansible_collections.mssp.defender.plugins.plugin_utils._orphans import end_with_parent
from ansible_collections.mssp.defender.plugins.plugin_utils._progress import shown
from ansible_collections.mssp.defender.plugins.plugin_utils._run_directory import RUN_SECRET, STARTED_IN, run_directory
from ansible_collections.mssp.defender.plugins.plugin_utils._templates import fingerprint
from ansible_collections.mssp.defender.plugins.plugin_utils._vault import RunVault


def censors_results(version: str) -> bool:
    """Return whether this ansible-core hides a result that asks for it by `_ansible_no_log`.

    Until CVE-2024-8775 was fixed, in 2.16.13 and 2.17.6, it overwrote that with the task's own `no_log`.
    """
    core = LooseVersion(version)
    return bool(LooseVersion("2.16.13") <= core < LooseVersion("2.17") or core >= LooseVersion("2.17.6"))


class _Inventory:
    """The hosts of the task's play, whose variables are those of inventory, play, role and task.

    `names` are those of all variables that the hosts have, as far as they were asked.
    """

    def __init__(self, task: Task, task_vars: Mapping[str, Any]) -> None:
        self._task = task
        self._task_vars = task_vars
        self.names = set(task_vars)
        # what templates came to, by what they depend on: most hosts say the same
        self._templated: dict[tuple[str, str], Any] = {}

    def values(self, host: str, variables: Collection[str]) -> Mapping[str, Any]:
        hostvars = self._task_vars["hostvars"]
        # there is no public way
        found = hostvars._inventory.get_host(host)  # noqa: SLF001
        if found is None:
            raise ValueError(f"the inventory has no host {showing.shown(host)}")
        known = hostvars._variable_manager.get_vars(  # noqa: SLF001
            play=self._task.get_play(),
            host=found,
            task=self._task,
            # core would gather them anew for each host
            _hosts=self._task_vars["ansible_play_batch"],
            _hosts_all=self._task_vars["ansible_play_hosts_all"],
        )
        self.names |= known.keys()
        known["ansible_search_path"] = self._task.get_search_path()
        templar = Templar(hostvars._loader, known)  # noqa: SLF001
        try:
            return {name: self._value(name, known, templar) for name in variables if name in known}
        except Exception as error:  # noqa: BLE001 - a template can raise anything
            raise ValueError(f"a variable of {host} cannot be templated: {error}") from None

    def _value(self, name: str, known: Mapping[str, Any], templar: Templar) -> Any:
        depends_on = fingerprint(name, known)
        if depends_on is None:
            return _decrypted(templar.template(known[name]))
        if (name, depends_on) not in self._templated:
            self._templated[name, depends_on] = _decrypted(templar.template(known[name]))
        return self._templated[name, depends_on]


class InProcessAction(ActionBase):
    """Base of every action of this collection; a subclass names its `OPERATION`."""

    OPERATION: Operation
    _requires_connection = False
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        inventory = _Inventory(self._task, task_vars or {})
        result = self._answer(task_vars, inventory)
        if warnings := _of_unknown_variables(inventory.names):
            result["warnings"] = [*result.get("warnings", []), *warnings]
        return result

    def _answer(self, task_vars: dict[str, Any] | None, inventory: _Inventory) -> dict[str, Any]:
        variables = task_vars or {}
        is_for_hosts = self._task.args.get("hosts") is not None and "hosts" in self.OPERATION.arguments
        arguments = _decrypted({**({} if is_for_hosts else self._left_to_host(variables)), **self._task.args})
        exposing = self.OPERATION.exposed_by
        exposes = boolean(arguments.get(exposing, False), strict=False)
        if exposes and self._task.async_val:
            # the result of an async job is printed by async_status, which nothing would censor
            return {"failed": True, "msg": f"{exposing} cannot be used with async: the secret would be printed"}
        if exposes and not self._task.no_log and (printed := self._printed_all_the_same()):
            return {"failed": True, "msg": f"{exposing} {printed}: set no_log: true on the task"}
        if is_for_hosts and (unfit := self._unfit_for_hosts(variables)):
            return {"failed": True, "msg": unfit}
        if self._task.async_val or self._is_delegated():
            return self._run_as_module(self._closed(arguments), task_vars, exposes)
        if "tenants" in self.OPERATION.arguments:
            # a step in the provider's own tenant ends soon, and a credential that was made is better stored
            end_with_parent()
        with (
            self._task_environment(),
            shown(self._task.name or self._task.action) as progress,
            noted(0 if self._task.check_mode else _fleet_size(arguments)) as note_kept,
        ):
            perform_one = functools.partial(self._perform, progress, note_kept)
            if not is_for_hosts:
                return {**perform_one(arguments)}
            return {**self._perform_for_hosts(arguments, inventory, perform_one)}

    def _perform_for_hosts(self, arguments: Params, inventory: _Inventory, perform_one: _for_hosts.Perform) -> Result:
        try:
            hosts = check_type_list(arguments["hosts"])
            is_for_customers = "tenants" in self.OPERATION.arguments
            run_for = _for_hosts.run if is_for_customers else _for_registrations.run
            return run_for(self.OPERATION, {**arguments, "hosts": hosts}, inventory, perform_one)
        except (OptionError, TypeError) as error:
            return {"failed": True, "msg": told(self.OPERATION, str(error), arguments)}

    def _perform(self, progress: Progress | None, note_kept: Callable[[], None], arguments: Params) -> Result:
        """Check the arguments and run the operation with them, in this process."""
        arguments = self._closed(arguments)
        validator = ArgumentSpecValidator(self.OPERATION.arguments, **self.OPERATION.constraints)
        validated = validator.validate(arguments)
        if validated.error_messages:
            given = {**arguments, **validated.validated_parameters}
            message = "; ".join(_with_variables(validated.error_messages, self.OPERATION, given))
            return {"failed": True, "msg": told(self.OPERATION, message, given)}
        warnings: list[str] = []
        context = TaskContext(
            _in_full(validated.validated_parameters, self.OPERATION),
            warnings.append,
            self._task.check_mode,
            run_directory(),
            RunVault.of(self._loader),
            progress,
            RUN_SECRET,
            teller(),
            note_kept,
        )
        result = perform(self.OPERATION, context)
        if warnings:
            result["warnings"] = [*result.get("warnings", []), *warnings]
        return result

    def _left_to_host(self, task_vars: Mapping[str, Any]) -> Params:
        """Return what the host's variables say of options that the task leaves out, templated as task arguments are.

        They do not become arguments of the task itself, because those are shown to callbacks.
        """
        left = left_to_inventory(self._task.args, self.OPERATION.variables)
        wanted = {option: variable for option, variable in left.items() if option in self.OPERATION.arguments}
        said = {o: self._templar.template(task_vars[name]) for o, name in wanted.items() if name in task_vars}
        return {option: value for option, value in said.items() if value not in NOT_SET}

    def _closed(self, arguments: Params) -> Params:
        """Return the arguments, so that the environment adds no credential to the one that is given."""
        closed = kept_from_environment([option for option, value in arguments.items() if value])
        return {**arguments, **{option: "" for option in closed if option in self.OPERATION.arguments}}

    def _unfit_for_hosts(self, task_vars: Mapping[str, Any]) -> str | None:
        """Return why this task cannot work for hosts."""
        if self._task.async_val or self._is_delegated():
            return "hosts needs the inventory: leave out async and delegate_to"
        if not self._task.run_once and len(task_vars.get("ansible_play_batch", [])) > 1:
            return "hosts works for all of them in one task: set run_once: true on it"
        return _hidden_by_a_host(task_vars)

    def _printed_all_the_same(self) -> str | None:
        """Return where ansible-core prints a result that asks to be censored, unless the task has `no_log`."""
        if not censors_results(__version__):
            return f"prints the secret on ansible-core {__version__}, which ignores that a result hides itself"
        if self._task.loop is not None:
            # the result of a whole loop goes to callbacks uncensored before ansible-core 2.19
            return "in a loop shows the secrets to callbacks"
        if self._is_delegated():
            # the ssh connection prints with -vvv what a module answered
            return "on another host shows the secret in the output of the connection"
        return None

    def _is_delegated(self) -> bool:
        return bool(self._task.delegate_to) and self._task.delegate_to not in constants.LOCALHOST

    def _run_as_module(self, arguments: Params, task_vars: dict[str, Any] | None, exposes: bool) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_args=arguments, task_vars=task_vars, wrap_async=self._task.async_val
        )
        if exposes:
            result["_ansible_no_log"] = True
        return result

    @contextmanager
    def _task_environment(self) -> Iterator[None]:
        """Make the task's `environment:` keyword hold for code in process, as it would for a module."""
        wanted: dict[str, object] = {}
        self._compute_environment_string(wanted)
        before = dict(os.environ)
        os.environ.update({name: str(value) for name, value in wanted.items()})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _with_variables(messages: Iterable[str], operation: Operation, given: Params) -> list[str]:
    """Return ansible-core's messages, the one about missing options with the variables that may say them."""
    missing = [option for option, spec in operation.arguments.items() if spec.get("required") and not given.get(option)]
    of_core = f"missing required arguments: {', '.join(missing)}"
    variables = [operation.variables[option] for option in missing if option in operation.variables]
    hint = f" (or {', '.join(variables)} on the host)" if variables else ""
    return [message + hint if message == of_core else message for message in messages]


def _in_full(params: Params, operation: Operation) -> Params:
    """Return the options with each path in full, so that a message, a result and a file all mean the same place."""
    paths = [option for option, spec in operation.arguments.items() if spec.get("type") == "path" and params[option]]
    return {
        **params,
        **{option: unfrackpath(params[option], follow=False, basedir=str(STARTED_IN)) for option in paths},
    }


def _of_unknown_variables(names: Iterable[str]) -> list[str]:
    """Return a warning of each variable that nothing reads, unless another task of the run has warned of it."""
    unknown = known_variables.unknown(names)
    if not unknown:
        return []
    warnings: list[str] = []
    context = TaskContext({}, warnings.append, run_directory=run_directory())
    for name in unknown:
        # a name can be anything, and the subject becomes a file's
        subject = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()
        context.warn_once(f"variable-{subject}", known_variables.warning(name))
    return warnings


def _hidden_by_a_host(task_vars: Mapping[str, Any]) -> str | None:
    """Return which hosts the play does not work for because one of it has the name of their group.

    Of the two a pattern finds the host alone, and the play would end as a success without the others.
    """
    groups, of_play = task_vars.get("groups", {}), task_vars.get("ansible_play_hosts_all", [])
    both = [host for host in of_play if host in groups]
    hidden = dict.fromkeys(host for group in both for host in groups[group] if host not in of_play)
    if not hidden:
        return None
    return (
        f"the inventory has both a host and a group called {', '.join(both)}, and this play works for that host "
        f"without {', '.join(list(hidden)[:10])} of the group: rename one of them"
    )


def _fleet_size(arguments: Params) -> int:
    """Return how many customers the task names; 0 for one that works for its own host alone, beside those of others."""
    named = arguments.get("hosts") or arguments.get("tenants")
    return len(named) if isinstance(named, list) else 0


def _decrypted(value: Any) -> Any:
    """Return `value` with every text in it that is vaulted as such, which ansible-core before 2.19 leaves encrypted."""
    if isinstance(value, dict):
        return {key: _decrypted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decrypted(item) for item in value]
    return str(value) if getattr(value, "__ENCRYPTED__", False) else value
