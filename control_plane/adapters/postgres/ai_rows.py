"""Rows of AI tasks as the ports' records."""

from control_plane.adapters.postgres.rows import Row
from control_plane.ports.ai_desk import AiCall, AiRecord, AiToolCall
from control_plane.ports.ai_policies import AiPolicy
from control_plane.ports.instance_store import TaskKey


def policy_of(row: Row, name: str | None = None) -> AiPolicy:
    """Of a tenant's, its row says the name."""
    return AiPolicy(
        name=row["name"] if name is None else name,
        version=row["version"],
        document=row["document"],
        sha256=row["sha256"],
        is_active=row["is_active"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )


def call_of(row: Row) -> AiCall:
    return AiCall(
        key=TaskKey(row["tenant_id"], row["instance_id"], row["ordinal"]),
        call_number=row["call_number"],
        request_sha256=row["request_sha256"],
        provider=row["provider"],
        model=row["model"],
        epoch=row["epoch"],
        reserved=row["reserved"],
        reserved_last=row["reserved_last"],
        reserved_at=row["reserved_at"],
        record=None if row["recorded_at"] is None else _record_of(row),
    )


def tool_call_of(row: Row) -> AiToolCall:
    return AiToolCall(
        tool_call_number=row["tool_call_number"],
        call_number=row["call_number"],
        server=row["server"],
        name=row["name"],
        arguments_sha256=row["arguments_sha256"],
        result=row["result"],
        is_error=row["is_error"],
    )


def _record_of(row: Row) -> AiRecord:
    return AiRecord(
        classification=row["classification"],
        output=row["output"],
        tool_requests=row["tool_requests"],
        reported_model=row["reported_model"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost=row["cost"],
        latency_ms=row["latency_ms"],
        prompt_sha256=row["prompt_sha256"],
        redacted_prompt=row["redacted_prompt"],
        context_manifest=row["context_manifest"],
        verdicts=row["verdicts"],
        keep_until=row["keep_until"],
        recorded_at=row["recorded_at"],
    )
