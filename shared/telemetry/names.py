"""
Every log event in one table. A name is an interface: dashboards and alerts match on it.

`<subject>.<what happened>`; the fields say to whom. Never a payload, a secret or a
credential.
"""

from enum import StrEnum


class LogEvent(StrEnum):
    SERVER_SERVING = "server.serving"
    """The control plane takes calls. Fields: address, executor_address, version."""

    SERVER_DRAINING = "server.draining"
    """The control plane was told to end and takes no new calls. Fields: address."""

    SERVER_STOPPED = "server.stopped"
    """The control plane has ended. Fields: address."""

    CERTIFICATE_SERVED = "certificate.served"
    """A server's certificate was read, at its start or because it was renewed. Fields: file,
    serial, not_after."""

    CERTIFICATE_REFUSED = "certificate.refused"
    """Renewed files would not do; those from before are used on. Fields: file, error."""

    CREDENTIAL_REFUSED = "credential.refused"
    """A call came with a credential that is not good; some are told, not each of many. Fields:
    correlation_id, peer, credential, why."""

    ISSUER_UNAVAILABLE = "issuer.unavailable"
    """The keys of an issuer of tokens cannot be had; those from before are used on, for an hour.
    Fields: issuer, error."""

    RPC_BUG = "rpc.bug"
    """A bug: a call raised what it should not, and got INTERNAL. Fields: correlation_id."""

    RPC_CONNECTION_LOST = "rpc.connection_lost"
    """A call lost a connection it needed; whether it was carried out is not known. Fields:
    correlation_id."""

    EXECUTOR_READY = "executor.ready"
    """The executor has a session and takes work. Fields: name, session_id, queues, task_types."""

    EXECUTOR_STARTING = "executor.starting"
    """The executor has read its configuration. Fields: name, version."""

    EXECUTOR_DRAINING = "executor.draining"
    """The executor was told to end and takes no more work. Fields: running, grace_s."""

    EXECUTOR_STOPPED = "executor.stopped"
    """The executor has ended. Fields: released, unacknowledged, abandoned."""

    PLUGIN_LOADED = "plugin.loaded"
    """A package of FOLIOT_PLUGINS brought something along. Fields: plugin, brings."""

    AI_PROVIDER_FAILED = "ai.provider_failed"
    """A provider of models gave no answer; another one follows if the policy lists one. Fields:
    task_id, provider, model, problem."""

    SESSION_LOST = "session.lost"
    """The lease ran out; what the session held goes to others. Fields: session_id."""

    SESSION_RETIRED = "session.retired"
    """The session may hold tasks unknown here; another takes over. Fields: session_id."""

    CONTROL_PLANE_CONNECTED = "control_plane.connected"
    """The stream to the control plane is up. Fields: address, server_version, resent."""

    CONTROL_PLANE_UNAVAILABLE = "control_plane.unavailable"
    """The control plane cannot be reached or ended the stream; we try again. `encrypted` is false
    where the other end may want TLS, and true where it may have none. Fields: address, encrypted,
    code, error."""

    CONTROL_PLANE_DRAINING = "control_plane.draining"
    """The control plane is going away; we reconnect. Fields: address, within_s."""

    OUTCOME_REFUSED = "outcome.refused"
    """The control plane did not accept an outcome as it was. Fields: task_id, epoch, error."""

    OUTCOME_LEASE_LOST = "outcome.lease_lost"
    """An outcome came too late: another holder has the task. Fields: task_id, epoch."""

    DATABASE_UNAVAILABLE = "database.unavailable"
    """The database cannot be reached or did not answer; we try again. Fields: error."""

    FEED_RESTARTED = "feed.restarted"
    """The database was restored from another server's dump: positions in feeds are good no more."""

    DOORBELL_UNAVAILABLE = "doorbell.unavailable"
    """Redis cannot be reached; polls find the work meanwhile. Fields: error."""

    AI_OUTCOME_NOT_BELIEVED = "ai.outcome_not_believed"
    """
    An executor said that a model chose what the recorded answer does not come to: look into that
    executor. Fields: tenant_id, instance_id, ordinal, why.
    """

    TURN_FAILED = "turn.failed"
    """A bug: a turn of the orchestrator raised, and its request fails. Fields: request."""

    LOOP_FAILED = "loop.failed"
    """A loop could not do its work; it tries again. Fields: loop, error, retry_in_s."""

    LOOP_CRASHED = "loop.crashed"
    """A bug: a loop raised what it should not; it goes on. Fields: loop, retry_in_s."""

    SCHEDULE_FAILED = "schedule.failed"
    """A schedule's time has come, and no instance could be started for it. Fields: tenant_id,
    schedule_id, error."""

    INBOX_REJECTED = "inbox.rejected"
    """What a caller wrote into the inbox cannot be applied; foliot.rejections tells of it. Fields:
    tenant_id, instance_id, error."""

    RETENTION_REMOVED = "retention.removed"
    """Instances past their retention were removed. Fields: tenant_id, instances."""

    RETENTION_KEPT_BACK = "retention.kept_back"
    """Instances past their retention stay, as they are to be archived, and FOLIOT_ARCHIVE_DIR is
    not set. Fields: tenant_id, instances."""

    RETENTION_BROKEN = "retention.broken"
    """An instance past its retention stays, as its history is not whole. Fields: tenant_id,
    error."""

    DOORBELL_GARBAGE = "doorbell.garbage"
    """A message in a doorbell queue is not ours; it was dropped. Fields: bytes."""
