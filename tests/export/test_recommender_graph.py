"""The hand-written recommender graphs against torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.graph import IR_VERSION, OPSET
from export.recommender import recommender_contract, recommender_graph
from runtime.onnx_wire import scan_model
from runtime.session import open_session
from tests.trainer.test_recommender_models import N_ITEMS, N_USERS, requests, two_stage
from trainer.item_codes import ItemCodes
from trainer.recommender.config import MlpConfig
from trainer.recommender.mlp import Mlp
from trainer.recommender.two_stage import TwoStage

META = {"bundle": "test", "version": "3", "variant": "fp32"}


def models() -> dict[str, Mlp | TwoStage]:
    torch.manual_seed(0)
    mlp = Mlp(MlpConfig(max_basket=4), N_USERS, N_USERS + 2, N_ITEMS).eval()
    mlp.remember_buyers(torch.randint(1, N_USERS + 3, (60,)), torch.randint(1, N_ITEMS + 1, (60,)))
    return {
        "mlp": mlp,
        "mlp, one hidden layer": Mlp(MlpConfig(max_basket=4, hidden=(8,)), 5, 5, N_ITEMS).eval(),
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


@pytest.mark.parametrize("name", models())
@pytest.mark.parametrize("top_k", [1, 5, N_ITEMS])
def test_the_graph_answers_as_torch_does(name: str, top_k: int) -> None:
    model = models()[name]
    session = open_session(recommender_graph(model, top_k, META), "cpu")
    user, basket, allowed = requests(300, 4, seed=8)
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


@pytest.mark.parametrize("name", models())
def test_one_request_is_answered_as_in_a_batch(name: str) -> None:
    session = open_session(recommender_graph(models()[name], 5, META), "cpu")
    user, basket, allowed = (tensor.numpy() for tensor in requests(9, 4))
    together, _ = session.run({"user": user, "basket": basket, "allowed": allowed})
    for n in range(9):
        one = {"user": user[n : n + 1], "basket": basket[n : n + 1], "allowed": allowed[n : n + 1]}
        assert session.run(one)[0].tolist() == together[n : n + 1].tolist()


@pytest.mark.parametrize("name", models())
def test_the_model_keeps_the_contract(name: str) -> None:
    content = recommender_graph(models()[name], 5, META)
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
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
    assert model.ir_version == IR_VERSION
    assert not scan_model(content).problems
    used = {name for node in model.graph.node for name in node.input}
    assert {constant.name for constant in model.graph.initializer} <= used
    assert not [node for node in model.graph.node if node.op_type in ("Identity", "Dropout")]


def test_a_ranking_stage_that_changes_nothing_is_not_shipped() -> None:
    sizes = {}
    for name in ("two-stage", "two-stage, retrieval alone"):
        model = onnx.load_from_string(recommender_graph(models()[name], 5, META))
        sizes[name] = [node.op_type for node in model.graph.node].count("TopK")
    assert sizes == {"two-stage": 3, "two-stage, retrieval alone": 1}


def test_anonymous_baskets_of_the_log_are_not_shipped() -> None:
    mlp = models()["mlp"]
    content = onnx.load_from_string(recommender_graph(mlp, 5, META))
    (users,) = (c for c in content.graph.initializer if c.name == "user_vectors")
    assert list(users.dims) == [N_USERS + 1, 50]


def test_the_graph_opens_from_a_file_in_plain_onnxruntime(tmp_path: Path) -> None:
    import onnxruntime

    path = tmp_path / "model.onnx"
    path.write_bytes(recommender_graph(models()["two-stage"], 5, META))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["user", "basket", "allowed"]
    assert session.get_modelmeta().custom_metadata_map == META
