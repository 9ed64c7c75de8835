"""
What MkDocs does beyond mkdocs.yml, so that the same pages are right on a code host and in the site.

Pages link to files of the repository as a code host shows them: those are brought into the site,
below repository/, pages as pages and code as a page that shows it. Fences carry a word for the
tests. Pictures in Mermaid are drawn when the site is built, so that no reader's browser has to
fetch what draws them.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mermaid import drawn
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify  # type: ignore[import-untyped]  # it has none

# ruff: noqa: INP001, ARG001 -- MkDocs loads it by its path, and names what its hooks are given

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
REPOSITORY = "repository"

LANGUAGES = {
    ".json": "json", ".proto": "protobuf", ".py": "python", ".sql": "sql",
    ".toml": "toml", ".yaml": "yaml", ".yml": "yaml",
}  # fmt: skip
"""How files of the repository are coloured, by how their names end; others are plain text."""

PICTURES = frozenset({".png", ".svg"})
"""What is brought in as it is."""

_FENCE = re.compile(
    r"^(?P<ticks>```+)(?P<language>[^\s`]*) *(?P<word>[^`\n]*)\n(?P<text>.*?)^(?P=ticks)$",
    re.DOTALL | re.MULTILINE,
)
_CODE_OR_LINK = re.compile(r"(?P<code>`+[^`\n]+`+)|\]\((?P<link>[^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|link[^>]+stylesheet)\b[^>]*?"""
    r"""\b(?:src|href)=["']?(?P<from>(?:https?:)?//[^"' >]+)"""
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Headings get the names by which code hosts link to them."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Bring in what the nav and the pages name, and what that links to in turn."""
    waiting = [DOCS / file.src_uri for file in files.documentation_pages()]
    waiting += [_source(uri) for uri in _entries(config.nav) if uri.startswith(f"{REPOSITORY}/")]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        if path.suffix in PICTURES and not path.is_relative_to(DOCS):
            files.append(File.generated(config, place(path), abs_src_path=str(path)))
        elif not path.is_relative_to(DOCS):
            files.append(File.generated(config, place(path), content=_shown(path)))
        found = {there for there in _targets(path) if there.is_relative_to(ROOT)}
        waiting += [there for there in found - seen if there.exists()]
        seen |= found
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links by their place in the site, and fences without the words that are for tests."""
    here = page.file.src_uri
    source = _source(here)
    if source.suffix != ".md":
        page.meta["search"] = {"exclude": True}
        return markdown
    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_prose(markdown[end : fence.start()], source, here), _fence(fence)]
        end = fence.end()
    return "".join([*parts, _prose(markdown[end:], source, here)])


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that would have a browser fetch anything from elsewhere."""
    if found := _FETCHED.search(output):
        raise PluginError(
            f"{page.file.src_uri} fetches {found['from']} from elsewhere; bring it along"
        )
    return output


def place(path: Path) -> str:
    """Where a file of the repository is in the site, as the source of a page or a picture."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    brought = f"{REPOSITORY}/{path.relative_to(ROOT).as_posix()}"
    if path.is_dir():
        return f"{brought}/index.md"
    return brought if path.suffix in PICTURES | {".md"} else f"{brought}.md"


def _entries(nav: object) -> Iterator[str]:
    """The pages that a nav names, in its order."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, list | dict):
        for inner in nav.values() if isinstance(nav, dict) else nav:
            yield from _entries(inner)


def _source(uri: str) -> Path:
    """The file that `place` has put there."""
    if not uri.startswith(f"{REPOSITORY}/"):
        return DOCS / uri
    path = ROOT / uri.removeprefix(f"{REPOSITORY}/")
    if path.is_file():
        return path
    return path.parent if path.name == "index.md" else path.with_suffix("")


def _targets(path: Path) -> Iterator[Path]:
    """The files that a page links to."""
    if path.suffix == ".md":
        for found in _CODE_OR_LINK.finditer(_FENCE.sub("", path.read_text("utf-8"))):
            if found["link"] and not _ELSEWHERE.match(found["link"]):
                yield _resolved(path, found["link"].partition("#")[0])
    elif path.is_dir():
        yield from _listed(path)


def _resolved(page: Path, target: str) -> Path:
    """The file a link leads to; of a folder with a README, that."""
    there = (page.parent / target).resolve() if target else page
    return there / "README.md" if (there / "README.md").is_file() else there


def _listed(folder: Path) -> list[Path]:
    """What the page of a folder links to: what it holds itself that can be shown."""
    return sorted(path for path in folder.iterdir() if path.suffix in LANGUAGES)


def _shown(path: Path) -> str:
    """A file of the repository as a page."""
    if path.suffix == ".md":
        return path.read_text("utf-8")
    title = f"# `{path.relative_to(ROOT).as_posix()}`\n\n"
    if path.is_dir():
        below = (one.name for one in sorted(path.iterdir()) if one.is_dir() and one.name[0] != "_")
        lines = [f"- [`{one.name}`]({one.name}.md)" for one in _listed(path)]
        return title + "\n".join([*lines, *(f"- `{name}/`" for name in below)]) + "\n"
    text = path.read_text("utf-8")
    ticks = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"{title}{ticks}{LANGUAGES.get(path.suffix, 'text')}\n{text.rstrip()}\n{ticks}\n"


def _prose(text: str, source: Path, here: str) -> str:
    def moved(found: re.Match[str]) -> str:
        if found["code"]:
            # In a table's cell a code host wants `\|` for a bar, and Python-Markdown does not.
            return found["code"].replace("\\|", "|")
        target, mark, anchor = found["link"].partition("#")
        if not target or _ELSEWHERE.match(found["link"]):
            return found[0]
        there = posixpath.relpath(place(_resolved(source, target)), posixpath.dirname(here) or ".")
        return f"]({there}{mark}{anchor})"

    return _CODE_OR_LINK.sub(moved, text)


def _fence(found: re.Match[str]) -> str:
    language, word = found["language"], found["word"].strip()
    if language == "mermaid":
        return drawn(found["text"])
    name, _, changed = word.partition(" ")
    title = f' title="{name}{f" ({changed})" if changed else ""}"' if "." in name else ""
    return f"{found['ticks']}{language or 'text'}{title}\n{found['text']}{found['ticks']}"
