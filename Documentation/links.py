"""Turns the links of a page, which lead through the repository, into those of the book.

Pages link as GitHub wants it, `[text](../OPERATIONS.md#back-up)`, so that they can be read where they lie. DocC knows
pages by their names and headings by their texts. What the book does not have is named instead: a path in the repository.
A link that leads nowhere is an error.
"""

import re

import pages
from pages import PageError

LINK = re.compile(r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)")
CURATED = re.compile(r"^- \[[^\]]*\]\((doc:[^()\s]+)\)$")


def github_anchor(heading):
    text = re.sub(r"[`*]", "", heading.lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def docc_anchor(heading):
    """The name that DocC gives to a heading."""
    text = re.sub(r"[`'\"*]", "", heading)
    return re.sub(r"\s+", "-", text.strip())


def headings(path):
    fence = False
    for line in path.read_text(encoding="utf-8").split("\n"):
        if pages.FENCE.match(line):
            fence = not fence
        elif not fence and (found := pages.HEADING.match(line)):
            yield found[2]


def docc_name(path, reader):
    """How `reader` has to call the page at `path`; nothing where DocC cannot lead there.

    The book knows the pages of all targets. A target, which is rendered before it, knows its own.
    """
    if reader.parent == path.parent and reader.parent.suffix == ".docc":
        return f"doc:{path.stem}"
    if reader.parent != pages.BOOK and reader not in pages.CHAPTERS.values():
        return None
    for name, chapter in pages.CHAPTERS.items():
        if chapter == path:
            return f"doc:{name}"
    if path.parent == pages.BOOK:
        return f"doc:{path.stem}"
    catalogue = path.parent
    if catalogue.suffix == ".docc" and catalogue.parent.parent == pages.REPOSITORY / "Sources":
        module = catalogue.stem
        return f"doc:/{module}" if path.stem == module else f"doc:/{module}/{path.stem}"
    return None


def resolved(page, line, text, target):
    """Returns what stands in the book for the link from `page` to `target`."""
    place, _, anchor = target.partition("#")
    path = (page.parent / place).resolve() if place else page
    if not path.exists():
        raise PageError(page, line, f"the link to '{target}' leads nowhere")
    if anchor:
        heading = next((found for found in headings(path) if github_anchor(found) == anchor), None)
        if heading is None:
            raise PageError(page, line, f"{path.name} has no heading '#{anchor}'")
        anchor = f"#{docc_anchor(heading)}"
    name = docc_name(path, page)
    if name is None:
        path = path.relative_to(pages.REPOSITORY)
        return text if text.strip("`") in (str(path), path.name) else f"{text} (`{path}`)"
    # Inside a page, DocC wants its name, too.
    return f"[{text}]({name}{anchor})"


def in_the_book(page):
    """Returns the text of `page` with the book's links."""
    lines, fence = [], False
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        if pages.FENCE.match(line):
            fence = not fence
        elif not fence:
            line = LINK.sub(
                lambda found: found[0]
                if re.match(r"[a-z]+:", found["target"])
                else resolved(page, number, found["text"], found["target"]),
                line,
            )
            # Topics take their pages' own titles.
            line = CURATED.sub(r"- <\1>", line)
        lines.append(line)
    return "\n".join(lines)
