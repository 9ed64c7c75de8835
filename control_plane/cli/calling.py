"""Which control plane a command talks to, and as whom; and the calls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import grpc
from foliot.v1 import (
    admin_service_pb2_grpc,
    ai_service_pb2_grpc,
    definition_service_pb2_grpc,
    event_service_pb2_grpc,
    instance_service_pb2_grpc,
    schedule_service_pb2_grpc,
    task_service_pb2_grpc,
    tenant_service_pb2_grpc,
)

from control_plane.cli.connection import connection, credential
from control_plane.cli.failing import NotReached, explained, info_of
from control_plane.cli.options import DEFAULT_DATA_DIR, DEFAULT_LISTEN, Target
from control_plane.cli.profiles import Profile, read_profiles
from shared.errors import InvalidRequest
from shared.tls import ClientTls

CALL_WITHIN_S = 30.0

Answer = TypeVar("Answer")


class Caller:
    """The services of a control plane, and what every call of theirs carries."""

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self.channel = channel
        self.metadata = metadata
        self.definitions = definition_service_pb2_grpc.DefinitionServiceStub(channel)
        self.instances = instance_service_pb2_grpc.InstanceServiceStub(channel)
        self.tasks = task_service_pb2_grpc.TaskServiceStub(channel)
        self.events = event_service_pb2_grpc.EventServiceStub(channel)
        self.schedules = schedule_service_pb2_grpc.ScheduleServiceStub(channel)
        self.ai = ai_service_pb2_grpc.AiServiceStub(channel)
        self.tenants = tenant_service_pb2_grpc.TenantServiceStub(channel)
        self.admin = admin_service_pb2_grpc.AdminServiceStub(channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to, in which way, and the key."""

    address: str
    key: str
    tls: ClientTls


def call(
    target: Target,
    ask: Callable[[Caller], Awaitable[Answer]],
    *,
    within_s: float | None = CALL_WITHIN_S,
    place_of: Callable[[str], str] | None = None,
) -> Answer:
    """
    What the control plane answers; a refusal ends the command with a sentence, and with an
    exit code of failing.py. Without `within_s` it may take as long as it takes. `place_of` as
    of `explained`.
    """
    told = explained() if place_of is None else explained(place_of=place_of)
    with told:
        return asyncio.run(_call(find(target), ask, within_s))


async def _call(
    place: Place, ask: Callable[[Caller], Awaitable[Answer]], within_s: float | None
) -> Answer:
    async with calling(place) as caller:
        try:
            async with asyncio.timeout(within_s):
                return await ask(caller)
        except TimeoutError:
            raise NotReached(
                f"{place.address} has not answered within {within_s:g} s; try again, or see"
                " whether it is the right --address"
            ) from None
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE and info_of(error) is None:
                raise unreached(place) from None
            raise


def unreached(place: Place) -> NotReached:
    """What to say where there is nobody, or somebody who speaks otherwise."""
    how = (
        "encrypted; --plaintext if it has no certificate, --ca-file if nobody else knows its"
        if place.tls.secures(place.address)
        else "in the open; --ca-file if it has a certificate"
    )
    return NotReached(
        f"no control plane answers at {place.address}; see that one serves there, and that this is"
        f" the right --address (it was asked {how})"
    )


@asynccontextmanager
async def calling(place: Place) -> AsyncIterator[Caller]:
    """A connection, until the block is left."""
    async with connection(place.address, place.tls) as channel:
        yield Caller(channel, credential(place.key))


def find(target: Target) -> Place:
    """
    What was said by option or variable goes before what a profile says, and that before the
    `foliot dev` that runs here; one whose directory was named goes before a profile.

    Raises InvalidRequest if nothing says who one is, and for a profile that there is not.
    """
    profile = _profile(target)
    address = target.address or profile.address
    key = target.key or profile.key
    if not key:
        return _running(target, address)
    return Place(address=address or DEFAULT_LISTEN, key=key, tls=_tls(target, profile))


def _running(target: Target, address: str) -> Place:
    """The `foliot dev` of a directory. Its key is for nobody else."""
    # It takes a while to import.
    from control_plane.embedded import attached

    data_dir = target.data_dir or DEFAULT_DATA_DIR
    running = attached(data_dir)
    if running is None:
        raise InvalidRequest(
            f"no `foliot dev` runs in {data_dir}; start one, or say where to and as whom:"
            " --address and --key (FOLIOT_CONTROL_PLANE, FOLIOT_KEY), or a --profile",
            field="key",
        )
    if address and address != running.address:
        raise InvalidRequest(
            f"no key is known for {address}: give one by --key (FOLIOT_KEY) or a --profile; the"
            f" `foliot dev` in {data_dir} serves at {running.address}",
            field="key",
        )
    # Whatever certificates other servers have, this one is on this machine and has none.
    return Place(address=running.address, key=running.api_key, tls=ClientTls())


def _profile(target: Target) -> Profile:
    """The one that was named, or else the one in use, unless enough was said without."""
    if target.profile:
        return read_profiles().named(target.profile)
    if target.data_dir is not None or (target.key and target.address):
        return Profile()
    profiles = read_profiles()
    return profiles.by_name.get(profiles.current, Profile())


def _tls(target: Target, profile: Profile) -> ClientTls:
    return ClientTls(
        ca_file=target.ca_file or profile.ca_file,
        cert_file=target.client_cert or profile.client_cert,
        key_file=target.client_key or profile.client_key,
        server_name=target.server_name or profile.server_name,
        allow_plaintext=profile.plaintext if target.plaintext is None else target.plaintext,
    )
