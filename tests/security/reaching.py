"""Channels with TLS, and a look at what a server shows."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from cryptography import x509
from foliot.v1 import admin_service_pb2

from shared.rpc import channel_options
from tests.api.serving import WITHIN_S, Client, with_key
from tests.security.authority import Authority, Files


@asynccontextmanager
async def reaching(
    address: str, authority: Authority, key: str | None = None, shows: Files | None = None
) -> AsyncIterator[Client]:
    """A client that believes an authority, and shows a certificate if it has one."""
    credentials = grpc.ssl_channel_credentials(
        authority.file.read_bytes(),
        None if shows is None else shows.key.read_bytes(),
        None if shows is None else shows.cert.read_bytes(),
    )
    async with grpc.aio.secure_channel(
        address, credentials, options=list(channel_options()), interceptors=with_key(key)
    ) as channel:
        yield Client(channel, key)


async def who_am_i(client: Client) -> str:
    """What the server calls the client."""
    answer = await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)
    return answer.principal


async def serial_at(address: str, authority: Authority) -> int:
    """The serial number of the certificate that is shown at an address."""
    return await asyncio.to_thread(_serial_at, address, authority)


def _serial_at(address: str, authority: Authority) -> int:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=WITHIN_S) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as wrapped,
    ):
        shown = wrapped.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


def serial_of(files: Files) -> int:
    """The serial number of a certificate in a file."""
    return x509.load_pem_x509_certificate(files.cert.read_bytes()).serial_number


async def end_of(watch: Any) -> grpc.aio.AioRpcError:
    """The error that a stream of answers ends with."""
    try:
        async for _ in watch:
            pass
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the stream ended well")
