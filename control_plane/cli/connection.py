"""How a command talks to a control plane: a channel, encrypted beyond this machine, and the key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from shared.clock import SystemClock
from shared.rpc import AUTHORIZATION, BEARER, channel_options
from shared.tls import ClientTls


@asynccontextmanager
async def connection(address: str, tls: ClientTls | None = None) -> AsyncIterator[grpc.aio.Channel]:
    """
    A channel to a control plane. Within this machine it is encrypted if `tls` says with what;
    beyond it always is, unless plaintext is allowed. Raises InvalidRequest for files that
    cannot work.
    """
    tls = tls or ClientTls()
    options: list[tuple[str, int | str]] = list(channel_options())
    if not tls.secures(address):
        channel = grpc.aio.insecure_channel(address, options=options)
    else:
        if tls.server_name:
            options.append(("grpc.ssl_target_name_override", tls.server_name))
        channel = grpc.aio.secure_channel(address, _credentials(tls), options=options)
    async with channel:
        yield channel


def credential(api_key: str) -> tuple[tuple[str, str], ...]:
    """The metadata that says who calls."""
    return ((AUTHORIZATION, BEARER + api_key),)


def _credentials(tls: ClientTls) -> grpc.ChannelCredentials:
    files = tls.read(SystemClock().now())
    return grpc.ssl_channel_credentials(
        root_certificates=files.authorities,
        private_key=files.pair.key if files.pair else None,
        certificate_chain=files.pair.chain if files.pair else None,
    )
