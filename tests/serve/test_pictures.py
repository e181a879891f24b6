"""Pictures over HTTP: deterministic, kept, and never one that the shop does not show."""

from __future__ import annotations

import asyncio
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.serve.picture_cache import PictureCache
from runtime.store import Store
from tests.damage import Damage
from tests.serve.served import Served, serving


def pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return np.asarray(image)


def test_the_picture_of_a_seed(served: Served, store: Store) -> None:
    said = served.client.get("/v1/images/Tea?seed=5")
    assert (said.status_code, said.headers["content-type"]) == (200, "image/png")
    np.testing.assert_array_equal(pixels(said.content), store.generate("Tea", 1, 5).images[0])
    assert served.client.get("/v1/images/Tea?seed=5").content == said.content
    assert served.client.get("/v1/images/Tea?seed=6").content != said.content
    usual = served.client.get("/v1/images/Tea").content
    assert usual == served.client.get("/v1/images/Tea?seed=7&n=1").content
    with Image.open(io.BytesIO(said.content)) as image:
        text = image.text  # type: ignore[attr-defined]
    assert text["Description"] == "generated picture of Tea; not a photograph"
    assert (text["bundle"], text["seed"], text["index"]) == ("tiny-store", "5", "0")
    assert said.headers["endcap-provider"] == "cpu"
    assert said.headers["endcap-requested-provider"] == "cpu"
    assert said.headers["endcap-variant"] == "fp32"


def test_a_sheet_of_several(served: Served, store: Store) -> None:
    said = served.client.get("/v1/images/Greeting%20card?n=20&seed=1&truncation=0.5")
    sheet = pixels(said.content)
    expected = store.generate("Greeting card", 20, 1, truncation=0.5).images
    assert sheet.shape == (4 * 8 + 3 * 2, 5 * 8 + 4 * 2, 3)
    np.testing.assert_array_equal(sheet[:8, :8], expected[0])
    np.testing.assert_array_equal(sheet[30:, 40:], expected[19])


def test_a_client_that_has_it_is_told_so(served: Served) -> None:
    said = served.client.get("/v1/images/Tea?seed=11")
    tag = said.headers["etag"]
    assert said.headers["cache-control"] == "no-cache"
    drawn = served.metric('endcap_pictures_total{source="generator"}')
    for given in (tag, f'W/{tag}, "other"', "*"):
        again = served.client.get("/v1/images/Tea?seed=11", headers={"if-none-match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = served.client.get("/v1/images/Tea?seed=11", headers={"if-none-match": '"other"'})
    assert other.content == said.content
    assert served.metric('endcap_pictures_total{source="generator"}') == drawn
    assert served.client.get("/v1/images/Bread?seed=11").headers["etag"] != tag
    assert served.client.get("/v1/images/Tea?seed=11&n=2").headers["etag"] != tag


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("image/png", 200),
        ("image/webp,image/*;q=0.8", 200),
        ("text/html, */*;q=0.1", 200),
        ("image/webp", 406),
        ("image/png;q=0, */*", 406),
        ("", 200),
    ],
)
def test_accept(served: Served, accept: str, status: int) -> None:
    assert served.client.get("/v1/images/Tea", headers={"accept": accept}).status_code == status


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("Te", 404, "unknown category 'Te'; did you mean 'Tea'?"),
        ("Tea?n=0", 400, "n is '0'; it must be a whole number from 1 to 64"),
        ("Tea?n=65", 400, "n is '65'"),
        ("Tea?seed=-1", 400, "seed is '-1'; it must be a whole number from 0 to 3402823"),
        (f"Tea?seed={2**128}", 400, "seed is '3402823"),
        ("Tea?truncation=0", 400, "truncation is '0'; it must be a number from 0.001"),
        ("Tea?truncation=nan", 400, "truncation is 'nan'"),
        ("Tea?format=webp", 400, "unknown parameter 'format'"),
    ],
)
def test_wrong_questions(served: Served, path: str, status: int, sentence: str) -> None:
    said = served.client.get(f"/v1/images/{path}")
    assert said.status_code == status
    assert said.json()["error"].startswith(sentence)


def test_the_largest_seed_draws(served: Served) -> None:
    assert served.client.get(f"/v1/images/Tea?seed={2**128 - 1}").status_code == 200


def test_what_can_be_drawn(served: Served) -> None:
    assert served.client.get("/v1/images").json() == {
        "bundle": {"name": "tiny-store", "version": 3},
        "categories": ["Bread", "Tea", "Greeting card"],
        "height": 8,
        "width": 8,
        "channels": 3,
    }


def test_pictures_keep_to_the_rules(tiny: Path, tmp_path: Path) -> None:
    """Categories of the generator are held back by name, whatever the catalogue's are called."""
    copy = Path(shutil.copytree(tiny, tmp_path / "copy"))
    names = ["Bakery", "Dairy", "Drinks"]
    Damage(copy).manifest(lambda document: document["generator"].update(categories=names))
    rules = tmp_path / "rules.toml"
    rules.write_text('never_show = ["Dairy"]\nage_restricted = ["Drinks"]')
    with serving(copy, rules=str(rules)) as server:
        get = server.client.get
        assert get("/v1/images").json()["categories"] == ["Bakery"]
        assert get("/v1/images?age_verified=true").json()["categories"] == ["Bakery", "Drinks"]
        asked = {
            path: get(f"/v1/images/{path}").status_code
            for path in ("Bakery", "Dairy", "Dairy?age_verified=true", "Drinks",
                         "Drinks?age_verified=true")
        }  # fmt: skip
        assert list(asked.values()) == [200, 404, 404, 404, 200]
        assert "'Drinks'" not in get("/v1/images/Dairy").json()["error"].partition(";")[2]
        listed = get("/v1/catalogue?age_verified=true").json()["categories"]
        assert {one["name"]: one["pictures"] for one in listed} == {"Bakery": True, "Drinks": True}


def test_a_bundle_without_a_generator(damage: None, tmp_path: Path) -> None:
    with serving(tmp_path / "copy") as server:
        assert server.client.get("/v1/images").status_code == 404
        said = server.client.get("/v1/images/Tea")
        assert said.json() == {"error": "bundle 'tiny-store' holds no generator"}
        assert server.client.get("/v2/models/generator/ready").status_code == 404
        assert server.client.get("/v2/health/ready").json()["variants"] == {"recommender": "fp32"}
        assert server.ids(k=1) == ["COLA"]


@pytest.fixture
def damage(tiny: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny, tmp_path / "copy"))
    Damage(copy).manifest(lambda document: document.update(generator=None))


def test_the_cache_is_bounded_and_draws_once() -> None:
    async def run() -> None:
        cache, drawn = PictureCache(10), []

        def picture(name: str, size: int) -> object:
            async def draw() -> bytes:
                drawn.append(name)
                await asyncio.sleep(0)
                return name.encode() * size

            return cache.get(name, draw)

        same = await asyncio.gather(*(picture("a", 4) for _ in range(3)))  # type: ignore[arg-type]
        assert same == [b"aaaa"] * 3
        assert drawn == ["a"]
        await picture("b", 4)  # type: ignore[misc]
        await picture("a", 4)  # type: ignore[misc]
        await picture("c", 4)  # type: ignore[misc]
        assert [name in cache for name in "abc"] == [True, False, True]
        assert cache.size_bytes == 8
        await picture("d", 11)  # type: ignore[misc]
        assert "d" not in cache
        assert drawn == ["a", "b", "c", "d"]

    asyncio.run(run())


def test_the_cache_forgets_what_failed() -> None:
    async def run() -> None:
        cache = PictureCache(10)

        async def fail() -> bytes:
            raise OSError("no")

        async def draw() -> bytes:
            return b"yes"

        with pytest.raises(OSError, match="no"):
            await cache.get("a", fail)
        assert await cache.get("a", draw) == b"yes"

    asyncio.run(run())
