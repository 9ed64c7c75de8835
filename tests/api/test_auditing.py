"""
Every call that is audited leaves an entry when it changes something, and none when it is refused.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from foliot.v1 import admin_service_pb2 as admin_pb
from foliot.v1 import auth_options_pb2
from foliot.v1 import tenant_service_pb2 as pb
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass

from control_plane.ports.audit import AuditEntry
from control_plane.server import SERVICES
from shared.rpc import CORRELATION_ID
from tests.api.ai_stories import POLICY, suggested, suggestion_hash
from tests.api.serving import TENANT, WITHIN_S, Client, Serving, client_of, info_in
from tests.api.stories import activate, create, send, start, waiting_task
from tests.api.test_dead_tasks import DETACHED, died
from tests.api.test_operating import FRAGILE
from tests.orchestrator.persons import asking

AUDITED: Mapping[str, MethodDescriptor] = {
    f"{service.full_name}/{method.name}": method
    for service in SERVICES
    for method in service.methods
    if method.GetOptions().Extensions[auth_options_pb2.auth].audit
}
ONE_OF_ONE = {"approvals": 1, "of": 1}
EVERY_AUDITED = pytest.mark.parametrize("method", AUDITED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Who is there to bring things to where a method has something to change."""

    client: Client
    executor: Client
    root: Client

    async def call(self, method: str, by: Client | None = None, **fields: Any) -> tuple[Any, str]:
        """The answer, and the correlation id that came with it."""
        descriptor = AUDITED.get(method) or next(
            one
            for service in SERVICES
            for one in service.methods
            if f"{service.full_name}/{one.name}" == method
        )
        request = ParseDict(fields, GetMessageClass(descriptor.input_type)())
        platform = descriptor.GetOptions().Extensions[auth_options_pb2.auth].scope
        caller = self.root if platform == auth_options_pb2.AUTH_SCOPE_PLATFORM else self.client
        call = (by or caller).channel.unary_unary(
            f"/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(descriptor.output_type).FromString,
        )(request, timeout=WITHIN_S)
        answer = await call
        metadata = dict(await call.trailing_metadata())
        return answer, str(metadata[CORRELATION_ID])


Wanted = dict[str, Any]
Story = Callable[[Stage], Awaitable[Wanted]]


async def _definition(stage: Stage) -> Wanted:
    return {"definition_id": await create(stage.client)}


async def _active(stage: Stage) -> Wanted:
    return {"definition_id": await activate(stage.client)}


async def _instance(stage: Stage) -> Wanted:
    await activate(stage.client)
    return {"instance_id": (await start(stage.client)).instance_id, "reason": "because"}


async def _paused(stage: Stage) -> Wanted:
    wanted = await _instance(stage)
    await stage.call("foliot.v1.InstanceService/PauseInstance", **wanted)
    return wanted


async def _labelled(stage: Stage) -> Wanted:
    wanted = await _instance(stage)
    return {"instance_id": wanted["instance_id"], "merge": {"region": "eu"}}


async def _failed(stage: Stage) -> Wanted:
    await activate(stage.client, FRAGILE, "fragile")
    instance_id = await died(stage.client, stage.executor, "fragile")
    return {"instance_id": instance_id, "reason": "because"}


async def _dead(stage: Stage) -> str:
    await activate(stage.client, DETACHED, "detached")
    return f"{await died(stage.client, stage.executor, 'detached')}:1"


async def _dead_tasks(stage: Stage) -> Wanted:
    return {"task_ids": [await _dead(stage)]}


async def _dead_task(stage: Stage) -> Wanted:
    return {"task_id": await _dead(stage), "reason": "because"}


async def _human_task(stage: Stage) -> Wanted:
    wanted = await _instance(stage)
    await send(stage.client, wanted["instance_id"], "SUBMIT")
    task = await waiting_task(stage.client, wanted["instance_id"])
    return {"task_id": task.task_id, "reason": "because"}


async def _skippable(stage: Stage) -> Wanted:
    spec = {
        "initial": "review",
        "states": {
            "review": {"invoke": {"id": "ok", "src": "human", "skippable": True, "onDone": "done"}},
            "done": {"type": "final"},
        },
    }
    await activate(stage.client, spec, "skippable")
    instance = await start(stage.client, "skippable")
    task = await waiting_task(stage.client, instance.instance_id)
    return {"task_id": task.task_id, "reason": "because"}


async def _assignment(stage: Stage) -> Wanted:
    return {**await _human_task(stage), "assignee": "zoe"}


async def _assigned(stage: Stage) -> Wanted:
    wanted = await _assignment(stage)
    await stage.call("foliot.v1.TaskService/AssignTask", **wanted)
    del wanted["assignee"]
    return wanted


async def _delegated(stage: Stage) -> Wanted:
    wanted = await _assigned(stage)
    await stage.call("foliot.v1.TaskService/DelegateTask", **wanted, assignee="kim")
    return wanted


async def _voted_on(stage: Stage) -> Wanted:
    who, _ = await stage.call("foliot.v1.AdminService/WhoAmI")
    candidates = {"users": [who.principal]}
    await activate(stage.client, asking(candidates=candidates, quorum=ONE_OF_ONE), "voted")
    instance = await start(stage.client, "voted")
    return {"task_id": f"{instance.instance_id}:1", "vote": "VOTE_CHOICE_APPROVE"}


async def _schedule(stage: Stage) -> Wanted:
    await activate(stage.client)
    spec = {
        "cron": "0 3 * * *",
        "definition_key": "approval",
        "input": {"json": json.dumps({"amount": 1})},
    }
    return {"schedule_id": "nightly", "spec": spec}


async def _scheduled(stage: Stage) -> Wanted:
    wanted = await _schedule(stage)
    await stage.call("foliot.v1.ScheduleService/CreateSchedule", **wanted)
    return {"schedule_id": "nightly"}


async def _respecified(stage: Stage) -> Wanted:
    await _scheduled(stage)
    wanted = await _schedule(stage)
    wanted["spec"]["cron"] = "0 4 * * *"
    return wanted


async def _paused_schedule(stage: Stage) -> Wanted:
    wanted = await _scheduled(stage)
    await stage.call("foliot.v1.ScheduleService/PauseSchedule", **wanted)
    return wanted


async def _limited(stage: Stage) -> Wanted:
    await stage.call("foliot.v1.AdminService/SetTaskLimit", limit_key="bank", max_running=1)
    return {"limit_key": "bank"}


async def _kept(stage: Stage) -> Wanted:
    await stage.call("foliot.v1.AdminService/SetRetention", definition_key="approval")
    return {"definition_key": "approval"}


async def _quota(stage: Stage) -> Wanted:
    wanted: Wanted = {"tenant_id": TENANT, "kind": "QUOTA_KIND_STREAMS"}
    await stage.call("foliot.v1.AdminService/SetQuota", **wanted, limit=7)
    return wanted


async def _paused_queue(stage: Stage) -> Wanted:
    await stage.call("foliot.v1.AdminService/PauseQueue", queue="default", reason="because")
    return {"queue": "default"}


async def _policy(stage: Stage) -> Wanted:
    document = {"json": json.dumps(POLICY)}
    await stage.call("foliot.v1.AiService/CreateAiPolicy", name="triage", document=document)
    return {"name": "triage", "version": 1}


async def _active_policy(stage: Stage) -> Wanted:
    await stage.call("foliot.v1.AiService/ActivateAiPolicy", **await _policy(stage))
    return {"name": "triage"}


async def _suggestion(stage: Stage) -> Wanted:
    review = await suggested(stage.client, stage.executor)
    return {
        "task_id": review.task_id,
        "suggestion_hash": suggestion_hash(review),
        "decision": "SUGGESTION_DECISION_REJECT",
        "request_id": "r-1",
    }


async def _tenant(stage: Stage) -> Wanted:
    await stage.call("foliot.v1.TenantService/CreateTenant", tenant_id="initech")
    return {"tenant_id": "initech"}


async def _suspended(stage: Stage) -> Wanted:
    wanted = await _tenant(stage)
    await stage.call("foliot.v1.TenantService/SuspendTenant", **wanted, reason="because")
    return wanted


async def _key(stage: Stage) -> Wanted:
    answer, _ = await stage.call("foliot.v1.TenantService/CreateApiKey", role="viewer")
    return {"key_id": answer.key.key_id}


def _just(**wanted: Any) -> Story:
    async def told(_stage: Stage) -> Wanted:
        return wanted

    return told


def _with(story: Story, **more: Any) -> Story:
    async def told(stage: Stage) -> Wanted:
        return {**await story(stage), **more}

    return told


SPEC = {"json": json.dumps({"initial": "a", "states": {"a": {"type": "final"}}})}

STORIES: Mapping[str, Story] = {
    "foliot.v1.DefinitionService/CreateDefinition": _just(key="one", spec=SPEC, request_id="r-1"),
    "foliot.v1.DefinitionService/ActivateDefinition": _definition,
    "foliot.v1.DefinitionService/DeactivateDefinition": _active,
    "foliot.v1.DefinitionService/ArchiveDefinition": _definition,
    "foliot.v1.InstanceService/CancelInstance": _with(_instance, request_id="r-1"),
    "foliot.v1.InstanceService/TerminateInstance": _instance,
    "foliot.v1.InstanceService/PauseInstance": _instance,
    "foliot.v1.InstanceService/ResumeInstance": _paused,
    "foliot.v1.InstanceService/RetryInstance": _failed,
    "foliot.v1.InstanceService/UpdateInstanceLabels": _labelled,
    "foliot.v1.TaskService/UnclaimTask": _assigned,
    "foliot.v1.TaskService/AssignTask": _assignment,
    "foliot.v1.TaskService/DelegateTask": _with(_assigned, assignee="kim"),
    "foliot.v1.TaskService/ReturnTask": _delegated,
    "foliot.v1.TaskService/VoteTask": _voted_on,
    "foliot.v1.TaskService/ResolveSuggestion": _suggestion,
    "foliot.v1.AiService/CreateAiPolicy": _just(
        name="triage", document={"json": json.dumps(POLICY)}
    ),
    "foliot.v1.AiService/ActivateAiPolicy": _policy,
    "foliot.v1.AiService/DeactivateAiPolicy": _active_policy,
    "foliot.v1.AiService/SetAiSwitch": _just(policy_name="triage", off=True, reason="because"),
    "foliot.v1.TaskService/RetryTask": _dead_task,
    "foliot.v1.TaskService/SkipTask": _skippable,
    "foliot.v1.TaskService/RedriveTasks": _dead_tasks,
    "foliot.v1.ScheduleService/CreateSchedule": _schedule,
    "foliot.v1.ScheduleService/UpdateSchedule": _respecified,
    "foliot.v1.ScheduleService/DeleteSchedule": _scheduled,
    "foliot.v1.ScheduleService/PauseSchedule": _with(_scheduled, reason="because"),
    "foliot.v1.ScheduleService/ResumeSchedule": _paused_schedule,
    "foliot.v1.ScheduleService/TriggerSchedule": _with(_scheduled, request_id="r-1"),
    "foliot.v1.TenantService/CreateTenant": _just(tenant_id="initech"),
    "foliot.v1.TenantService/UpdateTenant": _with(_tenant, display_name="Initech"),
    "foliot.v1.TenantService/SuspendTenant": _with(_tenant, reason="because"),
    "foliot.v1.TenantService/ResumeTenant": _suspended,
    "foliot.v1.TenantService/CreateApiKey": _just(role="viewer", request_id="r-1"),
    "foliot.v1.TenantService/RevokeApiKey": _with(_key, reason="because"),
    "foliot.v1.AdminService/SetTaskLimit": _just(limit_key="bank", max_running=1),
    "foliot.v1.AdminService/RemoveTaskLimit": _limited,
    "foliot.v1.AdminService/SetRetention": _just(definition_key="approval"),
    "foliot.v1.AdminService/RemoveRetention": _kept,
    "foliot.v1.AdminService/SetQuota": _just(tenant_id=TENANT, kind=1, limit=7),
    "foliot.v1.AdminService/RemoveQuota": _quota,
    "foliot.v1.AdminService/PauseQueue": _just(queue="default", reason="because"),
    "foliot.v1.AdminService/ResumeQueue": _paused_queue,
    "foliot.v1alpha.DefinitionService/ImportDefinition": _just(
        key="one", format=1, document=SPEC["json"]
    ),
}


@pytest.fixture
async def stage(serving: Serving, client: Client, executor: Client) -> Any:
    """All who may bring something about."""
    async with client_of(serving, await serving.key("platform_admin", None)) as root:
        yield Stage(client=client, executor=executor, root=root)


def entries_of(serving: Serving, method: str) -> list[AuditEntry]:
    return [one for one in serving.database.audit if one.noted.method == method]


class TestTheAuditedMethods:
    def test_each_have_a_story_here(self) -> None:
        """A method that is added must be shown to leave its entry."""
        assert AUDITED.keys() == STORIES.keys()


class TestAnAuditedCall:
    @EVERY_AUDITED
    async def test_leaves_one_entry_when_it_is_carried_out(
        self, serving: Serving, stage: Stage, method: str
    ) -> None:
        """Who, by what, to what, why, and under which names."""
        wanted = await STORIES[method](stage)
        before = len(entries_of(serving, method))

        _, correlation_id = await stage.call(method, **wanted)

        (entry,) = entries_of(serving, method)[before:]
        assert entry.noted.principal == f"key:{entry.noted.credential_id}"
        assert wanted.get("reason", "") == entry.noted.reason
        assert wanted.get("request_id", "") == entry.noted.request_id
        assert correlation_id == entry.noted.correlation_id
        assert entry.before_hash != entry.after_hash
        assert entry.target.id or method.endswith(("TaskLimit", "Retention"))

    @EVERY_AUDITED
    async def test_leaves_none_when_it_is_refused(
        self, serving: Serving, stage: Stage, method: str
    ) -> None:
        """By whoever may not; what was brought about before stays told."""
        wanted = await STORIES[method](stage)
        before = len(serving.database.audit)

        async with client_of(serving, await serving.key("auditor")) as auditor:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stage.call(method, by=auditor, **wanted)

        assert grpc.StatusCode.PERMISSION_DENIED == refused.value.code()
        assert before == len(serving.database.audit)

    async def test_leaves_none_when_a_use_case_or_a_turn_refuses_it(
        self, serving: Serving, stage: Stage
    ) -> None:
        """What was not done was done by nobody."""
        wanted = await _instance(stage)
        await stage.call("foliot.v1.InstanceService/TerminateInstance", **wanted)
        before = len(serving.database.audit)

        for method, fields in (
            ("foliot.v1.InstanceService/PauseInstance", wanted),
            ("foliot.v1.InstanceService/CancelInstance", {**wanted, "reason": ""}),
            ("foliot.v1.TenantService/CreateApiKey", {"role": "emperor"}),
            ("foliot.v1.ScheduleService/DeleteSchedule", {"schedule_id": "none"}),
        ):
            with pytest.raises(grpc.aio.AioRpcError):
                await stage.call(method, **fields)

        assert before == len(serving.database.audit)

    async def test_leaves_none_when_it_is_repeated(self, serving: Serving, stage: Stage) -> None:
        """A repeat changes nothing, however it is answered."""
        wanted = {**await _instance(stage), "request_id": "r-1"}
        calls = (
            ("foliot.v1.InstanceService/PauseInstance", wanted),
            ("foliot.v1.TenantService/CreateApiKey", {"role": "viewer", "request_id": "r-2"}),
            ("foliot.v1.AdminService/SetTaskLimit", {"limit_key": "bank", "max_running": 1}),
        )
        for method, fields in calls:
            for _ in range(2):
                await stage.call(method, **fields)

            assert 1 == len(entries_of(serving, method)), method


class TestTheEntries:
    async def test_are_told_newest_first_to_whoever_may_see_them(
        self, serving: Serving, stage: Stage
    ) -> None:
        """An auditor of the tenant sees what the platform did to it, and its own people."""
        await _limited(stage)
        await stage.call("foliot.v1.AdminService/RemoveTaskLimit", limit_key="bank")

        async with client_of(serving, await serving.key("auditor")) as auditor:
            answer = await auditor.admin.ListAuditEntries(
                admin_pb.ListAuditEntriesRequest(page_size=1)
            )
            rest = await auditor.admin.ListAuditEntries(
                admin_pb.ListAuditEntriesRequest(page_token=answer.next_page_token)
            )
            filtered = await auditor.admin.ListAuditEntries(
                admin_pb.ListAuditEntriesRequest(
                    filter='method = "foliot.v1.AdminService/SetTaskLimit" AND target_id = "bank"'
                )
            )

        told = [one.method.partition("/")[2] for one in (*answer.entries, *rest.entries)]
        assert ["RemoveTaskLimit", "SetTaskLimit"] == told
        assert [TENANT] == [one.tenant_id for one in filtered.entries]
        assert filtered.entries[0].after_hash

    async def test_are_told_to_no_other_tenant(self, stage: Stage, stranger: Client) -> None:
        """Neither by its own list, nor by asking for another's."""
        await _limited(stage)

        own = await stranger.admin.ListAuditEntries(admin_pb.ListAuditEntriesRequest())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stranger.admin.ListAuditEntries(
                admin_pb.ListAuditEntriesRequest(tenant_id=TENANT)
            )

        assert [] == list(own.entries)
        assert "TENANT_NOT_FOUND" == info_in(refused.value).reason

    async def test_of_the_platform_are_apart_from_those_of_tenants(self, stage: Stage) -> None:
        """Whoever keeps the platform sees both, each where it belongs."""
        await _limited(stage)
        await stage.root.tenants.CreateApiKey(pb.CreateApiKeyRequest(role="executor"))

        own = await stage.root.admin.ListAuditEntries(admin_pb.ListAuditEntriesRequest())
        theirs = await stage.root.admin.ListAuditEntries(
            admin_pb.ListAuditEntriesRequest(tenant_id=TENANT)
        )

        assert ["api_key"] == [one.target_kind for one in own.entries]
        assert ["task_limit"] == [one.target_kind for one in theirs.entries]

    @pytest.mark.parametrize(
        ("field", "value", "reason"),
        [
            ("filter", "colour = red", "FILTER_INVALID"),
            ("order_by", "principal", "FILTER_INVALID"),
            ("page_token", "made-up", "PAGE_TOKEN_INVALID"),
        ],
    )
    async def test_are_asked_for_in_the_words_of_the_proto(
        self, client: Client, field: str, value: str, reason: str
    ) -> None:
        """What cannot be read is refused, and not taken for nothing."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.admin.ListAuditEntries(
                ParseDict({field: value}, admin_pb.ListAuditEntriesRequest())
            )

        assert reason == info_in(refused.value).reason
