# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.operations import OperationHost
from support.scripted_entra import CLIENT, OTHER_TENANT, RESOURCE, ROLES, TENANT, ScriptedEntra, refusal, token_path
from support.scripted_server import Answer
from support.scripted_tasks import FLEET, connection_to

from ansible_collections.mssp.defender.plugins.module_utils._core import timestamps
from ansible_collections.mssp.defender.plugins.module_utils._core.errors import OptionError
from ansible_collections.mssp.defender.plugins.module_utils._core.reading.harmless import harmless
from ansible_collections.mssp.defender.plugins.module_utils._operations.reading import (
    customer_poll,
    event_stream,
    tenant_read,
)

XDR = "/api/incidents"
NOW = "2026-11-20T08:00:00Z"
Event = dict[str, Any]


class Watch:
    """One source after the other, each with what the one before left in the folder."""

    def __init__(self, entra: ScriptedEntra, folder: Path) -> None:
        self.entra = entra
        self.server = entra.server
        self.server.has_no_more = True
        self.folder = folder
        for tenant in (TENANT, OTHER_TENANT):
            token = entra.token(tid=tenant, aud=RESOURCE, roles=ROLES)
            self.server.script(token_path(tenant), entra.granting(token))

    def __call__(self, polls: int = 0, takes: int | None = None, **options: Any) -> list[Event]:
        """Return the events of so many requests and of all before: at least those of a first poll of each tenant.

        With `takes`, it is stopped as soon as one more event than that is to be taken.
        """
        return asyncio.run(self._events(polls, takes, options))

    async def _events(self, polls: int, takes: int | None, options: dict[str, Any]) -> list[Event]:
        given = {
            "tenants": FLEET[:1],
            "checkpoint": str(self.folder),
            **connection_to(self.server),
            "interval": 1,
            "api": "xdr",
            "normalize": False,
            "backfill": NOW,
            **options,
        }
        found: list[Event] = []

        is_full = asyncio.Event()

        async def put(event: Event) -> None:
            if len(found) == takes:
                is_full.set()
                await asyncio.Event().wait()
            found.append(event)

        task = asyncio.create_task(event_stream.run(OperationHost(event_stream.STREAM, **given), put))
        asked = len(self.server.requests)
        states = [Path(given["checkpoint"]) / f"{tenant['name']}.state" for tenant in given["tenants"]]
        deadline = time.monotonic() + 60
        while (
            not task.done()
            and not is_full.is_set()
            and not (states and self._polled(asked) >= polls and all(state.exists() for state in states))
        ):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            await task
        return found

    def _polled(self, asked: int) -> int:
        # not those that ask what lies behind a page
        return sum(request.path == XDR and "$skip" not in request.query for request in self.server.requests[asked:])


@pytest.fixture
def watch(entra: ScriptedEntra, tmp_path: Path) -> Watch:
    return Watch(entra, tmp_path / "kept")


def page(*ids: int, **fields: Any) -> Answer:
    return Answer({"value": [{"incidentId": number, "lastUpdateTime": NOW, **fields} for number in ids]})


def since(watch: Watch) -> list[str]:
    return [request.query["$filter"] for request in watch.server.requests_to(XDR)]


def test_an_incident_is_an_event_with_its_customer(watch: Watch) -> None:
    watch.server.script(XDR, page(7, severity="High"))
    (event,) = watch(polls=3)
    assert event["incident"] == {"incidentId": 7, "lastUpdateTime": NOW, "severity": "High"}
    assert (event["tenant_id"], event["customer"], event["api"]) == (TENANT, "contoso", "xdr")
    assert event["meta"]["hosts"] == "contoso"


def test_the_same_version_has_the_same_name_wherever_it_is_read(watch: Watch, tmp_path: Path) -> None:
    watch.server.script(XDR, page(7))
    (first,) = watch()
    (again,) = watch(checkpoint=str(tmp_path / "other"))
    assert first["meta"]["uuid"] == again["meta"]["uuid"]


def test_a_first_poll_that_finds_nothing_is_where_the_next_source_begins(watch: Watch) -> None:
    """Whatever came while nobody polled would else be lost where the backfill is short."""
    watch.server.script(XDR, page())
    assert watch() == []
    watch(backfill="1m", polls=1)
    first, *_others, last = since(watch)
    assert first == last


def test_a_source_that_began_with_a_clock_ahead_misses_nothing_once_that_is_right(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.server.script(XDR, page())
    with monkeypatch.context() as patch:
        three_hours_later = time.time() + 3 * 3600
        patch.setattr(tenant_read, "time", SimpleNamespace(time=lambda: three_hours_later))
        assert watch(backfill="1h") == []
    hour_ago = timestamps.render(int((time.time() - 3600) * timestamps.TICKS_PER_SECOND))
    assert since(watch)[-1] > f"lastUpdateTime ge {hour_ago}"
    watch.server.script(XDR, page(7, lastUpdateTime=timestamps.render_seconds(time.time())))
    assert len(watch(backfill="1h", polls=2)) == 1
    assert since(watch)[1] <= f"lastUpdateTime ge {timestamps.render_seconds(time.time() - 3600)}"


def test_an_incident_that_no_event_can_hold_is_told_as_its_customers_trouble(watch: Watch) -> None:
    watch.server.script(XDR, Answer('{"value": [{"incidentId": 1, "x": ' + "[" * 300 + "]" * 300 + "}]}"))
    (event,) = watch(polls=2)
    assert event["customer_state"]["state"] == "error"
    assert "nested more than 64 levels deep" in event["customer_state"]["msg"]


def test_a_page_of_which_no_event_can_be_made_is_read_again(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [RecursionError("too deep")]

    def harmless_but_once(value: Any) -> Any:
        if failures and "incidentId" in value:
            raise failures.pop()
        return harmless(value)

    monkeypatch.setattr(customer_poll, "harmless", harmless_but_once)
    watch.server.script(XDR, page(7, 8))
    events = watch(polls=3)
    assert [event["customer_state"]["state"] for event in events if "customer_state" in event] == ["error", "granted"]
    assert [event["incident"]["incidentId"] for event in events if "incident" in event] == [7, 8]


def test_what_took_the_place_of_an_incident_comes_after_a_stop_between_the_two(watch: Watch) -> None:
    watch.server.script(XDR, page(1, redirectIncidentId=2))
    watch.server.script(f"{XDR}/2", Answer({"incidentId": 2, "lastUpdateTime": "2026-01-01T00:00:00Z"}))
    (first,) = watch(takes=1)
    assert first["incident"]["incidentId"] == 1
    assert [event["incident"]["incidentId"] for event in watch(polls=2)] == [2]


@pytest.mark.parametrize("name", ["*", "all", "a:b", "a,b", "!x", "~.*", "a[0]", "../x", "x" * 101])
def test_a_name_that_would_be_a_pattern_of_hosts_is_refused(watch: Watch, name: str) -> None:
    with pytest.raises(OptionError, match="can be no host's name"):
        watch(tenants=[{"name": name, "tenant_id": TENANT}])


def test_names_whose_checkpoints_could_be_one_are_refused(watch: Watch) -> None:
    with pytest.raises(OptionError, match="some disks take the files of 'contoso' and 'Contoso' for one: rename one"):
        watch(tenants=[FLEET[0], {"name": "Contoso", "tenant_id": OTHER_TENANT}])


def test_what_an_attacker_may_have_written_is_no_template(watch: Watch) -> None:
    watch.server.script(XDR, page(7, incidentName="{{ 1 }}", alerts=[{"title": "{% x %}"}]))
    (event,) = watch(normalize=True)
    assert event["incident"]["incidentName"] == event["incident"]["normalized"]["title"] == "{ { 1 }}"
    assert event["incident"]["alerts"] == [{"title": "{ % x %}"}]


def test_a_state_is_told_when_it_changes_and_kept(watch: Watch) -> None:
    watch.server.script(XDR, page())
    assert watch(tenants=FLEET) == []
    watch.server.script(token_path(OTHER_TENANT), refusal(7000229))
    (event,) = watch(tenants=FLEET, polls=3)
    state = event["customer_state"]
    assert (state["customer"], state["tenant_id"]) == ("fabrikam", OTHER_TENANT)
    assert (state["state"], state["before"], state["code"]) == ("not_consented", "granted", "AADSTS7000229")
    assert event["meta"] == {"hosts": "fabrikam"}
    assert watch(tenants=FLEET) == []


def test_what_keeps_the_provider_away_is_an_outage_and_not_news_of_the_customer(watch: Watch) -> None:
    watch.server.script(XDR, page())
    assert watch() == []
    watch.server.script(XDR, *[Answer("<html>blocked</html>", 403)] * 3, page())
    began, ended = watch(polls=6)
    assert (began["outage"]["is_over"], began["outage"]["state"], began["outage"]["who"]) == (
        False,
        "unreachable",
        "provider",
    )
    assert (ended["outage"]["is_over"], ended["outage"]["meaning"]) == (True, began["outage"]["meaning"])
    assert json.loads((watch.folder / "contoso.state").read_text()) == {"state": "granted"}


@pytest.mark.parametrize("code", [5000225, 5000224, 90002])
def test_a_tenant_that_is_gone_is_told_and_then_left_alone(watch: Watch, code: int) -> None:
    watch.server.script(XDR, page())
    watch.server.script(token_path(OTHER_TENANT), refusal(code, "invalid_grant", 400))
    (event,) = watch(tenants=FLEET, polls=4)
    assert event["customer_state"]["customer"] == "fabrikam"
    assert len(watch.server.requests_to(token_path(OTHER_TENANT))) == 1


def test_what_a_service_says_steers_no_terminal_from_the_log(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    said = "no such filter \x1b]0;owned\x07\x1b[2J \u202eexe.gpj"
    watch.server.script(XDR, Answer({"error": {"code": "BadRequest", "message": said}}, 400))
    with caplog.at_level("WARNING"):
        (event,) = watch()
    for text in (caplog.text, event["customer_state"]["msg"], event["customer_state"]["meaning"]):
        assert r"no such filter \u001b]0;owned\u0007\u001b[2J \u202eexe.gpj" in text
        assert not set("\x1b\x07\u202e") & set(text)


def test_a_damaged_state_is_unknown(watch: Watch) -> None:
    watch.server.script(XDR, page())
    watch.folder.mkdir()
    (watch.folder / "contoso.state").write_text("[]")
    assert watch() == []


def test_a_damaged_checkpoint_is_told_and_kept(watch: Watch) -> None:
    watch.server.script(XDR, page(7))
    watch.folder.mkdir()
    (watch.folder / "contoso.checkpoint").write_text("{")
    (event,) = watch()
    assert event["customer_state"]["state"] == "error"
    assert "contoso.checkpoint is damaged" in event["customer_state"]["msg"]
    assert (watch.folder / "contoso.checkpoint").read_text() == "{"


def test_a_list_of_customers_is_read(watch: Watch, tmp_path: Path) -> None:
    watch.server.script(XDR, page(7))
    customers = tmp_path / "customers.yml"
    customers.write_text(json.dumps([{"name": "contoso", "tenant_id": TENANT}]))
    polls = event_stream._polls(
        OperationHost(
            event_stream.STREAM,
            files=[str(customers)],
            checkpoint=str(watch.folder),
            client_id=CLIENT,
            client_secret="canary-secret",
            ca_path=watch.server.ca_path,
        )
    )
    assert [poll.tenant.name for poll in polls] == ["contoso"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"interval": 0}, "interval is 0: it must be at least 1"),
        ({"client_id": None}, "client_id is missing: "),
        ({"tenants": []}, "no tenant is given: "),
        ({"tenants": [*FLEET, *FLEET]}, "tenants names 'contoso', 'fabrikam' more than once"),
    ],
    ids=str,
)
def test_bad_options_are_refused_before_any_request(watch: Watch, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as refused:
        watch(**options)
    assert str(refused.value).startswith(sentence)
    assert watch.server.requests == []
