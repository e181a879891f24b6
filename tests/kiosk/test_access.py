"""By keyboard alone, for screen readers, and what axe finds on every screen: nothing."""

from __future__ import annotations

import re
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.kiosk.shopper import Shopper

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
FOCUSED = """() => {
  const one = document.activeElement;
  return [one.id, one.getAttribute("aria-label") ?? one.innerText, one.className];
}"""


def audit(shopper: Shopper) -> None:
    """Let axe look at the page as it is."""
    shopper.page.wait_for_timeout(250)  # what fades in has its colours then
    found: Any = Axe().run(shopper.page, options=RULES).response
    assert found["testEngine"]["name"] == "axe-core"
    told = [
        f"{one['id']}: {one['help']}: {[node['html'][:150] for node in one['nodes']]}"
        for one in found["violations"]
    ]
    assert told == []


def test_axe_on_every_screen(shopper: Shopper) -> None:
    page = shopper.arrive("?currency=GBP").page
    audit(shopper)
    shopper.start()
    audit(shopper)
    shopper.add(2)
    audit(shopper)
    shopper.found.first.locator(".card-open").click()
    expect(page.locator("#similar .card").first).to_be_visible()
    audit(shopper)
    page.keyboard.press("Escape")
    page.locator("#search-field").fill("qqqq")
    expect(page.locator("#found-none")).to_be_visible()
    audit(shopper)
    page.locator("#done").click()
    expect(page.locator("#thanks")).to_be_visible()
    audit(shopper)


def test_axe_in_chinese_with_high_contrast_on_a_till(shopper: Shopper) -> None:
    page = shopper.page
    page.set_viewport_size({"width": 800, "height": 480})
    shopper.arrive("?currency=GBP")
    page.locator("#high-contrast").click()
    audit(shopper)
    shopper.start()
    shopper.add(1)
    page.locator("#language").click()
    page.locator("#large-text").click()
    audit(shopper)
    shopper.found.first.locator(".card-open").click()
    audit(shopper)


def test_axe_while_it_asks_and_while_the_server_is_gone(shopper: Shopper) -> None:
    page = shopper.arrive("?idle=1&grace=60").start().page
    expect(page.locator("#idle")).to_be_visible()
    audit(shopper)
    page.keyboard.press("a")
    expect(page.locator("#idle")).to_be_hidden()
    page.route("**/v1/**", lambda route: route.abort())
    page.route("**/v2/**", lambda route: route.abort())
    expect(page.locator("#offline")).to_be_visible()
    audit(shopper)
    shopper.errors.clear()


def press_until(shopper: Shopper, name: str) -> None:
    """Press Tab until the name of what is focused matches ``name``; it must show that it is."""
    for _ in range(120):
        shopper.page.keyboard.press("Tab")
        ident, label, classes = shopper.evaluate(FOCUSED)
        outline = shopper.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or classes == "", (ident, label)
        if re.search(name, label or ""):
            return
    raise AssertionError(f"nothing by the name {name!r} can be reached")


def test_the_whole_visit_by_keyboard(shopper: Shopper) -> None:
    page = shopper.arrive().page
    press_until(shopper, "Tap to start")
    page.keyboard.press("Enter")
    shopper.wait_for_shelf()
    assert shopper.evaluate(FOCUSED)[0] == "suggest-title"
    press_until(shopper, "to the basket")
    page.keyboard.press("Enter")
    expect(shopper.lines).to_have_count(1)
    expect(page.locator("#status")).to_contain_text("added. 1 item in the basket.")
    shopper.until(lambda: shopper.evaluate(FOCUSED)[0] == "suggest-title")
    press_until(shopper, "")
    opener = shopper.evaluate(FOCUSED)[1]
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert shopper.evaluate(FOCUSED)[0] == "detail-title"
    for _ in range(30):  # the page behind it cannot be reached
        page.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
        assert shopper.evaluate(inside)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert shopper.evaluate(FOCUSED)[1] == opener
    press_until(shopper, r"^Cheese\s+32$")
    page.keyboard.press("Space")
    expect(page.locator("#browse-title")).to_have_text("Cheese")
    assert "Cheese" in shopper.evaluate(FOCUSED)[1]
    press_until(shopper, "One more")
    page.keyboard.press("Enter")
    expect(page.locator("#basket-count")).to_have_text("2 items")
    assert "One more" in shopper.evaluate(FOCUSED)[1]
    press_until(shopper, "I’m done")
    page.keyboard.press("Enter")
    expect(page.locator("#thanks")).to_be_visible()
    assert shopper.evaluate(FOCUSED)[0] == "thanks-title"
    press_until(shopper, "Next visitor")
    page.keyboard.press("Enter")
    expect(page.locator("#attract")).to_be_visible()


def test_landmarks_and_headings(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("banner").count() == 1
    assert page.get_by_role("search").count() == 1
    assert page.get_by_role("navigation", name="Categories").count() == 1
    assert page.get_by_role("complementary", name="Your basket").count() == 1
    assert page.get_by_role("heading", level=1).all_inner_texts() == ["Popular right now"]
