"""The hand-written recommender graphs against torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export import recommender_codes, recommender_layers, recommender_mlp
from export.graph import IR_VERSION, OPSET
from export.hygiene import check_hygiene
from export.recommender import recommender_contract, recommender_graph
from runtime.onnx_wire import scan_model
from runtime.session import open_session
from tests.trainer.test_recommender_models import N_ITEMS, N_USERS, requests, two_stage
from trainer.item_codes import ItemCodes
from trainer.recommender.config import MlpConfig
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage

VARIANTS = ("fp32", "fp16", "int8")
META = {"bundle": "test", "version": "3", "variant": "fp32"}


def mlp(hidden: tuple[int, ...] = (64, 32), n_items: int = N_ITEMS) -> Mlp:
    """An MLP whose hidden units are on and off, as trained ones are."""
    torch.manual_seed(0)
    model = Mlp(MlpConfig(max_basket=4, hidden=hidden), N_USERS, N_USERS + 2, n_items).eval()
    with torch.no_grad():
        model.user.weight.normal_(0, 0.5)
        model.item.weight.normal_(0, 0.5)
    bought = torch.randint(1, N_USERS + 3, (60,)), torch.randint(1, n_items + 1, (60,))
    model.remember_buyers(*bought)
    return model


def models() -> dict[str, Mlp | TwoStage]:
    return {
        "mlp": mlp(),
        "mlp, one hidden layer": mlp(hidden=(8,)),
        "mlp, three hidden layers": mlp(hidden=(24, 9, 5)),
        "two-stage": two_stage(),
        "two-stage, few candidates": two_stage(candidates=6),
        "two-stage, no attributes": TwoStage(
            two_stage().config,
            N_USERS,
            ItemCodes.of([], N_ITEMS, 8),
            torch.ones(N_ITEMS + 1, dtype=torch.int64),
        ).eval(),
        "two-stage, retrieval alone": unranked(),
        "two-stage, no encoder, no neighbours": two_stage(encoder_hidden=0, neighbours=0),
    }


def unranked() -> TwoStage:
    model = two_stage()
    for parameter in model.ranker.parameters():
        torch.nn.init.zeros_(parameter)
    return model


@pytest.fixture(params=["batch", "one by one", "in tiles"])
def batching(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Score a batch's requests at once, or as on a large catalogue, or on one of several tiles."""
    if request.param != "batch":
        monkeypatch.setattr(recommender_mlp, "ONE_BY_ONE", 0)
    if request.param == "in tiles":
        for module in (recommender_layers, recommender_codes):
            monkeypatch.setattr(module, "TILE", 16)


@pytest.mark.usefixtures("batching")
@pytest.mark.parametrize("name", models())
@pytest.mark.parametrize("top_k", [1, 5, N_ITEMS])
def test_the_graph_answers_as_torch_does(name: str, top_k: int) -> None:
    model = models()[name]
    session = open_session(recommender_graph(model, top_k, META), "cpu")
    user, basket, allowed = requests(300, 4, seed=8)
    user[2:5] = basket[2:5] = 0  # nobody at all
    allowed[0] = False  # nothing may be shown
    allowed[1] = True  # row 0 is padding even where the caller allows it
    with torch.no_grad():
        item, score = model.serve(user, basket, allowed, top_k)
    feeds = {"user": user.numpy(), "basket": basket.numpy(), "allowed": allowed.numpy()}
    found_item, found_score = session.run(feeds, ["item", "score"])
    assert found_item.dtype == np.int64
    assert found_score.dtype == np.float32
    np.testing.assert_array_equal(found_item, item.numpy())
    np.testing.assert_array_equal(np.isinf(found_score), np.isinf(score.numpy()))
    finite = np.isfinite(found_score)
    np.testing.assert_allclose(found_score[finite], score.numpy()[finite], atol=3e-5)
    assert (found_item[0] == 0).all()
    assert np.isneginf(found_score[0]).all()
    assert not (found_item[1] == 0).any()


@pytest.mark.usefixtures("batching")
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", models())
def test_one_request_is_answered_as_in_a_batch(name: str, variant: str) -> None:
    session = open_session(recommender_graph(models()[name], 5, META, variant), "cpu")
    user, basket, allowed = (tensor.numpy() for tensor in requests(9, 4))
    together, _ = session.run({"user": user, "basket": basket, "allowed": allowed})
    for n in range(9):
        one = {"user": user[n : n + 1], "basket": basket[n : n + 1], "allowed": allowed[n : n + 1]}
        assert session.run(one)[0].tolist() == together[n : n + 1].tolist()


@pytest.mark.usefixtures("batching")
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", models())
def test_the_model_keeps_the_contract(name: str, variant: str) -> None:
    content = recommender_graph(models()[name], 5, META, variant)
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    inputs, outputs = recommender_contract(N_ITEMS + 1, 4, 5)
    for specs, values in ((inputs, model.graph.input), (outputs, model.graph.output)):
        assert [spec["name"] for spec in specs] == [value.name for value in values]
        for spec, value in zip(specs, values, strict=True):
            axes = value.type.tensor_type.shape.dim
            assert [axis.dim_param or axis.dim_value for axis in axes] == spec["shape"]
            dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            assert dtype == spec["dtype"]
    assert {prop.key: prop.value for prop in model.metadata_props} == META
    opsets = [(entry.domain, entry.version) for entry in model.opset_import]
    assert opsets == [("", OPSET), ("com.microsoft", 1)][: 2 if variant == "int8" else 1]
    assert model.ir_version == IR_VERSION
    assert not scan_model(content).problems
    check_hygiene("graph", content, (inputs, outputs), META)


def test_a_ranking_stage_that_changes_nothing_is_not_shipped() -> None:
    sizes = {}
    for name in ("two-stage", "two-stage, retrieval alone"):
        model = onnx.load_from_string(recommender_graph(models()[name], 5, META))
        sizes[name] = [node.op_type for node in model.graph.node].count("TopK")
    assert sizes == {"two-stage": 3, "two-stage, retrieval alone": 1}


def test_anonymous_baskets_of_the_log_are_not_shipped() -> None:
    content = onnx.load_from_string(recommender_graph(mlp(), 5, META))
    (users,) = (c for c in content.graph.initializer if c.name == "user_vectors")
    assert list(users.dims) == [N_USERS + 1, 50]


def test_the_graph_opens_from_a_file_in_plain_onnxruntime(tmp_path: Path) -> None:
    import onnxruntime

    path = tmp_path / "model.onnx"
    path.write_bytes(recommender_graph(models()["two-stage"], 5, META))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["user", "basket", "allowed"]
    assert session.get_modelmeta().custom_metadata_map == META
