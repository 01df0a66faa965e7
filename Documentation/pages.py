"""The pages of the book, and what stands on them: fenced blocks, marks for the test, links and headings.

A page is Markdown that reads well in the repository. What the test needs to know stands in comments, which neither
GitHub nor DocC shows:

    <!-- docs-test before: fed-server init -->
    <!-- docs-test: background until "Serving clients" -->
    ```sh
    fed-server run
    ```

`before` gives a command that the reader of the page has given already. `marks.py` has everything else.
"""

import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
BOOK = REPOSITORY / "Documentation" / "Tributary.docc"

# Pages that stand elsewhere in the repository and are chapters of the book, by their names in it.
CHAPTERS = {
    "Operations": REPOSITORY / "OPERATIONS.md",
    "Security": REPOSITORY / "SECURITY.md",
    "Packages": REPOSITORY / "packaging" / "README.md",
    "Protocol": REPOSITORY / "protocol" / "README.md",
    "Trainers": REPOSITORY / "protocol" / "TRAINER.md",
}

FENCE = re.compile(r"^\s*(`{3,})(.*)$")
MARK = re.compile(r"^\s*<!--\s*docs-test(?P<kind> page| before)?:\s*(?P<text>.*?)\s*-->\s*$")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*$")


def shown(path):
    """A page as messages name it."""
    return path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path


class PageError(Exception):
    """What is wrong with a page, and where."""

    def __init__(self, page, line, message):
        super().__init__(f"{shown(page)}:{line}: {message}")


@dataclass
class Block:
    """A fenced block, with the marks that stand right above it."""

    page: Path
    # Of the first line inside the fence, counted from 1.
    line: int
    language: str
    lines: list
    marks: list = field(default_factory=list)
    # Whether it stands in a comment: what a reader of the page has done before.
    hidden: bool = False

    @property
    def place(self):
        return f"{shown(self.page)}:{self.line}"


@dataclass
class Page:
    path: Path
    text: str
    blocks: list
    # Marks about the whole page, as (line, words).
    marks: list


def words(page, line, text):
    try:
        return shlex.split(text)
    except ValueError as error:
        raise PageError(page, line, f"the mark cannot be read: {error}") from None


def read(path):
    """Reads a page; every mark has to stand above a block or be about the page."""
    blocks, page_marks, pending = [], [], []
    fence, block = None, None
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.split("\n"), 1):
        found = FENCE.match(line)
        if fence:
            if found and len(found[1]) >= len(fence) and not found[2].strip():
                blocks.append(block)
                fence = None
            else:
                block.lines.append(line)
        elif found:
            fence = found[1]
            block = Block(path, number + 1, found[2].strip(), [], pending)
            pending = []
        elif mark := MARK.match(line):
            if mark["kind"] == " before":
                blocks.append(Block(path, number, "sh", [mark["text"]], pending, hidden=True))
                pending = []
            else:
                place = page_marks if mark["kind"] else pending
                place.append((number, words(path, number, mark["text"])))
        elif line.strip() and pending:
            raise PageError(path, pending[0][0], "no block follows this mark")
    if fence:
        raise PageError(path, block.line - 1, "the block is not closed")
    if pending:
        raise PageError(path, pending[0][0], "no block follows this mark")
    return Page(path, text, blocks, page_marks)


def tested_pages():
    """Every page with commands: the README, the book, its chapters, the targets' articles, examples and simulations."""
    found = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", REPOSITORY / "BENCHMARKS.md"]
    found += sorted(BOOK.glob("*.md"))
    found += [path for path in CHAPTERS.values() if path.exists()]
    for pattern in ("Sources/*/*.docc/*.md", "examples/*/README.md", "simulations/**/README.md", "fuzz/README.md"):
        found += sorted(REPOSITORY.glob(pattern))
    return found


def stop(message):
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")
