"""From runs to a bundle that the runtime serves; whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from export import build, generator_variants, requests
from export.build import export_bundle
from export.parity import Parity
from export.requests import fresh_requests, golden_requests
from runtime import load
from runtime.bundle import open_bundle
from runtime.catalogue import Catalogue
from runtime.comparison import judge
from runtime.errors import CheckFailed, UnusableInput
from runtime.golden import GeneratorGolden, RecommenderGolden
from runtime.latent import draw_latents
from runtime.parity import check_bundle
from runtime.session import open_session
from runtime.text_column import TextColumn
from tests.command import run
from tests.damage import Damage, swapped_inputs
from tests.trainer.shop import config, shop, write_colours, write_log
from trainer.dataset import load_dataset
from trainer.generator.config import DcganConfig, GeneratorConfig, ImagesConfig
from trainer.generator.train import load_generator, train_generator
from trainer.images import read_images
from trainer.recommender.heldout import evaluate_side_by_side
from trainer.recommender.saved import load_recommender
from trainer.recommender.train import train_recommender
from trainer.run import Run
from trainer.sample_pictures import write_pictures


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train both archs and a tiny generator once."""
    folder = tmp_path_factory.mktemp("runs")
    dataset = shop(folder)
    facts = {"command": "endcap train recommender --interactions log.csv"}
    for arch in ("two-stage", "mlp"):
        settings = config(f"arch={arch}", 'card.licence="CC0"')
        train_recommender(dataset, settings, folder / arch, facts=facts)
    write_pictures(folder / "store", 7, 6, 32)
    painting = GeneratorConfig(
        images=ImagesConfig(image_size=32, categories=("Mug", "Fruit")),
        dcgan=DcganConfig(epochs=1, generator_width=4, discriminator_width=4, batch_size=4),
    )
    pictures = read_images(folder / "store" / "images", painting.images)
    drawn = {"command": "endcap train generator --images store/images"}
    train_generator(pictures, painting, folder / "pictures", resume=False, facts=drawn)
    return folder


def export(runs: Path, out: Path, arch: str = "two-stage", **options: object) -> None:
    arguments = {
        "recommender": runs / arch,
        "generator": runs / "pictures",
        "name": "tiny",
        "version": 4,
    } | options
    export_bundle(out, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("arch", ["two-stage", "mlp"])
def test_a_bundle_states_its_contract_and_passes_parity(
    runs: Path, tmp_path: Path, arch: str
) -> None:
    said: list[str] = []
    export(runs, tmp_path / "b", arch, say=said.append, command="endcap export --out b")
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert manifest["format"] == 1
    assert (manifest["name"], manifest["version"]) == ("tiny", 4)
    section = manifest["recommender"]
    assert section["arch"] == arch
    assert section["n_items"] == 24
    assert section["top_k"] == 24  # a small catalogue is ranked whole
    assert section["inputs"][2] == {"name": "allowed", "dtype": "bool", "shape": ["batch", 25]}
    assert section["metrics"]["cases"] == 60
    assert manifest["metrics"]["recommender"] == section["metrics"]
    assert set(section["default"]) == {"cpu", "cuda"}
    assert set(section["default"].values()) <= set(section["variants"])
    assert {*section["variants"], *section["refused"]} == {"fp32", "fp16", "int8"}
    variant = section["variants"]["fp32"]
    assert variant["parity"]["compared"] >= 2000  # the 60 cases and 2,000 random requests
    assert variant["parity"]["max_abs_score_diff"] <= 1e-4
    assert variant["bytes"] == (tmp_path / "b" / variant["file"]).stat().st_size
    assert manifest["generator"]["categories"] == ["Mug", "Fruit"]
    on_disk = {
        str(path.relative_to(tmp_path / "b"))
        for path in (tmp_path / "b").rglob("*")
        if path.is_file()
    }
    assert on_disk == {*manifest["files"], "manifest.json"}
    report = check_bundle(open_bundle(tmp_path / "b"), "cpu")
    assert report.passed
    assert {check.model for check in report.checks} == {"recommender", "generator"}
    assert any("2,060 requests against torch" in line for line in said)
    card = (tmp_path / "b" / "README.md").read_text()
    assert "endcap train recommender --interactions log.csv" in card
    assert "endcap export --out b" in card
    assert "CC0" in card


def test_a_bundle_spells_several_values_and_no_words(tmp_path: Path) -> None:
    """The words of the titles are for the model alone."""
    settings = config("training.epochs=1", "two_stage.ranker_epochs=0")
    items = write_colours(tmp_path / "items.csv")
    dataset = load_dataset(write_log(tmp_path / "log.csv"), settings.data, items)
    train_recommender(dataset, settings, tmp_path / "run")
    export_bundle(tmp_path / "b", recommender=tmp_path / "run", generator=None, name="b", version=1)
    bundle = open_bundle(tmp_path / "b")
    section = bundle.manifest.catalogue
    assert section is not None
    assert section.columns == (
        ("item_id", "text"),
        ("title", "text"),
        ("category", "label"),
        ("colours", "text"),
        ("price", "number"),
    )
    arrays = bundle.arrays(section.file)
    colours = TextColumn(arrays["c3.utf8"], arrays["c3.offsets"])
    # Items i0, i1, i10, i11: ids are sorted as texts.
    assert [colours[n] for n in range(4)] == ["red", "blue | red", "", "green | blue"]
    assert np.isnan(arrays["c4.number"][0])
    assert arrays["c4.number"][1:3].tolist() == [1, 10]
    assert Catalogue.of(bundle).categories == ("k0", "k1")


def test_torch_and_onnx_rank_held_out_purchases_alike(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path / "b")
    found = evaluate_side_by_side(
        [runs / "two-stage", tmp_path / "b"], runs / "log.csv", runs / "items.csv"
    )
    assert found.same_cases
    assert list(found.tables)[:3] == ["torch", "onnx fp32", "onnx fp16"]
    assert found.tables["onnx fp32"] == found.tables["torch"]
    saved = Run.open(runs / "two-stage").read_json("evaluation.json")
    assert found.tables["torch"].items() <= saved.items()
    manifest = open_bundle(tmp_path / "b").manifest
    assert manifest.recommender is not None
    assert manifest.recommender.metrics == saved


def test_the_sampled_protocol_ranks_among_few(runs: Path) -> None:
    arguments = ([runs / "two-stage"], runs / "log.csv", runs / "items.csv")
    full = evaluate_side_by_side(*arguments).tables["torch"]
    sampled = evaluate_side_by_side(*arguments, protocol="sampled").tables["torch"]
    assert sampled["protocol"] == "sampled"
    # Everything unseen is fewer than 99 items here, so both protocols rank the same lists.
    assert sampled["results"] == full["results"]


def test_the_bundle_serves_the_shops_own_ids(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path / "b")
    store = load(tmp_path / "b")
    answer = store.recommend(user="u0", basket=["i4"], k=3)
    assert answer.tier == "user+basket"
    assert [item.rank for item in answer.items] == [1, 2, 3]
    assert all(item.title == f"Title {item.item_id[1:]}" for item in answer.items)
    trained = load_recommender(Run.open(runs / "two-stage"))
    row = trained.data.user_ids.index("u0") + 1
    bought = {trained.data.items.item_ids[item - 1] for item in trained.data.history(row)}
    everything = store.recommend(user="u0", k=24)
    assert not bought & {item.item_id for item in everything.items}  # the seen filter
    assert len(everything.items) == 24 - len(bought)
    assert store.generate("Fruit", n=2).images.shape == (2, 32, 32, 3)


def test_shopper_ids_are_nowhere_in_the_bundle(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path / "b")
    for path in (tmp_path / "b").rglob("*"):
        if path.is_file():
            assert b"u17" not in path.read_bytes(), path


def damaged(content: bytes, name: str, times: float = 1.01) -> bytes:
    """Change the largest weight of one constant, by 1 % unless told otherwise."""
    model = onnx.load_from_string(content)
    (constant,) = (c for c in model.graph.initializer if c.name == name)
    value = numpy_helper.to_array(constant).copy()
    value.flat[np.abs(np.where(np.isfinite(value), value, 0)).argmax()] *= times
    constant.CopyFrom(numpy_helper.from_array(value, name))
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("arch", "constant", "times", "said"),
    [
        ("two-stage", "item_vectors", 1.01, "first diverging node: "),
        ("two-stage", "recency", 1.01, "first diverging node: 'Div_share' (Div)"),
        ("two-stage", "encoder_bias_1", 9, "node: 'Gemm_bend' (Gemm), behind 'Div_share', which"),
        ("two-stage", "user_vectors", 99, "'Squeeze_user_vector' (Squeeze), behind 'Gemm_bend'"),
        ("two-stage", "temperature", 1.01, "'Gemm_permitted' (Gemm), behind 'Div_shopper', which"),
        ("mlp", "everyone", 99, "first diverging node: 'Where_user_vector' (Where)"),
        ("mlp", "bias_2", 1.01, "node: 'Where_score' (Where), behind 'Where_user_vector', which"),
    ],
)
def test_a_graph_that_differs_from_torch_writes_nothing_and_its_node_is_named(
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arch: str,
    constant: str,
    times: float,
    said: str,
) -> None:
    whole = build.recommender_graph
    monkeypatch.setattr(
        build, "recommender_graph", lambda *given: damaged(whole(*given), constant, times)
    )
    with pytest.raises(CheckFailed, match=f"no bundle is written.*{re.escape(said)}"):
        export(runs, tmp_path / "b", arch)
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_differ_from_torchs_write_nothing_and_their_node_is_named(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build.generator_graph
    monkeypatch.setattr(
        build, "generator_graph", lambda *given: damaged(whole(*given), "bias_2", times=50)
    )
    said = "node: 'ConvTranspose_convolved_2' (ConvTranspose), behind 'ConvTranspose_convolved_1'"
    with pytest.raises(CheckFailed, match=f"no bundle is written.*{re.escape(said)}"):
        export(runs, tmp_path / "b", recommender=None)
    assert list(tmp_path.iterdir()) == []


def test_swapped_inputs_are_caught(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build.recommender_graph

    def swapped(*arguments: object) -> bytes:
        model = onnx.load_from_string(whole(*arguments))  # type: ignore[arg-type]
        for node in model.graph.node:
            if node.output[0] == "from_item":
                node.input[0] = "basket_vectors_of_nobody"
        gather = next(n for n in model.graph.node if n.output[0] == "candidate_vectors")
        gather.output[0] = "basket_vectors_of_nobody"
        gather.input[1] = "best_rows"  # candidates in the wrong order
        return model.SerializeToString()

    monkeypatch.setattr(build, "recommender_graph", swapped)
    settings = config("two_stage.ranker_epochs=3")
    run = train_recommender(shop(tmp_path), settings, tmp_path / "run")
    trained = load_recommender(run)
    for parameter in trained.model.ranker.parameters():  # type: ignore[union-attr]
        parameter.data.normal_(0, 0.5)  # a ranking stage that matters
    monkeypatch.setattr(build, "load_recommender", lambda _: trained)
    with pytest.raises(CheckFailed):
        export(runs, tmp_path / "b", recommender=tmp_path / "run")
    assert not (tmp_path / "b").exists()


def test_a_full_disk_leaves_nothing(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnusableInput, match=r"cannot write .*No space left"):
        export(runs, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused_before_any_work(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(UnusableInput, match=r"b' exists; choose another --out"):
        export(runs, tmp_path / "b")


def test_runs_of_the_other_kind_are_refused(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="is a generator run, and a recommender run is needed"):
        export(runs, tmp_path / "b", recommender=runs / "pictures")


def test_either_model_may_be_left_out(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path / "pictures", recommender=None)
    store = load(tmp_path / "pictures")
    assert store.bundle.manifest.recommender is None
    with pytest.raises(UnusableInput, match="holds no recommender"):
        store.recommend()
    export(runs, tmp_path / "items", generator=None)
    with pytest.raises(UnusableInput, match="holds no generator"):
        load(tmp_path / "items").generate("Mug")


def test_golden_requests_are_some_of_the_fresh_ones_with_torchs_answers(runs: Path) -> None:
    trained = load_recommender(Run.open(runs / "two-stage"))
    fresh = fresh_requests(trained, 200, 5, seed=1)
    assert (fresh.target > 0).sum() == 60
    golden = golden_requests(fresh, 40, seed=1)
    assert len(golden) == 40
    assert (golden.target > 0).sum() == 26
    listed = (fresh.item == fresh.target[:, None])[fresh.target > 0].any(axis=1).sum()
    shipped = (golden.item == golden.target[:, None])[golden.target > 0].any(axis=1).sum()
    assert shipped == min(26, listed)  # cases that NDCG can tell anything of
    again = RecommenderGolden.from_arrays(golden.arrays(), "golden.npz")
    found = {
        (int(u), b.tobytes(), i.tobytes(), golden.allowed(n, 25).tobytes())
        for n, (u, b, i) in enumerate(zip(again.user, again.basket, again.item, strict=True))
    }
    all_fresh = {
        (int(u), b.tobytes(), i.tobytes(), fresh.allowed(n, 25).tobytes())
        for n, (u, b, i) in enumerate(zip(fresh.user, fresh.basket, fresh.item, strict=True))
    }
    assert found <= all_fresh


def test_golden_requests_name_few_rows_each(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a million items in stock would be four megabytes a request."""
    trained = load_recommender(Run.open(runs / "two-stage"))
    fresh = fresh_requests(trained, 200, 5, seed=1)
    assert np.diff(fresh.rule_offsets).max() > 9
    monkeypatch.setattr(requests, "LISTED", 9)
    golden = golden_requests(fresh, 40, seed=1)
    assert len(golden) == 40
    assert 0 < np.diff(golden.rule_offsets).max() <= 9


def test_the_held_out_requests_are_those_of_the_evaluation(runs: Path) -> None:
    trained = load_recommender(Run.open(runs / "two-stage"))
    fresh = fresh_requests(trained, 200, 24, seed=1)
    cases = trained.data.test
    assert len(cases) == 60
    held_out = np.flatnonzero(fresh.target)
    assert held_out.tolist() == list(range(60))
    gain = 0.0
    for n in range(60):
        hidden = set(np.flatnonzero(~fresh.allowed(n, 25))) - {0}
        assert hidden == set(cases.context(n).tolist()) - set(cases.targets(n).tolist())
        place = fresh.item[n].tolist().index(cases.targets(n)[0])
        gain += 1 / np.log2(place + 2) if place < 10 else 0
    saved = trained.evaluation["results"]["user+basket"]["ndcg@10"]
    assert gain / 60 == pytest.approx(saved)


def test_requests_whose_last_candidate_ties_are_not_compared(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = load_recommender(Run.open(runs / "two-stage"))
    kept = fresh_requests(trained, 200, 5, seed=1)
    gaps = iter(np.where(np.arange(len(kept)) % 4 == 0, 1e-6, 1.0))
    monkeypatch.setattr(
        trained.model,
        "boundary_gap",
        lambda user, *request: torch.tensor([next(gaps) for _ in user]),
    )
    fewer = fresh_requests(trained, 200, 5, seed=1)
    clear = np.arange(len(kept)) % 4 != 0
    np.testing.assert_array_equal(fewer.user, kept.user[clear])
    np.testing.assert_array_equal(fewer.item, kept.item[clear])
    for n, before in enumerate(np.flatnonzero(clear)):
        np.testing.assert_array_equal(fewer.allowed(n, 25), kept.allowed(int(before), 25))


def test_the_generator_of_a_bundle_can_be_kept(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path / "first", version=4)
    said: list[str] = []
    export(runs, tmp_path / "next", generator=tmp_path / "first", version=5, say=said.append)
    first, second = (open_bundle(tmp_path / name) for name in ("first", "next"))
    assert "generator: kept from tiny version 4" in said
    card = (tmp_path / "next" / "README.md").read_text()
    assert "# the generator is that of tiny version 4, made by:\nendcap train generator" in card
    kept, original = (bundle.manifest.raw["generator"] for bundle in (second, first))
    assert kept["metrics"] == original["metrics"]
    for key in ("golden", "layers"):
        assert second.read_bytes(kept[key]) == first.read_bytes(original[key])
    graphs = [
        onnx.load_model_from_string(bundle.read_bytes("generator/fp32.onnx"))
        for bundle in (first, second)
    ]
    versions = [{p.key: p.value for p in graph.metadata_props}["version"] for graph in graphs]
    assert versions == ["4", "5"]
    assert graphs[0].graph == graphs[1].graph
    report = check_bundle(second, "cpu")
    assert report.passed
    assert {check.model for check in report.checks} == {"recommender", "generator"}
    report = check_bundle(second, "cpu", model="generator")
    assert {check.model for check in report.checks} == {"generator"}


def test_z_of_a_run_can_be_scaled_and_the_bundle_says_so(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path / "tame", recommender=None, latent_scale=0.5)
    generator = load_generator(Run.open(runs / "pictures", "generator"))[0]
    z, category = torch.from_numpy(draw_latents(3, 6, generator.z_dim)), torch.arange(6) % 2
    with torch.no_grad():
        expected = generator.to_uint8(generator(z * 0.5, category)).numpy()
        unscaled = generator.to_uint8(generator(z, category)).numpy()
    bundle = open_bundle(tmp_path / "tame")
    session = open_session(bundle.read_bytes("generator/fp32.onnx"), "cpu")
    fed = {"z": z.numpy(), "category": category.numpy()[:, None]}
    (drawn,) = session.run(fed, ["image"])
    assert np.abs(drawn.astype(int) - expected).max() <= 1  # a value on the edge of two levels
    assert np.abs(drawn.astype(int) - unscaled).max() > 1
    metrics = bundle.manifest.raw["generator"]["metrics"]
    assert metrics["latent_scale"] == 0.5
    assert metrics["protocol"].endswith("taken before z was scaled")
    assert "latent scale: 0.5" in (tmp_path / "tame" / "README.md").read_text("utf-8")
    assert check_bundle(bundle, "cpu").passed


@pytest.mark.parametrize("scale", [0.0, 2.1, float("nan")])
def test_a_scale_of_z_out_of_range_is_named(runs: Path, tmp_path: Path, scale: float) -> None:
    with pytest.raises(UnusableInput, match=f"--latent-scale is {scale:g}; it must be from 0.1"):
        export(runs, tmp_path / "b", latent_scale=scale)


def test_only_z_of_a_run_can_be_scaled(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="--generator is left out; name the run"):
        export(runs, tmp_path / "b", generator=None, latent_scale=0.5)
    export(runs, tmp_path / "first", recommender=None)
    with pytest.raises(UnusableInput, match=r"--generator is the bundle .*first'; name the run"):
        export(runs, tmp_path / "b", generator=tmp_path / "first", latent_scale=0.5)
    assert not (tmp_path / "b").exists()


def test_the_recommender_of_a_bundle_can_be_kept(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path / "first", version=4)
    said: list[str] = []
    export(runs, tmp_path / "next", recommender=tmp_path / "first", version=5, say=said.append)
    first, second = (open_bundle(tmp_path / name) for name in ("first", "next"))
    assert "recommender: kept from tiny version 4" in said
    card = (tmp_path / "next" / "README.md").read_text()
    assert "# the recommender is that of tiny version 4, made by:\nendcap train rec" in card
    kept, original = (bundle.manifest.raw["recommender"] for bundle in (second, first))
    assert kept["metrics"] == original["metrics"]
    for name in (original["golden"], original["layers"], "catalogue.npz", "users.npz"):
        assert second.read_bytes(name) == first.read_bytes(name)
    assert check_bundle(second, "cpu").passed
    # Known shoppers are still known: their ids are hashed with the first bundle's salt.
    before, after = load(tmp_path / "first"), load(tmp_path / "next")
    shopper = (runs / "log.csv").read_text().splitlines()[1].split(",")[0]
    answers = [store.recommend(user=shopper, k=3) for store in (before, after)]
    assert answers[1].tier == answers[0].tier == "user"
    assert answers[1].items == answers[0].items


@pytest.mark.parametrize("model", ["recommender", "generator"])
def test_a_model_that_has_left_its_golden_vectors_is_not_kept(
    runs: Path, tmp_path: Path, model: str
) -> None:
    export(runs, tmp_path / "first")
    change = swapped_inputs("Concat_latent" if model == "generator" else "Div_share")
    Damage(tmp_path / "first").graph(f"{model}/fp32.onnx", change)
    with pytest.raises(CheckFailed, match=rf"the {model} of .*first' is out of .*diverging node"):
        export(runs, tmp_path / "next", **{model: tmp_path / "first"})
    assert not (tmp_path / "next").exists()
    other = "recommender" if model == "generator" else "generator"
    export(runs, tmp_path / "other", **{other: tmp_path / "first", model: None})
    assert check_bundle(open_bundle(tmp_path / "other"), "cpu").passed


def test_a_bundle_without_recommender_has_none_to_keep(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path / "pictures", recommender=None)
    with pytest.raises(UnusableInput, match="pictures' holds no recommender; give a run"):
        export(runs, tmp_path / "next", recommender=tmp_path / "pictures")
    assert not (tmp_path / "next").exists()


def test_a_bundle_without_generator_has_none_to_keep(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path / "items", generator=None)
    with pytest.raises(UnusableInput, match="items' holds no generator; give a run"):
        export(runs, tmp_path / "next", generator=tmp_path / "items")
    assert not (tmp_path / "next").exists()


def damaged_int8(change: Callable[[dict[str, np.ndarray]], None]) -> Callable[..., bytes]:
    """Return a builder of the int8 graph whose constants are changed afterwards."""
    whole = generator_variants.int8_graph

    def build_graph(*arguments: Any) -> bytes:
        model = onnx.load_model_from_string(whole(*arguments))
        constants = {one.name: numpy_helper.to_array(one).copy() for one in model.graph.initializer}
        change(constants)
        for one in model.graph.initializer:
            one.CopyFrom(numpy_helper.from_array(constants[one.name], one.name))
        content: bytes = model.SerializeToString()
        return content

    return build_graph


def too_bright(constants: dict[str, np.ndarray]) -> None:
    constants["image_zero"][...] = 100


def test_a_generator_has_all_variants_in_tolerance(runs: Path, tmp_path: Path) -> None:
    said: list[str] = []
    export(runs, tmp_path / "b", recommender=None, say=said.append)
    bundle = open_bundle(tmp_path / "b")
    section = bundle.manifest.raw["generator"]
    assert list(section["variants"]) == ["fp32", "fp16", "int8"]
    assert section["refused"] == {}
    for name, least in (("fp32", 55), ("fp16", 45), ("int8", 30)):
        assert section["variants"][name]["parity"]["compared"] == build.FRESH_PICTURES
        assert section["variants"][name]["parity"]["psnr_db"] >= least
        assert section["variants"][name]["speedup"] > 0
    assert section["variants"]["fp16"]["bytes"] < 0.6 * section["variants"]["fp32"]["bytes"]
    assert section["default"]["cuda"] == "fp32"
    assert [line.split(":")[0] for line in said if "kept" in line] == [
        "generator fp16 kept", "generator int8 kept",
    ]  # fmt: skip
    report = check_bundle(bundle, "cpu", layers=True)
    assert report.passed
    assert [(check.variant, check.tolerance) for check in report.checks] == [
        ("fp32", 55.0), ("fp16", 45.0), ("int8", 30.0),
    ]  # fmt: skip
    assert [compared.variant for compared in report.layers] == ["fp32", "fp16", "int8"]
    for compared in report.layers:
        file = section["variants"][compared.variant]["file"]
        graph = onnx.load_model_from_string(bundle.read_bytes(file)).graph
        assert [node.node for node in compared.nodes] == [node.name for node in graph.node]
        assert {node.verdict for node in compared.nodes} == {"agrees"}


def test_an_int8_graph_out_of_tolerance_is_refused_and_the_rest_ships(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator_variants, "int8_graph", damaged_int8(too_bright))
    export(runs, tmp_path / "b", recommender=None)
    bundle = open_bundle(tmp_path / "b")
    section = bundle.manifest.raw["generator"]
    assert list(section["variants"]) == ["fp32", "fp16"]
    assert section["refused"].keys() == {"int8"}
    reason = section["refused"]["int8"]
    found = re.fullmatch(r"out of tolerance: psnr_db (\d+\.\d+) \(tolerance 30\)", reason)
    assert found is not None, reason
    assert float(found[1]) < 30
    assert "int8" not in section["default"].values()
    assert not (tmp_path / "b" / "generator" / "int8.onnx").exists()
    assert check_bundle(bundle, "cpu").passed
    assert f"generator int8 refused: {reason}" in run("inspect", tmp_path / "b").out
    assert f"int8: {reason}" in run("doctor", tmp_path / "b").out


@pytest.mark.parametrize("model", ["recommender", "generator"])
def test_fp32_must_hold_over_the_golden_vectors_too(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    whole = getattr(build, f"{model}_parity")
    metric = {"recommender": "ndcg_at_10_relative_loss", "generator": "psnr_db"}[model]
    compared: list[int] = []

    def parity(variant: str, graph: bytes, reference: Any, *n_rows: int) -> Parity:
        compared.append(len(reference))
        if len(compared) == 1:
            found: Parity = whole(variant, graph, reference, *n_rows)
            return found
        return Parity((judge(model, variant, metric, len(reference), 54.9e-3),))

    monkeypatch.setattr(build, f"{model}_parity", parity)
    with pytest.raises(CheckFailed, match=f"over {'316' if model == 'recommender' else '32'} req"):
        export(runs, tmp_path / "b")
    assert len(compared) == 2
    assert not (tmp_path / "b").exists()


def test_a_variant_must_hold_over_the_golden_pictures_too(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pictures together may forgive what the few that ship don't, and a device sees these."""
    whole = generator_variants.generator_parity

    def parity(variant: str, graph: bytes, reference: GeneratorGolden) -> Parity:
        if variant == "int8" and len(reference) < build.FRESH_PICTURES:
            return Parity((judge("generator", variant, "psnr_db", len(reference), 29.5),))
        return whole(variant, graph, reference)

    monkeypatch.setattr(generator_variants, "generator_parity", parity)
    export(runs, tmp_path / "b", recommender=None)
    section = open_bundle(tmp_path / "b").manifest.raw["generator"]
    assert section["refused"] == {"int8": "out of tolerance: psnr_db 29.5 (tolerance 30)"}
    assert list(section["variants"]) == ["fp32", "fp16"]


def test_kept_variants_stay_with_a_kept_generator(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path / "first", recommender=None, version=4)
    export(runs, tmp_path / "next", generator=tmp_path / "first", version=5)
    first, second = (open_bundle(tmp_path / name) for name in ("first", "next"))
    kept, original = (one.manifest.raw["generator"]["variants"] for one in (second, first))
    assert list(kept) == list(original) == ["fp32", "fp16", "int8"]
    for variant in kept:
        model = onnx.load_model_from_string(second.read_bytes(kept[variant]["file"]))
        stated = {entry.key: entry.value for entry in model.metadata_props}
        assert (stated["version"], stated["variant"]) == ("5", variant)
    layers = kept["int8"]["layers"]
    assert second.read_bytes(layers) == first.read_bytes(layers)
    assert check_bundle(second, "cpu", layers=True).passed
