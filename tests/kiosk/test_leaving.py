"""Nothing of a shopper stays: not in memory, not in storage, not in the history."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from tests.kiosk.shopper import Shopper

WORD = "windproof tartan zzqx"  # what only this shopper would have typed
STORED = """async () => ({
  local: localStorage.length,
  session: sessionStorage.length,
  cookies: document.cookie,
  databases: (await indexedDB.databases()).length,
  caches: (await caches.keys()).length,
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  name: window.name,
  state: history.state,
})"""
NOTHING = {
    "local": 0, "session": 0, "cookies": "", "databases": 0, "caches": 0, "workers": 0, "name": "",
    "state": None,
}  # fmt: skip


def visit(shopper: Shopper, query: str = "") -> tuple[str, str]:
    """Use everything; return the title of what is in the basket, and the id of the session."""
    sessions: list[str] = []
    page = shopper.page
    page.on(
        "request",
        lambda request: (
            sessions.extend(event["session"] for event in request.post_data_json["events"])
            if request.url.endswith("/v1/events")
            else None
        ),
    )
    shopper.arrive(query).start()
    page.get_by_role("button", name="Show more").click()
    expect(shopper.found).to_have_count(48)
    title = shopper.add(40)
    page.locator("#language").click()
    page.locator("#large-text").click()
    page.locator("#high-contrast").click()
    shopper.until(lambda: bool(sessions))
    page.locator("#search-field").press_sequentially(WORD)
    expect(page.locator("#browse-title")).to_contain_text(WORD)
    return title, sessions[0]


def heap(context: BrowserContext, shopper: Shopper) -> str:
    """Return everything that the page's memory holds, as a heap snapshot."""
    developer = context.new_cdp_session(shopper.page)
    parts: list[str] = []
    developer.on("HeapProfiler.addHeapSnapshotChunk", lambda told: parts.append(told["chunk"]))
    developer.send("HeapProfiler.enable")
    developer.send("HeapProfiler.collectGarbage")
    developer.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    developer.detach()
    return "".join(parts)


def must_be_clear(shopper: Shopper, context: BrowserContext, history: int) -> None:
    """Look that the screen, the storage and the history are as they were on arrival."""
    page = shopper.page
    expect(page.get_by_role("button", name="Tap to start")).to_be_visible()
    for name in ("#lines", "#found", "#suggested", "#categories", "#similar"):
        assert page.locator(f"{name} > *").count() == 0
    expect(page.locator("#search-field")).to_have_value("")
    assert page.locator("html").get_attribute("lang") == "en"
    assert shopper.evaluate("Object.keys(document.documentElement.dataset)") == ["screen"]
    assert shopper.evaluate(STORED) == NOTHING
    assert shopper.evaluate("history.length") == history
    state: Any = context.storage_state()
    assert state == {"cookies": [], "origins": []}


def test_start_over_clears(shopper: Shopper, context: BrowserContext) -> None:
    title, session = visit(shopper)
    history = shopper.evaluate("history.length")
    before = heap(context, shopper)
    assert title in before  # the snapshot would show them
    assert session in before
    assert WORD in before
    shopper.page.locator("#start-over").click()
    must_be_clear(shopper, context, history)
    after = heap(context, shopper)
    assert title not in after
    assert session not in after
    assert WORD not in after


def test_leaving_it_alone_asks_and_clears(shopper: Shopper, context: BrowserContext) -> None:
    title, session = visit(shopper, "?idle=2&grace=2")
    history = shopper.evaluate("history.length")
    expect(shopper.page.locator("#idle")).to_be_visible()
    must_be_clear(shopper, context, history)
    expect(shopper.page.locator("#idle")).to_be_hidden()
    after = heap(context, shopper)
    assert title not in after
    assert session not in after
    assert WORD not in after


@pytest.mark.parametrize("sign", ["key", "touch"])
def test_who_is_still_there_goes_on(shopper: Shopper, sign: str) -> None:
    page = shopper.page
    page.clock.install()
    shopper.arrive("?idle=60&grace=20").start()
    title = shopper.add(0)
    page.clock.fast_forward(61_000)
    expect(page.locator("#idle-lead")).to_have_text(re.compile(r" (20|1\d) s\.$"))
    expect(page.get_by_role("dialog", name="Are you still there?")).to_be_visible()
    if sign == "key":  # of whom the focus was on a button that adds something
        page.keyboard.press("Enter")
    else:
        page.get_by_role("button", name="I’m still here").click()
    expect(page.locator("#idle")).to_be_hidden()
    page.clock.fast_forward(50_000)
    assert shopper.basket() == [title]
    expect(page.locator("#basket-count")).to_have_text("1 item")  # the answer pressed nothing else
    page.clock.fast_forward(31_000)
    expect(page.get_by_role("button", name="Tap to start")).to_be_visible()


def test_the_back_button_brings_no_basket_back(shopper: Shopper) -> None:
    page = shopper.page
    page.goto("about:blank")
    shopper.requests.clear()
    shopper.arrive().start()
    length = shopper.evaluate("history.length")
    title = shopper.add(0)
    shopper.found.first.locator(".card-open").click()
    page.keyboard.press("Escape")
    assert shopper.evaluate("history.length") == length
    page.go_back()
    assert page.url == "about:blank"
    page.go_forward()
    expect(page.get_by_role("button", name="Tap to start")).to_be_visible()
    assert shopper.basket() == []
    assert title not in page.content()
    shopper.start()
    assert shopper.basket() == []


def test_a_page_kept_for_the_back_button_is_cleared(shopper: Shopper) -> None:
    shopper.arrive().start()
    shopper.add(0)
    shopper.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    expect(shopper.page.get_by_role("button", name="Tap to start")).to_be_visible()
    assert shopper.basket() == []


def test_an_answer_on_its_way_does_not_reach_the_next_shopper(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    held: list[Route] = []
    page.route("**/v1/catalogue?**", lambda route: held.append(route))
    page.locator("#search-field").fill("umbrella")
    shopper.until(lambda: len(held) == 1)
    page.locator("#start-over").click()
    page.unroute("**/v1/catalogue?**")
    shopper.start()
    expect(page.locator("#found-count")).to_have_text("320 products")
    expect(page.locator("#browse-title")).to_have_text("Everything")


def test_a_display_changed_by_nobody_who_stays_is_changed_back(shopper: Shopper) -> None:
    page = shopper.page
    page.clock.install()
    shopper.arrive("?idle=30&grace=20")
    page.locator("#language").click()
    page.locator("#high-contrast").click()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.clock.fast_forward(51_000)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert shopper.evaluate("Object.keys(document.documentElement.dataset)") == ["screen"]
