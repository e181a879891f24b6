"""The figures of parity against values worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.comparison import (
    NDCG_LOSS,
    OVERLAP,
    PSNR,
    PSNR_CAP_DB,
    SCORE_DIFF,
    TOLERANCES,
    compare_generator,
    compare_recommender,
    judge,
    max_abs_score_diff,
    overlap_at_k,
    psnr_db,
    relative_ndcg_loss,
)

INF = np.inf


def rows(*lists: list[int]) -> np.ndarray:
    return np.array(lists, np.int64)


def scores(*lists: list[float]) -> np.ndarray:
    return np.array(lists, np.float32)


def test_tolerances_are_those_of_the_design() -> None:
    assert TOLERANCES == {
        SCORE_DIFF: {"fp32": 1e-4, "fp16": None, "int8": None},
        OVERLAP: {"fp32": 1.0, "fp16": 0.99, "int8": 0.95},
        NDCG_LOSS: {"fp32": 0.001, "fp16": 0.005, "int8": 0.01},
        PSNR: {"fp32": 55.0, "fp16": 45.0, "int8": 30.0},
    }


@pytest.mark.parametrize(
    ("reference", "score", "expected"),
    [
        (scores([3, 2]), scores([3, 2]), 0.0),
        (scores([3, 2], [1, 0]), scores([3, 2], [1, 0.25]), 0.25),
        (scores([3, -INF]), scores([2.5, -INF]), 0.5),
        (scores([-INF, -INF]), scores([-INF, -INF]), 0.0),
        (scores([3, -INF]), scores([3, 1]), INF),
        (scores([3, 1]), scores([3, -INF]), INF),
        (scores([3, 1]), scores([3, np.nan]), INF),
        (scores([3, np.nan]), scores([3, np.nan]), INF),
        (scores([3, 1]), scores([INF, 1]), INF),
    ],
)
def test_score_difference(reference: np.ndarray, score: np.ndarray, expected: float) -> None:
    assert max_abs_score_diff(reference, score) == expected


@pytest.mark.parametrize(
    ("reference", "found", "k", "expected"),
    [
        # (items, scores) of the reference and of the variant
        (([1, 2, 3], [9, 8, 7]), ([2, 1, 3], [8, 8, 7]), 2, 1.0),  # order does not matter
        (([1, 2, 3], [9, 8, 7]), ([1, 3, 2], [9, 8, 7]), 2, 0.5),
        (([1, 2, 3], [9, 8, 8]), ([1, 3, 2], [9, 8, 8]), 2, 1.0),  # 2 and 3 tie
        (([1, 2, 3], [0.9, 0.8, 0.799995]), ([1, 3, 2], [0.9, 0.8, 0.8]), 2, 1.0),  # within 1e-5
        (([1, 2, 3], [9, 8, 8]), ([3, 2, 1], [9, 8, 8]), 2, 0.5),  # 3 is no substitute for 1
        (([1, 2, 3, 4], [9, 8, 8, 8]), ([1, 4, 3, 2], [9, 8, 8, 8]), 3, 1.0),
        (([1, 2, 3], [9, 8, 7.999]), ([1, 3, 2], [9, 8, 8]), 2, 0.5),  # the reference's own score
        (([1, 2, 3], [9, 8, 7]), ([1, 4, 2], [9, 8, 8]), 2, 1.0),  # unlisted: the variant's score
        (([1, 2, 3], [9, 8, 7]), ([1, 4, 2], [9, 8.5, 8]), 2, 0.5),
        (([1, 0, 0], [9, -INF, -INF]), ([1, 0, 0], [9, -INF, -INF]), 2, 1.0),
        (([1, 0, 0], [9, -INF, -INF]), ([2, 0, 0], [5, -INF, -INF]), 2, 0.0),
        (([0, 0, 0], [-INF] * 3), ([0, 0, 0], [-INF] * 3), 2, 1.0),
        (([0, 0, 0], [-INF] * 3), ([1, 0, 0], [9, -INF, -INF]), 2, 0.0),
        (([1, 2, 3], [9, 8, 7]), ([0, 0, 0], [-INF] * 3), 2, 0.0),
        (([1, 2, 3], [9, 8, 7]), ([1, 1, 1], [9, 9, 9]), 2, 0.5),  # one item thrice is one hit
    ],
)
def test_overlap(
    reference: tuple[list[int], list[float]],
    found: tuple[list[int], list[float]],
    k: int,
    expected: float,
) -> None:
    overlap = overlap_at_k(
        rows(reference[0]), scores(reference[1]), rows(found[0]), scores(found[1]), k
    )
    assert overlap.tolist() == [expected]


def gain(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def test_ndcg_loss_by_hand() -> None:
    """Targets at ranks 1, 2 and none; the variant has the first at rank 3."""
    reference = rows([5, 6, 7], [5, 6, 7], [5, 6, 7])
    found = rows([6, 7, 5], [5, 6, 7], [5, 6, 7])
    table = scores([9, 8, 7], [9, 8, 7], [9, 8, 7])
    target = np.array([5, 6, 99], np.int64)
    before, after = gain(1) + gain(2), gain(3) + gain(2)
    loss = relative_ndcg_loss(reference, found, table, target)
    assert loss == pytest.approx((before - after) / before)
    assert loss > 0


def test_ndcg_gain_is_negative_loss() -> None:
    target = np.array([6], np.int64)
    table = scores([9, 8])
    loss = relative_ndcg_loss(rows([5, 6]), rows([6, 5]), table, target)
    assert loss == pytest.approx((gain(2) - gain(1)) / gain(2))


def test_ndcg_forgives_ties() -> None:
    target = np.array([5], np.int64)
    tied, apart = scores([8.000005, 8]), scores([8.1, 8])
    assert relative_ndcg_loss(rows([5, 6]), rows([6, 5]), tied, target) == 0
    assert relative_ndcg_loss(rows([5, 6]), rows([6, 5]), apart, target) > 0


def test_ndcg_depth() -> None:
    ranking = rows(list(range(1, 21)))
    table = scores(list(range(20, 0, -1)))
    swapped = ranking.copy()
    swapped[0, [9, 10]] = swapped[0, [10, 9]]
    at_10 = np.array([10], np.int64)
    assert relative_ndcg_loss(ranking, swapped, table, at_10) == 1.0
    assert relative_ndcg_loss(ranking, swapped, table, np.array([15], np.int64)) == 0.0


def test_requests_without_target_do_not_count() -> None:
    loss = relative_ndcg_loss(
        rows([5, 6], [5, 6]), rows([5, 6], [6, 5]), scores([9, 8], [9, 8]), np.array([5, 0])
    )
    assert loss == 0.0


def test_psnr_by_hand() -> None:
    black = np.zeros((2, 4, 4, 3), np.uint8)
    assert psnr_db(black, black) == PSNR_CAP_DB == 999.0
    assert psnr_db(black, black + 255) == 0.0
    assert psnr_db(black, black + 1) == pytest.approx(48.1308036)  # 20 log10(255)
    one = black.copy()
    one[0, 0, 0, 0] = 255
    assert psnr_db(black, one) == pytest.approx(10 * math.log10(96))
    assert psnr_db(one, black) == psnr_db(black, one)


@pytest.mark.parametrize(
    ("metric", "variant", "value", "passed"),
    [
        (SCORE_DIFF, "fp32", 1e-4, True),
        (SCORE_DIFF, "fp32", 1.01e-4, False),
        (SCORE_DIFF, "int8", 5.0, True),
        (SCORE_DIFF, "int8", INF, False),
        (OVERLAP, "fp32", 0.999, False),
        (OVERLAP, "fp16", 0.99, True),
        (OVERLAP, "int8", 0.949, False),
        (NDCG_LOSS, "fp32", 0.0011, False),
        (NDCG_LOSS, "int8", -0.5, True),
        (PSNR, "fp32", 54.9, False),
        (PSNR, "int8", 30.0, True),
        (PSNR, "fp32", math.nan, False),
        (PSNR, "other", 54.9, False),  # an unknown variant is held to fp32
    ],
)
def test_verdict(metric: str, variant: str, value: float, passed: bool) -> None:
    assert judge("model", variant, metric, 3, value).passed is passed


def test_comparing_nothing_fails() -> None:
    check = judge("generator", "fp32", PSNR, 0, 999.0)
    assert (check.passed, check.value, check.compared) == (False, None, 0)
    reference = np.zeros((0, 8, 8, 3), np.uint8)
    assert [c.passed for c in compare_generator("fp32", reference, reference)] == [False]
    none = rows().reshape(0, 5)
    checks = compare_recommender(
        "fp32", none, none.astype(np.float32), none, none.astype(np.float32), none[:, 0]
    )
    assert [c.passed for c in checks] == [False, False, False]
    assert [c.compared for c in checks] == [0, 0, 0]


def test_without_targets_ndcg_is_not_compared() -> None:
    item, score = rows([5, 6]), scores([9, 8])
    checks = compare_recommender("fp32", item, score, item, score, np.array([0]))
    assert [(c.metric, c.passed) for c in checks] == [
        (SCORE_DIFF, True),
        (OVERLAP, True),
        (NDCG_LOSS, False),
    ]


def test_other_shapes_fail() -> None:
    item, score = rows([5, 6]), scores([9, 8])
    checks = compare_recommender("fp32", item, score, item[:, :1], score[:, :1], np.array([5]))
    assert not any(c.passed for c in checks)
    image = np.zeros((1, 8, 8, 3), np.uint8)
    assert not compare_generator("fp32", image, image[:, :4])[0].passed
    assert not compare_generator("fp32", image, image.astype(np.float32))[0].passed


@given(value=st.floats(), compared=st.integers(0, 3), metric=st.sampled_from(sorted(TOLERANCES)))
def test_checks_are_always_json(value: float, compared: int, metric: str) -> None:
    check = judge("m", "fp32", metric, compared, value)
    document = json.loads(json.dumps(check.to_json(), allow_nan=False))
    assert list(document) == [
        "model",
        "variant",
        "compared",
        "metric",
        "value",
        "tolerance",
        "passed",
    ]
    assert document["passed"] is False or (compared > 0 and math.isfinite(value))
