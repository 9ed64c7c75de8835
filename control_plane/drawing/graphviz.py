"""
Graphviz, where there is one: in a process of its own, with bounds on its time, its memory
and what it writes. Taken from the wheel of pygraphviz if that is installed (the extra
"draw"), and from the machine otherwise.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal, TypeAlias

from shared.errors import LimitExceeded, PreconditionFailed

PictureFormat: TypeAlias = Literal["svg", "png"]

LAYOUT_TIMEOUT_S = 20.0
"""A picture of 500 states takes seconds; one that takes longer is not worth waiting for."""

MAX_MEMORY_MB = 1024
"""Address space of the process that lays out; what it needs beyond is refused to it."""

MAX_PICTURE_BYTES = 3 * 1024 * 1024
"""A picture that is larger does not fit in an answer of the API."""

FONT_PLACES = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/usr/share/X11/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
)
"""Where Linux keeps fonts, unless fontconfig is told otherwise."""

_FONT_FILES = (".ttf", ".otf", ".ttc", ".pfb", ".pcf.gz")
_FONT_SETTINGS = frozenset({"FONTCONFIG_FILE", "FONTCONFIG_PATH"})

_WORKER = Path(__file__).with_name("worker.py")


def is_available() -> bool:
    """Whether there is anything to lay out with."""
    return _program() is not None


def render(dot: str, format: PictureFormat) -> bytes:  # noqa: A002 - as the API says it
    """
    The picture of a digraph.

    Raises PreconditionFailed (DRAWING_NOT_AVAILABLE) where there is no Graphviz, and
    LimitExceeded if it takes too long, too much memory, or comes out too large.
    """
    program = _program()
    if program is None:
        raise PreconditionFailed(
            f"there is no Graphviz here to make {format.upper()} with: install foliot[draw], or"
            " Graphviz so that `dot` is on the PATH; DOT and Mermaid work without",
            reason="DRAWING_NOT_AVAILABLE",
            metadata={"format": format},
        )
    if format == "png" and not _has_fonts():
        raise PreconditionFailed(
            "there is no font here to write a PNG with: install one (Debian: fonts-dejavu-core);"
            " an SVG brings its text, and needs none",
            reason="DRAWING_NOT_AVAILABLE",
            metadata={"format": format},
        )
    command = [sys.executable, "-P", str(_WORKER), program, format, str(MAX_MEMORY_MB)]
    try:
        done = subprocess.run(  # noqa: S603 - our own worker; the text goes in by stdin
            command,
            input=dot.encode(),
            capture_output=True,
            timeout=LAYOUT_TIMEOUT_S,
            check=False,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        raise LimitExceeded(
            "seconds to lay out a picture (DOT and Mermaid take none)",
            actual=int(LAYOUT_TIMEOUT_S) + 1,
            maximum=int(LAYOUT_TIMEOUT_S),
        ) from None
    if done.returncode or not done.stdout:
        raise PreconditionFailed(
            f"Graphviz could not draw this: {_last_line(done.stderr)}; DOT and Mermaid work"
            " without",
            reason="DRAWING_NOT_AVAILABLE",
            metadata={"format": format},
        )
    if len(done.stdout) > MAX_PICTURE_BYTES:
        raise LimitExceeded(
            "bytes of a picture (DOT and Mermaid are smaller)",
            actual=len(done.stdout),
            maximum=MAX_PICTURE_BYTES,
        )
    return done.stdout


def _program() -> str | None:
    """What the worker is to lay out with: the wheel, or the path of a `dot`."""
    if importlib.util.find_spec("pygraphviz") is not None:
        return "pygraphviz"
    return shutil.which("dot")


def _has_fonts() -> bool:
    """Without any, Graphviz draws a box for every letter, and says nothing of it."""
    if sys.platform != "linux" or _FONT_SETTINGS & os.environ.keys():
        return True
    places = (Path(place).expanduser() for place in FONT_PLACES)
    return any(
        name.lower().endswith(_FONT_FILES)
        for place in places
        for _, _, names in os.walk(place)
        for name in names
    )


def _environment() -> dict[str, str]:
    """As little as it needs. SERVER_NAME tells Graphviz to read no files for anybody."""
    kept = {"PATH", "PYTHONPATH", "HOME", "XDG_CACHE_HOME", "SYSTEMROOT", "TEMP", *_FONT_SETTINGS}
    passed = {name: os.environ[name] for name in sorted(kept) if name in os.environ}
    return {**passed, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "SERVER_NAME": "foliot"}


def _last_line(text: bytes) -> str:
    lines = [line for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it ended without a word"
