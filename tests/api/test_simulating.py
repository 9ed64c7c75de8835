"""SimulateDefinition, over the wire: a run that nothing is kept of."""

import json
from datetime import timedelta
from typing import Any

import grpc
import pytest
from foliot.v1 import definition_service_pb2 as pb
from foliot.v1 import event_pb2, history_entry_pb2, instance_pb2, instance_service_pb2
from foliot.v1 import simulation_pb2 as simulations
from foliot.v1.failure_pb2 import Failure
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from control_plane.api.mapping import scripts
from control_plane.use_cases import simulate_definition
from tests.api.serving import Client, Serving, client_of, info_in
from tests.api.stories import APPROVAL, as_json, create

FOR_EVER: dict[str, Any] = {
    "initial": "a",
    "states": {
        "a": {"invoke": {"id": "work", "src": "system.work", "onDone": "b"}},
        "b": {"invoke": {"id": "work", "src": "system.work", "onDone": "a"}},
    },
}
CHARGING: dict[str, Any] = {
    "context": {"n": {"@expr": "event.input.n"}},
    "initial": "charging",
    "states": {
        "charging": {
            "invoke": {
                "id": "charge",
                "src": "http",
                "input": {"url": "https://pay.example"},
                "retry": {"initial": "PT10S", "jitter": 0},
                "onDone": [
                    {"guard": {"@expr": "context.n > 3"}, "target": "large"},
                    {"target": "small"},
                ],
                "onError": "failed",
            },
        },
        "large": {"after": {"P1D": "small"}},
        "small": {"type": "final"},
        "failed": {"type": "final"},
    },
    "output": {"n": {"@expr": "context.n"}},
}
ATTEMPTS = simulations.TaskMock(
    attempts=[
        simulations.MockedAttempt(failure=Failure(kind="http.status", retryable=True)),
        simulations.MockedAttempt(output=as_json({"id": 7})),
    ]
)


def passing(**length: float) -> simulations.SimulationStep:
    duration = Duration()
    duration.FromTimedelta(timedelta(**length))
    return simulations.SimulationStep(advance_duration=duration)


def sending(kind: str, payload: object = None) -> simulations.SimulationStep:
    return simulations.SimulationStep(
        event=event_pb2.Event(type=kind, payload=as_json(payload) if payload else None)
    )


async def simulate(client: Client, spec: dict[str, Any], **more: Any) -> simulations.Simulation:
    answer = await client.definitions.SimulateDefinition(
        pb.SimulateDefinitionRequest(spec=as_json(spec), **more)
    )
    return answer.simulation


class TestASimulation:
    async def test_tells_what_happens_and_keeps_nothing(self, client: Client) -> None:
        """Two attempts, a day, an end: in milliseconds, and no instance."""
        simulation = await simulate(
            client,
            CHARGING,
            input=as_json({"n": 5}),
            mocks={"charge": ATTEMPTS},
            steps=[passing(seconds=10), passing(days=1)],
        )

        assert ["start", "advance PT10S", "advance P1D"] == [
            step.description for step in simulation.steps
        ]
        assert ['"charging"', '"large"', '"small"'] == [
            step.state.json for step in simulation.steps
        ]
        end = simulation.steps[-1]
        assert instance_pb2.INSTANCE_STATUS_COMPLETED == end.status
        assert {"n": 5} == json.loads(end.output.json)
        assert "" == simulation.limit_reached
        listed = await client.instances.ListInstances(instance_service_pb2.ListInstancesRequest())
        assert [] == list(listed.instances)

    async def test_tells_of_attempts_tasks_timers_and_history(self, client: Client) -> None:
        """What a form that shows it would need."""
        simulation = await simulate(
            client,
            CHARGING,
            input=as_json({"n": 5}),
            mocks={"charge": ATTEMPTS},
            steps=[passing(seconds=10)],
        )

        start, later = simulation.steps
        created, failed = start.happenings
        (task,) = created.created_tasks
        assert ("charge", "HTTP", 1) == (task.name, task.type, task.ordinal)
        assert simulations.SIMULATED_HAPPENING_KIND_ATTEMPT == failed.kind
        assert 10 == failed.run_time.seconds - failed.happening_time.seconds
        assert 1 == start.tasks[0].attempt
        (done,) = later.happenings
        assert simulations.SIMULATED_HAPPENING_KIND_TASK == done.kind
        assert [
            history_entry_pb2.HISTORY_ENTRY_TYPE_TASK_STARTED,
            history_entry_pb2.HISTORY_ENTRY_TYPE_TASK_COMPLETED,
            history_entry_pb2.HISTORY_ENTRY_TYPE_STATE_TRANSITION,
        ] == [entry.type for entry in done.history]
        (timer,) = later.timers
        assert 86_400 == timer.due_time.seconds - later.end_time.seconds

    async def test_tells_how_decisions_came_about_if_asked(self, client: Client) -> None:
        """Guards, with what they read."""
        simulation = await simulate(
            client,
            CHARGING,
            input=as_json({"n": 2}),
            mocks={"charge": simulations.TaskMock(attempts=[ATTEMPTS.attempts[1]])},
            with_trace=True,
        )

        done = simulation.steps[0].happenings[-1]
        considered = done.microsteps[0].considered
        assert "2" == considered[0].operands["context.n"].json
        assert [considered[1].json_pointer] == list(done.microsteps[0].chosen)

    async def test_of_a_kept_definition_needs_no_spec(self, client: Client) -> None:
        """Whatever its status is: this one was never activated."""
        definition_id = await create(client)

        answer = await client.definitions.SimulateDefinition(
            pb.SimulateDefinitionRequest(
                definition_id=definition_id,
                input=as_json({"amount": 5}),
                steps=[
                    sending("SUBMIT"),
                    simulations.SimulationStep(
                        task=simulations.SimulationStep.Conclusion(
                            name="approve",
                            outcome=simulations.MockedAttempt(output=as_json(None)),
                        )
                    ),
                ],
            )
        )

        end = answer.simulation.steps[-1]
        assert '"paid"' == end.state.json

    async def test_answers_a_step_that_is_refused(self, client: Client) -> None:
        """With the error that its sender would meet; what follows is played all the same."""
        simulation = await simulate(
            client,
            APPROVAL,
            input=as_json({"amount": 5}),
            steps=[sending("PAY"), sending("SUBMIT"), simulations.SimulationStep(cancel="enough")],
        )

        _, refused, sent, cancelled = simulation.steps
        assert "EVENT_NOT_ACCEPTED" == refused.refusal.reason
        assert "SUBMIT" == refused.refusal.metadata["accepts"]
        assert event_pb2.EVENT_DISPOSITION_APPLIED == sent.disposition
        assert instance_pb2.INSTANCE_STATUS_CANCELLED == cancelled.status

    async def test_whose_start_is_refused_has_no_instance(self, client: Client) -> None:
        """An input that the definition cannot use."""
        simulation = await simulate(client, APPROVAL)

        (start,) = simulation.steps
        assert "EXPRESSION_FAILED" == start.refusal.reason
        assert instance_pb2.INSTANCE_STATUS_UNSPECIFIED == start.status

    async def test_without_end_is_told_as_far_as_it_got(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Mocks that chase each other; the answer is cut too, and says so."""
        monkeypatch.setattr(simulate_definition, "MAX_COMPUTING_S", 30.0)

        simulation = await simulate(
            client, FOR_EVER, mocks={"work": simulations.TaskMock(attempts=[ATTEMPTS.attempts[1]])}
        )

        assert "decisions of one run" in simulation.limit_reached
        assert simulation.truncated
        assert 1_000 == len(simulation.steps[0].happenings)

    async def test_that_computes_too_long_is_stopped(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Others want the processor too."""
        monkeypatch.setattr(simulate_definition, "MAX_COMPUTING_S", 0.0)

        simulation = await simulate(client, APPROVAL)

        assert "longer than it may" in simulation.limit_reached

    async def test_may_be_asked_for_by_whoever_may_read(self, serving: Serving) -> None:
        """It changes nothing."""
        async with client_of(serving, await serving.key("viewer")) as viewer:
            simulation = await simulate(viewer, FOR_EVER)

        assert '"a"' == simulation.steps[0].state.json


class TestARequest:
    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"steps": [simulations.SimulationStep()]}, "steps[0]"),
            ({"steps": [sending("")]}, "steps[0].event.type"),
            ({"steps": [sending("xstate.init")]}, "steps[0].event.type"),
            ({"steps": [passing(seconds=-1)]}, "steps[0].advance_duration"),
            ({"steps": [simulations.SimulationStep(cancel="")]}, "steps[0].cancel"),
            (
                {
                    "steps": [
                        simulations.SimulationStep(task=simulations.SimulationStep.Conclusion())
                    ]
                },
                "steps[0].task",
            ),
            ({"mocks": {"work": simulations.TaskMock()}}, "mocks['work']"),
            ({"mocks": {"nothing": ATTEMPTS}}, "mocks"),
            (
                {"mocks": {"work": simulations.TaskMock(each=[simulations.TaskMock.Item()])}},
                "mocks['work'].each[0]",
            ),
            (
                {"mocks": {"work": simulations.TaskMock(attempts=[simulations.MockedAttempt()])}},
                "mocks['work'].attempts[0]",
            ),
            ({"input": as_json([1])}, "input"),
            ({"start_time": Timestamp(seconds=-1)}, "start_time"),
        ],
    )
    async def test_that_is_badly_formed_is_refused_with_the_field(
        self, client: Client, more: dict[str, Any], field: str
    ) -> None:
        """Each place by its path."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await simulate(client, FOR_EVER, **more)

        assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()
        assert field == info_in(caught.value).metadata["field"]

    async def test_of_too_many_steps_is_refused(self, client: Client) -> None:
        """The limit is in the proto."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await simulate(client, FOR_EVER, steps=[passing(seconds=1)] * (scripts.MAX_STEPS + 1))

        assert "LIMIT_EXCEEDED" == info_in(caught.value).reason

    async def test_with_a_broken_spec_is_refused_with_diagnostics(self, client: Client) -> None:
        """As CreateDefinition does."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await simulate(client, {"initial": "x", "states": {"a": {}}})

        assert "DEFINITION_INVALID" == info_in(caught.value).reason

    async def test_without_a_definition_is_refused(self, client: Client) -> None:
        """There is nothing to try out."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.definitions.SimulateDefinition(pb.SimulateDefinitionRequest())

        assert "FIELD_INVALID" == info_in(caught.value).reason

    async def test_for_an_unknown_definition_is_not_found(self, client: Client) -> None:
        """Another tenant's included."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.definitions.SimulateDefinition(
                pb.SimulateDefinitionRequest(definition_id="0190b2d6-0000-7000-8000-000000000000")
            )

        assert grpc.StatusCode.NOT_FOUND == caught.value.code()
