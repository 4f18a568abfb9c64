# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the work for a tenant came to: its state, and one sentence that says who must do what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from . import errors, showing
from .characters import plain
from .errors import OptionError, Postponed, Reason, TenantError

Work = Callable[[], dict[str, Any]]
"""Returns one tenant's result. It may raise Postponed, and is then called again to go on where it stopped."""


@dataclass(frozen=True)
class Tenant:
    """A customer: the name the operator gave it, and its tenant id (a GUID or a domain).

    `fault` is why nothing can be done for it, whatever its id.
    """

    name: str
    tenant_id: str
    fault: Reason | None = None


@dataclass(frozen=True)
class Outcome:
    """How one tenant's work ended. `reason` is None for `granted`; `result` is what the work returned, if it did."""

    tenant: Tenant
    reason: Reason | None
    result: dict[str, Any]

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

    def to_result(self) -> dict[str, Any]:
        """Return the outcome as it stands in results."""
        base: dict[str, Any] = {
            "name": self.tenant.name,
            "tenant_id": self.tenant.tenant_id,
            "state": self.state,
            "msg": self.sentence(),
        }
        return base | (self.reason.to_result() if self.reason else {}) | self.result


def outcome_of(tenant: Tenant, work: Work) -> Outcome:
    """Do the work and return the outcome that its return or its error amounts to. Raises Postponed."""
    try:
        return Outcome(tenant, None, work())
    except TenantError as error:
        return Outcome(tenant, error.reason, error.details)
    except OptionError as error:
        # the one option that belongs to a single tenant is its id
        return Outcome(tenant, Reason(errors.UNKNOWN_TENANT, str(error), "correct the inventory"), {})
    except Postponed:
        raise
    except OSError as error:
        return Outcome(tenant, Reason(errors.ERROR, errors.unusable_file(error), "fix the file"), {})
    except Exception as error:  # noqa: BLE001 - one tenant's oddity must not cost the others their outcomes
        return Outcome(tenant, Reason(errors.ERROR, errors.unforeseen(error), "report it"), {})


def summary(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return how many tenants ended in each state."""
    return dict(sorted(Counter(outcome.state for outcome in outcomes).items()))
