"""Training: provable structure is found, and an interruption leaves no trace."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from runtime.errors import UnusableInput
from tests.trainer.shop import config, shop, write_log
from trainer.checkpoint import load_checkpoint
from trainer.config import DataConfig
from trainer.dataset import load_dataset
from trainer.interrupt import StopRequest, TrainingStopped
from trainer.recommender import loop as training_loop
from trainer.recommender import row_adam
from trainer.recommender import train as training
from trainer.recommender.losses import MlpStage
from trainer.recommender.mlp import Mlp
from trainer.recommender.requests import ShopperRequests
from trainer.recommender.retrieval import RetrievalStage
from trainer.recommender.row_adam import LAZY_ROWS
from trainer.recommender.sampling import NegativeSampler, PopularitySampler, TrainingRows
from trainer.recommender.saved import build_model, keep_data, load_recommender
from trainer.recommender.train import train_recommender
from trainer.recommender.two_stage import TwoStage
from trainer.run import Run
from trainer.split import split_interactions

ARCHS = ("two-stage", "mlp")


class StopAfter(StopRequest):
    """Asks for a stop at a given step, as Ctrl-C would."""

    steps = 0

    @property
    def requested(self) -> bool:
        type(self).steps -= 1
        return type(self).steps <= 0

    @requested.setter
    def requested(self, value: bool) -> None:
        pass


def weights(run: Run) -> dict[str, torch.Tensor]:
    state = load_checkpoint(run.checkpoint)
    assert state["finished"]
    return dict(state["model"])


@pytest.mark.parametrize(
    ("arch", "lazy_from"), [("two-stage", LAZY_ROWS), ("mlp", LAZY_ROWS), ("mlp", 0)]
)
@pytest.mark.parametrize("stop_at", [1, 9, 30])
def test_a_stopped_run_resumes_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arch: str, lazy_from: int, stop_at: int
) -> None:
    monkeypatch.setattr(row_adam, "LAZY_ROWS", lazy_from)
    dataset, settings = shop(tmp_path), config(f"arch={arch}", "training.epochs=3")
    whole = train_recommender(dataset, settings, tmp_path / "whole")
    StopAfter.steps = stop_at
    with monkeypatch.context() as patch:
        patch.setattr(training, "StopRequest", StopAfter)
        with pytest.raises(TrainingStopped, match="--resume"):
            train_recommender(dataset, settings, tmp_path / "parts")
    torch.manual_seed(999)  # whatever the process did in between
    parts = train_recommender(dataset, settings, tmp_path / "parts", resume=True)
    expected, found = weights(whole), weights(parts)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert torch.equal(value, found[name]), name
    assert whole.metrics() == parts.metrics()
    assert whole.read_json("evaluation.json") == parts.read_json("evaluation.json")


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    dataset = shop(tmp_path)
    run = train_recommender(dataset, config(), tmp_path / "run")
    before = weights(run)
    again = train_recommender(dataset, config(), tmp_path / "run", resume=True)
    assert all(torch.equal(value, weights(again)[name]) for name, value in before.items())


def test_resuming_refuses_another_config_or_log(tmp_path: Path) -> None:
    dataset = shop(tmp_path)
    train_recommender(dataset, config(), tmp_path / "run")
    with pytest.raises(UnusableInput, match=r"two_stage\.dim.*16.*32"):
        train_recommender(dataset, config("two_stage.dim=32"), tmp_path / "run", resume=True)
    other = load_dataset(write_log(tmp_path / "other.csv", seed=5), DataConfig())
    with pytest.raises(UnusableInput, match="log or catalogue differs"):
        train_recommender(other, config(), tmp_path / "run", resume=True)
    with pytest.raises(UnusableInput, match="not a run folder"):
        train_recommender(dataset, config(), tmp_path / "none", resume=True)
    with pytest.raises(UnusableInput, match=r"exists.*--resume"):
        train_recommender(dataset, config(), tmp_path / "run")


def test_a_run_folder_holds_what_export_and_people_need(tmp_path: Path) -> None:
    run = train_recommender(shop(tmp_path), config(), tmp_path / "run", facts={"command": "x"})
    assert (run.facts["kind"], run.facts["command"]) == ("recommender", "x")
    assert "training on" in run.facts["device"]
    assert run.read_json("data.json")["rows_kept"] == 540
    rows = run.metrics()
    assert [row["stage"] for row in rows[:3]] == ["retrieval"] * 3
    assert [row["epoch"] for row in rows[:3]] == [0, 1, 2]
    assert rows[2]["loss"] < rows[1]["loss"]
    trained = load_recommender(run)
    assert trained.data.items.titles[:2] == ("Title 0", "Title 1")
    assert len(trained.data.test) == 60
    evaluation = trained.evaluation
    assert evaluation["cases"] == 60
    assert set(evaluation["results"]) == {
        *("user+basket", "basket", "short basket", "user", "popular", "popularity"),
    }


@pytest.mark.parametrize(("bound", "ranked"), [(7, 7), (0, 60), (1000, 60)])
def test_test_cases_are_bounded_and_counted(tmp_path: Path, bound: int, ranked: int) -> None:
    settings = config("training.epochs=1", "two_stage.ranker_epochs=0")
    training = dataclasses.replace(settings.training, test_cases=bound)
    settings = dataclasses.replace(settings, training=training)
    trained = load_recommender(train_recommender(shop(tmp_path), settings, tmp_path / "run"))
    assert (trained.evaluation["held_out"], trained.evaluation["cases"]) == (60, ranked)
    assert len(trained.data.test) == ranked
    assert len(trained.data.history_items) == 540  # export ships every purchase all the same


@pytest.mark.parametrize(
    ("arch", "lazy_from"), [("two-stage", LAZY_ROWS), ("mlp", LAZY_ROWS), ("mlp", 0)]
)
def test_two_planted_groups_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arch: str, lazy_from: int
) -> None:
    monkeypatch.setattr(row_adam, "LAZY_ROWS", lazy_from)
    # The mlp needs five epochs to leave chance behind, which a default patience does not grant.
    patient = ("training.epochs=12", "training.patience=12")
    settings = config(f"arch={arch}", *patient, "training.learning_rate=0.01")
    run = train_recommender(shop(tmp_path, catalogue=False), settings, tmp_path / "run")
    trained = load_recommender(run)
    ids = np.array(["", *trained.data.items.item_ids])
    even = np.array([bool(name) and int(name[1:]) % 2 == 0 for name in ids])
    rows = {name: row for row, name in enumerate(ids)}
    n_rows, width = len(ids), trained.max_basket
    for group, user, held in ((even, "u0", "i4"), (~even, "u1", "i5")):
        known = trained.data.user_ids.index(user) + 1
        history = trained.data.history(known)[-width:]
        basket = torch.zeros(2, width, dtype=torch.int64)
        basket[0, -len(history) :] = torch.from_numpy(history)  # the known shopper, as served
        basket[1, -1] = rows[held]  # an anonymous basket
        allowed = torch.ones(2, n_rows, dtype=torch.bool)
        item, _ = trained.model.serve(torch.tensor([[known], [0]]), basket, allowed, 8)
        for answer in item:
            assert group[answer.numpy()].mean() >= 0.75, (arch, user, ids[answer.numpy()])


def test_the_seed_learns_the_logs_own_labels(tmp_path: Path) -> None:
    """Everybody refuses odd items and takes even ones: only the labels tell."""
    rng = np.random.default_rng(0)
    lines = ["user_id,item_id,label"]
    for user in range(60):
        lines += [f"u{user},i{i},{int(i % 2 == 0)}" for i in rng.permutation(20)[:16]]
    log = tmp_path / "log.csv"
    log.write_text("\n".join(lines))
    settings = config("arch=mlp", "training.epochs=15", "split.method=random")
    settings = dataclasses.replace(
        settings, training=dataclasses.replace(settings.training, learning_rate=0.01)
    )
    run = train_recommender(load_dataset(log, DataConfig()), settings, tmp_path / "run")
    model = load_recommender(run).model
    assert isinstance(model, Mlp)
    ids = load_recommender(run).data.items.item_ids
    taken = torch.tensor([int(name[1:]) % 2 == 0 for name in ids])
    user = torch.ones(len(ids), dtype=torch.int64)
    logit = model(user, torch.arange(1, len(ids) + 1))
    assert logit[taken].min() > logit[~taken].max()


@pytest.mark.parametrize("arch", ARCHS)
def test_baskets_without_shoppers_train_both_models(tmp_path: Path, arch: str) -> None:
    rng = np.random.default_rng(0)
    lines = [",".join(f"i{i}" for i in rng.permutation(12)[:5]) for _ in range(80)]
    log = tmp_path / "baskets.csv"
    log.write_text("\n".join(lines))
    dataset = load_dataset(log, DataConfig(format="baskets"))
    run = train_recommender(dataset, config(f"arch={arch}"), tmp_path / "run")
    assert load_recommender(run).evaluation["cases"] == 4  # a tenth of 80, half of it for test
    assert load_recommender(run).data.user_ids == ()


def test_a_log_too_small_to_test_still_trains(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user_id,item_id\nu1,a\nu1,b\nu2,a\nu2,c\n")
    run = train_recommender(load_dataset(log, DataConfig()), config(), tmp_path / "run")
    assert run.read_json("evaluation.json")["cases"] == 0
    assert run.read_json("evaluation.json")["results"] == {}


def test_early_stopping_keeps_the_best_epoch(tmp_path: Path) -> None:
    settings = config("training.epochs=40", "training.patience=2", "two_stage.ranker_epochs=0")
    run = train_recommender(shop(tmp_path), settings, tmp_path / "run")
    rows = [row for row in run.metrics() if row["stage"] == "retrieval"]
    found = [row["ndcg@10"] for row in rows]
    assert len(found) < 41
    best = int(np.argmax(found))
    assert len(found) - 1 - best == 2
    assert json.loads((run.path / "metrics.jsonl").read_text().splitlines()[best])["epoch"] == best
    assert run.read_json("evaluation.json")["chosen"]["retrieval"] == best
    again = [row["epoch"] for row in run.metrics() if row["stage"] == "retrieval, refit"]
    assert again == list(range(best + 1))


def test_a_refit_model_knows_what_validated_the_first(tmp_path: Path) -> None:
    dataset = shop(tmp_path)
    sold = {}
    for refit in ("true", "false"):
        settings = config("training.epochs=1", f"training.refit={refit}")
        run = train_recommender(dataset, settings, tmp_path / refit)
        sold[refit] = load_recommender(run).data.counts.sum()
        stages = {row["stage"] for row in run.metrics()}
        assert ("retrieval, refit" in stages) == (refit == "true")
    split = split_interactions(dataset.interactions, config().split)
    assert sold == {"true": split.before_test.sum(), "false": split.train.sum()}
    assert sold["true"] - sold["false"] == 60  # one validation purchase a shopper


def test_companions_are_everything_else_in_the_sequence(tmp_path: Path) -> None:
    rows = rows_of(tmp_path)
    torch.manual_seed(0)
    everything = rows.companions(torch.arange(len(rows.item)), 12)
    few = rows.companions(torch.arange(len(rows.item)), 3)
    for n in range(len(rows.item)):
        start, end = int(rows.start[n]), int(rows.end[n])
        others = rows.item[start:n].tolist() + rows.item[n + 1 : end].tolist()
        assert len(others) == 6
        assert everything[n].tolist() == [0] * 6 + others
        assert set(few[n].tolist()) <= set(others)
        assert (few[n] > 0).all()
    # Of a long sequence every stretch around the row comes up.
    drawn = rows.companions(torch.zeros(200, dtype=torch.int64) + 3, 3)
    assert len({tuple(one) for one in drawn.tolist()}) == 4


def rows_of(tmp_path: Path) -> TrainingRows:
    dataset = shop(tmp_path)
    split = split_interactions(dataset.interactions, config().split)
    return TrainingRows.of(dataset.interactions, split.train, torch.device("cpu"))


def test_contexts_hold_what_came_before(tmp_path: Path) -> None:
    rows = rows_of(tmp_path)
    contexts = rows.contexts(torch.arange(len(rows.item)), 3).tolist()
    for n, context in enumerate(contexts):
        start = int(rows.start[n])
        expected = rows.item[max(start, n - 3) : n].tolist()
        assert context == [0] * (3 - len(expected)) + expected


def test_negatives_were_not_taken(tmp_path: Path) -> None:
    rows = rows_of(tmp_path)
    torch.manual_seed(0)
    drawn = NegativeSampler(rows).draw(rows.sequence, 40)
    assert drawn.min() >= 1
    assert drawn.max() <= rows.n_items
    taken = set(zip(rows.sequence.tolist(), rows.item.tolist(), strict=True))
    pairs = {
        (s, i) for s, row in zip(rows.sequence.tolist(), drawn.tolist(), strict=True) for i in row
    }
    assert not pairs & taken
    # With 280 draws a shopper all of the 17 free items come up, but for one chance in a million.
    sequences = len(set(rows.sequence.tolist()))
    assert len(pairs) == sequences * rows.n_items - len(taken)


def test_every_free_item_is_as_likely_as_the_next() -> None:
    """Shopper 0 took the ends and the middle, shopper 1 all but item 4, shopper 2 everything."""
    bought = [[1, 3, 3, 6], [1, 2, 3, 5, 6], [1, 2, 3, 4, 5, 6]]
    sequence = torch.tensor([s for s, items in enumerate(bought) for _ in items])
    item = torch.tensor([i for items in bought for i in items])
    ends = [torch.searchsorted(sequence, sequence, right=right) for right in (False, True)]
    rows = TrainingRows(sequence + 1, sequence, item, *ends, torch.ones(len(item)), 6)
    torch.manual_seed(0)
    drawn = NegativeSampler(rows).draw(torch.tensor([0, 1, 2]), 30_000)
    share = torch.bincount(drawn[0], minlength=7).numpy() / 30_000
    np.testing.assert_allclose(share, [0, 0, 1 / 3, 0, 1 / 3, 1 / 3, 0], atol=0.01)
    assert drawn[1].unique().tolist() == [4]
    assert drawn[2].unique().tolist() == [6]  # none is free


def test_popular_items_are_drawn_in_proportion() -> None:
    counts = torch.tensor([0, 16, 1, 0, 81])
    sampler = PopularitySampler(counts)
    expected = np.array([0, 8, 1, 0, 27]) / 36  # counts to the power 0.75
    torch.manual_seed(0)
    share = torch.bincount(sampler.draw(100_000), minlength=5).numpy() / 100_000
    np.testing.assert_allclose(share, expected, atol=0.01)
    np.testing.assert_allclose(sampler.log_probability.exp().numpy(), expected, atol=1e-6)


def test_sampled_softmax_approaches_the_full_one(tmp_path: Path) -> None:
    """With many draws the corrected sampled loss has the full softmax's gradient direction."""
    dataset = shop(tmp_path)
    split = split_interactions(dataset.interactions, config().split)
    data = keep_data(dataset, split, split.train)
    rows = TrainingRows.of(dataset.interactions, split.train, torch.device("cpu"))
    plain = ("two_stage.dropout=0.0", "two_stage.encoder_dropout=0.0")
    plain += ("two_stage.sampled_negatives=20000",)
    gradients = []
    for full in (1000, 0):
        settings = config(*plain, f"two_stage.full_softmax_items={full}")
        torch.manual_seed(1)
        model = build_model(settings, data)
        assert isinstance(model, TwoStage)
        requests = ShopperRequests(settings.two_stage, rows, ordered=True)
        stage = RetrievalStage(model, rows, requests, mixed_precision=False)
        torch.manual_seed(2)
        loss = stage.loss(torch.arange(256))
        loss.backward()
        gradients.append(model.item.weight.grad.flatten())  # type: ignore[union-attr]
    assert torch.cosine_similarity(*gradients, dim=0) > 0.99


def test_the_seeds_loss_is_binary_cross_entropy_over_positives_and_negatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(tmp_path)
    settings = config("arch=mlp")
    model = Mlp(settings.mlp, 60, 60, rows.n_items)
    stage = MlpStage(model, rows, labelled=False)
    drawn = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
    monkeypatch.setattr(stage.negatives, "draw", lambda sequence, count: drawn)
    loss = stage.loss(torch.tensor([0, 1]))
    pairs = [(rows.sequence[n] + 1, rows.item[n], 1.0) for n in (0, 1)]
    pairs += [(rows.sequence[n] + 1, item, 0.0) for n in (0, 1) for item in drawn[n]]
    terms = []
    for user, item, label in pairs:
        p = torch.sigmoid(model(user[None], item[None]))[0].item()
        terms.append(-np.log(p if label else 1 - p))
    assert loss.item() == pytest.approx(np.mean(terms), rel=1e-5)


@pytest.mark.parametrize("arch", ARCHS)
def test_half_precision_passes_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arch: str
) -> None:
    """What mixed precision does on CUDA, done by the CPU's bfloat16: types fit, losses fall."""
    half = lambda device, mixed_precision: torch.autocast("cpu", dtype=torch.bfloat16)  # noqa: E731
    monkeypatch.setattr(training_loop, "autocast", half)
    run = train_recommender(shop(tmp_path), config(f"arch={arch}"), tmp_path / "run")
    losses = [row["loss"] for row in run.metrics() if "loss" in row]
    assert losses[1] < losses[0]
    assert all(torch.isfinite(value).all() for value in weights(run).values())


def test_a_loss_that_is_no_number_stops_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        RetrievalStage, "loss", lambda self, rows: self.model.bias.sum() * torch.nan
    )
    with pytest.raises(UnusableInput, match=r"the loss is nan; lower training\.learning_rate"):
        train_recommender(shop(tmp_path), config(), tmp_path / "run")


def test_the_largest_seed_trains(tmp_path: Path) -> None:
    settings = config(f"training.seed={2**32 - 1}", "training.epochs=1")
    assert train_recommender(shop(tmp_path), settings, tmp_path / "run").metrics()
