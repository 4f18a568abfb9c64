# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core import errors
from ansible_collections.mssp.defender.plugins.module_utils._core.identity import aadsts

DOCUMENTED = Path(__file__).parents[4] / "docs" / "refusals.md"

# Microsoft's families, each with the state and the one who acts
FAMILIES = {
    ("blocked", "customer admin"): (5000224, 5000225, 53003, 530032, 530035, 53011, 500213, 7000112, 70001, 1000031),
    ("blocked", "provider"): (530034, 500212),
    ("unknown_tenant", "provider"): (90002, 900021, 900023, 90038, 900382, 900432, 90051, 1000104),
    ("unreachable", "provider"): (500021, 500022, 50002),
    ("bad_credential", "provider"): (
        *(7000215, 7000222, 7000218, 7000232),
        *(700027, 700024, 1000502, 7000214, 700030, 50027),
        *(70021, 700211, 700212, 700213, 7002131, 7002138, 700229, 700222, 700236),
    ),
    ("not_consented", "customer admin"): (7000229, 700016, 65001, 65004, 90094, 90095, 501051, 50105),
    ("no_service", "customer admin"): (500011, 500014, 650052),
    ("error", "provider"): (65005, 650054, 650056, 650057, 650059, 900144, 9002313, 90014, 900561),
    ("unreachable", "nobody"): (90033, 90006, 90012, 90024, 90090, 50033, 50087),
    ("throttled", "nobody"): (90055, 50196),
}


@pytest.mark.parametrize(("family", "codes"), FAMILIES.items())
def test_a_family_has_one_state_and_one_who_acts(family: tuple[str, str], codes: tuple[int, ...]) -> None:
    assert {code: (aadsts.BY_CODE[code].state, aadsts.BY_CODE[code].acts) for code in codes} == dict.fromkeys(
        codes, family
    )


def test_only_a_tenant_that_is_gone_is_not_asked_again() -> None:
    assert {code for code, reason in aadsts.BY_CODE.items() if reason.final} == {90002, 5000224, 5000225}


def test_what_passes_is_in_the_table_and_is_never_final() -> None:
    assert not [code for code in aadsts.PASSING if aadsts.BY_CODE[code].final]


@pytest.mark.parametrize("reason", [*aadsts.BY_CODE.values(), *aadsts.BY_OAUTH_ERROR.values()])
def test_every_meaning_fits_into_the_one_sentence(reason: errors.Reason) -> None:
    assert reason.state in errors.WHO_ACTS
    for part in (reason.meaning, reason.remedy):
        assert part
        assert not part.endswith(".")
        assert part[0].islower() or part.startswith(("Microsoft", "Conditional"))


def table() -> list[str]:
    """Return the table of the documentation: codes of the same meaning in one row, in the order of the code's table."""
    rows: dict[tuple[str, ...], list[int]] = {}
    for code, reason in aadsts.BY_CODE.items():
        again = "once a day" if reason.final else "at once" if code in aadsts.PASSING else ""
        rows.setdefault((reason.state, reason.meaning, reason.acts, reason.remedy, again), []).append(code)
    return [f"| {', '.join(map(str, codes))} | `{row[0]}` | {' | '.join(row[1:])} |" for row, codes in rows.items()]


def test_the_documentation_has_every_code_as_the_table_has_it() -> None:
    lines = DOCUMENTED.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line[:3].strip("| ").isdigit()] == table()
