# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Token endpoints that answer oddly.

Sources of the codes: learn.microsoft.com, "Microsoft Entra authentication and authorization error codes", and public
reports of the forms they come in.
"""

from __future__ import annotations

import json
from typing import Any

import jwt
from odd.answers import HTML, dribbled, endless, head, http, in_json, refusal, unpacking_to
from odd.oddity import Oddity, harmless
from odd.stage import Ask, Oddly

_DAY = 86_400


def _claiming(key: str = "", algorithm: str = "RS256", header: dict[str, Any] | None = None, **changes: Any) -> Oddly:
    """Answer with a token whose claims, key or header are changed."""

    def answer(ask: Ask) -> Any:
        keys = {"": ask.stage.key, "rogue": ask.stage.rogue_key, "text": "a key that anybody may know, of any length"}
        claims = {name: value(ask) if callable(value) else value for name, value in changes.items()}
        token = ask.stage.signed(ask.stage.claims(ask, **claims), keys[key], algorithm, **(header or {}))
        return ask.stage.granting(ask, token)

    return answer


def _unsigned(ask: Ask) -> Any:
    token = jwt.encode(ask.stage.claims(ask), None, algorithm="none", headers={"kid": "first"})
    return ask.stage.granting(ask, token)


def _later(seconds: int) -> Any:
    return lambda ask: ask.stage.claims(ask)["iat"] + seconds


def _granted(**members: Any) -> Oddly:
    return lambda ask: ask.stage.granted(ask, **members)


def _sent_as(encoding: str, content_type: str | None = None) -> Oddly:
    def answer(ask: Ask) -> Any:
        body = ask.stage.granted(ask)[1].decode()
        return http(200, body.encode(encoding), content_type or "application/json")

    return answer


def _refused(code: int | str, state: str, who: str | None = None, says: str = "", **form: Any) -> Oddity:
    listed = f", listed as {form['codes']}" if "codes" in form else ""
    name = f"token endpoint refuses: AADSTS{code}, {form.get('error', 'invalid_client')}{listed}"
    return Oddity(name, state, says or f"AADSTS{code}", who, token=lambda _ask: refusal(code, **form))


_INVALID_GRANT = {"error": "invalid_grant", "status": 400}
_INTERACTION = {"error": "interaction_required", "status": 400}
_REQUEST = {"error": "invalid_request", "status": 400}
_UNAUTHORIZED = {"error": "unauthorized_client", "status": 400}

REFUSALS = [
    *(
        _refused(code, state, who, **form)
        for form in (_INVALID_GRANT, _INTERACTION, {}, _UNAUTHORIZED)
        for code, state, who in (
            (5000225, "blocked", "customer admin"),
            (5000224, "blocked", "customer admin"),
            (53003, "blocked", "customer admin"),
            (7000229, "not_consented", "customer admin"),
            (700016, "not_consented", "customer admin"),
            (90002, "unknown_tenant", "provider"),
            (900382, "unknown_tenant", "provider"),
            (7000215, "bad_credential", "provider"),
            (7000222, "bad_credential", "provider"),
        )
    ),
    *(
        _refused(code, "bad_credential", "provider")
        for code in (700027, 700024, 1000502, 7000214, 700030, 50027, 7000232, 70021, 700213, 7002138, 7002131, 700222)
    ),
    *(_refused(code, "unknown_tenant", "provider", **_REQUEST) for code in (90038, 900432, 90051, 1000104, 900023)),
    *(
        _refused(code, "not_consented", "customer admin", **_INVALID_GRANT)
        for code in (65001, 65004, 90094, 90095, 501051)
    ),
    *(_refused(code, "blocked", "customer admin", **_INVALID_GRANT) for code in (530032, 530035)),
    *(_refused(code, "no_service", "customer admin") for code in (500011, 500014)),
    _refused(7000112, "blocked", "customer admin", **_UNAUTHORIZED),
    *(_refused(code, "error") for code in (900144, 9002313)),
    _refused("7000215", "bad_credential", "provider", codes=[]),
    _refused("7000229", "not_consented", "customer admin", codes=..., error="invalid_client"),
    _refused("700016", "not_consented", "customer admin", codes=["700016"], **_UNAUTHORIZED),
    _refused("53003", "blocked", "customer admin", codes=None, suberror="message_only", **_INTERACTION),
]

FORGERIES = [
    Oddity("token signed by another key", "error", "sign", token=_claiming("rogue")),
    Oddity(
        "token signed by another key, with the nonce of Graph",
        "error",
        "sign",
        api="xdr",
        token=_claiming("rogue", header={"nonce": "x"}),
    ),
    Oddity("token signed HS256 by anyone", "error", "", token=_claiming("text", "HS256")),
    Oddity(
        "token signed HS256, with the nonce of Graph", "error", "", token=_claiming("text", "HS256", {"nonce": "x"})
    ),
    Oddity("token signed by nobody", "error", "", token=_unsigned),
    Oddity("token of a key that nobody publishes", "error", "sign", token=_claiming(header={"kid": "unheard-of"})),
    Oddity(
        "token that brings its own key",
        "error",
        "sign",
        token=_claiming("rogue", header={"kid": "mine", "jku": "https://evil.example/keys"}),
    ),
    Oddity("token for another tenant", "error", "tid", token=_claiming(tid="99999999-9999-4999-8999-999999999999")),
    Oddity("token for no tenant", "error", "tid", token=_claiming(tid=...)),
    Oddity("token for another audience", "error", "aud", token=_claiming(aud="https://vault.azure.net")),
    Oddity("token for two audiences", "error", "aud", token=_claiming(aud=["https://a.example", "https://b.example"])),
    Oddity(
        "token for another application", "error", "appid", token=_claiming(azp="9" * 8 + "-9999-4999-8999-" + "9" * 12)
    ),
    Oddity("token of another issuer", "error", "iss", token=_claiming(iss="https://evil.example/v2.0")),
    Oddity(
        "token that has expired",
        "error",
        "exp",
        token=_claiming(exp=_later(-4000), nbf=_later(-8000), iat=_later(-8000)),
    ),
    Oddity(
        "token that is valid next week",
        "error",
        "nbf",
        token=_claiming(nbf=_later(7 * _DAY), exp=_later(7 * _DAY + 3600)),
    ),
    Oddity("token that is good for ten years", "error", "", token=_claiming(exp=_later(3650 * _DAY))),
    Oddity("token without an end", "error", "", token=_claiming(exp=...)),
    Oddity("token whose end is a text", "error", "", token=_claiming(exp="never")),
    Oddity("token without roles", "partial", "", "customer admin", token=_claiming(roles=...)),
    Oddity("token with another role", "partial", "", "customer admin", token=_claiming(roles=["Machine.Read.All"])),
    Oddity(
        "token whose roles are a text",
        "error",
        "",
        token=_claiming(roles="Incident.Read.All SecurityIncident.Read.All"),
    ),
    Oddity("token of a user, with scopes", "error", "", token=_claiming(roles=..., scp="Incident.Read")),
    Oddity("token that is no JWT", "error", "", token=lambda ask: ask.stage.granting(ask, "not-a-jwt")),
    Oddity("token of three dots", "error", "", token=lambda ask: ask.stage.granting(ask, "...")),
    Oddity("token with a line feed", "error", "", token=lambda ask: ask.stage.granting(ask, "a.b.c\r\nX-Evil: 1")),
    Oddity("token that is a number", "error", "", token=lambda _ask: in_json({"access_token": 7, "expires_in": 3599})),
    harmless("tenant id in upper case", token=_claiming(tid=lambda ask: ask.tenant_id.upper())),
]

BODIES = [
    harmless("token answer with a byte order mark", token=_sent_as("utf-8-sig")),
    harmless("token answer of type text/html", token=_sent_as("utf-8", "text/html")),
    harmless("token answer without a type", token=lambda ask: http(200, ask.stage.granted(ask)[1], None)),
    harmless("lifetime written as 3599.0", token=_granted(expires_in="3599.0")),
    harmless("lifetime written as text", token=_granted(expires_in="3599")),
    harmless("lifetime missing", token=_granted(expires_in=...)),
    harmless("lifetime null", token=_granted(expires_in=None)),
    harmless("lifetime abc", token=_granted(expires_in="abc")),
    harmless("lifetime negative", token=_granted(expires_in=-5)),
    harmless("lifetime zero", token=_granted(expires_in=0)),
    harmless("lifetime beyond reason", token=_granted(expires_in=10**30)),
    harmless("token answer with members nobody knows", token=_granted(refresh_in=1800, foo={"bar": [1]})),
    Oddity("token answer that is a list", "unreachable", "", token=lambda _ask: in_json([])),
    Oddity("token answer that is a text", "unreachable", "", token=lambda _ask: in_json("token")),
    Oddity("token answer that is null", "unreachable", "", token=lambda _ask: in_json(None)),
    Oddity("token answer that is empty", "unreachable", "", token=lambda _ask: http(200)),
    Oddity("token answer 204", "unreachable", "", token=lambda _ask: [head(204, None)]),
    harmless("token answer in UTF-16", token=_sent_as("utf-16")),
    Oddity("token answer without a token", "error", "", token=lambda _ask: in_json({"token_type": "Bearer"})),
    Oddity("sign-in page of a captive portal", "unreachable", "", token=lambda _ask: http(200, HTML, "text/html")),
    Oddity("refusal that is a list", "unreachable", "", token=lambda _ask: in_json(["no"], 400)),
    Oddity("refusal whose error is an object", "error", "", token=lambda _ask: in_json({"error": {"code": "x"}}, 400)),
    Oddity(
        "refusal with an escape in its text",
        "error",
        "",
        token=lambda _ask: refusal(9999999, "evil\x1b[31m", 400, error_description="AADSTS9999999: \x1b[2J\u202ered"),
    ),
    Oddity(
        "refusal that quotes the secret",
        "error",
        "",
        token=lambda _ask: refusal(9999999, "canary~secret-that-must-not-show", 400),
    ),
    Oddity(
        "403 of an inspection proxy at the token endpoint",
        "unreachable",
        "",
        "provider",
        token=lambda _ask: http(403, HTML, "text/html"),
    ),
    Oddity("403 without a body at the token endpoint", "unreachable", "", "provider", token=lambda _ask: http(403)),
    Oddity(
        "404 of a web server at the token endpoint",
        "unreachable",
        "",
        "provider",
        token=lambda _ask: http(404, HTML, "text/html"),
    ),
    Oddity(
        "302 at the token endpoint",
        "unreachable",
        "evil.example",
        token=lambda _ask: http(302, "", None, Location="https://evil.example/?q=1"),
    ),
    Oddity(
        "407 at the token endpoint",
        "unreachable",
        "proxy",
        token=lambda _ask: http(407, "", None, Proxy_Authenticate="Basic realm=x"),
    ),
    Oddity("418 at the token endpoint", "unreachable", "418", token=lambda _ask: http(418, "teapot", "text/plain")),
    Oddity("500 at the token endpoint", "unreachable", "500", token=lambda _ask: http(500, HTML, "text/html")),
    Oddity("429 at the token endpoint", "throttled", "", token=lambda _ask: http(429, "{}", Retry_After="3600")),
    Oddity(
        "token answer of a byte every 0.7 s", "unreachable", "", token=lambda ask: dribbled(ask.stage.granted(ask), 0.7)
    ),
    Oddity(
        "headers of a byte every 0.7 s",
        "unreachable",
        "",
        token=lambda _ask: dribbled([b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 4000], 0.7),
    ),
    Oddity("token answer that unpacks to 300 MiB", "unreachable", "", token=lambda _ask: unpacking_to(300, "{")),
    Oddity("token answer without end", "unreachable", "", token=lambda _ask: endless("{")),
    Oddity(
        "150 headers at the token endpoint",
        "unreachable",
        "header",
        token=lambda ask: http(200, ask.stage.granted(ask)[1], **{f"X_{n}": "x" for n in range(150)}),
    ),
    Oddity(
        "a header of 70 KB at the token endpoint",
        "unreachable",
        "header",
        token=lambda ask: http(200, ask.stage.granted(ask)[1], X_Long="x" * 70_000),
    ),
    Oddity("a status line that is none", "unreachable", "", token=lambda _ask: [b"SSH-2.0-OpenSSH_9.6\r\n"]),
    Oddity("nothing at all", "unreachable", "", token=lambda _ask: []),
    Oddity(
        "a body that is cut off",
        "unreachable",
        "cut off",
        token=lambda _ask: [head(200, Content_Length="5000"), json.dumps({"access_token": "x"}).encode()],
    ),
    Oddity("a body that is no gzip", "unreachable", "", token=lambda _ask: http(200, "{}", Content_Encoding="gzip")),
]

ODDITIES = [*REFUSALS, *FORGERIES, *BODIES]
