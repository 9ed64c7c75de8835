"""AI tasks over the wire: whom calls of models are shown to, and how fast they are switched off."""

import json

import grpc
import pytest
from foliot.executor.v1 import ai_pb2, executor_service_pb2
from foliot.v1 import ai_policy_pb2, ai_service_pb2, definition_pb2, definition_service_pb2
from foliot.v1.json_pb2 import Json

from tests.api.ai_stories import REQUEST, TRIAGE, allowed, called, claimed
from tests.api.serving import Client, Serving, client_of


class TestACallOfAModel:
    async def test_is_shown_without_its_words_to_who_may_not_read_payload(
        self, serving: Serving, client: Client, executor: Client
    ) -> None:
        """That it was made, by which model and at what cost, is for operators to know."""
        await allowed(client)
        task = await claimed(client, executor)
        await called(executor, task)
        request = ai_service_pb2.GetAiCallRequest(task_id=task.task_id, call_number=1)

        in_full = (await client.ai.GetAiCall(request)).call
        async with client_of(serving, await serving.key("operator")) as operator:
            withheld = (await operator.ai.GetAiCall(request)).call

        assert "APPROVE" in in_full.output
        assert ("", True) == (withheld.output, withheld.payload_withheld)
        assert not withheld.HasField("context_manifest")
        assert ("large", 100) == (withheld.model, withheld.cost)
        assert ai_policy_pb2.AI_MODEL_CALL_STATUS_OK == withheld.status


class TestADefinitionThatAsksAModel:
    async def test_is_activated_with_a_warning_while_its_policy_is_not(
        self, client: Client
    ) -> None:
        """Its instances would fail; by then nobody looks at who activated it."""
        made = await client.definitions.CreateDefinition(
            definition_service_pb2.CreateDefinitionRequest(
                key="claim", spec=Json(json=json.dumps(TRIAGE))
            )
        )
        activate = definition_service_pb2.ActivateDefinitionRequest(
            definition_id=made.definition.definition_id
        )

        warned = await client.definitions.ActivateDefinition(activate)
        await allowed(client)
        quiet = await client.definitions.ActivateDefinition(activate)

        assert [("ai-policy-not-active", "/states/triage/invoke")] == [
            (one.rule, one.json_pointer) for one in warned.diagnostics
        ]
        assert definition_pb2.DEFINITION_STATUS_ACTIVE == warned.definition.status
        assert [] == list(quiet.diagnostics)


class TestThePolicyOfThePlatform:
    async def test_is_made_with_a_credential_of_the_platform_alone(
        self, serving: Serving, client: Client
    ) -> None:
        """A tenant's own policies are next to it, under whatever name; the platform has one."""
        document = Json(json='{"mode":"suggest"}')
        create = ai_service_pb2.CreateAiPolicyRequest(name="platform", document=document)
        activate = ai_service_pb2.ActivateAiPolicyRequest(name="platform", version=1)
        get = ai_service_pb2.GetAiPolicyRequest(name="platform")
        async with client_of(serving, await serving.key("platform_admin", None)) as root:
            assert 1 == (await root.ai.CreateAiPolicy(create)).policy.version
            assert (await root.ai.ActivateAiPolicy(activate)).policy.is_active
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await root.ai.CreateAiPolicy(
                    ai_service_pb2.CreateAiPolicyRequest(name="other", document=document)
                )
            assert grpc.StatusCode.INVALID_ARGUMENT == refused.value.code()
            acme = ai_service_pb2.GetAiPolicyRequest(name="platform", tenant_id="acme")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await root.ai.GetAiPolicy(acme)
            assert grpc.StatusCode.NOT_FOUND == refused.value.code()
            listed = await root.ai.ListAiPolicies(ai_service_pb2.ListAiPoliciesRequest())

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.ai.GetAiPolicy(get)
        assert grpc.StatusCode.NOT_FOUND == refused.value.code()
        assert [("platform", 1)] == [(one.name, one.version) for one in listed.policies]


class TestTheSwitchOfThePlatform:
    async def test_stops_what_is_not_called_yet(
        self, serving: Serving, client: Client, executor: Client
    ) -> None:
        """Everywhere at once; no tenant can pull it."""
        await allowed(client)
        task = await claimed(client, executor)
        off = ai_service_pb2.SetAiSwitchRequest(off=True, reason="all of them")
        async with client_of(serving, await serving.key("platform_admin", None)) as root:
            assert (await root.ai.SetAiSwitch(off)).changed

        answer = await executor.executors.ReserveBudget(
            executor_service_pb2.ReserveBudgetRequest(
                tenant_id=task.tenant_id,
                task_id=task.task_id,
                epoch=task.epoch,
                call_number=1,
                request_sha256=REQUEST,
                provider="anthropic",
                model="large",
                max_input_tokens=10,
                max_output_tokens=10,
            )
        )

        assert ai_pb2.AI_REFUSAL_SWITCHED_OFF == answer.refusal
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await executor.ai.SetAiSwitch(ai_service_pb2.SetAiSwitchRequest())
        assert grpc.StatusCode.PERMISSION_DENIED == refused.value.code()
