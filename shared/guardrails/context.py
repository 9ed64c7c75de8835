"""
What of a task's input a model gets to read: the declared fields, redacted, capped and labelled.
"""

from dataclasses import dataclass
from typing import Final, Literal

from shared.guardrails.gates import Gate, Verdict
from shared.guardrails.pointers import overlap, places, replaced, value_at
from shared.guardrails.policy import Policy
from shared.json import Json, digest, dump

MAX_CONTEXT_BYTES: Final = 128 * 1024
"""Of all fields together, as they are rendered."""

REDACTED: Final = "[redacted]"
"""What a model reads where something was taken out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A part of the input as it is sent: JSON in ASCII, in which nothing can end a block."""

    pointer: str
    text: str
    trust: Literal["trusted", "untrusted"]

    @property
    def sha256(self) -> str:
        return digest(self.text).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The fields that are sent; those that the input lacks are left out."""

    fields: tuple[Field, ...]
    verdict: Verdict

    @property
    def is_tainted(self) -> bool:
        return any(one.trust == "untrusted" for one in self.fields)

    def manifest(self) -> list[Json]:
        """What was sent, without saying it: place, hash, size and trust of each field."""
        return [
            {
                "pointer": one.pointer,
                "sha256": one.sha256,
                "bytes": len(one.text),
                "trust": one.trust,
            }
            for one in self.fields
        ]


def select_context(policy: Policy, given: Json) -> Context:
    """
    What the policy declares of an input, redacted before anything else is done with it.

    The verdict is a refusal where that is more than MAX_CONTEXT_BYTES: cutting it short would
    change what it says.
    """
    seen = _redacted(policy, given)
    fields = []
    for pointer in policy.send or ():
        is_there, value = value_at(seen, pointer)
        if is_there:
            fields.append(
                Field(pointer=pointer, text=escaped(value), trust=_trust(policy, pointer))
            )
    size = sum(len(one.text) for one in fields)
    if size > MAX_CONTEXT_BYTES:
        verdict = Verdict(
            gate=Gate.CONTEXT,
            result="refused",
            reason="too_large",
            detail=f"{size} bytes would be sent, and {MAX_CONTEXT_BYTES} may be; send fewer fields",
        )
        return Context(fields=(), verdict=verdict)
    return Context(fields=tuple(fields), verdict=Verdict(gate=Gate.CONTEXT, result="passed"))


def is_tainted(policy: Policy, given: Json) -> bool:
    """Whether anything untrusted is among what is sent of an input."""
    return any(
        _trust(policy, pointer) == "untrusted" and value_at(given, pointer)[0]
        for pointer in policy.send or ()
    )


def escaped(value: Json) -> str:
    r"""
    Canonical JSON in printable ASCII without `<` and `>`: control and bidirectional characters,
    and what else could pass for the end of a block or hide from a reader, is written `\uXXXX`.
    """
    text = dump(value)
    if text.isascii() and text.isprintable() and "<" not in text and ">" not in text:
        return text
    return "".join(_escape(one) for one in text)


def _escape(character: str) -> str:
    code = ord(character)
    if character not in "<>" and 0x20 <= code < 0x7F:
        return character
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _redacted(policy: Policy, given: Json) -> Json:
    for pattern in policy.redact:
        for place in list(places(given, pattern)):
            given = replaced(given, place, REDACTED)
    return given


def _trust(policy: Policy, pointer: str) -> Literal["trusted", "untrusted"]:
    is_untrusted = any(overlap(pointer, pattern) for pattern in policy.untrusted)
    return "untrusted" if is_untrusted else "trusted"
