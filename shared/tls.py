"""
When a connection to a control plane is encrypted, and by what its two ends know each other.

A credential never travels in the open by mistake: beyond this machine a connection is
encrypted, unless FOLIOT_ALLOW_PLAINTEXT says that somebody else sees to it.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from shared.certificates import Pair, read_authorities, read_pair
from shared.errors import InvalidRequest

Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""What tells one version of files from the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """
    How a client connects, as its settings say. Empty is not set.

    Without `ca_file` the authorities are those that gRPC comes with. `server_name` is the name
    in the server's certificate where it is not the one in the address.
    """

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    allow_plaintext: bool = False

    def secures(self, address: str) -> bool:
        """Whether a connection to the address is encrypted. Beyond this machine it is, unless
        plaintext is allowed; within it, if any file says with what.
        """
        if address.startswith("unix:"):
            return False
        if self.ca_file or self.cert_file:
            return True
        return not (is_local(address) or self.allow_plaintext)

    def read(self, now: datetime) -> "ClientFiles":
        """The files as they are now. Raises InvalidRequest for what cannot work."""
        if bool(self.cert_file) != bool(self.key_file):
            raise InvalidRequest(
                "FOLIOT_TLS_CLIENT_CERT_FILE and FOLIOT_TLS_CLIENT_KEY_FILE go together; set both"
                " or none",
                field="tls_client_cert_file",
            )
        return ClientFiles(
            authorities=read_authorities(self.ca_file) if self.ca_file else None,
            pair=read_pair(self.cert_file, self.key_file, now) if self.cert_file else None,
        )

    def stamp(self) -> Stamp:
        """Changes when any of the files does."""
        return stamp_of(self.ca_file, self.cert_file, self.key_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFiles:
    """What a client trusts, None for the usual authorities, and what it shows, if anything."""

    authorities: bytes | None
    pair: Pair | None


def is_local(address: str) -> bool:
    """Whether an address, `host:port` or `unix:/path`, is reached from this machine alone."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def stamp_of(*files: str) -> Stamp:
    """Changes when one of the files is written, replaced or removed. Costs some µs a file."""
    return tuple(_stamp(file) for file in files)


def _stamp(file: str) -> tuple[int, int, int] | None:
    if not file:
        return None
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
