# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the work for a tenant came to: its state, and one sentence that says who must do what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from . import errors, showing
from .characters import plain
from .errors import OptionError, Postponed, Reason, TenantError
from .results import Refusal, Result

R_co = TypeVar("R_co", covariant=True)

Work = Callable[[], R_co]
"""Returns one tenant's result. It may raise Postponed, and is then called again to go on where it stopped."""


@dataclass(frozen=True)
class Tenant:
    """A customer: the name the operator gave it, and its tenant id (a GUID or a domain).

    `fault` is why nothing can be done for it, whatever its id.
    """

    name: str
    tenant_id: str
    fault: Reason | None = None


class TenantResult(Result, Refusal, total=False):
    """An outcome as it stands in results, where what the work returned stands beside it."""

    tenant_id: str
    state: str


@dataclass(frozen=True)
class Outcome(Generic[R_co]):
    """How one tenant's work ended. `reason` is None for `granted`.

    `result` is what the work returned, if it did, and `details` what it had found out when it failed.
    """

    tenant: Tenant
    reason: Reason | None
    result: R_co | None = None
    details: Result = field(default_factory=Result)

    @property
    def state(self) -> str:
        return self.reason.state if self.reason else errors.GRANTED

    def sentence(self) -> str:
        """Return what happened, to which tenant, why, and who must do what."""
        label = tenant_id = showing.plain(self.tenant.tenant_id)
        if self.tenant.name != self.tenant.tenant_id:
            label = f"{plain(self.tenant.name)} ({tenant_id})" if tenant_id else plain(self.tenant.name)
        if self.reason is None:
            return f"{label} is granted"
        return f"{label} is {self.state}: {self.reason.sentence()}"

    def to_result(self: Outcome[Result]) -> TenantResult:
        """Return the outcome as it stands in results."""
        refusal: Refusal = self.reason.to_result() if self.reason else {}
        return {
            "tenant_id": self.tenant.tenant_id,
            "state": self.state,
            "msg": self.sentence(),
            **refusal,
            **(self.result or self.details),
        }


def outcome_of(tenant: Tenant, work: Work[R_co]) -> Outcome[R_co]:
    """Do the work and return the outcome that its return or its error amounts to. Raises Postponed."""
    try:
        return Outcome(tenant, None, work())
    except TenantError as error:
        return Outcome(tenant, error.reason, details=error.details)
    except OptionError as error:
        # the one option that belongs to a single tenant is its id
        return Outcome(tenant, Reason(errors.UNKNOWN_TENANT, str(error), "correct the inventory"))
    except Postponed:
        raise
    except OSError as error:
        return Outcome(tenant, Reason(errors.ERROR, errors.unusable_file(error), "fix the file"))
    except Exception as error:  # noqa: BLE001 - one tenant's oddity must not cost the others their outcomes
        return Outcome(tenant, Reason(errors.ERROR, errors.unforeseen(error), "report it"))


def summary(outcomes: Iterable[Outcome[object]]) -> dict[str, int]:
    """Return how many tenants ended in each state."""
    return dict(sorted(Counter(outcome.state for outcome in outcomes).items()))
