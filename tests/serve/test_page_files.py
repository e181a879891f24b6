"""The page's files: by exact name, with types, ETags and a policy that lets nothing else in."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from runtime.serve import app, page_files
from runtime.serve.page_files import read_page
from runtime.serve.tokens import Token
from tests.serve.served import Served, serving

FILES = {
    "index.html": "text/html; charset=utf-8",
    "kiosk.js": "text/javascript; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "text/zh.json": "application/json",
    "tap.svg": "image/svg+xml",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*FILES, "notes.txt", "secret.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"content of {name}")
    return tmp_path


@pytest.fixture
def paged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(app, "read_page", lambda: read_page(folder))
    with serving(host="0.0.0.0", token=Token("0123456789abcdef")) as server:
        yield Served(server.url.replace("0.0.0.0", "127.0.0.1"), server.service, server.client)


def test_files_by_their_names(paged: Served) -> None:
    """No token is asked for: there is no secret in the page, and it asks for the token."""
    for name, kind in FILES.items():
        said = httpx.get(f"{paged.url}/page/{name}")
        assert (said.status_code, said.headers["content-type"]) == (200, kind)
        assert said.text == f"content of {name}"
        again = httpx.get(
            f"{paged.url}/page/{name}", headers={"if-none-match": said.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
    root = httpx.get(f"{paged.url}/")
    assert root.text == "content of index.html"
    policy = root.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert root.headers["x-content-type-options"] == "nosniff"
    assert root.headers["x-frame-options"] == "DENY"
    assert root.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["notes.txt", "secret.py", "../app.py", "..%2fapp.py", "text", "text/", "INDEX.html", ""],
)
def test_nothing_else(paged: Served, path: str) -> None:
    assert (
        b" 404 "
        in paged.raw(
            f"GET /page/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        ).split(b"\r\n")[0]
    )


def test_without_the_folder_there_is_no_page(tmp_path: Path) -> None:
    assert read_page(tmp_path / "absent") == {}
    assert page_files.FOLDER.name == "page"
