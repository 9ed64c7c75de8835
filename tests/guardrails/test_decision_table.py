"""
The decision table of the gates, all of it: each combination of what they look at has one answer.

The table is written here a second time, as caps on what may come of an answer, the lowest of
which holds.
"""

from itertools import product

import pytest

from shared.guardrails.gates import Autonomy, Classification, Gate
from shared.guardrails.judging import Judgement, TaskFacts, judge
from shared.guardrails.policy import Policy
from shared.guardrails.reading import parse_effective
from shared.guardrails.tightening import settled
from shared.json import dump

REFUSE, ABSTAIN, SHADOW, SUGGEST, ACT = Autonomy

BY_MODE = {"off": REFUSE, "shadow": SHADOW, "suggest": SUGGEST, "act": ACT}
BY_ACT = {"never": REFUSE, "with_approval": SUGGEST, "auto": ACT}
BY_RISK_AND_TRUST = {
    ("low", True): ACT,
    ("low", False): ACT,
    ("medium", True): ACT,
    ("medium", False): SUGGEST,
    ("high", True): SUGGEST,
    ("high", False): SUGGEST,
}
SURE, UNSURE, WANTED = 0.9, 0.3, 0.5
MODEL = {"provider": "p", "model": "m", "input_price": 1, "output_price": 1}
TAINTS = ("no", "by the input", "by a tool")


def policy(mode: str, event: str, act: str, risk: str, *, denied: bool) -> Policy:
    body = {
        "mode": mode,
        "models": [MODEL],
        "decisions": {event: {"act": act, "risk": risk, "min_confidence": WANTED}},
        "denied_events": [event[:2] + "*"] if denied else [],
        "send": ["/text"],
        "untrusted": ["/text"],
    }
    return settled(parse_effective(dump(body)))  # type: ignore[arg-type]  # it is JSON


def facts(*events: str, taint: str = "no", **changes: object) -> TaskFacts:
    known = {
        "events": events,
        "input": {"text": "x"} if taint == "by the input" else {},
        "provider": "p",
        "model": "m",
        "has_tool_results": taint == "by a tool",
        **changes,
    }
    return TaskFacts(**known)  # type: ignore[arg-type]  # the changes are a test's


def answer(choice: str, confidence: float = SURE) -> str:
    return dump({"choice": choice, "confidence": confidence, "reason": "because"})


def brief(judgement: Judgement) -> tuple[Autonomy, str | None]:
    return judgement.autonomy, judgement.choice


class TestAChoice:
    @pytest.mark.parametrize("mode", BY_MODE)
    def test_comes_to_the_least_that_anything_about_it_allows(self, mode: str) -> None:
        """Mode, rule, risk, trust, confidence and the event's own words, in every combination."""
        wrong = []
        for event, act, risk, denied, asked, confidence, taint in product(
            ("ACCEPT", "PAY_INVOICE"),
            BY_ACT,
            ("low", "medium", "high"),
            (False, True),
            (False, True),
            (SURE, WANTED, UNSURE),
            TAINTS,
        ):
            expected = min(
                BY_MODE[mode],
                BY_ACT[act],
                BY_RISK_AND_TRUST[risk, taint == "no"],
                SUGGEST if event == "PAY_INVOICE" or confidence < WANTED else ACT,
                REFUSE if denied or not asked else ACT,
            )
            events = (event, "OTHER") if asked else ("OTHER",)
            judgement = judge(
                policy(mode, event, act, risk, denied=denied),
                facts(*events, taint=taint),
                answer(event, confidence),
            )
            if brief(judgement) != (expected, event if expected else None):
                wrong.append((event, act, risk, denied, asked, confidence, taint, judgement))

        assert [] == wrong

    @pytest.mark.parametrize("mode", BY_MODE)
    @pytest.mark.parametrize("taint", TAINTS)
    def test_to_abstain_goes_to_a_person_wherever_a_model_is_asked(
        self, mode: str, taint: str
    ) -> None:
        """To abstain needs no permission and no confidence."""
        rules = policy(mode, "ACCEPT", "never", "high", denied=True)
        judgement = judge(rules, facts("ACCEPT", taint=taint), answer("abstain", 0))

        assert (REFUSE if mode == "off" else ABSTAIN, None) == brief(judgement)


class TestWhatKeepsAnAnswerFromBeingLookedAt:
    def test_is_told_by_the_first_gate_that_refuses(self) -> None:
        """Switch, model, classification: in every combination, whatever the answer."""
        wrong = []
        for mode, killed, model, classification, raw in product(
            BY_MODE,
            (False, True),
            ("m", "n"),
            Classification,
            (answer("ACCEPT"), answer("abstain"), answer("OTHER"), "ACCEPT", ""),
        ):
            known = facts("ACCEPT", is_killed=killed, model=model, classification=classification)
            judgement = judge(policy(mode, "ACCEPT", "auto", "low", denied=False), known, raw)
            last = judgement.verdicts[-1]
            expected: tuple[Autonomy, Gate, str | None]
            if killed or mode == "off":
                expected = (REFUSE, Gate.SWITCH, "ai.off")
            elif model == "n":
                expected = (REFUSE, Gate.MODEL, "ai.model")
            elif classification is not Classification.OK:
                kinds = {"refusal": "ai.refused", "truncated": "ai.invalid_output"}
                kind = kinds.get(classification, "ai.provider")
                expected = (REFUSE, Gate.CLASSIFICATION, kind)
            elif raw == answer("abstain"):
                expected = (ABSTAIN, Gate.MAPPING, None)
            elif raw == answer("ACCEPT"):
                expected = (BY_MODE[mode], Gate.CLAMP, None)
            else:
                expected = (REFUSE, Gate.SCHEMA, "ai.invalid_output")
            if (judgement.autonomy, last.gate, judgement.failure) != expected:
                wrong.append((mode, killed, model, classification, raw, judgement))

        assert [] == wrong

    def test_a_verdict_stands_for_each_gate_that_was_asked(self) -> None:
        """The record of a call tells how far it came."""
        judgement = judge(
            policy("act", "ACCEPT", "auto", "low", denied=False), facts("ACCEPT"), answer("ACCEPT")
        )

        assert [
            (gate, "passed")
            for gate in (
                Gate.SWITCH,
                Gate.MODEL,
                Gate.CLASSIFICATION,
                Gate.SCHEMA,
                Gate.MAPPING,
                Gate.CLAMP,
            )
        ] == [(one.gate, one.result) for one in judgement.verdicts]
