"""Two languages, large text, high contrast."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.kiosk.shopper import Shopper

HAN = re.compile(r"[\u4e00-\u9fff]")


def test_chinese_everywhere_and_back(shopper: Shopper) -> None:
    page = shopper.arrive("?currency=CNY").page
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page).to_have_title("自助导购")
    page.get_by_role("button", name="轻触开始").click()
    shopper.wait_for_shelf()
    expect(page.locator("#suggest-title")).to_have_text("当前热门")
    shopper.found.first.locator(".add").click()
    expect(page.locator("#suggest-title")).to_have_text("与购物篮相配")
    expect(page.locator("#status")).to_contain_text("已加入")
    reason = shopper.suggested.locator(".reason").first
    shopper.until(lambda: bool(HAN.search(reason.inner_text())))
    expect(page.locator("#basket-count")).to_have_text("1 件")
    expect(page.locator("#total")).to_contain_text("¥")
    alternative = shopper.found.first.locator("img").get_attribute("alt")
    assert alternative is not None
    assert HAN.search(alternative)
    labels = page.locator("[aria-label]:visible").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label'))"
    )
    assert labels
    assert all(HAN.search(label) for label in labels)
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#suggest-title")).to_have_text("Goes with your basket")
    expect(page.locator("#basket-count")).to_have_text("1 item")


def test_a_shop_may_begin_in_chinese(shopper: Shopper) -> None:
    page = shopper.page
    page.goto(f"{shopper.origin}/?lang=zh&shop=街角小店")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#shop-name")).to_have_text("街角小店")
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Tap to start").click()
    shopper.wait_for_shelf()
    page.get_by_role("button", name="Start over").click()
    expect(page.get_by_role("button", name="轻触开始")).to_be_visible()


def test_high_contrast(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    switch = page.get_by_role("button", name="High contrast")
    expect(switch).to_have_attribute("aria-pressed", "false")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    colours = """() => {
        const style = getComputedStyle(document.body);
        return [style.color, style.backgroundColor];
    }"""
    assert shopper.evaluate(colours) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    switch.click()
    assert shopper.evaluate(colours)[0] != "rgb(255, 255, 255)"


def test_large_text(shopper: Shopper) -> None:
    page = shopper.arrive().start().page
    size = "() => parseFloat(getComputedStyle(document.querySelector('.card-title')).fontSize)"
    before = shopper.evaluate(size)
    page.get_by_role("button", name="Large text").click()
    assert shopper.evaluate(size) >= 1.2 * before


def test_less_motion(shopper: Shopper) -> None:
    shopper.arrive()
    moving = """() => document.getAnimations().filter(one => one.playState === "running").length"""
    assert shopper.evaluate(moving) == 0
    calm = "() => getComputedStyle(document.documentElement).getPropertyValue('--calm')"
    assert shopper.evaluate(calm) == "0ms"
