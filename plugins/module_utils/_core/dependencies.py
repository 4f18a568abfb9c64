# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that imports third-party libraries, so that their absence is a clear sentence and no traceback."""

from __future__ import annotations

import contextlib
from typing import Any

MISSING: str | None = None
"""The name of the first library that could not be imported, or None."""

try:
    import idna
    import jwt
    import requests
    import urllib3
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.fernet import Fernet, InvalidToken
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    from cryptography.hazmat.primitives.serialization import pkcs12
    from msal import oauth2cli
    from urllib3 import HTTPSConnectionPool
    from urllib3.connection import HTTPSConnection
    from urllib3.util.ssl_ import create_urllib3_context
    from urllib3.util.ssl_match_hostname import CertificateError
except ImportError as error:
    MISSING = {"jwt": "PyJWT[crypto]", "cryptography": "PyJWT[crypto]"}.get(error.name or "", error.name or "msal")
    # so that other files can import the names; nobody uses them before MISSING was looked at
    HKDF = Fernet = InvalidToken = create_urllib3_context = None  # type: ignore[assignment,misc]
    CertificateError = HTTPSConnection = HTTPSConnectionPool = object  # type: ignore[assignment,misc]
    hashes = idna = jwt = oauth2cli = pkcs12 = requests = None  # type: ignore[assignment]
    rsa = serialization = urllib3 = x509 = None  # type: ignore[assignment]
    UnsupportedAlgorithm = Exception  # type: ignore[assignment,misc]

try:
    # comes with ansible-core, but not where a module runs by itself
    import yaml
except ImportError:
    yaml = None

SOCKSProxyManager: Any = None
"""For proxies that speak SOCKS; None where PySocks is missing."""

if MISSING is None:
    with contextlib.suppress(ImportError):
        from urllib3.contrib.socks import SOCKSProxyManager
    # at its first use OpenSSL looks its algorithms up: here, once, and not again in every worker that is forked
    create_urllib3_context()
    Fernet(Fernet.generate_key()).encrypt(b"")

__all__ = [
    "HKDF",
    "MISSING",
    "CertificateError",
    "Fernet",
    "HTTPSConnection",
    "HTTPSConnectionPool",
    "InvalidToken",
    "SOCKSProxyManager",
    "UnsupportedAlgorithm",
    "create_urllib3_context",
    "hashes",
    "idna",
    "jwt",
    "oauth2cli",
    "pkcs12",
    "requests",
    "rsa",
    "serialization",
    "urllib3",
    "x509",
    "yaml",
]
