"""
What may come of a model's answer: one function, which the executor runs, and which the control
plane runs again on the recorded answer, because it does not believe the executor either.
"""

from dataclasses import dataclass
from typing import Final

from shared.guardrails import gates
from shared.guardrails.answers import Answer, Unreadable, read_answer
from shared.guardrails.context import is_tainted
from shared.guardrails.gates import Autonomy, Classification, Gate, Verdict
from shared.guardrails.policy import Policy
from shared.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """
    What is known of a task and of the call that answered it, from whoever knows it best.

    `events` are the definition's, `input` the task's own; `has_tool_results` if a tool's result
    was among what the model read.
    """

    events: tuple[str, ...]
    input: Json
    provider: str
    model: str
    classification: Classification = Classification.OK
    has_tool_results: bool = False
    is_killed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """
    `choice` is an event if `autonomy` is SHADOW, SUGGEST or ACT, and None otherwise.

    `failure` is the kind of the task's failure if it is REFUSE. `errors` are what a model can be
    told to repair; `reason` is the model's own text, for people.
    """

    choice: str | None
    data: Json
    confidence: float
    reason: str
    autonomy: Autonomy
    verdicts: tuple[Verdict, ...]
    errors: tuple[str, ...] = ()

    @property
    def failure(self) -> str | None:
        last = self.verdicts[-1]
        if self.autonomy is not Autonomy.REFUSE:
            return None
        return _FAILURES.get((last.gate, last.reason)) or _FAILURES[last.gate, ""]


_FAILURES: Final = {
    (Gate.SWITCH, ""): "ai.off",
    (Gate.MODEL, ""): "ai.model",
    (Gate.CLASSIFICATION, ""): "ai.provider",
    (Gate.CLASSIFICATION, "refusal"): "ai.refused",
    (Gate.CLASSIFICATION, "truncated"): "ai.invalid_output",
    (Gate.SCHEMA, ""): "ai.invalid_output",
    (Gate.MAPPING, ""): "ai.invalid_output",
    (Gate.CLAMP, ""): "ai.off",
}


def judge(policy: Policy, facts: TaskFacts, raw: str) -> Judgement:
    """
    What a settled policy lets come of a raw output. Total: whatever the output is.

    The first gate that refuses is the last one asked; its verdict is the last of `verdicts`.
    """
    passed: list[Verdict] = []
    for verdict in (
        gates.switch(policy, is_killed=facts.is_killed),
        gates.model(policy, facts.provider, facts.model),
        gates.classified(facts.classification),
    ):
        passed.append(verdict)
        if verdict.result == "refused":
            return _refused(passed)
    answer = read_answer(policy, facts.events, raw)
    if isinstance(answer, Unreadable):
        return _refused([*passed, answer.verdict], answer.errors)
    passed.append(Verdict(gate=Gate.SCHEMA, result="passed"))
    verdict = gates.mapping(policy, facts.events, answer.choice)
    passed.append(verdict)
    if verdict.result == "refused":
        return _refused(passed)
    if verdict.result == "lowered":
        return _made(answer, None, Autonomy.ABSTAIN, passed)
    tainted = facts.has_tool_results or is_tainted(policy, facts.input)
    autonomy, verdict = gates.clamp(policy, answer.choice, answer.confidence, is_tainted=tainted)
    passed.append(verdict)
    if autonomy is Autonomy.REFUSE:
        return _refused(passed)
    return _made(answer, answer.choice, autonomy, passed)


def legible(text: str) -> str:
    """A model's words as people may be shown them: nothing in them hides, or steers a terminal."""
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)


def _made(
    answer: Answer, choice: str | None, autonomy: Autonomy, verdicts: list[Verdict]
) -> Judgement:
    return Judgement(
        choice=choice,
        data=answer.data,
        confidence=answer.confidence,
        reason=legible(answer.reason),
        autonomy=autonomy,
        verdicts=tuple(verdicts),
    )


def _refused(verdicts: list[Verdict], errors: tuple[str, ...] = ()) -> Judgement:
    return Judgement(
        choice=None,
        data=None,
        confidence=0.0,
        reason="",
        autonomy=Autonomy.REFUSE,
        verdicts=tuple(verdicts),
        errors=errors,
    )
