"""The live server that the clients are tried on, and what it itself says of what they did."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from foliot.v1.event_service_pb2 import ListHistoryRequest
from foliot.v1.event_service_pb2_grpc import EventServiceStub
from foliot.v1.history_entry_pb2 import HistoryEntryType
from foliot.v1.instance_pb2 import Instance
from foliot.v1.instance_service_pb2 import (
    CancelInstanceRequest,
    CountInstancesRequest,
    GetInstanceRequest,
)
from foliot.v1.instance_service_pb2_grpc import InstanceServiceStub

from tests.docs.shell import serving
from tests.polyglot.languages import shown
from tests.polyglot.shell import output_of

PREFIX = "HISTORY_ENTRY_TYPE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where it is, and the keys to it."""

    address: str
    key: str
    executor_key: str

    def instances(self) -> int:
        """How many instances of the shared definition there are."""
        return asyncio.run(self._instances())

    def instance(self, instance_id: str) -> Instance:
        return asyncio.run(self._instance(instance_id))

    def cancel(self, instance_id: str) -> None:
        asyncio.run(self._cancel(instance_id))

    def history(self, instance_id: str) -> Sequence[str]:
        """The entries as clients print them: seq and type."""
        return asyncio.run(self._history(instance_id))

    async def _instances(self) -> int:
        async with grpc.aio.insecure_channel(self.address) as channel:
            ask = CountInstancesRequest(filter='definition_key = "parcel"')
            counted = await InstanceServiceStub(channel).CountInstances(ask, metadata=self._access)
        return counted.count

    async def _instance(self, instance_id: str) -> Instance:
        async with grpc.aio.insecure_channel(self.address) as channel:
            ask = GetInstanceRequest(instance_id=instance_id)
            found = await InstanceServiceStub(channel).GetInstance(ask, metadata=self._access)
        return found.instance

    async def _cancel(self, instance_id: str) -> None:
        async with grpc.aio.insecure_channel(self.address) as channel:
            ask = CancelInstanceRequest(instance_id=instance_id, reason="to call its task off")
            await InstanceServiceStub(channel).CancelInstance(ask, metadata=self._access)

    async def _history(self, instance_id: str) -> Sequence[str]:
        async with grpc.aio.insecure_channel(self.address) as channel:
            ask = ListHistoryRequest(instance_id=instance_id, page_size=200)
            listed = await EventServiceStub(channel).ListHistory(ask, metadata=self._access)
        return [
            f"{entry.seq} {HistoryEntryType.Name(entry.type).removeprefix(PREFIX)}"
            for entry in listed.entries
        ]

    @property
    def _access(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.key}"),)


@contextmanager
def served(where: Path) -> Iterator[Server]:
    """`foliot dev` in a folder, for as long as the block lasts; found as the README says."""
    with serving("foliot dev", where):
        told = 'printf "%s\\n" "$ADDRESS" "$KEY" "$EXECUTOR_KEY"'
        said = output_of(f"{shown('access')}\nrmdir $CARRIER\n{told}", where)
        address, key, executor_key = said.splitlines()[-3:]
        yield Server(address=address, key=key, executor_key=executor_key)
