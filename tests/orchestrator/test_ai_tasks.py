"""
What may come of an AI task: an event that passed every gate, or a person's decision. Whatever the
model answers, and whatever its executor says of that.
"""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from control_plane.orchestrator import Verdict
from control_plane.orchestrator.request import CastVote
from control_plane.ports.audit import AuditFilter
from control_plane.ports.people import Person
from shared import json
from shared.errors import FoliotError, InvalidRequest, NotFound
from shared.ids import task_id
from shared.json import Json
from shared.tasks import ClaimedTask, Outcome
from tests.contract.worlds import ACME, World
from tests.orchestrator.ai_stage import POLICY, TRIAGE, AiStage, answer, claim

# What is judged there is judged before any store is asked to keep it.
IN_MEMORY = pytest.mark.parametrize("world", ["memory"], indirect=True)


@pytest.fixture
async def stage(world: World) -> AsyncIterator[AiStage]:
    """An orchestrator at work, and what a test does with AI tasks."""
    stage = AiStage(world)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.orchestrator.run(stop))
        yield stage
        stop.set()


def reviewer(user: str) -> Person:
    """One of those that the policy names."""
    return Person(name=f"user:{user}", user=user, roles=frozenset({"desk"}))


async def refusal(asked: object) -> str:
    with pytest.raises(FoliotError) as refused:
        await asked  # type: ignore[misc]  # a coroutine of the stage
    return refused.value.reason


class TestAChoiceThatMayAct:
    async def test_moves_the_instance_in_the_commit_of_its_outcome(self, stage: AiStage) -> None:
        """By the event, as anybody's; the history says who chose, by which policy and call."""
        task = await stage.asked()

        ack = await stage.chosen(task)

        assert Verdict.APPLIED is ack.verdict
        instance = await stage.instance(task.instance_id)
        assert ('"accepted"', "ai") == (instance.current_state, json.load(instance.context)["by"])  # type: ignore[call-overload,index]
        (decided,) = [e for e in await stage.history(task.instance_id) if e.type == "AI_DECIDED"]
        told = json.load(decided.payload)
        assert isinstance(told, dict)
        assert ("ACT", "APPROVE", "ai", "triage@1", 1) == (
            told["decision"],
            told["event"],
            told["by"],
            told["policy"],
            told["call"],
        )
        await stage.assert_whole(task.instance_id)

    async def test_is_applied_once_however_often_it_is_told(self, stage: AiStage) -> None:
        """The epoch fences it, as any outcome."""
        task = await stage.asked()
        await stage.chosen(task)

        again = await stage.tell(task, claim())

        assert Verdict.DUPLICATE is again.verdict

    @IN_MEMORY
    @pytest.mark.parametrize(
        ("policy", "choice", "why"),
        [
            ({"mode": "suggest"}, "APPROVE", "suggest"),
            ({"mode": "shadow"}, "APPROVE", "shadow"),
            ({}, "abstain", "abstained"),
            ({"decisions": {"APPROVE": {"risk": "low", "act": "auto", "min_confidence": 0.99}}},
             "APPROVE", "confidence"),
            ({"decisions": {"APPROVE": {"risk": "high", "act": "auto", "min_confidence": 0.5}}},
             "APPROVE", "risk"),
        ],
    )  # fmt: skip
    async def test_goes_to_a_person_where_a_gate_lowers_it(
        self, stage: AiStage, policy: dict[str, Any], choice: str, why: str
    ) -> None:
        """Nothing has moved: the AI task waits beside the one that reviews it."""
        task = await stage.asked(**policy)

        await stage.chosen(task, choice)

        instance = await stage.instance(task.instance_id)
        assert '"triage"' == instance.current_state
        review, suggestion = await stage.review(task)
        body = json.load(suggestion.body)
        assert isinstance(body, dict)
        assert why == body["why"]
        assert "HUMAN" == review.type
        await stage.assert_whole(task.instance_id)

    async def test_goes_to_a_person_where_the_state_does_not_take_it(self, stage: AiStage) -> None:
        """What is legal now, only this turn knows."""
        task = await stage.asked()
        await stage.send(task.instance_id, "RAISE")

        await stage.chosen(task, "DENY")

        assert '"triage"' == (await stage.instance(task.instance_id)).current_state
        _, suggestion = await stage.review(task)
        body = json.load(suggestion.body)
        assert isinstance(body, dict)
        assert "not_accepted" == body["why"]
        assert "EVENT_NOT_ACCEPTED" == await refusal(stage.decide(task))
        await stage.decide(task, "EDIT", event="APPROVE")
        assert '"accepted"' == (await stage.instance(task.instance_id)).current_state

    async def test_goes_to_a_person_while_the_instance_is_paused(self, stage: AiStage) -> None:
        """Who decides then has to resume it first."""
        task = await stage.asked()
        await stage.pause(task.instance_id)

        await stage.chosen(task)

        assert "INSTANCE_PAUSED" == await refusal(stage.decide(task))
        await stage.resume(task.instance_id)
        await stage.decide(task)
        assert '"accepted"' == (await stage.instance(task.instance_id)).current_state


class TestAnExecutorThatLies:
    @IN_MEMORY
    @pytest.mark.parametrize(
        "told",
        [
            claim("DENY"),
            claim(confidence=0.99),
            claim(data={"amount": 1}),
            claim(call=2),
            claim(call="1"),
            claim(call=True),
            {"choice": "APPROVE"},
            {},
            "APPROVE",
            None,
            {"choice": "APPROVE", "data": {}, "by": "ai"},
        ],
    )
    async def test_is_not_believed(self, stage: AiStage, told: Json) -> None:
        """The recorded answer says something else, or nothing was recorded at all."""
        task = await stage.asked()
        await stage.call(task, answer())

        await stage.tell(task, told)

        instance = await stage.instance(task.instance_id)
        assert '"desk"' == instance.current_state
        assert '"ai.not_believed"' in instance.context

    @pytest.mark.parametrize("told", [claim("DENY"), "APPROVE"])
    async def test_is_told_of_in_the_audit_log(self, stage: AiStage, told: Json) -> None:
        """Whose key it was and what it claimed about, once, in the commit that fails the task."""
        task = await stage.asked()
        await stage.call(task, answer())

        await stage.tell(task, told)
        await stage.tell(task, told)

        (entry,) = await stage.world.audit.list(ACME, AuditFilter(), after=None, limit=9)
        assert ("task", task_id(task.instance_id, task.ordinal)) == entry.target
        assert ("workers", "k1") == (entry.noted.principal, entry.noted.credential_id)
        assert entry.noted.reason.startswith("ai.not_believed: ")
        assert entry.before_hash != entry.after_hash

    async def test_that_is_honest_is_no_affair_of_the_audit_log(self, stage: AiStage) -> None:
        """Nor is a model that answers badly: that is what the gates are for."""
        task = await stage.asked()
        await stage.call(task, answer("OTHER"))

        await stage.tell(task, claim("OTHER"))

        assert [] == list(await stage.world.audit.list(ACME, AuditFilter(), after=None, limit=9))

    async def test_does_not_choose_among_the_answers_it_got(self, stage: AiStage) -> None:
        """Only the last call counts: asking until the model says what is wanted leads nowhere."""
        task = await stage.asked()
        await stage.call(task, answer("DENY"))
        await stage.call(task, answer("APPROVE"), 2)

        await stage.tell(task, claim("DENY"))

        assert '"ai.not_believed"' in (await stage.instance(task.instance_id)).context

    async def test_does_not_get_past_the_policy_by_what_it_recorded(self, stage: AiStage) -> None:
        """An event that the policy denies, an answer of another form, another model."""
        task = await stage.asked(denied_events=["APPR*"])
        await stage.call(task, answer())

        await stage.tell(task, claim())

        instance = await stage.instance(task.instance_id)
        assert ('"desk"', True) == (instance.current_state, "ai.invalid_output" in instance.context)

    async def test_does_not_leave_the_task_to_wait_for_nobody(self, stage: AiStage) -> None:
        """That its result comes later is for tasks that somebody outside ends."""
        task = await stage.asked()

        await stage.report(task, Outcome.awaiting())

        assert '"ai.not_believed"' in (await stage.instance(task.instance_id)).context


class TestAnAiTask:
    async def test_fails_without_a_policy(self, stage: AiStage) -> None:
        """None was active under its name when it was created."""
        await stage.world.ai_policies.create(ACME, "triage", "{}", "h", by="ada", max_versions=9)
        task = await stage.asked(name="other")

        assert "no_policy" == (await stage.reserve(task)).refusal
        await stage.tell(task, claim())

        assert '"ai.no_policy"' in (await stage.instance(task.instance_id)).context

    async def test_is_bound_by_the_default_policy_too(self, stage: AiStage) -> None:
        """A tenant's default only tightens what the definition names."""
        await stage.allow(name="default", mode="suggest")
        task = await stage.asked()

        await stage.chosen(task)

        assert '"triage"' == (await stage.instance(task.instance_id)).current_state

    async def test_is_bound_by_the_platform_too(self, stage: AiStage) -> None:
        """What the operator does not allow, no tenant does."""
        await stage.allow_everywhere(mode="suggest")
        task = await stage.asked()

        await stage.chosen(task)

        assert '"triage"' == (await stage.instance(task.instance_id)).current_state

    @IN_MEMORY
    @pytest.mark.parametrize("where", ["definition", "task"])
    async def test_is_bound_by_its_definition_too(self, stage: AiStage, where: str) -> None:
        """Who writes a process can be more careful than its tenant; what is said stays said."""
        spec = deepcopy(TRIAGE)
        at = spec if where == "definition" else spec["states"]["triage"]["invoke"]
        at["guardrails"] = {"mode": "suggest"}
        task = await stage.asked(spec)

        await stage.chosen(task)

        assert '"triage"' == (await stage.instance(task.instance_id)).current_state
        _, suggestion = await stage.review(task)
        assert '"why":"suggest"' in suggestion.body

    async def test_fails_once_it_is_switched_off(self, stage: AiStage) -> None:
        """At once: also a choice that was made already moves nothing."""
        task = await stage.asked()
        await stage.call(task, answer())
        await stage.world.ai_policies.switch_off(ACME, "triage", reason="odd", by="ada")

        await stage.tell(task, claim())

        assert '"ai.off"' in (await stage.instance(task.instance_id)).context

    async def test_is_no_callers_to_end(self, stage: AiStage) -> None:
        """Nobody gets an event into the machine by completing an AI task, or what reviews it."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)
        review, _ = await stage.review(task)

        for ordinal in (task.ordinal, review.ordinal):
            assert "TASK_NOT_COMPLETABLE" == await refusal(
                stage.settle(task.instance_id, ordinal, {"choice": "APPROVE"})
            )
            assert "TASK_NOT_COMPLETABLE" == await refusal(
                stage.settle_failed(task.instance_id, ordinal, retryable=False)
            )

    @IN_MEMORY
    @pytest.mark.parametrize(
        ("wanted", "refusal"),
        [
            ({"model": "small"}, "model"),
            ({"provider": "openai"}, "model"),
            ({"max_input_tokens": 1_000_000}, "tokens"),
            ({"max_output_tokens": 100_000}, "tokens"),
        ],
    )
    async def test_calls_nothing_that_the_policy_does_not_list(
        self, stage: AiStage, wanted: dict[str, Any], refusal: str
    ) -> None:
        """What cannot be priced, or is not allowed, is not granted."""
        task = await stage.asked()

        assert refusal == (await stage.reserve(task, **wanted)).refusal

    async def test_costs_what_the_policy_says_and_not_what_its_executor_does(
        self, stage: AiStage
    ) -> None:
        """1,000 tokens at worst, of a unit a million; 100 were counted."""
        task = await stage.asked()

        assert 1_000 == (await stage.reserve(task)).cost
        await stage.call(task, answer())

        (spend,) = await stage.world.ai_records.spend(ACME, [str(task.instance_id)])
        assert (100, 100, 10) == (spend.committed, spend.input_tokens, spend.output_tokens)


class TestASuggestion:
    async def test_moves_the_instance_once_somebody_approves_it(self, stage: AiStage) -> None:
        """Both tasks end in that commit; the machine is told by whom."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)

        await stage.decide(task)

        instance = await stage.instance(task.instance_id)
        assert '"accepted"' == instance.current_state
        assert '"bea"' in instance.context
        ended = {t.name: t.status for t in await stage.tasks(task.instance_id)}
        assert {"decide": "succeeded", "review decide": "succeeded", "send": "pending"} == ended
        await stage.assert_whole(task.instance_id)

    async def test_shows_what_it_would_do(self, stage: AiStage) -> None:
        """What the engine makes of the event now: states, tasks, members of the context."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)

        review, suggestion = await stage.review(task)

        given = json.load(review.input)
        assert isinstance(given, dict)
        preview = given["preview"]
        assert isinstance(preview, dict)
        assert ("accepted", ["send"], ["by"]) == (
            preview["state"],
            preview["tasks_created"],
            preview["context_changed"],
        )
        assert ("APPROVE", suggestion.hash, "triage@1", "anthropic/large") == (
            given["proposed"],
            given["hash"],
            given["policy"],
            given["model"],
        )

    async def test_is_stale_once_its_event_would_do_something_else(self, stage: AiStage) -> None:
        """A larger amount would be sent than was looked at."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)
        await stage.send(task.instance_id, "RAISE")

        assert "SUGGESTION_STALE" == await refusal(stage.decide(task))

        await stage.decide(task, "EDIT", event="APPROVE")
        assert '"accepted"' == (await stage.instance(task.instance_id)).current_state

    async def test_is_approved_by_its_hash_alone(self, stage: AiStage) -> None:
        """Nobody approves what they did not see."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)

        assert "SUGGESTION_STALE" == await refusal(stage.decide(task, hash="0" * 64))
        assert '"triage"' == (await stage.instance(task.instance_id)).current_state

    async def test_can_be_edited_to_another_event_of_the_task_alone(self, stage: AiStage) -> None:
        """A person goes by the same list."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)

        with pytest.raises(InvalidRequest):
            await stage.decide(task, "EDIT", event="RAISE")
        await stage.decide(task, "EDIT", event="DENY", data={"note": "no"})

        assert "completed" == (await stage.instance(task.instance_id)).status

    async def test_fails_the_ai_task_when_it_is_rejected(self, stage: AiStage) -> None:
        """The machine goes its way for what went wrong."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)

        await stage.decide(task, "REJECT", reason="never")

        instance = await stage.instance(task.instance_id)
        assert ('"desk"', True) == (instance.current_state, '"ai.rejected"' in instance.context)
        await stage.assert_whole(task.instance_id)

    async def test_fails_it_too_when_nobody_decides_in_time(self, stage: AiStage) -> None:
        """And is kept as one that expired."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)
        _, suggestion = await stage.review(task)
        await stage.world.move_clock(timedelta(hours=25))

        await stage.fire_due()

        instance = await stage.instance(task.instance_id)
        assert ('"desk"', True) == (instance.current_state, '"ai.expired"' in instance.context)
        key = suggestion.key._replace(ordinal=suggestion.review)
        kept = await stage.world.ai_records.suggestion(key)
        assert kept is not None
        assert "EXPIRE" == kept.decision
        await stage.assert_whole(task.instance_id)

    async def test_is_decided_once(self, stage: AiStage) -> None:
        """Of two that decide at once, one finds it decided."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)
        shown = await stage.review(task)

        both = await asyncio.gather(
            stage.decide(task, shown=shown),
            stage.decide(task, "REJECT", shown=shown),
            return_exceptions=True,
        )

        (lost,) = [one for one in both if isinstance(one, FoliotError)]
        assert "TASK_CLOSED" == lost.reason

    async def test_is_not_for_whoever_started_the_instance(self, stage: AiStage) -> None:
        """Four eyes, where the policy asks for them."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)
        starter = Person(name="ada", user="ada", roles=frozenset({"desk"}))
        stranger = Person(name="user:eve", user="eve")

        assert "TASK_SEPARATED" == await refusal(stage.decide(task, person=starter))
        with pytest.raises(NotFound):
            await stage.decide(task, person=stranger)

    async def test_goes_when_the_state_is_left(self, stage: AiStage) -> None:
        """Somebody's event was faster: there is nothing to decide any more."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)
        await stage.send(task.instance_id, "APPROVE", {"by": "eve"})

        statuses = {t.name: t.status for t in await stage.tasks(task.instance_id)}

        assert ("cancelled", "cancelled") == (statuses["decide"], statuses["review decide"])
        await stage.assert_whole(task.instance_id)

    async def test_fails_where_the_policy_lets_nobody_decide(self, stage: AiStage) -> None:
        """Rather than waiting for ever."""
        task = await stage.asked(mode="suggest", approval={"users": [], "roles": []})

        await stage.chosen(task)

        assert '"ai.no_reviewer"' in (await stage.instance(task.instance_id)).context


class TestASuggestionForSeveral:
    async def asked(self, stage: AiStage, needed: int = 2, **policy: Any) -> ClaimedTask:
        """The AI task, now that so many have to approve what a model chose for it."""
        approval = {**POLICY["approval"], "quorum": needed}
        task = await stage.asked(mode="suggest", approval=approval, **policy)
        await stage.chosen(task)
        return task

    async def test_is_carried_out_by_the_last_vote_that_is_needed(self, stage: AiStage) -> None:
        """Before that nothing moves; the same person again is no other one."""
        task = await self.asked(stage, 3)
        for user in ("bea", "bea", "cy"):
            await stage.decide(task, person=reviewer(user))
            assert '"triage"' == (await stage.instance(task.instance_id)).current_state

        await stage.decide(task, "EDIT", event="APPROVE", data={}, person=reviewer("dan"))

        instance = await stage.instance(task.instance_id)
        assert ('"accepted"', True) == (instance.current_state, '"dan"' in instance.context)
        voted = [e for e in await stage.history(task.instance_id) if e.type == "TASK_VOTED"]
        assert ["user:bea", "user:cy", "user:dan"] == [
            json.load(one.payload)["by"]  # type: ignore[call-overload,index]
            for one in voted
        ]
        await stage.assert_whole(task.instance_id)

    async def test_is_not_for_who_voted_for_something_else(self, stage: AiStage) -> None:
        """Two agree, or nobody has; and who has voted does not vote again."""
        task = await self.asked(stage)
        await stage.decide(task, person=reviewer("bea"))
        await stage.decide(task, "EDIT", event="DENY", person=reviewer("cy"))

        assert '"triage"' == (await stage.instance(task.instance_id)).current_state
        again = stage.decide(task, person=reviewer("cy"))
        assert "TASK_VOTED_ALREADY" == await refusal(again)
        await stage.decide(task, "EDIT", event="DENY", person=reviewer("dan"))
        assert "completed" == (await stage.instance(task.instance_id)).status

    @IN_MEMORY
    async def test_does_not_add_up_votes_on_different_consequences(self, stage: AiStage) -> None:
        """Whoever approved of a small amount has not approved of a large one."""
        task = await self.asked(stage)
        await stage.decide(task, person=reviewer("bea"))
        await stage.send(task.instance_id, "RAISE")

        assert "SUGGESTION_STALE" == await refusal(stage.decide(task, person=reviewer("cy")))
        for user, state in (("cy", "triage"), ("dan", "accepted")):
            await stage.decide(task, "EDIT", event="APPROVE", data={}, person=reviewer(user))
            assert f'"{state}"' == (await stage.instance(task.instance_id)).current_state

    @IN_MEMORY
    async def test_is_rejected_by_one(self, stage: AiStage) -> None:
        """A veto moves nothing that an approval would not have moved later."""
        task = await self.asked(stage)
        await stage.decide(task, person=reviewer("bea"))

        await stage.decide(task, "REJECT", person=reviewer("cy"))

        assert '"ai.rejected"' in (await stage.instance(task.instance_id)).context

    @IN_MEMORY
    async def test_is_for_nobody_who_may_not_decide_alone(self, stage: AiStage) -> None:
        """Neither who started the instance, nor a stranger; operators may."""
        task = await self.asked(stage)
        stranger = Person(name="user:eve", user="eve")
        operator = Person(name="key:op", user="op", manages=True, sees_all=True)

        assert "TASK_SEPARATED" == await refusal(stage.decide(task, person=reviewer("ada")))
        with pytest.raises(NotFound):
            await stage.decide(task, person=stranger)
        await stage.decide(task, person=operator)
        await stage.decide(task, person=reviewer("bea"))
        assert '"accepted"' == (await stage.instance(task.instance_id)).current_state

    @IN_MEMORY
    @pytest.mark.parametrize("layer", ["platform", "definition"])
    async def test_takes_as_many_as_any_layer_asks_for(self, stage: AiStage, layer: str) -> None:
        """A tenant that asks for one gets two, where the platform, or the process, wants two."""
        two: dict[str, Any] = {"approval": {"quorum": 2}}
        spec = TRIAGE
        if layer == "platform":
            await stage.allow_everywhere(**two)
        else:
            spec = {**TRIAGE, "guardrails": two}
        task = await stage.asked(spec, mode="suggest")
        await stage.chosen(task)

        await stage.decide(task, person=reviewer("bea"))

        assert '"triage"' == (await stage.instance(task.instance_id)).current_state

    @IN_MEMORY
    async def test_is_not_decided_by_a_vote_that_names_no_hash(self, stage: AiStage) -> None:
        """A vote that names no hash is for nothing that anybody saw."""
        task = await self.asked(stage)
        review, _ = await stage.review(task)
        vote = CastVote(ordinal=review.ordinal, approves=True, person=reviewer("bea"))

        assert "TASK_NOT_COMPLETABLE" == await refusal(stage.ask(task.instance_id, vote))


class TestAShadow:
    async def test_is_not_shown_and_is_compared_with_what_people_decide(
        self, stage: AiStage
    ) -> None:
        """How often a model would have been right can be known before it may do anything."""
        task = await stage.asked(mode="shadow")
        await stage.chosen(task)
        review, _ = await stage.review(task)

        assert "proposed" not in review.input
        assert 1 == review.input.count("APPROVE")
        with pytest.raises(InvalidRequest):
            await stage.decide(task)
        await stage.decide(task, "EDIT", event="APPROVE")

        (told,) = await stage.world.ai_records.agreement(ACME, "triage", None)
        assert (1, 1, 0, True) == (told.decided, told.agreed, told.abstained, told.is_shadow)

    async def test_counts_where_people_decide_otherwise(self, stage: AiStage) -> None:
        """Of every mode that asks a person."""
        task = await stage.asked(mode="suggest")
        await stage.chosen(task)
        await stage.decide(task, "EDIT", event="DENY")

        (told,) = await stage.world.ai_records.agreement(ACME, "triage", None)

        assert (1, 0, False) == (told.decided, told.agreed, told.is_shadow)
        assert [] == list(await stage.world.ai_records.agreement(ACME, "other", None))
