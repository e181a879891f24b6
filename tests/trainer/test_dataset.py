"""From files to rows: ids come back unchanged, order is by time, real shops count right."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import UnusableInput
from trainer.config import DataConfig
from trainer.dataset import Dataset, check_log, load_dataset
from trainer.interactions import Interactions

REPEATS = DataConfig(repeat_purchases=True)
any_id = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
ids = st.one_of(
    any_id.filter(lambda text: text.strip() != ""),
    st.sampled_from(["007", "1.0", " a ", "NA", "null", "nan", "None", '"', "a,b", "🛒", "0x1"]),
)


def write(folder: Path, text: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def purchases(dataset: Dataset) -> list[tuple[str, str]]:
    """Spell the interactions with the shop's own ids, "" for nobody."""
    log = dataset.interactions
    users = ("", *log.user_ids)
    return [
        (users[user], log.item_ids[item - 1]) for user, item in zip(log.user, log.item, strict=True)
    ]


def test_sequences_are_sorted_by_time_and_anonymous_baskets_come_last(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "user_id,item_id,timestamp,receipt\n,c,1,r1\nv,b,5,r2\nu,b,9,r3\nu,a,3,r4\n,a,1,r1\nu,c,3,r4\n"
        ",b,2,r5\n,c,2,r5\n",
    )
    dataset = load_dataset(path, DataConfig(basket_column="receipt"))
    log = dataset.interactions
    assert log.user_ids == ("u", "v")
    assert log.item_ids == ("a", "b", "c")
    assert purchases(dataset) == [
        ("u", "a"),
        ("u", "c"),
        ("u", "b"),
        ("v", "b"),
        ("", "c"),
        ("", "a"),
        ("", "b"),
        ("", "c"),
    ]
    assert log.sequence.tolist() == [0, 0, 0, 1, 2, 2, 3, 3]
    assert log.user.tolist() == [1, 1, 1, 2, 0, 0, 0, 0]
    assert log.time.tolist() == [3, 3, 9, 5, 1, 1, 2, 2]
    assert log.starts().tolist() == [0, 3, 4, 6, 8]
    assert (log.n_users, log.n_items, log.n_sequences, len(log)) == (2, 3, 4, 8)
    assert log.positive().all()


def test_labels_travel_with_their_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "user_id,item_id,timestamp,label\nu,a,2,1\nu,b,1,0\nv,a,1,1\n")
    log = load_dataset(path, DataConfig()).interactions
    assert log.label is not None
    assert log.label.tolist() == [0, 1, 1]
    assert log.positive().tolist() == [False, True, True]
    plain = load_dataset(path, DataConfig(label_column=""))
    assert plain.interactions.label is None


def test_items_and_rows_agree_with_a_catalogue(tmp_path: Path) -> None:
    log = write(tmp_path, "user_id,item_id\nu,b\nv,d\nv,FEE\nw,b\n")
    items = write(tmp_path, "item_id,title\nd,Dee\na,Ay\nc,Cee\nFEE,Handling fee\n", "items.csv")
    config = DataConfig(exclude_titles=("* fee",))
    dataset = load_dataset(log, config, items)
    assert dataset.items.item_ids == dataset.interactions.item_ids == ("a", "b", "c", "d")
    assert dataset.items.titles == ("Ay", "b", "Cee", "Dee")
    assert purchases(dataset) == [("u", "b"), ("v", "d"), ("w", "b")]
    assert dataset.report.dropped["item excluded by config"]["rows"] == 1
    assert check_log(log, config, items).to_json() == dataset.report.to_json()


def test_a_log_and_catalogue_of_another_dialect(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes("user_id;item_id\nu;é\nv;b\n".encode("latin-1"))
    items = tmp_path / "items.csv"
    items.write_bytes("item_id;title\né;Été\nb;Bé\n".encode("latin-1"))
    dataset = load_dataset(log, DataConfig(delimiter=";", encoding="latin-1"), items)
    assert dataset.items.titles == ("Bé", "Été")


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(ids, ids), min_size=2, max_size=12, unique=True))
def test_ids_may_be_any_strings_and_come_back_unchanged(
    tmp_path: Path, pairs: list[tuple[str, str]]
) -> None:
    users, items = ({pair[place] for pair in pairs} for place in (0, 1))
    if len(users) < 2 or len(items) < 2:
        return
    with open(tmp_path / "log.csv", "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(["user_id", "item_id"])
        writer.writerows(pairs)
    pd.DataFrame(pairs, columns=["user_id", "item_id"]).to_parquet(tmp_path / "log.parquet")
    for name in ("log.csv", "log.parquet"):
        dataset = load_dataset(tmp_path / name, DataConfig())
        assert set(dataset.interactions.user_ids) == users
        assert set(dataset.interactions.item_ids) == items
        assert sorted(purchases(dataset)) == sorted(pairs)
        assert dataset.items.item_ids == dataset.interactions.item_ids


def test_numbers_of_parquet_come_back_without_their_point(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pd.DataFrame(
        {
            "user_id": [17850.0, 0.0, 12.5, None, 17850.0],
            "item_id": [2**60 + 1, 7, 2**60 + 1, 7, 7],
            "receipt": ["r1", "r2", "r3", "r4", "r1"],
        }
    ).to_parquet(path)
    known = load_dataset(path, DataConfig(missing_user=("0",)))
    assert known.interactions.user_ids == ("12.5", "17850")
    assert known.interactions.item_ids == ("1152921504606846977", "7")
    assert known.report.dropped["missing user"]["rows"] == 2
    kept = load_dataset(path, DataConfig(missing_user=("0",), basket_column="receipt"))
    assert kept.report.rows_kept == 5
    assert kept.report.facts["anonymous_baskets"] == 2


def test_baskets_and_sequences(tmp_path: Path) -> None:
    baskets = load_dataset(write(tmp_path, "a,b,a\nb,c\n"), DataConfig(format="baskets"))
    assert purchases(baskets) == [("", "a"), ("", "b"), ("", "b"), ("", "c")]
    assert baskets.report.dropped == {
        "repeat of the same item in one basket": {"rows": 1, "example": {"line": 1, "value": "a"}}
    }
    assert baskets.interactions.sequence.tolist() == [0, 0, 1, 1]
    path = write(tmp_path, "v c a\nu b a b\nv b\n")
    sequences = load_dataset(path, DataConfig(format="sequences", repeat_purchases=True))
    assert purchases(sequences) == [
        ("u", "b"),
        ("u", "a"),
        ("u", "b"),
        ("v", "c"),
        ("v", "a"),
        ("v", "b"),
    ]
    once = load_dataset(path, DataConfig(format="sequences"))
    assert len(once.interactions) == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("user_id,item_id\nu,a\nu,b\n", "only one user"),
        ("user_id,item_id\nu,a\nv,a\n", "only one item"),
        ("user_id,item_id,label\nu,a,inf\nv,b,1\n", "'inf'"),
        ("user_id,item_id,timestamp\nu,a,1\nv,b,2020-01-31\n", "mixes time formats"),
        ("user_id,item_id\n,a\n", "no row is left"),
    ],
)
def test_a_log_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path, text)
    report = check_log(path, DataConfig())
    assert words in report.errors[0]
    with pytest.raises(UnusableInput, match=words) as caught:
        load_dataset(path, DataConfig())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_interactions_check_themselves() -> None:
    one = np.ones(1, np.int64)
    none = np.zeros(1, np.int64)

    def make(**changed: np.ndarray) -> Interactions:
        columns = {"sequence": none, "user": one, "item": one, "time": one, "basket": one}
        return Interactions(("u",), ("a",), **{**columns, **changed})

    make()
    empty = np.zeros(0, np.int64)
    for changed in (
        {"item": one * 2},
        {"item": none},
        {"user": one * 2},
        {"user": -one},
        {"sequence": one},
        {"sequence": np.array([1, 0])},
        {"time": np.array([1, 2])},
        {"label": np.array([1.0, 0.0])},
        {"label": np.array([np.nan])},
        dict.fromkeys(("sequence", "user", "item", "time", "basket"), empty),
    ):
        with pytest.raises(UnusableInput):
            make(**changed)


def test_real_invoices(shared_data: Path) -> None:
    path = shared_data / "uci-online-retail" / "online_retail_invoices.parquet"
    config = DataConfig(
        user_column="CustomerID",
        item_column="StockCode",
        time_column="InvoiceDate",
        quantity_column="Quantity",
        basket_column="InvoiceNo",
        title_column="Description",
        price_column="UnitPrice",
        missing_user=("0",),
        repeat_purchases=True,
    )
    dataset = load_dataset(path, config)
    report = dataset.report
    raw = pd.read_parquet(path)
    once = raw.drop_duplicates()
    assert report.rows_read == 531_282 == len(raw)
    assert report.dropped["exact duplicate"]["rows"] == len(raw) - len(once)
    kept = once.drop_duplicates(["InvoiceNo", "StockCode"])
    assert report.rows_kept == len(kept)
    assert report.facts["users"] == 4_339
    assert report.facts["items"] == 3_940
    assert report.facts["baskets"] == 20_725
    anonymous = kept[kept["CustomerID"] == 0]
    assert report.facts["anonymous_baskets"] == anonymous["InvoiceNo"].nunique()
    log = dataset.interactions
    assert "17850" in log.user_ids
    row = log.item_ids.index("85123A")
    assert dataset.items.titles[row] == "WHITE HANGING HEART T-LIGHT HOLDER"
    assert np.all(np.diff(log.time)[np.diff(log.sequence) == 0] >= 0)


def test_real_baskets(shared_data: Path) -> None:
    path = shared_data / "groceries" / "groceries.csv"
    dataset = load_dataset(path, DataConfig(format="baskets"))
    facts = dataset.report.facts
    assert (facts["anonymous_baskets"], facts["items"], facts["users"]) == (9_835, 169, 0)
    assert dataset.report.rows_kept == 43_367


def test_real_sequences(shared_data: Path) -> None:
    path = shared_data / "amazon-beauty" / "Beauty.txt"
    dataset = load_dataset(path, DataConfig(format="sequences"))
    facts = dataset.report.facts
    assert (facts["users"], facts["items"], dataset.report.rows_kept) == (22_363, 12_101, 198_502)
    log = dataset.interactions
    rows = log.sequence == log.user_ids.index("2")
    assert " ".join(log.item_ids[item - 1] for item in log.item[rows]) == "6 7 8 9 10 4 11"
