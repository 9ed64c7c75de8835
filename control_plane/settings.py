"""What only the control plane is configured by, beside shared/settings.py."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from control_plane.ports.quotas import QuotaKind
from control_plane.use_cases.quotas import DEFAULTS, MAX_LIMIT


class ControlPlaneSettings(BaseSettings):
    """Every variable with its default, read from `FOLIOT_…` as well."""

    model_config = SettingsConfigDict(env_prefix="FOLIOT_", frozen=True)

    pepper: SecretStr = SecretStr("")
    """Mixed into the hash of every API key, and not in the database: whoever can only write
    there cannot make a key. Changing it makes every key useless."""

    pool_size: int = Field(default=10, ge=2, le=200)
    """Connections to PostgreSQL for look-ups; turns have a few of their own."""

    startup_wait_s: float = Field(default=30.0, ge=0, le=600)
    """How long to wait at the start for a database that answers and has this release's schema:
    a migration may be under way, or the database still coming up."""

    max_connection_age_s: float = Field(default=300.0, ge=10, le=86_400)
    """After so long a client's connection is ended, so that it may land on another replica."""

    drain_delay_s: float = Field(default=0.0, ge=0, le=300)
    """For how long one that was told to end says so to probes and still takes calls. Behind a load
    balancer, longer than that takes to notice: docs/deploying.md."""

    audit_days: float = Field(default=400.0, ge=1, le=36_500)
    """For how long audit entries are kept: who changed what, and when."""

    answer_days: float = Field(default=7.0, ge=1, le=3_650)
    """For how long what a request was answered is kept under its request id: a repeat gets it
    again. After that it is a new request."""

    archive_dir: str = ""
    """Where instances are archived before they are removed, one folder a tenant. Not set, those
    stay that are to be archived, however old they are."""

    feed_days: float = Field(default=7.0, ge=0.04, le=3_650)
    """For how long a position in a tenant's feed can be resumed from. Histories are kept
    whatever it says; this is only the order in which they came about."""

    tls_cert_file: str = ""
    """The server's certificate and its chain, as PEM. With it every connection is encrypted, but
    those to a unix socket. Read again when it changes, with its key, without a restart."""

    tls_key_file: str = ""
    """The key of that certificate, as PEM without a passphrase."""

    tls_client_ca_file: str = ""
    """Who signs the certificates of executors, as PEM: what connects to FOLIOT_EXECUTOR_LISTEN has
    to show one. Read again when it changes."""

    tls_executors: list[str] = []
    """The certificates that are an executor's, by name, as a JSON list: `uri:spiffe://here/e/*`,
    `dns:*`, `cn:executor-1`. A `*` at the end stands for anything."""

    executor_listen: str = ""
    """A second address to serve on, for executors with certificates; port 0 picks one."""

    quota_open_instances: int = Field(
        default=DEFAULTS[QuotaKind.OPEN_INSTANCES], ge=0, le=MAX_LIMIT
    )
    """How many instances a tenant may have open, if nothing else was set for it: docs/quotas.md."""

    quota_open_tasks: int = Field(default=DEFAULTS[QuotaKind.OPEN_TASKS], ge=0, le=MAX_LIMIT)
    """As that, how many tasks it may have open when it starts an instance."""

    quota_definitions: int = Field(default=DEFAULTS[QuotaKind.DEFINITIONS], ge=0, le=MAX_LIMIT)
    """As that, how many versions of definitions it may have."""

    quota_streams: int = Field(default=DEFAULTS[QuotaKind.STREAMS], ge=0, le=MAX_LIMIT)
    """As that, how many streams it may have open on each server."""

    quota_calls_per_second: int = Field(
        default=DEFAULTS[QuotaKind.CALLS_PER_SECOND], ge=0, le=MAX_LIMIT
    )
    """As that, how many calls it may make in a second on each server, by their weight."""

    jwt_issuers_file: str = ""
    """Whose tokens are let in, as JSON (docs/security.md). Not set, nobody's."""
