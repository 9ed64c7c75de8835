"""
Policies as people write them: closed keys, everything bounded, and each error with its place.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

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
    MAX_NAME,
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
from shared.json import Json

MAX_VIOLATIONS: Final = 20
"""What is told at once of what is wrong with a policy."""

ABSTAIN: Final = "abstain"
"""The choice that is always there: to leave it to a person. No event that is decided on has it."""

_Named = TypeVar("_Named", bound=StrEnum)
_Read = TypeVar("_Read")

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})S)?)?"
)
_MIN_SPAN: Final = timedelta(seconds=1)

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


def _parsed(text: str | bytes, max_bytes: int) -> Policy:
    return _Reading().policy(json.parse(text, "policy", max_bytes=max_bytes))


class _Reading:
    """What is found wrong on the way; only what nothing was found wrong with is a policy."""

    def __init__(self) -> None:
        self._violations: dict[str, str] = {}

    def policy(self, given: Json) -> Policy:
        body = self._object(
            given, "",
            "mode", "models", "instructions", "decisions", "denied_events", "send", "untrusted",
            "redact", "output", "max_repair", "tools", "limits", "approval", "record",
        )  # fmt: skip
        found = Policy(
            mode=self._one_of(Mode, body, "mode", ""),
            models=self._list(body, "models", "", self._model),
            instructions=self._instructions(body),
            decisions=self._decisions(body),
            denied_events=_sorted(self._list(body, "denied_events", "", self._glob)),
            send=self._pointers(body, "send", self._pointer),
            untrusted=self._pointers(body, "untrusted", self._pattern) or (),
            redact=self._pointers(body, "redact", self._pattern) or (),
            output=self._output(body),
            max_repair=self._number(body, "max_repair", "", 0, MAX_REPAIR),
            tools=self._list(body, "tools", "", self._tool),
            limits=self._limits(body),
            approval=self._approval(body),
            record=self._record(body),
        )
        self._once("models", [(one.provider, one.model) for one in found.models or ()])
        self._once(
            "tools", [(one.server, one.name, one.manifest_sha256) for one in found.tools or ()]
        )
        if self._violations:
            raise PolicyInvalid(self._violations)
        return found

    # --- parts ---------------------------------------------------------------------------

    def _model(self, given: Json, at: str) -> Model:
        body = self._object(given, at, "provider", "model", "input_price", "output_price", "secret")
        return Model(
            provider=self._name(body, "provider", at),
            model=self._name(body, "model", at),
            input_price=self._needed(body, "input_price", at, 0, MAX_PRICE),
            output_price=self._needed(body, "output_price", at, 0, MAX_PRICE),
            secret=self._name(body, "secret", at) if body.get("secret") is not None else None,
        )

    def _instructions(self, body: Mapping[str, Json]) -> tuple[str, ...]:
        given = body.get("instructions")
        texts = given if isinstance(given, list) else [] if given is None else [given]
        for one in texts:
            if not isinstance(one, str) or not one.strip():
                self._wrong("/instructions", "is a text that says something, or a list of such")
        return tuple(dict.fromkeys(one for one in texts if isinstance(one, str)))

    def _decisions(self, body: Mapping[str, Json]) -> dict[str, Rule] | None:
        given = body.get("decisions")
        if given is None:
            return None
        if not isinstance(given, dict):
            self._wrong("/decisions", "is an object with an event type for each key")
            return None
        found = {}
        for event in sorted(given):
            at = _below("/decisions", event)
            if not _is_name(event) or "*" in event or event == ABSTAIN:
                self._wrong(
                    at, f"is no event that can be decided on; {ABSTAIN!r} is always a choice"
                )
            found[event] = self._rule(given[event], at)
        return found

    def _rule(self, given: Json, at: str) -> Rule:
        body = self._object(given, at, "describe", "risk", "act", "min_confidence")
        plain = Rule()
        describe = body.get("describe", "")
        if not isinstance(describe, str):
            self._wrong(f"{at}/describe", "is text")
            describe = ""
        confidence = body.get("min_confidence", plain.min_confidence)
        if (
            isinstance(confidence, bool)
            or not isinstance(confidence, int | float)
            or not 0 <= confidence <= 1
        ):
            self._wrong(f"{at}/min_confidence", "is a number from 0 to 1")
            confidence = plain.min_confidence
        return Rule(
            describe=describe,
            risk=self._one_of(Risk, body, "risk", at) or plain.risk,
            act=self._one_of(Act, body, "act", at) or plain.act,
            min_confidence=float(confidence),
        )

    def _output(self, body: Mapping[str, Json]) -> tuple[dict[str, Json], ...]:
        given = body.get("output")
        if given is None:
            return ()
        if not isinstance(given, dict):
            self._wrong("/output", "is a JSON Schema: an object")
            return ()
        found = list(_flat(given))
        for one in found:
            bad = problem_of(one)
            if bad is not None:
                place = "".join(_below("", str(step)) for step in bad.path)
                self._wrong(f"/output{place}", f"{bad.message}; {bad.remedy}")
            elif one.get("type") != "object" or one.get("additionalProperties") is not False:
                self._wrong(
                    "/output", "is open; write `type: object` and `additionalProperties: false`"
                )
        return schemas(found)

    def _tool(self, given: Json, at: str) -> Tool:
        body = self._object(given, at, "server", "name", "manifest_sha256", "max_calls")
        digest = body.get("manifest_sha256")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            self._wrong(f"{at}/manifest_sha256", "is missing: 64 hexadecimal digits in lower case")
            digest = ""
        return Tool(
            server=self._name(body, "server", at),
            name=self._name(body, "name", at),
            manifest_sha256=digest,
            max_calls=self._number(body, "max_calls", at, 1, MAX_TOOL_CALLS) or 1,
        )

    def _limits(self, body: Mapping[str, Json]) -> Limits:
        given = self._part(body, "limits", *_LIMITS)
        return Limits(
            **{
                name: self._number(given, name, "/limits", 0, maximum)
                for name, maximum in _LIMITS.items()
            }
        )

    def _approval(self, body: Mapping[str, Json]) -> Approval:
        at = "/approval"
        given = self._part(body, "approval", "users", "roles", "quorum", "expires_in", "four_eyes")
        users = self._list(given, "users", at, self._text)
        roles = self._list(given, "roles", at, self._text)
        four_eyes = given.get("four_eyes", False)
        if not isinstance(four_eyes, bool):
            self._wrong(f"{at}/four_eyes", "is true or false")
        # Whoever names one of them has said of the other that nobody is meant.
        says_who = users is not None or roles is not None
        return Approval(
            users=_sorted(users) if says_who else None,
            roles=_sorted(roles) if says_who else None,
            quorum=self._number(given, "quorum", at, 1, MAX_QUORUM),
            expires_in=self._span(given, "expires_in", at, MAX_EXPIRY),
            four_eyes=four_eyes is True,
        )

    def _record(self, body: Mapping[str, Json]) -> Record:
        given = self._part(body, "record", "prompt", "keep")
        return Record(
            prompt=self._one_of(PromptRecord, given, "prompt", "/record"),
            keep=self._span(given, "keep", "/record", MAX_KEEP),
        )

    # --- values --------------------------------------------------------------------------

    def _object(self, given: Json, at: str, *known: str) -> Mapping[str, Json]:
        if not isinstance(given, dict):
            self._wrong(at, "is an object")
            return {}
        for name in given:
            if name not in known:
                self._wrong(_below(at, name), f"is not known; there are {', '.join(known)}")
        return given

    def _part(self, body: Mapping[str, Json], name: str, *known: str) -> Mapping[str, Json]:
        given = body.get(name)
        return {} if given is None else self._object(given, f"/{name}", *known)

    def _list(
        self, body: Mapping[str, Json], name: str, at: str, read: Callable[[Json, str], _Read]
    ) -> tuple[_Read, ...] | None:
        given = body.get(name)
        if given is None:
            return None
        if not isinstance(given, list):
            self._wrong(f"{at}/{name}", "is a list")
            return None
        return tuple(read(one, f"{at}/{name}/{index}") for index, one in enumerate(given))

    def _one_of(
        self, kind: type[_Named], body: Mapping[str, Json], name: str, at: str
    ) -> _Named | None:
        given = body.get(name)
        if given is None:
            return None
        if not isinstance(given, str) or given not in list(kind):
            self._wrong(f"{at}/{name}", f"is one of {', '.join(kind)}")
            return None
        return kind(given)

    def _number(
        self, body: Mapping[str, Json], name: str, at: str, minimum: int, maximum: int
    ) -> int | None:
        given = body.get(name)
        if given is None:
            return None
        if isinstance(given, bool) or not isinstance(given, int) or not minimum <= given <= maximum:
            self._wrong(f"{at}/{name}", f"is a whole number from {minimum} to {maximum}")
            return None
        return given

    def _needed(
        self, body: Mapping[str, Json], name: str, at: str, minimum: int, maximum: int
    ) -> int:
        found = self._number(body, name, at, minimum, maximum)
        if found is None:
            self._wrong(f"{at}/{name}", f"is a whole number from {minimum} to {maximum}")
        return found or 0

    def _name(self, body: Mapping[str, Json], name: str, at: str) -> str:
        return self._text(body.get(name), f"{at}/{name}")

    def _text(self, given: Json, at: str) -> str:
        if not _is_name(given):
            self._wrong(at, f"is text of 1 to {MAX_NAME} characters that can be printed")
            return ""
        return str(given)

    def _glob(self, given: Json, at: str) -> str:
        found = self._text(given, at)
        if "*" in found[:-1]:
            self._wrong(at, "may have `*` at its end only")
        return found

    def _pointers(
        self, body: Mapping[str, Json], name: str, read: Callable[[Json, str], str]
    ) -> tuple[str, ...] | None:
        found = self._list(body, name, "", read)
        return None if found is None else outermost(found)

    def _pointer(self, given: Json, at: str) -> str:
        found = self._pattern(given, at)
        if ANY in (steps_of(found) or ()):
            self._wrong(at, "names one field; `*` is for untrusted and redact")
        return found

    def _pattern(self, given: Json, at: str) -> str:
        if not isinstance(given, str) or steps_of(given) is None:
            self._wrong(at, "is a JSON pointer into the task's input, as /customer/email")
            return ""
        return given

    def _span(
        self, body: Mapping[str, Json], name: str, at: str, longest: timedelta
    ) -> timedelta | None:
        given = body.get(name)
        if given is None:
            return None
        match = _DURATION.fullmatch(given) if isinstance(given, str) else None
        span = (
            timedelta(**{unit: int(count) for unit, count in match.groupdict().items() if count})
            if match
            else timedelta()
        )
        if not _MIN_SPAN <= span <= longest:
            self._wrong(
                f"{at}/{name}", f"is a duration as PT30M or P7D, of at most {longest.days} days"
            )
            return None
        return span

    def _once(self, name: str, keys: list[tuple[str, ...]]) -> None:
        if len(set(keys)) < len(keys):
            self._wrong(f"/{name}", "names something twice")

    def _wrong(self, pointer: str, message: str) -> None:
        if len(self._violations) < MAX_VIOLATIONS:
            self._violations.setdefault(pointer[:MAX_NAME], message)


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


def _is_name(given: Json) -> bool:
    return isinstance(given, str) and 0 < len(given) <= MAX_NAME and given.isprintable()


def _below(pointer: str, key: str) -> str:
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
