"""Pages: bounded in rows and in bytes, and never stuck."""

import pytest

from control_plane.use_cases.paging import MAX_PAGE, MAX_PAGE_BYTES, page_of, page_size
from shared.errors import InvalidRequest


class TestAPage:
    def test_that_holds_all_is_the_last(self) -> None:
        """No token leads to an empty page for nothing."""
        page = page_of([1, 2], 2, bytes_of=lambda _: 1)

        assert ([1, 2], None) == (page.rows, page.last)

    def test_goes_on_after_its_last_row(self) -> None:
        """One row more was found than fits."""
        page = page_of([1, 2, 3], 2, bytes_of=lambda _: 1)

        assert ([1, 2], 2) == (page.rows, page.last)

    def test_ends_early_when_its_rows_are_large(self) -> None:
        """A client takes four mebibytes unless it was told else."""
        page = page_of([1, 2, 3], 3, bytes_of=lambda _: MAX_PAGE_BYTES // 2)

        assert ([1, 2], 2) == (page.rows, page.last)

    def test_has_its_first_row_whatever_its_size(self) -> None:
        """A page that could be empty for size would be asked for for ever."""
        page = page_of([1, 2], 2, bytes_of=lambda _: MAX_PAGE_BYTES + 1)

        assert ([1], 1) == (page.rows, page.last)

    def test_may_be_empty_and_go_on(self) -> None:
        """A filter without an index passes rows over, a bounded number at a time."""
        page = page_of([1, 2, 3], 2, bytes_of=lambda _: 1, keep=lambda _: False)

        assert ([], 2) == (page.rows, page.last)


class TestThePageSize:
    @pytest.mark.parametrize(("asked", "given"), [(0, 50), (1, 1), (200, 200), (9_999, MAX_PAGE)])
    def test_has_a_default_and_a_bound(self, asked: int, given: int) -> None:
        """More than the most is the most, as the contract says."""
        assert given == page_size(asked)

    def test_is_not_negative(self) -> None:
        """That can only be a bug of the caller's."""
        with pytest.raises(InvalidRequest):
            page_size(-1)
