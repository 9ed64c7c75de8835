"""Callback tokens: what one is good for, and all that it is not."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import jwt
import pytest
from foliot.executor.v1 import executor_service_pb2 as executor_pb
from foliot.executor.v1 import outcome_pb2
from foliot.v1 import failure_pb2, instance_service_pb2, task_pb2
from foliot.v1 import task_service_pb2 as pb

from control_plane.access.principal import Principal
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.api.authorization import Rule, authorize
from control_plane.server import SERVICES, rules
from shared.callbacks import PREFIX, Callback, CallbackKeys, NoCallback
from shared.clock import SystemClock
from shared.errors import InvalidRequest, PermissionDenied
from shared.ids import TenantId
from shared.json import dump
from tests.api.serving import TENANT, Client, Serving, client_of, info_in, serving_from
from tests.api.stories import activate, as_json, send, start, waiting_task
from tests.executor.work import NOON

KEY, OLD_KEY = "k" * 32, "o" * 32
SOON = timedelta(hours=1)
MINE = Callback(tenant_id=TenantId("acme"), task_id="t:1", expires_at=NOON + SOON)

PICKUP: dict[str, Any] = {
    "id": "pickup",
    "initial": "waiting",
    "states": {
        "waiting": {
            "invoke": {
                "id": "carrier",
                "src": "http",
                "input": {"url": "https://example.com/", "callback": True},
                "retry": {"maxAttempts": 3, "initial": "PT1H"},
                "onDone": "collected",
                "onError": "lost",
            }
        },
        "collected": {"type": "final"},
        "lost": {"type": "final"},
    },
}


def unsigned(**claims: object) -> str:
    """A token that asks to be believed without a signature."""
    parts: list[dict[str, Any]] = [{"alg": "none", "typ": "JWT"}, dict(claims)]
    written = [urlsafe_b64encode(dump(part).encode()).decode().rstrip("=") for part in parts]
    return f"{PREFIX}{'.'.join(written)}."


def signed(key: str = KEY, algorithm: str = "HS256", **changed: Any) -> str:
    """A token with other claims than ours; None leaves one out."""
    claims = {"aud": "foliot.callback", "ten": "acme", "sub": "t:1", "exp": 9_999_999_999}
    told = {name: value for name, value in {**claims, **changed}.items() if value is not None}
    return PREFIX + jwt.encode(told, key, algorithm=algorithm)


class TestACallbackToken:
    def test_says_whose_it_is_and_for_how_long(self) -> None:
        """To whoever has the key."""
        keys = CallbackKeys([KEY])

        assert MINE == keys.read(keys.sign(MINE), NOON)

    def test_is_over_at_its_end(self) -> None:
        """And not a second later."""
        keys = CallbackKeys([KEY])
        token = keys.sign(MINE)
        keys.read(token, MINE.expires_at - timedelta(seconds=1))

        with pytest.raises(NoCallback, match="over"):
            keys.read(token, MINE.expires_at)

    def test_is_believed_while_its_key_is_among_others(self) -> None:
        """Keys change while requests are on their way."""
        old = CallbackKeys([OLD_KEY]).sign(MINE)

        assert MINE == CallbackKeys([KEY, OLD_KEY]).read(old, NOON)
        with pytest.raises(NoCallback):
            CallbackKeys([KEY]).read(old, NOON)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            PREFIX,
            f"{PREFIX}a.b.c",
            f"{PREFIX}{'x' * 2_000}",
            CallbackKeys([KEY]).sign(MINE)[len(PREFIX) :],
            CallbackKeys([KEY]).sign(MINE)[:-2],
            CallbackKeys([OLD_KEY]).sign(MINE),
            unsigned(aud="foliot.callback", ten="acme", sub="t:1", exp=9_999_999_999),
            signed(key="k" * 64, algorithm="HS512"),
            signed(algorithm="HS384", key="k" * 48),
            signed(aud=None),
            signed(ten=None),
            signed(sub=None),
            signed(exp=None),
            signed(aud="somebody else"),
            signed(ten=1),
            signed(exp="soon"),
        ],
    )
    def test_that_is_none_of_ours_is_refused(self, text: str) -> None:
        """Whatever it says of how it is to be checked."""
        with pytest.raises(NoCallback):
            CallbackKeys([KEY]).read(text, NOON)

    def test_needs_a_key_that_cannot_be_guessed(self) -> None:
        """And none is made without one."""
        with pytest.raises(InvalidRequest, match="fewer than 32"):
            CallbackKeys(["short"])
        with pytest.raises(InvalidRequest, match="FOLIOT_CALLBACK_KEYS"):
            CallbackKeys([]).sign(MINE)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An HTTP task that an executor has, and the token that went out with its request."""

    task: Any
    token: str
    executor: Client

    async def park(self) -> int:
        """The executor says that a callback is awaited; tells what it was answered."""
        answer = await self.executor.executors.ReportOutcomes(
            executor_pb.ReportOutcomesRequest(
                outcomes=[
                    outcome_pb2.Outcome(
                        tenant_id=self.task.tenant_id,
                        task_id=self.task.task_id,
                        epoch=self.task.epoch,
                        awaiting=outcome_pb2.Outcome.Awaiting(),
                    )
                ]
            )
        )
        return int(answer.acks[0].verdict)


@pytest.fixture
async def serving(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    """A control plane that knows the key of the callbacks."""
    monkeypatch.setenv("FOLIOT_CALLBACK_KEYS", dump([KEY]))
    async with serving_from(MemoryDatabase()) as started:
        yield started


@pytest.fixture
async def client(serving: Serving) -> AsyncIterator[Client]:
    """An administrator of the tenant."""
    async with client_of(serving, await serving.key()) as made:
        yield made


@pytest.fixture
async def waiting(serving: Serving, client: Client) -> AsyncIterator[Waiting]:
    """One of a pickup."""
    await activate(client, PICKUP, "pickup")
    await start(client, "pickup")
    async with client_of(serving, await serving.key("executor", None)) as executor:
        claimed = await executor.executors.ClaimTasks(
            executor_pb.ClaimTasksRequest(
                executor_name="tests", task_types=[task_pb2.TASK_TYPE_HTTP], max_tasks=1
            )
        )
        [task] = claimed.tasks
        yield Waiting(task=task, token=token_for(task.task_id), executor=executor)


def token_for(
    task_id: str, tenant_id: TenantId = TENANT, within: timedelta = SOON, key: str = KEY
) -> str:
    """A token as an executor makes it."""
    return CallbackKeys([key]).sign(
        Callback(tenant_id=tenant_id, task_id=task_id, expires_at=SystemClock().now() + within)
    )


async def state_of(client: Client, instance_id: str) -> str:
    """Where the instance is."""
    answer = await client.instances.GetInstance(
        instance_service_pb2.GetInstanceRequest(instance_id=instance_id)
    )
    state: str = answer.instance.state.json
    return state


async def completing(serving: Serving, token: str, task_id: str) -> Any:
    """The answer to whoever completes the task with the token."""
    async with client_of(serving, token) as caller:
        return await caller.tasks.CompleteTask(
            pb.CompleteTaskRequest(task_id=task_id, output=as_json({"signed_by": "Ada"}))
        )


class TestACallback:
    async def test_completes_its_task_and_sees_nothing_of_it(
        self, serving: Serving, client: Client, waiting: Waiting
    ) -> None:
        """The token is all that is needed, and gives nothing away."""
        await waiting.park()
        answer = await completing(serving, waiting.token, waiting.task.task_id)

        assert task_pb2.TASK_STATUS_SUCCEEDED == answer.task.status
        assert ("", "") == (answer.task.input.json, answer.task.output.json)
        assert '"collected"' == await state_of(client, waiting.task.instance_id)

    async def test_may_fail_it_instead(
        self, serving: Serving, client: Client, waiting: Waiting
    ) -> None:
        """The definition's onError takes over."""
        await waiting.park()
        async with client_of(serving, waiting.token) as caller:
            await caller.tasks.FailTask(
                pb.FailTaskRequest(
                    task_id=waiting.task.task_id,
                    failure=failure_pb2.Failure(kind="parcel.lost", message="at sea"),
                )
            )

        assert '"lost"' == await state_of(client, waiting.task.instance_id)

    async def test_may_come_before_the_executor_has_said_that_it_is_awaited(
        self, serving: Serving, client: Client, waiting: Waiting
    ) -> None:
        """A quick service answers its caller last; the executor's word then changes nothing."""
        await completing(serving, waiting.token, waiting.task.task_id)
        verdict = await waiting.park()

        assert outcome_pb2.OUTCOME_VERDICT_APPLIED != verdict
        assert '"collected"' == await state_of(client, waiting.task.instance_id)

    async def test_may_come_of_an_attempt_before(
        self, serving: Serving, client: Client, waiting: Waiting
    ) -> None:
        """The answer to the request was lost, the request was not: the task waits to be tried."""
        await waiting.executor.executors.ReportOutcomes(
            executor_pb.ReportOutcomesRequest(
                outcomes=[
                    outcome_pb2.Outcome(
                        tenant_id=waiting.task.tenant_id,
                        task_id=waiting.task.task_id,
                        epoch=waiting.task.epoch,
                        failed=outcome_pb2.Outcome.Failed(
                            failure=failure_pb2.Failure(
                                kind="http.unreachable", message="lost", retryable=True
                            )
                        ),
                    )
                ]
            )
        )
        await completing(serving, waiting.token, waiting.task.task_id)

        assert '"collected"' == await state_of(client, waiting.task.instance_id)

    async def test_comes_once(self, serving: Serving, waiting: Waiting) -> None:
        """What it says second is of no account."""
        await waiting.park()
        await completing(serving, waiting.token, waiting.task.task_id)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await completing(serving, waiting.token, waiting.task.task_id)
        assert "TASK_CLOSED" == info_in(refused.value).reason

    async def test_is_for_no_other_task(
        self, serving: Serving, client: Client, waiting: Waiting
    ) -> None:
        """Of one's own tenant, or one that is not there: it is told no difference."""
        await start(client, "pickup")
        other = f"{waiting.task.task_id}0"
        listed = await client.tasks.ListTasks(pb.ListTasksRequest())
        ids = {one.task_id for one in listed.tasks} - {waiting.task.task_id}
        for task_id in [*ids, other, ""]:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await completing(serving, waiting.token, task_id)
            assert "PERMISSION_DENIED" == info_in(refused.value).reason

        assert len(ids) == 1

    async def test_is_for_no_task_of_a_person(self, serving: Serving, client: Client) -> None:
        """Nobody gives such a one out; who has the key by mistake decides nothing for people."""
        await activate(client)
        instance = await start(client)
        await send(client, instance.instance_id, "SUBMIT")
        task = await waiting_task(client, instance.instance_id)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await completing(serving, token_for(task.task_id), task.task_id)
        assert "TASK_NOT_COMPLETABLE" == info_in(refused.value).reason

    async def test_of_another_tenant_finds_nothing(
        self, serving: Serving, waiting: Waiting
    ) -> None:
        """The id alone opens no door."""
        foreign = token_for(waiting.task.task_id, TenantId("globex"))

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await completing(serving, foreign, waiting.task.task_id)
        assert "TASK_NOT_FOUND" == info_in(refused.value).reason

    @pytest.mark.parametrize(("key", "within"), [(OLD_KEY, SOON), (KEY, -SOON)])
    async def test_that_is_forged_or_over_is_no_credential(
        self, serving: Serving, waiting: Waiting, key: str, within: timedelta
    ) -> None:
        """Which of them, its caller is not told."""
        bad = token_for(waiting.task.task_id, within=within, key=key)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await completing(serving, bad, waiting.task.task_id)
        assert "CREDENTIAL_INVALID" == info_in(refused.value).reason


class TestTheRulesOfMethods:
    def test_let_a_callback_token_end_its_task_and_do_nothing_else(self) -> None:
        """Of all methods that are served, reflection and health among them."""
        token = Principal(
            name="callback:t:1",
            tenant_id=TENANT,
            role="callback",
            permissions=frozenset({"task.complete"}),
            expires_at=None,
            only_task="t:1",
        )

        def lets_in(rule: Rule) -> bool:
            try:
                authorize(token, rule)
            except PermissionDenied:
                return False
            return True

        let_in = {method for method, rule in rules(SERVICES).items() if lets_in(rule)}

        assert {f"/foliot.v1.TaskService/{name}" for name in ("CompleteTask", "FailTask")} == let_in
