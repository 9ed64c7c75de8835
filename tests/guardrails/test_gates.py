"""The gates that are asked before a call, and the words of events that people always approve."""

import pytest

from shared.guardrails.gates import choices, cost, is_guarded, listed, worst_cost
from shared.guardrails.policy import Model
from shared.guardrails.tightening import settled
from tests.guardrails.policies import EVENTS, a_policy

DEAR = Model(provider="p", model="m", input_price=3_000_001, output_price=15_000_000)


class TestTheWorstCost:
    def test_is_rounded_up(self) -> None:
        """What is reserved is never less than what may be spent."""
        assert [0, 4, 31, 15_000_030] == [
            worst_cost(DEAR, 0, 0),
            worst_cost(DEAR, 1, 0),
            worst_cost(DEAR, 10, 0),
            worst_cost(DEAR, 9, 1_000_000) + 2,
        ]


class TestACall:
    @pytest.mark.parametrize(
        ("input_tokens", "output_tokens", "spent", "reason"),
        [
            (100, 10, 0, ""),
            (101, 10, 0, "input_tokens"),
            (100, 11, 0, "output_tokens"),
            (100, 10, 550, ""),
            (100, 10, 551, "cost_per_task"),
        ],
    )
    def test_that_could_take_more_than_there_is_is_refused(
        self, input_tokens: int, output_tokens: int, spent: int, reason: str
    ) -> None:
        """The worst case counts, up to the last unit."""
        entry = Model(provider="p", model="m", input_price=3_000_000, output_price=15_000_000)
        policy = settled(
            a_policy(limits={"input_tokens": 100, "output_tokens": 10, "cost_per_task": 1_000})
        )
        verdict = cost(policy, entry, input_tokens, output_tokens, spent=spent)

        assert reason == verdict.reason
        assert ("refused" if reason else "passed") == verdict.result


class TestAModel:
    def test_is_its_provider_and_its_name(self) -> None:
        """Another provider's model of the same name is another model."""
        assert [True, False] == [
            listed(a_policy(), provider, "large") is not None
            for provider in ("anthropic", "openai")
        ]


class TestChoices:
    def test_are_the_events_of_the_task_that_the_policy_decides_on_and_denies_not(self) -> None:
        """In the task's order; what the policy does not speak of is not among them."""
        policy = a_policy(denied_events=["ESC*", "DEN"])

        assert ("ASK", "DENY", "APPROVE") == choices(
            policy, ("ASK", "UNKNOWN", "ESCALATE", "DENY", "LOCK", "APPROVE", "abstain")
        )
        assert () == choices(a_policy(decisions=None), EVENTS)


class TestAnEventThatCannotBeUndone:
    @pytest.mark.parametrize(
        "event",
        [
            "CANCEL", "cancel_order", "order.cancelled", "CancelOrder", "DELETE-user", "userDelete",
            "PAY", "PAY_INVOICE", "issueRefund", "GRANT_ACCESS", "role.changed", "POLICY_UPDATE",
            "HTTPDelete", "PAY2", "x/PAYMENT",
        ],
    )  # fmt: skip
    def test_is_known_by_a_word_of_its_name(self, event: str) -> None:
        """In whatever way words are put together in names."""
        assert is_guarded(event)

    @pytest.mark.parametrize("event", ["APPROVE", "PAYLOAD_READY", "repaint", "DISPLAY", "Payload"])
    def test_is_not_one_that_only_looks_like_it(self, event: str) -> None:
        """Else nothing could ever be done without a person."""
        assert not is_guarded(event)
