#!/usr/bin/env python3
"""Opens the dashboard of a real server in headless Chromium: how soon something is seen, what leaves the origin, what ten
open dashboards cost, and how it looks.

    Tests/DashboardBrowser/measure.py [--screenshots FOLDER] [--server .build/release/fed-server]

Needs chromium. Ends with 1 when a bar is missed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from devtools import Browser
from federation import LIVE_JOB, clients, make, server

SIZES = {"desktop": (1280, 900, False), "phone": (390, 844, True)}
REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def log_in(page, running):
    page.open(f"{running.origin}/login#{running.token}")
    page.wait("location.pathname === '/' && performance.getEntriesByName('overview').length > 0", "no login")


def views(job):
    ready = {"overview": "#/", "clients": "#/clients"}
    if job:
        ready["job"] = f"#/jobs/{job}"
    return ready


def first_paint(page, address, mark):
    """Milliseconds until the first content is painted, and until all figures are in the page and painted."""
    page.open(address)
    page.wait(f"performance.getEntriesByName('{mark}').length > 0", f"{address} shows no {mark}")
    return page.evaluate(f"""new Promise(resolve => requestAnimationFrame(() => setTimeout(() => resolve([
        performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,
        performance.getEntriesByName('{mark}')[0].startTime]), 0)))""")


def check_paint(browser, running, job):
    page = browser.page()
    log_in(page, running)
    slowest = 0
    for view, mark in (("overview", "curve"), ("job", "job"), ("clients", "clients")):
        address = f"{running.origin}/{views(job)[view]}"
        times = [first_paint(page, address, mark) for _ in range(9)]
        seen, complete = (statistics.median(values) for values in zip(*times))
        print(f"{view:9} first paint {seen:4.0f} ms, with all figures {complete:4.0f} ms (medians of 9)")
        slowest = max(slowest, seen)
    foreign = {url for url in page.requests() if not url.startswith(running.origin) and url != "about:blank"}
    print(f"requests to other origins: {sorted(foreign) or 'none'}; complaints of the console: {page.problems() or 'none'}")
    return slowest <= 300 and not foreign and not page.problems()


def check_processor(running, what, place, seconds, count=10):
    """The share of a core that the server spends for dashboards that are open."""
    def share():
        start, used = time.monotonic(), running.processor_seconds()
        time.sleep(seconds)
        return (running.processor_seconds() - used) / (time.monotonic() - start)
    alone = share()
    browser = Browser()
    try:
        for _ in range(count):
            page = browser.page()
            log_in(page, running)
            page.open(f"{running.origin}/{place}")
            page.wait("performance.getEntriesByName('overview').length > 0 && !document.hidden", "a page is not seen")
        watched = share()
    finally:
        browser.close()
    print(f"{what}: {alone:.2%} of a core without dashboards, {watched:.2%} with {count}")
    return watched - alone <= 0.03


def check_live(options, folder):
    """The same while two silos train a tiny model, round upon round."""
    directory = os.path.join(folder, "live")
    make(options.server, directory, 0, 0)
    file = os.path.join(folder, "job.yaml")
    with open(file, "w") as job:
        job.write(LIVE_JOB % os.path.join(REPOSITORY, "Tests/TrainingTests/Fixtures/tiny-bert"))
    with server(options.server, directory) as running, clients(options.client, running, folder, ["oslo", "rome"]):
        command = [options.server, "job", "submit", file, "--dir", directory]
        job = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        before = None
        while not before:
            time.sleep(0.2)
            before = running.ask(f"v1/jobs/{job}")["summary"]["committedRounds"]
        start = time.monotonic()
        is_good = check_processor(running, "rounds without end", f"#/jobs/{job}", options.seconds)
        done = running.ask(f"v1/jobs/{job}")["summary"]["committedRounds"] - before
        print(f"meanwhile {done / (time.monotonic() - start):.1f} rounds a second")
        return is_good


def take_screenshots(browser, running, job, count, folder):
    page = browser.page()
    log_in(page, running)
    for device, (width, height, phone) in SIZES.items():
        for theme in ("light", "dark"):
            page.size(width, height, phone)
            page.theme(theme)
            for view, place in {**views(job), "audit": "#/audit"}.items():
                page.open(f"{running.origin}/{place}")
                mark = {"overview": "curve" if job else "overview", "audit": "overview"}.get(view, view)
                page.wait(f"performance.getEntriesByName('{mark}').length > 0", view)
                time.sleep(0.5)
                page.screenshot(os.path.join(folder, f"{count}-{view}-{device}-{theme}.png"), whole=True)
    if page.problems():
        print(f"{count} clients: {page.problems()}")
    return not page.problems()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=os.path.join(REPOSITORY, ".build/release/fed-server"))
    parser.add_argument("--client", default=os.path.join(REPOSITORY, ".build/release/fed-client"))
    parser.add_argument("--screenshots", metavar="FOLDER")
    parser.add_argument("--seconds", type=int, default=30, help="how long the server's processor time is watched")
    options = parser.parse_args()
    is_good = True
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser()
        try:
            for count, rounds in ((0, 0), (5, 12), (5000, 200)):
                directory = os.path.join(folder, f"server-{count}")
                job = make(options.server, directory, count, rounds)
                with server(options.server, directory) as running:
                    if options.screenshots:
                        os.makedirs(options.screenshots, exist_ok=True)
                        is_good &= take_screenshots(browser, running, job, count, options.screenshots)
                    if count == 5000:
                        is_good &= check_paint(browser, running, job)
                        is_good &= check_processor(running, "5,000 clients, no job", "#/clients", options.seconds)
        finally:
            browser.close()
        is_good &= check_live(options, folder)
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
