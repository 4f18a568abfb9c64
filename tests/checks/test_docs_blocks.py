# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a reader copies from a page can be read by the program that it is for."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class _Ansible(yaml.SafeLoader):
    """YAML with the tags of Ansible."""


for tag in ("!unsafe", "!vault"):
    _Ansible.add_constructor(tag, lambda loader, node: loader.construct_scalar(node))


def _yaml(text: str) -> Any:
    return yaml.load(text, _Ansible)


def _ini(text: str) -> Any:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser.sections()


READERS: dict[str, Callable[[str], Any]] = {"yaml": _yaml, "ini": _ini, "json": json.loads}
BLOCKS = [
    pytest.param(READERS[kind], text, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, (kind, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")), start=1)
    if kind in READERS
]


def test_there_are_blocks_of_each_kind_that_is_used() -> None:
    kinds = {kind for page in PAGES for kind, _text in FENCE.findall(page.read_text(encoding="utf-8"))}
    assert {"yaml", "ini"} <= kinds


@pytest.mark.parametrize(("read", "text"), BLOCKS)
def test_a_block_can_be_read(read: Callable[[str], Any], text: str) -> None:
    assert read(text)


@pytest.mark.parametrize(("read", "text"), [(_yaml, "a: b: c"), (_ini, "[a\nb = c"), (json.loads, "{a: 1}")])
def test_a_broken_block_would_be_found(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises((yaml.YAMLError, configparser.Error, ValueError)):
        read(text)
