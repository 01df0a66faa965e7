"""What the comments above blocks and about pages say to the test.

Above a block:

    on berlin                    runs on the machine of that name; else on the first one
    as tributary                 runs as that user, in whose home folder it starts; else as root
    background until "Serving"   leaves the block running once it has printed that
    prints JOIN-STRING           its last line of output stands for that word in later blocks; of several words, its last
                                 lines
    shows "4 rounds"             fails unless the output has that text
    exits 1                      the exit code that the page promises, instead of 0
    within 300                   seconds it may take, instead of 120
    skip "why"                   is not run
    long "why"                   is run with --long alone
    file job.yaml                is saved under that name, and not run; for other blocks than those of commands

About a page, `docs-test page: …`:

    machines fed.example.org berlin    the names of its machines
    in repository                      starts in this checkout, and not in the home folder
    installed                          has the programs in /usr/bin
    given notes.jsonl texts amazon     has some 400 of that silo's texts in that file; `berlin:notes.jsonl` on one machine
    given models/minilm model          has the base model there
    given .cache/tributary cache       has there what `make data` fetches, with fewer texts
    commands 7 above "Watch it"        fails when more commands than that stand above the heading
    skip "why"                         runs nothing of it
"""

from pages import PageError

SECONDS = 120


class BlockMarks:
    """The marks of one block."""

    def __init__(self, block):
        self.machine = None
        self.user = None
        self.sign = None
        self.words = []
        self.shown = []
        self.code = 0
        self.seconds = SECONDS
        self.skipped = None
        self.long = None
        self.file = None
        for line, words in block.marks:
            self._read(block.page, line, words)
        is_command = block.language == "sh"
        if self.file and is_command:
            raise PageError(block.page, block.line, "commands are run and not saved: remove `file`")
        if block.marks and not self.file and not is_command:
            raise PageError(block.page, block.marks[0][0], "only blocks of `sh` are run")

    def _read(self, page, line, words):
        match words:
            case ["on", name]:
                self.machine = name
            case ["as", user]:
                self.user = user
            case ["background", "until", sign]:
                self.sign = sign
            case ["prints", *names] if names:
                self.words = names
            case ["shows", text]:
                self.shown.append(text)
            case ["exits", code] if code.isdigit():
                self.code = int(code)
            case ["within", seconds] if seconds.isdigit():
                self.seconds = int(seconds)
            case ["skip", reason]:
                self.skipped = reason
            case ["long", reason]:
                self.long = reason
            case ["file", path]:
                self.file = path
            case _:
                raise PageError(page, line, f"there is no mark '{' '.join(words)}'")


class PageMarks:
    """The marks about one page."""

    def __init__(self, page):
        self.machines = ["localhost"]
        self.in_repository = False
        self.installed = False
        # As (machine or nothing, path, fixture).
        self.given = []
        # As (line, how many commands, heading).
        self.allowance = None
        self.skipped = None
        for line, words in page.marks:
            match words:
                case ["machines", *names] if names:
                    self.machines = names
                case ["in", "repository"]:
                    self.in_repository = True
                case ["installed"]:
                    self.installed = True
                case ["given", path, *fixture] if fixture[:1] in (["texts"], ["model"], ["cache"]):
                    machine, _, place = path.rpartition(":")
                    self.given.append((machine, place, fixture))
                case ["commands", count, "above", heading] if count.isdigit():
                    self.allowance = (line, int(count), heading)
                case ["skip", reason]:
                    self.skipped = reason
                case _:
                    raise PageError(page.path, line, f"there is no mark '{' '.join(words)}' for a page")
