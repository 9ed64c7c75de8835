"""
Certificates and their keys, as PEM files: read whole, and refused with the remedy when
they would not do.

What is read here is what both ends of a connection show and trust. A certificate and its
key are two files, and are renewed one after the other: a pair that does not belong together
is an error, so that whoever reloads keeps the old pair until the new one is complete.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from shared.errors import InvalidRequest

MAX_PEM_BYTES = 1024 * 1024
"""Of one file. A bundle of all the world's authorities has a quarter of that."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Pair:
    """A certificate with the chain up to its authority, and its key. Has no repr: no log may
    hold the key.
    """

    chain: bytes
    key: bytes
    serial: str
    """Of the certificate, in hexadecimal digits, as `openssl x509 -serial` prints it."""

    not_after: datetime


def read_pair(cert_file: str, key_file: str, now: datetime) -> Pair:
    """
    The certificate and its key. Raises InvalidRequest, naming the file, for one that cannot be
    read, is no PEM, is encrypted, has run out, or does not belong to the other.
    """
    chain = _read(cert_file)
    certificates = _certificates(chain, cert_file)
    own = certificates[0]
    if own.not_valid_after_utc <= now:
        raise InvalidRequest(
            f"the certificate in {cert_file} ran out on {_day(own.not_valid_after_utc)}; renew it"
        )
    if own.not_valid_before_utc > now:
        raise InvalidRequest(
            f"the certificate in {cert_file} is not good before"
            f" {_day(own.not_valid_before_utc)}; check this machine's clock"
        )
    key = _read(key_file)
    if _public(_private(key, key_file)) != own.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ):
        raise InvalidRequest(
            f"the key in {key_file} is not that of the first certificate in {cert_file}; put the"
            " server's own certificate first, its authorities after it, and its key beside it"
        )
    return Pair(
        chain=chain,
        key=key,
        serial=own.serial_number.to_bytes((own.serial_number.bit_length() + 7) // 8).hex().upper(),
        not_after=own.not_valid_after_utc,
    )


def read_authorities(file: str) -> bytes:
    """
    The certificates that are trusted to sign others, as PEM. Raises InvalidRequest, naming the
    file, if it cannot be read or holds none.
    """
    text = _read(file)
    _certificates(text, file)
    return text


def _read(file: str) -> bytes:
    try:
        with Path(file).open("rb") as opened:
            text = opened.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise InvalidRequest(
            f"{file} cannot be read ({error.strerror}); give the path of a PEM file that this"
            " process may read"
        ) from None
    if len(text) > MAX_PEM_BYTES:
        raise InvalidRequest(f"{file} has more than {MAX_PEM_BYTES} bytes; it is no PEM file")
    return text


def _certificates(text: bytes, file: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text)
    except ValueError:
        raise InvalidRequest(
            f"{file} holds no certificate in PEM (-----BEGIN CERTIFICATE-----) that can be read"
        ) from None


def _private(text: bytes, file: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(text, password=None)
    except TypeError:
        raise InvalidRequest(
            f"the key in {file} is encrypted; give it without a passphrase, readable by this"
            " process alone"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidRequest(
            f"{file} holds no private key in PEM (-----BEGIN PRIVATE KEY-----) that can be read"
        ) from None


def _public(key: PrivateKeyTypes) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d")
