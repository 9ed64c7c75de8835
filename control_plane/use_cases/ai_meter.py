"""What calls of models used and cost, and what the gates came to, for the metrics."""

from collections.abc import Iterable

from control_plane.ports.ai_desk import AiCall, AiRecord
from control_plane.use_cases.reserve_budget import WhyNot
from shared.guardrails.gates import Classification, Verdict
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import MAX_MODELS, OTHER, TENANTS, Capped, Counts, histogram

MILLIONTHS = 1_000_000
"""Costs are kept in millionths of a unit of money."""

_KNOWN = frozenset(one.value for one in Classification)

_model = Capped(MAX_MODELS)
_calls = Counts(Metric.AI_CALLS)
_tokens = Counts(Metric.AI_TOKENS)
_cost = Counts(Metric.AI_COST)
_refusals = Counts(Metric.AI_REFUSALS)
_verdicts = Counts(Metric.AI_VERDICTS)


def count_call(tenant_id: str, call: AiCall, record: AiRecord) -> None:
    """A call that was recorded for the first time."""
    model = _model(f"{call.provider}/{call.model}")
    _calls.add(model, record.classification if record.classification in _KNOWN else OTHER)
    histogram(Metric.AI_SECONDS).labels(model).observe(record.latency_ms / 1_000)
    _tokens.add(model, "input", count=record.input_tokens or 0)
    _tokens.add(model, "output", count=record.output_tokens or 0)
    _cost.add(model, TENANTS(tenant_id), count=record.cost / MILLIONTHS)


def count_refusal(why: WhyNot) -> None:
    """A call that there was no budget for, or that is switched off."""
    _refusals.add(why)


def count_verdicts(verdicts: Iterable[Verdict]) -> None:
    """What the gates came to where a choice was judged."""
    for one in verdicts:
        _verdicts.add(one.gate.value, one.result)
