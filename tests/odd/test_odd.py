# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each odd tenant ends in the one outcome that is right, and spoils nothing for the others of its fleet."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from odd import odd_calls, odd_metadata, odd_tokens
from odd.conftest import OddRun
from odd.oddity import HONEST_NAMES, Oddity
from odd.stage import HONEST, SECRET


@dataclass(frozen=True)
class Form:
    """One form of a task, and what it meets."""

    module: str
    options: dict[str, Any]
    oddities: list[Oddity]


_FILES = {"dest": "records", "checkpoint": "checkpoints", "backfill": ""}
_TOKENS = [*odd_metadata.ODDITIES, *odd_tokens.ODDITIES]


def _for_token(resource: str) -> Form:
    return Form("defender_token", {"resource": resource}, _of_api(resource, _TOKENS))


def _for_incidents(api: str, **options: Any) -> Form:
    # at the pace of the service's limits, links without end would take minutes
    return Form("defender_incidents", {"api": api, "paced": False, **options}, _of_api(api, odd_calls.ODDITIES))


def _of_api(api: str, oddities: list[Oddity]) -> list[Oddity]:
    return [oddity for oddity in oddities if oddity.api in (None, api)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test of a form that form's oddities, or those of them where the count is in question."""
    oddities = {"oddity": metafunc.cls.form.oddities}
    oddities["counted"] = [oddity for oddity in oddities["oddity"] if oddity.count is not None]
    for name in oddities.keys() & metafunc.fixturenames:
        metafunc.parametrize(name, oddities[name], ids=lambda oddity: oddity.name)


@pytest.fixture(scope="class")
def run(request: pytest.FixtureRequest, odd_run: Callable[..., OddRun]) -> OddRun:
    form: Form = request.cls.form
    run = odd_run(form.module, form.options, form.oddities)
    assert "tenants" in run.result, run.output[-2000:]
    return run


class TokenTests:
    """The tests of a form, which has one run for all of them: so they are one class, and stay in one worker."""

    form: Form

    def test_an_odd_tenant_has_the_outcome_that_is_right(self, run: OddRun, oddity: Oddity) -> None:
        outcome = run.outcome(oddity.name)
        told = " ".join(str(outcome.get(field) or "") for field in ("msg", "meaning", "remedy", "code"))
        assert outcome["state"] == oddity.expected("dest" in self.form.options), told
        assert oddity.says.lower() in told.lower()
        assert oddity.who in (None, outcome.get("who")), told
        assert not [character for character in told if unicodedata.category(character) in ("Cc", "Cf")], repr(told)

    def test_the_honest_ones_are_served(self, run: OddRun) -> None:
        assert [run.outcome(name)["state"] for name in HONEST_NAMES] == ["granted"] * 3

    def test_each_has_one_outcome(self, run: OddRun) -> None:
        names = [outcome["name"] for outcome in run.result["tenants"]]
        assert sorted(names) == sorted([*HONEST_NAMES, *(oddity.name for oddity in self.form.oddities)])

    def test_nothing_shows_what_must_not_be_seen(self, run: OddRun) -> None:
        assert SECRET not in run.output
        assert SECRET not in json.dumps(run.result)
        assert "Traceback" not in run.output
        assert "eyJ" not in run.output, "a token is in the output"

    def test_nobody_was_led_astray(self, run: OddRun) -> None:
        assert run.stage.asked_elsewhere == []


class IncidentTests(TokenTests):
    def test_whatever_is_odd_about_them_all_incidents_are_handed_over(self, run: OddRun, counted: Oddity) -> None:
        assert self._handed_over(run, counted.name) == counted.count

    def test_all_incidents_of_the_honest_ones_are_handed_over(self, run: OddRun) -> None:
        assert [self._handed_over(run, name) for name in HONEST_NAMES] == [HONEST] * 3

    def _handed_over(self, run: OddRun, name: str) -> int:
        if "dest" in self.form.options:
            lines = (run.folder / run.outcome(name)["dest"]).read_text("utf-8").splitlines()
            return len([json.loads(line) for line in lines])
        return len(run.outcome(name)["incidents"])


class TestTokenForXdr(TokenTests):
    form = _for_token("xdr")


class TestTokenForGraph(TokenTests):
    form = _for_token("graph")


class TestXdrIntoTheResult(IncidentTests):
    form = _for_incidents("xdr")


class TestXdrIntoFiles(IncidentTests):
    form = _for_incidents("xdr", **_FILES)


class TestGraphIntoTheResult(IncidentTests):
    form = _for_incidents("graph")


class TestGraphIntoFiles(IncidentTests):
    form = _for_incidents("graph", **_FILES)
