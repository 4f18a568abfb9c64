# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is trusted: one TLS context for all connections, because reading a CA bundle costs more than many calls."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path

from ..dependencies import create_urllib3_context, requests
from ..errors import OptionError
from . import deadlines
from .certificates import Trusted

_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_HASH_NAME = re.compile(r"^[0-9a-f]{8}\.[0-9]+$")
_DER_BEGINS = b"\x30\x82"
_MOST_LOOKED_AT = 1 << 16


def trusted(ca_path: str | None) -> Trusted:
    """Return `ca_path`, or else what requests trusts: a bundle named in the environment, its own.

    Raises OptionError for a bundle that holds no CA certificates.
    """
    given = {"ca_path": ca_path} | {name: os.environ.get(name) for name in _BUNDLE_VARIABLES}
    usual: tuple[str | None, str] = None, requests.utils.DEFAULT_CA_BUNDLE_PATH
    option, bundle = next(((name, path) for name, path in given.items() if path), usual)
    is_folder = Path(bundle).is_dir()
    if Path(bundle).exists() and not (is_folder or Path(bundle).is_file()):
        raise _unusable(option, bundle, "it is not a file: give a CA bundle in PEM form")
    context: ssl.SSLContext = create_urllib3_context()
    context.sslsocket_class = deadlines.TimedTlsSocket
    try:
        if is_folder and not any(_HASH_NAME.match(name) for name in os.listdir(bundle)):  # noqa: PTH208 - many files
            raise _unusable(option, bundle, "no certificate in the folder has its hash for a name: run openssl rehash")
        context.load_verify_locations(None if is_folder else bundle, bundle if is_folder else None)
    except ssl.SSLError:
        raise _unusable(option, bundle, _fault_of(Path(bundle))) from None
    except OSError as error:
        why = "it does not exist" if isinstance(error, FileNotFoundError) else f"it cannot be read ({error.strerror})"
        raise _unusable(option, bundle, f"{why}: give a CA bundle in PEM form") from None
    return Trusted(option, bundle, context)


def _unusable(option: str | None, bundle: str, why: str) -> OptionError:
    return OptionError(f"{option or 'the CA bundle'} {bundle} cannot be used: {why}")


def _fault_of(bundle: Path) -> str:
    """Return why a file holds no CA certificate that OpenSSL can read, and what to do."""
    with bundle.open("rb") as file:
        begin = file.read(_MOST_LOOKED_AT)
    if not begin.strip():
        return "it is empty: give a CA bundle in PEM form"
    if begin.startswith(_DER_BEGINS):
        return "it is in DER form: convert it with openssl x509 -inform der, or openssl pkcs12 for a PFX file"
    if b"PRIVATE KEY-----" in begin and b"CERTIFICATE-----" not in begin:
        return "it holds a private key and no certificate: give the certificate of the CA, and keep the key to yourself"
    if b"CERTIFICATE-----" in begin:
        return "it holds no readable CA certificate, because one in it is damaged: export it anew in PEM form"
    return "it holds no readable CA certificate: give a CA bundle in PEM form"
