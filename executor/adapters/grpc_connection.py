"""How an executor connects to a control plane, and how it introduces itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from foliot.executor.v1 import executor_service_pb2 as pb

from executor.adapters.grpc_messages import task_type_message
from shared.ids import SessionId
from shared.tasks import TaskType

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""An Assign holds up to 200 inputs of 256 KiB."""

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
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
    functions: Sequence[str]

    def hello(self, session_id: SessionId) -> pb.Hello:
        """The first message of a stream. Credits come after the welcome."""
        return pb.Hello(
            executor_name=self.name,
            queues=self.queues,
            task_types=[task_type_message(type_) for type_ in self.types],
            functions=self.functions,
            session_id=str(session_id),
        )
