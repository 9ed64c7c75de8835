"""
Where the server listens, and what encrypts it: certificates that are read again when they
were renewed.

There are up to two addresses. On the first anybody may call who has a key or a token; on the
second only whoever shows a certificate of the executors' authority. gRPC either demands
one or doesn't ask, so one address cannot do both.
"""

from collections.abc import Callable
from dataclasses import dataclass

import grpc

from shared.certificates import Pair, read_authorities, read_pair
from shared.clock import Clock, SystemClock
from shared.errors import FoliotError, InvalidRequest, Unavailable
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent
from shared.tls import is_local, stamp_of

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Addresses and files as the settings say; empty is not set."""

    address: str
    executor_address: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    allow_plaintext: bool = False

    def check(self) -> None:
        """Raises InvalidRequest for what does not go together, or would serve in the open."""
        if bool(self.cert_file) != bool(self.key_file):
            raise InvalidRequest(
                "FOLIOT_TLS_CERT_FILE and FOLIOT_TLS_KEY_FILE go together; set both or none",
                field="tls_cert_file",
            )
        if bool(self.executor_address) != bool(self.client_ca_file):
            raise InvalidRequest(
                "FOLIOT_EXECUTOR_LISTEN and FOLIOT_TLS_CLIENT_CA_FILE go together: where executors"
                " with certificates connect, and who signs those; set both or none",
                field="executor_listen",
            )
        if self.executor_address.startswith("unix:"):
            raise InvalidRequest(
                "FOLIOT_EXECUTOR_LISTEN is a unix socket, on which nobody shows a certificate; give"
                " it host:port, and let executors of this machine use FOLIOT_LISTEN",
                field="executor_listen",
            )
        if self.executor_address and not self.cert_file:
            raise InvalidRequest(
                "FOLIOT_EXECUTOR_LISTEN needs TLS; set FOLIOT_TLS_CERT_FILE and"
                " FOLIOT_TLS_KEY_FILE",
                field="executor_listen",
            )
        if not (self.cert_file or is_local(self.address) or self.allow_plaintext):
            raise InvalidRequest(
                f"{self.address!r} is reached from other machines, and nothing would be encrypted;"
                " set FOLIOT_TLS_CERT_FILE and FOLIOT_TLS_KEY_FILE, listen on 127.0.0.1, or set"
                " FOLIOT_ALLOW_PLAINTEXT=true if a proxy in front of it encrypts",
                field="listen",
            )


def open_ports(
    server: grpc.aio.Server, listening: Listening, clock: Clock | None = None
) -> tuple[str, str]:
    """
    Take the addresses; returns them with the ports that were chosen for port 0, the second
    empty if there is none. Raises Unavailable if somebody else has one, InvalidRequest for
    files that would not do.
    """
    listening.check()
    files = (listening.cert_file, listening.key_file)
    now = clock or SystemClock()
    if listening.cert_file and not listening.address.startswith("unix:"):
        served = Served(*files, "", now)
        port = _taken(
            listening.address,
            "FOLIOT_LISTEN",
            lambda: server.add_secure_port(listening.address, served.credentials()),
        )
    else:
        port = _taken(
            listening.address, "FOLIOT_LISTEN", lambda: server.add_insecure_port(listening.address)
        )
    if not listening.executor_address:
        return _with_port(listening.address, port), ""
    verifying = Served(*files, listening.client_ca_file, now)
    executor_port = _taken(
        listening.executor_address,
        "FOLIOT_EXECUTOR_LISTEN",
        lambda: server.add_secure_port(listening.executor_address, verifying.credentials()),
    )
    return _with_port(listening.address, port), _with_port(
        listening.executor_address, executor_port
    )


class Served:
    """
    What a port shows, and whom it believes: read at the start, and again at the first
    connection after the files have changed. What would not do then is logged once, and
    what was read before goes on: a renewal that is half done harms nobody.
    """

    def __init__(self, cert_file: str, key_file: str, client_ca_file: str, clock: Clock) -> None:
        """Raises InvalidRequest for files that would not do."""
        self._cert_file = cert_file
        self._key_file = key_file
        self._client_ca_file = client_ca_file
        self._clock = clock
        self._stamp = self._stamped()
        self._now = self._read()

    def credentials(self) -> grpc.ServerCredentials:
        return grpc.dynamic_ssl_server_credentials(
            self._now,
            self.renewed,  # type: ignore[arg-type]  # its None is meant, and left out of the stub
            bool(self._client_ca_file),
        )

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """What to show from now on, None for the same as before. Called for each connection, by
        a thread of gRPC's.
        """
        stamp = self._stamped()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            self._now = self._read()
        except FoliotError as error:
            _log.error(LogEvent.CERTIFICATE_REFUSED, file=self._cert_file, error=error.message)
            return None
        return self._now

    def _read(self) -> grpc.ServerCertificateConfiguration:
        pair = read_pair(self._cert_file, self._key_file, self._clock.now())
        authorities = read_authorities(self._client_ca_file) if self._client_ca_file else None
        self._tell(pair)
        return grpc.ssl_server_certificate_configuration(
            [(pair.key, pair.chain)], root_certificates=authorities
        )

    def _tell(self, pair: Pair) -> None:
        _log.info(
            LogEvent.CERTIFICATE_SERVED,
            file=self._cert_file,
            serial=pair.serial,
            not_after=pair.not_after.isoformat(),
        )

    def _stamped(self) -> object:
        return stamp_of(self._cert_file, self._key_file, self._client_ca_file)


def _taken(address: str, setting: str, take: Callable[[], int]) -> int:
    try:
        return take()
    except RuntimeError as error:
        raise Unavailable(
            f"cannot listen on {address!r}: is another server running there? Set {setting} to a"
            " free address of this machine",
            reason="ADDRESS_IN_USE",
        ) from error


def _with_port(address: str, port: int) -> str:
    return address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"
