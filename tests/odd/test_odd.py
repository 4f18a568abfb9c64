# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each odd tenant ends in the one outcome that is right, and spoils nothing for the others of its fleet."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from odd import odd_calls, odd_metadata, odd_tokens
from odd.conftest import OddRun
from odd.customers import HONEST_NAMES
from odd.oddity import Oddity
from odd.stage import HONEST, SECRET

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

_READ = {"dest": "records", "checkpoint": "checkpoints", "backfill": ""}
_TOKENS = [*odd_metadata.ODDITIES, *odd_tokens.ODDITIES]
_FORMS: dict[str, tuple[str, dict[str, Any], list[Oddity]]] = {
    "token for xdr": ("defender_token", {"resource": "xdr"}, _TOKENS),
    "token for graph": ("defender_token", {"resource": "graph"}, _TOKENS),
    "xdr into the result": ("defender_incidents", {"api": "xdr"}, odd_calls.ODDITIES),
    "xdr into files": ("defender_incidents", {"api": "xdr", **_READ}, odd_calls.ODDITIES),
    "graph into the result": ("defender_incidents", {"api": "graph"}, odd_calls.ODDITIES),
    "graph into files": ("defender_incidents", {"api": "graph", **_READ}, odd_calls.ODDITIES),
}


def _oddities_of(form: str) -> list[Oddity]:
    api = "graph" if "graph" in form else "xdr"
    return [oddity for oddity in _FORMS[form][2] if oddity.api in (None, api)]


def _case(form: str, *oddity: Oddity) -> ParameterSet:
    """One run of a form serves all its tests, so a worker gets them all."""
    name = "-".join([form, *(one.name for one in oddity)])
    return pytest.param(form, *oddity, id=name, marks=pytest.mark.xdist_group(form))


_CASES = [_case(form, oddity) for form in _FORMS for oddity in _oddities_of(form)]
_COUNTED = [
    _case(form, oddity)
    for form in _FORMS
    if not form.startswith("token")
    for oddity in _oddities_of(form)
    if oddity.count is not None
]


@pytest.fixture
def form(request: pytest.FixtureRequest) -> str:
    """Give the name of the form of task that a test is about."""
    return str(request.param)


@pytest.fixture
def run(form: str, odd_run: Callable[..., OddRun]) -> OddRun:
    module, options, _oddities = _FORMS[form]
    run = odd_run(form, module, options, _oddities_of(form))
    assert "tenants" in run.result, run.output[-2000:]
    return run


@pytest.mark.parametrize(("form", "oddity"), _CASES, indirect=["form"])
def test_an_odd_tenant_has_the_outcome_that_is_right(run: OddRun, form: str, oddity: Oddity) -> None:
    outcome = run.outcome(oddity.name)
    told = " ".join(str(outcome.get(field) or "") for field in ("msg", "meaning", "remedy", "code"))
    assert outcome["state"] == oddity.expected(form), told
    assert oddity.says.lower() in told.lower()
    assert oddity.who in (None, outcome.get("who")), told
    assert not [character for character in told if unicodedata.category(character) in ("Cc", "Cf")], repr(told)


@pytest.mark.parametrize(("form", "oddity"), _COUNTED, indirect=["form"])
def test_whatever_is_odd_about_them_all_incidents_are_handed_over(run: OddRun, form: str, oddity: Oddity) -> None:
    assert _handed_over(run, form, oddity.name) == oddity.count


@pytest.mark.parametrize("form", [_case(form) for form in _FORMS], indirect=True)
class TestAllOfThem:
    def test_the_honest_ones_are_served(self, run: OddRun, form: str) -> None:
        assert [run.outcome(name)["state"] for name in HONEST_NAMES] == ["granted"] * 3
        if not form.startswith("token"):
            assert [_handed_over(run, form, name) for name in HONEST_NAMES] == [HONEST] * 3

    def test_each_has_one_outcome(self, run: OddRun, form: str) -> None:
        names = [outcome["name"] for outcome in run.result["tenants"]]
        assert sorted(names) == sorted([*HONEST_NAMES, *(oddity.name for oddity in _oddities_of(form))])

    def test_nothing_shows_what_must_not_be_seen(self, run: OddRun) -> None:
        assert SECRET not in run.output
        assert SECRET not in json.dumps(run.result)
        assert "Traceback" not in run.output
        assert "eyJ" not in run.output, "a token is in the output"

    def test_nobody_was_led_astray(self, run: OddRun) -> None:
        assert run.stage.asked_elsewhere == []


def _handed_over(run: OddRun, form: str, name: str) -> int:
    if form.endswith("files"):
        lines = (run.folder / run.outcome(name)["dest"]).read_text("utf-8").splitlines()
        return len([json.loads(line) for line in lines])
    return len(run.outcome(name)["incidents"])
