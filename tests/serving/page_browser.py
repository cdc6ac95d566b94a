"""A headless Chromium, and a real server on an export: what the tests of the page drive."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--window-size=1280,900",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip


def why_no_browser() -> str | None:
    """Why these tests cannot run here."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed: pip install 't2t_mm[tests]'"
    if not _program(*BROWSERS) or not _program("chromedriver"):
        return "no browser: apt-get install chromium chromium-driver"
    return None


def _program(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def server(export_dir: Path, log: Path) -> Iterator[str]:
    """Serves an export in a process of its own; gives its URL."""
    command = [sys.executable, "-m", "t2t_mm.bin.t2t_query_server", f"--export_dir={export_dir}"]
    with log.open("w") as out:
        process = subprocess.Popen([*command, "--port=0"], stdout=out, stderr=out)
    try:
        until = time.monotonic() + 300
        while "is served" not in log.read_text():
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield re.search(r"at (http://\S+?)/ ", log.read_text())[1]
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:  # still loading, on a busy machine
            process.kill()
            process.wait()


class Page:
    """The page in a browser.

    Args:
      url: the server's.
      profile: an empty folder for the browser's profile.
      flags: further ones of the browser.
    """

    def __init__(self, url: str, profile: Path, *flags: str):
        from selenium.webdriver import Chrome, ChromeOptions
        from selenium.webdriver.chrome.service import Service

        options = ChromeOptions()
        options.binary_location = _program(*BROWSERS)
        for flag in (*FLAGS, f"--user-data-dir={profile}", *flags):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = Chrome(options=options, service=Service(_program("chromedriver")))
        self.url = url

    def open(self, problem: str | None = None) -> None:
        """Loads the page anew, at a problem."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/#{problem or ''}")
        self.until("return !document.getElementById('ask').hidden", "the page has loaded")

    def run(self, script: str, *values: Any) -> Any:
        """The value of JavaScript."""
        return self.driver.execute_script(script, *values)

    def module(self, script: str, *values: Any) -> Any:
        """The value of JavaScript that may await, with imports such as `await use("trees.js")`."""
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            "const use = (name) => import(new URL(name, location.href));"
            f"(async (...values) => {{ {script} }})(...arguments).then(done,"
            "(error) => done({failed: String(error)}));"
        )
        return self.driver.execute_async_script(wrapped, *values)

    def until(self, script: str, what: str, seconds: float = 60) -> None:
        """Waits until JavaScript is true."""
        limit = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < limit, f"not so: {what}; the page says {self.text('#work')!r}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        """The visible text of the first such element."""
        return self.driver.find_element("css selector", selector).text

    def texts(self, selector: str) -> list[str]:
        """The visible texts of all such elements."""
        return [one.text for one in self.driver.find_elements("css selector", selector)]

    def click(self, selector: str) -> None:
        element = self.driver.find_element("css selector", selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def type(self, text: str) -> None:
        """Into the text box, in place of what is there."""
        box = self.driver.find_element("css selector", "#text")
        box.clear()
        box.send_keys(text)

    def give(self, file: Path) -> None:
        """Chooses a file."""
        self.driver.find_element("css selector", "#file").send_keys(str(file))

    def answer(self) -> list[str]:
        """Asks, waits for the answer and its explanation, and gives the outputs."""
        self.click("#send")
        return self.answered()

    def answered(self) -> list[str]:
        """Waits for the answer and its explanation, and gives the outputs."""
        self.until(
            "return !document.getElementById('answer').hidden"
            " && !document.querySelector('#seen[aria-busy]')"
            " || !document.getElementById('error').hidden",
            "there is an answer",
        )
        assert not self.text("#error")
        return self.texts(".alternative .output")

    def refusal(self) -> str:
        """Waits for the sentence of an error."""
        self.until("return !document.getElementById('error').hidden", "there is an error")
        return self.text("#error")

    def shot(self, file: Path, width: int = 1280) -> None:
        """A picture of the whole page."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        height = self.run("return document.documentElement.scrollHeight")
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {**metrics, "height": height}
        )
        self.run("window.scrollTo(0, 0)")
        file.parent.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(file))
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def dark(self, yes: bool) -> None:
        """Whether the system's theme is dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if yes else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def complaints(self) -> list[str]:
        """Errors and warnings in the console since the last call."""
        entries = self.driver.get_log("browser")
        return [one["message"] for one in entries if one["level"] in ("SEVERE", "WARNING")]

    def requested(self) -> list[str]:
        """The addresses that this page has loaded or tried to load, its own blobs left out."""
        script = "return performance.getEntriesByType('resource').map((one) => one.name)"
        return [name for name in self.run(script) if not name.startswith(("blob:", "data:"))]

    def quit(self) -> None:
        self.driver.quit()
