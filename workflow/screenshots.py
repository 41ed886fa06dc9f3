"""Take pictures of what a user sees: the chart page of every experiment, the compare page, the report.

    pip install -e '.[screenshots]' && apt-get install chromium
    python workflow/screenshots.py --report results/report.html --out docs/images

Serves the store on this machine unless it is a server already.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from evotickets import tracking

SIZE = {"width": 1600, "height": 1000}
CHARTS = "[data-testid=experiment-view-compare-runs-chart-area]"
MOST = 100
"""Runs on the compare page: what one page of the list holds."""


@contextmanager
def served(uri: str) -> Iterator[dict[str, str]]:
    """Yield the addresses of the chart pages by experiment, while somebody serves them."""
    command = [sys.executable, "-u", "-m", "evotickets.tracking", "ui", "--uri", uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        links = {}
        for line in server.stdout or ():
            name, _, link = line.strip().partition(": ")
            if "/#/" in link:
                links[name] = link
            elif "Application startup complete" in line:
                break
        try:
            yield links
        finally:
            server.terminate()


def compare_address(link: str, task: str) -> str:
    """Return the address of the compare page of the current runs of a task, given the chart page of an experiment."""
    base, _, rest = link.partition("/#/experiments/")
    experiment = rest.split("/")[0]
    search = {
        "experiment_ids": [experiment],
        "filter": f"tags.state = 'current' and params.task = '{task}'",
        "max_results": MOST,
    }
    request = urllib.request.Request(
        f"{base}/api/2.0/mlflow/runs/search", json.dumps(search).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        runs = [run["info"]["run_id"] for run in json.load(answer).get("runs", [])]
    query = urllib.parse.urlencode({"runs": json.dumps(runs), "experiments": json.dumps([experiment])})
    return f"{base}/#/compare-runs?{query}"


def browser_options() -> dict[str, object]:
    """Return how to start the Chromium of this machine, or playwright's own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    # It draws the machine's own pages and has nothing to ask elsewhere.
    quiet = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
    return {
        "executable_path": found,
        "args": [*quiet, "--disable-sync", *(["--no-sandbox"] if os.geteuid() == 0 else [])],
    }


def open_page(browser: Browser, address: str, ready: str) -> Page:
    """Open a page, wait for what is to be seen, and put away what covers it."""
    page = browser.new_page(viewport=SIZE)
    page.goto(address)
    page.locator(ready).first.wait_for(timeout=60_000)
    panel = page.get_by_role("button", name="Close")
    if panel.count():
        panel.first.click()
    # The charts are drawn one after the other and say nothing when they are done.
    page.wait_for_timeout(8_000)
    return page


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    parser.add_argument("--uri", default=uri, help="tracking store (default: %(default)s)")
    parser.add_argument("--report", type=Path, help="report of a study to take a picture of")
    parser.add_argument("--task", default="digits", help="task on the compare page (default: %(default)s)")
    parser.add_argument(
        "--only", nargs="+", metavar="EXPERIMENT", help="experiments to take pictures of (default: all)"
    )
    parser.add_argument("--out", type=Path, default=Path("results/screenshots"), help="folder (default: %(default)s)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    tracking.prepare(options.uri)

    def save(page: Page, name: str) -> None:
        path = options.out / f"{name.replace('/', '_')}.png"
        page.screenshot(path=path)
        page.close()
        print(path)

    with sync_playwright() as play, play.chromium.launch(**browser_options()) as browser:
        if options.report:
            save(open_page(browser, options.report.absolute().as_uri(), "nav"), "report")
        with served(options.uri) as links:
            for name, link in links.items():
                if options.only and name not in options.only:
                    continue
                save(open_page(browser, link, CHARTS), name)
                if name.endswith("-levels"):
                    save(open_page(browser, compare_address(link, options.task), ".js-plotly-plot"), f"{name}-compare")


if __name__ == "__main__":
    main()
