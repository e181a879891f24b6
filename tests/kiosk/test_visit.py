"""A visit: from the attract loop over shelf, basket, suggestions and detail to the end."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
from playwright.sync_api import BrowserContext, expect

from tests.command import run
from tests.kiosk.conftest import SHOP
from tests.kiosk.shopper import Shopper
from tests.serve.served import Started, started

GENERATED = re.compile(r"^Generated picture of the kind (\w+)$")


def test_the_attract_loop_shows_generated_pictures_and_says_so(shopper: Shopper) -> None:
    page = shopper.arrive().page
    expect(page.locator("#wall img.there").first).to_be_visible()
    assert page.locator("#wall img").count() >= 30
    expect(page.locator(".wall-note")).to_contain_text("none is a real product")
    expect(page.locator("#shop-name")).to_have_text("Corner Store")
    sources = page.locator("#wall img").evaluate_all("all => all.map(one => one.src)")
    assert all(re.search(r"/v1/images/\w+\?seed=\d+$", source) for source in sources)


def test_the_attract_loop_changes_a_picture_now_and_then(shopper: Shopper) -> None:
    shopper.page.emulate_media(reduced_motion="no-preference")
    shopper.page.clock.install()
    wall = shopper.arrive().page.locator("#wall img")
    sources = "all => all.map(one => one.src)"
    before = wall.evaluate_all(sources)
    shopper.page.clock.run_for(3_000)
    shopper.page.wait_for_timeout(200)

    def changed() -> bool:
        shopper.page.clock.run_for(1_000)
        return bool(wall.evaluate_all(sources) != before)

    shopper.until(changed)


def test_browsing_by_category(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    expect(page.locator("#found-count")).to_have_text("320 products")
    expect(shopper.found).to_have_count(24)
    page.locator("#categories").get_by_role("button", name="Cheese").click()
    expect(page.locator("#found-count")).to_have_text("32 products")
    expect(page.locator("#browse-title")).to_have_text("Cheese")
    alternatives = shopper.found.locator("img").evaluate_all("all => all.map(one => one.alt)")
    assert {GENERATED.match(text)[1] for text in alternatives} == {"Cheese"}  # type: ignore[index]
    assert shopper.found.locator(".mark").count() == 24  # each of them is marked as generated
    expect(shopper.found.locator(".mark").first).to_have_text("Generated")
    expect(page.locator(".legend")).to_have_text("generated picture")
    page.get_by_role("button", name="Show more").click()
    expect(shopper.found).to_have_count(32)
    expect(page.locator("#show-more")).to_be_hidden()


def test_searching(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    page.get_by_role("textbox", name="Search products").fill("windproof")
    expect(page.locator("#browse-title")).to_have_text("Results for “windproof”")
    titles = shopper.found.locator(".card-title").all_inner_texts()
    assert titles
    assert all("windproof" in title.lower() for title in titles)
    page.get_by_role("textbox", name="Search products").fill("qqq")
    expect(page.get_by_text("No product matches.")).to_be_visible()
    page.get_by_role("button", name="Clear search").click()
    expect(page.locator("#found-count")).to_have_text("320 products")


def test_suggestions_follow_the_basket_with_reasons(shopper: Shopper, kiosk: Started) -> None:
    page = shopper.arrive("?currency=GBP").start().page
    expect(page.locator("#suggest-title")).to_have_text("Popular right now")
    expect(page.locator("#basket-empty")).to_be_visible()
    first = shopper.add(2)
    second = shopper.add(5)
    assert shopper.basket() == [second, first]
    ids = page.locator("#found .add.has").evaluate_all("all => all.map(one => one.dataset.add)")
    asked = httpx.post(f"{kiosk.url}/v1/recommend", json={"basket": ids, "k": 6}, timeout=60).json()
    shown = shopper.suggestions()
    assert shown == [item["title"] for item in asked["items"]][: len(shown)]
    reasons = shopper.suggested.locator(".reason").all_text_contents()
    assert reasons == [item["reason"] for item in asked["items"]][: len(shown)]
    assert any(reason.startswith("goes with") for reason in reasons)
    prices = [
        httpx.get(f"{kiosk.url}/v1/catalogue/{item}", timeout=60).json()["price"] for item in ids
    ]
    expect(page.locator("#total")).to_have_text(f"£{sum(prices):.2f}")
    assert re.fullmatch(r"£\d+\.\d\d", shopper.suggested.locator(".price").first.inner_text())


def test_quantities(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    title = shopper.add(0)
    page.get_by_role("button", name=f"One more: {title}").click()
    expect(page.locator("#basket-count")).to_have_text("2 items")
    page.get_by_role("button", name=f"One fewer: {title}").click()
    expect(page.locator("#basket-count")).to_have_text("1 item")
    page.get_by_role("button", name=f"Remove {title}").click()
    expect(page.locator("#basket-empty")).to_be_visible()
    expect(page.locator("#suggest-title")).to_have_text("Popular right now")


def test_detail_with_similar_items(shopper: Shopper, kiosk: Started) -> None:
    page = shopper.arrive().start().page
    card = shopper.found.nth(3)
    item_id = card.locator(".add").get_attribute("data-add")
    card.locator(".card-open").click()
    dialog = page.get_by_role("dialog")
    title = card.locator(".card-title").inner_text()
    expect(dialog.get_by_role("heading", level=2)).to_have_text(title)
    expect(dialog.get_by_text("Generated picture: it shows the kind")).to_be_visible()
    expect(dialog.get_by_text(f"Article {item_id}")).to_be_visible()
    similar = dialog.locator("#similar .card-title")
    expect(similar.first).to_be_visible()
    told = httpx.get(f"{kiosk.url}/v1/similar/{item_id}?k=5", timeout=60).json()
    assert similar.all_inner_texts() == [item["title"] for item in told["items"]]
    other = similar.first.inner_text()
    dialog.locator("#similar .card-open").first.click()
    expect(dialog.get_by_role("heading", level=2)).to_have_text(other)
    dialog.get_by_role("button", name=f"Add {other} to the basket").click()
    expect(dialog.get_by_role("status")).to_contain_text(f"{other} added")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert shopper.basket() == [other]


def test_done_sends_what_was_bought(shopper: Shopper, kiosk: Started) -> None:
    sent: list[dict[str, object]] = []
    shopper.page.on(
        "request",
        lambda request: (
            sent.extend(request.post_data_json["events"])
            if request.url.endswith("/v1/events")
            else None
        ),
    )
    page = shopper.arrive().start().page
    shopper.add(1)
    page.locator("#found .add").nth(1).click()
    item_id = page.locator("#found .add").nth(1).get_attribute("data-add")
    with page.expect_response("**/v1/events"):
        page.get_by_role("button", name="I’m done").click()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    expect(page.locator("#thanks-lead")).to_contain_text("2 items")
    expect(page.locator("#status")).to_be_empty()
    kinds = [event["kind"] for event in sent]
    assert {"shown", "tapped", "bought"} <= set(kinds)
    assert len({event["session"] for event in sent}) == 1
    assert len({event["id"] for event in sent}) == len(sent)
    (bought,) = [event for event in sent if event["kind"] == "bought"]
    assert (bought["item_id"], bought["quantity"]) == (item_id, 2)
    assert "user" not in bought
    page.get_by_role("button", name="Next visitor").click()
    expect(page.get_by_role("button", name="Tap to start")).to_be_visible()
    metrics = httpx.get(f"{kiosk.url}/metrics", timeout=60).text
    assert re.search(r'endcap_events_total\{kind="bought",outcome="accepted"\} [1-9]', metrics)


def test_a_photo_takes_the_place_of_a_generated_picture(
    context: BrowserContext, tmp_path: Path
) -> None:
    drawn = run("generate", SHOP, "--category", "Mug", "--out", tmp_path / "CS-0011.png")
    assert drawn.code == 0
    (tmp_path / "CS-0017.png").write_bytes(b"this is no picture")
    with started(SHOP, "--photos", tmp_path) as server:
        shopper = Shopper(context.new_page(), server.url).arrive().start()
        photo = shopper.page.get_by_role("img", name="Photo of Marbled Diary, week to view")
        expect(photo.first).to_be_visible()
        card = shopper.found.filter(has=photo)
        assert card.locator(".mark").count() == 0
        card.locator(".card-open").click()
        expect(shopper.page.locator("#detail-picture .photo")).to_be_visible()
        expect(shopper.page.locator("#detail-note")).to_be_hidden()
        shopper.page.keyboard.press("Escape")
        broken = shopper.found.filter(has_text="Windproof Tartan Umbrella")
        expect(broken.locator(".initials")).to_have_text("WT")


def test_without_categories_products_have_tiles_of_their_initials(context: BrowserContext) -> None:
    with started(SHOP.with_name("online-retail")) as server:
        shopper = Shopper(context.new_page(), server.url).arrive()
        expect(shopper.page.locator("#wall img.there").first).to_be_visible()
        shopper.start()
        expect(shopper.found.first.locator(".initials")).to_be_visible()
        expect(shopper.page.locator("#category-list")).to_be_hidden()
        shopper.scan("85123A")
        expect(shopper.lines).to_have_count(1)
        assert shopper.errors == []
