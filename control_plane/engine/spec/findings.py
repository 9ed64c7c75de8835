"""
Collecting what is wrong with a spec, and saying where.
"""

import difflib
import json
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from control_plane.engine.diagnostics import Diagnostic
from control_plane.engine.spec.rulebook import RULES

MAX_DIAGNOSTICS = 200
"""Errors, and again warnings, kept of one spec; a hostile one could have a million."""

MAX_COMPARISONS, MAX_OPTIONS = 2_000, 500
"""Words compared, for a whole spec and for one mistake, to find the one that was meant."""

MAX_QUOTED = 60
"""Characters of an author's text that a message repeats."""

MAX_WITNESS = 40
"""Steps or names that a witness has; of more it keeps the first and the last."""


class EnoughFound(Exception):
    """There are so many errors that looking for more is of no use to anybody."""


@dataclass(slots=True)
class Findings:
    """
    Diagnostics in the order they were found.

    Adding the last error that is kept raises EnoughFound, so that a spec which is wrong
    everywhere costs no more than one that is wrong somewhere.
    """

    diagnostics: list[Diagnostic] = field(default_factory=list)
    errors: int = 0
    warnings: int = 0
    compared: int = 0

    def error(
        self, rule: str, pointer: str, message: str, remedy: str, witness: Iterable[str] = ()
    ) -> None:
        """What refuses the spec."""
        self.add(rule, pointer, message, remedy, witness)

    def warning(
        self, rule: str, pointer: str, message: str, remedy: str, witness: Iterable[str] = ()
    ) -> None:
        """What an author should look at."""
        self.add(rule, pointer, message, remedy, witness)

    def add(
        self, rule: str, pointer: str, message: str, remedy: str, witness: Iterable[str] = ()
    ) -> None:
        """A finding, as severe as its rule is."""
        severity = RULES[rule].severity
        is_error = severity == "error"
        self.errors += is_error
        self.warnings += not is_error
        # Counted apart, so that no number of warnings can hide an error.
        if (self.errors if is_error else self.warnings) <= MAX_DIAGNOSTICS:
            self.diagnostics.append(
                Diagnostic(
                    severity=severity,
                    rule=rule,
                    json_pointer=pointer,
                    message=message,
                    remedy=remedy,
                    witness=_short(tuple(witness)),
                )
            )
        if self.errors >= MAX_DIAGNOSTICS:
            raise EnoughFound

    def did_you_mean(self, word: str, known: Iterable[str]) -> str:
        """
        A remedy for a word that is not among the known ones.

        Comparing words is slow, so after some thousands of comparisons none are made.
        """
        if self.compared >= MAX_COMPARISONS:
            return "correct the others first"
        options = sorted(known)
        if not options:
            return "there is none to choose from"
        candidates = [one for one in options if len(one) <= MAX_QUOTED][:MAX_OPTIONS]
        self.compared += len(candidates)
        close = difflib.get_close_matches(word[:MAX_QUOTED], candidates, n=1)
        if close:
            return f"did you mean {close[0]!r}?"
        shown = ", ".join(one[:MAX_QUOTED] for one in options[:20])
        return f"use one of: {shown}{'…' if len(options) > 20 else ''}"

    def has_errors(self) -> bool:
        return self.errors > 0

    def errors_only_of(self, rules: frozenset[str]) -> bool:
        """Whether all errors so far, if there are any, are of some rules."""
        return all(one.rule in rules for one in self.diagnostics if one.severity == "error")

    def in_order(self) -> tuple[Diagnostic, ...]:
        """Errors first, otherwise as they were found."""
        return tuple(sorted(self.diagnostics, key=lambda found: found.severity))


def join(pointer: str, key: str | int) -> str:
    """The pointer one step further down (RFC 6901)."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def quote(value: object) -> str:
    """A value as a message shows it: as JSON, never long; a text alone in single quotes."""
    shown = repr(value[:MAX_QUOTED]) if isinstance(value, str) else _JSON.repr(value)
    return shown if len(shown) <= MAX_QUOTED else f"{shown[:MAX_QUOTED]}…"


class _BoundedJson(reprlib.Repr):
    """Looks at no more of a value than is shown of it."""

    def repr_bool(self, value: bool, _level: int) -> str:
        return "true" if value else "false"

    def repr_NoneType(self, _value: None, _level: int) -> str:  # noqa: N802 - the type's name
        return "null"

    def repr_str(self, value: str, _level: int) -> str:
        return json.dumps(value[:MAX_QUOTED], ensure_ascii=False)


_JSON = _BoundedJson()
_JSON.maxother = MAX_QUOTED


def _short(witness: tuple[str, ...]) -> tuple[str, ...]:
    if len(witness) <= MAX_WITNESS:
        return witness
    half = MAX_WITNESS // 2
    return (*witness[:half], f"… {len(witness) - 2 * half} more …", *witness[-half:])
