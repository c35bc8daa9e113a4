"""A scanner with a page, and a browser that looks at it."""

from __future__ import annotations

import csv
import io
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from brokers import free_port
from daemons import Daemon
from small_scanner import small_scanner

if TYPE_CHECKING:  # only `make test-browser` installs Playwright
    from playwright.sync_api import Browser, Page

NAME, PASSWORD = "ada", "correct horse battery"
ARGUMENTS = [
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 375, "height": 760}
SMALLEST = {"width": 320, "height": 640}
SCREENSHOTS = Path(__file__).parents[1] / "out" / "screenshots"


def paced_film(**more: Any) -> dict[str, Any]:
    """Return the camera section for cards that come and go, one every two seconds."""
    return {"backend": "replay", "path": "frames", "paced": True, "loop": True, **more}


@dataclass
class Box:
    """A scanner with a page; the daemon runs while the block lasts."""

    config: Path
    port: int
    daemon: Daemon | None = None
    people: list[Person] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the daemon, wait until its page answers."""
        self.daemon = Daemon(self.config)
        self.await_page()

    def await_page(self) -> None:
        """Wait until the page answers."""
        assert self.daemon is not None
        end_s = time.monotonic() + 60
        while not self._answers():
            assert self.daemon.process.poll() is None, self.daemon.tail()
            assert time.monotonic() < end_s, self.daemon.tail()
            time.sleep(0.1)

    def crash(self) -> None:
        """Take its power away."""
        assert self.daemon is not None
        self.daemon.process.kill()
        self.daemon.end()

    def claim_code(self) -> str:
        """Read the code in the log, as a person does."""
        assert self.daemon is not None
        return next(line["code"] for line in self.daemon.said() if line["event"].startswith("nobody owns"))

    def claim(self) -> Person:
        """Make the first account without a browser."""
        person = self.person()
        person.post("/api/claim", code=self.claim_code(), name=NAME, password=PASSWORD)
        return person

    def person(self) -> Person:
        """Return somebody who is not logged in yet."""
        self.people.append(Person(self.url))
        return self.people[-1]

    def stop(self) -> None:
        """End everything."""
        for each in self.people:
            each.close()
        if self.daemon is not None:
            self.daemon.__exit__()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/live", timeout=2).is_success
        except httpx.TransportError:
            return False


class Person:
    """Somebody who is logged in, without a browser."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=20)
        self._csrf = ""

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    @property
    def cookies(self) -> list[dict[str, Any]]:
        """The login, as a browser takes it."""
        url = str(self._client.base_url)
        return [{"name": each.name, "value": each.value, "url": url} for each in self._client.cookies.jar]

    def get(self, path: str) -> Any:
        """Return parsed JSON."""
        return self._client.get(path).raise_for_status().json()

    def post(self, path: str, **fields: Any) -> Any:
        """Send JSON, return parsed JSON."""
        answer = self._client.post(path, json=fields, headers={"X-CSRF-Token": self._csrf})
        assert answer.is_success, answer.text
        document = answer.json()
        self._csrf = document.get("csrf") or self._csrf
        return document

    def exported(self) -> list[dict[str, str]]:
        """Return the rows of the CSV export."""
        text = self._client.get("/api/export?format=csv").raise_for_status().text
        return list(csv.DictReader(io.StringIO(text)))

    def await_scans(self, count: int, timeout_s: float = 40) -> list[dict[str, Any]]:
        """Wait until so many cards were scanned."""
        end_s = time.monotonic() + timeout_s
        while len(found := self.get("/api/scans?limit=100")["scans"]) < count:
            assert time.monotonic() < end_s, f"{len(found)} of {count} scans"
            time.sleep(0.1)
        return found


@contextmanager
def running_box(folder: Path, **sections: Any) -> Iterator[Box]:
    """Run a small scanner with a page."""
    scanner = small_scanner(folder)
    port = free_port()
    sections = {"camera": paced_film(), "history": {}, "web": {"host": "127.0.0.1", "port": port}, **sections}
    box = Box(scanner.config(**sections), port)
    try:
        box.start()
        yield box
    finally:
        box.stop()


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Start the system's Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program is not None, "Chromium is not installed; run: make test-browser"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def looking(browser: Browser, box: Box, person: Person | None = None, **options: Any) -> Iterator[Page]:
    """Open the page, logged in as a person; what the page complains about fails the test."""
    context = browser.new_context(
        **{"viewport": WIDE, "base_url": box.url, "locale": "en-GB", "reduced_motion": "reduce", **options}
    )
    context.set_default_timeout(15_000)
    if person is not None:
        context.add_cookies(person.cookies)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: _note(complaints, line.type, line.text))
    page.on("request", lambda request: _note_stranger(complaints, request.url, box.url))
    page.goto("/")
    try:
        if person is not None:
            page.locator("body[data-role]").wait_for()  # before that it hears no keys
        yield page
    finally:
        context.close()
    assert not complaints, complaints


def _note(complaints: list[str], kind: str, text: str) -> None:
    """Refusals of the box are part of the tests; everything else on the console is a mistake."""
    if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
        complaints.append(text)


def _note_stranger(complaints: list[str], url: str, own: str) -> None:
    if not url.startswith((own, "blob:", "data:")):
        complaints.append(f"asked {url}")


def shot(page: Page, name: str) -> Path:
    """Keep a picture of the window."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path)
    return path


def eventually(look: Callable[[], Any], timeout_s: float = 15) -> Any:
    """Return the first true value of ``look``."""
    end_s = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.05)
    return found
