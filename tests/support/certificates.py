# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: good ones for the servers of the tests, and some with the faults that real ones have."""

from __future__ import annotations

import ipaddress
import itertools
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
NOW = datetime.now(timezone.utc).replace(microsecond=0)
_numbers = itertools.count()


class Forge:
    """A CA, and the servers' certificates that it issues, as files in a folder. Times are those of validity."""

    def __init__(
        self, folder: Path, name: str = "Corp Inspection CA", ends: datetime = NOW + DAY, is_critical: bool = True
    ) -> None:
        self._folder = folder
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        authority = (
            _begun(self._name, self._name, self._key, NOW - 30 * DAY, ends)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=is_critical)
            .sign(self._key, hashes.SHA256())
        )
        self.ca_path = self._written(authority.public_bytes(serialization.Encoding.PEM))

    def server(
        self, *hosts: str, begins: datetime = NOW - 30 * DAY, ends: datetime = NOW + DAY, is_own: bool = False
    ) -> str:
        """Return the path of a server's certificate and key; one of its own (`is_own`) is self-signed."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _named(hosts[0])
        certificate = (
            _begun(name, name if is_own else self._name, key, begins, ends)
            .add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
            .sign(key if is_own else self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self._written(certificate.public_bytes(serialization.Encoding.PEM) + private)

    def _written(self, content: bytes) -> str:
        path = self._folder / f"{next(_numbers)}.pem"
        path.write_bytes(content)
        return str(path)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _key_usage(is_ca: bool) -> x509.KeyUsage:
    """What Python 3.13 and later look for in the certificate of a CA."""
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def make_certificates(folder: Path) -> tuple[str, str]:
    """Write a CA certificate, and a certificate of 127.0.0.1 with its key; return both paths."""
    now = datetime.now(timezone.utc)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _unused in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Test CA", "127.0.0.1")]
    paths = folder / "ca.pem", folder / "server.pem"
    for path, key, name, is_ca in zip(paths, keys, names, (True, False), strict=True):
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(_key_usage(is_ca), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
            .sign(keys[0], hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        if not is_ca:
            pem += key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        path.write_bytes(pem)
    return str(paths[0]), str(paths[1])
