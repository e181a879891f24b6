"""How purchase logs are read: three formats, every dialect, and each unusable file in one line."""

from __future__ import annotations

import codecs
import gzip
import io
import random
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runtime.errors import UnusableInput
from trainer import log_reader, progress, text_file
from trainer.config import DataConfig
from trainer.log_reader import delimiter_before, read_log, read_table

ROWS = DataConfig()
BASKETS = DataConfig(format="baskets")
SEQUENCES = DataConfig(format="sequences")


def write(folder: Path, content: str | bytes, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path: Path, config: DataConfig = ROWS) -> str:
    with pytest.raises(UnusableInput) as caught:
        read_log(path, config)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_rows_keep_every_value_as_text_and_know_their_line(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "user_id,item_id,timestamp,label,quantity,note\nu1,007,5,1,2,x\nu2, a ,6,0,-1,y\n",
    )
    log = read_log(path, ROWS)
    assert list(log["user"]) == ["u1", "u2"]
    assert list(log["item"]) == ["007", " a "]
    assert list(log["time"]) == ["5", "6"]
    assert list(log["label"]) == ["1", "0"]
    assert list(log["quantity"]) == ["2", "-1"]
    assert list(log["line"]) == [2, 3]
    assert "basket" not in log
    assert "title" not in log


@pytest.mark.parametrize(
    "odd",
    ["007", "1.0", " a ", "NA", "null", "nan", "None", "True", "1e5", "-", "#", "ünï", "🛒", "a b"],
)
def test_odd_ids_come_back_unchanged(tmp_path: Path, odd: str) -> None:
    log = read_log(write(tmp_path, f"user_id,item_id\n{odd},{odd}\n"), ROWS)
    assert log["user"][0] == log["item"][0] == odd


def test_quoted_fields_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path, 'user_id,item_id\n"a,b","5"" pipe"\nu2,"two\nlines"\nu3,i3\n')
    log = read_log(path, ROWS)
    assert list(log["user"]) == ["a,b", "u2", "u3"]
    assert list(log["item"]) == ['5" pipe', "two\nlines", "i3"]
    assert list(log["line"]) == [2, 3, 5]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blank_lines_are_no_rows_but_count_as_lines(tmp_path: Path, end: str) -> None:
    path = write(tmp_path, end.join(["user_id,item_id", "u1,i1", "", "u2,i2", "", "", "u3,i3", ""]))
    log = read_log(path, ROWS)
    assert list(log["item"]) == ["i1", "i2", "i3"]
    assert list(log["line"]) == [2, 4, 7]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
def test_any_one_character_delimits(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path, f"user_id{delimiter}item_id\nu1{delimiter}i1\n")
    assert read_log(path, DataConfig(delimiter=delimiter))["item"][0] == "i1"


def test_a_tab_may_be_typed_as_backslash_t(tmp_path: Path) -> None:
    path = write(tmp_path, "user_id\titem_id\nu1\ti1\n")
    assert read_log(path, DataConfig(delimiter="\\t"))["item"][0] == "i1"


@pytest.mark.parametrize(("delimiter", "typed"), [(";", "';'"), ("\t", r"'\t'"), ("|", "'|'")])
def test_a_wrong_delimiter_is_named(tmp_path: Path, delimiter: str, typed: str) -> None:
    path = write(tmp_path, f"user_id{delimiter}item_id\nu1{delimiter}i1\n")
    assert f"--delimiter {typed}" in refused(path)


def test_a_wrong_delimiter_is_named_among_decimal_commas(tmp_path: Path) -> None:
    assert "--delimiter ';'" in refused(
        write(tmp_path, "user_id;item_id;price\nu1;i1;2,50\nu2;i2;3,50\n")
    )
    assert "--delimiter ';'" in refused(
        write(tmp_path, "user_id;item_id;price\nu1;i1;2\nu2;i2;3,50\n")
    )


def test_encodings(tmp_path: Path) -> None:
    text = "user_id,item_id\nu1,café\n"
    assert read_log(write(tmp_path, codecs.BOM_UTF8 + text.encode()), ROWS)["item"][0] == "café"
    latin = write(tmp_path, text.encode("latin-1"))
    assert "--encoding latin-1" in refused(latin)
    assert "byte 22" in refused(latin)
    assert read_log(latin, DataConfig(encoding="latin-1"))["item"][0] == "café"
    wide = write(tmp_path, text.encode("utf-16"))
    assert "--encoding utf-16" in refused(wide)
    assert read_log(wide, DataConfig(encoding="utf-16"))["item"][0] == "café"
    assert "'klingon'" in refused(latin, DataConfig(encoding="klingon"))


def test_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(b"user_id,item_id\n" + b"u1,i1\n" * 500)
    assert len(read_log(write(tmp_path, packed, "log.csv.gz"), ROWS)) == 500
    for damaged in (packed[:-9], packed[:30], packed[:20] + b"\xff" * 9 + packed[29:]):
        assert "damaged gzip" in refused(write(tmp_path, damaged, "log.csv.gz"))
    assert "empty" in refused(write(tmp_path, gzip.compress(b""), "log.csv.gz"))


def test_column_options_and_the_nearest_name(tmp_path: Path) -> None:
    path = write(tmp_path, "Customer,StockCode,When\nu1,i1,5\n")
    config = DataConfig(user_column="Customer", item_column="StockCode", time_column="When")
    assert list(read_log(path, config).columns) == ["user", "item", "time", "same", "line"]
    sentence = refused(path, DataConfig(user_column="Customer", item_column="Stockcode"))
    assert "no column 'Stockcode'" in sentence
    assert "did you mean 'StockCode'" in sentence
    assert "--item-column" in sentence
    sentence = refused(path, DataConfig(user_column="xyzzy", item_column="StockCode"))
    assert "'Customer', 'StockCode', 'When'" in sentence
    sentence = refused(
        path, DataConfig(user_column="Customer", item_column="StockCode", price_column="Pric")
    )
    assert "'Pric'" in sentence
    assert "--price-column" in sentence


def test_an_empty_column_option_leaves_a_column_out(tmp_path: Path) -> None:
    path = write(tmp_path, "user_id,item_id,label\nu1,i1,perhaps\n")
    assert "label" in read_log(path, ROWS)
    assert "label" not in read_log(path, DataConfig(label_column=""))
    assert "no column ''" in refused(path, DataConfig(item_column=""))


def test_users_may_be_absent_when_receipts_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "receipt,item_id\nr1,i1\nr1,i2\n")
    assert "'user_id'" in refused(path)
    log = read_log(path, DataConfig(basket_column="receipt"))
    assert list(log["basket"]) == ["r1", "r1"]


def test_rows_alike_in_every_column_share_a_hash(tmp_path: Path) -> None:
    path = write(tmp_path, "user_id,item_id,till\nu,i,1\nu,i,1\nu,i,2\n")
    same = read_log(path, ROWS)["same"]
    assert same[0] == same[1]
    assert same[0] != same[2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty", "header"]),
        (b"\n\n  \n", ["is empty", "header"]),
        (b"user_id,item_id\n", ["a header and no rows"]),
        (b"user_id,item_id", ["a header and no rows"]),
        (b"user_id,item_id,item_id\nu,i,j\n", ["two columns", "'item_id'", "own name"]),
        (b"user_id,item_id\nu,i\nu,i,extra\n", ["line 3", "saw 3", "mend that line"]),
        (b"user_id,item_id\nu,i,x\nu,i,y\n", ["more fields than its header of 2"]),
        (b'user_id,item_id\n"u,i\nu,j\n', ["no CSV file", "EOF inside string"]),
        (b"user_id,item_id\nu,i\0\n", ["binary file"]),
        (b"user_id,item_id\n" + b"u,i\n" * 40000 + b"u,\0\n", ["binary file"]),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", ["binary file", r"b'\x89PNG'", "CSV or Parquet"]),
        (b"\x7fELF" + bytes(60), ["binary file"]),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, words: list[str]) -> None:
    sentence = refused(write(tmp_path, content))
    assert "log.csv" in sentence
    assert all(word in sentence for word in words), sentence


def test_missing_file_folder_and_archive(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "absent.csv")
    assert "it is a folder" in refused(tmp_path)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("log.csv", "user_id,item_id\nu,i\n")
    assert "binary file" in refused(write(tmp_path, packed.getvalue(), "log.zip"))


def test_missing_trailing_fields_are_empty(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, "user_id,item_id,label\nu1\nu2,i2,1\n"), ROWS)
    assert list(log["item"]) == ["", "i2"]
    assert list(log["label"]) == ["", "1"]


def test_a_line_of_a_million_characters_is_read(tmp_path: Path) -> None:
    long = "x" * 1_000_000
    log = read_log(write(tmp_path, f'user_id,item_id\nu1,{long}\n"u2",i2\n'), ROWS)
    assert log["item"][0] == long
    assert log["item"][1] == "i2"


@pytest.fixture(params=[1, 2, 3])
def tiny_chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a few rows, lines and bytes at a time, so that a small file spans many chunks."""
    monkeypatch.setattr(log_reader, "CHUNK_ROWS", request.param)
    monkeypatch.setattr(log_reader, "CHUNK_LINES", request.param)
    monkeypatch.setattr(text_file, "BLOCK_BYTES", request.param)


@pytest.mark.usefixtures("tiny_chunks")
def test_rows_of_many_chunks_are_one_log(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'user_id,item_id,till\nu1,007,1\n\nu2,"two\nlines",1\nu1,007,1\nü,7,2\nu1,,1\nu1,007,2\n',
    )
    log = read_log(path, ROWS)
    assert list(log["user"]) == ["u1", "u2", "u1", "ü", "u1", "u1"]
    assert list(log["item"]) == ["007", "two\nlines", "007", "7", "", "007"]
    assert list(log["line"]) == [2, 4, 6, 7, 8, 9]
    assert list(log["same"].duplicated()) == [False, False, True, False, False, False]
    assert isinstance(log["item"].dtype, pd.CategoricalDtype)
    table = read_table(path)
    assert list(table.index) == [2, 4, 6, 7, 8, 9]
    assert list(table["till"]) == ["1", "1", "1", "2", "1", "2"]


@pytest.mark.usefixtures("tiny_chunks")
def test_the_same_file_in_every_wrapping(tmp_path: Path) -> None:
    text = "user_id,item_id\nu1,ä\nu2,🛒\nu1,ä\n"
    for name, content, config in (
        ("log.csv.gz", gzip.compress(text.encode()), ROWS),
        ("marked.csv", codecs.BOM_UTF8 + text.encode(), ROWS),
        ("wide.csv", text.encode("utf-16"), DataConfig(encoding="utf-16")),
        ("bare.csv", text.encode("utf-16-le"), DataConfig(encoding="utf-16")),
    ):
        log = read_log(write(tmp_path, content, name), config)
        assert list(log["user"]) == ["u1", "u2", "u1"]
        assert list(log["item"]) == ["ä", "🛒", "ä"]
        assert list(log["line"]) == [2, 3, 4]


@pytest.mark.usefixtures("tiny_chunks")
def test_baskets_and_sequences_of_many_chunks(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, "a b\n\nb\r\nc a\n"), BASKETS)
    assert list(log["item"]) == ["a", "b", "b", "c", "a"]
    assert list(log["basket"]) == ["1", "1", "3", "4", "4"]
    log = read_log(write(tmp_path, "u1 a b\nu2 b\nu1 c\n"), SEQUENCES)
    assert list(log["user"]) == ["u1", "u1", "u2", "u1"]
    assert list(log["item"]) == ["a", "b", "b", "c"]


@pytest.mark.usefixtures("tiny_chunks")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"user_id,item_id\nu,i\nu,i\nu,i\nu,i,extra\n", ["line 5", "saw 3"]),
        (b"user_id,item_id\nu,i\nu,i\nu,i\nu,\xc3\xa4\xff\n", ["byte 32", "not utf-8"]),
        (b"user_id,item_id\nu,i\nu,i\nu,\xc3", ["byte 26", "not utf-8"]),
        (b"user_id,item_id\nu,i\nu,\xff\nu,\0\n", ["binary"]),
        (b"user_id,item_id\nu,i\nu,i\nu,i\nu,\0\n", ["binary"]),
    ],
)
def test_what_is_wrong_in_a_later_chunk_is_refused(
    tmp_path: Path, content: bytes, words: list[str]
) -> None:
    sentence = refused(write(tmp_path, content))
    assert all(word in sentence for word in words), sentence


@pytest.mark.usefixtures("tiny_chunks")
def test_parquet_of_many_chunks(tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        {
            "user_id": pa.array([1.0, None, 2.0, 1.0, float("nan")]),
            "item_id": pa.array(["x", "y", None, "x", "x"]).dictionary_encode(),
            "tags": pa.array([["a"], ["a"], None, ["a"], []]),
        },
    )
    log = read_log(path, ROWS)
    assert list(log["user"]) == ["1", "", "2", "1", ""]
    assert list(log["item"]) == ["x", "y", "", "x", "x"]
    assert list(log["line"]) == [1, 2, 3, 4, 5]
    assert list(log["same"].duplicated()) == [False, False, False, True, False]


@pytest.mark.usefixtures("tiny_chunks")
def test_a_long_read_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "user_id,item_id\nu,a\nu,b\nu,c\n")
    read_log(path, ROWS)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    read_log(path, ROWS)
    out, err = capsys.readouterr()
    assert out == ""
    assert "reading log.csv: 3/3 rows, " in err


def parquet(folder: Path, columns: dict[str, pa.Array]) -> Path:
    path = folder / "log.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_numbers_are_spelled_as_a_person_would(tmp_path: Path) -> None:
    table = read_table(
        parquet(
            tmp_path,
            {
                "float": pa.array([17850.0, 0.0, 2.5, None, float("nan")]),
                "integer": pa.array([1, None, 2**60 + 1, -3, 0]),
                "text": pa.array(["007", "", None, "nan", " a "]),
                "truth": pa.array([True, False, None, True, False]),
                "bytes": pa.array([b"ab", b"", None, b"c", "é".encode()]),
                "category": pa.array(["x", "y", None, "x", "x"]).dictionary_encode(),
            },
        )
    )
    assert list(table["float"]) == ["17850", "0", "2.5", "", ""]
    assert list(table["integer"]) == ["1", "", "1152921504606846977", "-3", "0"]
    assert list(table["text"]) == ["007", "", "", "nan", " a "]
    assert list(table["truth"]) == ["1", "0", "", "1", "0"]
    assert list(table["bytes"]) == ["ab", "", "", "c", "é"]
    assert list(table["category"]) == ["x", "y", "", "x", "x"]
    assert list(table.index) == [1, 2, 3, 4, 5]


def test_parquet_moments_are_utc(tmp_path: Path) -> None:
    moment = pd.Timestamp("2020-01-01 05:00", tz="Europe/Helsinki")
    table = read_table(
        parquet(
            tmp_path,
            {
                "zoned": pa.array([moment, None], pa.timestamp("us", tz="Europe/Helsinki")),
                "plain": pa.array([pd.Timestamp("2020-01-01 05:00"), None]),
                "day": pa.array([moment.date(), None]),
                "decimal": pa.array(["17850.00", None]).cast(pa.decimal128(10, 2)),
                "list": pa.array([["a"], None]),
            },
        )
    )
    assert list(table["zoned"]) == ["2020-01-01 03:00:00", ""]
    assert list(table["plain"]) == ["2020-01-01 05:00:00", ""]
    assert list(table["day"]) == ["2020-01-01", ""]
    assert list(table["decimal"]) == ["17850", ""]
    assert table["list"][2] == ""


def test_unusable_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"user_id": pa.array(["u"] * 500), "item_id": pa.array(["i"] * 500)})
    whole = path.read_bytes()
    for damaged in (whole[:-4], whole[:100], b"PAR1", whole[:-12] + b"\xff" * 8 + whole[-4:]):
        assert "no readable Parquet file" in refused(write(tmp_path, damaged, "cut.parquet"))
    for config in (BASKETS, SEQUENCES):
        assert "--format" in refused(path, config)
    empty = parquet(tmp_path, {"user_id": pa.array([], pa.string())})
    assert "no rows" in refused(empty)
    twice = pa.table([pa.array(["u"]), pa.array(["i"])], names=["item_id", "item_id"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    assert "two columns named 'item_id'" in refused(tmp_path / "twice.parquet")


def test_random_damage_to_parquet_never_escapes_as_another_error(tmp_path: Path) -> None:
    whole = parquet(
        tmp_path, {"user_id": pa.array(["u1", "u2"] * 50), "item_id": pa.array(list(range(100)))}
    ).read_bytes()
    rng = random.Random(7)
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[rng.randrange(4, len(whole))] ^= 1 << rng.randrange(8)
        with suppress(UnusableInput):
            read_log(write(tmp_path, bytes(damaged), "log.parquet"), ROWS)


def test_baskets_of_commas(tmp_path: Path) -> None:
    path = write(tmp_path, "whole milk, rolls/buns ,soda\r\n\r\nbeer\r\n", "baskets.csv")
    log = read_log(path, BASKETS)
    assert list(log["item"]) == ["whole milk", "rolls/buns", "soda", "beer"]
    assert list(log["basket"]) == ["1", "1", "1", "3"]
    assert list(log["line"]) == [1, 1, 1, 3]
    assert log["same"].is_unique
    assert "user" not in log


def test_baskets_of_blanks_and_other_delimiters(tmp_path: Path) -> None:
    path = write(tmp_path, "10 20  30\t40\n 50 \n")
    assert list(read_log(path, BASKETS)["item"]) == ["10", "20", "30", "40", "50"]
    path = write(tmp_path, "a b;c,d\n")
    config = DataConfig(format="baskets", delimiter=";")
    assert list(read_log(path, config)["item"]) == ["a b", "c,d"]
    config = DataConfig(format="baskets", delimiter=" ")
    assert list(read_log(write(tmp_path, "a,b  c\n"), config)["item"]) == ["a,b", "c"]


def test_only_quotes_keep_blanks_and_delimiters_in_a_basket(tmp_path: Path) -> None:
    path = write(tmp_path, '" a ","b,c","5"" pipe"\nd ,e\n')
    assert list(read_log(path, BASKETS)["item"]) == [" a ", "b,c", '5" pipe', "d", "e"]
    assert "line 2" in refused(write(tmp_path, 'a,b\n"c,d\n'), BASKETS)


def test_exotic_line_ends_are_part_of_an_id(tmp_path: Path) -> None:
    path = write(tmp_path, "a\u2028b,c\x85d\ne\u00a0f,g\n")
    assert list(read_log(path, BASKETS)["item"]) == ["a\u2028b", "c\x85d", "e\u00a0f", "g"]
    path = write(tmp_path, "u1 e\u00a0f g\n")
    assert list(read_log(path, SEQUENCES)["item"]) == ["e\u00a0f", "g"]


def test_sequences_name_the_shopper_first(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, "u1 a b c\nu2\nu1 d\n"), SEQUENCES)
    assert list(log["user"]) == ["u1", "u1", "u1", "u1"]
    assert list(log["item"]) == ["a", "b", "c", "d"]
    assert list(log["line"]) == [1, 1, 1, 3]
    log = read_log(write(tmp_path, "u 1,a,b\n,c\n"), SEQUENCES)
    assert list(log["user"]) == ["u 1", "u 1", ""]


@pytest.mark.parametrize("config", [BASKETS, SEQUENCES])
def test_lines_without_items_are_refused(tmp_path: Path, config: DataConfig) -> None:
    assert "is empty" in refused(write(tmp_path, ""), config)
    assert "no line names an item" in refused(write(tmp_path, "\n \n"), config)
    assert "binary" in refused(write(tmp_path, b"a,b\n\0\n"), config)
    assert "it is a folder" in refused(tmp_path, config)


def test_sequences_of_shoppers_alone_are_refused(tmp_path: Path) -> None:
    assert "no line names an item" in refused(write(tmp_path, "u1\nu2\n"), SEQUENCES)


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_the_delimiter_that_makes_a_column(tmp_path: Path, delimiter: str) -> None:
    header = codecs.BOM_UTF8 + f"x{delimiter}item_id\r\n".encode()
    assert delimiter_before(write(tmp_path, header), "item_id") == delimiter
    assert delimiter_before(write(tmp_path, "nothing\n"), "item_id") == ","


def test_real_invoices(shared_data: Path) -> None:
    config = DataConfig(
        user_column="CustomerID",
        item_column="StockCode",
        time_column="InvoiceDate",
        quantity_column="Quantity",
        basket_column="InvoiceNo",
    )
    log = read_log(shared_data / "uci-online-retail" / "online_retail_invoices.parquet", config)
    assert len(log) == 531_282
    assert log["basket"].nunique() == 20_725
    assert log["item"].nunique() == 3_940
    assert log.loc[log["user"] != "0", "user"].nunique() == 4_339
    assert not log["user"].str.contains(".", regex=False).any()
    assert log["line"].iloc[-1] == 531_282


def test_real_baskets(shared_data: Path) -> None:
    log = read_log(shared_data / "groceries" / "groceries.csv", BASKETS)
    assert log["basket"].nunique() == 9_835
    assert log["item"].nunique() == 169


def test_real_sequences(shared_data: Path) -> None:
    log = read_log(shared_data / "amazon-beauty" / "Beauty.txt", SEQUENCES)
    assert len(log) == 198_502
    assert log["user"].nunique() == 22_363
    assert log["item"].nunique() == 12_101
    assert np.all(np.diff(log["line"]) >= 0)


def test_a_headed_text_file_of_tabs(shared_data: Path, tmp_path: Path) -> None:
    rows = (shared_data / "ml-100k" / "u.data").read_text("utf-8")
    path = write(tmp_path, "user_id\titem_id\trating\ttimestamp\n" + rows)
    log = read_log(path, DataConfig(delimiter="\t"))
    assert (len(log), log["user"].nunique(), log["item"].nunique()) == (100_000, 943, 1_682)
