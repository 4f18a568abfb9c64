# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an answer never came, in our own words: a library's text can hold a proxy's password."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import BadStatusLine, HTTPException, LineTooLong
from typing import TypeVar

from .. import errors
from ..dependencies import CertificateError, urllib3
from ..errors import Reason
from . import bodies
from .deadlines import AnswerTooSlowError
from .proxies import Proxy, UnusableProxyError

E = TypeVar("E", bound=BaseException)

_OF_THIS_MACHINE = {
    errno.EMFILE: ("this process has no open file left to give", "raise ulimit -n, or lower concurrency"),
    errno.ENFILE: ("this machine has no open file left to give", "raise fs.file-max, or lower concurrency"),
    errno.ENOMEM: ("this machine has no memory left", "free some, or lower concurrency"),
    errno.ENOBUFS: ("this machine has no memory left for connections", "free some, or lower concurrency"),
    errno.EADDRNOTAVAIL: (
        "this machine has no address or no free port to connect from",
        "check its network addresses, or lower concurrency",
    ),
    errno.ENETUNREACH: ("this machine has no route to it", "check the network of this machine"),
    errno.EHOSTUNREACH: ("this machine has no route to it", "check the network of this machine"),
    errno.EACCES: ("this machine forbids the connection", "check its firewall and the sandbox of the job"),
    errno.EPERM: ("this machine forbids the connection", "check its firewall and the sandbox of the job"),
}
_HANDSHAKES = (
    (
        re.compile("WRONG_VERSION_NUMBER|HTTP_REQUEST|RECORD_LAYER_FAILURE|PACKET_LENGTH_TOO_LONG"),
        "it does not speak TLS there",
        "check the port of the URL, and look for something between that answers in plain HTTP",
    ),
    (
        re.compile("UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE|UNSUPPORTED_SSL_VERSION"),
        "it has no version of TLS in common with this machine",
        "let it speak TLS 1.2 or later, or check the TLS policy of this machine",
    ),
    (
        re.compile("CERTIFICATE_REQUIRED|ALERT_BAD_CERTIFICATE|PEER_DID_NOT_RETURN"),
        "it demands a client certificate, which Microsoft never does",
        "ask the team that runs the gateway in between to exempt this host",
    ),
    (
        re.compile("HANDSHAKE_FAILURE|NO_SHARED_CIPHER|INSUFFICIENT_SECURITY|DH_KEY_TOO_SMALL|EE_KEY_TOO_SMALL"),
        "it agrees on no cipher with this machine, or demands a client certificate",
        "check the TLS policies of both, and look for a gateway between",
    ),
)
_TUNNEL_STATUS = re.compile(r"Tunnel connection failed: (\d{3})")


@dataclass(frozen=True)
class Waits:
    """Seconds allowed for the connection, for each part of the answer, and for the answer in all."""

    connection: float
    part: float
    answer: float


def is_final(error: Exception) -> bool:
    """Tell whether the same call would fail the same way at once, or has had more time than it is worth."""
    kinds = (AnswerTooSlowError, UnusableProxyError, bodies.OversizeError, bodies.StrangeEncodingError)
    is_of_kind = any(isinstance(cause, kinds) for cause in _causes(error))
    return is_of_kind or refused_certificate(error) is not None or _tunnel_status(error) in (403, 407)


def reason_of(error: Exception, host: str, waits: Waits, proxy: Proxy | None) -> Reason:
    """Return the reason for a call that brought no answer, or none that can be taken."""
    what, remedy = _of_proxy(error, host, proxy) or _of_host(error, waits)
    return Reason(errors.UNREACHABLE, f"{host} could not be reached: {what}", remedy)


def refused_certificate(error: BaseException) -> Exception | None:
    """Return the error that says that a certificate was refused; names are compared by urllib3 before 2.0 itself."""
    return cause(error, ssl.SSLCertVerificationError) or cause(error, CertificateError)


def cause(error: BaseException, kind: type[E]) -> E | None:
    """Return the error of that kind which led to this one, None where there is none."""
    return next((found for found in _causes(error) if isinstance(found, kind)), None)


def _of_proxy(error: Exception, host: str, proxy: Proxy | None) -> tuple[str, str] | None:
    if isinstance(error, UnusableProxyError):
        return str(error), error.remedy
    if proxy is None:
        return None
    status = _tunnel_status(error)
    if status == 407 and proxy.has_password:
        what = f"the proxy {proxy.name} refused the user name and password of {proxy.variable} (HTTP 407)"
        return what, "correct them; only Basic authentication is spoken"
    if status == 407:
        what = f"the proxy {proxy.name} wants a user name and password (HTTP 407)"
        return what, f"put them into {proxy.variable} as http://USER:PASSWORD@NAME:PORT"
    if status == 403:
        return f"the proxy {proxy.name} forbids it (HTTP 403)", f"ask the team that runs the proxy to allow {host}"
    if status:
        what = f"the proxy {proxy.name} could not connect to it (HTTP {status})"
        return what, "ask the team that runs the proxy, or check NO_PROXY"
    if isinstance(error, urllib3.exceptions.ProxyError):
        if proxy.url.startswith("https:") and cause(error, ssl.SSLError):
            what = f"TLS with the proxy {proxy.name} failed"
            return what, f"check {proxy.variable}: most proxies are to be written as http://, even for https hosts"
        found = _of_this_machine(error)
        return found or (f"the proxy {proxy.name} could not be used", f"check {proxy.variable}")
    return None


def _of_host(error: Exception, waits: Waits) -> tuple[str, str]:
    if isinstance(error, urllib3.exceptions.SSLError):
        return _of_handshake(error)
    return (
        _of_time(error, waits)
        or _of_body(error)
        or _of_headers(error)
        or _of_this_machine(error)
        or _of_connection(error)
    )


def _of_handshake(error: Exception) -> tuple[str, str]:
    failed = cause(error, ssl.SSLError)
    if isinstance(failed, ssl.SSLEOFError):
        remedy = "check that the URL's port speaks TLS, and any gateway between, which may demand a client certificate"
        return "the TLS handshake failed: it hung up", remedy
    named = failed.reason if failed and failed.reason else ""
    for words, what, remedy in _HANDSHAKES:
        if words.search(named):
            return f"the TLS handshake failed: {what} ({named})", remedy
    why = f" ({named})" if named else ""
    return f"the TLS handshake failed{why}", "check that the URL's port speaks TLS, and any proxy"


def _of_time(error: Exception, waits: Waits) -> tuple[str, str] | None:
    if cause(error, AnswerTooSlowError):
        what = f"its answer was not complete after {waits.answer:g} s"
        return what, "look for what makes the network so slow, or raise timeout"
    # in urllib3 before 2.0 a connection that was refused is one that took too long, too
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return None
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return f"no answer within {waits.connection:g} s", "check the network, or raise timeout"
    if isinstance(error, urllib3.exceptions.TimeoutError) or cause(error, TimeoutError):
        return f"no answer within {waits.part:g} s", "check the network, or raise timeout"
    return None


def _of_body(error: Exception) -> tuple[str, str] | None:
    if isinstance(error, bodies.OversizeError):
        what = f"its answer is larger than {bodies.MOST_BYTES >> 20} MiB"
        return what, "ask for less, or look for something between that answers in its place"
    if isinstance(error, bodies.StrangeEncodingError):
        return "its answer is packed in a way that cannot be read", "look for a proxy that changes answers"
    if isinstance(error, bodies.CutOffError):
        return "the reply was cut off", "check the network and any proxy"
    return None


def _of_headers(error: Exception) -> tuple[str, str] | None:
    found = cause(error, HTTPException)
    if isinstance(found, ConnectionError) or found is None:
        # the peer hung up, which http.client counts among its own errors too
        return None
    remedy = "look for a proxy or a wrong port between this machine and Microsoft"
    if isinstance(found, LineTooLong):
        return "its answer has a header longer than 64 KiB", remedy
    if isinstance(found, BadStatusLine):
        return "its answer is not HTTP", remedy
    return "its answer has more than 100 headers, or headers that are not HTTP", remedy


def _of_this_machine(error: Exception) -> tuple[str, str] | None:
    # the numbers of TLS errors are others
    found = (each for each in _causes(error) if isinstance(each, OSError) and not isinstance(each, ssl.SSLError))
    codes = (each.errno for each in found)
    return next((_OF_THIS_MACHINE[code] for code in codes if code in _OF_THIS_MACHINE), None)


def _of_connection(error: Exception) -> tuple[str, str]:
    unresolved = cause(error, socket.gaierror)
    if unresolved and unresolved.errno == socket.EAI_AGAIN:
        return "its name does not resolve, because no DNS server answers", "check the DNS of this machine"
    if unresolved:
        return "its name does not resolve", "check the host name and DNS"
    if isinstance(error, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ProtocolError)):
        return "the connection was refused or reset", "check the network and the firewall"
    return "the request failed", "check the URL and the network"


def _tunnel_status(error: Exception) -> int | None:
    """Return the status by which a proxy refused to connect, which http.client has in its text alone."""
    texts = (str(found) for found in _causes(error) if isinstance(found, OSError))
    found = next((said for text in texts if (said := _TUNNEL_STATUS.match(text))), None)
    return int(found[1]) if found else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all that it came from; libraries have those as a cause, or within the error itself."""
    found = [error]
    for each in found:
        yield each
        inner = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        found += [one for one in inner if isinstance(one, BaseException) and one not in found]
