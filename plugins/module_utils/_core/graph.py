# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph in one tenant, for work that is a sequence of steps: every call waits where it stands.

It waits for throttling, for failures that pass, and for objects that Microsoft's directory does not know everywhere
yet. Sources: learn.microsoft.com, "Microsoft Graph throttling guidance" and "Error responses"; public reports of the
lag after a creation (404, or 400 with NoBackingApplicationObject).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import errors, waiting
from .endpoint import Endpoint, NoToken, Request
from .errors import Postponed, Reason, TenantError
from .identity import refusals
from .identity.access import Access
from .wire.http import Reply, Transport
from .wire.patience import Patience
from .wire.records import JsonObject

_VERSION = "/v1.0/"
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0


@dataclass(frozen=True)
class Call:
    """What a request is for, in words that a refusal can use ("add a secret"), and the permission it needs at least."""

    purpose: str
    role: str


class Graph:
    """Calls Graph as `caller`, a client id, or how somebody `is_signed_in`. Its access to the tenant is `access`.

    `settle_seconds` is how long one call waits for what was written before to be known. Methods raise TenantError.
    """

    def __init__(
        self,
        base_url: str,
        transport: Transport,
        access: Access,
        patience: Patience,
        caller: str,
        settle_seconds: float,
        *,
        is_signed_in: bool = False,
    ) -> None:
        self._base_url = base_url
        self._endpoint = Endpoint(base_url, access, transport, patience)
        self._caller = caller
        self._settle_seconds = settle_seconds
        self._is_signed_in = is_signed_in

    def address(self, path: str) -> str:
        """Return what a reference to an object has in its `@odata.id`."""
        return f"{self._base_url}{_VERSION}{path}"

    def read(self, path: str, call: Call, settle: bool = False) -> JsonObject | None:
        """Return an object, or None where there is none; with `settle` only after waiting for it."""
        reply = self.send("GET", path, call, accept=(404,), settle=settle)
        return None if reply.status == 404 else reply.json()

    def pages(self, path: str, call: Call, settle: bool = True) -> Iterator[JsonObject]:
        """Yield the members of a collection, page by page; with `settle` it belongs to an object known to exist."""
        links = self._endpoint.links()
        following: str | None = path
        sent, counted = 0, 0
        while following:
            page = self.send("GET", following, call, settle=settle).json()
            members, count = page.get("value"), page.get("@odata.count")
            if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
                meaning = f"Microsoft Graph sent no list when asked to {call.purpose}"
                raise TenantError(Reason(errors.ERROR, meaning, "check graph_url"))
            yield from members
            sent += len(members)
            counted = max(counted, count) if isinstance(count, int) else counted
            link = page.get("@odata.nextLink")
            following = links.checked(str(link), brought_news=bool(members)) if link else None
        if sent < counted:
            meaning = f"Microsoft Graph counts {counted} and sent {sent} when asked to {call.purpose}"
            raise TenantError(Reason(errors.ERROR, meaning, "run again later"))

    def send(
        self,
        method: str,
        path: str,
        call: Call,
        body: Mapping[str, Any] | None = None,
        *,
        prefer: str | None = None,
        accept: tuple[int, ...] = (),
        settle: bool = True,
        confirm: Callable[[], Reply | None] | None = None,
    ) -> Reply:
        """Send a request, again where its reply was lost, and return the reply: a 2xx, or a status in `accept`.

        `settle`: the objects it names are known to exist, so that their absence is lag and worth waiting for.
        `confirm` looks whether a request whose reply was lost took effect, and returns what shows that it did.
        """
        # a page's link to the next one is whole already
        where = path if "://" in path else f"{_VERSION}{path}"
        request = Request(method, where, body, headers={"Prefer": prefer} if prefer else {})
        for _try in waiting.tries(self._settle_seconds, waiting.doubling(_FIRST_PAUSE, _LONGEST_PAUSE)):
            reply = self._answer(request, confirm)
            is_passing = _collides(reply) or (settle and _lags(reply))
            if not is_passing:
                break
        if 200 <= reply.status < 300 or reply.status in accept:
            return reply
        if is_passing:
            raise TenantError(_never_settled(call, self._settle_seconds))
        raise self.refused(reply, call)

    def change(self, path: str, call: Call, changes: Mapping[str, Any]) -> None:
        """Set properties of an object that is known to exist, each as a whole.

        Where the answer is lost, they are read before they are set again, or the loss is reported.
        """

        def confirm() -> Reply | None:
            try:
                reply = self.send("GET", f"{path}?$select={','.join(changes)}", call)
                return reply if _shows(reply.json(), changes) else None
            except TenantError:
                return None

        self.send("PATCH", path, call, changes, confirm=confirm)

    def refused(self, reply: Reply, call: Call) -> TenantError:
        """Return the error that a reply amounts to."""
        body = reply.json_or_none()
        reason = refusals.of_directory(
            reply.status, body, call.purpose, call.role, self._caller, is_signed_in=self._is_signed_in
        )
        return TenantError(reason)

    def _answer(self, request: Request, confirm: Callable[[], Reply | None] | None) -> Reply:
        try:
            return waiting.wait_out(self._confirmed, request, confirm)
        except NoToken as error:
            reason = replace(error.reason, meaning=f"{self._caller} got no token: {error.reason.meaning}")
            if reason.acts == errors.CUSTOMER_ADMIN:
                # at home nobody is a customer
                remedy = "check that client_id is an application of this tenant"
                reason = replace(reason, remedy=remedy, who=errors.PROVIDER)
            raise TenantError(reason) from None

    def _confirmed(self, request: Request, confirm: Callable[[], Reply | None] | None) -> Reply:
        try:
            return self._endpoint.send(request)
        except (Postponed, TenantError) as lost:
            reason = lost.error.reason if isinstance(lost, Postponed) else lost.reason
            shown = confirm() if confirm and reason.state == errors.UNREACHABLE else None
            if shown is None:
                raise
            return shown


def _never_settled(call: Call, seconds: float) -> Reason:
    meaning = f"Microsoft's directory was not ready to {call.purpose} after {seconds:g} s of waiting"
    return Reason(errors.ERROR, meaning, "run again later, or raise settle_wait")


def _shows(found: Any, wanted: Any) -> bool:
    """Tell whether a value is as it was sent: Graph adds members to objects, and keeps no order of lists."""
    if isinstance(wanted, Mapping):
        return isinstance(found, dict) and all(_shows(found.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        is_list = isinstance(found, list) and len(found) == len(wanted)
        return is_list and all(any(_shows(item, each) for item in found) for each in wanted)
    return bool(found == wanted)


def _lags(reply: Reply) -> bool:
    """Tell whether the reply may only mean that an object is not known everywhere yet."""
    if reply.status == 404:
        return True
    details = refusals.error_of(reply.json_or_none()).get("details") if reply.status == 400 else None
    return isinstance(details, list) and any(
        isinstance(detail, dict) and detail.get("code") == "NoBackingApplicationObject" for detail in details
    )


def _collides(reply: Reply) -> bool:
    """Tell whether two writers met, and the same request may succeed a moment later."""
    body = reply.json_or_none() if reply.status == 409 else None
    return refusals.error_of(body).get("code") == "Directory_ConcurrencyViolation"
