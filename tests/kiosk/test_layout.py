"""On every screen of every size: nothing to scroll sideways, nothing too small for a finger."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.kiosk.shopper import Shopper

SIZES = {
    "kiosk": (1920, 1080),
    "till": (800, 480),
    "portrait": (1080, 1920),
    "tablet": (1280, 800),
}
FINGER_PX = 48
SMALL = """least => [...document.querySelectorAll("button, input, a, [role=button]")]
  .filter(one => one.checkVisibility())
  .map(one => [one.id || one.getAttribute("aria-label"), one.getBoundingClientRect()])
  .filter(([, box]) => box.width < least - 0.5 || box.height < least - 0.5)
  .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""
ASIDE = """() => [...document.querySelectorAll("*")]
  .filter(one => one.checkVisibility() && !one.closest("#wall"))
  .filter(one => {
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(one).overflowX);
    const box = one.getBoundingClientRect();
    return (scrolls && one.scrollWidth > one.clientWidth)
      || (one.matches("button, input") && (box.left < -0.5 || box.right > innerWidth + 0.5));
  })
  .map(one => one.outerHTML.slice(0, 120))
  .concat(document.scrollingElement.scrollWidth > innerWidth ? ["the page itself"] : [])
  .concat(document.scrollingElement.scrollHeight > innerHeight ? ["the page, downwards"] : [])"""


def fits(shopper: Shopper) -> None:
    assert shopper.evaluate(SMALL, FINGER_PX) == []
    assert shopper.evaluate(ASIDE) == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", ["usual", "large"])
def test_every_screen_fits(shopper: Shopper, size: str, text: str) -> None:
    page = shopper.page
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    shopper.arrive("?currency=GBP")
    if text == "large":
        page.locator("#large-text").click()
    fits(shopper)
    shopper.start()
    fits(shopper)
    for place in (0, 3, 6):
        shopper.add(place)
    fits(shopper)
    assert shopper.suggested.count() >= 2
    in_view(shopper, "#done", "#total", "#suggested .add >> nth=0", "#lines .step >> nth=0")
    in_view(shopper, "body > .status")
    shopper.suggested.locator(".card-open").first.click()
    expect(page.locator("#similar .card").first).to_be_visible()
    fits(shopper)
    page.keyboard.press("Escape")
    page.locator("#language").click()
    fits(shopper)
    page.locator("#done").click()
    fits(shopper)


def in_view(shopper: Shopper, *selectors: str) -> None:
    """Look that each is wholly inside the window without scrolling."""
    for selector in selectors:
        box: Any = shopper.page.locator(selector).bounding_box()
        window = shopper.page.viewport_size
        assert box is not None
        assert window is not None
        assert box["x"] >= 0, selector
        assert box["y"] >= 0, selector
        assert box["x"] + box["width"] <= window["width"], selector
        assert box["y"] + box["height"] <= window["height"], selector


def test_pictures_are_not_blown_up(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    shopper.found.first.locator(".card-open").click()
    expect(page.locator("#detail-picture img.there")).to_be_visible()
    widths = page.locator(".drawing:visible").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().width / one.naturalWidth)"
    )
    assert widths
    assert max(widths) <= 3.01
