"""One set of rules: library, command line and HTTP answer the same request with the same items."""

from __future__ import annotations

import csv
import io
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.rules import read_rules
from runtime.shop_files import read_stock
from runtime.store import Store, load
from tests.command import run
from tests.damage import Damage
from tests.serve.served import TINY, Served, serving

RULES = {
    "closed": 'never_show = ["Bakery"]\nage_restricted = ["Drinks"]\n',
    "promoted": '[promotions]\nitems = ["CHEESE", "TEA", "BREAD-2"]\nslots = 2\n',
    "mixed": "max_per_category = 1\n",
    "all": (
        'never_show = ["Bakery"]\nage_restricted = ["Drinks"]\nmax_per_category = 2\n'
        '[promotions]\nitems = ["BUTTER", "TEA"]\nslots = 1\n'
    ),
}
STOCK = "item_id,quantity\nTEA,1\nCOLA,4\nCOFFEE,0\nMILK,2\nBUTTER,1\nCHEESE,3\nBREAD-2,1\n"
REQUESTS: tuple[dict[str, Any], ...] = (
    {},
    {"age_verified": True},
    {"k": 3, "basket": ["BREAD-1", "CARD,9"], "age_verified": True},
    {"k": 4, "user": "anna"},
    {"k": 2, "user": "nobody", "category": "Dairy"},
    {"k": 5, "only": ["CHEESE", "BUTTER", "COLA", "nope"], "age_verified": True},
    {"k": 5, "exclude": ["MILK", "CHEESE"], "reasons": False},
)


class Shop:
    """One shop's files, and the three ways to ask about them."""

    def __init__(self, folder: Path, bundle: Path, rules: str, stock: str | None) -> None:
        self.folder, self.bundle = folder, bundle
        self.rules = str(folder / "rules.toml")
        Path(self.rules).write_text(rules)
        self.stock = str(folder / "stock.csv") if stock is not None else None
        if self.stock is not None:
            Path(self.stock).write_text(stock or "")

    def library(self) -> Store:
        """Load the bundle as a program would."""
        stock = read_stock(self.stock) if self.stock is not None else None
        return load(self.bundle, "cpu", threads=1, rules=read_rules(self.rules), stock=stock)

    def command(self, *words: object, **fields: Any) -> Any:
        """Ask as a user would."""
        args: list[object] = [*words, "--rules", self.rules, "--provider", "cpu", "--json"]
        args += ["--stock", self.stock] if self.stock is not None else []
        for name, value in fields.items():
            if name == "only":
                path = self.folder / "only.txt"
                path.write_text("\n".join(value))
                args += ["--only", path]
            elif name == "age_verified":
                args += ["--age-verified"]
            elif name == "reasons":
                args += ["--no-reasons"]
            elif isinstance(value, list):
                args += [f"--{name}", listed(value)]
            else:
                args += ["-k" if name == "k" else f"--{name}", value]
        said = run(*args)
        assert said.code == 0, said.err
        return json.loads(said.out)


def listed(ids: list[str]) -> str:
    """Write ids as the command line takes them."""
    text = io.StringIO()
    csv.writer(text).writerow(ids)
    return text.getvalue().strip()


@pytest.fixture(params=[False, True], ids=["bought again", "seen filter"])
def bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The tiny store in both modes that a shop can choose for what a shopper bought before."""
    copy = Path(shutil.copytree(TINY, tmp_path / "bundle"))
    seen_filter = request.param
    Damage(copy).manifest(lambda document: document["recommender"].update(seen_filter=seen_filter))
    return copy


@pytest.mark.parametrize("stock", [None, STOCK], ids=["stock not known", "stock"])
@pytest.mark.parametrize("rules", RULES)
def test_one_answer_three_ways(bundle: Path, tmp_path: Path, rules: str, stock: str | None) -> None:
    shop = Shop(tmp_path, bundle, RULES[rules], stock)
    library = shop.library()
    with serving(bundle, rules=shop.rules, stock=shop.stock) as server:
        for fields in REQUESTS:
            told = {"k": 8, **fields}
            expected = json.loads(json.dumps(library.recommend(**told).to_json()))
            assert server.recommend(**told) == expected
            assert shop.command("recommend", bundle, **told) == expected
        expected = library.similar("COFFEE", 5, age_verified=True).to_json()
        said = server.client.get("/v1/similar/COFFEE?k=5&age_verified=true").json()
        assert said == expected
        asked = {"k": 5, "age_verified": True}
        assert shop.command("similar", bundle, "COFFEE", **asked) == expected


def test_the_shops_mode_decides_what_a_shopper_sees_again(bundle: Path) -> None:
    """What anna bought is what she is shown in one mode and not in the other."""
    with serving(bundle) as server:
        shown = server.ids(user="anna", only=["COFFEE", "TEA"], k=8)
    store = load(bundle, "cpu", threads=1)
    hidden = store.bundle.manifest.recommender.seen_filter  # type: ignore[union-attr]
    assert sorted(shown) == ([] if hidden else ["COFFEE", "TEA"])


# --- the stock is swapped as a whole


@pytest.fixture
def shop() -> Iterator[Served]:
    with serving() as server:
        yield server


def test_no_answer_sees_a_part_of_a_stock(shop: Served) -> None:
    """While two stocks take turns, each answer is of the one or of the other."""
    stocks = [["BUTTER", "COLA", "TEA"], ["BREAD-1", "COFFEE", "MILK"]]
    shop.client.put("/v1/stock", json=dict.fromkeys(stocks[0], 1))
    stop = threading.Event()
    seen: list[list[str]] = []

    def ask() -> None:
        while not stop.is_set():
            seen.append(sorted(shop.ids(k=8, reasons=False)))

    shoppers = [threading.Thread(target=ask) for _ in range(3)]
    for shopper in shoppers:
        shopper.start()
    for turn in range(1, 41):
        said = shop.client.put("/v1/stock", json=dict.fromkeys(stocks[turn % 2], 1))
        assert said.json()["in_stock"] == 3
    stop.set()
    for shopper in shoppers:
        shopper.join()
    assert {tuple(ids) for ids in seen} <= {tuple(ids) for ids in stocks}
    assert len(seen) > 3
