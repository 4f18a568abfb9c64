# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates: the emulator's own authority, its server, the application, the token signers."""

from __future__ import annotations

import base64
import datetime
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class KeyPair:
    """A private key and the certificate for it."""

    key: PrivateKey
    certificate: x509.Certificate

    def key_pem(self) -> bytes:
        """The unencrypted private key, PKCS#8 PEM."""
        return private_key_pem(self.key)

    def certificate_pem(self) -> bytes:
        """The certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def pfx(self, password: str) -> bytes:
        """Key and certificate as one PKCS#12 file."""
        encryption = BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(b"application", self.key, self.certificate, None, encryption)


def make_rsa_key() -> rsa.RSAPrivateKey:
    """A 2048-bit key, the size Entra ID signs with."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_key_pem(key: PrivateKey) -> bytes:
    """The unencrypted private key, PKCS#8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_rsa_key(pem: bytes) -> rsa.RSAPrivateKey:
    """Read what ``private_key_pem`` wrote."""
    key = load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the key in the emulator's state is no RSA key")
    return key


def load_pair(key_pem: bytes, certificate_pem: bytes) -> KeyPair:
    """Read a pair from its two PEM texts."""
    key = load_pem_private_key(key_pem, None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError("the key in the emulator's directory is neither RSA nor elliptic")
    return KeyPair(key, x509.load_pem_x509_certificate(certificate_pem))


def transport_form(certificate_pem: bytes) -> str:
    """A certificate as Microsoft Graph carries it: base64 of its DER form. A private key beside it is passed over."""
    der = x509.load_pem_x509_certificate(certificate_pem).public_bytes(Encoding.DER)
    return base64.b64encode(der).decode()


def make_authority() -> KeyPair:
    """The authority that clients are told to trust (``ca.pem``)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Defender emulator CA")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(name, name, key, days=3650)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return KeyPair(key, builder.sign(key, hashes.SHA256()))


def make_server_certificate(authority: KeyPair, host: str) -> KeyPair:
    """A certificate for ``host`` and every loopback name. Elliptic, because a handshake is most of a short call."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName(
        [_alternative(name) for name in sorted({"localhost", "127.0.0.1", "::1", host})]
    )
    authority_id = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_name("localhost"), authority.certificate.subject, key, days=397)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        # Python 3.13 and later refuse a chain without it.
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id), critical=False)
    )
    return KeyPair(key, builder.sign(authority.key, hashes.SHA256()))


def make_application_certificate(common_name: str) -> KeyPair:
    """A self-signed certificate, as a provider uploads one to its application."""
    return _self_signed(make_rsa_key(), common_name, days=730)


def make_signing_certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    """The certificate that Entra ID publishes beside a signing key (``x5c``)."""
    return _self_signed(key, "accounts.accesscontrol.windows.net", days=1825).certificate


def _self_signed(key: rsa.RSAPrivateKey, common_name: str, days: int) -> KeyPair:
    name = _name(common_name)
    return KeyPair(key, _builder(name, name, key, days).sign(key, hashes.SHA256()))


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey, days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
