# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids in the paths of calls: a person who can write an id into a record must not choose what our token asks for."""

from __future__ import annotations

import re
from urllib.parse import quote

from .. import errors
from ..errors import Reason, TenantError

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:-]{0,199}", re.ASCII)


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id of an incident or alert: letters, digits and few marks."""
    return _ID.fullmatch(text) is not None


def segment(identity: str) -> str:
    """Return an id as one segment of a path, whatever is in it.

    Raises TenantError for one that no encoding keeps where it is: empty, or of dots alone.
    """
    if not identity.strip("."):
        meaning = "the service named an object by an id that is empty or consists of dots"
        raise TenantError(Reason(errors.ERROR, meaning, "check graph_url and xdr_url"))
    return quote(identity, safe="")
