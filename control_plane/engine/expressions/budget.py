"""How much an expression may cost, and the counters of one macrostep."""

from typing import Final

from control_plane.engine.expressions.errors import Site

MAX_CHARACTERS: Final = 2_000
"""Length of an expression."""

MAX_DEPTH: Final = 40
"""How deep an expression may be nested, operators and parentheses alike."""

MAX_NESTED_MACROS: Final = 2
"""How deep macros (all, exists, exists_one, map, filter) may stand in each other's bodies."""

MAX_ITERATIONS: Final = 100_000
"""Elements that macros visit in a macrostep. See `Budget.iterate` for what else counts."""

MAX_SIZE: Final = 100_000
"""
Elements and characters that a macrostep's expressions may build on their way, and again
that they may hand back.
"""

MAX_VALUE_DEPTH: Final = 100
"""How deep a value may be nested that is compared or handed back."""

NODES_PER_ITERATION: Final = 4
"""A macro's body of up to so many operators counts as one iteration, a larger one as more."""

CALL_NODES: Final = 6
"""How many operators a call counts as, a macro, and a list or map that is built."""

ABSORBED_ERROR_ITERATIONS: Final = 8
"""What an error costs that `||`, `&&`, `all` or `exists` absorb: raising one is slow."""


class Budget:
    """
    What the expressions of one macrostep have used up together.

    One for each macrostep, shared by its expressions, by one thread. Reaching a bound
    raises LimitExceeded in the expression that reached it.
    """

    __slots__ = ("built", "iterations", "returned")

    def __init__(self) -> None:
        self.iterations = 0
        self.built = 0
        self.returned = 0

    def iterate(self, count: int, site: Site) -> None:
        """
        Count work: one for an element a macro visits, in proportion for what is longer
        than it looks (a large body, comparing lists, searching long strings).
        """
        self.iterations += count
        if self.iterations > MAX_ITERATIONS:
            raise site.limit(
                f"more than {MAX_ITERATIONS:,} iterations in one macrostep; "
                "go through fewer elements, or move the work to a task"
            )

    def build(self, size: int, site: Site) -> None:
        """Count elements or characters about to be built. Call it before building them."""
        self.built += size
        if self.built > MAX_SIZE:
            raise site.limit(
                f"more than {MAX_SIZE:,} elements and characters built in one macrostep; "
                "build less, or move the work to a task"
            )

    def hand_back(self, size: int, site: Site) -> None:
        """Count elements or characters of a result."""
        self.returned += size
        if self.returned > MAX_SIZE:
            raise site.limit(
                f"results of more than {MAX_SIZE:,} elements and characters in one macrostep; "
                "hand back less, or keep it outside and refer to it"
            )
