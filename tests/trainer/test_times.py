"""Times: each format to the second, no column trusted that mixes or blurs formats."""

from __future__ import annotations

import datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.times import Times, parse_times


def parse(*texts: str, time_format: str | None = None) -> Times:
    return parse_times(pd.Series(list(texts), dtype=str), "when", time_format)


def moment(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2020-03-04", "2020-03-04T00:00:00"),
        ("2020-3-4", "2020-03-04T00:00:00"),
        ("2020-03-04 5:06", "2020-03-04T05:06:00"),
        ("2020-03-04T05:06:07", "2020-03-04T05:06:07"),
        (" 2020-03-04 05:06:07.891 ", "2020-03-04T05:06:07"),
        ("2020-03-04T05:06:07Z", "2020-03-04T05:06:07"),
        ("2020-03-04 05:06:07 UTC", "2020-03-04T05:06:07"),
        ("2020-03-04T05:06:07+02:00", "2020-03-04T03:06:07"),
        ("2020-03-04 05:06:07-0330", "2020-03-04T08:36:07"),
        ("20200304", "2020-03-04T00:00:00"),
        ("20200304050607", "2020-03-04T05:06:07"),
        ("2020/3/4 5:06", "2020-03-04T05:06:00"),
        ("2020.03.04", "2020-03-04T00:00:00"),
        ("14/3/2020 5:06:07", "2020-03-14T05:06:07"),
        ("14.03.20", "2020-03-14T00:00:00"),
        ("3/14/2020 5:06 PM", "2020-03-14T17:06:00"),
        ("3/14/2020 12:06 AM", "2020-03-14T00:06:00"),
        ("3-14-1999 12:06pm", "1999-03-14T12:06:00"),
        ("13/1/69", "1969-01-13T00:00:00"),
        ("3/3/2020", "2020-03-03T00:00:00"),
        ("4 Mar 2020", "2020-03-04T00:00:00"),
        ("04-MAR-20 05:06", "2020-03-04T05:06:00"),
        ("4 Sept. 2020", "2020-09-04T00:00:00"),
        ("March 4, 2020 05:06", "2020-03-04T05:06:00"),
        ("1583298367", "2020-03-04T05:06:07"),
        ("1583298367.9", "2020-03-04T05:06:07"),
        ("1583298367891", "2020-03-04T05:06:07"),
        ("1583298367891.0", "2020-03-04T05:06:07"),
        ("1583298367891234", "2020-03-04T05:06:07"),
        ("1583298367891234567", "2020-03-04T05:06:07"),
        ("0", "1970-01-01T00:00:00"),
    ],
)
def test_every_format(text: str, iso: str) -> None:
    times = parse(text)
    assert times.error is None
    assert times.readable.tolist() == [True]
    assert times.seconds.tolist() == [moment(iso)]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("2020-01-31", "2020-02-30"),
        ("2020-01-31 10:00", "2020-01-31 25:00"),
        ("2020-01-31", "0000-00-00"),
        ("20200131", "20201301"),
        ("31/01/2020", "31/02/2020"),
        ("31/01/20", "31/02/20"),
        ("1/31/2020", "1/32/2020"),
        ("31/01/2020 11:00 PM", "31/01/2020 13:00 PM"),
        ("29 Feb 2020", "29 Feb 2021"),
        ("5 Jan 2020", "5 Bun 2020"),
        ("2020/1/31", "2020/13/1"),
        ("2020-01-31", ""),
        ("2020-01-31", "yesterday"),
        ("1583298367", "-5"),
        ("1583298367", "١٢٣"),
    ],
)
def test_impossible_times_are_unreadable_and_the_rest_is_read(good: str, bad: str) -> None:
    times = parse(good, bad, good)
    assert times.error is None
    assert times.readable.tolist() == [True, False, True]
    assert times.seconds[1] == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2020-01-31", "31/01/2020"),
        ("2020-01-31 10:00", "1583298367"),
        ("1583298367", "1583298367891"),
        ("20200131", "1583298367"),
        ("5 Jan 2020", "2020-01-31"),
        ("31/01/2020", "01/31/2020"),
        ("13/01/2020 10:00", "01/13/2020"),
    ],
)
def test_mixed_formats_are_an_error_that_quotes_both(first: str, second: str) -> None:
    for column in ((first, second), (second, first), (first, first, second, "junk")):
        times = parse(*column)
        assert times.error is not None
        assert "mixes time formats" in times.error
        assert f"'{first}'" in times.error
        assert f"'{second}'" in times.error
        assert "--time-format" in times.error
        assert "'when'" in times.error


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("03/04/2020", ("'%d/%m/%Y'", "'%m/%d/%Y'")),
        ("3.4.20 10:15", ("'%d.%m.%y %H:%M'", "'%m.%d.%y %H:%M'")),
        ("03-04-2020T10:15:16", ("'%d-%m-%YT%H:%M:%S'", "'%m-%d-%YT%H:%M:%S'")),
        ("3/4/2020 1:15:16.25 PM", ("'%d/%m/%Y %I:%M:%S.%f %p'", "'%m/%d/%Y %I:%M:%S.%f %p'")),
    ],
)
def test_ambiguous_days_are_an_error_whose_way_out_works(
    text: str, formats: tuple[str, str]
) -> None:
    times = parse(text, "nonsense")
    assert times.error is not None
    assert f"'{text}' can be read both ways" in times.error
    for spelled in formats:
        assert f"{spelled}" in times.error
        assert parse(text, time_format=spelled.strip("'")).readable.all()


def test_one_telling_date_settles_the_column() -> None:
    assert parse("03/04/2020", "25/04/2020").format == "day/month/year"
    assert parse("03/04/2020").error is not None
    assert parse("03/04/2020", "25/04/2020").seconds[0] == moment("2020-04-03T00:00:00")
    assert parse("03/04/2020", "04/25/2020").seconds[0] == moment("2020-03-04T00:00:00")
    assert parse("03/04/2020", "45/04/2020").error is not None


def test_a_named_format_drops_what_does_not_keep_to_it() -> None:
    times = parse("03/04/2020", "2020-04-03", "31/12/1999", time_format="%d/%m/%Y")
    assert times.error is None
    assert times.format == "%d/%m/%Y"
    assert times.readable.tolist() == [True, False, True]
    assert times.seconds.tolist() == [
        moment("2020-04-03T00:00:00"),
        0,
        moment("1999-12-31T00:00:00"),
    ]


@pytest.mark.parametrize("time_format", ["%Q", "mixed", "ISO8601", ""])
def test_what_is_no_format_is_refused(time_format: str) -> None:
    times = parse("2020-01-31", time_format=time_format)
    assert times.error is not None
    assert repr(time_format) in times.error


def test_nothing_readable_and_nothing_at_all() -> None:
    assert parse("a", "b").readable.tolist() == [False, False]
    assert parse("a", "b").error is None
    assert len(parse().seconds) == 0


@given(
    st.lists(
        st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2099, 12, 31)), min_size=1
    ),
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y/%m/%d %H:%M:%S"]),
)
def test_any_moment_comes_back(moments: list[datetime.datetime], spelling: str) -> None:
    whole = [one.replace(microsecond=0) for one in moments]
    times = parse(*(one.strftime(spelling) for one in whole))
    assert times.error is None
    expected = [int(one.replace(tzinfo=datetime.UTC).timestamp()) for one in whole]
    assert times.seconds.tolist() == expected
