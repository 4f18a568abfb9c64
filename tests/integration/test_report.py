# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports in a terminal, and where there is none."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest
from support.ansible_runs import Ansible, in_terminal, run_with_runner

COLOUR = re.compile(r"\x1b\[[\d;]*m")
CONSENT = "the application has no service principal in this tenant (AADSTS7000229)"
URL = "https://login.microsoftonline.com/consent?" + "x" * 150
ROWS = [
    {"customer": "contoso", "state": "granted"},
    {"customer": "東京", "state": "bad_credential", "reason": "\x1b[2J\u202ewrong 🎉", "who_acts": "provider"},
    {"customer": "wingtip", "state": "not_consented", "reason": CONSENT, "who_acts": "customer admin"},
]
LOOKS = {"ANSIBLE_NOCOLOR": "0"}


@pytest.fixture
def report(ansible: Ansible) -> list[str]:
    """The command line of a play that prints a table of states."""
    return _command(ansible, {"columns": ["customer", "state", "reason", "who_acts"], "rows": ROWS})


def _command(ansible: Ansible, options: dict[str, object], **keywords: object) -> list[str]:
    task = {"name": "Report", "mssp.defender.defender_report": {"title": "Customers", **options}, "run_once": True}
    return ["ansible-playbook", "-i", str(ansible.inventory()), ansible.play(json.dumps([{**task, **keywords}]))]


def _report(output: str) -> list[str]:
    """The lines of the report, whatever Ansible prints around it."""
    report = output[output.index("\nCustomers\n") + 1 :]
    return re.split(r"\n+(?:\x1b\[0;32m)?ok: ", report)[0].split("\n")


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in COLOUR.sub("", line))


@pytest.mark.parametrize("library", ["rich", "none"])
@pytest.mark.parametrize("columns", [40, 60, 80, 120, 250])
def test_a_report_fits_the_terminal(
    ansible: Ansible, report: list[str], tmp_path: Path, columns: int, library: str
) -> None:
    environment = dict(LOOKS)
    if library == "none":
        (tmp_path / "rich.py").write_text("raise ImportError")
        environment["PYTHONPATH"] = str(tmp_path)
    code, written = in_terminal(ansible, report, columns=columns, **environment)
    assert code == 0
    lines = _report(written)
    assert max(map(_width, lines)) <= columns
    text = COLOUR.sub("", "\n".join(lines))
    assert all(word in text for word in ["\\u001b[2J\\u202ewrong", "🎉", *CONSENT.split()])
    assert ("customer   state" in text) == (columns >= 80)


def test_states_have_colours(ansible: Ansible, report: list[str]) -> None:
    text = "\n".join(_report(in_terminal(ansible, report, **LOOKS)[1]))
    assert "\x1b[0;32mgranted\x1b[0m" in text
    assert "\x1b[0;31mbad_credential\x1b[0m" in text
    assert "\x1b[1;35mnot_consented\x1b[0m" in text


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"ANSIBLE_NOCOLOR": "1"}, {**LOOKS, "TERM": "dumb"}])
def test_a_report_without_colours_fits_all_the_same(
    ansible: Ansible, report: list[str], environment: dict[str, str]
) -> None:
    del ansible.environment["ANSIBLE_NOCOLOR"]
    lines = _report(in_terminal(ansible, report, columns=60, **environment)[1])
    assert "\x1b" not in "".join(lines)
    assert 40 < max(map(_width, lines)) <= 60


def test_a_terminal_that_says_it_has_no_size_is_a_usual_one(ansible: Ansible, report: list[str]) -> None:
    lines = _report(in_terminal(ansible, report, rows=0, columns=0)[1])
    assert 60 < max(map(_width, lines)) <= 80


def test_a_url_is_never_broken(ansible: Ansible) -> None:
    rows = [{"name": "contoso", "url": URL, "state": "granted"}]
    links = _command(ansible, {"columns": ["name", "url", "state"], "rows": rows})
    lines = _report(in_terminal(ansible, links, columns=80)[1])
    assert lines == ["Customers", "", "contoso", "  url", f"    {URL}", "  state   granted"]


def test_a_list_is_a_block_for_each_row(ansible: Ansible) -> None:
    rows = [{"name": "contoso", "who_acts": "nobody"}, {"name": "fabrikam"}]
    command = _command(ansible, {"columns": ["name", "who_acts"], "rows": rows, "layout": "list"})
    expected = ["Customers", "", "contoso", "  who acts   nobody", "", "fabrikam"]
    assert _report(in_terminal(ansible, command)[1]) == expected
    run = ansible.run(command, {})
    assert _report(run.output) == expected
    assert run.result("Report")["lines"] == expected


def test_without_a_terminal_each_row_is_one_line(ansible: Ansible, report: list[str]) -> None:
    run = ansible.run(report, LOOKS)
    lines = _report(run.output)
    assert lines[-1] == f"{'wingtip':8}   {'not_consented':14}   {CONSENT}   customer admin"
    assert run.result("Report")["lines"] == lines


def test_the_log_has_the_report_once_and_unbroken(ansible: Ansible, report: list[str]) -> None:
    log = ansible.place / "log"
    assert in_terminal(ansible, report, columns=60, **LOOKS, ANSIBLE_LOG_PATH=str(log))[0] == 0
    assert log.read_text().count(f"   {CONSENT}   customer admin") == 1
    assert log.read_text().count("bad_credential") == 1
    assert "\x1b" not in log.read_text()


def test_a_report_elsewhere_is_returned_alone(ansible: Ansible) -> None:
    options: dict[str, object] = {"columns": ["name"], "rows": [{"name": "contoso"}]}
    run = ansible.run(_command(ansible, options, delegate_to="worker"), {})
    assert run.result("Report")["lines"] == ["Customers", "", "name", "contoso"]
    assert "\nCustomers\n" not in run.output


def test_a_job_in_awx_is_plain(ansible: Ansible) -> None:
    """Its runner has a terminal and asks for colours; nobody sits there, and its events are kept."""
    run = run_with_runner(ansible, "mssp.defender.verify", TERM="xterm", ANSIBLE_NOCOLOR="0")
    assert run.code == 0, run.output
    last = "\n  what to do   open the consent link and accept it\n"
    report = run.output[run.output.rindex("Customers: ") : run.output.rindex(last)]
    assert "\x1b" not in report
