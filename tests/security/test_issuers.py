"""The file of issuers: what it must say, and that what is wrong in it is found at the start."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from control_plane.access.issuers import MAX_LEEWAY_S, read_issuers
from control_plane.adapters.memory.database import MemoryDatabase
from shared.errors import InvalidRequest
from tests.api.serving import serving_from
from tests.security.issuing import an_issuer, file_of

URL = "https://id.tests/jwks.json"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where it is written."""
    return tmp_path / "issuers.json"


class TestAnIssuer:
    def test_is_read_as_it_is_written(self, file: Path) -> None:
        """What is not said has its default."""
        file.write_text(file_of(an_issuer(URL)))

        (issuer,) = read_issuers(file)

        assert ("https://id.tests/", "tenant", False) == (
            issuer.issuer,
            issuer.tenant_claim,
            issuer.platform,
        )

    @pytest.mark.parametrize(
        "keys", [URL, "http://127.0.0.1:1/", "http://[::1]/", "http://localhost/", "/etc/keys.json"]
    )
    def test_may_have_its_keys_where_nobody_can_change_them(self, file: Path, keys: str) -> None:
        """On the way at least."""
        file.write_text(file_of(an_issuer(keys)))

        assert [keys] == [one.keys for one in read_issuers(file)]

    @pytest.mark.parametrize(
        ("said", "says"),
        [
            ({"keys": "http://id.tests/jwks.json"}, "anybody's"),
            ({"keys": "http://127.0.0.1.evil.tests/"}, "anybody's"),
            ({"algorithms": ["HS256"]}, "algorithms"),
            ({"algorithms": ["none"]}, "algorithms"),
            ({"algorithms": []}, "algorithms"),
            ({"leeway_s": MAX_LEEWAY_S + 1}, "leeway_s"),
            ({"leeway_s": -1}, "leeway_s"),
            ({"tenants": []}, "tenants"),
            ({"tenants": "acme"}, "tenants"),
            ({"roles": {}}, "roles"),
            ({"roles": {"x": "emperor"}}, "emperor"),
            ({"roles": {"x": "executor"}}, '"platform": true'),
            ({"audience": ""}, "audience"),
            ({"issuer": 7}, "issuer"),
            ({"audiance": "foliot"}, "audiance"),
        ],
        ids=str,
    )
    def test_that_would_not_do_says_where(
        self, file: Path, said: dict[str, Any], says: str
    ) -> None:
        """A misspelt word must not quietly give its default."""
        file.write_text(file_of({**an_issuer(URL), **said}))

        with pytest.raises(InvalidRequest, match="FOLIOT_JWT_ISSUERS_FILE") as refused:
            read_issuers(file)

        assert says in refused.value.message

    @pytest.mark.parametrize(
        "word", ["issuer", "audience", "keys", "algorithms", "tenants", "roles"]
    )
    def test_leaves_nothing_unsaid_that_matters(self, file: Path, word: str) -> None:
        """There is no default for whom to believe."""
        said = an_issuer(URL)
        del said[word]
        file.write_text(file_of(said))

        with pytest.raises(InvalidRequest, match=word):
            read_issuers(file)


class TestTwoIssuers:
    def test_of_one_name_are_refused(self, file: Path) -> None:
        """Whose keys would hold?"""
        file.write_text(file_of(an_issuer(URL), an_issuer(URL, name_prefix="x:")))

        with pytest.raises(InvalidRequest, match="twice"):
            read_issuers(file)

    @pytest.mark.parametrize("tenants", [["acme", "globex"], ["*"]])
    def test_that_share_a_tenant_need_names_of_their_own(
        self, file: Path, tenants: list[str]
    ) -> None:
        """The alice of one is not the alice of the other."""
        other = an_issuer(URL, issuer="https://two.tests/", tenants=tenants)
        file.write_text(file_of(an_issuer(URL), other))
        with pytest.raises(InvalidRequest, match="name_prefix"):
            read_issuers(file)

        file.write_text(file_of(an_issuer(URL), {**other, "name_prefix": "two:"}))

        assert 2 == len(read_issuers(file))


class TestAServerWithAFileThatWouldNotDo:
    @pytest.mark.parametrize("text", [None, "", "{}", "[]", json.dumps({"issuers": []})])
    async def test_does_not_start(self, file: Path, text: str | None) -> None:
        """It would let nobody in, or not those who were meant."""
        if text is not None:
            await asyncio.to_thread(file.write_text, text)

        with pytest.raises(InvalidRequest, match=r"issuers\.json"):
            async with serving_from(MemoryDatabase(), jwt_issuers_file=str(file)):
                pass
