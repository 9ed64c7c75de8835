"""
Every log event in one table, with its fields. A name is an interface: dashboards and alerts match
on it.

`<subject>.<what happened>`; the fields say to whom, beside those of the call or attempt that it
happened in (log_fields.py). Never a payload, a secret or a credential.
"""

from enum import StrEnum
from typing import Self

from shared.telemetry.log_fields import LogField as F


class LogEvent(StrEnum):
    """An event's name, what it means, and its own fields."""

    about: str
    fields: tuple[F, ...]

    def __new__(cls, value: str, about: str, fields: tuple[F, ...] = ()) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.about = about
        member.fields = fields
        return member

    SERVER_SERVING = (
        "server.serving",
        "The control plane takes calls.",
        (F.ADDRESS, F.EXECUTOR_ADDRESS, F.VERSION),
    )

    SERVER_DRAINING = (
        "server.draining",
        "The control plane was told to end and takes no new calls.",
        (F.ADDRESS,),
    )

    SERVER_STOPPED = ("server.stopped", "The control plane has ended.", (F.ADDRESS,))

    CERTIFICATE_SERVED = (
        "certificate.served",
        "A server's certificate was read, at its start or because it was renewed.",
        (F.FILE, F.SERIAL, F.NOT_AFTER),
    )

    CERTIFICATE_REFUSED = (
        "certificate.refused",
        "Renewed files would not do; those from before are used on.",
        (F.FILE, F.ERROR),
    )

    CREDENTIAL_REFUSED = (
        "credential.refused",
        "A call came with a credential that is not good; some are told, not each of many.",
        (F.CORRELATION_ID, F.PEER, F.CREDENTIAL, F.WHY),
    )

    ISSUER_UNAVAILABLE = (
        "issuer.unavailable",
        (
            "The keys of an issuer of tokens cannot be had; those from before are used on, for an "
            "hour."
        ),
        (F.ISSUER, F.ERROR),
    )

    RPC_BUG = (
        "rpc.bug",
        "A bug: a call raised what it should not, and got INTERNAL.",
        (F.CORRELATION_ID,),
    )

    RPC_CONNECTION_LOST = (
        "rpc.connection_lost",
        "A call lost a connection it needed; whether it was carried out is not known.",
        (F.CORRELATION_ID,),
    )

    EXECUTOR_READY = (
        "executor.ready",
        "The executor has a session and takes work.",
        (F.NAME, F.SESSION_ID, F.QUEUES, F.TASK_TYPES),
    )

    EXECUTOR_STARTING = (
        "executor.starting",
        "The executor has read its configuration.",
        (F.NAME, F.VERSION),
    )

    EXECUTOR_DRAINING = (
        "executor.draining",
        "The executor was told to end and takes no more work.",
        (F.RUNNING, F.GRACE_S),
    )

    EXECUTOR_STOPPED = (
        "executor.stopped",
        "The executor has ended.",
        (F.RELEASED, F.UNACKNOWLEDGED, F.ABANDONED),
    )

    PLUGIN_LOADED = (
        "plugin.loaded",
        "A package of FOLIOT_PLUGINS brought something along.",
        (F.PLUGIN, F.BRINGS),
    )

    AI_PROVIDER_FAILED = (
        "ai.provider_failed",
        "A provider of models gave no answer; another one follows if the policy lists one.",
        (F.TASK_ID, F.PROVIDER, F.MODEL, F.PROBLEM),
    )

    SESSION_LOST = (
        "session.lost",
        "The lease ran out; what the session held goes to others.",
        (F.SESSION_ID,),
    )

    SESSION_RETIRED = (
        "session.retired",
        "The session may hold tasks unknown here; another takes over.",
        (F.SESSION_ID,),
    )

    CONTROL_PLANE_CONNECTED = (
        "control_plane.connected",
        "The stream to the control plane is up.",
        (F.ADDRESS, F.SERVER_VERSION, F.RESENT),
    )

    CONTROL_PLANE_UNAVAILABLE = (
        "control_plane.unavailable",
        (
            "The control plane cannot be reached or ended the stream; we try again. `encrypted` "
            "is false where the other end may want TLS, and true where it may have none."
        ),
        (F.ADDRESS, F.ENCRYPTED, F.CODE, F.ERROR),
    )

    CONTROL_PLANE_DRAINING = (
        "control_plane.draining",
        "The control plane is going away; we reconnect.",
        (F.ADDRESS, F.WITHIN_S),
    )

    OUTCOME_REFUSED = (
        "outcome.refused",
        "The control plane did not accept an outcome as it was.",
        (F.TASK_ID, F.EPOCH, F.ERROR),
    )

    OUTCOME_LEASE_LOST = (
        "outcome.lease_lost",
        "An outcome came too late: another holder has the task.",
        (F.TASK_ID, F.EPOCH),
    )

    DATABASE_UNAVAILABLE = (
        "database.unavailable",
        "The database cannot be reached or did not answer; we try again.",
        (F.ERROR,),
    )

    DATABASE_REPLACED = (
        "database.replaced",
        (
            "Another server has the data: it was restored, or a standby was promoted. A plane that "
            "met the one before ends; one that starts voids the sessions of executors."
        ),
    )

    CLOCK_SKEWED = (
        "clock.skewed",
        "This machine's clock is not the database's: credentials expire early or late here.",
        (F.SKEW_S,),
    )

    SCHEMA_NEWER = (
        "schema.newer",
        "The schema is newer than this release, which may run on it.",
        (F.FOUND, F.KNOWN),
    )

    FEED_RESTARTED = (
        "feed.restarted",
        (
            "The database was restored from another server's dump: positions in feeds are good no "
            "more."
        ),
    )

    DOORBELL_UNAVAILABLE = (
        "doorbell.unavailable",
        "Redis cannot be reached; polls find the work meanwhile.",
        (F.ERROR,),
    )

    AI_OUTCOME_NOT_BELIEVED = (
        "ai.outcome_not_believed",
        (
            "An executor said that a model chose what the recorded answer does not come to: look "
            "into that executor."
        ),
        (F.TENANT_ID, F.INSTANCE_ID, F.ORDINAL, F.WHY),
    )

    TURN_FAILED = (
        "turn.failed",
        "A bug: a turn of the orchestrator raised, and its request fails.",
        (F.REQUEST, F.TENANT_ID, F.INSTANCE_ID),
    )

    LOOP_FAILED = (
        "loop.failed",
        "A loop could not do its work; it tries again.",
        (F.LOOP, F.ERROR, F.RETRY_IN_S),
    )

    LOOP_CRASHED = (
        "loop.crashed",
        "A bug: a loop raised what it should not; it goes on.",
        (F.LOOP, F.RETRY_IN_S),
    )

    SCHEDULE_FAILED = (
        "schedule.failed",
        "A schedule's time has come, and no instance could be started for it.",
        (F.TENANT_ID, F.SCHEDULE_ID, F.ERROR),
    )

    INBOX_REJECTED = (
        "inbox.rejected",
        "What a caller wrote into the inbox cannot be applied; foliot.rejections tells of it.",
        (F.TENANT_ID, F.INSTANCE_ID, F.ERROR),
    )

    RETENTION_REMOVED = (
        "retention.removed",
        "Instances past their retention were removed.",
        (F.TENANT_ID, F.INSTANCES),
    )

    RETENTION_KEPT_BACK = (
        "retention.kept_back",
        (
            "Instances past their retention stay, as they are to be archived, and "
            "FOLIOT_ARCHIVE_DIR is not set."
        ),
        (F.TENANT_ID, F.INSTANCES),
    )

    RETENTION_BROKEN = (
        "retention.broken",
        "An instance past its retention stays, as its history is not whole.",
        (F.TENANT_ID, F.ERROR),
    )

    DOORBELL_GARBAGE = (
        "doorbell.garbage",
        "A message in a doorbell queue is not ours; it was dropped.",
        (F.BYTES,),
    )
