"""Tests of the test: that it fails where a page is wrong, and says where. `make docs-test` runs them first."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import check_pages
import links
import pages
import play
from pages import PageError


class PageTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "page.md"

    def page(self, *lines):
        self.path.write_text("\n".join(lines) + "\n")
        return self.path

    def played(self, *lines):
        """Plays a page, and returns what became of it and what was printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            result = check_pages.play_in_namespaces(self.page(*lines), long=False)
        return result, printed.getvalue()

    def test_names_the_line_of_the_command_that_failed(self):
        result, printed = self.played("# Page", "", "```sh", "true", "ls /nowhere", "true", "```")
        self.assertEqual(result["failure"], "exit code 2 and not 0")
        self.assertIn(f"{self.path}:5", printed)

    def test_hands_on_what_a_block_left(self):
        result, _ = self.played(
            "```sh", "mkdir here; cd here", "name=value", "```", "```sh", "[ $PWD = ~/here ]", "[ $name = value ]", "```")
        self.assertEqual((result["ran"], result["failure"]), (2, None))

    def test_puts_what_was_printed_in_place_of_its_word(self):
        result, _ = self.played(
            "<!-- docs-test: prints FIRST SECOND -->", "```sh", "echo one", "echo two", "```", "```sh", "[ FIRST-SECOND = one-two ]",
            "```")
        self.assertEqual((result["ran"], result["failure"]), (2, None))

    def test_gives_every_machine_its_own_network_and_files(self):
        result, _ = self.played(
            "<!-- docs-test page: machines left right -->",
            "<!-- docs-test: background until ready -->",
            "```sh", "touch ~/left-only", "python3 -c 'import http.server as s; print(\"ready\", flush=True); "
            "s.HTTPServer((\"0.0.0.0\", 80), s.SimpleHTTPRequestHandler).serve_forever()'", "```",
            "<!-- docs-test: on right -->", '<!-- docs-test: shows "left-only" -->',
            "```sh", "[ ! -e ~/left-only ]", "python3 -c 'import urllib.request as r; print(r.urlopen(\"http://left\").read())'", "```")
        self.assertEqual((result["ran"], result["failure"]), (2, None))

    def test_changes_nothing_outside(self):
        mark = Path("/var/tmp/docs-test-was-here")
        result, _ = self.played("```sh", f"touch {mark}", "```")
        self.assertIsNone(result["failure"])
        self.assertFalse(mark.exists())

    def test_lists_what_it_does_not_run(self):
        result, _ = self.played('<!-- docs-test: skip "needs a printer" -->', "```sh", "lpr page", "```")
        self.assertEqual([entry[1:] for entry in result["skipped"]], [["lpr page", "needs a printer"]])

    def test_fails_when_a_promise_is_not_kept(self):
        for mark, command in (("shows done", "echo"), ("exits 3", "true"), ("prints A B", "echo one"), ("within 1", "sleep 9")):
            result, _ = self.played(f"<!-- docs-test: {mark} -->", "```sh", command, "```")
            self.assertIsNotNone(result["failure"], mark)

    def test_refuses_commands_that_would_never_be_tested(self):
        result, printed = self.played("```", "fed-server run", "```")
        self.assertIn("a command outside of a block of `sh`", result["failure"])
        self.assertIn(f"{self.path}:2", printed)

    def test_refuses_marks_that_it_does_not_know(self):
        for text in ("<!-- docs-test: hopes -->\n```sh\ntrue\n```", "<!-- docs-test page: hopes -->\n```sh\ntrue\n```",
                     "<!-- docs-test: exits 1 -->\n\ntext", "```sh\ntrue"):
            with self.assertRaises(PageError, msg=text):
                play.Play(self.page(text), None, long=False)

    def test_counts_the_commands_above_a_heading(self):
        text = ["<!-- docs-test page: commands 1 above End -->", "```sh", "true", "# a comment", "true \\", "  true", "```", "# End"]
        with self.assertRaises(PageError):
            play.Play(self.page(*text), None, long=False)


class LinkTests(unittest.TestCase):
    def test_leads_into_the_book(self):
        page = pages.BOOK / "QuickStart.md"
        for target, expected in (
            ("ThreeHospitals.md", "[text](doc:ThreeHospitals)"),
            ("../../OPERATIONS.md#back-up", "[text](doc:Operations#Back-up)"),
            ("../../Sources/Aggregation/Aggregation.docc/Aggregation.md", "[text](doc:/Aggregation)"),
            ("../../examples/four-silos/job.yaml", "text (`examples/four-silos/job.yaml`)"),
        ):
            self.assertEqual(links.resolved(page, 1, "text", target), expected)

    def test_refuses_what_leads_nowhere(self):
        for target in ("Nowhere.md", "../../OPERATIONS.md#no-such-heading"):
            with self.assertRaises(PageError):
                links.resolved(pages.BOOK / "QuickStart.md", 1, "text", target)


if __name__ == "__main__":
    unittest.main()
