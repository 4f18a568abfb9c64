# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stdout callback for people at a terminal: what changes or fails, and reports."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from support.ansible_runs import Ansible, in_terminal

SCREEN = {"ANSIBLE_STDOUT_CALLBACK": "mssp.defender.screen"}
REPORT = """
        - name: Print {title}
          mssp.defender.defender_report:
            title: {title}
            columns: [name, state]
            rows: [{{name: contoso, state: granted}}]
          run_once: true
"""
WELL = """
        - name: Say something
          ansible.builtin.debug:
            msg: nobody reads this

        - name: Skip something
          ansible.builtin.fail:
          when: false

        - name: Include something
          ansible.builtin.include_tasks: included.yml
"""
CHANGE = """
        - name: Write something
          ansible.builtin.copy:
            content: hello
            dest: "{{ playbook_dir }}/written"
          delegate_to: worker
          run_once: true
"""
FAILURE = """
        - name: Fail one of them
          ansible.builtin.assert:
            that: inventory_hostname != 'fabrikam'
            quiet: true
"""
WARNING = """
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({})
module.warn("mind the gap")
module.exit_json()
"""
BANNER = re.compile(r"^(?:PLAY|TASK|RUNNING HANDLER) .*?(?=\]| \*)\]?", re.MULTILINE)


@pytest.fixture
def run(ansible: Ansible) -> Callable[..., tuple[int, str]]:
    """Runs a play of such tasks in a terminal."""

    def run_play(tasks: str, *arguments: str, **environment: str) -> tuple[int, str]:
        (ansible.place / "included.yml").write_text("[]")
        command = ["ansible-playbook", "-i", str(ansible.inventory()), ansible.play(tasks), *arguments]
        return in_terminal(ansible, command, **{**SCREEN, **environment})

    return run_play


def _banners(written: str) -> list[str]:
    return BANNER.findall(written)


def test_a_run_in_which_all_goes_well_shows_its_reports_alone(run: Callable[..., tuple[int, str]]) -> None:
    first, last = REPORT.format(title="Incidents"), REPORT.format(title="Customers")
    table = "\nname      state\ncontoso   granted\n"
    assert run(WELL + first + WELL + last) == (0, f"\nIncidents\n{table}\nCustomers\n{table}")


def test_a_report_is_shown_before_the_next_task_runs(run: Callable[..., tuple[int, str]]) -> None:
    code, written = run(REPORT.format(title="Incidents") + CHANGE)
    assert code == 0
    assert written.index("Incidents") < written.index("Write something")


def test_what_changes_is_one_line_behind_its_diff(run: Callable[..., tuple[int, str]]) -> None:
    for mode in (["--check", "--diff"], ["--diff"]):
        code, written = run(WELL + CHANGE, *mode)
        assert code == 0
        # a diff comes under the name of its task
        assert _banners(written) == ["TASK [Write something]"]
        assert "+hello" in written
        assert written.rstrip().endswith("changed: [contoso -> worker] Write something")
    assert run(WELL + CHANGE, "--diff") == (0, "")


def test_a_failure_is_announced_and_the_last_report_comes_after_the_recap(
    run: Callable[..., tuple[int, str]],
) -> None:
    code, written = run(WELL + FAILURE + REPORT.format(title="Customers"))
    assert code == 2
    assert _banners(written) == ["PLAY [Play]", "TASK [Fail one of them]", "PLAY RECAP"]
    assert "fatal: [fabrikam]: FAILED!" in written
    recap = written[written.index("PLAY RECAP") :]
    assert "fabrikam " in recap
    assert "contoso " not in recap.partition("Customers")[0]
    assert recap.endswith("\nCustomers\n\nname      state\ncontoso   granted\n")


def test_warnings_stay(run: Callable[..., tuple[int, str]], ansible: Ansible) -> None:
    (ansible.place / "library").mkdir()
    (ansible.place / "library" / "warn.py").write_text(WARNING)
    code, written = run("- {name: Warn, warn: {}, delegate_to: worker, run_once: true}")
    assert (code, _banners(written)) == (0, [])
    assert "[WARNING]: mind the gap" in written


def test_with_verbosity_all_is_shown_as_by_default(run: Callable[..., tuple[int, str]]) -> None:
    tasks = WELL + FAILURE + WELL
    of_screen, of_default = (run(tasks, "-v", ANSIBLE_STDOUT_CALLBACK=name) for name in (*SCREEN.values(), "default"))
    # two hosts end in any order
    assert sorted(of_screen[1].splitlines()) == sorted(of_default[1].splitlines())


def test_the_playbooks_show_the_table_last(ansible: Ansible) -> None:
    ansible.customers["contoso"]["partner_access_tenant_id"] = "99999999-9999-4999-8999-999999999999"
    command = ["ansible-playbook", "-i", str(ansible.inventory()), "mssp.defender.verify"]
    code, written = in_terminal(ansible, command, **SCREEN, ANSIBLE_CALLBACKS_ENABLED="mssp.defender.progress")
    assert code == 2
    assert written.index("PLAY RECAP") < written.index("Customers: ")
    assert "TASK [Check that the provider need not act]" in written
    assert "ok: [" not in written
    assert "included: " not in written
