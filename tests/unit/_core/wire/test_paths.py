# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.errors import TenantError
from ansible_collections.mssp.defender.plugins.module_utils._core.wire import paths


@pytest.mark.parametrize("text", ["7", "da637551227677560813_-961444813", "a:b.c", "7" * 200])
def test_ids_have_a_form(text: str) -> None:
    assert paths.is_id(text)
    assert paths.segment(text).replace("%3A", ":") == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", "-7", "a/b", "a?b", "a#b", "a%2fb", "a\\b", "7\n", " 7", "\u0667", "7" * 201]
)
def test_what_has_another_form_is_no_id(text: str) -> None:
    assert not paths.is_id(text)


@pytest.mark.parametrize(
    ("text", "segment"), [("../../secret?x=", "..%2F..%2Fsecret%3Fx%3D"), ("a b", "a%20b"), ("%2e%2e", "%252e%252e")]
)
def test_whatever_an_id_holds_stays_in_its_segment(text: str, segment: str) -> None:
    assert paths.segment(text) == segment


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_what_would_leave_its_segment_is_refused(text: str) -> None:
    with pytest.raises(TenantError, match="empty or consists of dots"):
        paths.segment(text)
