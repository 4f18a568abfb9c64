# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of fleets: a bar on a terminal, lines elsewhere, and nothing in the way of a program that reads."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.ansible_runs import PRIVATE, ROWS, Ansible, in_terminal, run_with_runner

ENABLED = {"ANSIBLE_CALLBACKS_ENABLED": "mssp.defender.progress", "MSSP_DEFENDER_PROGRESS_INTERVAL": "1"}
UNDER_WAY = "7 of 8 customers, 1 granted, 6 not granted, 1 waiting, "
END = re.compile(r"Verify them all: 8 of 8 customers, 2 granted, 6 not granted, [\d.]+/s, in 0:\d\d")
BAR = re.compile(r"\n\x1b7\x1b\[1;\d+r\x1b8\x1b\[A|\x1b7.*?\x1b8")
SCROLL_ABOVE, SCROLL_ALL = f"\x1b[1;{ROWS - 1}r", "\x1b[r"


@pytest.fixture
def fleet(ansible: Ansible, consent: Callable[..., None], fault: Callable[..., None]) -> list[str]:
    """The command line of a play with one fleet task: two granted tenants, one of them parked for 3 s, six others."""
    consent("contoso", "fabrikam")
    fault("throttle", tenant="contoso", times=1, retry_after=3)
    return [*_command(ansible), _play(ansible)]


def _command(ansible: Ansible) -> list[str]:
    return ["ansible-playbook", "-i", str(ansible.inventory())]


def _play(ansible: Ansible, **keywords: Any) -> str:
    tenants = [
        {"name": each["name"], "tenant_id": each["tenant_id"]} for each in ansible.emulator.connection["tenants"]
    ]
    tasks = """
        - name: Verify them all
          mssp.defender.defender_token:
            tenants: "{{ tenants }}"
            client_id: "{{ partner_access_client_id }}"
            authority_url: "{{ partner_access_authority_url }}"
            ca_path: "{{ partner_access_ca_path }}"
          register: verified

        - name: Count them
          ansible.builtin.debug:
            msg: "{{ verified.summary | default({}) }}"
    """
    return ansible.play(tasks, vars={"tenants": tenants}, **{"run_once": True, **keywords})


def _change_task(command: list[str], **keywords: Any) -> None:
    """Give the fleet task other keywords."""
    play = Path(command[-1])
    (content,) = json.loads(play.read_text())
    content["tasks"][0].update(keywords)
    play.write_text(json.dumps([content]))


def _run(ansible: Ansible, command: list[str], stderr: int, **environment: str) -> subprocess.CompletedProcess[str]:
    merged = {**ansible.environment, **ENABLED, **environment}
    process = subprocess.run(
        command,
        env=merged,
        cwd=ansible.place,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, f"{process.stdout}{process.stderr}"
    return process


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("Verify them all: ")]


def test_lines_go_to_stderr_and_leave_stdout_alone(ansible: Ansible, fleet: list[str]) -> None:
    run = _run(ansible, fleet, stderr=subprocess.PIPE)
    *under_way, end = _lines(run.stderr)
    assert f"Verify them all: {UNDER_WAY}" in "\n".join(under_way)
    assert all(re.search(r"/s, 0:0[0-3] left$", line) for line in under_way)
    assert END.fullmatch(end)
    assert _lines(run.stdout) == []
    assert "\x1b" not in run.stderr


def test_a_fleet_ends_before_the_next_task_is_announced(ansible: Ansible, fleet: list[str]) -> None:
    run = _run(ansible, fleet, stderr=subprocess.STDOUT)
    assert END.search(run.stdout)
    assert run.stdout.index(" in 0:") < run.stdout.index("TASK [Count them]")


def test_json_stays_whole_in_a_file_with_the_lines_on_stderr(ansible: Ansible, fleet: list[str]) -> None:
    run = _run(ansible, fleet, stderr=subprocess.PIPE, ANSIBLE_STDOUT_CALLBACK="json_output")
    assert json.loads(run.stdout)["results"][0]["summary"] == {"granted": 2, "not_consented": 6}
    assert END.fullmatch(_lines(run.stderr)[-1])


def test_json_stays_whole_where_stderr_goes_to_the_same_place(ansible: Ansible, fleet: list[str]) -> None:
    run = _run(ansible, fleet, stderr=subprocess.STDOUT, ANSIBLE_STDOUT_CALLBACK="json_output")
    assert json.loads(run.stdout)["results"][0]["summary"] == {"granted": 2, "not_consented": 6}


def test_json_stays_whole_on_a_terminal(ansible: Ansible, fleet: list[str]) -> None:
    code, written = in_terminal(ansible, fleet, **ENABLED, ANSIBLE_STDOUT_CALLBACK="json_output")
    assert code == 0
    assert json.loads(written)["hosts"] == ["contoso"]


@pytest.mark.parametrize(("library", "full"), [("rich", "━"), ("none", "#")])
def test_a_bar_on_a_terminal_leaves_all_other_output_as_it_is(
    ansible: Ansible, fleet: list[str], tmp_path: Path, library: str, full: str
) -> None:
    environment = dict(ENABLED)
    if library == "none":
        (tmp_path / "rich.py").write_text("raise ImportError")
        environment["PYTHONPATH"] = str(tmp_path)
    elif not importlib.util.find_spec("rich"):
        pytest.skip("not on this machine: rich")
    code, written = in_terminal(ansible, fleet, **environment)
    assert code == 0
    drawn = "".join(BAR.findall(written))
    assert full in drawn
    assert UNDER_WAY in drawn
    assert "Verify them all" in drawn
    assert (drawn.count(SCROLL_ABOVE), drawn.count(SCROLL_ALL)) == (1, 1)
    assert drawn.index(SCROLL_ABOVE) < drawn.index(SCROLL_ALL)
    without_callback = in_terminal(ansible, fleet)
    assert (code, BAR.sub("", written)) == without_callback


@pytest.mark.parametrize(("columns", "name"), [(80, "Verify them a… "), (60, "Verify them all "), (40, "Verify the… ")])
def test_a_bar_fits_the_terminal(ansible: Ansible, fleet: list[str], columns: int, name: str) -> None:
    code, written = in_terminal(ansible, fleet, columns=columns, **ENABLED)
    assert code == 0
    shown = [re.sub(r"\x1b\[[\d;?]*[A-Za-z]|\x1b[78]", "", drawn) for drawn in BAR.findall(written)]
    assert max(map(len, shown)) <= columns
    assert any(each.startswith(name) and "7 of 8" in each and each.endswith(" left") for each in shown)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_gives_the_terminal_back_and_ends(
    ansible: Ansible, fleet: list[str], fault: Callable[..., None], number: signal.Signals
) -> None:
    fault("throttle", tenant="fabrikam", retry_after=100)
    code, written = in_terminal(ansible, fleet, when=lambda seen: b" waiting" in seen, number=number, **ENABLED)
    assert code != 0
    assert number != signal.SIGTERM or code == -number
    assert "Traceback" not in written
    last = BAR.findall(written)[-1]
    assert SCROLL_ALL in last
    assert " waiting" not in written[written.index(last) + len(last) :]


def test_a_terminal_that_says_it_has_no_size_gets_lines(ansible: Ansible, fleet: list[str]) -> None:
    code, written = in_terminal(ansible, fleet, rows=0, columns=0, **ENABLED)
    assert code == 0
    *under_way, end = _lines(written)
    assert UNDER_WAY in "\n".join(under_way)
    assert END.fullmatch(end)
    assert "\x1b" not in written


def test_a_task_that_times_out_ends_its_fleet(ansible: Ansible, fleet: list[str]) -> None:
    _change_task(fleet, timeout=1, ignore_errors=True)
    run = _run(ansible, fleet, stderr=subprocess.STDOUT, MSSP_DEFENDER_PROGRESS_INTERVAL="100")
    (end,) = _lines(run.stdout)
    assert re.search(UNDER_WAY + r"[\d.]+/s, in 0:0\d$", end)
    assert run.stdout.index(end) < run.stdout.index("TASK [Count them]")


def test_fleets_of_many_hosts_run_side_by_side(ansible: Ansible, consent: Callable[..., None]) -> None:
    """Workers are forked while the thread of the callback runs."""
    consent("contoso")
    ansible.customers = {f"customer-{number:02}": {} for number in range(12)}
    command = [*_command(ansible), "--forks=4", _play(ansible, run_once=False)]
    run = _run(ansible, command, stderr=subprocess.PIPE)
    ends = [line for line in _lines(run.stderr) if "8 of 8 customers, 1 granted, 7 not granted" in line]
    assert len(ends) == 12


def test_the_fleet_of_the_role_is_shown(ansible: Ansible, consent: Callable[..., None]) -> None:
    """Once, however many APIs customers are asked for."""
    consent("contoso")
    run = _run(ansible, [*_command(ansible), "mssp.defender.verify"], stderr=subprocess.PIPE)
    ends = [line for line in run.stderr.splitlines() if "2 of 2 customers, 1 granted, 1 not granted" in line]
    assert len(ends) == 1
    assert ends[0].startswith("Prove each customer's consent: "), "without the name of the role"


def test_a_job_gets_lines_as_events(ansible: Ansible, consent: Callable[..., None]) -> None:
    """AWX runs jobs in a terminal, and keeps what they write there."""
    consent("contoso")
    run = run_with_runner(ansible, "mssp.defender.verify", **ENABLED, TERM="xterm")
    assert run.code == 0, run.output
    folder = ansible.place / PRIVATE / "artifacts"
    events = [json.loads(path.read_text()) for path in folder.rglob("job_events/*.json")]
    shown = [event["stdout"] for event in events if "2 of 2 customers, 1 granted" in event["stdout"]]
    assert len(shown) == 1
    assert not any("\x1b" in line for line in shown)


def test_nothing_is_shown_unasked_or_of_a_task_elsewhere(ansible: Ansible, fleet: list[str]) -> None:
    unasked = _run(ansible, fleet, stderr=subprocess.PIPE, ANSIBLE_CALLBACKS_ENABLED="recorder")
    assert _lines(unasked.stderr) == []
    _change_task(fleet, delegate_to="worker")
    elsewhere = _run(ansible, fleet, stderr=subprocess.PIPE)
    assert '"granted": 2' in elsewhere.stdout
    assert _lines(elsewhere.stderr) == []
