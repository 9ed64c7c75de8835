"""docs/spec-reference.md: it is the schema's, its examples are good, and they show every word."""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

import pytest

from control_plane.engine import check_spec, spec_schema
from shared.retry import RetryPolicy
from tests.docs.pages import ROOT, blocks, page, rows, section


def script(name: str) -> ModuleType:
    """A script of docs/, which is no package, as a module."""
    spec = spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MAKER = script("spec_page")
PAGE = page("docs/spec-reference.md")
SCHEMA = json.loads(spec_schema())
EXAMPLES = [json.loads(block.text) for block in blocks(PAGE)]


def keys(value: Any) -> Iterator[str]:
    """Every key in a value, however deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict):
        yield from value
    for one in inner:
        yield from keys(one)


class TestTheReference:
    def test_is_what_the_schema_gives(self) -> None:
        """Otherwise `make gen` was forgotten."""
        examples = json.loads(MAKER.EXAMPLES.read_text("utf-8"))

        assert MAKER.page(SCHEMA, examples) == PAGE

    def test_tells_every_word_that_the_schema_has(self) -> None:
        """Under whichever object; a word that no chapter tells is one that nobody uses."""
        told = {cells[0].strip("*").strip("`") for cells in rows(PAGE)}

        assert set() == set(_words(SCHEMA)) - told

    @pytest.mark.parametrize("chapter", MAKER.CHAPTERS, ids=lambda chapter: chapter.title)
    def test_shows_every_word_of_a_chapter_in_its_example(self, chapter: Any) -> None:
        """A word is understood by seeing it used."""
        text = section(PAGE, f"## {chapter.title}")
        (example,) = (json.loads(block.text) for block in blocks(text))
        told = {cells[0].strip("*").strip("`") for cells in rows(text)}

        assert set() == told - set(keys(example))

    @pytest.mark.parametrize("number", range(len(EXAMPLES)))
    def test_has_examples_without_any_finding(self, number: int) -> None:
        """People copy examples, with all that is wrong about them."""
        _, diagnostics = check_spec(EXAMPLES[number])

        assert () == diagnostics

    def test_tells_the_retries_that_are_made_if_nothing_is_said(self) -> None:
        """The numbers stand in the schema, in texts and in code."""
        policy = RetryPolicy()
        told = {row[0].strip("`"): row for row in rows(section(PAGE, "### `retry`"))}

        assert (policy.max_attempts, policy.factor, policy.jitter) == (
            int(told["maxAttempts"][2].strip("`")),
            float(told["factor"][2].strip("`")),
            float(told["jitter"][2]),
        )
        assert (timedelta(seconds=1), "1 second") == (policy.initial, told["initial"][2])
        assert (timedelta(minutes=5), "5 minutes") == (policy.cap, told["cap"][2])


def _words(schema: Any) -> Iterator[str]:
    """Every field of every object of a schema."""
    for inner in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(inner, dict | list):
            yield from _words(inner)
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
        yield from schema["properties"]
