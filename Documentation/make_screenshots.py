#!/usr/bin/env python3
"""Takes the pictures of the README: the dashboard after the demo's ten rounds, and a simulator's report.

    Documentation/make_screenshots.py [--programs .build/release] [--pictures FOLDER]

Needs chromium, and what `make data` fetches. The job is the demo's, with its four silos; the report is that of
simulations/natural-silos. Takes about five minutes.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(REPOSITORY, "Tests/DashboardBrowser"))

from devtools import Browser  # noqa: E402
from federation import server  # noqa: E402

CACHE = os.environ.get("TRIBUTARY_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tributary"
)
RANKS = {"amazon": "4", "movies": "8", "nytimes": "8", "tweets": "16"}
# Down to the end of a row of charts.
DASHBOARD, REPORT = (1120, 882), (1120, 942)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def silos(client, administration, directory, folder):
    """The demo's four clients, joined and at work."""
    processes = []
    try:
        for name, rank in RANKS.items():
            home = os.path.join(folder, name)
            join_string = run(administration, "invite", name, "--dir", directory)
            run(client, "join", join_string, "--dir", home)
            data = os.path.join(CACHE, "data/vader", f"{name}.jsonl")
            log = open(f"{home}.log", "w")
            command = [client, "run", "--dir", home, "--data", data, "--max-rank", rank]
            processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def dashboard(page, programs, folder, picture):
    administration, client = (os.path.join(programs, name) for name in ("fed-server", "fed-client"))
    directory = os.path.join(folder, "server")
    run(administration, "init", "--dir", directory, "--host", "127.0.0.1", "--listen", "127.0.0.1:0")
    with server(administration, directory) as running, silos(client, administration, directory, folder):
        job = run(administration, "job", "submit", os.path.join(REPOSITORY, "examples/four-silos/job.yaml"), "--dir", directory)
        run(administration, "job", "wait", job, "--dir", directory)
        page.open(f"{running.origin}/login#{running.token}")
        page.wait("location.pathname === '/' && performance.getEntriesByName('overview').length > 0", "no login")
        page.open(f"{running.origin}/#/jobs/{job}")
        page.wait("performance.getEntriesByName('job').length > 0", "no job")
        settle(page)
        page.screenshot(picture)


def report(page, programs, folder, picture):
    out = os.path.join(folder, "run")
    experiment = os.path.join(REPOSITORY, "simulations/natural-silos/experiment.yaml")
    run(
        os.path.join(programs, "fed-sim"), "run", experiment, "--seed", "1", "--out", out,
        "--set", "evaluation.every=1",
    )
    page.open(f"file://{out}/report.html")
    page.wait("document.readyState === 'complete'", "no report")
    settle(page)
    page.screenshot(picture)


def settle(page):
    """Waits until what was drawn has been painted."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", default=os.path.join(REPOSITORY, ".build/release"))
    parser.add_argument("--pictures", default=os.path.join(REPOSITORY, "Documentation/Tributary.docc/Resources"))
    options = parser.parse_args()
    os.makedirs(options.pictures, exist_ok=True)
    browser = Browser()
    try:
        page = browser.page()
        page.theme("light")
        with tempfile.TemporaryDirectory() as folder:
            page.size(*DASHBOARD)
            dashboard(page, options.programs, folder, os.path.join(options.pictures, "dashboard.png"))
            page.size(*REPORT)
            report(page, options.programs, folder, os.path.join(options.pictures, "simulator-report.png"))
    finally:
        browser.close()


if __name__ == "__main__":
    main()
