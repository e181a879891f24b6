"""The recommender's speed benchmark: what must hold for its figures to mean something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.recommender_export import loading, pairs, two_stage
from benchmarks.recommender_export.bare import bare_graph
from benchmarks.recommender_export.drawn import (
    IN_STOCK,
    USERS,
    K,
    drawn_mlp,
    drawn_requests,
    drawn_two_stage,
)
from benchmarks.recommender_export.exactness import Agreement, agreement, exact_logits
from benchmarks.recommender_export.loading import Loaded
from benchmarks.recommender_export.naive import Naive, graph_answer, naive_export
from export.graph import GraphBuilder, tensor
from export.recommender import recommender_graph
from runtime.session import open_session
from trainer.recommender.mlp import Mlp

N_ITEMS = 500


def pair_graph(model: Mlp, *, bias: float = 0.0) -> bytes:
    """What torch's exporter writes of ``Mlp.forward``, by hand; ``bias`` is damage."""
    build = GraphBuilder()
    build.constant("users", model.user.weight.detach().numpy())
    build.constant("items", model.item.weight.detach().numpy())
    build.node("Gather", ["users", "user"], "user_vector")
    build.node("Gather", ["items", "item"], "item_vector")
    value = build.node("Concat", ["user_vector", "item_vector"], "pair", axis=1)
    linear = [layer for layer in model.layers if isinstance(layer, torch.nn.Linear)]
    for level, layer in enumerate(linear):
        build.constant(f"weight_{level}", layer.weight.detach().numpy())
        build.constant(f"bias_{level}", layer.bias.detach().numpy() + np.float32(bias))
        if level:
            value = build.node("Relu", [value], f"active_{level}")
        inputs = [value, f"weight_{level}", f"bias_{level}"]
        value = build.node("Gemm", inputs, f"sum_{level}", transB=1)
    build.integers("axis", 1)
    build.node("Squeeze", [value, "axis"], "logit")
    inputs = [tensor("user", "int64", "batch"), tensor("item", "int64", "batch")]
    return build.finish("pairs", inputs, [tensor("logit", "float32", "batch")], {})


def test_the_naive_export_scores_pairs_as_torch_does(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="make export-peers installs it")
    model = drawn_mlp(N_ITEMS)
    naive = Naive(naive_export(model, tmp_path), N_ITEMS)
    naive.hold_against(model)
    user, items = torch.full((N_ITEMS,), 7), torch.arange(1, N_ITEMS + 1)
    with torch.no_grad():
        np.testing.assert_allclose(naive.logits(7), model(user, items), atol=1e-5)


def test_a_naive_export_that_is_off_is_not_timed() -> None:
    model = drawn_mlp(N_ITEMS)
    Naive(pair_graph(model), N_ITEMS).hold_against(model)
    with pytest.raises(ValueError, match="off torch's by"):
        Naive(pair_graph(model, bias=0.01), N_ITEMS).hold_against(model)
    with pytest.raises(ValueError, match="off torch's by nan"):
        Naive(pair_graph(model, bias=float("nan")), N_ITEMS).hold_against(model)


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_both_answer_the_best_in_stock(variant: str) -> None:
    model = drawn_mlp(N_ITEMS)
    naive = Naive(pair_graph(model), N_ITEMS)
    session = open_session(recommender_graph(model, K, {}, variant), "cpu", 1)
    requests = drawn_requests(N_ITEMS, model.config.max_basket, baskets=False)
    assert [int(one["user"][0, 0]) for one in requests] == list(range(1, USERS + 1))
    items = np.arange(1, N_ITEMS + 1)
    for request in requests[:20]:
        allowed = request["allowed"][0, 1:]
        assert abs(allowed.mean() - IN_STOCK) < 0.1
        logits = exact_logits(model, int(request["user"][0, 0]), items)
        best = items[allowed][np.argsort(-logits[allowed])[:K]]
        assert naive.answer(request).tolist() == best.tolist()
        assert graph_answer(session, request).tolist() == best.tolist()


def test_exact_logits_are_torchs() -> None:
    model = drawn_mlp(40)
    rows = np.array([3, 40, 1])
    with torch.no_grad():
        expected = model(torch.full((3,), 5), torch.from_numpy(rows))
    np.testing.assert_allclose(exact_logits(model, 5, rows), expected, atol=1e-6)


def test_agreement_forgives_ties_and_nothing_else() -> None:
    model = drawn_mlp(40)
    with torch.no_grad():
        model.item.weight[8] = model.item.weight[7]
    best = np.array([7, 3])
    found = [best, np.array([8, 3]), np.array([3, 7]), np.array([7, 7]), np.array([7, 0]), best[:1]]
    said = agreement(model, [1] * 6, found, [best] * 6)
    assert said == Agreement(equal=1, tied=1, wrong=4)
    assert str(said) == "1 equal, 1 up to ties, 4 wrong"


def test_goals_of_the_mlp() -> None:
    ms = {pairs.NAIVE: 11.0, pairs.FP32: 3.0, pairs.INT8: 1.0}
    agreed = {pairs.FP32: Agreement(300, 0, 0), pairs.INT8: Agreement(298, 1, 1)}
    found = pairs.Found(100_000, ms, agreed)
    assert pairs.goals(found) == [
        "mlp, 100,000 items, int8 beside the naive export: 11.00, goal >= 9: met",
        "mlp, 100,000 items, int8 beside the naive export, stretch: 11.00, goal >= 12: NOT met",
        "mlp, 100,000 items, wrong answers of endcap fp32: 0.00, goal <= 0: met",
        "mlp, 100,000 items, wrong answers of endcap int8: 1.00, goal <= 0: NOT met",
    ]
    assert "11.00x  298 equal, 1 up to ties, 1 wrong" in pairs.table(found)[-1]


def test_timed_answers_are_the_compared_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "naive_export", lambda model, folder: pair_graph(model))
    found = pairs.measure(N_ITEMS, rounds=5)
    assert set(found.ms) == {pairs.NAIVE, pairs.FP32, pairs.INT8}
    for agreed in found.agreements.values():
        assert (agreed.equal + agreed.tied, agreed.wrong) == (6, 0)  # five rounds and the first


def of_two_stage(ms: float, implicit: float, bare: float, reading: float | None) -> list[str]:
    names = [two_stage.side(v, s) for s in two_stage.STAGES for v in two_stage.VARIANTS]
    times = dict.fromkeys(names, ms) | {two_stage.IMPLICIT: implicit, two_stage.BARE: bare}
    found = two_stage.Found(100_000, times, reading)
    assert len(two_stage.table(found)) == 1 + len(times) + (reading is not None)
    return two_stage.goals(found)


def test_goals_of_the_two_stages() -> None:
    lines = of_two_stage(1.4, 1.5, 1.0, None)
    assert len(lines) == 8
    assert lines[0].endswith("fp32, two stages, beside implicit: 1.07, goal >= 1: met")
    assert lines[1].endswith("fp32, two stages, times the bare graph: 1.40, goal <= 1.5: met")
    lines = of_two_stage(2.0, 1.5, 1.0, 0.9)
    assert lines[0].endswith("beside implicit: 0.75, goal >= 1: NOT met")
    assert lines[1].endswith("times reading the vectors: 2.22, goal <= 2: NOT met")


def test_the_bare_graph_is_a_dot_product_and_its_best() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    query = rng.normal(size=(2, 8)).astype(np.float32)
    item, score = open_session(bare_graph(vectors), "cpu", 1).run({"query": query})
    scores = query @ vectors.T
    np.testing.assert_array_equal(item, np.argsort(-scores)[:, :K])
    np.testing.assert_allclose(score, -np.sort(-scores)[:, :K], rtol=1e-5)


def test_the_drawn_stages_are_there() -> None:
    assert drawn_two_stage(N_ITEMS, ranks=True).ranks
    assert not drawn_two_stage(N_ITEMS, ranks=False).ranks


def test_goals_of_loading() -> None:
    fp32 = Loaded("mlp", "fp32", 100_000_000, 1200.0, 150_000_000)
    fp16 = Loaded("mlp", "fp16", 50_000_000, 1200.0, 250_000_000)
    int8 = Loaded("mlp", "int8", 31_000_000, 900.0, None)
    assert loading.goals([fp32, fp16, int8]) == [
        "mlp fp32, 1,000,000 items, ms to open: 1200.00, goal <= 1000: NOT met",
        "mlp fp32, 1,000,000 items, memory beside the file: 1.50, goal <= 2: met",
        "mlp int8, 1,000,000 items, ms to open: 900.00, goal <= 1000: met",
        "mlp int8, 1,000,000 items, file beside fp32's: 0.31, goal <= 0.3: NOT met",
    ]
    assert "150.0 MB, 1.50 of the file" in loading.line(fp32)
    assert loading.line(int8).endswith("unknown")


def test_loading_is_measured_in_processes_of_their_own() -> None:
    found = loading.measure("two-stage", "int8", n_items=300)
    assert found.name == "two-stage int8"
    assert found.file_bytes > 300 * 64
    assert found.load_ms > 0
