"""A spec that is meant to do harm is refused in time, by a rule and at a place."""

from collections.abc import Callable

import pytest

from control_plane.engine import check_spec
from control_plane.engine.spec.findings import MAX_DIAGNOSTICS, MAX_WITNESS
from tests.engine.expressions.cost import is_within_bounds
from tests.engine.hostile.refused import REFUSED, Spec, as_text

MAX_MESSAGE = 500
"""Characters of a message: a person reads it."""


class TestAHostileSpec:
    @pytest.mark.parametrize(
        ("make", "rule", "pointer"),
        [(make, rule, pointer) for _, make, rule, pointer in REFUSED],
        ids=[name for name, _, _, _ in REFUSED],
    )
    def test_is_refused_in_time(self, make: Callable[[], Spec], rule: str, pointer: str) -> None:
        """Whoever checks it has hundreds of others to serve, and its author may mean well."""
        text = as_text(make())
        machine, diagnostics = check_spec(text)

        assert machine is None
        assert (rule, pointer) in [(one.rule, one.json_pointer) for one in diagnostics]
        assert is_within_bounds(lambda: check_spec(text))

    @pytest.mark.parametrize(
        "make", [make for _, make, _, _ in REFUSED], ids=[name for name, _, _, _ in REFUSED]
    )
    def test_is_told_briefly(self, make: Callable[[], Spec]) -> None:
        """What is told of a spec is never as large as the spec."""
        _, diagnostics = check_spec(as_text(make()))

        assert len(diagnostics) <= 2 * MAX_DIAGNOSTICS
        for one in diagnostics:
            assert len(one.message) <= MAX_MESSAGE, one.message
            assert len(one.remedy) <= MAX_MESSAGE * 4, one.remedy
            assert len(one.witness) <= MAX_WITNESS + 1
