"""
The decision table of the gates, all of it: each combination of what they look at has one answer.

The table is written here a second time, as caps on what may come of an answer, the lowest of
which holds.
"""

from itertools import permutations, product

import pytest

from shared.guardrails.gates import Autonomy, Classification, Gate
from shared.guardrails.judging import Judgement, TaskFacts, judge
from shared.guardrails.policy import Policy
from shared.guardrails.reading import parse_effective, read_policy
from shared.guardrails.tightening import effective, settled
from shared.guardrails.writing import dump_policy
from shared.json import Json, dump

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
MODEL: dict[str, Json] = {"provider": "p", "model": "m", "input_price": 1, "output_price": 1}
RISKS = ("low", "medium", "high")
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


def ruled(**rule: Json) -> dict[str, Json]:
    """A layer that says this of choosing ACCEPT, and of the rest what takes nothing away."""
    loose: dict[str, Json] = {"act": "auto", "risk": "low", "min_confidence": 0}
    return {"decisions": {"ACCEPT": {**loose, **rule}}}


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
            RISKS,
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


LAYERS = ("platform", "tenant", "definition", "task")
UNSAID = None
FREE: dict[str, Json] = {
    "mode": "act",
    "models": [MODEL],
    "decisions": {"ACCEPT": {"act": "auto", "risk": "low", "min_confidence": WANTED}},
    "send": ["/text"],
}
"""What the tenant's policy allows where no layer takes anything from it."""

BY_AXIS: dict[str, dict[str, tuple[dict[str, Json], Autonomy]]] = {
    "mode": {mode: ({"mode": mode}, cap) for mode, cap in BY_MODE.items()},
    "act": {act: (ruled(act=act), cap) for act, cap in BY_ACT.items()},
    "risk": {risk: (ruled(risk=risk), BY_RISK_AND_TRUST[risk, True]) for risk in RISKS},
    "confidence": {
        "less": (ruled(min_confidence=0.1), ACT),
        "more": (ruled(min_confidence=1), SUGGEST),
    },
    "denied": {"ACC*": ({"denied_events": ["ACC*"]}, REFUSE), "X": ({"denied_events": []}, ACT)},
    "decisions": {"other": ({"decisions": {"OTHER": {"act": "auto"}}}, REFUSE)},
    "models": {"other": ({"models": [{**MODEL, "model": "n"}]}, REFUSE), "it": ({}, ACT)},
    "trust": {"all": ({}, ACT), "text": ({**ruled(risk="medium"), "untrusted": ["/text"]}, ACT)},
}
"""What a layer can say of one thing, and the most that an answer can come to then."""


class TestLayersOfAPolicy:
    @pytest.mark.parametrize("axis", BY_AXIS)
    def test_come_to_the_least_that_any_of_them_allows(self, axis: str) -> None:
        """Platform, tenant, definition, task: whichever says what, and whatever the others say."""
        wrong = []
        for said in product((UNSAID, *BY_AXIS[axis]), repeat=len(LAYERS)):
            layers = [
                read_policy(FREE),
                *(read_policy({} if one is UNSAID else BY_AXIS[axis][one][0]) for one in said),
            ]
            expected = min([ACT, *(BY_AXIS[axis][one][1] for one in said if one is not UNSAID)])
            judgement = judge(effective(layers), facts("ACCEPT", "OTHER"), answer("ACCEPT"))
            if brief(judgement) != (expected, "ACCEPT" if expected else None):
                wrong.append((said, judgement))

        assert [] == wrong

    def test_come_to_the_same_in_any_order(self) -> None:
        """Which of them speaks first gives nobody more."""
        texts: list[dict[str, Json]] = [
            FREE,
            {"mode": "suggest"},
            ruled(risk="high"),
            {"denied_events": ["OTHER"], "limits": {"cost_per_task": 5}},
            {"untrusted": ["/text"], "approval": {"quorum": 2}},
        ]

        found = {dump_policy(effective(map(read_policy, one))) for one in permutations(texts)}

        assert 1 == len(found)


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
