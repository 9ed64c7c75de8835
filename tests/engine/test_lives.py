"""
What must hold of every life of every machine, for a few of them.

`make fuzz` tries the same properties on hundreds of thousands.
"""

from collections.abc import Callable
from random import Random

import pytest

from tests.campaigns.properties.elsewhere import differing
from tests.campaigns.properties.lives import Life, live
from tests.campaigns.properties.properties import PROPERTIES

LIVES = 50
MACHINES = 20
"""Fewer than lives, so that several pass through the caches of one."""


class TestEveryLife:
    @pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
    def test_keeps_the_promise(self, holds: Callable[[Life], None]) -> None:
        """The name of the parameter is the promise; its docstring says why."""
        chance = Random("a slice of the campaign")
        for _ in range(LIVES):
            holds(live(chance.randrange(MACHINES), chance.randrange(2**32)))

    def test_goes_the_same_way_in_every_process(self) -> None:
        """Whatever the seed of Python's hashes, and whatever was decided before."""
        assert [] == differing(seed=1, count=30)
