"""Writes docs/kiosk-*.png: the kiosk page of the corner store, as a visitor sees it.

python -m docs.draw_kiosk [NAME …]

The server is started as a user would start it, the browser is Chromium without a screen. Fonts for
it, on Debian as root: apt-get install -y --no-install-recommends fonts-inter fonts-noto-cjk
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks.chromium import chromium, scan
from benchmarks.serving.servers import Server, endcap, free_port, running

ROOT = Path(__file__).parent.parent
BUNDLE = ROOT / "models" / "corner-store"
KIOSK, PORTRAIT, TILL = (1920, 1080), (1080, 1920), (800, 480)
WIDEST_PX, TALLEST_PX = 1280, 1280  # of a picture in docs/
QUERY = "?currency=GBP&lang={language}&shop={shop}"
NAMES = {"en": "Corner Store", "zh": "街角小店"}
BASKET = ("CS-0017", "CS-0554", "CS-0011")
SEEN = """() => [...document.querySelectorAll("img")]
  .filter(one => one.checkVisibility() && one.getBoundingClientRect().top < innerHeight)
  .every(one => one.complete && !one.matches(".drawing:not(.there)"))"""
SILENT = """() => document.querySelector(".status.there") === null"""
NO_FONT = (
    "no font for Chinese is here; on Debian as root: "
    "apt-get install -y --no-install-recommends fonts-inter fonts-noto-cjk"
)


def attract(page: Page) -> None:
    """Nobody is there."""
    page.locator("#wall img.there").first.wait_for()


def browse(page: Page) -> None:
    """Somebody began, and looks at one category."""
    begin(page)
    page.locator(".category").nth(4).click()
    page.locator("#found .card").first.wait_for()


def basket(page: Page) -> None:
    """Three products were scanned."""
    begin(page)
    for at, code in enumerate(BASKET):
        with page.expect_response("**/v1/recommend"):
            scan(page, code)
        page.locator("#lines > .line").nth(at).wait_for()
    page.locator("#suggested .reason").first.wait_for()


def detail(page: Page) -> None:
    """One of the suggestions was touched."""
    basket(page)
    page.locator("#suggested .card-open").first.click()
    page.locator("#similar .card").first.wait_for()


def contrast(page: Page) -> None:
    """High contrast and large text."""
    page.locator("#high-contrast").click()
    page.locator("#large-text").click()
    basket(page)


def begin(page: Page) -> None:
    """Tap to start."""
    page.locator("#start button").click()
    page.locator("#found .card").first.wait_for()
    page.locator("#suggested .card").first.wait_for()


SCENES: dict[str, tuple[tuple[int, int], str, Callable[[Page], None]]] = {
    "attract": (KIOSK, "en", attract),
    "browse": (KIOSK, "en", browse),
    "basket": (KIOSK, "en", basket),
    "detail": (KIOSK, "en", detail),
    "chinese": (KIOSK, "zh", basket),
    "contrast": (KIOSK, "en", contrast),
    "till": (TILL, "en", basket),
    "portrait": (PORTRAIT, "en", basket),
    "offline": (KIOSK, "en", basket),
}


def draw(browser: Browser, server: Server, name: str) -> None:
    """Play a scene and write its picture."""
    (width, height), language, play = SCENES[name]
    context = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    query = QUERY.format(language=language, shop=NAMES[language])
    page.goto(f"http://{server.host}:{server.port}/{query}")
    play(page)
    if name == "offline":
        server.process.kill()
        page.locator("#offline[open]").wait_for()
    else:
        page.wait_for_function(SEEN)
    if name != "basket":  # which shows what is said of the last product
        page.wait_for_function(SILENT)
    page.wait_for_timeout(600)  # what moves has come to rest
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.thumbnail((WIDEST_PX, TALLEST_PX), Image.Resampling.LANCZOS)
    picture.save(ROOT / "docs" / f"kiosk-{name}.png", optimize=True)
    context.close()


def main(names: list[str]) -> None:
    """Draw the scenes named, or all."""
    unknown = [name for name in names if name not in SCENES]
    if unknown:
        raise SystemExit(f"no scene {unknown[0]!r}; there are {', '.join(SCENES)}")
    fonts = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=True)
    if not fonts.stdout.strip():
        raise SystemExit(NO_FONT)
    with chromium() as browser:
        for name in names or SCENES:
            command = endcap(str(BUNDLE))
            with running(command, "/v2/health/ready", free_port(), None) as server:
                draw(browser, server, name)
            print(f"docs/kiosk-{name}.png")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
