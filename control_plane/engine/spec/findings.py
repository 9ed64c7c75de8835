"""
Collecting what is wrong with a spec, and saying where.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from control_plane.engine.diagnostics import Diagnostic

MAX_DIAGNOSTICS = 200
"""Errors, and again warnings, kept of one spec; a hostile one could have a million."""

MAX_SUGGESTIONS, MAX_OPTIONS = 40, 500
"""Mistakes for which the word that was meant is looked for, and words it is looked for among."""

MAX_QUOTED = 60
"""Characters of an author's text that a message repeats."""


@dataclass(slots=True)
class Findings:
    """Diagnostics in the order they were found."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    errors: int = 0
    warnings: int = 0
    asked: int = 0

    def error(
        self, rule: str, pointer: str, message: str, remedy: str, witness: Iterable[str] = ()
    ) -> None:
        """What refuses the spec."""
        self.add(
            Diagnostic(
                severity="error",
                rule=rule,
                json_pointer=pointer,
                message=message,
                remedy=remedy,
                witness=tuple(witness),
            )
        )

    def warning(
        self, rule: str, pointer: str, message: str, remedy: str, witness: Iterable[str] = ()
    ) -> None:
        """What an author should look at."""
        self.add(
            Diagnostic(
                severity="warning",
                rule=rule,
                json_pointer=pointer,
                message=message,
                remedy=remedy,
                witness=tuple(witness),
            )
        )

    def add(self, diagnostic: Diagnostic) -> None:
        is_error = diagnostic.severity == "error"
        self.errors += is_error
        # Counted apart, so that no number of warnings can hide an error.
        kept = self.errors if is_error else self.warnings
        self.warnings += not is_error
        if kept <= MAX_DIAGNOSTICS:
            self.diagnostics.append(diagnostic)

    def did_you_mean(self, word: str, known: Iterable[str]) -> str:
        """
        A remedy for a word that is not among the known ones.

        Comparing words is slow, so after some dozens of mistakes it is no longer done.
        """
        self.asked += 1
        if self.asked > MAX_SUGGESTIONS:
            return "correct the others first"
        options = sorted(known)
        if not options:
            return "there is none to choose from"
        close = difflib.get_close_matches(word[:MAX_QUOTED], options[:MAX_OPTIONS], n=1)
        if close:
            return f"did you mean {close[0]!r}?"
        return f"use one of: {', '.join(options[:20])}{'…' if len(options) > 20 else ''}"

    def has_errors(self) -> bool:
        return self.errors > 0

    def in_order(self) -> tuple[Diagnostic, ...]:
        """Errors first, otherwise as they were found."""
        return tuple(sorted(self.diagnostics, key=lambda found: found.severity))


def join(pointer: str, key: str | int) -> str:
    """The pointer one step further down (RFC 6901)."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def quote(text: object) -> str:
    """A value as a message shows it: never long."""
    shown = repr(text)
    return shown if len(shown) <= MAX_QUOTED else f"{shown[:MAX_QUOTED]}…"
