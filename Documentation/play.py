"""Plays one page: makes its machines, runs its blocks from the top, and says where it failed."""

import os
import re
import time
from pathlib import Path

import machines as stage
import pages
from marks import BlockMarks, PageMarks
from pages import PageError

CACHE = Path(
    os.environ.get("TRIBUTARY_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tributary"
)
PROGRAMS = pages.REPOSITORY / ".build" / "release"
INSTALLED = ["fed-server", "fed-client", "fed-sim"]
GIVEN_ROWS = 400
LOG_LINES = 25
# A block that begins with one of these is a command, whatever its fence says, and has to be a block of `sh`.
COMMANDS = {
    "fed-server", "fed-client", "fed-sim", "fed-attack", "make", "swift", "git", "python3", "pip", "apt", "apt-get",
    "dpkg", "systemctl", "useradd", "runuser", "journalctl", "examples/four-silos/run", "examples/private-silos/run",
}


def is_command(block):
    # Synopses and what other programs type are `text`.
    if block.language == "text":
        return False
    first = next((line.strip() for line in block.lines if line.strip()), "").removeprefix("$ ")
    return bool(first) and re.split(r"[\s;|]", first)[0] in COMMANDS


def has_commands(path):
    return any(block.language == "sh" or is_command(block) for block in pages.read(path).blocks)


def commands(block):
    """The commands of a block, without comments, and with continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", "\n".join(block.lines)).split("\n")
    return [line.strip() for line in joined if line.strip() and not line.strip().startswith("#")]


def summary(block):
    found = commands(block) or [""]
    first = found[0] if len(found[0]) < 90 else found[0][:89] + "…"
    return first + (f"  (and {len(found) - 1} more)" if len(found) > 1 else "")


def some_texts(silo):
    """A silo's texts, fewer than there are, so that a page takes seconds."""
    rows = (CACHE / "data" / "vader" / f"{silo}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(rows[:: max(1, len(rows) // GIVEN_ROWS)])


def printed_lines(outcome):
    return [line for line in outcome.output.split("\n") if line.strip()]


def fault(marks, outcome):
    """Says what is wrong with how a block ended, or nothing."""
    if outcome.code is None:
        return "did not end"
    if outcome.code != marks.code:
        return f"exit code {outcome.code} and not {marks.code}"
    for text in marks.shown:
        if text not in outcome.output + outcome.errors:
            return f"'{text}' was not shown"
    if len(printed_lines(outcome)) < len(marks.words):
        return f"too little was printed to stand for {' and '.join(marks.words)}"
    return None


class Play:
    def __init__(self, path, folder, long):
        self.page = pages.read(path)
        self.folder = folder
        self.long = long
        self.setting = PageMarks(self.page)
        self.ran = 0
        # As (place, command, reason).
        self.skipped = []
        self.failure = None
        self.machines = []
        # What earlier blocks printed, by the word that stands for it.
        self.replaced = {}
        self.blocks = [(block, BlockMarks(block)) for block in self.page.blocks]
        for block, marks in self.blocks:
            if block.language != "sh" and not marks.file and is_command(block):
                raise PageError(path, block.line, "a command outside of a block of `sh` is never tested")
        self._count_commands()

    def _count_commands(self):
        if not self.setting.allowance:
            return
        line, count, heading = self.setting.allowance
        texts = self.page.text.split("\n")
        end = next((number for number, text in enumerate(texts, 1) if re.fullmatch(rf"#+ {re.escape(heading)}", text)), None)
        if end is None:
            raise PageError(self.page.path, line, f"there is no heading '{heading}'")
        found = [command for block, _ in self.blocks if block.language == "sh" and block.line < end and not block.hidden
                 for command in commands(block)]
        if len(found) > count:
            raise PageError(self.page.path, line, f"{len(found)} commands stand above '{heading}', not {count}")

    def _reason_to_skip(self, marks):
        return self.setting.skipped or marks.skipped or (None if self.long else marks.long)

    def run(self):
        planned = []
        for block, marks in self.blocks:
            if block.language != "sh" and not marks.file:
                continue
            if reason := self._reason_to_skip(marks):
                self.skipped.append((block.place, summary(block), reason))
            else:
                planned.append((block, marks))
        if not any(block.language == "sh" and not block.hidden for block, _ in planned):
            return
        self._set_the_stage()
        try:
            for block, marks in planned:
                self._perform(block, marks)
                if self.failure:
                    break
        finally:
            for machine in reversed(self.machines):
                machine.stop_services()

    def _set_the_stage(self):
        self.machines = stage.build(self.setting.machines, self.folder, shown=[pages.REPOSITORY, CACHE])
        for machine in self.machines:
            if self.setting.in_repository:
                machine.start_in(pages.REPOSITORY)
            if self.setting.installed:
                for name in INSTALLED:
                    machine.place(f"/usr/bin/{name}").symlink_to(PROGRAMS / name)
        for name, path, fixture in self.setting.given:
            for machine in self.machines if not name else [self._machine(name, 1)]:
                self._give(machine, path, fixture)

    def _give(self, machine, path, fixture):
        place = machine.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        match fixture:
            case ["model"]:
                place.symlink_to(CACHE / "models" / "minilm")
            case ["cache"]:
                (place / "data" / "vader").mkdir(parents=True)
                (place / "models").symlink_to(CACHE / "models")
                for silo in sorted((CACHE / "data" / "vader").glob("*.jsonl")):
                    (place / "data" / "vader" / silo.name).write_text(some_texts(silo.stem), encoding="utf-8")
            case ["texts", silo]:
                place.write_text(some_texts(silo), encoding="utf-8")

    def _machine(self, name, line):
        for machine in self.machines:
            if machine.name == name:
                return machine
        raise PageError(self.page.path, line, f"there is no machine '{name}' on this page")

    def _perform(self, block, marks):
        machine = self._machine(marks.machine, block.line) if marks.machine else self.machines[0]
        text = "\n".join(block.lines)
        for word, value in self.replaced.items():
            text = text.replace(word, value)
        if marks.file:
            machine.save(text + "\n", marks.file)
            return
        began = time.monotonic()
        if marks.sign:
            outcome = machine.serve(text, marks.user, marks.sign, marks.seconds)
        else:
            outcome = machine.run(text, marks.user, marks.seconds)
        seconds = time.monotonic() - began
        self.failure = fault(marks, outcome)
        if self.failure:
            line = block.line + (outcome.failed_line or 1) - 1
            print(f"FAIL  {pages.shown(self.page.path)}:{line}  {self.failure}: {summary(block)}", flush=True)
            self._tell(outcome)
            return
        if marks.words:
            self.replaced |= zip(marks.words, printed_lines(outcome)[-len(marks.words) :], strict=True)
        self.ran += 1
        print(f"ok    {block.place}  {summary(block)}  {seconds:.1f} s", flush=True)

    def _tell(self, outcome):
        """Prints what a failed block and the services beside it have said."""
        told = [("output", outcome.output), ("errors", outcome.errors)]
        told += [(f"{machine.name} {name}", text) for machine in self.machines for name, text in machine.logs()]
        for title, text in told:
            for line in text.rstrip().split("\n")[-LOG_LINES:] if text.strip() else []:
                print(f"      {title} | {line}")
