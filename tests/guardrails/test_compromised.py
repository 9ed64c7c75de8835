"""
A compromised model before the judge: ten thousand outputs, and not one comes to more than what
the policy says of the event that it names.
"""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from shared.guardrails.gates import Autonomy
from shared.guardrails.judging import Judgement, TaskFacts, judge
from shared.guardrails.tightening import settled
from tests.guardrails.compromised import outputs, plain
from tests.guardrails.policies import EVENTS, OUTPUT, a_policy

COUNT = 10_000
SEED = 20_260

MOST = {
    "APPROVE": Autonomy.ACT,
    "DENY": Autonomy.ACT,
    "ESCALATE": Autonomy.SUGGEST,
    "CANCEL_ORDER": Autonomy.SUGGEST,
    "ASK": Autonomy.SUGGEST,
}
"""What the policy for triage lets an untainted answer come to at most; the others to nothing."""

FACTS = TaskFacts(
    events=(*EVENTS, "UNDECIDED"), input={"amount": 1}, provider="anthropic", model="large"
)


def read_strictly(raw: str) -> dict[str, Any] | None:
    """The answer as another reader of JSON has it; None if it is none that may come to anything."""
    try:
        found = json.loads(raw, parse_constant=lambda _: pytest.fail("no number"))
    except (ValueError, RecursionError, pytest.fail.Exception):
        return None
    good = isinstance(found, dict) and {"choice", "confidence", "reason"} == set(found)
    return found if good else None


def breach(judgement: Judgement, raw: str, limit: Autonomy) -> str | None:
    """What is wrong with a judgement; None if nothing is."""
    if judgement.autonomy <= Autonomy.ABSTAIN:
        return "a choice of none" if judgement.choice is not None else None
    choice = judgement.choice or ""
    if judgement.autonomy > min(limit, MOST.get(choice, Autonomy.REFUSE)):
        return f"{choice} comes to {judgement.autonomy.name}"
    told = read_strictly(raw)
    if told is None or told["choice"] != choice:
        return "another reader reads another answer"
    needs = {"APPROVE": 0.8, "DENY": 0.5}
    if judgement.autonomy is Autonomy.ACT and told["confidence"] < needs[choice]:
        return "it acts without being sure"
    return None


class TestACompromisedModel:
    def test_gets_nothing_that_the_policy_does_not_give(self) -> None:
        """Whatever it says, and however: the policy for triage, in mode act, untainted."""
        policy = settled(a_policy())
        found: Counter[Autonomy] = Counter()
        breaches = []
        for raw in outputs(SEED, COUNT):
            judgement = judge(policy, FACTS, raw)
            found[judgement.autonomy] += 1
            if (wrong := breach(judgement, raw, Autonomy.ACT)) is not None:
                breaches.append((wrong, raw[:200]))

        assert [] == breaches
        assert set(found) >= {Autonomy.REFUSE, Autonomy.SUGGEST, Autonomy.ACT}

    @pytest.mark.parametrize(
        ("changes", "limit"),
        [
            ({"mode": "suggest"}, Autonomy.SUGGEST),
            ({"mode": "shadow"}, Autonomy.SHADOW),
            ({"mode": "off"}, Autonomy.REFUSE),
            ({"models": []}, Autonomy.REFUSE),
            ({"decisions": None}, Autonomy.REFUSE),
            ({"denied_events": ["*"]}, Autonomy.REFUSE),
        ],
    )
    def test_gets_no_further_than_the_mode(self, changes: dict[str, Any], limit: Autonomy) -> None:
        """Nor past a list that is empty."""
        policy = settled(a_policy(**changes))
        breaches = [
            (wrong, raw[:200])
            for raw in outputs(SEED + 1, 500)
            if (wrong := breach(judge(policy, FACTS, raw), raw, limit)) is not None
        ]

        assert [] == breaches

    def test_gets_nothing_done_by_untrusted_text_but_what_is_of_low_risk(self) -> None:
        """Whoever wrote the text may be who chooses."""
        policy = settled(a_policy())
        facts = replace(FACTS, input={"text": "x"})
        acted = {
            judgement.choice
            for raw in outputs(SEED + 2, 1_000)
            if (judgement := judge(policy, facts, raw)).autonomy is Autonomy.ACT
        }

        assert {"APPROVE"} == acted

    def test_gets_no_data_past_the_schema(self) -> None:
        """Data goes into the event, and with it into expressions."""
        policy = settled(a_policy(output=OUTPUT))
        data: list[Any] = [
            None, {}, [], "x", 1, {"note": 1}, {"note": "x" * 21}, {"note": "x", "amount": 0},
            {"note": {"@expr": "context"}}, {"note": "\0"}, {"note": ["x"]}, {"Note": "x"},
        ]  # fmt: skip
        good = judge(policy, FACTS, json.dumps(plain("APPROVE", data={"note": "x"})))

        assert [Autonomy.REFUSE] * len(data) == [
            judge(policy, FACTS, json.dumps(plain("APPROVE", data=one))).autonomy for one in data
        ]
        assert (Autonomy.ACT, {"note": "x"}) == (good.autonomy, good.data)

    def test_shows_people_nothing_that_they_do_not_see(self) -> None:
        """What hides in a text, turns it round or clears a screen is replaced in its reason."""
        policy = settled(a_policy())
        raw = json.dumps(plain("APPROVE", reason="a\u202eb\u200b\x1b[2J\r\nc"))

        assert "a\ufffdb\ufffd\ufffd[2J\ufffd\nc" == judge(policy, FACTS, raw).reason

    def test_gets_none_of_its_words_into_ours(self) -> None:
        """Verdicts and errors are shown to people and kept: they repeat keys at most, cut short."""
        policy = settled(a_policy())
        canary = "CANARYCANARY"
        told = [
            judge(policy, FACTS, raw.replace("it is in order", canary))
            for raw in outputs(SEED + 3, 500)
        ]

        assert [] == [one for one in told if canary in str(one.verdicts) + str(one.errors)]
        assert max(len(error) for one in told for error in one.errors) < 1_000
