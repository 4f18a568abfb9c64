# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which work ends early: a bad option, one tenant's trouble, or a wait."""

from __future__ import annotations

import errno
import traceback
from dataclasses import dataclass
from pathlib import Path

from .characters import plain
from .results import Refusal, Result

PROVIDER = "provider"
CUSTOMER_ADMIN = "customer admin"
NOBODY = "nobody"

GRANTED = "granted"
PARTIAL = "partial"
NOT_CONSENTED = "not_consented"
NO_SERVICE = "no_service"
BAD_CREDENTIAL = "bad_credential"
UNKNOWN_TENANT = "unknown_tenant"
BLOCKED = "blocked"
THROTTLED = "throttled"
UNREACHABLE = "unreachable"
ERROR = "error"

WHO_ACTS = {
    GRANTED: NOBODY,
    PARTIAL: CUSTOMER_ADMIN,
    NOT_CONSENTED: CUSTOMER_ADMIN,
    NO_SERVICE: CUSTOMER_ADMIN,
    BAD_CREDENTIAL: PROVIDER,
    UNKNOWN_TENANT: PROVIDER,
    BLOCKED: CUSTOMER_ADMIN,
    THROTTLED: NOBODY,
    UNREACHABLE: PROVIDER,
    ERROR: PROVIDER,
}
"""Every state a tenant can be in, and who must act on it."""

FIXED_BY_CONSENT = (NOT_CONSENTED, PARTIAL)
"""States that end when the customer's administrator opens the consent link."""


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class OptionError(Exception):
    """An option of the task is wrong; no tenant was touched. The message names the option and the remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(plain(message))


class UntrustedFile(OSError):
    """A file or folder is not what this user alone could have made. `fault` goes on with a sentence that names it."""

    def __init__(self, path: Path, fault: str, remedy: str) -> None:
        super().__init__(errno.EPERM, fault, str(path))
        self.remedy = remedy


@dataclass(frozen=True)
class Reason:
    """Why a tenant is not `granted`.

    `state` is a key of WHO_ACTS; `code` the service's own code (such as AADSTS7000229) or None; `meaning` what
    happened; `remedy` what to do about it; `who` must do it; the two ids are what Microsoft's support asks for.
    `final` says that asking again is pointless: Microsoft has blocked the tenant for good, or there is none.
    """

    state: str
    meaning: str
    remedy: str
    code: str | None = None
    who: str | None = None
    correlation_id: str | None = None
    trace_id: str | None = None
    final: bool = False

    def __post_init__(self) -> None:
        """Keep a text that a service wrote a part of from acting on the terminal or the log that shows it."""
        for name in ("meaning", "remedy", "code"):
            if text := getattr(self, name):
                object.__setattr__(self, name, plain(text))

    @property
    def acts(self) -> str:
        """Who must act: named by the reason, or else by the state."""
        return self.who or WHO_ACTS[self.state]

    def sentence(self) -> str:
        """Return what happened, why, and who must do what, to go on with a sentence that names the tenant."""
        who = "" if self.acts == NOBODY else f"{self.acts}: "
        return f"{cause(self.meaning, self.code)}; {who}{self.remedy}."

    def to_result(self) -> Refusal:
        return {
            "meaning": self.meaning,
            "remedy": self.remedy,
            "code": self.code,
            "who": self.acts,
            "correlation_id": self.correlation_id,
            "trace_id": self.trace_id,
            "final": self.final,
        }


def cause(meaning: str, code: str | None) -> str:
    """Return what happened, with the service's own code for it where there is one."""
    return f"{meaning} ({code})" if code else meaning


def unforeseen(error: BaseException) -> str:
    """Return a sentence for an error nobody foresaw: its kind and place, for its text could hold a secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"internal error ({type(error).__name__} at {place}): please report it to the collection's authors"


def unusable_file(error: OSError) -> str:
    """Return a sentence for a file that could not be read or written."""
    if isinstance(error, UntrustedFile):
        return f"{error.filename} {error.strerror}: {error.remedy}"
    remedy = "make room for it" if error.errno in _NO_ROOM else "check its path, owner and mode"
    return f"{error.filename or 'a file'} cannot be used ({error.strerror}): {remedy}"


class TenantError(Exception):
    """One tenant's work ended in a state other than `granted`; every other tenant goes on.

    `details` is what was found out all the same, for the result.
    """

    def __init__(self, reason: Reason, details: Result | None = None) -> None:
        super().__init__(reason.meaning)
        self.reason = reason
        self.details: Result = details or {}


class RefusedRequest(TenantError):
    """The service would not have the request as it is (HTTP 400): a filter, a query, a value."""


class Postponed(Exception):
    """The work can go on in `seconds`; until then it must not hold a thread. `error` is the outcome if nobody waits."""

    def __init__(self, seconds: float, error: TenantError) -> None:
        super().__init__(f"wait {seconds:.1f} s")
        self.seconds = seconds
        self.error = error
