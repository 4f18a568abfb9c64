# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest
from support.machine import no_file_larger_than

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import (
    OptionError,
    TenantError,
    UntrustedFile,
)
from ansible_collections.mssp.defender.plugins.module_utils._core.hunting.queries import Answer
from ansible_collections.mssp.defender.plugins.module_utils._core.hunting.row_formats import by_suffix
from ansible_collections.mssp.defender.plugins.module_utils._core.hunting.rows_file import RowsFile
from ansible_collections.mssp.defender.plugins.module_utils._core.outcomes import Tenant
from ansible_collections.mssp.defender.plugins.module_utils._core.wire import records

NOW = "2026-11-23T01:00:00Z"


class Hunt:
    """Runs of the same hunt, one after the other, into one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = path.with_name(f".{path.name}.hunt")

    def open(self, scope: str = "scope", dry_run: bool = False) -> RowsFile:
        return RowsFile(self.path, by_suffix("dest", self.path.name), scope, dry_run)

    def run(self, **rows: list[dict[str, Any]]) -> list[str]:
        """Add the rows of each tenant that is not there yet, and return the names of these tenants."""
        file = self.open()
        asked = [name for name in rows if not file.finished(f"id-{name}")]
        for name in asked:
            add(file, name, rows[name])
        file.close()
        return asked

    def read(self) -> list[dict[str, Any]]:
        if self.path.suffix == ".jsonl":
            return [json.loads(line) for line in self.path.read_text().splitlines()]
        return list(csv.DictReader(io.StringIO(self.path.read_text(), newline=""), strict=True))

    def found(self) -> list[tuple[str, str]]:
        """The tenant and column A of each row."""
        return [(row["tenant"], str(row["A"])) for row in self.read()]


@pytest.fixture(params=["jsonl", "csv"])
def hunt(tmp_path: Path, request: pytest.FixtureRequest) -> Hunt:
    return Hunt(tmp_path / f"hunt.{request.param}")


@pytest.fixture
def table(tmp_path: Path) -> Hunt:
    return Hunt(tmp_path / "hunt.csv")


def answer(rows: list[dict[str, Any]], *columns: str) -> Answer:
    names = columns or tuple(dict.fromkeys(name for row in rows for name in row))
    page = records.read_page(json.dumps({"value": rows}))["value"]
    return Answer(page, [{"name": name, "type": "String"} for name in names], None)


def add(file: RowsFile, name: str, rows: list[dict[str, Any]]) -> list[str]:
    return file.add(Tenant(name, f"ID-{name}"), answer(rows), NOW)


def test_a_second_run_adds_who_is_not_there(hunt: Hunt) -> None:
    one, two = [{"A": "1"}, {"A": "2"}], [{"A": '3\n"4"'}]
    assert hunt.run(one=one) == ["one"]
    assert hunt.run(one=one, two=two) == ["two"]
    assert hunt.run(one=one, two=two) == []
    assert hunt.found() == [("one", "1"), ("one", "2"), ("two", '3\n"4"')]
    assert {stat.S_IMODE(path.stat().st_mode) for path in hunt.path.parent.iterdir()} == {0o600}


def test_what_is_known_of_a_tenant(hunt: Hunt) -> None:
    hunt.run(one=[{"A": "1"}])
    file = hunt.open()
    entry = file.finished("Id-One")
    assert entry
    assert (entry.count, entry.truncated, entry.finished_at) == (1, False, NOW)
    assert file.finished("id-two") is None


def test_tenants_without_rows_are_there_too(hunt: Hunt) -> None:
    assert hunt.run(one=[], two=[]) == ["one", "two"]
    assert hunt.read() == []
    assert hunt.run(one=[], three=[{"A": "1"}]) == ["three"]
    assert hunt.found() == [("three", "1")]


def test_a_run_that_adds_nobody_leaves_nothing(hunt: Hunt) -> None:
    assert hunt.run() == []
    assert list(hunt.path.parent.iterdir()) == []


@pytest.mark.parametrize("torn", range(0, 60, 3))
def test_rows_that_a_kill_left_unrecorded_are_cut_off(hunt: Hunt, torn: int) -> None:
    """The rows of a tenant are written before its line in the journal, and any part of either may be there."""
    hunt.run(one=[{"A": "1"}])
    journal, length = hunt.journal.read_bytes(), hunt.path.stat().st_size
    hunt.run(two=[{"A": "2"}, {"A": "3"}])
    whole = hunt.path.read_bytes(), hunt.journal.read_bytes()
    for rows, line in ((whole[0][: length + torn], journal), (whole[0], whole[1][: len(journal) + torn])):
        hunt.path.write_bytes(rows)
        hunt.journal.write_bytes(line)
        assert hunt.run(one=[], two=[{"A": "2"}, {"A": "3"}]) == ["two"]
        assert hunt.found() == [("one", "1"), ("two", "2"), ("two", "3")]


@pytest.mark.parametrize("torn", [1, 5, 12])
def test_the_first_rows_may_be_torn_as_well(hunt: Hunt, torn: int) -> None:
    hunt.run(one=[{"A": "1"}])
    first_line = hunt.journal.read_bytes().splitlines(keepends=True)[0]
    # no row is written before the first line of the journal is on the disk
    for journal, rows in ((first_line, hunt.path.read_bytes()[:torn]), (first_line[:torn], b"")):
        hunt.path.write_bytes(rows)
        hunt.journal.write_bytes(journal)
        assert hunt.run(one=[{"A": "1"}]) == ["one"]
        assert hunt.found() == [("one", "1")]


@pytest.mark.parametrize("journal", ['"sco', '"the scope of another query"\n'])
def test_nothing_is_cut_off_before_the_journal_says_that_it_is_ours(hunt: Hunt, journal: str) -> None:
    hunt.path.write_text("not ours, without an end")
    hunt.journal.write_text(journal)
    with pytest.raises(OptionError, match=r"hunt\.(jsonl|csv) holds "):
        hunt.run(one=[{"A": "1"}])
    assert (hunt.path.read_text(), hunt.journal.read_text()) == ("not ours, without an end", journal)


@pytest.mark.parametrize("which", ["path", "journal"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_file_is_neither_followed_nor_waited_for(hunt: Hunt, tmp_path: Path, which: str, kind: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("another's")
    path: Path = getattr(hunt, which)
    if kind == "link":
        path.symlink_to(elsewhere)
    else:
        os.mkfifo(path)
    with pytest.raises(UntrustedFile, match=r"is (a symbolic link|not a regular file)"):
        hunt.run(one=[{"A": "1"}])
    assert elsewhere.read_text() == "another's"


def test_runs_that_are_killed_lose_and_double_nothing(hunt: Hunt) -> None:
    """Each run adds tenants, some with a column that nobody had before, and kills itself at a line of its own."""
    script = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from unit._core.hunting.test_rows_file import Hunt, rows_of
        hunt, left = Hunt(Path(sys.argv[1])), int(sys.argv[2])

        def count(frame, event, argument):
            global left
            left -= event == "line"
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            return count

        sys.settrace(count)
        hunt.run(**{f"t{number}": rows_of(number) for number in range(300)})
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for lines in (10007, 20011, 30011, 40009, 50021):
        run = subprocess.run([sys.executable, "-c", script, str(hunt.path), str(lines)], env=environment, check=False)
        assert run.returncode == -signal.SIGKILL
    assert 0 < len(hunt.journal.read_text().splitlines()) < 300
    hunt.run(**{f"t{number}": rows_of(number) for number in range(300)})
    found = hunt.found()
    assert len(found) == len(set(found)) == 300 * 3


def rows_of(number: int) -> list[dict[str, Any]]:
    return [{"A": row, f"C{number // 30}": "\n"} for row in range(3)]


def test_a_table_gets_the_columns_that_tenants_have(table: Hunt) -> None:
    file = table.open()
    assert add(file, "one", [{"A": "1", "B": "x"}]) == []
    assert add(file, "two", [{"A": "2"}]) == ["B"]
    assert add(file, "three", [{"A": "3", "C": "y"}]) == ["B"]
    file.close()
    assert table.run(one=[], four=[{"D": "z", "A": "4"}]) == ["four"]
    rows = {row["tenant"]: {name: row[name] for name in "ABCD"} for row in table.read()}
    assert rows == {
        "one": {"A": "1", "B": "x", "C": "", "D": ""},
        "two": {"A": "2", "B": "", "C": "", "D": ""},
        "three": {"A": "3", "B": "", "C": "y", "D": ""},
        "four": {"A": "4", "B": "", "C": "", "D": "z"},
    }


def test_a_table_has_a_head_in_any_case(table: Hunt) -> None:
    table.run(one=[], two=[{}])
    assert table.path.read_text() == '"tenant"\n"two"\n'
    table.run(three=[{"A": "3"}])
    assert [row["A"] for row in table.read()] == ["", "3"]


def test_rows_that_a_kill_tore_after_the_table_got_columns_are_cut_off(table: Hunt) -> None:
    table.run(one=[{"A": "1"}])
    table.run(two=[{"A": "2", "B": "x"}])
    journal = table.journal.read_bytes().splitlines(keepends=True)[:-1]
    for torn in range(1, 9):
        table.path.write_bytes(table.path.read_bytes()[:-torn])
        table.journal.write_bytes(b"".join(journal))
        assert table.run(one=[], two=[{"A": "2", "B": "x"}]) == ["two"]
        assert table.found() == [("one", "1"), ("two", "2")]


def test_a_kill_after_the_table_got_columns_costs_nothing(table: Hunt) -> None:
    table.run(one=[{"A": "1"}])
    journal = table.journal.read_bytes()
    table.run(two=[{"A": "2", "B": "x"}])
    wide = table.path.read_bytes().splitlines(keepends=True)
    table.path.write_bytes(b"".join(wide[:2]))
    table.journal.write_bytes(journal)
    assert table.run(one=[], two=[{"A": "2", "B": "x"}]) == ["two"]
    assert table.path.read_bytes() == b"".join(wide)


def test_a_full_disk_costs_the_tenant_and_nothing_else(hunt: Hunt) -> None:
    file = hunt.open()
    add(file, "one", [{"A": "1"}])
    before = hunt.path.read_bytes()
    with no_file_larger_than(1000), pytest.raises(TenantError) as refused:
        add(file, "two", [{"A": "x" * 400}] * 9)
    assert f"could not be added to {hunt.path} (File too large)" in refused.value.reason.meaning
    assert hunt.path.read_bytes() == before
    add(file, "three", [{"A": "3"}])
    file.close()
    assert hunt.run(one=[], two=[{"A": "2"}], three=[]) == ["two"]
    assert hunt.found() == [("one", "1"), ("three", "3"), ("two", "2")]


def test_a_journal_that_does_not_fit_costs_the_tenant_and_nothing_else(hunt: Hunt) -> None:
    file = hunt.open()
    add(file, "one", [{"A": "1"}])
    before = hunt.path.read_bytes()
    with no_file_larger_than(hunt.journal.stat().st_size + 20), pytest.raises(TenantError):
        add(file, "two", [{"A": "2"}])
    assert hunt.path.read_bytes() == before
    file.close()
    assert hunt.run(one=[], two=[{"A": "2"}]) == ["two"]


def test_a_table_that_cannot_get_columns_stays_as_it_is(table: Hunt) -> None:
    file = table.open()
    add(file, "one", [{"A": "1" * 500}])
    before = table.path.read_bytes()
    with no_file_larger_than(len(before)), pytest.raises(TenantError):
        add(file, "two", [{"A": "2", "B": "x"}])
    assert sorted(path.name for path in table.path.parent.iterdir()) == [table.journal.name, table.path.name]
    assert table.path.read_bytes() == before


def test_a_dry_run_knows_who_is_there_and_writes_nothing(hunt: Hunt) -> None:
    add(hunt.open(dry_run=True), "one", [{"A": "1"}])
    assert list(hunt.path.parent.iterdir()) == []
    hunt.run(one=[{"A": "1"}])
    hunt.path.write_bytes(hunt.path.read_bytes() + b"torn")
    before = hunt.path.read_bytes(), hunt.journal.read_bytes()
    dry = hunt.open(dry_run=True)
    assert dry.finished("id-one")
    add(dry, "two", [{"A": "2"}])
    dry.close()
    assert (hunt.path.read_bytes(), hunt.journal.read_bytes()) == before


def test_whoever_takes_the_file_away_begins_again(hunt: Hunt) -> None:
    hunt.run(one=[{"A": "1"}], two=[{"A": "2"}])
    hunt.path.unlink()
    assert hunt.run(one=[{"A": "3"}]) == ["one"]
    assert hunt.run(one=[], two=[{"A": "4"}]) == ["two"]
    assert hunt.found() == [("one", "3"), ("two", "4")]


def test_a_run_that_wrote_nothing_leaves_the_file_to_another_hunt(hunt: Hunt) -> None:
    hunt.journal.write_text('"another scope"\n')
    hunt.path.touch()
    assert hunt.run(one=[{"A": "1"}]) == ["one"]
    assert hunt.run(one=[], two=[{"A": "2"}]) == ["two"]


def test_a_file_taken_away_in_the_middle_is_not_made_anew(hunt: Hunt) -> None:
    file = hunt.open()
    add(file, "one", [{"A": "1"}])
    hunt.path.unlink()
    with pytest.raises(TenantError, match="No such file"):
        add(file, "two", [{"A": "2"}])
    assert not hunt.path.exists()


def test_an_empty_file_of_somebody_is_filled(hunt: Hunt) -> None:
    hunt.path.touch(0o644)
    assert hunt.run(one=[{"A": "1"}]) == ["one"]
    assert stat.S_IMODE(hunt.path.stat().st_mode) == 0o600


def test_files_that_hold_something_else_are_refused_and_kept(hunt: Hunt) -> None:
    hunt.path.write_text("something\n")
    with pytest.raises(OptionError, match="holds something else: name another file, or remove this one to begin again"):
        hunt.open()
    assert [path.name for path in hunt.path.parent.iterdir()] == [hunt.path.name]
    hunt.path.unlink()
    hunt.run(one=[{"A": "1"}])
    before = hunt.path.read_bytes(), hunt.journal.read_bytes()
    for dry_run in (False, True):
        with pytest.raises(OptionError, match="holds the rows of another query, timespan or API: name another file"):
            hunt.open("other", dry_run)
    assert (hunt.path.read_bytes(), hunt.journal.read_bytes()) == before


@pytest.mark.parametrize("change", ["cut", "overwritten", "emptied"])
def test_a_file_that_somebody_changed_is_refused_and_kept(hunt: Hunt, change: str) -> None:
    hunt.run(one=[{"A": "1"}])
    text = hunt.path.read_bytes()
    hunt.path.write_bytes({"cut": text[:-3], "overwritten": text[:-1] + b"x", "emptied": b""}[change])
    before = hunt.path.read_bytes()
    with pytest.raises(OptionError, match="was changed by somebody else: name another file"):
        hunt.open()
    assert hunt.path.read_bytes() == before


@pytest.mark.parametrize("head", [b"tenant,A\r\n", "tenant;Gerät\r\n".encode("latin-1")])
def test_a_table_that_a_spreadsheet_saved_is_refused_and_kept(table: Hunt, head: bytes) -> None:
    table.run(one=[{"A": "1"}])
    saved = head + b"one,1\r\n" * 9
    table.path.write_bytes(saved)
    with pytest.raises(OptionError, match="was changed by somebody else: name another file"):
        table.open()
    assert table.path.read_bytes() == saved


@pytest.mark.parametrize("line", ["no JSON", "{}", "1", '{"tenant_id": "id-two"}'])
def test_a_damaged_journal_is_refused_and_kept(hunt: Hunt, line: str) -> None:
    hunt.run(one=[{"A": "1"}])
    hunt.journal.write_text(f"{hunt.journal.read_text()}{line}\n")
    with pytest.raises(OptionError, match="has a damaged journal: name another file, or remove this one"):
        hunt.open()
    assert line in hunt.journal.read_text()


def test_one_run_has_the_file_at_a_time(hunt: Hunt) -> None:
    first = hunt.open()
    with pytest.raises(
        OptionError, match=r"dest: another task or run is writing .*: let it end, name another file, or"
    ):
        hunt.open()
    first.close()
    assert hunt.run(one=[{"A": "1"}]) == ["one"]
    add(first, "two", [{"A": "2"}])
    assert hunt.found() == [("one", "1")]


def test_a_tenant_of_two_names_is_there_once(hunt: Hunt) -> None:
    file = hunt.open()
    for name in ("one", "two"):
        file.add(Tenant(name, "ID-one"), answer([{"A": "1"}]), NOW)
    assert hunt.found() == [("one", "1")]


def test_a_column_that_is_named_as_the_tenants_is_refused(hunt: Hunt) -> None:
    with pytest.raises(TenantError, match="the query returns a column 'tenant'"):
        add(hunt.open(), "one", [{"tenant": "1"}])


def test_threads_can_share_it(hunt: Hunt) -> None:
    file = hunt.open()
    threads = [threading.Thread(target=add, args=(file, f"t{number}", rows_of(number * 30))) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()
    assert sorted(hunt.found()) == sorted((f"t{number}", str(row)) for number in range(16) for row in range(3))
