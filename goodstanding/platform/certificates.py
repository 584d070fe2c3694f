"""A certificate authority of the deployment's own, and the certificates that it gives to its servers.

An authority is two files in one directory: `ca.pem`, which every client needs, and `ca.key`, which nobody else may
read. While another one takes its place, `ca.pem` has the certificates of both, and clients trust both. The one
whose key is in `ca.key` signs.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from goodstanding.errors import UserError
from goodstanding.platform.private_file import write_private

CA, _CA_KEY, _NEXT_KEY = "ca.pem", "ca.key", "next.key"
_AUTHORITY_LASTS = timedelta(days=3650)
SERVER_LASTS = timedelta(days=397)
"""The longest that common clients take from a public authority."""
_RENEWED_BEFORE = timedelta(days=60)
_CLOCKS_DIFFER = timedelta(minutes=5)
_FOR_EVERYBODY = 0o644


Step: TypeAlias = Literal["announce", "use", "forget"]
"""On the way to another authority."""


def ensure_authority(directory: Path) -> None:
    """Make the authority, unless there is one."""
    if (directory / CA).exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory, [_new_authority(directory / _CA_KEY)])


def change_authority(directory: Path, step: Step) -> None:
    """Take one step to another authority; to take a step once more changes nothing.

    `announce` makes the next authority, which clients then trust beside the present one. With `use` it signs, and with
    `forget` clients trust it alone.
    """
    ensure_authority(directory)
    trusted = x509.load_pem_x509_certificates((directory / CA).read_bytes())
    # A key whose certificate nobody has, because `announce` was interrupted, does not count as announced.
    announced = len(trusted) > 1 and (directory / _NEXT_KEY).exists()
    match step:
        case "announce" if len(trusted) == 1:
            _write(directory, [*trusted, _new_authority(directory / _NEXT_KEY)])
        case "use" if announced:
            os.replace(directory / _NEXT_KEY, directory / _CA_KEY)
        case "use" if len(trusted) == 1:
            raise UserError(
                "No other authority was announced.",
                "Announce one with --authority announce, and give everybody the new ca.pem before it is used.",
            )
        case "forget" if announced:
            raise UserError(
                "The announced authority is not used yet.",
                "Use it first, with --authority use, and start the servers again.",
            )
        case "forget":
            _write(directory, [_signing(directory)[0]])


def _new_authority(key_file: Path) -> x509.Certificate:
    """The key is written before anybody can see the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Goodstanding's own authority")
    now = datetime.now(UTC)
    certificate = (
        _builder(name, name, key.public_key(), now, now + _AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(key_file, _private_pem(key))
    return certificate


def _write(directory: Path, authorities: Sequence[x509.Certificate]) -> None:
    write_private(directory / CA, b"".join(each.public_bytes(Encoding.PEM) for each in authorities))
    (directory / CA).chmod(_FOR_EVERYBODY)


def _signing(directory: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = load_pem_private_key((directory / _CA_KEY).read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey), "made above"
    trusted = x509.load_pem_x509_certificates((directory / CA).read_bytes())
    [authority] = [each for each in trusted if each.public_key() == key.public_key()]
    return authority, key


def ensure_certificate(
    directory: Path, file: Path, names: Sequence[str], *, common_name: str, lasts: timedelta | None = None
) -> bool:
    """Have a certificate for these host names or addresses in `file`: its key (PKCS#8), itself, and the authority.

    One of this authority that lasts for two more months is left; returns whether one was made. The subject never
    changes, since a broker that renews its certificate while it runs refuses another.
    """
    authority, signer = _signing(directory)
    if file.exists() and _is_of(authority, file) and expires(file) - datetime.now(UTC) > _RENEWED_BEFORE:
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    # A broker is a client of the others, and of its controller.
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        _builder(_name(common_name), authority.subject, key.public_key(), now, now + (lasts or SERVER_LASTS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(purposes, critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, authority))
    write_private(file, _private_pem(key) + chain)
    return True


def expires(file: Path) -> datetime:
    """When the first certificate in the file ends."""
    return x509.load_pem_x509_certificates(file.read_bytes())[0].not_valid_after_utc


def _is_of(authority: x509.Certificate, file: Path) -> bool:
    try:
        x509.load_pem_x509_certificates(file.read_bytes())[0].verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError):
        return False
    return True


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(until)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS#8: what Kafka reads; it refuses the older form."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
