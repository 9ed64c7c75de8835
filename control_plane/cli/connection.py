"""How a command talks to a control plane: a channel, with or without TLS, and the key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from shared.errors import InvalidRequest
from shared.rpc import AUTHORIZATION, BEARER, channel_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """
    How a connection is encrypted: whose certificates are believed, and our own if the server
    asks for one. Without `ca_file` those are believed that gRPC brings along.
    """

    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Raises InvalidRequest for a file that cannot be read, and for a half of a pair."""
        if (self.client_cert is None) != (self.client_key is None):
            raise InvalidRequest(
                "a client certificate and its key go together: give both --client-cert and"
                " --client-key, or neither",
                field="client_cert",
            )
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.ca_file),
            private_key=_read(self.client_key),
            certificate_chain=_read(self.client_cert),
        )


@asynccontextmanager
async def connection(address: str, tls: Tls | None = None) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a control plane; without `tls` nothing of it is encrypted."""
    options = list(channel_options())
    channel = (
        grpc.aio.insecure_channel(address, options=options)
        if tls is None
        else grpc.aio.secure_channel(address, tls.credentials(), options=options)
    )
    async with channel:
        yield channel


def credential(api_key: str) -> tuple[tuple[str, str], ...]:
    """The metadata that says who calls."""
    return ((AUTHORIZATION, BEARER + api_key),)


def _read(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file}: {error.strerror or error}") from error
