"""
Policies as people write them: closed keys, everything bounded, and each error with its place.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from shared import json
from shared.errors import InvalidRequest
from shared.forms import problem_of
from shared.guardrails.pointers import ANY, outermost, steps_of
from shared.guardrails.policy import (
    MAX_COST,
    MAX_EXPIRY,
    MAX_INPUT_TOKENS,
    MAX_ITERATIONS,
    MAX_KEEP,
    MAX_LAYERS,
    MAX_OUTPUT_TOKENS,
    MAX_POLICY_BYTES,
    MAX_PRICE,
    MAX_QUORUM,
    MAX_REPAIR,
    MAX_SECONDS,
    MAX_TOOL_CALLS,
    Act,
    Approval,
    Limits,
    Mode,
    Model,
    Policy,
    PromptRecord,
    Record,
    Risk,
    Rule,
    Tool,
)
from shared.guardrails.tightening import schemas
from shared.guardrails.values import Values, below, is_name
from shared.json import Json

ABSTAIN: Final = "abstain"
"""The choice that is always there: to leave it to a person. No event that is decided on has it."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LIMITS: Final[Mapping[str, int]] = {
    "iterations": MAX_ITERATIONS,
    "input_tokens": MAX_INPUT_TOKENS,
    "output_tokens": MAX_OUTPUT_TOKENS,
    "seconds": MAX_SECONDS,
    "cost_per_task": MAX_COST,
    "cost_per_instance": MAX_COST,
    "cost_per_day": MAX_COST,
}


class PolicyInvalid(InvalidRequest):
    """A policy was refused; `violations` say where, by JSON pointer, and what is wanted there."""

    def __init__(self, violations: Mapping[str, str]) -> None:
        pointer, message = next(iter(violations.items()))
        super().__init__(
            f"the policy is not good: {pointer or 'it'} {message}",
            field=pointer,
            metadata={"violations": str(len(violations))},
        )
        self.violations = dict(violations)


def parse_policy(text: str | bytes) -> Policy:
    """One layer. Raises PolicyInvalid, InvalidJson or LimitExceeded."""
    return _parsed(text, MAX_POLICY_BYTES)


def parse_effective(text: str | bytes) -> Policy:
    """What several layers come to, as `dump_policy` wrote it. Raises as `parse_policy`."""
    return _parsed(text, MAX_LAYERS * MAX_POLICY_BYTES)


def read_policy(given: Json) -> Policy:
    """One layer that stands in another document. Raises PolicyInvalid."""
    return _Reading().policy(given)


def _parsed(text: str | bytes, max_bytes: int) -> Policy:
    return read_policy(json.parse(text, "policy", max_bytes=max_bytes))


class _Reading(Values):
    """What is found wrong on the way; only what nothing was found wrong with is a policy."""

    def policy(self, given: Json) -> Policy:
        body = self.object_of(
            given, "",
            "mode", "models", "instructions", "decisions", "denied_events", "send", "untrusted",
            "redact", "output", "max_repair", "tools", "limits", "approval", "record",
        )  # fmt: skip
        found = Policy(
            mode=self.one_of(Mode, body, "mode", ""),
            models=self.list_of(body, "models", "", self._model),
            instructions=self._instructions(body),
            decisions=self._decisions(body),
            denied_events=_sorted(self.list_of(body, "denied_events", "", self.glob)),
            send=self._pointers(body, "send", self._pointer),
            untrusted=self._pointers(body, "untrusted", self._pattern) or (),
            redact=self._pointers(body, "redact", self._pattern) or (),
            output=self._output(body),
            max_repair=self.number(body, "max_repair", "", 0, MAX_REPAIR),
            tools=self.list_of(body, "tools", "", self._tool),
            limits=self._limits(body),
            approval=self._approval(body),
            record=self._record(body),
        )
        self.once("models", [(one.provider, one.model) for one in found.models or ()])
        self.once(
            "tools", [(one.server, one.name, one.manifest_sha256) for one in found.tools or ()]
        )
        if self.violations:
            raise PolicyInvalid(self.violations)
        return found

    # --- parts ---------------------------------------------------------------------------

    def _model(self, given: Json, at: str) -> Model:
        body = self.object_of(
            given, at, "provider", "model", "input_price", "output_price", "secret"
        )
        return Model(
            provider=self.name(body, "provider", at),
            model=self.name(body, "model", at),
            input_price=self.needed(body, "input_price", at, 0, MAX_PRICE),
            output_price=self.needed(body, "output_price", at, 0, MAX_PRICE),
            secret=self.name(body, "secret", at) if body.get("secret") is not None else None,
        )

    def _instructions(self, body: Mapping[str, Json]) -> tuple[str, ...]:
        given = body.get("instructions")
        texts = given if isinstance(given, list) else [] if given is None else [given]
        for one in texts:
            if not isinstance(one, str) or not one.strip():
                self.wrong("/instructions", "is a text that says something, or a list of such")
        return tuple(dict.fromkeys(one for one in texts if isinstance(one, str)))

    def _decisions(self, body: Mapping[str, Json]) -> dict[str, Rule] | None:
        given = body.get("decisions")
        if given is None:
            return None
        if not isinstance(given, dict):
            self.wrong("/decisions", "is an object with an event type for each key")
            return None
        found = {}
        for event in sorted(given):
            at = below("/decisions", event)
            if not is_name(event) or "*" in event or event == ABSTAIN:
                self.wrong(
                    at, f"is no event that can be decided on; {ABSTAIN!r} is always a choice"
                )
            found[event] = self._rule(given[event], at)
        return found

    def _rule(self, given: Json, at: str) -> Rule:
        body = self.object_of(given, at, "describe", "risk", "act", "min_confidence")
        plain = Rule()
        describe = body.get("describe", "")
        if not isinstance(describe, str):
            self.wrong(f"{at}/describe", "is text")
            describe = ""
        confidence = body.get("min_confidence", plain.min_confidence)
        if (
            isinstance(confidence, bool)
            or not isinstance(confidence, int | float)
            or not 0 <= confidence <= 1
        ):
            self.wrong(f"{at}/min_confidence", "is a number from 0 to 1")
            confidence = plain.min_confidence
        return Rule(
            describe=describe,
            risk=self.one_of(Risk, body, "risk", at) or plain.risk,
            act=self.one_of(Act, body, "act", at) or plain.act,
            min_confidence=float(confidence),
        )

    def _output(self, body: Mapping[str, Json]) -> tuple[dict[str, Json], ...]:
        given = body.get("output")
        if given is None:
            return ()
        if not isinstance(given, dict):
            self.wrong("/output", "is a JSON Schema: an object")
            return ()
        found = list(_flat(given))
        for one in found:
            bad = problem_of(one)
            if bad is not None:
                place = "".join(below("", str(step)) for step in bad.path)
                self.wrong(f"/output{place}", f"{bad.message}; {bad.remedy}")
            elif one.get("type") != "object" or one.get("additionalProperties") is not False:
                self.wrong(
                    "/output", "is open; write `type: object` and `additionalProperties: false`"
                )
        return schemas(found)

    def _tool(self, given: Json, at: str) -> Tool:
        body = self.object_of(given, at, "server", "name", "manifest_sha256", "max_calls")
        digest = body.get("manifest_sha256")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            self.wrong(f"{at}/manifest_sha256", "is missing: 64 hexadecimal digits in lower case")
            digest = ""
        return Tool(
            server=self.name(body, "server", at),
            name=self.name(body, "name", at),
            manifest_sha256=digest,
            max_calls=self.number(body, "max_calls", at, 1, MAX_TOOL_CALLS) or 1,
        )

    def _limits(self, body: Mapping[str, Json]) -> Limits:
        given = self.part(body, "limits", *_LIMITS)
        return Limits(
            **{
                name: self.number(given, name, "/limits", 0, maximum)
                for name, maximum in _LIMITS.items()
            }
        )

    def _approval(self, body: Mapping[str, Json]) -> Approval:
        at = "/approval"
        given = self.part(body, "approval", "users", "roles", "quorum", "expires_in", "four_eyes")
        users = self.list_of(given, "users", at, self.text)
        roles = self.list_of(given, "roles", at, self.text)
        four_eyes = given.get("four_eyes", False)
        if not isinstance(four_eyes, bool):
            self.wrong(f"{at}/four_eyes", "is true or false")
        # Whoever names one of them has said of the other that nobody is meant.
        says_who = users is not None or roles is not None
        return Approval(
            users=_sorted(users) if says_who else None,
            roles=_sorted(roles) if says_who else None,
            quorum=self.number(given, "quorum", at, 1, MAX_QUORUM),
            expires_in=self.span(given, "expires_in", at, MAX_EXPIRY),
            four_eyes=four_eyes is True,
        )

    def _record(self, body: Mapping[str, Json]) -> Record:
        given = self.part(body, "record", "prompt", "keep")
        return Record(
            prompt=self.one_of(PromptRecord, given, "prompt", "/record"),
            keep=self.span(given, "keep", "/record", MAX_KEEP),
        )

    def _pointers(
        self, body: Mapping[str, Json], name: str, read: Callable[[Json, str], str]
    ) -> tuple[str, ...] | None:
        found = self.list_of(body, name, "", read)
        return None if found is None else outermost(found)

    def _pointer(self, given: Json, at: str) -> str:
        found = self._pattern(given, at)
        if ANY in (steps_of(found) or ()):
            self.wrong(at, "names one field; `*` is for untrusted and redact")
        return found

    def _pattern(self, given: Json, at: str) -> str:
        if not isinstance(given, str) or steps_of(given) is None:
            self.wrong(at, "is a JSON pointer into the task's input, as /customer/email")
            return ""
        return given


def _flat(schema: dict[str, Json]) -> "list[dict[str, Json]]":
    """The schemas that one of nothing but `allOf` stands for, which is how several are written."""
    parts = schema.get("allOf")
    if len(schema) != 1 or not isinstance(parts, list):
        return [schema]
    inner = [one for one in parts if isinstance(one, dict)]
    if not inner or len(inner) < len(parts):
        return [schema]
    return [one for part in inner for one in _flat(part)]


def _sorted(texts: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(sorted({*(texts or ())}))
