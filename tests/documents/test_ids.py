"""Ids: what sorts them, and what they are made of."""

from shared.ids import new_uuid7

MANY = 10_000


class TestANewId:
    def test_comes_after_those_made_before_it(self) -> None:
        """Also within a millisecond: pages and indexes go by it."""
        made = [new_uuid7() for _ in range(MANY)]

        assert made == sorted(set(made))

    def test_is_of_version_7(self) -> None:
        """Others read the time out of it."""
        assert (7, 0b10) == (new_uuid7().version, new_uuid7().int >> 62 & 0b11)
