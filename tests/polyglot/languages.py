"""The languages of examples/clients, as its README says how to build and call their clients."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT, blocks, page

README = "examples/clients/README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program that building or running takes, and the oldest that will do."""

    program: str
    asks: Sequence[str]
    oldest: tuple[int, ...]
    comes_with: str

    def missing(self, path: str) -> str:
        """Why it cannot be used; empty if it can."""
        oldest = ".".join(map(str, self.oldest))
        found = shutil.which(self.program, path=path)
        if found is None:
            return f"there is no {self.program} on the PATH; it comes with {self.comes_with}"
        said = subprocess.run(
            [found, *self.asks], check=False, capture_output=True, text=True, timeout=60
        )
        version = re.search(r"(\d+)\.(\d+)", said.stdout + said.stderr)
        if version is None or tuple(map(int, version.groups())) < self.oldest:
            has = version[0] if version else "none that it tells"
            return f"{found} has version {has}; install {self.comes_with}, {oldest} or newer"
        return ""


BUF = Tool(program="buf", asks=["--version"], oldest=(1, 40), comes_with="`make dev`")
TOOLS: Mapping[str, Sequence[Tool]] = {
    "go": (Tool(program="go", asks=["version"], oldest=(1, 26), comes_with="Go"), BUF),
    "typescript": (
        Tool(program="node", asks=["--version"], oldest=(20, 0), comes_with="Node"),
        Tool(program="npm", asks=["--version"], oldest=(10, 0), comes_with="Node"),
        BUF,
    ),
    "java": (
        Tool(program="javac", asks=["-version"], oldest=(17, 0), comes_with="a JDK"),
        Tool(program="mvn", asks=["--batch-mode", "--version"], oldest=(3, 8), comes_with="Maven"),
    ),
    "python": (Tool(program="python3", asks=["--version"], oldest=(3, 11), comes_with="Python"),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """`build` are the README's commands; the client is then started by `command`, in `folder`."""

    name: str
    build: str
    command: Sequence[str]
    folder: Path

    def missing(self, path: str) -> str:
        """Why it cannot be tried here; empty if it can."""
        return "; ".join(filter(None, (tool.missing(path) for tool in TOOLS[self.name])))


def shown(word: str) -> str:
    """The README's block of that word. Raises ValueError if there is none, or two."""
    (found,) = (block.text for block in blocks(page(README)) if block.word == word)
    return found


def languages() -> list[Language]:
    return [_language(name) for name in TOOLS]


def _language(name: str) -> Language:
    build = shown(name)
    folder = re.search(r"^cd (\S+)$", build, re.MULTILINE)
    command = re.search(r'^client="?([^"\n]+)"?$', build, re.MULTILINE)
    assert folder, f"the block `sh {name}` of {README} goes into no folder"
    assert command, f"the block `sh {name}` of {README} says no client=…"
    return Language(
        name=name, build=build, command=shlex.split(command[1]), folder=ROOT / folder[1]
    )
