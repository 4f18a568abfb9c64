# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest

from ansible_collections.mssp.defender.plugins.module_utils._core.customers import encodings

TEXT = "name;city\nMüller;Wien\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_is_read_as_a_spreadsheet_saves_it(encoding: str) -> None:
    assert encodings.text_of(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_byte_of_another_encoding_is_named_with_its_line(ends: str) -> None:
    with pytest.raises(ValueError, match=r"not UTF-8 .*for its line 2 has 0xFC, which is 'ü' in Windows-1252"):
        encodings.text_of(TEXT.replace("\n", ends).encode("cp1252"))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (TEXT.encode("utf-16-le"), "line 1 has U+0000 NULL, which is not text"),
        (b"name\na\x00\n", "line 2 has U+0000 NULL, which is not text"),
        (TEXT.encode("utf-16")[:-1], "its UTF-16 is cut off or damaged"),
        (b"PK\x03\x04...", "it is a workbook or another archive, whatever its name says"),
        (b"\xd0\xcf\x11\xe0...", "it is a workbook of an old Excel"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>", "it is a page of HTML or XML"),
    ],
)
def test_a_file_that_is_not_a_list_is_called_what_it_is(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as refused:
        encodings.text_of(data)
    assert str(refused.value).endswith("save the list as CSV in UTF-8")
