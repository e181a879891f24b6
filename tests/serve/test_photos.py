"""The shop's own photos: by item id, found when they come, and nothing else out of their folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import UnusableInput
from runtime.serve.photo_folder import PhotoFolder
from tests.serve.served import Served, serving

JPEG = b"\xff\xd8\xff\xe0 a photo of a loaf"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("photos")
    (made / "BREAD-1.jpg").write_bytes(JPEG)
    (made / "CARD%2C9.WEBP").write_bytes(b"RIFF")
    (made / "COLA.txt").write_text("no photo")
    (made / "secret.txt").write_text("a secret")
    (made / "MILK-1.png").symlink_to(made / "secret.txt")
    return made


@pytest.fixture(scope="module")
def shop(folder: Path) -> Iterator[Served]:
    with serving(photos=str(folder)) as server:
        yield server


def test_the_catalogue_names_them(shop: Served) -> None:
    items = shop.client.get("/v1/catalogue").json()["items"]
    named = {item["item_id"]: item["photo"] for item in items if item["photo"]}
    assert named == {"BREAD-1": "/v1/photos/BREAD-1", "CARD,9": "/v1/photos/CARD%2C9"}
    assert shop.client.get("/v1/catalogue/BREAD-1").json()["photo"] == "/v1/photos/BREAD-1"
    assert shop.client.get("/v1/catalogue/COLA").json()["photo"] is None


def test_one_photo(shop: Served) -> None:
    said = shop.client.get("/v1/photos/BREAD-1")
    assert (said.status_code, said.content) == (200, JPEG)
    assert said.headers["content-type"] == "image/jpeg"
    assert said.headers["x-content-type-options"] == "nosniff"
    again = shop.client.get("/v1/photos/BREAD-1", headers={"if-none-match": said.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert shop.client.get("/v1/photos/CARD%2C9").headers["content-type"] == "image/webp"


@pytest.mark.parametrize(
    "path",
    ["COLA", "COLA.txt", "secret", "MILK-1", "BREAD-1.jpg", "..%2Fsecret.txt", "%2Fetc/passwd"],
)
def test_nothing_else(shop: Served, path: str) -> None:
    said = shop.client.get(f"/v1/photos/{path}")
    assert said.status_code == 404
    assert "there is no photo of" in said.json()["error"]


def test_photos_keep_to_the_rules(tmp_path: Path) -> None:
    rules, folder = tmp_path / "rules.toml", tmp_path / "photos"
    rules.write_text('never_show = ["Dairy"]\nage_restricted = ["Drinks"]')
    folder.mkdir()
    for name in ("BREAD-1", "MILK", "COLA", "no such item"):
        (folder / f"{name}.jpg").write_bytes(JPEG)
    with serving(photos=str(folder), rules=str(rules)) as server:
        get = server.client.get
        assert get("/v1/photos/BREAD-1").status_code == 200
        for path in ("MILK", "MILK?age_verified=true", "COLA", "no%20such%20item"):
            assert get(f"/v1/photos/{path}").status_code == 404, path
        items = get("/v1/catalogue?age_verified=true").json()["items"]
        named = {item["item_id"]: item["photo"] for item in items if item["photo"]}
        assert named == {
            "BREAD-1": "/v1/photos/BREAD-1", "COLA": "/v1/photos/COLA?age_verified=true",
        }  # fmt: skip
        assert get(named["COLA"]).content == JPEG


def test_a_photo_that_comes_and_goes(tmp_path: Path) -> None:
    photos = PhotoFolder(str(tmp_path))
    assert photos.url("a/b") is None
    (tmp_path / "a%2Fb.png").write_bytes(b"png")
    os.utime(tmp_path, ns=(1, 1))
    assert photos.url("a/b") == "/v1/photos/a%2Fb"
    (tmp_path / "a%2Fb.png").unlink()
    tmp_path.rmdir()
    assert photos.url("a/b") is None


def test_a_photo_that_went_a_moment_ago(tmp_path: Path) -> None:
    (tmp_path / "BREAD-1.png").write_bytes(b"png")
    with serving(photos=str(tmp_path)) as server:
        assert server.client.get("/v1/photos/BREAD-1").status_code == 200
        photo = server.service.photos.of("BREAD-1")
        assert photo is not None
        server.service.photos.of = lambda _: photo  # type: ignore[method-assign]
        (tmp_path / "BREAD-1.png").unlink()
        said = server.client.get("/v1/photos/BREAD-1")
    assert (said.status_code, "went away" in said.text) == (404, True)


def test_no_photos(served: Served) -> None:
    assert served.client.get("/v1/photos/BREAD-1").status_code == 404


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="is no folder of photos"):
        PhotoFolder(str(tmp_path / "absent"))
