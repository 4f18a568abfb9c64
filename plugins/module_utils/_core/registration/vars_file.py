# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of Ansible variables that keeps a client secret: encrypted with Ansible Vault, or plain and private.

Only our own lines are written; every other line of the file, comments included, stays as it is.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import files, ownership, vaults
from ..errors import OptionError, UntrustedFile, unusable_file
from ..vaults import MARK, Vault

_VARIABLE = re.compile(r"""(["']?)([\w.-]+)\1[ \t]*:(?:\s|$)""")
_CONTINUED = re.compile(r"[ \t]|-(?:\s|$)")
_INSIGNIFICANT = re.compile(r"#|---\s*$|\s*$")


@dataclass(frozen=True)
class Unsafe:
    """A text that Ansible must never template."""

    value: str


class VarsFile:
    """The file at `path`; without a vault it is plain. Methods raise OptionError for a file that cannot be used."""

    def __init__(self, option: str, path: Path, vault: Vault | None) -> None:
        self._option = option
        self._named_in = path.parent
        # the file may be a link to one that several inventories share
        self.path = path.resolve()
        self._named = f"{option} {self.path}"
        self._vault = vault

    def read(self, name: str) -> Mapping[str, object]:
        """Return the mapping that `write` kept under this name, empty where there is none."""
        line = re.search(rf"^{re.escape(name)}:[ \t]*(.*)$", self._text() or "", re.MULTILINE)
        try:
            value = json.loads(line[1]) if line else {}
        except ValueError:
            raise self._unusable(f"its line '{name}' is not what this module wrote", "remove that line") from None
        return value if isinstance(value, dict) else {}

    def check(self) -> None:
        """Raise OptionError unless the file can be read, changed and encrypted; nothing is written."""
        for folder in dict.fromkeys((self._named_in, self.path.parent)):
            files.check_own_folder(self._option, folder)
        self._seal(self._text() or "", None)

    def write(self, variables: Mapping[str, object]) -> None:
        """Set variables, on top of what the file holds at this moment, and sync it to disk."""
        earlier = self._content() or ""
        text = self._text() or "---\n"
        for name, value in variables.items():
            text = _with_line(text, name, value)
        files.replace_private(self.path, self._seal(text, earlier if earlier.startswith(MARK) else None))

    def _content(self) -> str | None:
        """Return the text as it stands in the file, or None where there is no file."""
        try:
            # as bytes, so that line ends stay what they are; a group of the user's may write to a checkout
            return ownership.read(self.path, denied=stat.S_IWOTH).decode()
        except FileNotFoundError:
            return None
        except UntrustedFile as error:
            raise OptionError(f"{self._option}: {unusable_file(error)}") from None
        except (OSError, UnicodeDecodeError):
            raise self._unusable("it cannot be read as text", "correct its path, owner and mode") from None

    def _text(self) -> str | None:
        """Return the plain text, or None where there is no file."""
        text = self._content()
        if text is None:
            return None
        if text.strip():
            vaults.check_form(text.encode(), bool(self._vault), self._named)
        try:
            text = vaults.opened(text.encode(), self._vault, self._named).decode()
        except UnicodeDecodeError:
            raise self._unusable("what is encrypted in it is no text", "name a file of plain variables") from None
        if odd := _odd_line(text):
            raise self._unusable(f"its line {odd} is not 'name: value'", "name a file of plain variables")
        return text

    def _seal(self, text: str, earlier: str | None) -> str:
        return vaults.sealed(text, self._vault, earlier, self._named) if self._vault else text

    def _unusable(self, why: str, remedy: str) -> OptionError:
        return OptionError(f"{self._named} cannot be used: {why}: {remedy}")


def _lines(text: str) -> list[str]:
    """Return the lines with their ends. Unlike splitlines() it takes no other character for a line's end."""
    return re.findall(r"[^\n]*\n|[^\n]+$", text)


def _odd_line(text: str) -> int | None:
    """Return the number of the first line that a plain list of variables would not have."""
    inside = False
    for number, line in enumerate(_lines(text), start=1):
        if _VARIABLE.match(line):
            inside = True
        elif not _INSIGNIFICANT.match(line) and not (inside and _CONTINUED.match(line)):
            return number
    return None


def _with_line(text: str, name: str, value: object) -> str:
    """Return the text with one variable set: in place of the lines that set it, or at the end."""
    tag, plain = ("!unsafe ", value.value) if isinstance(value, Unsafe) else ("", value)
    line = f"{name}: {tag}{_as_yaml(plain)}\n"
    lines = _lines(text)
    variables = [(at, match[2]) for at, found in enumerate(lines) if (match := _VARIABLE.match(found))]
    start = next((at for at, found in variables if found == name), None)
    if start is None:
        return "".join([*lines, "" if not text or text.endswith("\n") else "\n", line])
    following = next((at for at, _found in variables if at > start), len(lines))
    continued = [at for at in range(start, following) if at == start or _CONTINUED.match(lines[at])]
    return "".join([*lines[:start], line, *lines[continued[-1] + 1 :]])


def _as_yaml(value: object) -> str:
    """Return the value as JSON, which is YAML but for characters that YAML's readers refuse or fold."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text)
