"""
Every field that a log line may have, in one table: what is called one thing is called so in every
line. A name is an interface, as those of events are. Which events have which is in names.py.
"""

from enum import StrEnum
from typing import Self


class LogField(StrEnum):
    """A field's name, and what it holds."""

    about: str

    def __new__(cls, value: str, about: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.about = about
        return member

    # Of every line.
    TIMESTAMP = "timestamp", "When, in UTC, as ISO 8601."
    LEVEL = "level", "`debug`, `info`, `warning`, `error` or `critical`."
    LOGGER = "logger", "The module that tells it."
    EVENT = "event", "What happened: one of the table below; of other libraries their own words."
    EXCEPTION = "exception", "Where it was raised, of a bug: frames without their variables."

    # Of whatever a call or an attempt leads to.
    TENANT_ID = "tenant_id", "Whose it is."
    DEFINITION = "definition", "The key of the instance's definition."
    INSTANCE_ID = "instance_id", "The instance."
    TASK_ID = "task_id", "The task, `<instance_id>:<ordinal>`."
    ATTEMPT = "attempt", "Which try of the task it is, from 1."
    TRACE_ID = "trace_id", "The W3C trace, 32 hexadecimal digits."
    CORRELATION_ID = "correlation_id", "The call: what its answer has as `x-correlation-id`."
    REQUEST_ID = "request_id", "The `request_id` that the call's message has."

    # Of some events.
    ABANDONED = "abandoned", "Attempts that went on although they were told to stop."
    ADDRESS = "address", "Where something is served or reached, `host:port` or `unix:/path`."
    BRINGS = "brings", "Kinds of what a package brought along."
    BYTES = "bytes", "How many."
    CODE = "code", "A gRPC status code by its name."
    CREDENTIAL = "credential", "The name of a key or certificate; never its secret."
    ENCRYPTED = "encrypted", "Whether a connection is by TLS."
    EPOCH = "epoch", "The number of a task's hand-out."
    ERROR = "error", "What went wrong, in words."
    EXECUTOR_ADDRESS = (
        "executor_address",
        "Where executors are served, if not where the others are.",
    )
    FILE = "file", "A path."
    FOUND = "found", "What is there."
    GRACE_S = "grace_s", "Seconds that attempts are given to finish."
    INSTANCES = "instances", "How many instances."
    ISSUER = "issuer", "Of tokens, as configured."
    KNOWN = "known", "What this release knows."
    LOOP = "loop", "A loop's name."
    MODEL = "model", "A model's name."
    NAME = "name", "By which people know an executor."
    NOT_AFTER = "not_after", "Until when a certificate is good, as ISO 8601."
    ORDINAL = "ordinal", "A task's number within its instance."
    PEER = "peer", "The other end's address."
    PLUGIN = "plugin", "A package's name."
    PROBLEM = "problem", "What a provider did instead of answering, one word of a few."
    PROVIDER = "provider", "Of models, by its name in the settings."
    QUEUES = "queues", "Names of queues."
    RELEASED = "released", "Tasks that were handed back unbegun."
    REQUEST = "request", "The kind of an orchestrator's request."
    RESENT = "resent", "Outcomes that were sent once more."
    RETRY_IN_S = "retry_in_s", "Seconds until the next try."
    RUNNING = "running", "Attempts under way."
    SCHEDULE_ID = "schedule_id", "The schedule."
    SERIAL = "serial", "A certificate's serial number."
    SERVER_VERSION = "server_version", "The control plane's version."
    SESSION_ID = "session_id", "An executor's session."
    SKEW_S = "skew_s", "Seconds by which the database's clock is ahead of this machine's."
    TASK_TYPES = "task_types", "Types of tasks that an executor takes."
    UNACKNOWLEDGED = "unacknowledged", "Outcomes of which nobody said that they had arrived."
    VERSION = "version", "Of the software."
    WHY = "why", "The reason, in words."
    WITHIN_S = "within_s", "Seconds that are left for it."


OF_EVERY_LINE = (
    LogField.TIMESTAMP,
    LogField.LEVEL,
    LogField.LOGGER,
    LogField.EVENT,
    LogField.EXCEPTION,
)

OF_THE_WORK = (
    LogField.TENANT_ID,
    LogField.DEFINITION,
    LogField.INSTANCE_ID,
    LogField.TASK_ID,
    LogField.ATTEMPT,
    LogField.TRACE_ID,
    LogField.CORRELATION_ID,
    LogField.REQUEST_ID,
)
"""As far as they are known, of lines that are written for a call or during an attempt."""
