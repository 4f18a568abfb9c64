# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a server's certificate does not verify: OpenSSL's reason, the names and dates in it, and who can change that.

OpenSSL keeps the certificate that it refuses to itself, so it is asked for once more. That second connection is not
verified, and nothing is sent or believed over it but what the message shows. Source of the codes: openssl-verification-
options(1) and x509_vfy.h; of the strict rules: Python's "What's new in 3.13", ssl.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import unquote, urlsplit

from .. import errors
from ..dependencies import x509
from ..errors import Reason
from .proxies import Proxy

_NOT_YET_VALID = (9,)
_EXPIRED = (10,)
_SELF_SIGNED = (18,)
_UNKNOWN_ISSUER = (2, 19, 20, 21)
_OTHER_NAME = (62, 64)
_STRICT = range(80, 94)
_LONGEST_LOOK = 10.0
_NAMES_SHOWN = 5


@dataclass(frozen=True)
class Trusted:
    """The CA certificates of a connection: what they were given by (`option`, None for no option), where, and which."""

    option: str | None
    bundle: str
    context: ssl.SSLContext

    def __str__(self) -> str:
        return f"{self.option} ({self.bundle})" if self.option else "this machine's CA certificates"

    @property
    def remedy(self) -> str:
        """Where to put a CA certificate that is missing."""
        return f"add it to {self.option}" if self.option else "set ca_path to a bundle that has it"


@dataclass(frozen=True)
class _Certificate:
    """What a message shows of a certificate. `names` are those of the hosts that it is for."""

    subject: str
    issuer: str
    names: list[str]
    begins: datetime
    ends: datetime


def distrust(error: Exception, address: str, trusted: Trusted, proxy: Proxy | None) -> Reason:
    """Return the reason for a server at `address` (a host and port) whose certificate OpenSSL refused.

    Names are compared by urllib3 before 2.0 itself, whose error has no code.
    """
    host = urlsplit(f"//{address}").hostname or address
    code, said = _OTHER_NAME[0], "Hostname mismatch"
    if isinstance(error, ssl.SSLCertVerificationError):
        code, said = error.verify_code, error.verify_message.rstrip(".")
    what, remedy = _explained(code, host, trusted, _look_at(address, proxy))
    return Reason(errors.UNREACHABLE, f"TLS with {address} failed: {what} (OpenSSL {code}: {said})", remedy)


def _explained(code: int, host: str, trusted: Trusted, served: _Certificate | None) -> tuple[str, str]:
    if code in _EXPIRED:
        return _expired(host, trusted, served)
    if code in _NOT_YET_VALID:
        begins = f" before {_day(served.begins)}" if served and served.begins > _now() else ""
        return f"a certificate is not valid{begins}, and {_clock()}", "correct this machine's clock, if it is wrong"
    if code in _OTHER_NAME:
        names = f"is for {_listed(served.names)}, and not" if served else "is not"
        remedy = "correct the URL, or look for something between that answers in its place"
        return f"its certificate {names} for {host}", remedy
    if code in _SELF_SIGNED:
        remedy = f"if you trust that certificate, {trusted.remedy}; else look for something between that answers"
        return f"its certificate is self-signed, and not among {trusted}", remedy
    if code in _UNKNOWN_ISSUER:
        issuer = f"'{served.issuer}'" if served else "unknown"
        remedy = f"if you trust that CA, such as that of a proxy which inspects TLS, {trusted.remedy}"
        if trusted.option:
            remedy += "; if it is there, let the server send its intermediate certificates too"
        return f"its certificate does not verify against {trusted}, where its issuer {issuer} is missing", remedy
    if code in _STRICT:
        what = "a certificate between it and its CA breaks a rule of RFC 5280, on which Python 3.13 and later insist"
        remedy = (
            f"have the CA in {trusted} issued anew with basicConstraints and keyUsage (keyCertSign) as critical "
            f"extensions and key identifiers, exempt {host} from the inspection, or run under Python 3.12"
        )
        return what, remedy
    return "its certificate does not verify", f"ask the team that runs {host}, or a gateway in between, for another one"


def _expired(host: str, trusted: Trusted, served: _Certificate | None) -> tuple[str, str]:
    if served and served.ends <= _now():
        remedy = f"ask the team that runs {host}, or a gateway in between, to renew it"
        return f"its certificate expired on {_day(served.ends)}, and {_clock()}", remedy
    for authority in trusted.context.get_ca_certs():
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(authority["notAfter"])), timezone.utc)
        subject = _subject(authority.get("subject"))
        if served and subject == served.issuer and ends <= _now():
            what = f"the CA certificate '{subject}' in {trusted} expired on {_day(ends)}, and {_clock()}"
            return what, "put its successor in its place"
    return f"a certificate between it and its CA has expired, and {_clock()}", "correct the clock or the certificate"


def _look_at(address: str, proxy: Proxy | None) -> _Certificate | None:
    """Return the certificate that the server shows, None where that cannot be had."""
    # whatever goes wrong, there is a reason without these details
    with contextlib.suppress(Exception):
        target = urlsplit(f"//{address}")
        port = target.port or 443
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        connection = _connection(str(target.hostname), port, proxy, unverified)
        if connection is None:
            return None
        with contextlib.closing(connection):
            connection.connect()
            shown: Any = connection.sock
            return _read(shown.getpeercert(binary_form=True))
    return None


def _connection(
    host: str, port: int, proxy: Proxy | None, context: ssl.SSLContext
) -> http.client.HTTPSConnection | None:
    if proxy is None:
        return http.client.HTTPSConnection(host, port, timeout=_LONGEST_LOOK, context=context)
    there = urlsplit(proxy.url)
    if there.scheme != "http":
        return None
    connection = http.client.HTTPSConnection(
        str(there.hostname), there.port or 80, timeout=_LONGEST_LOOK, context=context
    )
    login = f"{unquote(there.username or '')}:{unquote(there.password or '')}".encode()
    basic = {"Proxy-Authorization": f"Basic {base64.b64encode(login).decode()}"} if there.username else {}
    connection.set_tunnel(host, port, basic)
    return connection


def _read(der: bytes) -> _Certificate:
    found = x509.load_der_x509_certificate(der)
    try:
        alternative = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(general.value) for general in alternative if isinstance(general, (x509.DNSName, x509.IPAddress))]
    except x509.ExtensionNotFound:
        names = []
    # cryptography before 42 has them without a time zone
    begins, ends = (
        getattr(found, f"{moment}_utc", None) or getattr(found, moment).replace(tzinfo=timezone.utc)
        for moment in ("not_valid_before", "not_valid_after")
    )
    return _Certificate(_name(found.subject), _name(found.issuer), names, begins, ends)


def _name(name: Any) -> str:
    """Return the common name, or all of a name that has none."""
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else str(name.rfc4514_string())


def _subject(name: Any) -> str:
    """Return the common name in the form that Python's ssl has names."""
    return next((str(value) for part in name or () for key, value in part if key == "commonName"), "")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return (", ".join(names[:_NAMES_SHOWN]) + more) or "no host"


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), timezone.utc)


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _clock() -> str:
    return f"this machine's clock says {_day(_now())}"
