# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of strangers, kept from being taken for a template or an expression.

The only file that knows how core tells the two apart: from 2.19 on by a tag on what is trusted, before by one on what
is not. Seen working on ansible-core 2.16 to 2.21.
"""

from __future__ import annotations

import re
from typing import Any

from ansible.utils.unsafe_proxy import wrap_var

try:
    from ansible.template import trust_as_template
except ImportError:
    trust_as_template = None

_COULD_BE_CODE = re.compile(r"""[(){}\[\]|%#"`\\]""")


def untrusted(value: Any) -> Any:
    """Return the value (text, numbers, lists and mappings) so that no text in it is ever evaluated.

    Text that could not be code is as good as trusted, and is left plain: AWX stores and shows what is marked as a
    mapping of its own.
    """
    if isinstance(value, dict):
        return {untrusted(key): untrusted(member) for key, member in value.items()}
    if isinstance(value, list):
        return [untrusted(member) for member in value]
    if not isinstance(value, str):
        return value
    if _COULD_BE_CODE.search(value):
        return wrap_var(value)
    return trust_as_template(value) if trust_as_template else value
