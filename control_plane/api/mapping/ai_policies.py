"""Policies of AI tasks, their switches, calls and counts on the wire."""

from datetime import timedelta

from foliot.v1 import ai_policy_pb2 as pb
from foliot.v1 import json_pb2

from control_plane.api.mapping.times import duration, timestamp
from control_plane.ports.ai_desk import AiCall
from control_plane.ports.ai_policies import AiPolicy, AiSwitch
from control_plane.ports.ai_records import Agreement, AiSpend
from shared.ids import task_id

_STATUS = "AI_MODEL_CALL_STATUS_"


def policy_to(policy: AiPolicy) -> pb.AiPolicy:
    return pb.AiPolicy(
        name=policy.name,
        version=policy.version,
        document=json_pb2.Json(json=policy.document),
        document_sha256=policy.sha256,
        is_active=policy.is_active,
        create_time=timestamp(policy.created_at),
        created_by=policy.created_by,
    )


def switch_to(switch: AiSwitch) -> pb.AiSwitch:
    return pb.AiSwitch(
        tenant_id=switch.tenant_id or "",
        policy_name=switch.policy_name,
        reason=switch.reason,
        switched_by=switch.switched_by,
        switch_time=timestamp(switch.switched_at),
    )


def spend_to(spend: AiSpend) -> pb.AiSpend:
    return pb.AiSpend(
        committed_cost=spend.committed,
        call_count=spend.calls,
        input_tokens=spend.input_tokens,
        output_tokens=spend.output_tokens,
    )


def agreement_to(agreement: Agreement) -> pb.AiAgreement:
    return pb.AiAgreement(
        policy_version=agreement.policy_version,
        is_shadow=agreement.is_shadow,
        decided_count=agreement.decided,
        agreed_count=agreement.agreed,
        abstained_count=agreement.abstained,
        expired_count=agreement.expired,
    )


def call_to(call: AiCall, *, in_full: bool) -> pb.AiModelCall:
    """In full with the texts of what was asked and answered."""
    record = call.record
    told = pb.AiModelCall(
        task_id=task_id(call.key.instance_id, call.key.ordinal),
        call_number=call.call_number,
        provider=call.provider,
        model=call.model,
        request_sha256=call.request_sha256,
        status=pb.AI_MODEL_CALL_STATUS_OPEN,
        reserved_cost=call.reserved,
        reserve_time=timestamp(call.reserved_at),
        record_time=None if record is None else timestamp(record.recorded_at),
        latency_duration=None
        if record is None
        else duration(timedelta(milliseconds=record.latency_ms)),
    )
    if record is None:
        return told
    told.status = pb.AiModelCallStatus.Value(f"{_STATUS}{record.classification.upper()}")
    told.reported_model = record.reported_model
    told.prompt_sha256 = record.prompt_sha256
    told.input_tokens = record.input_tokens or 0
    told.output_tokens = record.output_tokens or 0
    told.cost = record.cost
    if in_full:
        told.redacted_prompt = record.redacted_prompt or ""
        told.output = record.output
        told.tool_requests.json = record.tool_requests
        told.context_manifest.json = record.context_manifest
        told.verdicts.json = record.verdicts
    return told
