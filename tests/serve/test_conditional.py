"""If-None-Match as RFC 9110 has it, and the same wherever there is an ETag."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from runtime.serve.conditional import has_already
from tests.serve.served import Served, serving

TAG = '"5f-1a"'


def asked(*values: str) -> Request:
    """Return a request with one header of the name for each of ``values``."""
    headers = [(b"if-none-match", value.encode("latin-1")) for value in values]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("values", "has"),
    [
        ((), False),
        (("",), False),
        ((TAG,), True),
        ((f"W/{TAG}",), True),
        (("*",), True),
        ((" * ",), True),
        ((f'"other", {TAG}',), True),
        ((f'"other" ,, W/{TAG} ,',), True),
        (('"other"', TAG), True),
        ((f'"a,b", {TAG}',), True),
        (('"*"',), False),
        (('*, "other"',), False),
        ((f'"a,{TAG[1:]}',), False),
        ((TAG[1:-1],), False),
        ((f"x{TAG}",), False),
        ((f"w/{TAG}",), False),
        ((f"{TAG}x",), False),
        ((f'"5f-1a {TAG}',), False),
        ((f'"x{TAG[1:]}',), False),
        ((f'"\xe9", {TAG}',), True),
        ((" " * 60_000 + "x",), False),
    ],
)
def test_if_none_match(values: tuple[str, ...], has: bool) -> None:
    assert has_already(asked(*values), TAG) is has


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("photos")
    Path(folder, "TEA.jpg").write_bytes(b"\xff\xd8\xff photo")
    with serving(photos=str(folder)) as server:
        yield server


@pytest.mark.parametrize("path", ["/", "/page/index.html", "/v1/images/Tea", "/v1/photos/TEA"])
def test_alike_wherever_there_is_an_etag(shop: Served, path: str) -> None:
    said = shop.client.get(path)
    tag = said.headers["etag"]
    for given, status in (
        (tag, 304), (f'"other", W/{tag}', 304), ("*", 304), (f"x{tag}", 200), (tag[1:-1], 200),
    ):  # fmt: skip
        again = shop.client.get(path, headers={"if-none-match": given})
        assert (again.status_code, again.headers["etag"]) == (status, tag), given
        assert again.content == (b"" if status == 304 else said.content)
        assert again.headers["cache-control"] == "no-cache"
