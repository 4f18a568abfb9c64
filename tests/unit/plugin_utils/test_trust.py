# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mssp.defender.plugins.plugin_utils._trust import untrusted

TEXT = st.text() | st.sampled_from(
    ["{{ secret }}", "{% if true %}", "{# x #}", "#jinja2: trim_blocks: True\n{{ secret }}"]
)
VALUES = st.recursive(
    TEXT | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def templated(value: Any) -> Any:
    return Templar(loader=DataLoader(), variables={"secret": "canary", "value": value}).template(value)


@given(VALUES)
def test_whatever_is_given_stays_what_it_is(value: Any) -> None:
    assert untrusted(value) == value
    assert templated(untrusted(value)) == value


@pytest.mark.parametrize(
    "text", ["Contoso Ltd.", "Müller & Co", "St. Pölten/West", "44444444-4444-4444-8444-444444444441"]
)
def test_plain_text_is_not_marked(text: str) -> None:
    assert not hasattr(untrusted(text), "__UNSAFE__")


@pytest.mark.parametrize("text", ["{{ secret }}", "lookup('pipe', 'id')", "a | b", "x[0]", "#jinja2: x"])
def test_what_could_be_code_is_no_trusted_template(text: str) -> None:
    marked = untrusted(text)
    try:
        from ansible.template import is_trusted_as_template
    except ImportError:
        assert marked.__UNSAFE__
    else:
        assert not is_trusted_as_template(marked)
