"""
The language against the CEL specification's test vectors: every vector that fits JSON
either passes or is listed in `deviations.json` with the reason.
"""

from typing import Final

import pytest

from tests.conformance.cel.holding import DEVIATIONS, agrees, run
from tests.conformance.cel.vectors import CORE, EXTENSIONS, Vector, vectors, why_not

CORE_FLOOR: Final = 740
EXTENSIONS_FLOOR: Final = 200
"""Of the package's version 0.6.1, 760 vectors of the core fit and 741 agree; of extensions 203."""

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")

VECTORS: Final = [vector for vector in vectors() if vector.outside is None]


class TestTheLanguage:
    @pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
    def test_agrees_with_the_specification_or_says_why_not(self, vector: Vector) -> None:
        """A deviation that was mended must leave the list, so that the list stays true."""
        outcome = run(vector)

        assert (vector.name not in DEVIATIONS) == agrees(vector, outcome), outcome

    def test_lists_no_deviation_that_is_no_vector(self) -> None:
        """A vector that went away or changed its name takes its deviation with it."""
        known = {vector.name for vector in VECTORS}

        assert set() == set(DEVIATIONS) - known

    def test_is_held_to_enough_of_the_specification(self) -> None:
        """A filter that is too broad would make this suite pass by running nothing."""
        agreed = [vector.section for vector in VECTORS if vector.name not in DEVIATIONS]

        assert sum(section in CORE for section in agreed) >= CORE_FLOOR
        assert sum(section in EXTENSIONS for section in agreed) >= EXTENSIONS_FLOOR
