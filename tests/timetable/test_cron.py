"""Which minutes of a calendar an expression names, and how one that names none is refused."""

import time
from contextlib import suppress
from datetime import datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.timetable import MAX_CRON, parse_cron
from shared.errors import InvalidRequest

CPU_S = 0.25
"""More than ten times what the dearest of the expressions below takes; a search day by day for
ever, or for a thousand years, takes seconds."""

BEGIN = datetime(2026, 1, 1)  # noqa: DTZ001 - a wall clock's, in no zone


def first(text: str, count: int) -> list[str]:
    return [f"{one:%Y-%m-%d %H:%M}" for one in islice(parse_cron(text).after(BEGIN), count)]


class TestAnExpression:
    @pytest.mark.parametrize(
        ("text", "minutes"),
        [
            ("30 9 * * MON-FRI", ["2026-01-01 09:30", "2026-01-02 09:30", "2026-01-05 09:30"]),
            ("*/20 8-9 1 * *", ["2026-01-01 08:00", "2026-01-01 08:20", "2026-01-01 08:40"]),
            ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
            ("0 12 L * *", ["2026-01-31 12:00", "2026-02-28 12:00", "2026-03-31 12:00"]),
            ("0 12 LW * *", ["2026-01-30 12:00", "2026-02-27 12:00", "2026-03-31 12:00"]),
            ("0 12 * * MON#1", ["2026-01-05 12:00", "2026-02-02 12:00", "2026-03-02 12:00"]),
            ("0 12 * * 5L", ["2026-01-30 12:00", "2026-02-27 12:00", "2026-03-27 12:00"]),
            ("0 12 * * 7", ["2026-01-04 12:00", "2026-01-11 12:00", "2026-01-18 12:00"]),
            ("@weekly", ["2026-01-04 00:00", "2026-01-11 00:00", "2026-01-18 00:00"]),
            ("@YEARLY", ["2027-01-01 00:00", "2028-01-01 00:00", "2029-01-01 00:00"]),
        ],
    )
    def test_names_minutes(self, text: str, minutes: list[str]) -> None:
        """As docs/schedules.md says: names, lists, ranges, steps, last and n-th days, leap days."""
        assert minutes == first(text, 3)

    def test_with_both_days_restricted_means_either(self) -> None:
        """As in every cron: the 13th, and every Friday."""
        assert ["2026-01-02 00:00", "2026-01-09 00:00", "2026-01-13 00:00"] == first(
            "0 0 13 * FRI", 3
        )

    def test_with_a_star_among_the_days_means_both(self) -> None:
        """Every other day that is a Monday."""
        assert ["2026-01-05 00:00", "2026-01-19 00:00", "2026-02-09 00:00"] == first(
            "0 0 */2 * MON", 3
        )

    def test_names_no_minute_beyond_the_last_year(self) -> None:
        """Where the calendar ends, there is nothing more, and no error."""
        late = datetime(2199, 12, 31, 23, 0)  # noqa: DTZ001 - a wall clock's

        assert [] == list(parse_cron("0 0 1 1 *").after(late))


class TestAnExpressionThatIsRefused:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "  ",
            "* * * *",
            "0 * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "5-1 * * * *",
            "* * * * MON#6",
            "a b c d e",
            "@reboot",
            "* * * * *;",
            "１ * * * *",
            "9" * 200 + " * * * *",
            "* " * MAX_CRON,
        ],
    )
    def test_says_what_is_wrong_with_the_field(self, text: str) -> None:
        """A person wrote it, and has to find it."""
        with pytest.raises(InvalidRequest, match=r"^cron ") as refused:
            parse_cron(text)

        assert "cron" == refused.value.field

    @pytest.mark.parametrize(
        "text",
        [
            "0 0 30 2 *",
            "0 0 31 2,4,6,9,11 *",
            "*/31 0 */31 * MON#5",
            "0-59 0-23 */31 2 1#5",
            "* * */29 2 MON#5,TUE#5,WED#5,THU#5,FRI#5",
            "0 0 30,31 2 *",
        ],
    )
    def test_for_naming_no_minute_is_so_at_once(self, text: str) -> None:
        """Whoever may create schedules could keep a server's core busy otherwise."""
        before = time.process_time()

        with pytest.raises(InvalidRequest, match=r"never comes|no such day comes"):
            parse_cron(text)

        assert time.process_time() - before < CPU_S


class TestWhateverIsWritten:
    @given(
        st.one_of(
            st.text(max_size=60),
            st.lists(
                st.text(alphabet="0123456789*,/-#LWMON", min_size=1, max_size=8),
                min_size=5,
                max_size=5,
            ).map(" ".join),
        )
    )
    def test_is_read_or_refused(self, text: str) -> None:
        """A client's text is never a server's crash."""
        with suppress(InvalidRequest):
            assert next(parse_cron(text).after(BEGIN)) > BEGIN
