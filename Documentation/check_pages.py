#!/usr/bin/env python3
"""Runs every command of the documentation, as somebody would who reads a page from its top: `make docs-test`.

Each page gets machines of its own (`machines.py`) with an empty home folder. Its `sh` blocks run in order; a block whose
command fails makes the test fail with page and line. What is not run is listed with its reason. `marks.py` says what the
comments on a page can say.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pages
import play
from pages import PageError


def play_alone(path, long):
    """The part inside the namespaces: plays a page, and prints what became of it as the last line."""
    result = {"ran": 0, "skipped": [], "failure": None}
    with tempfile.TemporaryDirectory(prefix="docs-test-") as folder:
        try:
            performance = play.Play(path, folder, long)
            performance.run()
            result = {name: getattr(performance, name) for name in result}
        except PageError as error:
            print(f"FAIL  {error}", flush=True)
            result["failure"] = str(error)
        subprocess.run(["umount", "--recursive", "--lazy", folder], stderr=subprocess.DEVNULL)
    print(json.dumps(result))


def play_in_namespaces(path, long):
    """Plays a page where it can change nothing, and returns what became of it."""
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command += [sys.executable, __file__, "--inside", path] + (["--long"] if long else [])
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(last, end="", flush=True)
            last = line
    try:
        return json.loads(last)
    except ValueError:
        print(last, end="")
        return {"ran": 0, "skipped": [], "failure": f"it could not be played (exit code {process.returncode})"}


def obstacle():
    """Why no machines can be made here; nothing where they can."""
    if os.geteuid() != 0:
        return "machines are made of overlays and namespaces, which only root may make"
    probe = ["unshare", "--mount", "--net", "--pid", "--fork", "true"]
    if subprocess.run(probe, stderr=subprocess.DEVNULL).returncode != 0:
        return "this machine does not allow namespaces"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, help="pages to test; all by default")
    parser.add_argument("--long", action="store_true", help="run what takes minutes, too")
    parser.add_argument("--if-possible", action="store_true", help="skip all of it where no machines can be made")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        play_alone(arguments.inside, arguments.long)
        return
    reason = obstacle()
    if reason and arguments.if_possible:
        print(f"docs-test: skipped, because {reason}. Run it as root.", file=sys.stderr)
        return
    if reason:
        pages.stop(f"{reason}. Run it as root.")
    for needed in (play.PROGRAMS / "fed-server", play.CACHE / "models" / "minilm"):
        if not needed.exists():
            pages.stop(f"{needed} is missing. Run `make build data` first.")
    paths = [path.resolve() for path in arguments.pages] or pages.tested_pages()
    results = {path: play_in_namespaces(path, arguments.long) for path in paths if play.has_commands(path)}
    skipped = [entry for result in results.values() for entry in result["skipped"]]
    if skipped:
        print("\nNot run, and why:")
    for place, command, reason in skipped:
        print(f"      {place}  {command}\n            {reason}")
    failed = [path for path, result in results.items() if result["failure"]]
    ran = sum(result["ran"] for result in results.values())
    print(f"\n{len(results)} pages: {ran} blocks ran, {len(skipped)} were not run, {len(failed)} pages failed")
    sys.exit(1 if failed or ran == 0 else 0)


if __name__ == "__main__":
    main()
