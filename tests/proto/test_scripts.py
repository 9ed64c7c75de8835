"""What is committed under proto/gen is what the protos give, and the scripts notice if not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)


def generate(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "proto/generate.py", *arguments, cwd=tree)


class TestTheGeneratedCode:
    def test_is_what_the_protos_give(self, tree: Path) -> None:
        """Otherwise the committed stubs and the protos tell different stories."""
        checked = generate(tree, "--check")

        assert (0, "") == (checked.returncode, checked.stderr)

    def test_is_missed_named_and_given_a_remedy_when_it_is_not(self, tree: Path) -> None:
        """One file changed, one missing and one left over: the check names each."""
        generated = tree / "proto" / "gen" / "foliot" / "v1"
        (generated / "json_pb2.pyi").write_text("# by hand\n")
        (generated / "task_pb2.py").unlink()
        (generated / "gone_pb2.py").write_text("")

        checked = generate(tree, "--check")

        assert 1 == checked.returncode
        assert [
            "proto/gen/foliot/v1/gone_pb2.py is not what the protos give",
            "proto/gen/foliot/v1/json_pb2.pyi is not what the protos give",
            "proto/gen/foliot/v1/task_pb2.py is not what the protos give",
            "run `python proto/generate.py` and commit proto/gen",
        ] == checked.stderr.splitlines()

    def test_is_mended_by_generating_it_again(self, tree: Path) -> None:
        """The remedy that the check names works, left-overs included."""
        left_over = tree / "proto" / "gen" / "foliot" / "v1" / "gone_pb2.py"
        left_over.write_text("")

        generate(tree)

        assert 0 == generate(tree, "--check").returncode
        assert not left_over.exists()


class TestTheProtos:
    def test_are_clean_to_buf_lint(self, tree: Path, buf: str) -> None:
        """Names, packages and comments as the API promises."""
        linted = run(buf, "lint", cwd=tree)

        assert (0, "") == (linted.returncode, linted.stdout)

    def test_are_as_buf_format_writes_them(self, tree: Path, buf: str) -> None:
        """One form, so that a diff shows changes of meaning only."""
        formatted = run(buf, "format", "--diff", "--exit-code", "proto", cwd=tree)

        assert (0, "") == (formatted.returncode, formatted.stdout)


@pytest.fixture
def committed(tree: Path) -> Path:
    """The tree as a git repository of its own, with everything committed on main."""
    if shutil.which("git") is None:
        pytest.skip("no git here, which the comparison reads the earlier protos from")
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "buf.yaml", "proto"),
        (*identity, "-c", "commit.gpgsign=false", "commit", "--quiet", "--message=before"),
    ):
        subprocess.run(["git", *command], cwd=tree, check=True)
    return tree


class TestAChangeOfTheProtos:
    def test_that_only_adds_breaks_nobody(self, committed: Path, buf: str) -> None:
        """The API grows by new fields; that must stay possible."""
        proto = committed / "proto" / "foliot" / "v1" / "json.proto"
        proto.write_text(
            proto.read_text().replace(
                "json = 1;", "json = 1;\n\n  // added is new.\n  bool added = 2;"
            )
        )

        compared = run(sys.executable, "proto/breaking.py", cwd=committed)

        assert (0, "") == (compared.returncode, compared.stdout)

    def test_that_breaks_somebody_is_refused(self, committed: Path, buf: str) -> None:
        """Nothing changes its meaning once released."""
        proto = committed / "proto" / "foliot" / "v1" / "json.proto"
        proto.write_text(proto.read_text().replace("string json = 1;", "int64 json = 1;"))

        compared = run(sys.executable, "proto/breaking.py", cwd=committed)

        assert 0 != compared.returncode
        assert "json.proto" in compared.stdout
