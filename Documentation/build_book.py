#!/usr/bin/env python3
"""Renders the book, with the pages of all targets and their declarations: `make docs`.

What declarations say is read from the sources, beside the modules that the last build left. Each target becomes an archive,
then the book does, whose links into them are checked, and all are merged into one folder of static pages.
"""

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import links
import pages

FEATURES = [
    option
    for feature in ("ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility", "NonisolatedNonsendingByDefault")
    for option in ("-enable-upcoming-feature", feature)
]


def run(*command):
    """Runs a command that has to succeed, and returns what it said."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        pages.stop(f"{Path(command[0]).name} failed:\n{result.stdout.rstrip()}")
    return result.stdout


def answer(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=pages.REPOSITORY).stdout.strip()


def package_name():
    """What the package manager calls this package: the mangled name of its folder."""
    return re.sub(r"\W", "_", pages.REPOSITORY.name.lower())


def targets():
    """The targets that have a catalogue, by name."""
    return {folder.stem: folder for folder in sorted(pages.REPOSITORY.glob("Sources/*/*.docc"))}


class Renderer:
    def __init__(self, products, scratch):
        self.products = products
        self.scratch = scratch
        # Links in comments that name what another module declares, or nobody; DocC shows them as text.
        self.unresolved = 0

    def declarations(self, target):
        """Extracts what a module declares, with its comments, from its sources and the modules it imports.

        Function bodies are skipped, so a module takes seconds. `swift-symbolgraph-extract`, which reads compiled modules,
        would leave out whatever mentions a type that was imported for this package alone.
        """
        folder = self.scratch / "symbols" / target
        folder.mkdir(parents=True)
        run("swiftc", "-emit-module", "-emit-module-path", self.scratch / f"{target}.swiftmodule", "-module-name", target,
            "-package-name", package_name(), "-parse-as-library", "-swift-version", "6", *FEATURES,
            "-I", self.products / "Modules", *self._module_maps(),
            "-Xfrontend", "-experimental-skip-all-function-bodies",
            "-emit-symbol-graph", "-emit-symbol-graph-dir", folder,
            "-symbol-graph-minimum-access-level", "internal", "-symbol-graph-skip-synthesized-members",
            *sorted((pages.REPOSITORY / "Sources" / target).rglob("*.swift")), *self._derived_sources(target))
        return folder

    def _derived_sources(self, target):
        """What the build has made of a target's resources."""
        return sorted((self.products / f"{target}.build" / "DerivedSources").glob("*.swift"))

    def _module_maps(self):
        """The C modules of this package and of its dependencies."""
        checkouts = pages.REPOSITORY / ".build" / "checkouts"
        found = [*self.products.glob("*.build/module.modulemap"), *checkouts.glob("*/Sources/*/include/module.modulemap"),
                 *checkouts.glob("*/Sources/*/module.modulemap"), *pages.REPOSITORY.glob("Sources/*/module.modulemap")]
        return [option for place in found for option in ("-Xcc", f"-fmodule-map-file={place}")]

    def archive(self, name, catalogue, *options):
        """Renders a catalogue. Links that lead nowhere are errors on pages, and counted in comments."""
        output = self.scratch / f"{name}.doccarchive"
        said = run("docc", "convert", catalogue, "--fallback-display-name", name, "--fallback-bundle-identifier", name,
                   "--output-dir", output, "--enable-experimental-external-link-support", "--transform-for-static-hosting",
                   *options)
        places = re.findall(r"^warning: (.*)\n +--> (\S+?):", said, re.MULTILINE)
        for problem, place in places:
            if place.endswith(".md"):
                pages.stop(f"{name}, {place}: {problem}")
        self.unresolved += len(places)
        return output


def assemble(chapters, folder):
    """Makes a catalogue of pages, by the names that they have in it."""
    folder.mkdir(parents=True)
    for name, path in chapters.items():
        (folder / f"{name}.md").write_text(links.in_the_book(path), encoding="utf-8")
    return folder


def pages_of(catalogue):
    return {path.stem: path for path in sorted(catalogue.glob("*.md"))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=pages.REPOSITORY / ".build" / "book")
    arguments = parser.parse_args()
    products = Path(answer("swift", "build", "-c", "release", "-Xswiftc", "-enable-testing", "--show-bin-path")).resolve()
    if not (products / "Modules").is_dir():
        pages.stop("there is no build to take declarations from. Run `make build` first.")
    scratch = arguments.out.with_name(arguments.out.name + "-parts")
    for folder in (scratch, arguments.out):
        shutil.rmtree(folder, ignore_errors=True)
    renderer = Renderer(products, scratch)
    archives = []
    for name, catalogue in targets().items():
        symbols = renderer.declarations(name)
        chapters = assemble(pages_of(catalogue), scratch / catalogue.name)
        archives.append(renderer.archive(name, chapters, "--additional-symbol-graph-dir", symbols))
    dependencies = [option for archive in archives for option in ("--dependency", archive)]
    chapters = pages_of(pages.BOOK) | {name: path for name, path in pages.CHAPTERS.items() if path.exists()}
    book = renderer.archive("Tributary", assemble(chapters, scratch / pages.BOOK.name), *dependencies)
    run("docc", "merge", book, *archives, "--synthesized-landing-page-name", "Tributary", "--output-path", arguments.out)
    shutil.rmtree(scratch)
    print(f"{renderer.unresolved} links in comments lead to no declaration of their own module.")
    print(arguments.out)
    print(f"To read it: python3 -m http.server --directory {arguments.out}, and open /documentation/tributary there")


if __name__ == "__main__":
    main()
