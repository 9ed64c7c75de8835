"""How an executor connects to a control plane, and how it introduces itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from foliot.executor.v1 import executor_service_pb2 as pb

from executor.adapters.grpc_messages import task_type_message
from shared.clock import Clock, SystemClock
from shared.ids import SessionId
from shared.rpc import KEEPALIVE_TIME_S, KEEPALIVE_TIMEOUT_S
from shared.tasks import TaskType
from shared.tls import ClientTls

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""An Assign holds up to 200 inputs of 256 KiB."""

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", int(KEEPALIVE_TIME_S * 1_000)),
    ("grpc.keepalive_timeout_ms", int(KEEPALIVE_TIMEOUT_S * 1_000)),
    ("grpc.http2.ping_timeout_ms", int(KEEPALIVE_TIMEOUT_S * 1_000)),
    # The channel's own back-off would otherwise grow to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What a control plane is told of this executor, on every stream."""

    name: str
    queues: Sequence[str]
    types: Sequence[TaskType]

    def hello(self, session_id: SessionId) -> pb.Hello:
        """The first message of a stream. Credits come after the welcome."""
        return pb.Hello(
            executor_name=self.name,
            queues=self.queues,
            task_types=[task_type_message(type_) for type_ in self.types],
            session_id=str(session_id),
        )


class Connector:
    """
    Makes channels to one control plane, encrypted as the settings say.

    Files are read for each channel. `is_outdated` tells when they have changed since, so that
    a certificate is renewed without a restart: by a new channel, once the stream has ended.
    """

    def __init__(self, address: str, tls: ClientTls, clock: Clock | None = None) -> None:
        """Raises InvalidRequest for files that would not do."""
        self.address = address
        self._tls = tls
        self._clock = clock or SystemClock()
        self.is_encrypted = tls.secures(address)
        if self.is_encrypted:
            tls.read(self._clock.now())
        self._stamp = tls.stamp()

    @property
    def is_outdated(self) -> bool:
        return self.is_encrypted and self._tls.stamp() != self._stamp

    def channel(self) -> grpc.aio.Channel:
        """A channel that knows the files as they are now. Raises InvalidRequest as at first."""
        if not self.is_encrypted:
            return grpc.aio.insecure_channel(self.address, options=CHANNEL_OPTIONS)
        self._stamp = self._tls.stamp()
        files = self._tls.read(self._clock.now())
        credentials = grpc.ssl_channel_credentials(
            files.authorities,
            None if files.pair is None else files.pair.key,
            None if files.pair is None else files.pair.chain,
        )
        name = self._tls.server_name
        options = [("grpc.ssl_target_name_override", name)] if name else []
        return grpc.aio.secure_channel(
            self.address, credentials, options=[*CHANNEL_OPTIONS, *options]
        )
