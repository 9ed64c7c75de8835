"""
What both ends of a gRPC connection of ours must agree on: names, sizes, and how it is kept alive.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

Option: TypeAlias = tuple[str, int]

ERROR_DOMAIN: Final = "foliot"
"""`ErrorInfo.domain` of every error that is ours."""

AUTHORIZATION: Final = "authorization"
"""Metadata: `Bearer fol_<key id>_<secret>`."""

BEARER: Final = "Bearer "

CORRELATION_ID: Final = "x-correlation-id"
"""Metadata: the name of one call in logs. A caller may give it; every answer carries it."""

MAX_CORRELATION_ID: Final = 64

STATUS_DETAILS: Final = "grpc-status-details-bin"
"""Trailing metadata: the serialised google.rpc.Status."""

MAX_REQUEST_BYTES: Final = 1024 * 1024
"""Of one message to the control plane. Whoever batches, batches by bytes too."""

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""Of one message our own clients take: 100 claimed tasks of the largest input, and some."""

MAX_METADATA_BYTES: Final = 16 * 1024

MAX_OUTCOMES: Final = 200
"""Outcomes in one message."""

MAX_RUNNING: Final = 1_000
"""Running attempts in one heartbeat."""

MAX_PROGRESS_BYTES: Final = 16 * 1024
"""Of what an attempt says that it is at."""

MAX_CLAIM: Final = 100
"""Tasks in one claim."""

MAX_STREAMS_PER_CONNECTION: Final = 1_000

KEEPALIVE_TIME_S: Final = 20.0
"""A silent connection is tried this often, so that a dead peer is noticed."""

KEEPALIVE_TIMEOUT_S: Final = 10.0
"""How long a peer may take to answer that; then the connection is ended."""

MIN_PING_INTERVAL_S: Final = 10.0
"""A client that pings more often is disconnected."""


HANDSHAKE_WITHIN_S: Final = 10.0
"""From the first byte of a connection to the end of its handshakes, TLS' and HTTP/2's."""

MAX_CONNECTIONS: Final = 5_000
"""To one address of a server at once; the next is closed unheard."""

MAX_RPCS: Final = 20_000
"""Calls on a server whose first bytes have come, whatever becomes of them: a bound on memory. How
many are let in is said in control_plane/api/admission.py, and is less."""


def endpoints_of(target: str) -> Sequence[str]:
    """
    Where a gRPC target leads, as `host:port`: of `dns:///host:port` and `dns://server/host:port`
    the host, of `ipv4:` and `ipv6:` each address, of a socket nothing. Whatever else is one itself.
    """
    scheme, _, rest = target.partition(":")
    match scheme:
        case "unix" | "unix-abstract":
            return ()
        case "dns":
            return (rest.rpartition("/")[2],)
        case "ipv4" | "ipv6":
            return rest.lstrip("/").split(",")
        case _:
            return (target,)


def channel_options() -> Sequence[Option]:
    """For a client of ours."""
    return (
        ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
        ("grpc.max_send_message_length", MAX_REQUEST_BYTES),
        ("grpc.keepalive_time_ms", _ms(KEEPALIVE_TIME_S)),
        ("grpc.keepalive_timeout_ms", _ms(KEEPALIVE_TIMEOUT_S)),
        ("grpc.http2.ping_timeout_ms", _ms(KEEPALIVE_TIMEOUT_S)),
        # A stream that waits for work is silent and alive: pings without data are no abuse.
        ("grpc.http2.max_pings_without_data", 0),
    )


def server_options(*, max_connection_age_s: float, grace_s: float) -> Sequence[Option]:
    """
    For the control plane. `max_connection_age_s` moves clients to other replicas in time;
    gRPC adds ±10 % to it, so that they do not all come at once.
    """
    return (
        # With it, a second server on a port in use would start, and take half of the calls.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.max_concurrent_streams", MAX_STREAMS_PER_CONNECTION),
        ("grpc.keepalive_time_ms", _ms(KEEPALIVE_TIME_S)),
        ("grpc.keepalive_timeout_ms", _ms(KEEPALIVE_TIMEOUT_S)),
        # The one above ends what TCP has lost; a peer that hangs has a minute without this.
        ("grpc.http2.ping_timeout_ms", _ms(KEEPALIVE_TIMEOUT_S)),
        ("grpc.server_handshake_timeout_ms", _ms(HANDSHAKE_WITHIN_S)),
        ("grpc.max_allowed_incoming_connections", MAX_CONNECTIONS),
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(MIN_PING_INTERVAL_S)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.max_connection_age_ms", _ms(max_connection_age_s)),
        ("grpc.max_connection_age_grace_ms", _ms(grace_s)),
    )


def _ms(seconds: float) -> int:
    return int(seconds * 1_000)
