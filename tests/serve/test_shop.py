"""The shop's own API says what the library says, and refuses what it should."""

from __future__ import annotations

import dataclasses
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.serve.limits import Limits
from runtime.store import Store
from tests.serve.served import Served, serving

POPULAR = ["COLA", "MILK", "COFFEE", "BREAD-1", "été-10", "BUTTER", "CHEESE", "BREAD-2"]
REQUESTS = (
    {},
    {"k": 8},
    {"basket": ["BREAD-1"], "k": 3},
    {"user": "anna", "basket": ["BREAD-1", "nope"], "k": 5},
    {"user": "陈", "k": 8, "reasons": False},
    {"user": "nobody", "category": "Dairy", "k": 2},
    {"only": ["TEA", "CARD,9", "COLA"], "k": 3},
    {"only": [], "k": 3},
    {"exclude": ["COLA", "MILK"], "k": 3},
    {"stock": {"TEA": 1, "COLA": 0, "MILK": -1, "BUTTER": 0.5}, "k": 3},
    {"basket": ["BREAD-1", "COLA", "TEA", "CHEESE", "BREAD-2"], "k": 1},
)


@pytest.mark.parametrize("fields", REQUESTS, ids=str)
def test_recommend_says_what_the_library_says(
    served: Served, store: Store, fields: dict[str, Any]
) -> None:
    expected = store.recommend(**{"k": 8, **fields}).to_json()
    said = served.client.post("/v1/recommend", json=fields)
    assert said.status_code == 200
    assert said.headers["content-type"] == "application/json"
    assert said.headers["cache-control"] == "no-store"
    assert said.json() == json.loads(json.dumps(expected))


def test_k_is_ten_or_all_that_there_are(served: Served) -> None:
    assert len(served.ids()) == 8


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"k": 0}, "k: expected 'int' >= 1"),
        ({"k": 9}, "k is 9; this bundle answers 1 to 8 items at a time"),
        ({"k": 10**30}, "k is 1000000000000000000000000000000; this"),
        ({"k": "3"}, "k: expected 'int | null', got 'str'"),
        ({"k": 2.5}, "k: expected 'int | null', got 'float'"),
        ({"basket": "BREAD-1"}, "basket: expected 'array', got 'str'"),
        ({"basket": ["A", 1]}, "basket[1]: expected 'str', got 'int'"),
        ({"basket": ["x"] * 1001}, "basket: expected 'array' of length <= 1000"),
        ({"basket": ["x" * 513]}, "basket[0]: expected 'str' of length <= 512"),
        ({"baskets": []}, "the body: object contains unknown field 'baskets'"),
        ({"stock": {"TEA": "1"}}, "a value of stock: expected 'float', got 'str'"),
        ({"stock": {"TEA": 1e300}}, "a value of stock: expected 'float' <= 1000000000000000.0"),
        ({"age_verified": 1}, "age_verified: expected 'bool', got 'int'"),
        ({"category": "Dary"}, "unknown category 'Dary'; did you mean 'Dairy' or"),
        ([], "the body: expected 'object', got 'array'"),
    ],
    ids=str,
)
def test_a_refusal_names_the_field(served: Served, fields: Any, sentence: str) -> None:
    said = served.client.post("/v1/recommend", json=fields)
    assert said.status_code == 400
    assert list(said.json()) == ["error"]
    assert said.json()["error"].startswith(sentence)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the body is empty; send JSON"),
        (b"{", "the body is not JSON: "),
        (b"{} {}", "the body is not JSON: "),
        (b'{"user": "\xff"}', "the body is not UTF-8"),
        (b'{"user": "\\ud800"}', "the body is not JSON: "),
        (b'{"k": NaN}', "the body is not JSON: "),
        (b'{"stock": {"a": Infinity}}', "the body is not JSON: "),
        (b"[" * 100_000, "the body: expected 'object', got 'array'"),
        (b'{"stock": ' + b'{"a":' * 50_000, "a value of stock: expected 'float', got 'object'"),
    ],
)
def test_a_body_that_is_none(served: Served, body: bytes, sentence: str) -> None:
    said = served.client.post("/v1/recommend", content=body)
    assert said.status_code == 400
    assert said.json()["error"].startswith(sentence)


def test_similar(served: Served, store: Store) -> None:
    said = served.client.get("/v1/similar/COFFEE", params={"k": 2})
    assert said.json() == json.loads(json.dumps(store.similar("COFFEE", 2).to_json()))
    assert served.client.get("/v1/similar/CARD%2C9").json()["tier"] == "basket"
    assert served.client.get("/v1/similar/%C3%A9t%C3%A9-10?k=1").status_code == 200
    said = served.client.get("/v1/similar/COFFE")
    assert (said.status_code, said.json()["error"]) == (404, "unknown item 'COFFE'")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("k=0", "k is '0'; it must be a whole number from 1"),
        ("k=99", "k is 99; this bundle answers 1 to 8"),
        ("k=two", "k is 'two'; it must be a whole number"),
        ("k=1e1", "k is '1e1'; it must be a whole number"),
        ("k=1_0", "k is '1_0'; it must be a whole number"),
        ("k=" + "9" * 5000, "k is '9999"),
        ("k=3&k=4", "parameter 'k' is given twice"),
        ("n=3", "unknown parameter 'n'; known: 'k', 'age_verified'"),
        ("age_verified=yes", "age_verified is 'yes'; it must be true or false"),
        ("k=%ff", "the query is not UTF-8"),
        ("&".join(f"a{i}=1" for i in range(40)), "the query has more than 32 parameters"),
    ],
)
def test_a_query_that_is_wrong(served: Served, query: str, sentence: str) -> None:
    said = served.client.get(f"/v1/similar/COFFEE?{query}")
    assert said.status_code == 400
    assert said.json()["error"].startswith(sentence)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/recommend", 405),
        ("DELETE", "/v1/stock", 405),
        ("GET", "/v1/none", 404),
        ("GET", "/v1/similar/", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/page/..%2f..%2fapp.py", 404),
        ("GET", "/v2/models/..%2f..%2fmanifest.json", 404),
        ("GET", "/v1/images/..%2f..%2fmanifest.json", 404),
        ("GET", "//v1/stock", 404),
        ("GET", "/v1/similar/%00", 404),
        ("GET", "/v1/similar/%ff%fe", 404),
    ],
)
def test_paths_that_lead_nowhere(served: Served, method: str, path: str, status: int) -> None:
    said = served.raw(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert list(json.loads(body)) == ["error"]
    if status == 405:
        assert b"\r\nallow: " in head


# --- stock


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    with serving() as server:
        yield server


def put(server: Served, body: Any, kind: str = "application/json") -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.client.put("/v1/stock", content=content, headers={"content-type": kind})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"TEA": 3, "COLA": 0, "MILK": 2.5, "nope": 1}, "application/json"),
        ({"stock": {"TEA": 3, "COLA": 0, "MILK": 2.5, "nope": 1}}, "application/json"),
        (
            [
                {"item_id": "TEA", "quantity": -1},
                {"item_id": "TEA", "quantity": 2},
                {"item_id": "MILK", "quantity": 1},
                {"item_id": "nope", "quantity": 1},
            ],
            "application/json",
        ),
        ({"stock": [{"item_id": "TEA", "quantity": 1}, {"item_id": "MILK", "quantity": 1},
                    {"item_id": "nope", "quantity": 1}]}, ""),
        (b"item_id,quantity\nTEA,1\nMILK,2\nnope,1\nCOLA,0\n", "text/csv"),
        (b"\xef\xbb\xbfquantity,item_id\n1,TEA\n2,MILK\n1,nope\n", "text/csv; charset=utf-8"),
        (b"item_id,quantity\nTEA,1\nMILK,2\nnope,1\n", "application/x-www-form-urlencoded"),
    ],
    ids=range(7),
)  # fmt: skip
def test_stock_is_replaced(shop: Served, body: Any, kind: str) -> None:
    assert shop.client.get("/v1/stock").json() == {
        "known": False, "in_stock": None, "items": 10, "unknown": [], "updated": None,
    }  # fmt: skip
    said = put(shop, body, kind)
    assert said.status_code == 200, said.text
    assert said.json()["unknown"] == ["nope"]
    assert (said.json()["in_stock"], said.json()["items"]) == (2, 10)
    assert shop.ids(k=8) == ["MILK", "TEA"]
    assert shop.metric("endcap_stock_items") == 2
    assert shop.client.get("/v1/catalogue/COLA").json()["in_stock"] is False
    assert put(shop, {}).json()["in_stock"] == 0
    assert shop.ids(k=8) == []


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        ({"COLA": 2, "TEA": "3"}, "application/json", "quantity of 'TEA': expected 'float', got"),
        ({"TEA": [1]}, "application/json", "quantity of 'TEA': expected 'float', got 'array'"),
        ({"stock": {"TEA": None}}, "", "quantity of 'TEA': expected 'float', got 'null'"),
        ({"stock": {"": 1}}, "", "a key of the body: expected 'str' of length >= 1"),
        (b'{"TEA": 1e400}', "", "a value of the body: number out of range"),
        ({"shop": {"TEA": 1}}, "application/json", "shop: expected a quantity"),
        ({"stock": {}, "TEA": 1}, "application/json", "stock: expected a quantity"),
        ([{"item_id": "TEA"}], "application/json", "[0]: object missing required field 'quantity'"),
        ([{"item_id": "TEA", "quantity": 1, "shop": 2}], "", "[0]: object contains unknown field"),
        (b'{"TEA": NaN}', "application/json", "the body is not JSON"),
        (b"", "application/json", "the body is empty"),
        (b"item_id\nTEA\n", "text/csv", "'the body' has no column 'quantity'"),
        (b"item_id,quantity\nTEA,much\n", "text/csv", "'the body' line 2: quantity 'much'"),
        (b"item_id,quantity\nTEA,nan\n", "text/csv", "'the body' line 2: quantity 'nan'"),
        (b"item_id,quantity\n\xff,1\n", "text/csv", "the body is not UTF-8 (byte 17)"),
    ],
)
def test_a_stock_that_cannot_be_read_changes_nothing(
    shop: Served, body: Any, kind: str, sentence: str
) -> None:
    put(shop, {"TEA": 1})
    said = put(shop, body, kind)
    assert (said.status_code, said.json()["error"][: len(sentence)]) == (400, sentence)
    assert shop.ids(k=8) == ["TEA"]


def test_stock_and_rules_files_are_those_of_the_library(tmp_path: Path) -> None:
    stock, rules = tmp_path / "stock.csv", tmp_path / "rules.toml"
    stock.write_text("item_id,quantity\nTEA,1\nMILK,1\nCOLA,3\nBREAD-1,1\n")
    rules.write_text(
        'never_show = ["Bakery"]\nage_restricted = ["Drinks"]\n'
        '[promotions]\nitems = ["TEA"]\nslots = 1\n'
    )
    with serving(stock=str(stock), rules=str(rules)) as server:
        assert server.ids(k=8) == ["MILK"]
        adult = server.recommend(k=2, age_verified=True)["items"]
        assert [(item["item_id"], item["promoted"]) for item in adult] == [
            ("COLA", False), ("TEA", True),
        ]  # fmt: skip
        similar = server.client.get("/v1/similar/COFFEE?k=8&age_verified=true").json()
        assert [item["item_id"] for item in similar["items"]] == ["MILK", "COLA", "TEA"]
        ready = server.client.get("/v2/health/ready").json()
        assert ready["notes"][0].startswith("items without a category (1) are not shown")
        listed = server.client.get("/v1/catalogue").json()
        assert [item["item_id"] for item in listed["items"]] == ["BUTTER", "MILK", "CHEESE"]
        assert listed["categories"] == [{"name": "Dairy", "items": 3, "pictures": False}]
        assert server.client.get("/v1/catalogue/BREAD-1").status_code == 404
        assert server.client.get("/v1/catalogue/COLA").status_code == 404
        assert server.client.get("/v1/catalogue/COLA?age_verified=1").json()["in_stock"] is True


# --- what counts as a fallback


def test_fallbacks_are_counted_without_a_shopper_or_a_product(shop: Served) -> None:
    shop.recommend(user="nobody", k=1)
    shop.recommend(user="nobody", basket=["BREAD-1"], k=1)
    shop.recommend(user="anna", basket=["nope"], k=1)
    shop.recommend(user="anna", k=1)
    assert shop.metric('endcap_fallback_total{tier="popular"}') == 1
    assert shop.metric('endcap_fallback_total{tier="basket"}') == 1
    assert shop.metric('endcap_fallback_total{tier="user"}') == 1
    assert shop.metric('endcap_degraded_total{reason="user_unknown"}') == 2
    assert shop.metric('endcap_requests_total{model="recommender",outcome="ok"}') == 4
    shop.client.post("/v1/recommend", json={"k": 0})
    assert shop.metric('endcap_requests_total{model="recommender",outcome="refused"}') == 1
    count = 'endcap_request_duration_seconds_count{model="recommender"}'
    assert shop.metric(count) == 5
    text = shop.client.get("/metrics").text
    assert 'endcap_bundle_info{manifest_sha256="' in text
    assert 'endcap_provider_info{actual="cpu",requested="cpu"} 1.0' in text
    assert not {"anna", "BREAD-1", "nobody", "nope"} & set(text.replace('"', " ").split())


# --- bodies that are too long or too many


def test_bodies_are_bounded(tiny: Path) -> None:
    limits = dataclasses.replace(Limits(), small_body_bytes=100, body_bytes=300)
    with serving(tiny, limits=limits) as server:
        said = server.client.post("/v1/recommend", content=b" " * 101)
        assert (said.status_code, said.headers["connection"]) == (413, "close")
        assert said.json() == {"error": "the body is longer than 100 bytes"}
        chunks = (b" " * 40 for _ in range(4))
        assert server.client.post("/v1/recommend", content=chunks).status_code == 413
        assert put(server, b" " * 301).status_code == 413
        assert server.ids(k=1) == ["COLA"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_bodies_may_be_compressed(shop: Served, encoding: str) -> None:
    """Every body alike; the stock of a large shop is worth it."""

    def send(method: str, path: str, body: bytes, **headers: str) -> httpx.Response:
        packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
        told = {"content-encoding": encoding, **headers}
        return shop.client.request(method, path, content=packed, headers=told)

    csv = b"item_id,quantity\n" + b"TEA,1\n" * 9
    assert send("PUT", "/v1/stock", csv, **{"content-type": "text/csv"}).json()["in_stock"] == 1
    said = send("POST", "/v1/recommend", b'{"k": 8}')
    assert [item["item_id"] for item in said.json()["items"]] == ["TEA"]
    assert send("POST", "/v1/recommend", b" " * (2 << 20)).status_code == 413
    assert send("POST", "/v1/events", b" ").status_code == 404  # none are kept here


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/v1/stock"), ("POST", "/v1/recommend"), ("POST", "/v1/events")]
)
def test_an_encoding_that_is_not_read(served: Served, method: str, path: str) -> None:
    said = served.client.request(method, path, content=b"{}", headers={"content-encoding": "br"})
    assert said.status_code == 415
    assert said.json()["error"] == "Content-Encoding is 'br'; known: gzip, deflate"


def test_bodies_have_room_for_so_many(tiny: Path) -> None:
    limits = dataclasses.replace(Limits(), held_bytes=50)
    with serving(tiny, limits=limits) as server:
        said = server.client.post("/v1/recommend", content=b'{"k": 1}' + b" " * 50)
        assert (said.status_code, said.headers["retry-after"]) == (503, "1")
        assert server.ids(k=1) == ["COLA"]
