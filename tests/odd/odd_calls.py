# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of incidents, and single ones, that are answered oddly."""

from __future__ import annotations

import json
from typing import Any

from odd.answers import HTML, JSON, api_error, dribbled, endless, head, http, in_json, unpacking_to
from odd.oddity import Oddity, harmless
from odd.stage import Ask, Oddly

_DEEP = json.loads("[" * 300 + "]" * 300)


def _always(status: int, body: Any = b"", content_type: str | None = JSON, **headers: str) -> Oddly:
    return lambda _ask: http(status, body, content_type, **headers)


def _error(status: int, code: str, message: str) -> Oddly:
    return lambda _ask: api_error(status, code, message)


def _with(*incidents: dict[str, Any]) -> Oddly:
    """List the honest incidents, and others behind them whose members are changed; ... takes a member away.

    `ID` and `UPDATED` stand for the names these have in the API.
    """

    def answer(ask: Ask) -> Any:
        names = {"ID": ask.id_field, "UPDATED": ask.updated_field}
        all_of_them = ask.honest()
        for number, changes in enumerate(incidents, start=4):
            changed = {**ask.incident(number), **{names.get(name, name): value for name, value in changes.items()}}
            all_of_them.append({name: value for name, value in changed.items() if value is not ...})
        found = [one for one in all_of_them if str(one.get(ask.id_field)) == ask.record]
        return (in_json(found[0]) if found else api_error(404, "NotFound", "")) if ask.record else ask.page(all_of_them)

    return answer


def _page_as(text: str) -> Oddly:
    """List the honest incidents, and the raw JSON text of one more; ID and UPDATED in it stand for the names."""

    def answer(ask: Ask) -> Any:
        whole = [json.dumps(one) for one in ask.matching(ask.honest())]
        more = text.replace("ID", ask.id_field).replace("UPDATED", ask.updated_field)
        return http(200, '{"value":[' + ",".join([*whole, more]) + "]}")

    return answer


def _short_pages(ask: Ask) -> Any:
    """Send two incidents a page at most, and no link: nothing says that there are more."""
    skip = int(ask.query.get("$skip", 0))
    return in_json({"value": ask.matching([ask.incident(number) for number in range(1, 9)])[skip : skip + 2]})


def _endless_links(ask: Ask) -> Any:
    base = "/api/incidents" if ask.api == "xdr" else "/v1.0/security/incidents"
    number = int(ask.query.get("$skiptoken", 0)) + 1
    return ask.page(ask.honest(), **{"@odata.nextLink": f"{ask.stage.url}{base}?$skiptoken={number}"})


def _link_to(address: str) -> Oddly:
    return lambda ask: ask.page(ask.honest(), **{"@odata.nextLink": address})


def _redirected_to(target: Any) -> Oddly:
    return _with({"status": "Redirected", "redirectIncidentId": target})


def _redirected_for_ever(ask: Ask) -> Any:
    if not ask.record:
        return ask.page([*ask.honest(), ask.incident(4, status="Redirected", redirectIncidentId="100")])
    number = int(ask.record)
    return in_json(ask.incident(number, status="Redirected", redirectIncidentId=str(number + 1)))


BETWEEN = [
    Oddity("403 of an inspection proxy", "unreachable", "", "provider", call=_always(403, HTML, "text/html")),
    Oddity("403 without a body", "unreachable", "", "provider", call=_always(403)),
    Oddity(
        "403 with JSON that is not Microsoft's", "unreachable", "", "provider", call=_always(403, '{"blocked": true}')
    ),
    Oddity("403 with a list", "unreachable", "", "provider", call=_always(403, "[]")),
    Oddity("401 of a proxy", "unreachable", "", "provider", call=_always(401, HTML, "text/html")),
    Oddity("404 of a web server", "unreachable", "", "provider", call=_always(404, HTML, "text/html")),
    Oddity("404 without a body", "unreachable", "", "provider", call=_always(404)),
    Oddity("410 of a web server", "unreachable", "", "provider", call=_always(410, HTML, "text/html")),
    Oddity("400 of a web server", "unreachable", "", "provider", call=_always(400, HTML, "text/html")),
    Oddity("405 of a web server", "unreachable", "", "provider", call=_always(405, HTML, "text/html")),
    Oddity("451 of a filter", "unreachable", "", "provider", call=_always(451, HTML, "text/html")),
    Oddity("418", "unreachable", "418", "provider", call=_always(418, "I'm a teapot", "text/plain")),
    Oddity("200 with a sign-in page", "unreachable", "", "provider", call=_always(200, HTML, "text/html")),
    *(
        Oddity(
            f"{status} to another host",
            "unreachable",
            "evil.example",
            call=_always(status, "", None, Location="https://evil.example/login?secret=1"),
        )
        for status in (301, 302, 303, 307, 308)
    ),
    Oddity("302 to nowhere", "unreachable", "302", call=_always(302, "", None)),
    Oddity("407", "unreachable", "proxy", call=_always(407, HTML, "text/html", Proxy_Authenticate="Negotiate")),
    Oddity("500 of a web server", "unreachable", "500", call=_always(500, HTML, "text/html")),
    Oddity("503 with Retry-After of an hour", "unreachable", "503", call=_always(503, "", None, Retry_After="3600")),
    Oddity("429 for an hour", "throttled", "", call=_always(429, "{}", Retry_After="3600")),
    Oddity("429 until a date that is none", "throttled", "", call=_always(429, "{}", Retry_After="soon")),
]

REFUSALS = [
    Oddity(
        "403 of Microsoft: feature disabled",
        "no_service",
        "Tenant feature is not enabled",
        call=_error(403, "DisabledFeature", "Tenant feature is not enabled."),
    ),
    Oddity(
        "403 of Microsoft: not provisioned",
        "no_service",
        "not provisioned",
        call=_error(403, "Forbidden", "Account is not provisioned."),
    ),
    Oddity(
        "403 of Microsoft: location policy",
        "blocked",
        "location",
        "customer admin",
        call=_error(403, "Forbidden", "The request was blocked by a location policy of the tenant."),
    ),
    Oddity("401 of Microsoft, always", "error", "token", call=_error(401, "Unauthorized", "Access token is invalid.")),
    Oddity(
        "403 with an escape in its text",
        "error",
        "red",
        call=_error(403, "Forbidden", "a \x1b[31mred\x1b[0m word, \u202eturned\u202c, \x00 and \x9b2J"),
    ),
    Oddity(
        "400 with an escape in its text", "error", "red", call=_error(400, "BadRequest", "a \x1b[31mred\x1b[0m\r\nword")
    ),
    Oddity(
        "400 with a template in its text", "error", "", call=_error(400, "BadRequest", "{{ lookup('pipe', 'id') }}")
    ),
    Oddity(
        "404 of Microsoft: resource not found", "error", "", call=_error(404, "ResourceNotFound", "No HTTP resource.")
    ),
]

BODIES = [
    harmless("list with a byte order mark", call=lambda ask: http(200, b"\xef\xbb\xbf" + ask.page(ask.honest())[1])),
    harmless("list of plain text", call=lambda ask: http(200, ask.page(ask.honest())[1], "text/plain")),
    harmless("list without a length", call=lambda ask: [head(200), ask.page(ask.honest())[1]]),
    harmless("list with members nobody knows", call=lambda ask: ask.page(ask.honest(), foo={"bar": 1})),
    harmless("link that is null", call=lambda ask: ask.page(ask.honest(), **{"@odata.nextLink": None})),
    harmless("link that is empty", call=lambda ask: ask.page(ask.honest(), **{"@odata.nextLink": ""})),
    Oddity("list that is a list", "unreachable", "", call=lambda _ask: in_json([])),
    Oddity("list that is null", "unreachable", "", call=lambda _ask: in_json(None)),
    Oddity("list without records", "error", "", call=lambda _ask: in_json({})),
    Oddity("list whose records are null", "error", "", call=lambda _ask: in_json({"value": None})),
    Oddity("list whose records are an object", "error", "", call=lambda _ask: in_json({"value": {}})),
    Oddity("list whose records are numbers", "error", "", call=lambda _ask: in_json({"value": [1, 2]})),
    Oddity("list that is empty text", "unreachable", "", call=_always(200)),
    Oddity("list 204", "unreachable", "", call=lambda _ask: [head(204, None)]),
    harmless(
        "list in UTF-16",
        call=lambda ask: http(200, ask.page(ask.honest())[1].decode().encode("utf-16")),
    ),
    Oddity(
        "list that is cut off",
        "unreachable",
        "cut off",
        call=lambda ask: [head(200, Content_Length="50000"), ask.page(ask.honest())[1][:-20]],
    ),
    Oddity(
        "list that ends in mid-JSON", "unreachable", "", call=lambda ask: http(200, ask.page(ask.honest())[1][:-20])
    ),
    Oddity("list nested 100,000 deep", "error", "", call=_always(200, '{"value":[' + '{"a":' * 100_000)),
    Oddity("list that unpacks to 300 MiB", "unreachable", "", call=lambda _ask: unpacking_to(300, '{"value":[]')),
    Oddity("list without end", "unreachable", "", call=lambda _ask: endless('{"value":[]')),
    Oddity("list of a byte every 0.7 s", "unreachable", "", call=lambda ask: dribbled(ask.page(ask.honest()), 0.7)),
    Oddity(
        "150 headers",
        "unreachable",
        "header",
        call=lambda ask: http(200, ask.page(ask.honest())[1], **{f"X_{n}": "x" for n in range(150)}),
    ),
    Oddity(
        "header of 70 KB",
        "unreachable",
        "header",
        call=lambda ask: http(200, ask.page(ask.honest())[1], X_Long="x" * 70_000),
    ),
]

RECORDS = [
    harmless("incident of year 1", count=4, call=_with({"UPDATED": "0001-01-01T00:00:00Z"})),
    harmless("incident of year 9999", count=4, call=_with({"UPDATED": "9999-12-31T23:59:59.9999999Z"})),
    harmless(
        "incident with nine digits of a second", count=4, call=_with({"UPDATED": "2026-11-02T08:00:00.123456789Z"})
    ),
    harmless("incident with an offset", count=4, call=_with({"UPDATED": "2026-11-02T10:00:00+02:00"})),
    harmless("incident with a template as title", count=4, call=_with({"incidentName": "{{ lookup('pipe', 'id') }}"})),
    harmless("incident with a lone surrogate as title", count=4, call=_with({"incidentName": "\ud83d broken"})),
    harmless("incident with a NUL and an escape as title", count=4, call=_with({"incidentName": "\x00\x1b[2J"})),
    harmless(
        "incident with two members of one name",
        count=4,
        call=_page_as('{"ID":4,"UPDATED":"2026-11-02T08:00:00Z","status":"Active","status":"Resolved"}'),
    ),
    harmless("incident twice on a page", count=4, call=_with({"ID": 4}, {"ID": 4, "UPDATED": "2026-11-05T08:00:00Z"})),
    harmless("incident without an id", count=4, call=_with({"ID": ...})),
    harmless("incident whose id is null", count=4, call=_with({"ID": None})),
    harmless("incident whose id is a list", count=4, call=_with({"ID": [4]})),
    harmless("incident without a time", count=4, call=_with({"UPDATED": ...})),
    harmless("incident whose time is null", count=4, call=_with({"UPDATED": None})),
    harmless("incident whose time is a word", count=4, call=_with({"UPDATED": "yesterday"})),
    harmless("incident whose time is a number", count=4, call=_with({"UPDATED": 1_764_000_000})),
    Oddity("incident nested 300 deep", "error", in_files="granted", call=_with({"evidence": _DEEP})),
    Oddity(
        "incident with a number of 5,000 digits",
        "error",
        "",
        call=_page_as('{"ID":4,"UPDATED":"2026-11-02T08:00:00Z","n":' + "7" * 5000 + "}"),
    ),
    Oddity("incident with NaN", "error", "", call=_page_as('{"ID":4,"UPDATED":"2026-11-02T08:00:00Z","n":NaN}')),
]

PAGES = [
    harmless("pages of two without a link", count=8, call=_short_pages),
    Oddity("links without end", "error", "", call=_endless_links),
    Oddity("link to another host", "error", "host", call=_link_to("https://evil.example/api/incidents?x=1")),
    Oddity("link over http", "error", "", call=_link_to("http://api.security.microsoft.com/api/incidents?x=1")),
    Oddity("link to a file", "error", "", call=_link_to("file:///etc/passwd")),
    Oddity("link that is a number", "error", "", call=lambda ask: ask.page(ask.honest(), **{"@odata.nextLink": 7})),
    Oddity(
        "the same link twice",
        "error",
        "twice",
        call=lambda ask: ask.page(ask.honest(), **{"@odata.nextLink": f"{ask.stage.url}/api/incidents?$skip=0"}),
    ),
    Oddity("redirects without end", "granted", "", call=_redirected_for_ever),
    *(
        Oddity(f"redirect number {number}", "granted", "", count=4, call=_redirected_to(target))
        for number, target in enumerate(
            (
                "../../secret?x=",
                "%2e%2e/secret",
                "4/../../secret",
                "#",
                "",
                "abc\r\nX: 1",
                -1,
                True,
                [5],
                {"a": 1},
            )
        )
    ),
]

ODDITIES = [*BETWEEN, *REFUSALS, *BODIES, *RECORDS, *PAGES]
