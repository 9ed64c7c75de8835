"""Positions in the feed, taken before a disaster and tried after it."""

import grpc
from foliot.v1 import event_service_pb2, event_service_pb2_grpc

from tests.campaigns.upgrades.clients import Client
from tests.campaigns.upgrades.deployment import Failed


async def position(client: Client) -> str:
    """Where the tenant's feed is now."""

    async def first(channel: grpc.aio.Channel) -> str:
        stub = event_service_pb2_grpc.EventServiceStub(channel)
        ask = event_service_pb2.WatchEventsRequest()
        call = stub.WatchEvents(ask, metadata=client.metadata, timeout=20)
        async for message in call:
            call.cancel()
            return str(message.position)
        raise Failed("a watch ended without a word")

    return await client.until_answered(first)


async def is_good(client: Client, after: str) -> bool:
    """Whether a watcher may go on from there; refused is told by OUT_OF_RANGE and nothing else."""

    async def first(channel: grpc.aio.Channel) -> bool:
        stub = event_service_pb2_grpc.EventServiceStub(channel)
        ask = event_service_pb2.WatchEventsRequest(after=after)
        call = stub.WatchEvents(ask, metadata=client.metadata, timeout=20)
        try:
            await call.read()
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.OUT_OF_RANGE:
                return False
            raise
        finally:
            call.cancel()
        return True

    return await client.until_answered(first)
