"""
A caller as docs/deploying.md has it: retries are gRPC's own, from deploy/grpc-service-config.json.

A call that fails in spite of them is written down as failed, and sent again all the same, so
that what it would have changed can be told in the end.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from shared.rpc import channel_options
from tests.campaigns.topology.balancer import HOST, ROOT
from tests.campaigns.topology.seen import Call, Seen

SERVICE_CONFIG = ROOT / "deploy" / "grpc-service-config.json"
ANSWER_WITHIN_S = 15.0
AGAIN_AFTER_S = 0.5
MAX_SENT = 20
"""How often a call that fails is sent, for what follows to be told at all."""

PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
    }
)

Send = Callable[[dict[str, Any]], Awaitable[Any]]


@dataclass(slots=True)
class Caller:
    """Everybody's calls go through `call`. `phase` is what goes on meanwhile."""

    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...]
    seen: Seen
    phase: str = "steady"

    async def call(self, method: str, send: Send) -> Any:
        """The answer. Raises what will not pass, such as NOT_FOUND."""
        for attempt in range(MAX_SENT):
            began = time.monotonic()
            try:
                answer = await send({"metadata": self.metadata, "timeout": ANSWER_WITHIN_S})
            except grpc.aio.AioRpcError as error:
                if error.code() not in PASSING:
                    raise
                failed = f"{error.code().name}: {error.details()}"
                self._note(method, began, failed)
                if attempt == MAX_SENT - 1:
                    raise
                await asyncio.sleep(AGAIN_AFTER_S)
            else:
                self._note(method, began, "")
                return answer
        raise AssertionError("unreachable")

    def _note(self, method: str, began: float, failed: str) -> None:
        # By when it ended: what fails does so for what is being done to its server at that moment.
        self.seen.calls.append(
            Call(
                method=method,
                phase=self.phase,
                took_s=time.monotonic() - began,
                failed=failed,
            )
        )


def connect(address: str, authority: Path, *, retries: bool) -> grpc.aio.Channel:
    """A channel by TLS, with the retries of the service config or without any."""
    options: list[tuple[str, Any]] = [*channel_options(), ("grpc.enable_http_proxy", 0)]
    options.append(("grpc.ssl_target_name_override", HOST))
    if retries:
        options.append(("grpc.service_config", SERVICE_CONFIG.read_text("utf-8")))
    else:
        options.append(("grpc.enable_retries", 0))
    credentials = grpc.ssl_channel_credentials(authority.read_bytes())
    return grpc.aio.secure_channel(address, credentials, options=options)
