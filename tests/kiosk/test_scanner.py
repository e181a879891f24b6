"""A barcode scanner that types, wherever the focus is."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.kiosk.shopper import Shopper


def test_a_scan_begins_a_visit(shopper: Shopper) -> None:
    shopper.arrive().scan("CS-0011")
    shopper.wait_for_shelf()
    expect(shopper.lines).to_have_count(1)
    assert shopper.basket() == ["Marbled Diary, week to view"]
    shopper.scan("CS-0011")
    expect(shopper.page.locator("#basket-count")).to_have_text("2 items")
    shopper.scan("CS-0017")
    expect(shopper.lines).to_have_count(2)


def test_a_scan_into_the_search_leaves_it_as_it_was(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    field = page.locator("#search-field")
    field.fill("mug")
    expect(page.locator("#browse-title")).to_contain_text("mug")
    field.focus()
    page.wait_for_timeout(120)  # longer than between two characters of a scan
    shopper.scan("CS-0011")
    expect(shopper.lines).to_have_count(1)
    expect(field).to_have_value("mug")
    expect(page.locator("#browse-title")).to_contain_text("mug")


def test_its_enter_presses_no_button(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    shopper.add(0)
    page.locator("#start-over").focus()
    shopper.scan("CS-0017")
    expect(shopper.lines).to_have_count(2)
    expect(page.locator("#shop")).to_be_visible()


def test_a_scan_over_a_dialog_shows_the_basket(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    shopper.found.first.locator(".card-open").click()
    expect(page.locator("#detail")).to_be_visible()
    shopper.scan("CS-0017")
    expect(shopper.lines).to_have_count(1)
    expect(page.locator("#detail")).to_be_hidden()


def test_an_unknown_code_is_named(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    shopper.scan("4006381333931")
    expect(page.locator("#status")).to_have_text("No product has the code 4006381333931.")
    assert shopper.basket() == []


def test_typing_is_no_scan(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    field = page.locator("#search-field")
    field.press_sequentially("CS-0011", delay=130)
    field.press("Enter")
    expect(page.locator("#browse-title")).to_contain_text("CS-0011")
    expect(shopper.found).to_have_count(1)
    assert shopper.basket() == []
