"""A shopper at the kiosk: a page of a real browser, and what went wrong on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from benchmarks.chromium import scan

PATIENCE_MS = 30_000  # a busy machine must not fail a test
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Shopper:
    """One page.

    Attributes:
        page: Playwright's.
        origin: where it may fetch from.
        errors: what the console called an error, or a script threw.
        requests: every address that was asked for.
    """

    page: Page
    origin: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    @property
    def strangers(self) -> list[str]:
        """Addresses of other origins; what the page itself made, blob: and data:, is none."""
        own = (self.origin, "blob:", "data:")
        return [url for url in self.requests if not url.startswith(own)]

    def arrive(self, query: str = "") -> Shopper:
        """Open the page, and wait for what the server says of itself."""
        self.page.goto(f"{self.origin}/{query}")
        expect(self.page.locator("#shop-name")).not_to_be_empty()
        expect(self.page.locator("#start")).to_be_visible()
        return self

    def start(self) -> Shopper:
        """Tap, and wait for the shelf and the suggestions."""
        self.page.get_by_role("button", name="Tap to start").click()
        self.wait_for_shelf()
        return self

    def wait_for_shelf(self) -> None:
        """Wait until there are products to choose among."""
        expect(self.found.first).to_be_visible()
        expect(self.suggested.first).to_be_visible()

    @property
    def found(self) -> Locator:
        """Cards on the shelf."""
        return self.page.locator("#found > .card")

    @property
    def suggested(self) -> Locator:
        """Cards of suggestions that are visible."""
        return self.page.locator("#suggested > .card:visible")

    @property
    def lines(self) -> Locator:
        """Lines of the basket."""
        return self.page.locator("#lines > .line")

    def add(self, place: int) -> str:
        """Put the product at ``place`` of the shelf into the basket, and return its title."""
        card = self.found.nth(place)
        title = card.locator(".card-title").inner_text()
        before = self.suggestions()
        card.locator(".add").click()
        self.until_changed(before)
        return title

    def until_changed(self, before: list[str]) -> None:
        """Wait until there are other suggestions than ``before``."""
        expect(self.page.locator("#suggest-title")).to_contain_text(["basket", "购物篮"][0])
        self.until(lambda: self.suggestions() not in ([], before))

    def suggestions(self) -> list[str]:
        """Return the titles that are suggested."""
        return self.suggested.locator(".card-title").all_inner_texts()

    def basket(self) -> list[str]:
        """Return the titles in the basket, newest first."""
        return self.lines.locator(".line-title").all_inner_texts()

    def scan(self, code: str) -> None:
        """Type ``code`` as a scanner does: at once, then Enter."""
        scan(self.page, code)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until ``holds()``."""
        for _ in range(PATIENCE_MS // 50):
            if holds():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it did not come about")

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """Run a script on the page."""
        return self.page.evaluate(script, argument)
