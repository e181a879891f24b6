"""A run's report.html: one file that shows data, training and results, and needs no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from runtime.durable import write_file
from trainer.generator.config import GeneratorConfig
from trainer.generator.diversity import collapse
from trainer.generator.train import load_generator
from trainer.recommender.config import RecommenderConfig
from trainer.recommender.saved import load_recommender
from trainer.recommender.yardsticks import POPULARITY
from trainer.report_curves import generator_curves, recommender_curves
from trainer.report_grids import EPOCHS_OF_ONE_Z, grid_epochs, one_z, real_grid, shown_grid
from trainer.report_samples import basket_samples, shopper_samples
from trainer.run import Run

METRICS = {
    "hr": ("HR", "hit rate: share of cases with an answer among the k shown"),
    "ndcg": ("NDCG", "the same, worth more the higher the answer stands"),
    "mrr": ("MRR", "mean of 1 / place of the first right answer"),
    "recall": ("Recall", "share of all right answers that is shown"),
    "precision": ("Precision", "share of the k shown that are right answers"),
    "coverage": ("Coverage", "share of the catalogue that is shown to anybody"),
    "popularity_rank": ("Popularity rank", "mean rank of what is shown by sales; 1 = best seller"),
}


@dataclass(frozen=True)
class Setting:
    """One config field: ``changed`` when it differs from the default."""

    name: str
    value: str
    doc: str
    changed: bool
    default: str


@dataclass(frozen=True)
class MetricRow:
    """One metric of every tier of the model, and of its yardsticks.

    Attributes:
        name: such as "NDCG@10".
        meaning: one clause for a reader who does not know it.
        figures: tier or yardstick -> value; the first is told most, so it is the headline.
    """

    name: str
    meaning: str
    figures: dict[str, float]

    @property
    def model(self) -> float:
        """Return the headline figure."""
        return next(iter(self.figures.values()))

    @property
    def ratio(self) -> float | None:
        """Headline over popularity; None when popularity scores zero."""
        popularity = self.figures[POPULARITY]
        return self.model / popularity if popularity else None


def write_recommender_report(run: Run) -> Path:
    """Write report.html of a finished recommender run: data, curves, test figures, samples.

    Returns:
        The report's path, in the run folder.

    Raises:
        UnusableInput: the run is not finished or incomplete, or the disk is full.
    """
    trained = load_recommender(run)
    unused = "mlp" if trained.config.arch == "two-stage" else "two_stage"
    return _write(
        run,
        "report_recommender.html.j2",
        config=trained.config,
        settings=_settings(trained.config, leave_out=(unused, "card")),
        device=trained.config.training.device,
        data=run.read_json("data.json"),
        rows=run.metrics(),
        curves=recommender_curves(run.metrics()),
        evaluation=trained.evaluation,
        metrics=metric_rows(trained.evaluation),
        shoppers=shopper_samples(trained),
        baskets=basket_samples(trained),
        n_items=len(trained.data.items.item_ids),
        n_weights=sum(weight.numel() for weight in trained.model.parameters()),
    )


def write_generator_report(run: Run) -> Path:
    """Write report.html of a generator run: data, curves, held-out figures, picture grids.

    The grids show drawn pictures beside real ones, a few epochs, and one z over the epochs.

    Returns:
        The report's path, in the run folder.

    Raises:
        UnusableInput: the run has not finished its first epoch or is incomplete, or the disk is
            full.
    """
    generator, config, categories, metrics = load_generator(run)
    samples, size = run.path / "samples", config.images.image_size
    epochs = grid_epochs(samples, metrics["epoch"])
    z_epochs = grid_epochs(samples, metrics["epoch"], EPOCHS_OF_ONE_Z)
    return _write(
        run,
        "report_generator.html.j2",
        config=config,
        settings=_settings(config, leave_out=("card",)),
        device=config.dcgan.device,
        data=run.read_json("data.json"),
        rows=run.metrics(),
        collapsed=collapse(run.metrics(), config.dcgan, metrics["epoch"]),
        diversity=run.metrics()[metrics["epoch"] - 1]["diversity"],
        curves=generator_curves(run.metrics(), config.dcgan.loss),
        metrics=metrics,
        categories=categories,
        strip=[shown_grid(samples, epoch, size, strip=True) for epoch in epochs],
        best=shown_grid(samples, metrics["epoch"], size, strip=False),
        real=real_grid(samples, size),
        one_z=one_z(samples, z_epochs, size),
        z_epochs=z_epochs,
        n_weights=sum(weight.numel() for weight in generator.parameters()),
    )


def metric_rows(evaluation: Mapping[str, Any]) -> list[MetricRow]:
    """Lay the test figures out by metric; empty when there was no case to test.

    Args:
        evaluation: what :func:`trainer.recommender.evaluate.evaluate_beside_popularity` returned.
    """
    if evaluation["cases"] == 0:
        return []
    results = evaluation["results"]
    rows = []
    for key in next(iter(results.values())):
        metric, _, k = key.partition("@")
        if metric in METRICS:
            name, meaning = METRICS[metric]
            figures = {who: found[key] for who, found in results.items()}
            rows.append(MetricRow(f"{name}@{k}", meaning, figures))
    return rows


def _settings(
    config: RecommenderConfig | GeneratorConfig, leave_out: tuple[str, ...]
) -> dict[str, list[Setting]]:
    """Collect the config's fields by TOML table; a field at the top has the table ''."""
    tables: dict[str, list[Setting]] = {}
    for field in dataclasses.fields(config):
        value, standard = getattr(config, field.name), getattr(type(config)(), field.name)
        if field.name in leave_out:
            continue
        if dataclasses.is_dataclass(value):
            tables[field.name] = [
                _setting(one, getattr(value, one.name), getattr(standard, one.name))
                for one in dataclasses.fields(value)
            ]
        else:
            tables.setdefault("", []).append(_setting(field, value, standard))
    return tables


def _setting(field: dataclasses.Field[Any], value: Any, standard: Any) -> Setting:
    return Setting(
        field.name, _text(value), field.metadata["doc"], value != standard, _text(standard)
    )


def _text(value: Any) -> str:
    """Spell a config value much as TOML does, without its quotes."""
    if isinstance(value, tuple):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None or value == "" else str(value)


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _write(run: Run, template: str, **content: Any) -> Path:
    """Fill a template, everything escaped, and put the page in place whole or not at all."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("trainer", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["count"] = _count
    page = environment.get_template(template).render(
        name=run.path.resolve().name,
        facts=run.facts,
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        **content,
    )
    path = run.path / "report.html"
    write_file(path, page.encode("utf-8", "surrogatepass"))
    return path
