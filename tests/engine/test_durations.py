"""How long from now."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from control_plane.engine.durations import parse_duration, write_duration

START = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


class TestADuration:
    @pytest.mark.parametrize(
        ("text", "end"),
        [
            (0, START),
            (1500, START + timedelta(seconds=1.5)),
            (0.5, START + timedelta(microseconds=500)),
            ("250", START + timedelta(milliseconds=250)),
            ("PT0S", START),
            ("PT0.25S", START + timedelta(milliseconds=250)),
            ("P1DT2H3M4S", START + timedelta(days=1, hours=2, minutes=3, seconds=4)),
            ("P1M", datetime(2030, 2, 28, 12, 0, tzinfo=UTC)),
            ("P1M1D", datetime(2030, 3, 1, 12, 0, tzinfo=UTC)),
            ("P1Y1M", datetime(2031, 2, 28, 12, 0, tzinfo=UTC)),
            ("P11M", datetime(2030, 12, 31, 12, 0, tzinfo=UTC)),
        ],
    )
    def test_ends_where_the_calendar_says(self, text: object, end: datetime) -> None:
        """Months stop at the end of a shorter one; everything else is elapsed time."""
        length = parse_duration(text)

        assert length is not None
        assert end == length.after(START)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "P",
            "PT",
            "P1",
            "1h",
            "PT1.1234567S",
            "-PT1S",
            "P1H",
            "PT1D",
            "p1d",
            "१",
            -1,
            True,
            None,
            float("nan"),
            float("inf"),
            10**14,
            [],
            "9" * 30,
        ],
    )
    def test_is_nothing_but_milliseconds_or_iso_8601(self, text: object) -> None:
        """Anything else is no duration, whatever it might have meant."""
        assert parse_duration(text) is None

    def test_is_counted_in_utc(self) -> None:
        """So that a month does not depend on where the process runs."""
        length = parse_duration("P1M")
        start = datetime(2030, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))

        assert length is not None
        assert datetime(2030, 1, 31, 23, 30, tzinfo=UTC) == length.after(start)

    def test_beyond_the_last_year_has_no_end(self) -> None:
        """The caller knows a limit that is much nearer."""
        length = parse_duration("P9000Y")

        assert length is not None
        with pytest.raises(OverflowError):
            length.after(START)

    @pytest.mark.parametrize(
        ("length", "ends"), [(timedelta(hours=1), True), (timedelta(hours=-1), False)]
    )
    def test_may_be_one_of_pythons(self, length: timedelta, ends: bool) -> None:
        """Files of people have lengths that their reader has read already."""
        assert ends == (parse_duration(length) is not None)


class TestADurationAsText:
    @pytest.mark.parametrize(
        ("given", "written"),
        [
            (0, "PT0S"),
            (3_600_000, "PT1H"),
            ("PT90M", "PT1H30M"),
            ("PT24H", "P1D"),
            ("P2W", "P14D"),
            (1500, "PT1.5S"),
            (0.25, "PT0.00025S"),
            ("P1Y2M3DT4H5M6S", "P1Y2M3DT4H5M6S"),
            ("P14M", "P1Y2M"),
        ],
    )
    def test_is_the_shortest_that_means_the_same(self, given: object, written: str) -> None:
        """What is printed can be written into a definition again."""
        length = parse_duration(given)

        assert length is not None
        assert written == write_duration(length)
        assert length == parse_duration(written)

    def test_is_written_of_elapsed_time_too(self) -> None:
        """Not everything that is measured came from a text."""
        assert "PT2M" == write_duration(timedelta(minutes=2))
