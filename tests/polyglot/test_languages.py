"""What is missing to try a language is said in a way that tells what to install."""

from pathlib import Path

from tests.polyglot.languages import Language, Tool, languages


class TestALanguage:
    def test_without_its_toolchain_names_each_program_and_where_it_comes_from(
        self, tmp_path: Path
    ) -> None:
        """A line that only says "skipped" helps nobody to have it run."""
        told = {one.name: one.missing(str(tmp_path)) for one in languages()}

        assert {
            "go": "there is no go on the PATH; it comes with Go;"
            " there is no buf on the PATH; it comes with `make dev`",
            "typescript": "there is no node on the PATH; it comes with Node;"
            " there is no npm on the PATH; it comes with Node;"
            " there is no buf on the PATH; it comes with `make dev`",
            "java": "there is no javac on the PATH; it comes with a JDK;"
            " there is no mvn on the PATH; it comes with Maven",
            "python": "there is no python3 on the PATH; it comes with Python",
        } == told

    def test_has_a_folder_with_locked_versions(self) -> None:
        """What is fetched must be what was tried."""
        locks = {
            "go": "go.sum",
            "typescript": "package-lock.json",
            "java": "pom.xml",
            "python": "requirements.txt",
        }

        assert all(_lock(one, locks[one.name]).is_file() for one in languages())


class TestATool:
    def test_that_is_too_old_says_how_old(self, tmp_path: Path) -> None:
        """With the version that would do."""
        old = tmp_path / "node"
        old.write_text("#!/bin/sh\necho v18.4.2\n")
        old.chmod(0o755)
        node = Tool(program="node", asks=["--version"], oldest=(20, 0), comes_with="Node")

        assert node.missing(str(tmp_path)) == (
            f"{old} has version 18.4; install Node, 20.0 or newer"
        )


def _lock(language: Language, name: str) -> Path:
    return language.folder / name
