"""The glossary has the words that the project uses, each once; the pages keep to them."""

import re

from tests.docs.pages import ROOT, page, pages, rows, section

WORDS = [cells[0].strip("`") for cells in rows(page("docs/glossary.md"))]
EVERY = {word for entry in WORDS for word in entry.split(", ")}

ELSEWHERE = {"docs/comparison.md", "docs/glossary.md", "CONTRIBUTING.md"}
"""Pages that speak of others, or of the words themselves."""

NOT_OURS = (
    r"\bjobs?\b",  # a task; a Job with a capital is one of Kubernetes'
    r"\blease tokens?\b",  # an epoch
    r"\bcheckpoint of (?:a|the) (?:feed|stream)\b",  # a position
    r"\b(?:[Ww]orkflow|[Pp]rocess) instances?\b",  # an instance
)


class TestTheGlossary:
    def test_has_the_words_of_the_architecture(self) -> None:
        """Its readers meet them in the API as well."""
        told = {
            word.strip("` ")
            for cells in rows(section(page("ARCHITECTURE.md"), "## Vocabulary"))
            for word in cells[0].split(",")
        }

        assert set() == told - EVERY

    def test_has_each_word_once_in_the_order_of_the_alphabet(self) -> None:
        """It is looked things up in."""
        assert sorted(set(WORDS), key=str.lower) == WORDS


class TestAPageOrAProto:
    def test_keeps_to_the_words(self) -> None:
        """One word, one meaning: what is called two things is taken for two things."""
        pattern = "|".join(NOT_OURS)
        found = []
        for path in [*pages(), *(ROOT / "proto/foliot").rglob("*.proto")]:
            name = path.relative_to(ROOT).as_posix()
            if name not in ELSEWHERE:
                prose = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text("utf-8"), flags=re.DOTALL)
                hits = re.findall(pattern, prose)
                found += [f"{name}: {hit}" for hit in hits]

        assert [] == found
