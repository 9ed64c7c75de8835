"""What the commands of `foliot ai` do, and `foliot task resolve`."""

from collections.abc import Sequence
from pathlib import Path

from foliot.v1 import ai_policy_pb2, ai_service_pb2, json_pb2, task_pb2, task_service_pb2
from rich.text import Text

from control_plane.cli.arguments import json_given
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.printing import (
    Column,
    aside,
    local,
    print_json,
    print_rows,
    word,
)
from control_plane.cli.spec_files import read_file
from control_plane.cli.task_words import show_task

_DECISIONS = {
    "approve": task_service_pb2.SUGGESTION_DECISION_APPROVE,
    "edit": task_service_pb2.SUGGESTION_DECISION_EDIT,
    "reject": task_service_pb2.SUGGESTION_DECISION_REJECT,
}


def run_create(target: Target, name: str, tenant: str, file: Path, output: str) -> None:
    with explained():
        document = json_pb2.Json(json=read_file(file).text)
    request = ai_service_pb2.CreateAiPolicyRequest(name=name, document=document, tenant_id=tenant)

    async def ask(to: Caller) -> ai_policy_pb2.AiPolicy:
        return (await to.ai.CreateAiPolicy(request, metadata=to.metadata)).policy

    _show([call(target, ask)], output)


def run_list(target: Target, name: str, tenant: str, *, limit: int | None, output: str) -> None:
    asked = f'name = "{name}"' if name else ""

    async def ask(to: Caller) -> Paged[ai_policy_pb2.AiPolicy]:
        async def page(size: int, token: str) -> tuple[Sequence[ai_policy_pb2.AiPolicy], str]:
            answer = await to.ai.ListAiPolicies(
                ai_service_pb2.ListAiPoliciesRequest(
                    page_size=size, page_token=token, filter=asked, tenant_id=tenant
                ),
                metadata=to.metadata,
            )
            return answer.policies, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask, within_s=None)
    _show(found.rows, output)
    if output != "json":
        say_there_is_more(found)


def run_show(target: Target, name: str, tenant: str, version: int) -> None:
    request = ai_service_pb2.GetAiPolicyRequest(name=name, version=version, tenant_id=tenant)

    async def ask(to: Caller) -> ai_policy_pb2.AiPolicy:
        return (await to.ai.GetAiPolicy(request, metadata=to.metadata)).policy

    print_json(call(target, ask))


def run_activate(target: Target, name: str, tenant: str, version: int, output: str) -> None:
    request = ai_service_pb2.ActivateAiPolicyRequest(name=name, version=version, tenant_id=tenant)

    async def ask(to: Caller) -> ai_policy_pb2.AiPolicy:
        return (await to.ai.ActivateAiPolicy(request, metadata=to.metadata)).policy

    _show([call(target, ask)], output)


def run_deactivate(target: Target, name: str, tenant: str, output: str) -> None:
    request = ai_service_pb2.DeactivateAiPolicyRequest(name=name, tenant_id=tenant)

    async def ask(to: Caller) -> ai_service_pb2.DeactivateAiPolicyResponse:
        return await to.ai.DeactivateAiPolicy(request, metadata=to.metadata)

    answer = call(target, ask)
    if answer.HasField("policy"):
        _show([answer.policy], output)
    else:
        aside().print(Text("no version was active", "yellow"))


def run_switch(target: Target, policy_name: str, tenant: str, *, off: bool, reason: str) -> None:
    request = ai_service_pb2.SetAiSwitchRequest(
        tenant_id=tenant, policy_name=policy_name, off=off, reason=reason
    )

    async def ask(to: Caller) -> bool:
        return (await to.ai.SetAiSwitch(request, metadata=to.metadata)).changed

    if not call(target, ask):
        aside().print(Text(f"they were {'off' if off else 'on'} already", "yellow"))


def run_switches(target: Target, tenant: str, output: str) -> None:
    request = ai_service_pb2.GetAiSwitchesRequest(tenant_id=tenant)

    async def ask(to: Caller) -> Sequence[ai_policy_pb2.AiSwitch]:
        return list((await to.ai.GetAiSwitches(request, metadata=to.metadata)).switches)

    found = call(target, ask)
    if output == "json":
        print_json(found)
        return
    print_rows(
        found,
        [
            Column(name="tenant", of=lambda one: one.tenant_id or Text("all tenants", "dim")),
            Column(name="policy", of=lambda one: one.policy_name or Text("all policies", "dim")),
            Column(name="since", of=lambda one: local(one.switch_time)),
            Column(name="by", of=lambda one: one.switched_by),
            Column(name="reason", of=lambda one: one.reason),
        ],
    )


def run_spend(target: Target, day: str, instance: str, output: str) -> None:
    request = ai_service_pb2.GetAiSpendRequest(day=day, instance_id=instance)

    async def ask(to: Caller) -> ai_service_pb2.GetAiSpendResponse:
        return await to.ai.GetAiSpend(request, metadata=to.metadata)

    answer = call(target, ask)
    if output == "json":
        print_json(answer)
        return
    rows = [(answer.day, answer.of_day)]
    if answer.HasField("of_instance"):
        rows.append((instance, answer.of_instance))
    print_rows(
        rows,
        [
            Column(name="of", of=lambda row: row[0]),
            Column(name="cost", of=lambda row: str(row[1].committed_cost)),
            Column(name="calls", of=lambda row: str(row[1].call_count)),
            Column(name="tokens in", of=lambda row: str(row[1].input_tokens)),
            Column(name="tokens out", of=lambda row: str(row[1].output_tokens)),
        ],
    )


def run_calls(target: Target, instance: str, *, limit: int | None, output: str) -> None:
    asked = f'instance_id = "{instance}"' if instance else ""

    async def ask(to: Caller) -> Paged[ai_policy_pb2.AiModelCall]:
        async def page(size: int, token: str) -> tuple[Sequence[ai_policy_pb2.AiModelCall], str]:
            answer = await to.ai.ListAiCalls(
                ai_service_pb2.ListAiCallsRequest(page_size=size, page_token=token, filter=asked),
                metadata=to.metadata,
            )
            return answer.calls, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask, within_s=None)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(
        found.rows,
        [
            Column(name="task", of=lambda one: one.task_id),
            Column(name="call", of=lambda one: str(one.call_number)),
            Column(name="model", of=lambda one: f"{one.provider}/{one.model}"),
            Column(name="status", of=lambda one: word(ai_policy_pb2.AiModelCallStatus, one.status)),
            Column(name="cost", of=lambda one: str(one.cost)),
            Column(name="at", of=lambda one: local(one.reserve_time)),
        ],
    )
    say_there_is_more(found)


def run_call(target: Target, task_id: str, number: int) -> None:
    request = ai_service_pb2.GetAiCallRequest(task_id=task_id, call_number=number)

    async def ask(to: Caller) -> ai_policy_pb2.AiModelCall:
        return (await to.ai.GetAiCall(request, metadata=to.metadata)).call

    print_json(call(target, ask))


def run_agreement(target: Target, name: str, output: str) -> None:
    request = ai_service_pb2.GetAiAgreementRequest(policy_name=name)

    async def ask(to: Caller) -> Sequence[ai_policy_pb2.AiAgreement]:
        return list((await to.ai.GetAiAgreement(request, metadata=to.metadata)).agreements)

    found = call(target, ask)
    if output == "json":
        print_json(found)
        return
    print_rows(
        found,
        [
            Column(name="version", of=lambda one: str(one.policy_version)),
            Column(name="shown", of=lambda one: "no" if one.is_shadow else "yes"),
            Column(name="decided", of=lambda one: str(one.decided_count)),
            Column(name="agreed", of=lambda one: str(one.agreed_count)),
            Column(name="abstained", of=lambda one: str(one.abstained_count)),
            Column(name="expired", of=lambda one: str(one.expired_count)),
        ],
    )


def run_resolve(
    target: Target,
    task_id: str,
    decision: str,
    suggestion_hash: str,
    *,
    event: str,
    data: str,
    reason: str,
    request_id: str,
    output: str,
) -> None:
    with explained():
        request = task_service_pb2.ResolveSuggestionRequest(
            task_id=task_id,
            suggestion_hash=suggestion_hash,
            decision=_DECISIONS[decision],
            event=event,
            data=json_given(data, "--data") if data else None,
            reason=reason,
            request_id=request_id,
        )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.ResolveSuggestion(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def _show(policies: Sequence[ai_policy_pb2.AiPolicy], output: str) -> None:
    if output == "json":
        print_json(policies)
        return
    print_rows(
        policies,
        [
            Column(name="policy", of=lambda one: one.name),
            Column(name="version", of=lambda one: str(one.version)),
            Column(name="active", of=lambda one: Text("active", "green") if one.is_active else ""),
            Column(name="created", of=lambda one: local(one.create_time)),
            Column(name="by", of=lambda one: one.created_by),
        ],
    )
