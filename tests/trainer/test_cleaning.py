"""Cleaning: every reason with counts worked out by hand, and every row accounted for."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.cleaning import REASONS, clean, matches_any
from trainer.cleaning_report import CleaningReport
from trainer.config import DataConfig
from trainer.report_text import cleaning_summary, cleaning_text

REPEATS = DataConfig(repeat_purchases=True)


def log(text: str) -> pd.DataFrame:
    """Spell a log as read_log returns it: a header of its names, then a row a line."""
    frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_filter=False)
    frame["same"] = pd.util.hash_pandas_object(frame, index=False)
    frame["line"] = np.arange(len(frame)) + 2
    return frame


def run(text: str, config: DataConfig = REPEATS) -> tuple[list[str], CleaningReport]:
    frame, report = clean(log(text), config)
    return list(frame["user"].astype(str) + ":" + frame["item"].astype(str)), report


def counts(report: CleaningReport) -> dict[str, int]:
    return {reason: drop["rows"] for reason, drop in report.dropped.items()}


DIRTY = """user,item,time,quantity
u1,a,2020-01-01,1
,a,2020-01-01,1
u1,,2020-01-01,1
,,bad,0
u2,a,bad,0
u2,a,2020-01-02,x
u2,a,2020-01-02,
u2,a,2020-01-02,0
u2,POST,2020-01-02,-1
u2,POST,2020-01-02,1
u2,a,2020-01-02,1
u2,a,2020-01-02,1
u2,a,2020-01-02,2
u2,b,2020-01-02,1
u2,b,2020-01-03,1
u1,c,2020-01-01,inf
u1,b,2020-01-01,1
u3,a,2020-01-05,1
"""


def test_each_reason_its_count_and_its_first_line() -> None:
    config = DataConfig(exclude_items=("POST",), min_user_interactions=2)
    kept, report = run(DIRTY, config)
    assert kept == ["u1:a", "u2:a", "u2:b", "u1:b"]
    assert report.dropped == {
        "missing item": {"rows": 2, "example": {"line": 4, "value": ""}},
        "missing user": {"rows": 1, "example": {"line": 3, "value": "a"}},
        "unparseable time": {"rows": 1, "example": {"line": 6, "value": "bad"}},
        "unreadable quantity": {"rows": 3, "example": {"line": 7, "value": "x"}},
        "non-positive quantity": {"rows": 2, "example": {"line": 9, "value": "0"}},
        "item excluded by config": {"rows": 1, "example": {"line": 11, "value": "POST"}},
        "exact duplicate": {"rows": 1, "example": {"line": 13, "value": "a"}},
        "repeat of the same item in one basket": {
            "rows": 1,
            "example": {"line": 14, "value": "a"},
        },
        "bought before by the same shopper (repeat_purchases = false)": {
            "rows": 1,
            "example": {"line": 16, "value": "b"},
        },
        "user under min_user_interactions": {"rows": 1, "example": {"line": 19, "value": "u3"}},
    }
    assert (report.rows_read, report.rows_kept) == (18, 4)
    assert report.errors == []
    assert list(report.dropped) == [reason for reason in REASONS if reason in report.dropped]


def test_the_report_for_machines_and_for_people() -> None:
    _, report = run(DIRTY, DataConfig(exclude_items=("POST",)))
    told = report.to_json()
    assert told["usable"] is True
    assert (told["rows_read"], told["rows_kept"], told["rows_dropped"]) == (18, 5, 13)
    assert told["facts"] == {
        "time_format": "YYYY-MM-DD",
        "users": 3,
        "items": 2,
        "baskets": 3,
        "anonymous_baskets": 0,
        "anonymous_rows": 0,
        "first_time": "2020-01-01T00:00:00+00:00",
        "last_time": "2020-01-05T00:00:00+00:00",
    }
    assert cleaning_summary(report) == (
        "18 rows read, 5 kept: 3 shoppers, 2 items, 3 baskets (0 anonymous)"
    )
    text = cleaning_text(report)
    assert ["unreadable", "quantity", "3", "7", "'x'"] in [
        line.split() for line in text.splitlines()
    ]
    assert "last time: 2020-01-05T00:00:00+00:00" in text


def test_an_earlier_reason_hides_a_later_one() -> None:
    _, report = run("user,item,time,quantity\nu,a,1,1\nv,b,2,1\n, ,bad,0\n ,c,bad,0\nu,b,bad,0\n")
    assert counts(report) == {"missing item": 1, "missing user": 1, "unparseable time": 1}


def test_repeat_purchases() -> None:
    text = "user,item,time\nu,a,3\nu,a,1\nu,b,2\nv,a,1\nu,a,3\nv,c,3\n"
    kept, report = run(text, REPEATS)
    assert kept == ["u:a", "u:a", "u:b", "v:a", "v:c"]
    assert counts(report) == {"exact duplicate": 1}
    # The oldest purchase counts, wherever the file has it.
    frame, report = clean(log(text), DataConfig())
    assert list(
        frame["user"].astype(str) + frame["item"].astype(str) + frame["seconds"].astype(str)
    ) == [
        "ua1",
        "ub2",
        "va1",
        "vc3",
    ]
    assert report.dropped["bought before by the same shopper (repeat_purchases = false)"] == {
        "rows": 1,
        "example": {"line": 2, "value": "a"},
    }


def test_without_times_rows_count_as_oldest_first() -> None:
    frame, report = clean(log("user,item\nu,a\nu,b\nv,a\n"), DataConfig())
    assert frame["seconds"].tolist() == [2, 3, 4]
    assert any("no time column" in note for note in report.notes)
    assert frame["basket"].nunique() == 3


def test_a_receipt_keeps_anonymous_baskets() -> None:
    text = "user,item,basket\nu,a,r1\n,a,r2\n,b,r2\n,b,\n0,c,r3\n0,a,r3\n0,a,r2\n"
    config = DataConfig(basket_column="receipt", missing_user=("0",), repeat_purchases=True)
    kept, report = run(text, config)
    assert kept == ["u:a", ":a", ":b", ":c", ":a"]
    assert counts(report) == {"missing user": 1, "repeat of the same item in one basket": 1}
    assert report.facts["anonymous_baskets"] == 2
    assert report.facts["anonymous_rows"] == 4
    assert report.facts["users"] == 1
    assert "(2 anonymous)" in cleaning_summary(report)


def test_rows_without_a_receipt_are_baskets_of_their_moment() -> None:
    text = "user,item,time,basket\nu,a,1,\nu,a,2,\nu,b,2, \nu,b,2,r\nv,b,2,\n"
    frame, report = clean(log(text), REPEATS)
    assert len(frame) == 5
    assert frame["basket"].nunique() == 4
    first, second, third, fourth, fifth = frame["basket"]
    assert second == third
    assert len({first, second, fourth, fifth}) == 4
    assert report.dropped == {}


def test_no_shopper_column_and_no_receipt_is_nobody() -> None:
    kept, report = run("item,basket\na,r1\nb,r1\nb,r2\na,\nb,\n")
    assert kept == [":a", ":b", ":b"]
    assert counts(report) == {"missing user": 2}


def test_two_shoppers_of_one_receipt_have_two_baskets() -> None:
    frame, _ = clean(log("user,item,basket\nu,a,r\nv,a,r\n,a,r\n,b,r\n"), REPEATS)
    assert frame["basket"].nunique() == 3


def test_repeats_of_anonymous_baskets_are_no_repeat_purchases() -> None:
    kept, report = run("item,basket\na,1\nb,1\na,2\nb,2\n", DataConfig())
    assert len(kept) == 4
    assert report.dropped == {}


def test_minimum_counts_are_iterated_until_nothing_changes() -> None:
    # c is rare; without it w is rare; without w, b is rare; without b, v is rare, then u.
    text = "user,item\nw,c\nw,b\nv,b\nv,a\nu,a\nu,d\nx,d\nx,e\ny,e\ny,f\nz,f\nz,e\nx,f\n"
    config = DataConfig(min_item_interactions=2, min_user_interactions=2)
    kept, report = run(text, config)
    assert kept == ["x:e", "y:e", "y:f", "z:f", "z:e", "x:f"]
    assert counts(report) == {
        "item under min_item_interactions": 4,
        "user under min_user_interactions": 3,
    }
    assert report.dropped["item under min_item_interactions"]["example"] == {
        "line": 2,
        "value": "c",
    }
    assert report.dropped["user under min_user_interactions"]["example"] == {
        "line": 3,
        "value": "w",
    }


def test_anonymous_baskets_are_no_rare_user() -> None:
    kept, report = run(
        "user,item,basket\n,a,1\n,b,1\nu,a,2\nv,a,3\nv,b,3\n", DataConfig(min_user_interactions=2)
    )
    assert kept == [":a", ":b", "v:a", "v:b"]
    assert counts(report) == {"user under min_user_interactions": 1}


def test_excluded_items_titles_and_ids_from_elsewhere() -> None:
    text = "user,item,title\nu,a,Cup\nu,POST,Postage\nu,A[1],Mug\nu,A1,Jug\nu,m,Manual fee\nv,z,Z\n"
    config = DataConfig(exclude_items=("POST", "A[1]"), exclude_titles=("* fee",))
    frame, report = clean(log(text), config, {"z"})
    assert list(frame["item"]) == ["a", "A1"]
    assert counts(report) == {"item excluded by config": 4}


@pytest.mark.parametrize(
    ("pattern", "hits"),
    [
        ("POST", ["POST"]),
        ("P*", ["POST", "P\nQ", "P"]),
        ("P???", ["POST"]),
        ("*", ["POST", "post", "P\nQ", "P", "a.b", "[x]"]),
        ("a.b", ["a.b"]),
        ("[x]", ["[x]"]),
        ("[a-z]*", []),
        ("", []),
    ],
)
def test_only_stars_and_question_marks_are_special(pattern: str, hits: list[str]) -> None:
    values = pd.Series(["POST", "post", "P\nQ", "P", "a.b", "[x]"])
    assert list(values[matches_any(values, (pattern,))]) == hits


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf", "2", "-1", "0.5", "yes", "", " "])
def test_labels_are_zero_or_one(bad: str) -> None:
    _, report = run(f"user,item,label\nu,a,1\nu,b,0\nv,a,{bad}\nv,b,{bad}\nw,b,1\n")
    (error,) = report.errors
    assert "2 of 5 labels are neither 0 nor 1" in error
    assert f"line 4: {bad!r}" in error
    assert "--label-column ''" in error


def test_labels_are_kept_as_numbers() -> None:
    frame, report = clean(log("user,item,label\nu,a,1\nu,b,0.0\nv,a,1e0\n"), REPEATS)
    assert frame["label"].tolist() == [1.0, 0.0, 1.0]
    assert frame["label"].dtype == np.float32
    assert report.facts["positive_labels"] == 2


def test_a_refusal_does_not_make_a_purchase_a_repeat() -> None:
    text = "user,item,time,label\nu,a,1,0\nu,a,2,1\nu,a,3,1\nv,b,1,0\nv,b,1,1\n"
    frame, report = clean(log(text), DataConfig())
    assert list(frame["item"]) == ["a", "a", "b", "b"]
    assert list(frame["label"]) == [0, 1, 0, 1]
    assert counts(report) == {"bought before by the same shopper (repeat_purchases = false)": 1}


def test_labels_that_are_all_alike() -> None:
    _, report = run("user,item,label\nu,a,0\nv,b,0\n")
    assert "none of the 2 labels is 1" in report.errors[0]
    frame, report = clean(log("user,item,label\nu,a,1\nv,b,1\n"), DataConfig())
    assert "label" not in frame
    assert any("negatives are sampled" in note for note in report.notes)
    assert report.errors == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("user,item\nu,a\nv,a\n", ["only one item is left, 'a'", "at least 2"]),
        ("user,item\nu,a\nu,b\n", ["only one user is left, 'u'", "at least 2"]),
        ("item,basket\na,1\nb,1\n", ["only one basket is left", "at least 2"]),
        (
            "user,item,time\nu,a,x\nv,b,y\n,c,1\n",
            ["no row is left", "2 of 3", "'unparseable time'", "line 2 ('x')", "data check"],
        ),
        ("user,item,quantity\nu,a,-1\nv,b,0\n", ["no row is left", "'non-positive quantity'"]),
        ("user,item\n,a\n,b\n", ["no row is left", "'missing user'"]),
        ("user,item\nu,\nv,\n", ["no row is left", "'missing item'"]),
    ],
)
def test_too_little_is_one_sentence(text: str, words: list[str]) -> None:
    _, report = run(text)
    assert report.to_json()["usable"] is False
    assert all(word in report.errors[0] for word in words), report.errors
    assert "error: " in cleaning_text(report)


def test_rare_everything_leaves_nothing() -> None:
    _, report = run("user,item\nu,a\nv,b\n", DataConfig(min_item_interactions=5))
    assert "'item under min_item_interactions'" in report.errors[0]


def test_times_that_cannot_be_trusted_are_an_error() -> None:
    _, report = run("user,item,time\nu,a,2020-01-31\nv,b,31/01/2020\n")
    assert "mixes time formats" in report.errors[0]
    _, report = run("user,item,time\nu,a,03/04/2020\nv,b,05/06/2020\n")
    assert "--time-format" in report.errors[0]
    config = DataConfig(time_format="%d/%m/%Y")
    kept, report = run("user,item,time\nu,a,03/04/2020\nv,b,05/06/2020\nv,c,2020-01-31\n", config)
    assert kept == ["u:a", "v:b"]
    assert counts(report) == {"unparseable time": 1}


dirty_row = st.tuples(
    st.sampled_from(["", " ", "u1", "u2", "u3", "0"]),
    st.sampled_from(["", "a", "b", "c", "POST", "ä"]),
    st.sampled_from(["1", "2", "3", "x", ""]),
    st.sampled_from(["1", "2", "0", "-3", "", "x", "nan", "inf"]),
    st.sampled_from(["", "r1", "r2"]),
    st.sampled_from(["0", "1"]),
)
NAMES = ("user", "item", "time", "quantity", "basket", "label")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(dirty_row, min_size=1, max_size=25),
    st.sets(st.sampled_from(["time", "quantity", "basket", "label"])),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
)
def test_every_row_is_kept_or_dropped_for_one_reason(
    rows: list[tuple[str, ...]], absent: set[str], items: int, users: int, repeats: bool
) -> None:
    frame = pd.DataFrame(rows, columns=list(NAMES), dtype=str).drop(columns=sorted(absent))
    frame["same"] = pd.util.hash_pandas_object(frame, index=False)
    frame["line"] = np.arange(len(frame)) + 2
    config = DataConfig(
        missing_user=("0",),
        exclude_items=("POST",),
        min_item_interactions=items,
        min_user_interactions=users,
        repeat_purchases=repeats,
    )
    kept, report = clean(frame, config)
    assert report.rows_read == len(rows)
    assert report.rows_kept == len(kept)
    assert report.rows_read == report.rows_kept + sum(counts(report).values())
    assert set(report.dropped) <= set(REASONS)
    assert all(drop["rows"] > 0 for drop in report.dropped.values())
    if len(kept):
        assert kept["item"].astype(str).value_counts().min() >= items
        assert not kept.duplicated(["basket", "item", *({"label"} & set(kept))]).any()
        known = kept.loc[kept["user"] != "", "user"].astype(str)
        assert not len(known) or known.value_counts().min() >= users
        assert not set(kept["user"]) & {"0", " "}
        assert kept.index.is_monotonic_increasing
