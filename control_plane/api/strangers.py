"""
Calls by whom nobody knows yet: the credential is looked at before a message is waited for.

gRPC reads the message of a call before it calls a handler, for as long as that takes to come. So
whoever has no good credential could hold every place for calls that a server has, by calls
without a message. A handler that streams is called at once; of these calls each becomes one, says
who it is, and then has some seconds to say what it wants. Credentials that were found good here of
late take the shorter way: their holders are known, and what they hold is theirs to answer for.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeAlias

import grpc

from control_plane.api.admission import RETRY_IN
from shared.errors import Overloaded

MESSAGE_WITHIN_S: Final = 10.0
"""From the first bytes of a call to the end of its message; a slow line takes 1 MiB in that."""

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Identify: TypeAlias = Callable[[Context], Awaitable[None]]
"""Ends the call of whom it does not know."""

Refuse: TypeAlias = Callable[[Context, Exception], Awaitable[None]]
"""Ends a call with an error's status."""


def for_strangers(handler: Handler, identify: Identify, refuse: Refuse) -> Handler:
    """The same handler, which asks who calls before it waits for a message."""
    # Their types are those of the blocking API.
    both_ways: Any = handler.stream_stream
    one_way: Any = handler.unary_stream
    unary: Any = handler.unary_unary

    async def call(incoming: AsyncIterator[bytes], context: Context) -> None:
        await identify(context)
        if both_ways is not None:
            await both_ways(incoming, context)
            return
        try:
            async with asyncio.timeout(MESSAGE_WITHIN_S):
                message = await anext(incoming, None)
        except TimeoutError:
            await refuse(context, _silent())
            return
        if message is None:
            return  # Gone without a word.
        if one_way is not None:
            await one_way(message, context)
        else:
            await context.write(await unary(message, context))

    return grpc.stream_stream_rpc_method_handler(call)


def _silent() -> Exception:
    return Overloaded(
        f"the message of this call did not come within {MESSAGE_WITHIN_S:g} s; send it again",
        retry_in=RETRY_IN,
    )
