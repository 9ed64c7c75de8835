"""Page tokens: opaque, bound to their list, and refused when they are not ours."""

import base64

import pytest

from control_plane.api.page_tokens import make_token, read_token
from shared.errors import InvalidRequest


class TestAToken:
    def test_leads_back_to_its_position(self) -> None:
        """What is written is what is read."""
        assert ["a", 1] == read_token(make_token(["a", 1], of="list"), of="list")

    def test_that_is_empty_is_the_first_page(self) -> None:
        """Not set begins at the beginning."""
        assert read_token("", of="list") is None

    @pytest.mark.parametrize(
        "token",
        [
            make_token(["a"], of="another list"),
            make_token(["a"], of="list")[:-3],
            "!",
            "ü",
            "A",
            "x" * 5_000,
            base64.urlsafe_b64encode(b"[").decode(),
            base64.urlsafe_b64encode(b"{}").decode(),
            base64.urlsafe_b64encode(b"[1,2]").decode(),
            base64.urlsafe_b64encode(b"[[" * 500).decode(),
        ],
    )
    def test_that_is_not_this_lists_is_refused(self, token: str) -> None:
        """Made up, cut short or from elsewhere: all the same to us, and none a crash."""
        with pytest.raises(InvalidRequest) as refused:
            read_token(token, of="list")

        assert "PAGE_TOKEN_INVALID" == refused.value.reason
