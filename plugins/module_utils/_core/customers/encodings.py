# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a customer list, however it was saved, or what the file is instead of a list."""

from __future__ import annotations

import codecs
import re

from ..characters import named

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NO_LISTS = {
    b"PK\x03\x04": "a workbook or another archive",
    b"\xd0\xcf\x11\xe0": "a workbook of an old Excel",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a compressed file",
    b"<": "a page of HTML or XML",
}
_SAVE = "save the list as CSV in UTF-8"
_NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def text_of(data: bytes) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with its mark, as Excel's "Unicode text" is.

    Raises ValueError for any other file, with the line and what the file seems to be.
    """
    for beginning, what in _NO_LISTS.items():
        if data.removeprefix(codecs.BOM_UTF8).lstrip().startswith(beginning):
            raise ValueError(f"it is {what}, whatever its name says: {_SAVE}")
    text = _of_utf_16(data) if data.startswith(_UTF_16) else _of_utf_8(data)
    if strange := _NOT_TEXT.search(text):
        line = _line(text[: strange.start()])
        raise ValueError(f"line {line} has {named(strange[0])}, which is not text: remove it, or {_SAVE}")
    return text


def _of_utf_16(data: bytes) -> str:
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError(f"its UTF-16 is cut off or damaged: {_SAVE}") from None


def _of_utf_8(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in data:
            # UTF-16 without its mark: the first of these characters is told
            return data.decode("latin-1")
        line = _line(data[: error.start].decode())
        byte = data[error.start : error.start + 1]
        likely = byte.decode("cp1252", "ignore")
        guess = f", which is '{likely}' in Windows-1252" if likely else ""
        raise ValueError(
            f"it is not UTF-8 (byte {error.start + 1} of it is none): save it as UTF-8, "
            f"for its line {line} has 0x{byte.hex().upper()}{guess}"
        ) from None


def _line(before: str) -> int:
    return before.count("\n") + before.replace("\r\n", "").count("\r") + 1
