"""An authority of the tests' own: signs certificates, and writes them where servers find them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

LOCAL = (x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")))
"""What a server of this machine is called."""


@dataclass(frozen=True, slots=True)
class Files:
    """A certificate and its key, as files."""

    cert: Path
    key: Path

    def put(self, other: "Files") -> None:
        """Renew: what the other has stands here now."""
        put(self.key, other.key.read_bytes())
        put(self.cert, other.cert.read_bytes())


class Authority:
    """Its certificate is in `file`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        certificate = (
            _begun(self._name, timedelta(days=1))
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, SHA256())
        )
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def sign(
        self,
        file: str,
        *names: x509.GeneralName,
        common: Sequence[str] = ("somebody",),
        lasts: timedelta = timedelta(hours=1),
        passphrase: bytes | None = None,
    ) -> Files:
        """A certificate and its key, in files of that name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one) for one in common])
        builder = (
            _begun(subject, lasts)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        files = Files(self._folder / f"{file}.pem", self._folder / f"{file}.key")
        files.cert.write_bytes(builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        encryption: KeySerializationEncryption = (
            BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        )
        files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        return files

    def server(self, file: str = "server") -> Files:
        """For a server of this machine."""
        return self.sign(file, *LOCAL, common=("a server",))

    def executor(self, file: str = "executor", name: str = "one") -> Files:
        """For an executor, as the rules of the tests know them."""
        return self.sign(file, x509.UniformResourceIdentifier(f"spiffe://tests/executor/{name}"))


def put(file: Path, content: bytes) -> None:
    """Replace a file at once, as whoever renews certificates does."""
    beside = file.with_suffix(".new")
    beside.write_bytes(content)
    beside.replace(file)


def _begun(subject: x509.Name, lasts: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + min(lasts, timedelta()) - timedelta(minutes=1))
        .not_valid_after(now + lasts)
    )
