"""The kiosk page: from the address to the first contentful paint, in Chromium without a screen.

python -m benchmarks.serving.kiosk_paint [--bundle models/corner-store] [--rounds 9] [--cores 0,1]

Server, browser and this program share the cores. Each round starts a server, which has drawn no
picture yet (cold), opens the page in a fresh profile, and opens it in another when the pictures are
drawn (warm). When the last picture in view had come is told beside; that has no goal.
"""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass

import click
from playwright.sync_api import Browser

from benchmarks.chromium import chromium
from benchmarks.serving.servers import Server, endcap, free_port, running

_GOAL_MS = 500.0
_WIDTH, _HEIGHT = 1920, 1080
_PATIENCE_MS = 120_000
_PAINTED = """() => new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const [first] = list.getEntriesByName("first-contentful-paint");
    if (first) resolve(first.startTime);
  }).observe({ type: "paint", buffered: true });
})"""
_PICTURED = """() => {
  const seen = [...document.querySelectorAll("#wall img")].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.top < innerHeight && box.bottom > 0 && box.left < innerWidth;
  });
  if (seen.length === 0 || !seen.every((one) => one.matches(".there"))) return null;
  const ends = performance.getEntriesByType("resource")
    .filter((one) => seen.some((image) => image.src === one.name))
    .map((one) => one.responseEnd);
  return Math.max(...ends);
}"""


@dataclass(frozen=True)
class Paint:
    """Milliseconds from the address: first contentful paint, and the last picture in view."""

    first_ms: float
    pictures_ms: float


def open_page(browser: Browser, server: Server) -> Paint:
    """Open the page in a fresh profile."""
    context = browser.new_context(viewport={"width": _WIDTH, "height": _HEIGHT})
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(f"http://{server.host}:{server.port}/", wait_until="commit")
    first_ms = float(page.evaluate(_PAINTED))
    pictures_ms = float(page.wait_for_function(_PICTURED).json_value())
    context.close()
    return Paint(first_ms, pictures_ms)


def told(name: str, paints: list[Paint]) -> str:
    """Return the line of the medians."""
    first_ms = statistics.median(one.first_ms for one in paints)
    pictures_ms = statistics.median(one.pictures_ms for one in paints)
    met = "met" if first_ms < _GOAL_MS else "missed"
    return (
        f"{name:<24}{first_ms:6.0f} ms ({min(one.first_ms for one in paints):.0f} to "
        f"{max(one.first_ms for one in paints):.0f}), goal < {_GOAL_MS:.0f} ms: {met}; "
        f"all pictures in view {pictures_ms:6.0f} ms"
    )


@click.command()
@click.option("--bundle", default="models/corner-store", show_default=True)
@click.option("--rounds", default=9, show_default=True)
@click.option("--cores", default="0,1", show_default=True, help="Cores that all of it may use.")
def main(bundle: str, rounds: int, cores: str) -> None:
    """Print the medians, cold and warm."""
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    cold, warm = [], []
    with chromium() as browser:
        browser.new_page().close()  # what starts with the first page is no page's
        for _ in range(rounds):
            with running(endcap(bundle), "/v2/health/ready", free_port(), None) as server:
                cold.append(open_page(browser, server))
                warm.append(open_page(browser, server))
        print(
            f"Chromium {browser.version}, {_WIDTH}x{_HEIGHT}, cores {cores}, {bundle}, medians of "
            f"{rounds} rounds (least to most)"
        )
    print(told("server's pictures cold", cold))
    print(told("server's pictures warm", warm))


if __name__ == "__main__":
    main()
