"""What generated pictures are worth, in words, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.cli_options import table

if TYPE_CHECKING:
    from trainer.generator.contest import GeneratorQuality
    from trainer.generator.quality import Figures

REAL = "real training pictures"


def quality_text(quality: GeneratorQuality) -> str:
    """Return the figures of every engine under those of real pictures, and what was compared."""
    facts, beside = quality.facts, quality.beside
    lines = [
        f"{facts['samples']:,} pictures each against {facts['held_out_pictures']:,} held-out ones "
        f"({facts['held_out']}); neighbourhoods of {facts['neighbourhoods']:,} and "
        f"{facts['neighbourhoods']:,}, k = {facts['k']}",
        f"features: {facts['features']}",
    ]
    if facts["identical_left_out"]:
        lines.append(
            f"{facts['identical_left_out']:,} held-out pictures were in training: left out"
        )
    heads = ["", "Fréchet", "/ floor", "/ beside", "kernel", "precision", "recall", "density"]
    heads += ["coverage", "nearest", "asked category", "trained on it"]
    rows = [_row(REAL, quality.floor, {"frechet_over_floor": 1.0, "frechet_over_beside": None})]
    rows += [_row(name, one, quality.ratios(name)) for name, one in quality.engines.items()]
    if beside is None:
        del heads[3]
        rows = [row[:3] + row[4:] for row in rows]
    lines += [table(heads, rows, right=tuple(range(1, len(heads)))), ""]
    if beside is not None:
        lines.append(f"beside: {beside}")
    lines += [
        "nearest: distance to the nearest training picture, held-out pictures being 1; far below, "
        "pictures are copies",
        "asked category: share that the classifier of real pictures recognises; trained on it: "
        "accuracy on held-out pictures of one trained on these",
    ]
    return "\n".join(lines)


def _row(name: str, figures: Figures, ratios: dict[str, float | None]) -> list[str]:
    return [
        name,
        f"{figures.frechet:.3f}",
        _shown(ratios["frechet_over_floor"], 2),
        _shown(ratios["frechet_over_beside"], 3),
        f"{figures.kernel:.5f}",
        f"{figures.precision:.4f}",
        f"{figures.recall:.4f}",
        f"{figures.density:.4f}",
        f"{figures.coverage:.4f}",
        _shown(figures.nearest_training, 3),
        f"{figures.asked_category:.4f}",
        f"{figures.trained_on:.4f}",
    ]


def _shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
