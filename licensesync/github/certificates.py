"""Whom we trust on the other end, and what a certificate says in words."""

import ssl
from dataclasses import dataclass
from datetime import datetime

import certifi
from cryptography import x509
from cryptography.x509.oid import NameOID

from licensesync import errors
from licensesync.errors import ExpectedError


@dataclass(frozen=True, slots=True)
class Certificate:
    """`subject` and `issuer` as people write them; `names`: the host names and addresses that it is good for."""

    subject: str
    issuer: str
    expires_at: datetime
    names: tuple[str, ...]


def trusting(ca_pem: str = "") -> ssl.SSLContext:
    """Trusts the authorities of this machine, those of certifi, and `ca_pem`. ExpectedError(CA_UNREADABLE).

    There is no way to trust everybody. A given certificate need not be a root (an appliance's own, or one in the
    middle, will do), and need not keep the strictest rules of its format, which home-made authorities seldom do.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if ca_pem.strip():
        try:
            context.load_verify_locations(cadata=ca_pem)
        except (ssl.SSLError, TypeError, ValueError) as error:  # TypeError: not ASCII
            raise ExpectedError(errors.CA_UNREADABLE) from error
    return context


def looking() -> ssl.SSLContext:
    """For looking at a certificate that was not trusted. Nothing of the owner's may travel over such a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def described(der: bytes) -> Certificate:
    """ValueError when it can't be parsed."""
    certificate = x509.load_der_x509_certificate(der)
    return Certificate(
        subject=_name(certificate.subject),
        issuer=_name(certificate.issuer),
        expires_at=certificate.not_valid_after_utc,
        names=_names(certificate),
    )


def _name(name: x509.Name) -> str:
    """The common name and the organization, whatever there is of them; else the whole name."""
    parts = [
        str(attribute.value)
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        for attribute in name.get_attributes_for_oid(oid)
    ]
    return ", ".join(dict.fromkeys(parts)) or name.rfc4514_string() or "–"


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    )
