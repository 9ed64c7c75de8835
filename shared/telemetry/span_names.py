"""
Every span, its attributes and its events in one table. A name is an interface, as those of the log
are. Where OpenTelemetry has a word for something it is used; what is foliot's own begins with
`foliot.`. Never a payload, a secret or a credential.
"""

from enum import StrEnum
from typing import Self


class SpanName(StrEnum):
    """A span's name, or how it is made, and what it stands for."""

    about: str

    def __new__(cls, value: str, about: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.about = about
        return member

    CALL = "{service}/{method}", "A unary call that the control plane serves. SERVER."
    ATTEMPT = "attempt {task type}", "An attempt of a task, in the executor. CONSUMER."
    OUTCOME = "outcome", "An attempt's outcome, from its arrival to its commit. CONSUMER."
    HTTP = "{HTTP method}", "A request that an HTTP task makes. CLIENT."
    MAIL = "send mail", "A mail that an EMAIL task hands to its server. CLIENT."
    CHAT = "chat {model}", "A call of a model that an AI task makes. CLIENT."
    TOOL = "execute_tool {tool}", "A call of a tool that a model asked for. CLIENT."


class SpanEvent(StrEnum):
    """Something that happens within a span."""

    about: str

    def __new__(cls, value: str, about: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.about = about
        return member

    SUBMITTED = "foliot.submitted", "The call's change waits for a turn of the orchestrator."
    COMMITTED = "foliot.committed", "The turn has committed what was decided."


class SpanAttribute(StrEnum):
    """An attribute of spans and of their events."""

    about: str

    def __new__(cls, value: str, about: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.about = about
        return member

    # OpenTelemetry's own.
    RPC_SYSTEM = "rpc.system", "`grpc`."
    RPC_SERVICE = "rpc.service", "The service's whole name."
    RPC_METHOD = "rpc.method", "The method's name."
    RPC_STATUS = "rpc.grpc.status_code", "The status code's number."
    ERROR = "error.type", "What kind of error it was: a status code, a failure's kind, a class."
    HTTP_METHOD = "http.request.method", "As `POST`."
    HTTP_STATUS = "http.response.status_code", "As 200."
    SERVER_ADDRESS = "server.address", "The host that was asked."
    SERVER_PORT = "server.port", "Its port."
    OPERATION = "gen_ai.operation.name", "`chat` or `execute_tool`."
    PROVIDER = "gen_ai.provider.name", "Of models, by its name in the settings."
    REQUEST_MODEL = "gen_ai.request.model", "The model that was asked."
    MAX_TOKENS = "gen_ai.request.max_tokens", "How much it may say."
    RESPONSE_MODEL = "gen_ai.response.model", "The model that answered, as it says."
    FINISH_REASONS = "gen_ai.response.finish_reasons", "Why it ended, as it says."
    INPUT_TOKENS = "gen_ai.usage.input_tokens", "Tokens that it read."
    OUTPUT_TOKENS = "gen_ai.usage.output_tokens", "Tokens that it wrote."
    TOOL = "gen_ai.tool.name", "The tool's name."

    # foliot's.
    TENANT = "foliot.tenant_id", "Whose it is."
    DEFINITION = "foliot.definition", "The key of the instance's definition."
    INSTANCE = "foliot.instance_id", "The instance."
    TASK = "foliot.task_id", "The task, `<instance_id>:<ordinal>`."
    TASK_NAME = "foliot.task_name", "What the definition calls it."
    FUNCTION = "foliot.function", "The function that a SYSTEM task calls."
    QUEUE = "foliot.queue", "The queue it was in."
    ATTEMPT = "foliot.attempt", "Which try it is, from 1."
    EPOCH = "foliot.epoch", "The number of the hand-out."
    WAITED = "foliot.waited_ms", "Milliseconds from when it was due to the attempt's beginning."
    OUTCOME = "foliot.outcome", "`succeeded`, `failed`, `awaiting` or `cancelled`."
    VERDICT = "foliot.verdict", "What became of an outcome: `applied`, `duplicate`, `lease_lost` …"
    STATUS = "foliot.status", "How the instance stands after it."
    REVISION = "foliot.revision", "The instance's revision after it."
    DISPOSITION = "foliot.disposition", "What was done about an event."
    CORRELATION = "foliot.correlation_id", "The call's name in logs."
