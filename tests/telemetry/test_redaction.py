"""What is replaced, in which of its forms, and for whom."""

import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote, quote_plus

import pytest
import structlog

from shared.ids import TenantId
from shared.json import dump, load
from shared.telemetry import redaction
from shared.telemetry.logging import configure_logging, get_logger
from shared.telemetry.redaction import Redactor

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
VALUE = 'päss "word"\n/+ '


@pytest.fixture
def redactor() -> Redactor:
    """One that knows a value of acme's."""
    it = Redactor()
    it.hide(ACME, VALUE)
    return it


class TestAHiddenValue:
    @pytest.mark.parametrize(
        "form",
        [
            VALUE,
            VALUE.strip(),
            dump(VALUE)[1:-1],
            json.dumps(VALUE)[1:-1],
            quote(VALUE, safe=""),
            quote_plus(VALUE),
            b64encode(VALUE.encode()).decode().rstrip("="),
        ],
    )
    def test_is_replaced_in_each_form_in_which_it_travels(
        self, redactor: Redactor, form: str
    ) -> None:
        """A server's answer may hold it in its own JSON, a message in a URL."""
        assert "<***" == redactor.text(ACME, f"<{form}").rstrip()

    def test_that_holds_another_one_is_replaced_whole(self) -> None:
        """Or its rest would stay."""
        redactor = Redactor()
        for value in ("secret", "secret-and-more"):
            redactor.hide(ACME, value)

        assert "***" == redactor.text(ACME, "secret-and-more")

    def test_leaves_canonical_json_canonical(self, redactor: Redactor) -> None:
        """Equal outputs have equal bytes."""
        text = redactor.json_text(ACME, dump({"b": VALUE, VALUE: 1, "z": [True, None, 1.5]}))

        assert '{"***":1,"b":"***","z":[true,null,1.5]}' == text
        assert dump(load(text)) == text

    @pytest.mark.parametrize("times", [1, 2])
    def test_is_found_in_json_in_a_text_of_json(self, redactor: Redactor, times: int) -> None:
        """A server that tells back what it was told tells it in quotes, and they are quoted."""
        text = VALUE
        for _ in range(times):
            text = dump([text])

        assert "word" not in redactor.json_text(ACME, dump({"body": text}))

    def test_is_its_tenants(self, redactor: Redactor) -> None:
        """Another one's texts are theirs, though the log holds neither's."""
        assert (VALUE, "***") == (redactor.text(GLOBEX, VALUE), redactor.line(VALUE))

    def test_is_forgotten_when_too_many_have_been_asked_for_since(
        self, redactor: Redactor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Memory is bounded; what is still in use stays."""
        monkeypatch.setattr(redaction, "MAX_HIDDEN", 2)
        redactor.hide(ACME, "another")
        redactor.hide(ACME, VALUE)
        redactor.hide(GLOBEX, "and one more")

        assert ("another", "***") == (redactor.line("another"), redactor.line(VALUE))


class TestALogLine:
    @pytest.fixture(autouse=True)
    def as_it_was(self, monkeypatch: pytest.MonkeyPatch, redactor: Redactor) -> Iterator[None]:
        """Logging is the process's: give it back as it was."""
        monkeypatch.setattr(redaction, "REDACTOR", redactor)
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        yield
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()

    @pytest.mark.parametrize("format_", ["json", "console"])
    def test_holds_none(
        self, format_: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Not in a field, not in an exception, not in what a library says."""
        redaction.REDACTOR.hide(ACME, "correct-horse")
        configure_logging(format_, "info")
        try:
            int("correct-horse")
        except ValueError:
            get_logger("here").exception("it.failed", fields=["correct-horse", {"a": VALUE}])
        logging.getLogger("library").warning("sent %s", "correct-horse")

        written = capsys.readouterr().err
        assert "invalid literal" in written
        assert () == tuple(form for form in ("correct-horse", "word") if form in written)

    def test_stays_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Where the secret is a number, too."""
        redaction.REDACTOR.hide(ACME, "123456")
        configure_logging("json", "info")
        get_logger("here").info("it.happened", bytes=123456)

        assert "***" == json.loads(capsys.readouterr().err)["bytes"]
