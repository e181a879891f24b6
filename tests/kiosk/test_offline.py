"""The server goes and comes back: the page says so, keeps the basket, and goes on by itself."""

from __future__ import annotations

from pathlib import Path

import httpx
from playwright.sync_api import BrowserContext, Route, expect

from tests.kiosk.conftest import SHOP
from tests.kiosk.shopper import Shopper
from tests.serve.served import Started, started


def test_it_says_so_and_comes_back(context: BrowserContext) -> None:
    with started(SHOP) as server:
        shopper = Shopper(context.new_page(), server.url).arrive().start()
        title = shopper.add(1)
        assert shopper.errors == []
        server.process.kill()
    page = shopper.page
    notice = page.get_by_role("dialog", name="We’ll be right back")
    expect(notice).to_be_visible()
    expect(notice).to_contain_text("Your basket is kept.")
    for _ in range(3):
        page.keyboard.press("Escape")
    expect(notice).to_be_visible()
    with started(SHOP, port=httpx.URL(server.url).port or 0):
        expect(notice).to_be_hidden()
        expect(page.locator("#status")).to_contain_text("We are back.")
        assert shopper.basket() == [title]
        other = shopper.add(4)
        assert shopper.basket() == [other, title]
    assert all("Failed to load resource" in error for error in shopper.errors), shopper.errors
    assert shopper.strangers == []


def test_what_is_asked_meanwhile_shows_it_at_once(context: BrowserContext) -> None:
    with started(SHOP) as server:
        shopper = Shopper(context.new_page(), server.url).arrive().start()
        server.process.kill()
    shopper.found.first.locator(".add").click()
    expect(shopper.page.get_by_role("dialog", name="We’ll be right back")).to_be_visible()
    assert len(shopper.basket()) == 1


def test_a_busy_server_is_asked_again(context: BrowserContext, kiosk: Started) -> None:
    shopper = Shopper(context.new_page(), kiosk.url)
    refusals = []

    def refuse(route: Route) -> None:
        refusals.append(route)
        if len(refusals) < 3:
            route.fulfill(
                status=503, headers={"Retry-After": "0.1"}, json={"error": "too many requests"}
            )
        else:
            route.continue_()

    shopper.page.route("**/v1/recommend", refuse)
    shopper.arrive().start()
    assert len(refusals) == 3


def test_a_missing_token_is_named(context: BrowserContext, tmp_path: Path) -> None:
    token = tmp_path / "token.txt"
    token.write_text("a-token-of-many-characters\n", "utf-8")
    with started(SHOP, "--token-file", token) as server:
        without = Shopper(context.new_page(), server.url)
        without.page.goto(f"{server.url}/")
        expect(without.page.get_by_text("The server asks for a token")).to_be_visible()
        shopper = Shopper(context.new_page(), server.url)
        shopper.arrive("#token=a-token-of-many-characters").start()
        expect(shopper.found.locator("img.there").first).to_be_visible()
        shopper.add(0)
        assert shopper.errors == []
