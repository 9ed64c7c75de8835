"""The filter of lists: what is read, and how what cannot be read is refused."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from control_plane.api.filters import Field, check_order, parse_filter
from shared.errors import InvalidRequest

FIELDS = {
    "status": Field(kind="word", words=("OPEN", "CLOSED")),
    "key": Field(kind="text"),
    "id": Field(kind="uuid"),
    "seq": Field(kind="int", ranged=True),
    "time": Field(kind="time"),
}
AN_ID = "01a2073e-c432-73a4-a443-a88f60270999"


class TestAFilter:
    def test_that_is_empty_asks_for_nothing(self) -> None:
        """Not set gives all."""
        assert parse_filter("  ", FIELDS).text("key") is None

    def test_reads_every_kind_of_value(self) -> None:
        """Words, text, numbers, ids and instants, joined by AND."""
        found = parse_filter(
            f'status = OPEN AND key="a b" AND id = {AN_ID} AND seq >= 3 AND seq<9'
            ' AND time >= "2027-01-31T08:00:00Z"',
            FIELDS,
        )

        assert ("OPEN", "a b", UUID(AN_ID)) == (
            found.text("status"),
            found.text("key"),
            found.uuid("id"),
        )
        assert (3, 9) == (found.integer("seq", ">="), found.integer("seq", "<"))
        assert datetime(2027, 1, 31, 8, tzinfo=UTC) == found.time("time", ">=")

    def test_takes_quotes_and_backslashes_in_text(self) -> None:
        """Any business key can be asked for."""
        found = parse_filter(r'key = "say \"a\\b\""', FIELDS)

        assert r'say "a\b"' == found.text("key")

    def test_takes_and_for_a_value_where_a_value_stands(self) -> None:
        """AND joins only between terms."""
        assert "AND" == parse_filter("key = AND", FIELDS).text("key")

    @pytest.mark.parametrize(
        ("text", "position"),
        [
            ("nothing = 1", "1"),
            ("key", "4"),
            ("key =", "6"),
            ("key = a b = c", "9"),
            ("key = a OR key = b", "9"),
            ("key = a AND", "12"),
            ("key >= a", "5"),
            ("time = now", "6"),
            ("status = LOST", "10"),
            ("seq = 1.5", "7"),
            ("seq = -1", "7"),
            ("id = 7", "6"),
            ('time < "yesterday"', "8"),
            ('time < "2027-01-31T08:00:00"', "8"),
            ("key = a AND key = b", "13"),
            ('key = "open', "7"),
            ("key = = a", "7"),
            ("key : a", "5"),
            ("(key = a)", "1"),
            ('key = "\0"', "7"),
        ],
    )
    def test_that_cannot_be_read_says_where(self, text: str, position: str) -> None:
        """The position is the first character that does not belong, counted from 1."""
        with pytest.raises(InvalidRequest) as refused:
            parse_filter(text, FIELDS)

        assert ("FILTER_INVALID", "filter", position) == (
            refused.value.reason,
            refused.value.field,
            refused.value.metadata["position"],
        )
        assert ", ".join(FIELDS) == refused.value.metadata["allowed"]

    def test_of_more_than_a_thousand_characters_is_refused(self) -> None:
        """Reading it is bounded."""
        with pytest.raises(InvalidRequest, match="1000"):
            parse_filter(" " * 1_001, FIELDS)


class TestAnOrder:
    def test_that_is_not_given_is_the_first(self) -> None:
        """Each list has an order of its own."""
        assert "seq" == check_order("", ("seq", "seq desc"))

    def test_may_be_spaced_as_one_likes(self) -> None:
        """White space has no meaning."""
        assert "seq desc" == check_order(" seq   desc", ("seq", "seq desc"))

    def test_that_the_list_does_not_have_is_refused(self) -> None:
        """The error names those it has."""
        with pytest.raises(InvalidRequest, match="seq desc") as refused:
            check_order("time", ("seq", "seq desc"))

        assert "order_by" == refused.value.field
